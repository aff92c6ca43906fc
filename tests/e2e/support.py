"""What browser tests share: the program as a child process, and pages that must not complain."""
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

expect.set_options(timeout=15_000)  # a busy machine; where it matters how long, a test says so
ROOT = Path(__file__).parents[2]
CHROMIUM = '/usr/bin/chromium'
SIZES = {'panel': ViewportSize(width=1024, height=600), 'phone': ViewportSize(width=390, height=844),
         'desktop': ViewportSize(width=1440, height=900)}  # fmt: skip


@contextmanager
def running(*arguments: str, first: str = '') -> Iterator[str]:
    """The URL of `python main.py` with these arguments on a free port; it must stop cleanly at the end.

    `first` is Python that its process runs before, to shorten a wait.
    """
    program = ['-c', f'{first}\nimport main, sys; sys.exit(main.main())'] if first else ['main.py']
    process = subprocess.Popen([sys.executable, *program, '--port', '0', *arguments], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    try:
        ready = re.search(r'http://\S+', process.stdout.readline())
        assert ready, process.stderr.read()
        yield ready.group()
    finally:
        process.send_signal(signal.SIGTERM)
        _out, errors = process.communicate(timeout=10)
    assert process.returncode == 0, errors
    assert 'Traceback' not in errors, errors


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without its sandbox, so that it also runs as root."""
    if not Path(CHROMIUM).exists():
        why = 'install chromium (apt install chromium) for the browser tests'
        if os.environ.get('EDGEOS_TEST_ALL') == '1':
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visitor(browser: Browser, *, size: str = 'panel', dark: bool = False, language: str = 'en') -> Iterator[Page]:
    """A browser of its own, with its own cookies; nothing on its console may be an error."""
    context = browser.new_context(viewport=SIZES[size], color_scheme='dark' if dark else 'light', locale=language)
    context.set_default_timeout(15_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on('console', lambda message: complaints.append(message.text) if message.type == 'error' else None)
    page.on('pageerror', lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert complaints == []
