"""What the panel always shows: the time, what needs somebody, whether changes are locked, and the power menu."""
import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.devices.bluez.bus import Bus
from tests.devices.bluez.fixtures import bus
from tests.devices.logind import FakeLogind
from tests.e2e.panel import panel, serving, unlock
from tests.e2e.support import chromium
from tests.e2e.test_axe import findings
from tests.helpers import eventually_sync, free_port

__all__ = ['bus']

QUIET = 'dim_s = 0\ndark_s = 0'
BROKEN = '''[[connections]]
id = "broken"
type = "mqtt"
[connections.config]
host = "127.0.0.1"
port = {port}
[[connections]]
id = "quiet"
type = "mqtt"
enabled = false
[connections.config]
host = "127.0.0.1"
'''


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope='module')
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp('bar')
    with serving(folder, kiosk=QUIET, pin=True, more=BROKEN.format(port=free_port())) as found:
        yield found


def lock_of(page: Page):
    return page.locator('.pn-lock')


def test_the_time_is_exact_to_the_minute_and_in_the_owners_way(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house, language='de') as page:
        clock = page.locator('.pn-clock')
        expect(clock).to_have_text(re.compile(r'^\d{2}:\d{2}$'))
        page.clock.install(time='2026-03-01T13:59:58')
        page.reload()
        expect(clock).to_have_text('13:59')
        page.clock.fast_forward(3_000)
        expect(clock).to_have_text('14:00')
        page.clock.set_system_time('2026-03-02T00:05:00')
        page.clock.run_for(60_000)
        expect(clock).to_have_text('00:06')
    with panel(browser, *house) as page:
        expect(page.locator('.pn-clock')).to_have_text(re.compile(r'^\d{1,2}:\d{2}[AP]M$'))


def test_trouble_is_counted_and_leads_to_those_that_are_in_it(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house, target='/settings') as page:
        trouble = page.locator('.pn-trouble')
        expect(trouble).to_have_attribute('aria-label', '1 needs you')
        expect(trouble.locator('.eo-diamond')).to_be_visible()
        trouble.tap()
        expect(page.locator('.ov-item')).to_have_count(1)
        expect(page.locator('.ov-item')).to_contain_text('broken')
        assert '?' not in page.url, 'who clears the filter and reloads has cleared it'


def test_a_wrong_pin_is_refused_and_the_third_has_to_wait(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, kiosk=QUIET, pin=True) as (url, data), panel(browser, url, data) as page:
        expect(lock_of(page)).to_contain_text('Locked')
        lock_of(page).tap()
        expect(page.locator('.eo-pin')).to_be_visible()
        assert findings(page) == []
        assert page.locator('.pn-keys').count() == 0, 'the sheet has keys of its own'
        for _again in range(2):
            unlock(page, '1111')
            expect(page.get_by_text('The PIN is wrong.')).to_be_visible()
        for _again in range(2):  # from here on it has to wait: 1 s, 2 s, 4 s
            unlock(page, '1111')
            page.wait_for_function(r"/again in \d+ s/.test(document.querySelector('.eo-pin').innerText)")  # each frame
            expect(page.get_by_text('You can try again now.')).to_be_visible()
        unlock(page, '1111')
        unlock_button = page.locator('.eo-pin').get_by_role('button', name='Unlock')
        expect(page.get_by_text(re.compile(r'You can try again in \d+ s'))).to_be_visible()
        expect(unlock_button).to_be_disabled()
        box = unlock_button.bounding_box()
        assert box is not None and box['y'] + box['height'] <= 600 and box['height'] >= 44
        expect(page.get_by_text('You can try again now.')).to_be_visible(timeout=15_000)
        unlock(page)
        expect(lock_of(page)).to_contain_text(re.compile(r'^4:5\d|5:00'))
        expect(lock_of(page)).to_have_attribute('aria-label', re.compile(r'^Unlocked for \d:\d\d · Lock now$'))


def test_changes_ask_and_looking_does_not_until_it_is_dark(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house) as page:
        page.locator('.ov-add').tap()
        expect(page.locator('.eo-pin')).to_be_visible()
        page.locator('.eo-pin').get_by_role('button', name='Cancel').tap()
        lock_of(page).tap()
        unlock(page)
        expect(lock_of(page)).to_contain_text('Lock now')
        page.locator('.ov-add').tap()
        expect(page.get_by_role('dialog').get_by_text('Add a connection')).to_be_visible()
        page.evaluate('window.eoPanel.darken()')
        expect(lock_of(page)).to_contain_text('Locked')
        expect(page.get_by_role('dialog')).to_be_hidden()
        page.touchscreen.tap(500, 300)
        page.wait_for_function('!document.documentElement.classList.contains("pn-hush")')
        lock_of(page).tap()
        unlock(page)
        expect(lock_of(page)).to_contain_text('Lock now')
        lock_of(page).tap()
        expect(lock_of(page)).to_contain_text('Locked')


