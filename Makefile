# The things one does here. The first ones make .venv if it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo run window test test-pages test-connections test-others test-screens test-panel test-plugins check bench
.PHONY: service service-update service-back service-remove

demo: $(VENV)/.demo
	$(BIN)/python main.py --demo

run: $(VENV)/.run
	$(BIN)/python main.py

window: $(VENV)/.run $(VENV)/.native
	$(BIN)/python main.py --native

# Tests wait more than they work, so groups run side by side, the longest first; each is printed when it has ended.
# Side by side everything takes longer: bounds of time are three times as long.
SCREENS := tests/kiosk tests/window tests/service
PANEL := $(wildcard tests/e2e/test_panel*.py tests/e2e/test_web_app.py)
GROUPS := pages connections others screens panel plugins

test: $(VENV)/.dev
	EDGEOS_TEST_PATIENCE=3 $(MAKE) --keep-going --jobs=3 --output-sync=target $(GROUPS:%=test-%)

test-pages:
	$(BIN)/python -m pytest tests/ui tests/e2e $(PANEL:%=--ignore=%)

test-connections:
	$(BIN)/python -m pytest tests/connections

test-others:
	$(BIN)/python -m pytest tests $(foreach each,connections ui e2e plugins bench,--ignore=tests/$(each)) $(SCREENS:%=--ignore=%)

test-screens:
	$(BIN)/python -m pytest $(SCREENS)

test-panel:
	$(BIN)/python -m pytest $(PANEL)

test-plugins:
	$(BIN)/python -m pytest tests/plugins plugins

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench

# Start at boot (docs/service.md). KIOSK=1 shows the pages on this screen, ROOT=DIR is for an image, PURGE=1 also
# removes settings and data.
service:
	$(PYTHON) -B -m edgeos.service install $(if $(KIOSK),--kiosk=$(KIOSK)) $(if $(ROOT),--root=$(ROOT))

service-update:
	$(PYTHON) -B -m edgeos.service update $(if $(ROOT),--root=$(ROOT))

service-back:
	$(PYTHON) -B -m edgeos.service back $(if $(ROOT),--root=$(ROOT))

service-remove:
	$(PYTHON) -B -m edgeos.service remove $(if $(PURGE),--purge) $(if $(ROOT),--root=$(ROOT))

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.demo: requirements.txt requirements-demo.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-demo.txt
	touch $@

$(VENV)/.native: requirements-native.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-native.txt
	touch $@

$(VENV)/.dev: requirements.txt requirements-demo.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
