"""A PLC from the first tap to a written value: adding, choosing, watching, writing, and what vanishes."""
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
from tests.plc import Plc

UP = re.compile('Connected|Degraded')
NET_ID = '127.0.0.1.3.1'


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
def plc() -> Iterator[Plc]:
    simulated = Plc('house3', '--net-id', NET_ID).start()
    yield simulated
    simulated.stop()


@pytest.fixture(scope='module')
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path: Path = tmp_path_factory.mktemp('house') / 'settings.toml'
    path.write_text('schema_version = 1\n')
    with running('--settings', str(path)) as url:
        yield url


def call(url: str, method: str, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {'Content-Type': 'application/json'}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or 'null')


@pytest.fixture
def page_of(url: str, plc: Plc) -> Iterator[Any]:
    """The page of a connection to the PLC, made with these symbols."""
    def make(*symbols: str) -> str:
        call(url, 'POST', '/api/connections', {'id': 'house', 'type': 'plc', 'name': 'House', 'config': {
            'host': plc.address, 'ams_net_id': NET_ID, 'symbols': list(symbols)}})  # fmt: skip
        eventually_sync(lambda: call(url, 'GET', '/api/connections/house')['status'] == 'connected')
        return f'{url}/connections/house'

    yield make
    call(url, 'DELETE', '/api/connections/house')


def chosen(url: str) -> list[str]:
    """What stands in the settings."""
    symbols: list[str] = call(url, 'GET', '/api/connections/house')['config']['symbols']
    return symbols


def box(page: Page, name: str) -> Locator:
    return page.get_by_role('checkbox', name=name, exact=True)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role('treeitem').filter(has=box(page, name))


def unfold(page: Page, name: str) -> None:
    row(page, name).get_by_role('button').first.click()
    expect(row(page, name)).to_have_attribute('aria-expanded', 'true')


@pytest.mark.parametrize('size', ['panel', 'phone'])
def test_a_plc_is_added_and_its_proof_is_its_name(browser: Browser, url: str, plc: Plc, size: str) -> None:
    with visitor(browser, size=size) as page:
        page.goto(url)
        page.get_by_role('button', name='Add').first.click()
        dialog = page.get_by_role('dialog')
        dialog.get_by_role('button', name='Beckhoff PLC').click()
        field = lambda label: dialog.get_by_label(label, exact=True)  # noqa: E731
        field('Name').fill('Heating')
        field('Host').fill(f'ads://{plc.address}/')
        expect(field('AMS NetId')).to_have_value('127.0.0.1.1.1')
        expect(dialog.locator('.eo-route code').first).to_have_text('127.0.0.1.1.1')
        field('AMS NetId').fill('127.0.0.1.3')
        dialog.get_by_role('button', name='Test').click()
        expect(dialog.get_by_text('Six numbers from 0 to 255')).to_be_visible()
        field('AMS NetId').fill(NET_ID)
        dialog.get_by_role('button', name='TwinCAT 2 · 801').click()
        dialog.get_by_role('button', name='Test').click()
        expect(dialog.get_by_text('has no runtime on AMS port 801')).to_be_visible()
        dialog.get_by_role('button', name='Change the AMS port').click()
        expect(field('AMS port')).to_be_focused()
        dialog.get_by_role('button', name='TwinCAT 3 · 851').click()
        dialog.get_by_role('button', name='Test').click()
        expect(dialog.get_by_text(re.compile(r'It answers: AMS 851 · Plc30 App 3\.1'))).to_be_visible()
        expect(dialog.locator('.eo-ladder > li.ok')).to_have_text([re.compile(each) for each in
                                                                   ('Network', 'Answer', 'Route', 'Data')])  # fmt: skip
        expect(dialog.get_by_text('Symbols are chosen after saving, under Browse.')).to_be_visible()
        expect(dialog.get_by_role('button', name='Save')).to_be_in_viewport(ratio=1)
        dialog.get_by_role('button', name='Save').click()
        expect(dialog).to_be_hidden()
    found = call(url, 'GET', '/api/connections/heating')
    call(url, 'DELETE', '/api/connections/heating')
    assert {key: found['config'][key] for key in ('host', 'ams_net_id', 'ams_port')} == {
        'host': plc.address, 'ams_net_id': NET_ID, 'ams_port': 851}  # fmt: skip


