"""Adding, changing and deleting connections in a real browser, against a real broker."""
import json
import re
import socket
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from paho.mqtt.publish import single
from playwright.sync_api import Browser, Locator, Page, expect

from edgeos.web.passwords import hash_pin
from tests.broker import Broker, password_file
from tests.e2e.support import chromium, running, visitor
from tests.helpers import eventually_sync, free_port

PASSWORD = 'geheim-42'


class House(NamedTuple):
    """The program under test and the broker it is to reach."""

    url: str
    folder: Path
    broker: Broker


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope='module')
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp('house')
    passwords = password_file(folder, 'owner', PASSWORD)
    broker = Broker(folder, f'password_file {passwords}', anonymous=False).start()
    settings = folder / 'settings.toml'
    settings.write_text('schema_version = 1  # by hand\n')
    try:
        with running('--settings', str(settings)) as url:
            yield House(url, folder, broker)
    finally:
        broker.stop()


@pytest.fixture
def house(program: House) -> House:
    """The same program for every test, without connections."""
    for connection in saved(program):
        call(program, 'DELETE', f'/api/connections/{connection["id"]}')
    return program


def call(house: House, method: str, path: str, body: object = None) -> None:
    """The API, where a test needs something to be there before the page is opened."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(house.url + path, data, {'Content-Type': 'application/json'}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status in (201, 204)


def publish(house: House, topic: str, payload: str) -> None:
    single(topic, payload, retain=True, hostname='127.0.0.1', port=house.broker.port,
           auth={'username': 'owner', 'password': PASSWORD})  # fmt: skip


def create(house: House, name: str, **config: Any) -> None:
    """A connection made without the page."""
    call(house, 'POST', '/api/connections', {'type': 'mqtt', 'id': name.lower(), 'name': name, 'config': config})


def saved(house: House) -> list[dict[str, Any]]:
    """What stands in the settings file."""
    found: list[dict[str, Any]] = tomllib.loads((house.folder / 'settings.toml').read_text()).get('connections', [])
    return found


def secrets(house: House) -> dict[str, Any]:
    path = house.folder / 'data' / 'secrets.toml'
    return tomllib.loads(path.read_text()) if path.exists() else {}


def open_dialog(page: Page, button: str) -> Locator:
    page.get_by_role('button', name=button).first.click()
    dialog = page.get_by_role('dialog')
    expect(dialog).to_be_visible()
    return dialog


def open_add(page: Page) -> Locator:
    """The form for a new broker; the type is not asked for where something was begun."""
    dialog = open_dialog(page, 'Add')
    choose_broker(dialog)
    return dialog


def choose_broker(dialog: Locator) -> None:
    choice = dialog.get_by_role('button', name='MQTT broker')
    expect(choice.or_(field(dialog, 'Host')).filter(visible=True)).to_have_count(1)
    if choice.is_visible():
        choice.click()


def field(dialog: Locator, label: str) -> Locator:
    return dialog.get_by_label(label, exact=True)


def state_of_step(dialog: Locator, name: str) -> str:
    return dialog.locator('.eo-ladder > li', has_text=name).get_attribute('class') or ''


@pytest.mark.parametrize('size', ['panel', 'phone'])
def test_added_connection_is_proven_first_and_lives_on_the_page(browser: Browser, house: House, size: str) -> None:
    publish(house, 'kitchen/<b>temperature</b>', '21.5')
    with visitor(browser, size=size) as page:
        page.goto(house.url)
        dialog = open_add(page)
        field(dialog, 'Name').fill('Broker at home')
        field(dialog, 'Host').fill(f'mqtt://127.0.0.1:{house.broker.port}')
        field(dialog, 'User name').fill('owner')
        field(dialog, 'Password').fill(PASSWORD)
        dialog.get_by_role('button', name='Test').click()
        expect(dialog.get_by_text('It works')).to_be_visible()
        expect(dialog.get_by_text('kitchen/<b>temperature</b>')).to_be_visible()
        assert [state_of_step(dialog, each) for each in ('Network', 'Answer', 'Login', 'Data')] == ['ok'] * 4
        expect(dialog.get_by_role('button', name='Save')).to_be_in_viewport(ratio=1)
        field(dialog, 'User name').press('Enter')
        expect(dialog).to_be_hidden()
        expect(page.get_by_role('status').filter(has_text='Broker at home was added.')).to_be_visible()
        expect(page.get_by_text('Broker at home', exact=True)).to_be_visible()
    config = {'host': '127.0.0.1', 'port': house.broker.port, 'topics': ['#'], 'username': 'owner'}
    assert [(each['id'], each['config']) for each in saved(house)] == [('broker_at_home', config)]
    assert secrets(house) == {'broker_at_home': {'password': PASSWORD}}
    assert '# by hand' in (house.folder / 'settings.toml').read_text()


@pytest.mark.parametrize('is_quick', [True, False], ids=['a finger was there first', 'by keyboard'])
def test_the_form_takes_the_focus_from_nobody(browser: Browser, house: House, is_quick: bool) -> None:
    with visitor(browser) as page:
        page.goto(house.url)
        page.locator('.ov-add').click()
        dialog = page.get_by_role('dialog')
        kind = dialog.get_by_role('button', name='MQTT')
        expect(kind).to_be_visible()
        page.wait_for_function('document.activeElement !== document.body')  # the dialog has come
        if is_quick:
            page.evaluate("""() => new MutationObserver((_, observer) => {
              const host = [...document.querySelectorAll('[role=dialog] input')].find((each) => each.placeholder === '192.168.1.20');
              if (!host?.offsetParent) return;
              observer.disconnect();
              host.focus();
            }).observe(document.body, {subtree: true, childList: true, attributes: true})""")
        kind.press('Enter')
        expect(field(dialog, 'Host') if is_quick else dialog.get_by_role('button', name='Other type')).to_be_focused()
        if is_quick:
            page.wait_for_timeout(300)  # longer than the form waits
            expect(field(dialog, 'Host')).to_be_focused()


def test_wrong_input_is_said_beside_its_field_and_nothing_typed_is_lost(browser: Browser, house: House) -> None:
    with visitor(browser) as page:
        page.goto(house.url)
        dialog = open_add(page)
        field(dialog, 'Name').fill('Küche')
        field(dialog, 'Port').fill('99999')
        field(dialog, 'Topics').fill('a/#/b')
        dialog.get_by_role('button', name='Save').click()
        host = field(dialog, 'Host')
        expect(host).to_be_focused()
        expect(host).to_have_attribute('aria-invalid', 'true')
        expect(dialog.get_by_role('alert').filter(has_text='Enter a number from 1 to 65535.')).to_be_visible()
        expect(dialog.get_by_text('a/#/b: # can only be the whole last level')).to_be_visible()
        host.fill('127.0.0.1')
        expect(host).not_to_have_attribute('aria-invalid', 'true')
        assert [field(dialog, each).input_value() for each in ('Name', 'Port', 'Topics')] == [
            'Küche', '99999', 'a/#/b']  # fmt: skip
        page.reload()
        dialog = open_add(page)
        expect(field(dialog, 'Name')).to_have_value('Küche')
        expect(field(dialog, 'Host')).to_have_value('127.0.0.1')
        expect(field(dialog, 'Name')).to_be_focused()
        dialog.get_by_text('Add a connection').click()
        page.keyboard.press('Escape')
        dialog.get_by_role('button', name='Keep editing').click()
        expect(field(dialog, 'Host')).to_have_value('127.0.0.1')
        page.keyboard.press('Escape')
        dialog.get_by_role('button', name='Throw away').click()
        expect(dialog).to_be_hidden()
        expect(field(open_add(page), 'Host')).to_have_value('')
    assert saved(house) == []


def test_wrong_port_shows_the_step_that_fails_and_can_be_saved_anyway(browser: Browser, house: House) -> None:
    port = free_port()
    with visitor(browser) as page:
        page.goto(house.url)
        dialog = open_add(page)
        field(dialog, 'Host').fill('127.0.0.1')
        field(dialog, 'Port').fill(str(port))
        dialog.get_by_role('button', name='Save').click()
        expect(dialog.get_by_text(f'127.0.0.1:{port} refused the connection.')).to_be_visible()
        assert [state_of_step(dialog, each) for each in ('Network', 'Answer')] == ['fail', '']
        assert saved(house) == []
        dialog.get_by_role('button', name='Change the port').click()
        expect(field(dialog, 'Port')).to_be_focused()
        dialog.get_by_role('button', name='Save anyway').click()
        expect(dialog).to_be_hidden()
        expect(page.get_by_text('refused the connection')).to_be_visible()
    assert [(each['name'], each['config']['port']) for each in saved(house)] == [('127.0.0.1', port)]


def test_running_test_can_be_stopped_and_the_dialog_goes_on(browser: Browser, house: House) -> None:
    with socket.create_server(('127.0.0.1', 0)) as silent, visitor(browser) as page:
        page.goto(house.url)
        dialog = open_add(page)
        field(dialog, 'Host').fill('127.0.0.1')
        field(dialog, 'Port').fill(str(silent.getsockname()[1]))
        dialog.get_by_role('button', name='Test').click()
        expect(dialog.get_by_text('Testing')).to_be_visible()
        dialog.get_by_role('button', name='Stop').click()
        expect(dialog.get_by_text('Testing')).to_be_hidden()
        field(dialog, 'Port').fill(str(house.broker.port))
        dialog.get_by_role('button', name='Test').click()
        expect(dialog.get_by_text('refused the login')).to_be_visible()
        assert [state_of_step(dialog, each) for each in ('Network', 'Answer', 'Login')] == ['ok', 'ok', 'fail']
        dialog.get_by_role('button', name='Change the login').click()
        expect(field(dialog, 'User name')).to_be_focused()


def test_edit_keeps_the_password_and_writes_only_what_changed(browser: Browser, house: House) -> None:
    create(house, 'Garage', host='127.0.0.1', port=house.broker.port, username='owner', password=PASSWORD,
           keepalive_s=20)  # fmt: skip
    with visitor(browser) as page:
        page.goto(house.url)
        dialog = open_dialog(page, 'Edit')
        expect(dialog.get_by_text('Id: garage')).to_be_visible()
        expect(field(dialog, 'Password')).to_have_value('********')
        dialog.get_by_text('Advanced').click()
        field(dialog, 'Keep-alive · s').fill('10')
        field(dialog, 'Topics').fill('garage/#\n\nhouse/+/state')
        dialog.get_by_role('button', name='Save').click()
        expect(dialog).to_be_hidden()
        expect(page.get_by_text('Connected', exact=True).first).to_be_visible()
    assert saved(house)[0]['config'] == {'host': '127.0.0.1', 'port': house.broker.port, 'username': 'owner',
                                         'topics': ['garage/#', 'house/+/state']}  # fmt: skip
    assert secrets(house) == {'garage': {'password': PASSWORD}}


def test_log_and_values_are_seen_without_leaving_the_list(browser: Browser, house: House) -> None:
    create(house, 'Hall', host='127.0.0.1', port=house.broker.port, username='owner', password=PASSWORD)
    long_text = 'x<img src=x onerror=alert(1)>' * 50
    publish(house, 'hall/note', long_text)
    publish(house, 'hall/temperature', '20.5')
    with visitor(browser) as page:
        page.goto(house.url)
        page.get_by_role('button', name='More for Hall').click()
        page.get_by_role('menuitem', name='Log and values').click()
        dialog = page.get_by_role('dialog')
        expect(dialog.get_by_text('connected to 127.0.0.1')).to_be_visible()
        publish(house, 'hall/temperature', '22.25')
        expect(dialog.get_by_role('button', name='hall/temperature')).to_contain_text('22.25')
        dialog.get_by_role('button', name='hall/note').click()
        expect(dialog.locator('pre')).to_contain_text(long_text)
        dialog.get_by_role('searchbox').fill('TEMP')
        expect(dialog.get_by_role('button', name='hall/note')).to_have_count(0)
        dialog.get_by_role('button', name='Statistics').click()
        expect(page).to_have_url(re.compile('/connections/hall$'))


def test_deleting_says_what_is_lost_and_takes_it_away(browser: Browser, house: House) -> None:
    create(house, 'Attic', host='127.0.0.1', port=house.broker.port, username='owner', password=PASSWORD)
    create(house, 'Cellar', host='127.0.0.1', port=free_port())
    with visitor(browser, dark=True) as page:
        page.goto(house.url)
        card = page.locator('article, [role=row], li').filter(has_text='Attic').last
        card.get_by_role('button', name='Delete').click()
        dialog = page.get_by_role('dialog')
        expect(dialog.get_by_text('the stored password')).to_be_visible()
        expect(dialog.get_by_role('button', name='Cancel')).to_be_focused()
        page.keyboard.press('Enter')
        expect(dialog).to_be_hidden()
        assert len(saved(house)) == 2
        card.get_by_role('button', name='Delete').click()
        dialog.get_by_role('button', name='Delete').click()
        expect(page.get_by_role('status').filter(has_text='Attic was deleted.')).to_be_visible()
        expect(page.get_by_text('Attic', exact=True)).to_have_count(0)
    assert [each['id'] for each in saved(house)] == ['cellar']
    eventually_sync(lambda: secrets(house) == {})


@pytest.fixture
def locked_url(tmp_path: Path) -> Iterator[str]:
    settings = tmp_path / 'settings.toml'
    settings.write_text(f'[security]\npin_hash = "{hash_pin("2580")}"\n')
    with running('--settings', str(settings)) as url:
        yield url


def test_pin_guards_changes_and_is_asked_once(browser: Browser, locked_url: str) -> None:
    with visitor(browser, size='phone') as page:
        page.goto(locked_url)
        dialog = open_dialog(page, 'Add')
        for digit in '2589':
            dialog.get_by_role('button', name=digit, exact=True).click()
        dialog.get_by_role('button', name='Unlock').click()
        expect(dialog.get_by_text('The PIN is wrong.')).to_be_visible()
        field(dialog, 'PIN').fill('2580')
        field(dialog, 'PIN').press('Enter')
        choose_broker(dialog)
        expect(field(dialog, 'Host')).to_be_visible()
        expect(page.get_by_role('dialog')).to_have_count(1)  # the PIN's own is fading out
        dialog.get_by_role('button', name='Cancel').click()
        expect(dialog).to_be_hidden()
        expect(field(open_add(page), 'Host')).to_be_visible()