def test_an_open_form_is_not_saved_by_who_comes_after_it_locked(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house) as page:
        lock_of(page).tap()
        unlock(page)
        page.locator('.ov-item').filter(has_text='quiet').get_by_role('button', name='Edit').tap()
        name = page.get_by_role('dialog').get_by_label('Name', exact=True)
        name.fill('Mine')
        page.evaluate('getElement(document.querySelector(".pn-bar").id.slice(1)).$emit("lock")')
        expect(lock_of(page)).to_contain_text('Locked')
        page.get_by_role('dialog').get_by_role('button', name='Save').tap()
        expect(page.locator('.eo-pin')).to_be_visible()
        unlock(page)
        expect(page.locator('.ov-item').filter(has_text='Mine')).to_be_visible()


class Logind(threading.Thread):
    """The fake on a loop of its own."""

    def __init__(self, address: str, **answers: str) -> None:
        super().__init__(daemon=True)
        self._address, self._answers = address, answers
        self._loop = asyncio.new_event_loop()
        self._is_up = threading.Event()
        self.fake: FakeLogind | None = None
        self.start()
        assert self._is_up.wait(5)

    def run(self) -> None:
        async def begin() -> None:
            self.fake = await FakeLogind(self._address, **self._answers).start()
            self._is_up.set()

        self._loop.create_task(begin())
        self._loop.run_forever()

    def end(self) -> None:
        assert self.fake is not None
        asyncio.run_coroutine_threadsafe(self.fake.stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join(5)
        self._loop.close()


def test_the_power_menu_asks_for_the_pin_and_once_more(browser: Browser, bus: Bus, tmp_path: Path) -> None:
    logind = Logind(bus.address, power_off='na')
    try:
        soon = 'import pages.panel_power; pages.panel_power.STILL_HERE = 3.0'
        with serving(tmp_path, kiosk=QUIET, pin=True, first=soon) as (url, data), panel(browser, url, data) as page:
            page.locator('.pn-power').tap()
            unlock(page)
            menu = page.get_by_role('dialog').filter(has_text='Restart or switch off')
            expect(menu.get_by_role('button', name='Reboot the device')).to_be_visible()
            expect(menu.get_by_role('button', name='Shut the device down')).to_be_hidden()
            expect(menu.get_by_text('cannot be rebooted or shut down by a program')).to_be_visible()
            assert findings(page) == []
            menu.get_by_role('button', name='Reboot the device').tap()
            sheet = page.get_by_role('dialog').filter(has_text='Reboot the device?')
            assert logind.fake is not None and logind.fake.orders == []
            sheet.get_by_role('button', name='Reboot').tap()
            expect(page.get_by_text('Rebooting … back in a minute or two.')).to_be_visible()
            eventually_sync(lambda: logind.fake.orders == ['Reboot'])
            expect(page.get_by_text('This device is still running.')).to_be_visible()
            expect(menu.get_by_role('button', name='Reboot the device')).to_be_visible()
            menu.get_by_role('button', name='Cancel').tap()
            expect(page.get_by_role('dialog')).to_be_hidden()
    finally:
        logind.end()


def test_the_program_is_restarted_and_the_page_returns_by_itself(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, kiosk=QUIET) as (url, data), panel(browser, url, data, loses_server=True) as page:
        page.evaluate('window.before = true')
        page.locator('.pn-power').tap()
        page.get_by_role('button', name='Restart the program').tap()
        page.get_by_role('dialog').get_by_role('button', name='Restart', exact=True).tap()
        expect(page.get_by_text('Restarting … back in about 10 s.')).to_be_visible()
        page.wait_for_function('!window.before && window.socket?.connected', timeout=20_000)
        expect(page.locator('.pn-bar')).to_be_visible()
        assert page.get_by_role('dialog').count() == 0


@pytest.mark.parametrize('dark', [False, True], ids=['light', 'dark'])
def test_axe_finds_nothing_serious_on_the_panel(browser: Browser, house: tuple[str, Path], dark: bool) -> None:
    with panel(browser, *house, dark=dark) as page:
        page.locator('.ov-search input').tap()
        expect(page.locator('.pn-keys')).to_be_visible()
        assert findings(page) == []
        page.goto(f'{house[0]}/settings')
        expect(page.get_by_role('heading', name='Panel on the wall')).to_be_visible()
        assert findings(page) == []


def test_a_browser_that_is_no_panel_has_none_of_it(browser: Browser, house: tuple[str, Path]) -> None:
    page = browser.new_page()
    page.goto(house[0])
    expect(page.locator('.ov-item').first).to_be_visible()
    assert page.locator('.pn-bar').count() == 0
    assert page.evaluate('[typeof eoPanel, typeof SimpleKeyboard, document.querySelectorAll("[href*=panel]").length]') == [
        'undefined', 'undefined', 0]
    page.close()
