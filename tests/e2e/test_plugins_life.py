"""The life of a plugin in a real browser with the real program: nothing here is only told of."""
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from edgeos.plugins.registry_write import add_packages
from tests.e2e.support import chromium, running, visitor
from tests.e2e.test_plugins_page import card, choose
from tests.helpers import eventually_sync
from tests.web.test_plugins_api import package


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    settings = tmp_path / 'settings.toml'
    settings.write_text('')
    with running('--settings', str(settings)) as url:
        yield url


def publish(folder: Path, *packages: Path) -> Path:
    """The registry with just these."""
    listing = folder / 'registry.json'
    listing.unlink(missing_ok=True)
    add_packages(listing, packages, '', '2026-11-26')
    return listing


def lamp(page: Page, word: str) -> None:
    expect(card(page, 'Demo').get_by_text(word, exact=True)).to_be_visible(timeout=15_000)


def finish(sheet: Locator, said: str) -> None:
    expect(sheet.get_by_text(said)).to_be_visible(timeout=15_000)
    sheet.get_by_role('button', name='Close').last.click()


def pid(url: str) -> int | None:
    found = httpx.get(f'{url}/api/plugins/demo').json()['pid']
    return found if isinstance(found, int) else None


def test_install_configure_watch_and_break_a_plugin(browser: Browser, url: str, tmp_path: Path) -> None:
    path = package(tmp_path)
    with visitor(browser) as page:
        page.goto(f'{url}/plugins')
        with page.expect_file_chooser() as chosen:
            page.get_by_role('button', name='Install from file').click()
        chosen.value.set_files(path)
        sheet = page.get_by_role('dialog')
        expect(sheet.get_by_text('May read all values of all devices')).to_be_visible()
        sheet.get_by_role('button', name='Install', exact=True).click()
        sheet.get_by_role('button', name='Start now').click(timeout=15_000)
        lamp(page, 'Running')

        card(page, 'Demo').get_by_role('link', name='Settings').click()
        form = page.locator('form')
        word = form.get_by_label('word')
        word.fill('much too long')
        form.get_by_role('button', name='Save').click()
        expect(form.get_by_role('alert').first).to_be_visible()
        word.fill('hi there')
        form.get_by_label('token').fill('s3cret')
        form.get_by_role('button', name='Save').click()
        eventually_sync(lambda: httpx.get(f'{url}/api/points/demo%2Fword').json().get('value') == 'hi there')
        page.get_by_role('tab', name='Values').click()
        expect(page.get_by_text('hi there').first).to_be_visible()

        page.get_by_role('tab', name='Log').click()
        expect(page.get_by_text('the token has 0 characters').first).to_be_visible()
        os.kill(pid(url) or 0, signal.SIGSEGV)
        expect(page.get_by_text(re.compile('ended by the signal SIGSEGV')).first).to_be_visible(timeout=10_000)
        expect(page.get_by_text('the token has 6 characters').first).to_be_visible(timeout=10_000)
        expect(page.get_by_text('Running').first).to_be_visible(timeout=10_000)


def test_update_fall_back_go_back_and_remove_a_plugin(browser: Browser, url: str, tmp_path: Path) -> None:
    first, second = package(tmp_path), package(tmp_path, '1.1.0', ('points.read:**', 'points.write:**'))
    broken = package(tmp_path, '2.0.0', ('points.read:**',), 'class Demo:\n    pass\nimport nothing_of_the_kind\n')
    listing = publish(tmp_path, first)
    httpx.post(f'{url}/api/plugins/sources', json={'url': str(listing)}).raise_for_status()
    with visitor(browser) as page:
        page.goto(f'{url}/plugins')
        page.get_by_role('button', name='Install Demo').click()
        sheet = page.get_by_role('dialog')
        sheet.get_by_role('button', name='Install', exact=True).click()
        sheet.get_by_role('button', name='Start now').click(timeout=15_000)
        lamp(page, 'Running')

        publish(tmp_path, first, second)
        httpx.post(f'{url}/api/plugins/refresh').raise_for_status()
        card(page, 'Demo').get_by_role('button', name='1.0.0 → 1.1.0').click()
        expect(sheet.get_by_text('May write all values of all devices')).to_be_visible()
        sheet.get_by_role('button', name='Update', exact=True).click()
        finish(sheet, 'Demo is now 1.1.0.')
        lamp(page, 'Running')

        publish(tmp_path, first, second, broken)
        httpx.post(f'{url}/api/plugins/refresh').raise_for_status()
        card(page, 'Demo').get_by_role('button', name='1.1.0 → 2.0.0').click()
        sheet.get_by_role('button', name='Update', exact=True).click()
        expect(sheet.get_by_role('alert').first).to_contain_text('trial', timeout=15_000)
        sheet.get_by_role('button', name='Close').last.click()
        lamp(page, 'Running')
        assert httpx.get(f'{url}/api/plugins/demo').json()['version'] == '1.1.0'

        choose(page, 'Demo', 'Go back to 1.0.0')
        page.get_by_role('dialog').get_by_role('button', name='Go back').click()
        eventually_sync(lambda: httpx.get(f'{url}/api/plugins/demo').json()['version'] == '1.0.0', timeout=15)
        lamp(page, 'Running')
        choose(page, 'Demo', 'Uninstall')
        removing = page.get_by_role('dialog')
        removing.get_by_label('Its settings, passwords and stored data').select_option(label='Delete them for good')
        removing.get_by_role('button', name='Uninstall').click()
        expect(page.get_by_text('Demo is uninstalled.')).to_be_visible(timeout=15_000)
        assert httpx.get(f'{url}/api/plugins').json() == []
    assert sorted(path.name for path in (tmp_path / 'data' / 'plugins').iterdir()) == [
        'audit.log', 'cache', 'sources.json', 'state.json', 'storage', 'work']
