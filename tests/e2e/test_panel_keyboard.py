"""The keyboard on the panel: types all of it, covers nothing, and stays away from who has a real one."""
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.broker import Broker, password_file
from tests.e2e.panel import key, panel, serving, tap_keys
from tests.e2e.support import chromium

PASSWORD = 'Öl_9+x'
CONNECTION = '[[connections]]\nid = "old"\ntype = "mqtt"\nenabled = false\n[connections.config]\nhost = "127.0.0.1"\n'


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope='module')
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with serving(tmp_path_factory.mktemp('keyboard'), kiosk='dim_s = 0\ndark_s = 0', more=CONNECTION) as found:
        yield found


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    passwords = password_file(tmp_path, 'panel', PASSWORD)
    running_broker = Broker(tmp_path, f'password_file {passwords}', anonymous=False).start()
    yield running_broker
    running_broker.stop()


def keys(page: Page) -> Locator:
    return page.locator('.pn-keys')


def top_of_keys(page: Page) -> float:
    box = keys(page).bounding_box()
    assert box is not None
    return box['y']


def touch(page: Page, label: str) -> Locator:
    """Tap a field of the dialog, and see that nothing that is needed now lies below the keyboard."""
    field = page.get_by_role('dialog').get_by_label(label, exact=True)
    field.tap()
    expect(keys(page)).to_be_visible()
    expect(field).to_be_focused()
    page.wait_for_function('''() => {
      const top = document.querySelector('.pn-keys').getBoundingClientRect().top;
      const dialog = document.querySelector('.q-dialog .eo-dialog').getBoundingClientRect();
      const bar = document.querySelector('.q-dialog .eo-dialog-bar').getBoundingClientRect();
      const button = document.querySelector('.q-dialog .eo-dialog-bar .pri').getBoundingClientRect();
      const head = document.querySelector('.q-dialog .eo-dialog-head').getBoundingClientRect();
      const field = document.activeElement.getBoundingClientRect();
      return dialog.top >= 0 && button.bottom <= top && button.height >= 44 && button.left >= 0
        && button.right <= innerWidth && field.top >= head.bottom - 1 && field.bottom <= bar.top + 1;
    }''')
    return field


def open_form(page: Page) -> None:
    page.locator('.ov-add').tap()
    page.get_by_role('dialog').get_by_role('button', name='MQTT').tap()
    expect(page.get_by_role('dialog').get_by_label('Host')).to_be_visible()


def test_a_whole_connection_is_typed_with_nothing_covered(browser: Browser, house: tuple[str, Path],
                                                          broker: Broker) -> None:  # fmt: skip
    with panel(browser, *house, language='de') as page:
        open_form(page)
        for label, text in (('Name', 'Gäste-WC ß'), ('Host', '127.0.0.1'), ('Port', str(broker.port)),
                            ('Benutzername', 'panel'), ('Topics', 'haus/#')):  # fmt: skip
            field = touch(page, label)
            field.evaluate('field => field.select()')
            tap_keys(page, text)
            expect(field).to_have_value(text)
        touch(page, 'Passwort')
        tap_keys(page, PASSWORD)
        key(page, '{enter}').tap()  # as on every keyboard: the form's button
        expect(page.get_by_role('dialog')).to_be_hidden()
        expect(keys(page)).to_be_hidden()
        expect(page.locator('.ov-item.eo-good').filter(has_text='Gäste-WC ß')).to_be_visible()


def test_keys_are_large_enough_and_take_neither_focus_nor_dialog(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house) as page:
        open_form(page)
        host = touch(page, 'Host')
        sizes = keys(page).locator('[data-skbtn]').evaluate_all(
            'all => all.map(each => [each.offsetWidth, each.offsetHeight])')
        assert min(height for _width, height in sizes) >= 44 and min(width for width, _height in sizes) >= 44
        tap_keys(page, 'plc')
        for name in ('{shift}', '{symbols}', '{letters}', '{arrowleft}', '{arrowleft}'):
            key(page, name).tap()
            expect(host).to_be_focused()
        tap_keys(page, '-')
        expect(host).to_have_value('p-lc')
        host.evaluate('field => field.setSelectionRange(0, 4)')
        tap_keys(page, 'x')
        expect(host).to_have_value('x')
        page.mouse.click(*middle_of(key(page, 'q')))
        expect(host).to_have_value('xq')
        expect(page.get_by_role('dialog')).to_be_visible()
        assert host.get_attribute('inputmode') == 'none', 'no second keyboard of the system'