def test_a_chosen_symbol_lives_at_once(browser: Browser, url: str, page_of: Any) -> None:
    with visitor(browser) as page:
        page.goto(f'{page_of()}?tab=values')
        expect(page.get_by_role('heading', name='No symbols are chosen yet')).to_be_visible()
        page.get_by_role('link', name='Choose symbols').click()
        unfold(page, 'Bath')
        box(page, 'Bath.fHumidity').press('Space')
        expect(box(page, 'Bath.fHumidity')).to_have_attribute('aria-checked', 'true')
        expect(row(page, 'Bath.fHumidity').locator('.cp-reading')).to_have_text(re.compile(r'\d.*%'))
        expect(box(page, 'Bath')).to_have_attribute('aria-checked', 'mixed')
        expect(page.get_by_text('1 symbol chosen')).to_be_visible()
        assert chosen(url) == ['Bath.fHumidity']
        box(page, 'Alarms').click()
        expect(page.get_by_text('31 symbols chosen')).to_be_visible()
        page.get_by_role('button', name='Undo').click()
        expect(box(page, 'Alarms')).to_have_attribute('aria-checked', 'false')
        expect(page.get_by_text('1 symbol chosen')).to_be_visible()
        assert chosen(url) == ['Bath.fHumidity']
        box(page, 'Bath').click()
        expect(row(page, 'Bath.bLight')).to_contain_text('chosen by Bath')
        box(page, 'Bath.bLight').click()
        expect(page.get_by_role('dialog')).to_contain_text('Bath.bLight is chosen by Bath.')
        assert chosen(url) == ['Bath']
        page.get_by_role('button', name='Take Bath away').click()
        expect(page.get_by_text('0 symbols chosen')).to_be_visible()
        expect(row(page, 'Bath.fHumidity').locator('.cp-reading')).to_have_count(0)
        assert chosen(url) == []


def test_a_pattern_counts_before_it_is_chosen(browser: Browser, url: str, page_of: Any) -> None:
    with visitor(browser, size='phone') as page:
        page.goto(f'{page_of("Gone.fValue")}?tab=names')
        expect(page.locator('.cp-trouble')).to_contain_text('Not on the PLC: Gone.fValue.')
        page.get_by_role('button', name='Choose by pattern').click()
        dialog = page.get_by_role('dialog')
        expect(dialog.get_by_text('not on the PLC')).to_be_visible()
        pattern = dialog.get_by_label('Pattern')
        pattern.fill('*.nonsense')
        expect(dialog.get_by_text('Matches nothing on this PLC.')).to_be_visible()
        pattern.fill('*.aTemperature[*')
        expect(dialog.get_by_text('Matches 4 values.')).to_be_visible()
        dialog.get_by_role('button', name='Take Gone.fValue away').click()
        expect(dialog.get_by_text('Nothing yet.')).to_be_visible()
        pattern.press('Enter')
        expect(dialog).to_be_hidden()
        expect(page.get_by_text('4 symbols chosen')).to_be_visible()
        expect(page.locator('.cp-trouble')).to_be_hidden()
        assert chosen(url) == ['*.aTemperature[*']
        page.get_by_role('textbox', name='Search').fill('layers from top')
        expect(row(page, 'Buffer.aTemperature[2]')).to_contain_text('chosen by *.aTemperature[*')
        expect(row(page, 'Buffer.aTemperature[2]').locator('.cp-reading')).to_contain_text('°C')


def test_values_are_written_and_refused_beside_the_field(browser: Browser, page_of: Any) -> None:
    with visitor(browser) as page:
        page.goto(f'{page_of("Service.*", "System.eMode")}?tab=values')

        def open_value(name: str) -> Locator:
            page.get_by_role('textbox', name=re.compile('Search')).fill(name)
            expect(page.locator('.cp-value')).to_have_count(1)
            page.locator('.cp-value').filter(has_text=name.partition('.')[2]).click()
            expect(page.get_by_role('dialog')).to_be_visible()
            return page.get_by_role('dialog')

        for name, wrong, why, right, shown in (
            ('Service.nInt', '40000', '40000 does not fit INT: -32768 to 32767.', '-7', '-7'),
            ('System.eMode', 'Disco', 'but: Off, Comfort, Eco', 'party', 'Party'),
            ('Service.dDate', 'tomorrow', 'is not written as DATE', '2027-01-31', '2027-01-31'),
            ('Service.sText', 'ä' * 90, 'STRING(80) holds 80', 'Grüße', 'Grüße'),
            ('Service.tTime', 'soon', 'is not written as TIME', 'T#1m', '60000'),
        ):
            dialog = open_value(name)
            field = dialog.get_by_role('textbox')
            field.fill(wrong)
            dialog.get_by_role('button', name='Send').click()
            expect(dialog.locator('.eo-field .eo-error')).to_contain_text(why)
            expect(field).to_have_value(wrong)
            field.fill(right)
            dialog.get_by_role('button', name='Send').click()
            expect(dialog.locator('.cp-now bdi')).to_have_text(shown)
            dialog.get_by_role('button', name='Close').last.click()
            expect(dialog).to_be_hidden()
        dialog = open_value('Service.bBool')
        dialog.get_by_role('button', name='Off', exact=True).click()
        expect(dialog.locator('.cp-now')).to_have_text('false')


