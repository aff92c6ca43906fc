"""The panel dims, goes dark, and the first touch only wakes it."""
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.panel import panel, serving, settings_of
from tests.e2e.support import chromium
from tests.e2e.test_journey import start_app
from tests.helpers import free_port

COUNT = '''() => {
  window.heard = [];
  for (const type of ['pointerdown', 'touchstart', 'mousedown', 'mouseup', 'click', 'keydown', 'focusin']) {
    document.addEventListener(type, (event) => window.heard.push(type), true);
  }
}'''
WATCH = '''
window.shades = [];
(function look() {
  const root = document.documentElement;
  if (root && document.body) window.shades.push(getComputedStyle(root, '::after').opacity);
  requestAnimationFrame(look);
})();
'''
MIDDLE_OF_ADD = (960, 38)


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope='module')
def restless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Dims after 1 s, is dark after 4 s."""
    with serving(tmp_path_factory.mktemp('restless'), kiosk='dim_s = 1\ndark_s = 4') as found:
        yield found


@pytest.fixture(scope='module')
def wakeful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Never rests by itself."""
    with serving(tmp_path_factory.mktemp('wakeful'), kiosk='dim_s = 0\ndark_s = 0') as found:
        yield found


def level(page: Page, name: str, *, timeout: int = 8_000) -> None:
    expect(page.locator('html')).to_have_class(re.compile(rf'\bpn-{name}\b'), timeout=timeout)


def awake(page: Page) -> None:
    expect(page.locator('html')).not_to_have_class(re.compile(r'\bpn-(dim|dark)\b'), timeout=1_000)


def test_it_dims_then_goes_dark_and_the_touch_that_wakes_it_opens_nothing(browser: Browser, restless: tuple[str, Path]) -> None:
    with panel(browser, *restless) as page:
        level(page, 'dim')
        page.wait_for_function('Math.abs(getComputedStyle(document.documentElement, "::after").opacity - .7) < .01')
        level(page, 'dark')
        page.wait_for_function('getComputedStyle(document.documentElement, "::after").opacity === "1"')
        page.evaluate(COUNT)
        page.touchscreen.tap(*MIDDLE_OF_ADD)
        awake(page)
        level(page, 'dim')
        page.touchscreen.tap(*MIDDLE_OF_ADD)
        awake(page)
        level(page, 'dim')
        page.mouse.click(*MIDDLE_OF_ADD)
        awake(page)
        level(page, 'dim')
        page.keyboard.press('a')  # adds a connection, were it awake
        awake(page)
        assert page.evaluate('window.heard') == []
        assert page.get_by_role('dialog').count() == 0
        page.touchscreen.tap(*MIDDLE_OF_ADD)
        expect(page.get_by_role('dialog')).to_be_visible()


def test_two_quick_taps_wake_and_open(browser: Browser, restless: tuple[str, Path]) -> None:
    with panel(browser, *restless) as page:
        level(page, 'dim')
        page.touchscreen.tap(*MIDDLE_OF_ADD)
        page.touchscreen.tap(*MIDDLE_OF_ADD)
        expect(page.get_by_role('dialog')).to_be_visible()


def test_a_moved_mouse_wakes_it_and_its_click_counts(browser: Browser, restless: tuple[str, Path]) -> None:
    with panel(browser, *restless) as page:
        level(page, 'dim')
        page.mouse.move(*MIDDLE_OF_ADD, steps=3)
        awake(page)
        assert page.evaluate('getComputedStyle(document.body).cursor') != 'none'
        page.mouse.click(*MIDDLE_OF_ADD)
        expect(page.get_by_role('dialog')).to_be_visible()


def test_it_stays_dark_over_a_reload_without_a_flash(browser: Browser, restless: tuple[str, Path]) -> None:
    with panel(browser, *restless, script=WATCH) as page:
        level(page, 'dark')
        page.reload()
        page.wait_for_function('window.shades.length > 20')
        assert set(page.evaluate('window.shades')) == {'1'}
        page.touchscreen.tap(*MIDDLE_OF_ADD)
        awake(page)
        page.reload()
        page.wait_for_function('window.shades.length > 2')
        assert page.evaluate('window.shades[0]') == '0'


def test_never_is_never_and_dark_can_be_tried(browser: Browser, wakeful: tuple[str, Path]) -> None:
    with panel(browser, *wakeful, target='/settings') as page:
        page.get_by_role('button', name='Try dark now').tap()
        level(page, 'dark')
        page.touchscreen.tap(500, 300)
        awake(page)
        page.get_by_label('Goes dark after').select_option('1800')
        page.wait_for_function('window.eoPanel.dark_s === 1800')
    assert 'dark_s = 1800' in (wakeful[1].parent / 'settings.toml').read_text()


def test_it_rests_and_wakes_while_the_server_is_gone(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    process = start_app(settings_of(tmp_path, kiosk='dim_s = 0\ndark_s = 5'), port)
    try:
        with panel(browser, f'http://127.0.0.1:{port}', tmp_path / 'data', loses_server=True) as page:
            process.kill()
            process.wait(10)
            expect(page.locator('.eo-offline')).to_be_visible()
            level(page, 'dark')
            page.touchscreen.tap(*MIDDLE_OF_ADD)
            awake(page)
            assert page.get_by_text('Nothing was done').count() == 0, 'the touch was heard by nobody'
    finally:
        process.kill()
        process.wait()


def test_what_a_browser_would_do_is_held(browser: Browser, wakeful: tuple[str, Path]) -> None:
    with panel(browser, *wakeful, target='/settings') as page:
        page.evaluate('''() => {
          window.held = {};
          for (const type of ['contextmenu', 'keydown']) {
            addEventListener(type, (event) => (window.held[type] = event.defaultPrevented));
          }
        }''')
        page.mouse.click(500, 300, button='right')
        page.locator('h1').dblclick()
        page.keyboard.press('Control+p')
        assert page.evaluate('window.held') == {'contextmenu': True, 'keydown': True}
        assert page.evaluate('getSelection().toString()') == ''
        page.get_by_text('Description of the HTTP API').tap()
        expect(page.get_by_text('The panel opens no windows and saves no files.')).to_be_visible()
        page.evaluate('''document.querySelector('.eo-main').insertAdjacentHTML(
          'afterbegin', '<a id=away href="http://example.org/">away</a>')''')
        page.locator('#away').tap()
        expect(page.get_by_text('The panel does not open pages of others.')).to_be_visible()
        assert page.url.startswith(wakeful[0]) and len(page.context.pages) == 1
        assert page.evaluate('getComputedStyle(document.documentElement).touchAction') == 'pan-x pan-y'
        page.wait_for_function('getComputedStyle(document.body).cursor === "none"')
