"""The plugins that ship: their sources are right, packing them gives exactly what ships, and the registry offers it."""
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgeos.plugins.cli import main
from edgeos.plugins.lock import sha256
from edgeos.plugins.manifest import read_manifest
from edgeos.plugins.pack import pack
from edgeos.plugins.package import differs, open_package
from edgeos.plugins.registry import BUNDLED
from edgeos.plugins.registry_entries import read_registry
from edgeos.processes import PROJECT

SOURCES = PROJECT / 'plugins'
ASSETS = PROJECT / 'assets'
IDS = ('alarms', 'home-assistant', 'modbus-tcp')
HOW = 'make them anew: python -m edgeos.plugins pack plugins/<id> --out assets/plugins, then registry (docs/plugins.md)'


def package_of(plugin_id: str) -> Path:
    manifest = read_manifest((SOURCES / plugin_id / 'plugin.json').read_bytes())
    return ASSETS / 'plugins' / f'{manifest.id}-{manifest.version}.zip'


@pytest.mark.parametrize('plugin_id', IDS)
def test_packing_the_sources_gives_the_bytes_that_ship(plugin_id: str, tmp_path: Path) -> None:
    assert main(['check', str(SOURCES / plugin_id)]) == 0
    assert main(['check', str(package_of(plugin_id))]) == 0
    assert pack(SOURCES / plugin_id, tmp_path).read_bytes() == package_of(plugin_id).read_bytes(), HOW


def test_the_registry_offers_exactly_these(tmp_path: Path) -> None:
    registry = Path(BUNDLED.location)
    found = read_registry(registry.read_bytes(), BUNDLED.location)
    assert found.problems == []
    assert sorted(release.id for release in found.releases) == sorted(IDS)
    for release in found.releases:
        package = package_of(release.id)
        assert (release.sha256, release.size) == (sha256(package), package.stat().st_size), HOW
        assert differs(open_package(package, tmp_path / release.id), release) is None
    assert sorted(path.name for path in (ASSETS / 'plugins').iterdir()) == sorted(package_of(name).name for name in IDS)


@pytest.mark.parametrize('plugin_id', IDS)
def test_every_field_of_the_form_explains_itself(plugin_id: str) -> None:
    import json

    schema = json.loads((SOURCES / plugin_id / 'config.schema.json').read_text(encoding='utf-8'))
    fields = list(_fields(schema))
    assert len(fields) > 5
    assert [name for name, field in fields if not field.get('title')] == []


def _fields(schema: dict, at: str = ''):
    branches = [schema, schema.get('then', {}), schema.get('else', {})]
    for name, field in (pair for branch in branches for pair in branch.get('properties', {}).items()):
        yield f'{at}{name}', field
        yield from _fields(field.get('items', field), f'{at}{name}.')


@pytest.mark.parametrize('plugin_id', IDS)
def test_a_plugin_loads_with_nothing_but_its_wheels_and_the_sdk(plugin_id: str, tmp_path: Path) -> None:
    manifest = open_package(package_of(plugin_id), tmp_path / 'package')
    wheels = [str(path) for path in (tmp_path / 'package/wheels').iterdir()]
    code = (f'import sys; sys.path += {[str(PROJECT / "edgeos/plugins/sdk"), *wheels]!r}\n'
            f'from edgeos_plugin.process import loaded; print(loaded({manifest.entry.module!r}).__name__)')  # fmt: skip
    run = subprocess.run([sys.executable, '-I', '-S', '-c', code], capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.stderr) == (manifest.entry.module.partition(':')[2], '')


@pytest.mark.parametrize('plugin_id', IDS)
def test_the_german_readme_names_the_fields_as_the_german_form_does(plugin_id: str) -> None:
    german = (SOURCES / plugin_id / 'README.md').read_text('utf-8').partition('# Deutsch')[2]
    words: dict[str, str] = json.loads((SOURCES / plugin_id / 'config.schema.json').read_bytes())['translations']['de']
    texts = {text.casefold() for text in words.values()}
    labels = {label.removesuffix(' (s)').casefold() for label in words} - texts
    quoted = re.findall('„(.+?)“', german)
    assert len(quoted) >= 3
    assert [name for name in quoted if name.casefold() in labels] == []