def test_a_route_that_cannot_be_added_says_why_and_keeps_no_password(browser: Browser, url: str, page_of: Any) -> None:
    with visitor(browser) as page:
        page.goto(f'{page_of()}?tab=settings')
        expect(page.locator('.cp-settings')).to_contain_text(re.compile(r'Plc30 App'))
        page.get_by_role('button', name='Add a route on the PLC').click()
        dialog = page.get_by_role('dialog')
        expect(dialog.get_by_label('Route name')).to_have_value('EdgeOS-127.0.0.1')
        dialog.get_by_label('Password', exact=True).fill('geheim-42')
        dialog.get_by_role('button', name='Add the route').click()
        expect(dialog.get_by_role('alert')).to_contain_text('Nothing listens on UDP port 48899 of 127.0.0.1.')
        dialog.get_by_role('button', name='Close').last.click()
        expect(dialog).to_be_hidden()
        page.get_by_role('button', name='Add a route on the PLC').click()
        expect(dialog.get_by_label('Password', exact=True)).to_have_value('')


def test_what_vanishes_in_a_download_is_named(browser: Browser, url: str, plc: Plc, page_of: Any) -> None:
    address = page_of('HotWater.fTemperature')
    with visitor(browser, dark=True) as page:
        page.goto(f'{address}?tab=names')
        unfold(page, 'HotWater')
        plc.fault(download=True)
        try:
            expect(page.locator('.cp-trouble')).to_contain_text('Not on the PLC: HotWater.fTemperature.')
            page.get_by_role('tab', name='Values').click()
            expect(page.locator('.cp-value').filter(has_text='fTemperature')).to_contain_text('broken')
            page.get_by_role('tab', name='Browse').click()
            expect(box(page, 'HotWater')).to_have_count(0)
        finally:
            plc.fault(download=False)
        expect(page.locator('.cp-trouble')).to_be_hidden()
        expect(page.locator('.cp-head')).to_contain_text(UP)


def test_without_the_plc_the_known_values_are_shown(browser: Browser, plc: Plc, page_of: Any) -> None:
    address = page_of('Boiler.fTemperature')
    with visitor(browser) as page:
        page.goto(f'{address}?tab=names')
        expect(box(page, 'Boiler')).to_be_visible()
        plc.kill()
        try:
            expect(page.get_by_text('Not connected: these are the values known from before.')).to_be_visible()
            expect(page.get_by_role('treeitem')).to_have_count(1)
            expect(page.get_by_role('treeitem')).to_contain_text('old')
        finally:
            plc.start()
        expect(box(page, 'Boiler')).to_be_visible()


def barriers(page: Page) -> list[str]:
    """What axe finds once the page is not loading any more."""
    page.wait_for_function("document.querySelector('.q-loading-bar')?.style.opacity !== '1'")
    return findings(page)


@pytest.mark.parametrize('dark', [False, True], ids=['light', 'dark'])
def test_nobody_is_kept_out(browser: Browser, url: str, page_of: Any, dark: bool) -> None:
    address = page_of('Alarms.*', 'Gone.fValue')
    with visitor(browser, size='phone' if dark else 'panel', dark=dark) as page:
        page.goto(f'{address}?tab=names')
        unfold(page, 'Alarms')
        expect(row(page, 'Alarms.nActive')).to_contain_text('chosen by Alarms.*')
        assert barriers(page) == []
        page.get_by_role('button', name='Choose by pattern').click()
        expect(page.get_by_role('dialog')).to_contain_text('not on the PLC')
        assert barriers(page) == []
        page.goto(f'{address}?tab=settings')
        expect(page.locator('.eo-route code').first).to_be_visible()
        assert barriers(page) == []
        page.get_by_role('button', name='Add a route on the PLC').click()
        expect(page.get_by_role('dialog').locator('code').first).to_be_visible()
        assert barriers(page) == []
        page.goto(url)
        page.get_by_role('button', name='Add').first.click()
        expect(page.get_by_role('dialog')).to_be_visible()
        assert barriers(page) == []
        page.get_by_role('dialog').get_by_role('button', name='Beckhoff PLC').click()
        page.get_by_text('Advanced').click()
        assert barriers(page) == []