def middle_of(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box is not None
    return box['x'] + box['width'] / 2, box['y'] + box['height'] / 2


def test_the_key_that_hides_it_presses_nothing_below(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house) as page:
        page.locator('.ov-search input').tap()
        expect(keys(page)).to_be_visible()
        page.evaluate('''() => {
          window.heard = [];
          for (const type of ['mousedown', 'click']) document.addEventListener(type, () => window.heard.push(type), true);
        }''')
        page.touchscreen.tap(*middle_of(key(page, '{hide}')))
        expect(keys(page)).to_be_hidden()
        page.wait_for_timeout(300)
        assert page.evaluate('window.heard') == []


def test_backspace_repeats_while_it_is_held(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house) as page:
        search = page.locator('.ov-search input')
        search.tap()
        tap_keys(page, 'abcdefgh')
        expect(search).to_have_value('abcdefgh')
        page.mouse.move(*middle_of(key(page, '{bksp}')))
        page.mouse.down()
        expect(search).to_have_value('')
        page.mouse.up()


def test_shift_is_for_one_letter_and_twice_for_all(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house) as page:
        search = page.locator('.ov-search input')
        search.tap()
        key(page, '{shift}').tap()
        key(page, 'A').tap()
        key(page, 'b').tap()
        page.mouse.dblclick(*middle_of(key(page, '{shift}')))
        key(page, 'C').tap()
        key(page, 'D').tap()
        expect(search).to_have_value('AbCD')


def test_numbers_get_a_pad_and_the_button_that_saves_is_not_moved_away(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house) as page:
        open_form(page)
        touch(page, 'Port')
        expect(keys(page)).to_have_attribute('data-layer', 'numbers')
        key(page, '{letters}').tap()
        expect(keys(page)).to_have_attribute('data-layer', 'default')
        tap_keys(page, '99999')
        save = page.get_by_role('dialog').get_by_role('button', name='Save')
        page.mouse.move(*middle_of(save))
        page.mouse.down()
        page.wait_for_timeout(400)
        expect(keys(page)).to_be_visible()
        page.mouse.up()
        expect(page.get_by_role('alert').filter(has_text='Enter').first).to_be_visible()


def strike(page: Page, letter: str, *, seconds: float) -> None:
    """A key that is held so long, by the clock of the event itself: the machine may be slower."""
    session = page.context.new_cdp_session(page)
    now = time.time()
    about = {'key': letter, 'code': f'Key{letter.upper()}', 'windowsVirtualKeyCode': ord(letter.upper())}
    session.send('Input.dispatchKeyEvent', {'type': 'keyDown', 'text': letter, 'timestamp': now, **about})
    session.send('Input.dispatchKeyEvent', {'type': 'keyUp', 'timestamp': now + seconds, **about})
    session.detach()


def test_who_types_on_real_keys_is_left_alone(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house) as page:
        search = page.locator('.ov-search input')
        search.tap()
        expect(keys(page)).to_be_visible()
        for letter in 'abc':
            strike(page, letter, seconds=0.004)  # as a barcode reader does
        expect(search).to_have_value('abc')
        expect(keys(page)).to_be_visible()
        strike(page, 'd', seconds=0.08)
        expect(keys(page)).to_be_hidden()
        page.locator('h1').tap()
        search.tap()
        expect(search).to_be_focused()
        expect(keys(page)).to_be_hidden()
        page.get_by_role('button', name='Show the on-screen keyboard').tap()
        expect(keys(page)).to_be_visible()
        expect(search).to_be_focused()


def test_a_keyboard_that_the_system_sees_keeps_it_away(browser: Browser, house: tuple[str, Path]) -> None:
    with panel(browser, *house) as page:
        page.evaluate('window.eoPanel.setKeyboard({hardware: true})')
        search = page.locator('.ov-search input')
        search.tap()
        expect(page.get_by_role('button', name='Show the on-screen keyboard')).to_be_visible()
        expect(keys(page)).to_be_hidden()
        page.evaluate('window.eoPanel.setKeyboard({hardware: false})')  # it was unplugged
        expect(keys(page)).to_be_visible()
