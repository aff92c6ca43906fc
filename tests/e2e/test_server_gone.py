"""The server goes while somebody looks, and comes back."""
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.support import SIZES, chromium
from tests.e2e.test_journey import start_app
from tests.helpers import free_port

LOST = 'The connection to the server is lost.'
NOTE = re.compile('Nothing was done')


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / 'settings.toml'
    path.write_text('[[connections]]\nid = "home"\ntype = "mqtt"\nname = "Home"\n[connections.config]\n'
                    f'host = "127.0.0.1"\nport = {free_port()}\n')
    return path


def lamp_color(page: Page) -> str:
    return str(page.locator('.eo-lamp').first.evaluate('lamp => getComputedStyle(lamp).color'))


def test_nothing_looks_alive_and_every_press_is_answered_until_it_is_back(browser: Browser, settings: Path) -> None:
    port = free_port()
    process = start_app(settings, port)
    try:
        page = browser.new_page(viewport=SIZES['panel'], locale='en')
        page.goto(f'http://127.0.0.1:{port}/')
        expect(page.get_by_text('Next try in')).to_be_visible()
        alive = lamp_color(page)
        page.get_by_role('button', name='Edit').click()
        expect(page.get_by_role('dialog').get_by_label('Host')).to_be_visible()
        process.kill()  # when told to stop it would still say that everything is off
        process.wait(10)
        expect(page.get_by_role('status').filter(has_text=LOST)).to_be_visible(timeout=10_000)
        expect(page.locator('.ov-next').first).to_have_text('Next try in …')
        assert lamp_color(page) != alive
        page.get_by_role('dialog').get_by_role('button', name='Cancel').click()
        expect(page.get_by_text(NOTE)).to_be_visible(timeout=500)
        expect(page.get_by_text(NOTE)).to_have_count(0, timeout=10_000)
        page.get_by_role('dialog').get_by_role('textbox').first.press('Enter')
        expect(page.get_by_text(NOTE)).to_be_visible(timeout=500)
        expect(page.get_by_role('dialog')).to_be_visible()
        process = start_app(settings, port)
        expect(page.get_by_text(LOST)).to_have_count(0, timeout=20_000)
        expect(page.get_by_text('Next try in')).to_be_visible(timeout=10_000)
        expect(page.locator('.ov-next').first).not_to_contain_text('…')
        page.close()
    finally:
        process.kill()
        process.wait()
