"""A Bluetooth battery from the first tap to a switched MOSFET: found, tested, browsed, heard, paused, lost and back."""
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.support import chromium, running, visitor
from tests.e2e.test_axe import findings
from tests.helpers import eventually_sync

BATTERY, BEACON = 'A4:C1:38:5D:0A:01', 'D0:F0:18:44:00:07'
WORKS = re.compile('eo-good|eo-warn')  # degraded for a while: the errors of an outage are in the last minute
QUESTION, ANSWER = 'dd a5 03 00 ff fd 77', re.compile('dd 03 00')


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope='module', autouse=True)
def patience() -> Iterator[None]:
    expect.set_options(timeout=15_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(scope='module')
def url() -> Iterator[str]:
    pytest.importorskip('bumble', reason='install bumble (pip install -r requirements-demo.txt) for the virtual radio')
    with running('--demo') as url:
        wait_until_connected(url)
        yield url


def call(url: str, method: str, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {'Content-Type': 'application/json'}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or 'null')


def wait_until_connected(url: str) -> None:
    eventually_sync(lambda: call(url, 'GET', '/api/connections/demo_battery')['status'] == 'connected', timeout=15)


@pytest.fixture
def battery(url: str) -> Iterator[str]:
    """The page of the battery, which is connected, may be written to and has no points of its own."""
    wait_until_connected(url)
    yield f'{url}/connections/demo_battery'
    call(url, 'PATCH', '/api/connections/demo_battery', {'config': {'allow_writes': True, 'characteristics': None}})
    call(url, 'POST', '/api/connections/demo_battery/connect')


def open_form(page: Page, url: str) -> Locator:
    page.goto(url)
    page.get_by_role('button', name='Add').first.click()
    dialog = page.get_by_role('dialog')
    dialog.get_by_role('button', name='Bluetooth device').click()
    return dialog


def device(dialog: Locator, text: str) -> Locator:
    """One row of what is heard."""
    return dialog.get_by_role('listitem').filter(has_text=text)


def one(page: Page, name: str) -> Locator:
    """One characteristic."""
    return page.locator('.gt-one').filter(has=page.get_by_text(name, exact=True))


@pytest.mark.parametrize('size', ['panel', 'phone'])
def test_devices_nearby_are_listed_and_stay_where_they_are(browser: Browser, url: str, size: str) -> None:
    with visitor(browser, size=size) as page:
        dialog = open_form(page, url)
        row = device(dialog, BATTERY)
        call(url, 'POST', '/api/connections/demo_battery/disconnect')  # which is silent while it is connected
        try:
            expect(row).to_contain_text('JBD-SP10S009')
            expect(row).to_contain_text('JBD battery')
            expect(row).to_contain_text('already added')
            expect(row.get_by_role('img', name=re.compile('Signal: (very )?good'))).to_be_visible()
            expect(device(dialog, BEACON)).to_have_count(0)
            dialog.get_by_role('button', name=re.compile(r'Show \d without a name')).click()
            expect(device(dialog, BEACON)).to_be_visible()
            expect(device(dialog, BEACON)).not_to_contain_text('already added')
            marked = device(dialog, BEACON).element_handle()
            first = device(dialog, BEACON).inner_text()
            eventually_sync(lambda: device(dialog, BEACON).inner_text() != first, timeout=10)  # it is heard anew
            assert marked.is_visible(), 'rows are patched, not made anew'
            row.get_by_role('button').click()
        finally:
            call(url, 'POST', '/api/connections/demo_battery/connect')
        expect(dialog.get_by_label('Address', exact=True)).to_have_value(BATTERY)
        expect(dialog.get_by_label('Name', exact=True)).to_have_value('JBD-SP10S009')
        expect(row.get_by_role('button')).to_have_attribute('aria-pressed', 'true')


def test_a_sensor_is_tried_out_and_added(browser: Browser, url: str) -> None:
    with visitor(browser) as page:
        dialog = open_form(page, url)
        dialog.get_by_role('button', name=re.compile(r'Show \d without a name')).click()
        device(dialog, BEACON).get_by_role('button').click()
        expect(dialog.get_by_label('Kind of device')).to_have_value('adverts')
        pace = dialog.get_by_label(re.compile('Heard at least every'))
        expect(pace).to_have_value('60')
        expect(dialog.get_by_label('Bind key')).to_be_hidden()
        expect(dialog.get_by_label('Allow writing')).to_be_hidden()
        pace.fill('0,5')
        dialog.get_by_role('button', name='Test').click()
        expect(dialog.get_by_text('Enter a number from 1 to 3600.')).to_be_visible()
        pace.fill('12,5')
        address = dialog.get_by_label('Address', exact=True)
        address.fill('d0f0.18')
        dialog.get_by_role('button', name='Test').click()
        expect(dialog.get_by_text('Six pairs of hexadecimal digits, for example')).to_be_visible()
        address.fill(BEACON.replace(':', '').lower())
        dialog.get_by_label('Name', exact=True).fill('Beacon')
        dialog.get_by_role('button', name='Test').click()
        expect(dialog.get_by_text('It works')).to_be_visible()
        expect(address).to_have_value(BEACON)
        expect(dialog.locator('.eo-ladder > li.ok')).to_have_text([re.compile('Heard'), re.compile('Values')])
        expect(dialog.locator('.eo-proof')).to_contain_text('manufacturer/0822')
        expect(dialog.get_by_role('button', name='Save')).to_be_in_viewport(ratio=1)
        dialog.get_by_role('button', name='Save').click()
        expect(dialog).to_be_hidden()
    found = call(url, 'GET', '/api/connections/beacon')
    call(url, 'DELETE', '/api/connections/beacon')
    expected = {'address': BEACON, 'profile': 'adverts', 'poll_s': 12.5, 'adapter': 'demo'}
    assert {key: found['config'][key] for key in expected} == expected


def test_a_battery_that_is_free_is_tried_out_step_by_step(browser: Browser, url: str) -> None:
    call(url, 'POST', '/api/connections/demo_battery/disconnect')
    try:
        with visitor(browser, size='phone', dark=True) as page:
            dialog = open_form(page, url)
            device(dialog, BATTERY).get_by_role('button').click()
            dialog.get_by_label('Kind of device').select_option('battery')
            dialog.get_by_role('button', name='Test').click()
            expect(dialog.get_by_text('but is no device of the profile battery')).to_be_visible()
            expect(dialog.locator('.eo-ladder > li.fail')).to_have_text(re.compile('Services'))
            dialog.get_by_role('button', name='Choose another kind').click()
            expect(dialog.get_by_label('Kind of device')).to_be_focused()
            dialog.get_by_label('Kind of device').select_option('jbd_bms')
            dialog.get_by_role('button', name='Test').click()
            expect(dialog.get_by_text('It works')).to_be_visible()
            expect(dialog.locator('.eo-ladder > li.ok')).to_have_text(
                [re.compile(each) for each in ('Heard', 'Connected', 'Services', 'Values')])
            expect(dialog.locator('.eo-proof')).to_contain_text(re.compile(r'voltage\s*\d'))
    finally:
        call(url, 'POST', '/api/connections/demo_battery/connect')


def test_writing_is_allowed_on_purpose_and_wrong_lines_are_named(browser: Browser, url: str, battery: str) -> None:
    call(url, 'PATCH', '/api/connections/demo_battery', {'config': {'allow_writes': None}})
    with visitor(browser) as page:
        page.goto(f'{battery}?tab=names')
        one(page, 'JBD requests').get_by_role('button', name='Write').click()
        expect(page.get_by_text('This connection does not allow writing.')).to_be_visible()
        page.get_by_role('button', name='Change the settings').filter(visible=True).click()
        dialog = page.get_by_role('dialog')
        dialog.get_by_label('Allow writing').click()
        expect(dialog.get_by_text('can leave the house dark')).to_be_visible()
        dialog.get_by_text('Advanced').click()
        lines = dialog.get_by_label('Chosen characteristics')
        lines.fill('2a24 = Model utf-8\n2a26 = Firmware')
        dialog.get_by_role('button', name='Save').click()
        expect(dialog.get_by_role('alert').filter(has_text='2a26 = Firmware: a format is missing')).to_be_visible()
        lines.fill('2a24 = Model utf-8')
        dialog.get_by_role('button', name='Save').click()
        expect(dialog).to_be_hidden()
        expect(one(page, 'Model Number String')).to_contain_text('Point: Model')
        expect(page.get_by_label('Value to write')).to_be_visible()
    config = call(url, 'GET', '/api/connections/demo_battery')['config']
    assert (config['allow_writes'], config['poll_s'], config['profile']) == (True, 2, 'auto')


def test_characteristics_are_read_written_heard_and_kept(browser: Browser, url: str, battery: str) -> None:
    with visitor(browser, size='desktop') as page:
        page.goto(f'{battery}?tab=names')
        model = one(page, 'Model Number String')
        expect(model).to_contain_text('2a24 · read')
        model.get_by_role('button', name='Read').click()
        expect(model).to_contain_text('JBD-SP10S009')
        expect(model).to_contain_text('4a 42 44')
        answers, requests = one(page, 'JBD answers'), one(page, 'JBD requests')
        hear = answers.get_by_role('button', name='Notify')
        hear.click()
        expect(hear).to_have_attribute('aria-pressed', 'true')
        expect(answers).to_contain_text(re.compile(r'[2-9] notifications'))
        requests.get_by_role('button', name='Write').click()
        requests.get_by_label('Value to write').fill('dd a')
        requests.get_by_role('button', name='Send').click()
        expect(requests.get_by_role('alert')).to_contain_text('pairs of hexadecimal digits')
        requests.get_by_label('Value to write').fill(QUESTION)
        requests.get_by_role('button', name='Send').click()
        expect(requests).to_contain_text('7 bytes were written.')
        model.get_by_role('button', name='Keep as point').click()
        dialog = page.get_by_role('dialog')
        expect(dialog.get_by_label('Name')).to_have_value('model')
        expect(dialog.get_by_text('Now: JBD-SP10S009')).to_be_visible()
        dialog.get_by_label('Format').select_option('uint8')
        expect(dialog.get_by_text('Uint8 is 1 bytes long')).to_be_visible()
        dialog.get_by_label('Format').select_option('utf-8')
        dialog.get_by_label('Name').fill('voltage')
        dialog.get_by_role('button', name='Keep').click()
        expect(dialog.get_by_text('A value of that name exists already.')).to_be_visible()
        dialog.get_by_label('Name').fill('type')
        dialog.get_by_role('button', name='Keep').click()
        expect(model).to_contain_text('Point: type')
        page.get_by_role('tab', name='Values').click()
        page.get_by_role('textbox', name=re.compile('Search')).fill('type')
        expect(page.locator('.cp-value')).to_have_count(1)
        expect(page.locator('.cp-value')).to_contain_text('JBD-SP10S009')
        page.get_by_role('tab', name='Browse').click()
        model.get_by_role('button', name='Remove').click()
        expect(model.get_by_role('button', name='Keep as point')).to_be_visible()
        assert call(url, 'GET', '/api/connections/demo_battery')['config']['characteristics'] == []
        page.get_by_role('button', name='Undo').click()
        expect(model).to_contain_text('Point: type')


def test_a_device_of_no_known_kind_leads_to_its_characteristics(browser: Browser, url: str, battery: str) -> None:
    call(url, 'PATCH', '/api/connections/demo_battery', {'config': {'profile': 'gatt'}})
    try:
        with visitor(browser) as page:
            page.goto(f'{battery}?tab=values')
            expect(page.locator('.cp-trouble')).to_contain_text('Choose characteristics under Browse.')
            expect(page.get_by_role('heading', name='Nothing is chosen yet')).to_be_visible()
            page.locator('.cp-trouble').get_by_role('button', name='Browse the device').click()
            firmware = one(page, 'Firmware Revision String')
            firmware.get_by_role('button', name='Keep as point').click()
            page.get_by_role('dialog').get_by_role('button', name='Keep').click()
            expect(firmware).to_contain_text('Point: firmware_version')
            expect(page.locator('.cp-trouble')).to_be_hidden()
    finally:
        call(url, 'PATCH', '/api/connections/demo_battery', {'config': {'profile': 'auto', 'characteristics': None}})


def test_notifications_end_when_nobody_looks(browser: Browser, battery: str) -> None:
    with visitor(browser) as page:
        page.goto(f'{battery}?tab=names')
        hear = one(page, 'JBD answers').get_by_role('button', name='Notify')
        hear.click()
        expect(hear).to_have_attribute('aria-pressed', 'true')
        page.get_by_role('tab', name='Log').click()
        page.wait_for_timeout(5000)  # longer than a glance elsewhere
        page.get_by_role('tab', name='Browse').click()
        expect(hear).to_have_attribute('aria-pressed', 'false')


def test_what_is_only_heard_shows_its_values(browser: Browser, url: str) -> None:
    with visitor(browser, size='phone') as page:
        page.goto(f'{url}/connections/demo_thermometer?tab=names')
        expect(page.get_by_role('treeitem').filter(has_text='temperature')).to_contain_text('°C')
        expect(page.get_by_role('button', name='Pause 10 min')).to_be_hidden()
        page.get_by_role('tab', name='Signal').click()
        expect(page.locator('.cp-figures.four')).to_contain_text(re.compile('−\\d+\u00a0dBm'))
        expect(page.get_by_text('This sensor is only heard')).to_be_visible()
        expect(page.locator('.js-plotly-plot')).to_be_visible()
        expect(page.locator('.cp-events li').filter(has_text='Connected')).to_have_count(1)


def test_a_pause_frees_the_battery_and_ends_on_demand(browser: Browser, url: str, battery: str) -> None:
    with visitor(browser) as page, visitor(browser, size='desktop', dark=True) as other:
        page.goto(battery)
        other.goto(url)
        card = other.locator('article[data-id=demo_battery]')
        page.get_by_role('button', name='Pause 10 min').click()
        expect(page.locator('.cp-trouble')).to_contain_text(re.compile(r'Paused, back in (9|10) min'))
        expect(page.locator('.cp-head .eo-lamp')).to_contain_text('Paused')
        expect(page.get_by_role('button', name='Pause 10 min')).to_be_hidden()
        expect(card).to_contain_text('Back in 10 min')
        expect(card.locator('.eo-lamp')).to_have_text('Paused')
        page.get_by_role('tab', name='Browse').click()
        expect(page.get_by_role('heading', name='Not connected')).to_be_visible()
        card.get_by_role('button', name='Connect now').click()
        expect(page.locator('.cp-head .eo-lamp')).to_contain_text('Connected')
        expect(one(page, 'JBD answers')).to_be_visible()
        expect(page.locator('.cp-trouble')).to_be_hidden()
        card.get_by_role('button', name=re.compile('More')).click()
        other.get_by_role('menuitem', name='Pause 10 min').click()
        expect(page.locator('.cp-head .eo-lamp')).to_contain_text('Paused')
        page.get_by_role('button', name='Leave it off').click()
        expect(page.locator('.cp-head .eo-lamp')).to_contain_text('Off')
        expect(page.locator('.cp-trouble')).to_be_hidden()


def test_a_mosfet_is_switched_by_hand(browser: Browser, battery: str) -> None:
    with visitor(browser) as page:
        page.goto(f'{battery}?tab=values')
        page.get_by_role('textbox', name=re.compile('Search')).fill('discharge_mosfet')
        expect(page.locator('.cp-value')).to_have_count(1)
        page.locator('.cp-value').click()
        dialog = page.get_by_role('dialog')
        for word, value in (('Off', 'false'), ('On', 'true')):
            dialog.get_by_role('button', name=word, exact=True).click()
            expect(dialog.locator('.cp-now')).to_have_text(value)
            expect(dialog.get_by_text('Sent. The device has reported a value since.')).to_be_visible()


def test_a_battery_out_of_range_is_missed_and_found_again(browser: Browser, url: str, battery: str) -> None:
    with visitor(browser) as page:
        page.goto(f'{url}/demo')
        strip = page.get_by_role('region', name='Connections of the demo')
        link = strip.locator('.dm-link', has_text='Solar battery')
        expect(link).to_have_class(WORKS)
        far = page.get_by_role('region', name='Battery (Bluetooth)').get_by_role('switch', name='Out of range')
        far.click()
        try:
            expect(link).to_have_class(re.compile('eo-bad'))
            expect(link.locator('.dm-why')).to_contain_text(BATTERY)
            expect(strip.locator('.dm-link', has_text='Garden shed')).to_have_class(WORKS)
        finally:
            far.click()
        expect(link).to_have_class(WORKS, timeout=25_000)
        page.goto(f'{battery}?tab=signal')
        expect(page.locator('.cp-events li').first).to_contain_text('Connected')


def test_without_an_adapter_it_is_said_what_to_do(browser: Browser, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv('DBUS_SYSTEM_BUS_ADDRESS', f'unix:path={tmp_path}/nobody')
    settings = tmp_path / 'settings.toml'
    settings.write_text(f'[[connections]]\nid = "b"\ntype = "bluetooth"\n[connections.config]\naddress = "{BATTERY}"\n')
    with running('--settings', str(settings)) as url, visitor(browser, size='phone', dark=True) as page:
        dialog = open_form(page, url)
        expect(dialog.locator('.eo-help')).to_contain_text('The Bluetooth service of this device does not answer.')
        expect(dialog.locator('.eo-help')).to_contain_text('sudo systemctl start bluetooth')
        assert findings(page) == []
        page.goto(f'{url}/connections/b?tab=signal')
        expect(page.locator('.cp-trouble')).to_contain_text('The Bluetooth service')
        expect(page.locator('.cp-events li').first).to_contain_text('No Bluetooth adapter could be used.')
        assert findings(page) == []


def barriers(page: Page) -> list[str]:
    """What axe finds once the page is not loading any more."""
    page.wait_for_function("document.querySelector('.q-loading-bar')?.style.opacity !== '1'")
    return findings(page)


@pytest.mark.parametrize('dark', [False, True], ids=['light', 'dark'])
def test_nobody_is_kept_out(browser: Browser, url: str, battery: str, dark: bool) -> None:
    with visitor(browser, size='phone' if dark else 'panel', dark=dark) as page:
        page.goto(f'{battery}?tab=names')
        one(page, 'JBD answers').get_by_role('button', name='Notify').click()
        one(page, 'JBD requests').get_by_role('button', name='Write').click()
        one(page, 'Model Number String').get_by_role('button', name='Read').click()
        expect(page.locator('.gt-value')).to_have_count(2)
        assert barriers(page) == []
        one(page, 'Model Number String').get_by_role('button', name='Keep as point').click()
        expect(page.get_by_role('dialog')).to_be_visible()
        assert barriers(page) == []
        page.goto(f'{battery}?tab=signal')
        expect(page.locator('.js-plotly-plot')).to_be_visible()
        assert barriers(page) == []
        dialog = open_form(page, url)
        dialog.get_by_role('button', name=re.compile(r'Show \d without a name')).click()
        dialog.get_by_text('Advanced').click()
        assert barriers(page) == []
