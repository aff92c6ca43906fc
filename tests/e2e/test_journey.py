"""What an owner does in a day: watch values, break the broker, write, restart the app, look from two windows."""
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.broker import Broker
from tests.e2e.support import ROOT, SIZES, chromium, running, visitor
from tests.helpers import free_port
from tests.publisher import Publisher


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running_broker = Broker(tmp_path).start()
    yield running_broker
    running_broker.stop()


@pytest.fixture
def settings(tmp_path: Path, broker: Broker) -> Path:
    path = tmp_path / 'settings.toml'
    path.write_text(f'[[connections]]\nid = "home"\ntype = "mqtt"\nname = "Home"\n[connections.config]\n'
                    f'host = "127.0.0.1"\nport = {broker.port}\n')
    return path


def lamp(page: Page, word: str):
    return expect(page.locator('.eo-lamp').filter(has_text=word).first)


@pytest.mark.parametrize('size', SIZES)
def test_a_broker_that_dies_and_returns_is_seen_to(browser: Browser, broker: Broker, settings: Path, size: str) -> None:
    with running('--settings', str(settings)) as url, visitor(browser, size=size) as page:
        page.goto(url)
        lamp(page, 'Connected').to_be_visible()
        broker.kill()
        expect(page.get_by_text(re.compile('refused the connection'))).to_be_visible()
        expect(page.get_by_role('button', name='Retry now').first).to_be_visible()
        broker.start()
        lamp(page, 'Connected').to_be_visible()
        expect(page.get_by_text(re.compile('refused the connection'))).to_have_count(0)


def test_a_value_moves_and_is_written_from_its_row(browser: Browser, broker: Broker, settings: Path) -> None:
    with running('--settings', str(settings)) as url, visitor(browser, size='desktop') as page:
        page.goto(f'{url}/connections/home')
        page.get_by_role('tab', name='Values').click()
        with Publisher(broker.port) as publisher:
            publisher.send('kitchen/temperature', '20.5', retain=True)
            expect(page.get_by_text('20.5').first).to_be_visible()
            publisher.send('kitchen/temperature', '21.5', retain=True)
            expect(page.get_by_text('21.5').first).to_be_visible()


def test_two_windows_see_the_same_and_one_stop_is_seen_in_both(browser: Browser, broker: Broker, settings: Path) -> None:
    with (running('--settings', str(settings)) as url, visitor(browser) as one,
          visitor(browser, size='phone', dark=True, language='de') as two):  # fmt: skip
        for page, word in ((one, 'Connected'), (two, 'Verbunden')):
            page.goto(url)
            lamp(page, word).to_be_visible()
        one.get_by_role('button', name='Disconnect').first.click()
        lamp(one, 'Off').to_be_visible()
        lamp(two, 'Aus').to_be_visible()
        assert 'enabled = false' in settings.read_text()
        one.get_by_role('button', name='Undo').click()
        lamp(two, 'Verbunden').to_be_visible()


def start_app(settings: Path, port: int) -> 'subprocess.Popen[str]':
    process = subprocess.Popen([sys.executable, 'main.py', '--port', str(port), '--settings', str(settings)], cwd=ROOT,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
    assert process.stdout is not None
    assert 'ready' in process.stdout.readline()
    return process


def test_a_page_says_that_the_server_is_gone_and_resumes_by_itself(browser: Browser, settings: Path) -> None:
    port = free_port()
    process = start_app(settings, port)
    try:
        context = browser.new_context(viewport=SIZES['panel'], locale='en')
        page = context.new_page()
        page.goto(f'http://127.0.0.1:{port}/connections/home')
        lamp(page, 'Connected').to_be_visible(timeout=10_000)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        expect(page.get_by_text('The connection to the server is lost.')).to_be_visible(timeout=10_000)
        process = start_app(settings, port)
        expect(page.get_by_text('The connection to the server is lost.')).to_have_count(0, timeout=20_000)
        lamp(page, 'Connected').to_be_visible(timeout=10_000)
        assert page.url.endswith('/connections/home')
        context.close()
    finally:
        process.kill()
        process.wait()
