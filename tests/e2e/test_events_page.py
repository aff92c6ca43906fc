"""What went wrong, seen in a real browser: live, in peace, found, reported to a Sentry server, taken along."""
import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from edgeos.reporting.event_store import EventStore
from tests.e2e.support import ROOT, chromium, visitor
from tests.helpers import FakeClock, eventually_sync
from tests.reporting.ingest import Answer, Ingest

SETTINGS = '''
[[connections]]
id = "cellar"
type = "mqtt"
name = "Cellar"
enabled = false
[connections.config]
host = "127.0.0.1"
'''
HOSTILE = '<img src=x onerror="document.title=\'broken in\'">'
OLD = 700


class House:
    """The running program: `tell` makes things go wrong in it."""

    def __init__(self, process: 'subprocess.Popen[str]', url: str) -> None:
        self._process = process
        self.url = url

    def tell(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + '\n')
        self._process.stdin.flush()


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@contextmanager
def running_in(folder: Path) -> Iterator[House]:
    """With its settings and data there; it must end cleanly."""
    (folder / 'settings.toml').write_text(SETTINGS)
    environ = {name: value for name, value in os.environ.items() if name not in ('SENTRY_DSN', 'ENVIRONMENT')}
    with (folder / 'errors').open('w') as errors:
        process = subprocess.Popen(
            [sys.executable, 'tests/e2e/events_app.py', '--port', '0', '--settings', str(folder / 'settings.toml')],
            cwd=ROOT, env=environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)  # fmt: skip
    assert process.stdout is not None
    ready = re.search(r'http://\S+', process.stdout.readline())
    assert ready, (folder / 'errors').read_text()
    try:
        yield House(process, ready.group())
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 0, (folder / 'errors').read_text()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with running_in(tmp_path) as house:
        yield house


@pytest.fixture(scope='module')
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For tests that do not mind what happened before."""
    with running_in(tmp_path_factory.mktemp('shared')) as house:
        yield house


@pytest.fixture
def long_ago(tmp_path: Path) -> None:
    """Hundreds of events of an earlier life; the oldest is a needle in them."""
    clock = FakeClock()
    (tmp_path / 'data').mkdir()
    store = EventStore(tmp_path / 'data' / 'events.sqlite', clock)
    store.start()
    for number in range(OLD):
        clock.advance(60)
        level, source = ('warning', 'cellar') if number % 3 == 0 else ('info', 'gateway')
        text = 'a needle in the haystack' if number == 0 else f'something that happened, number {number}'
        store.add(level, source, text, f'{number * 7919 + 1:013x}000')
    store.stop(5)


def row(page: Page, text: str) -> Locator:
    return page.locator('.el-one').filter(has_text=text)


def badge(page: Page) -> Locator:
    return page.get_by_role('link', name=re.compile('Events')).locator('.eo-badge')


def test_an_error_appears_by_itself_and_is_acknowledged(browser: Browser, house: House) -> None:
    with visitor(browser) as page:
        page.goto(f'{house.url}/events')
        expect(page.get_by_role('heading', name='Nothing has happened yet')).to_be_visible()
        house.tell(error='the valve is stuck', context={'operation': 'write value', 'connection_id': 'cellar'})
        house.tell(event=['info', 'gateway', 'all is well'])
        expect(row(page, 'the valve is stuck')).to_have_class(re.compile('new'))
        expect(badge(page)).to_have_text('1')
        opener = row(page, 'the valve is stuck').locator('.el-row')
        opener.click()
        expect(opener).to_have_attribute('aria-expanded', 'true')
        expect(page.get_by_role('row', name='operation')).to_contain_text('write value')
        page.get_by_text('Traceback: where in the program').click()
        expect(page.get_by_role('region', name='Traceback')).to_contain_text('in go_wrong')
        expect(page.get_by_role('link', name='Open Cellar')).to_have_attribute('href', '/connections/cellar')
        page.get_by_role('button', name='Acknowledge', exact=True).click()
        expect(row(page, 'the valve is stuck')).not_to_have_class(re.compile('new'))
        expect(badge(page)).to_be_empty()
        page.keyboard.press('Escape')
        expect(row(page, 'the valve is stuck').locator('.el-row')).to_have_attribute('aria-expanded', 'false')
        house.tell(error='the valve is stuck', times=4,
                   context={'operation': 'write value', 'connection_id': 'cellar'})  # fmt: skip
        expect(row(page, '×5')).to_contain_text('the valve is stuck')
        page.get_by_role('button', name='Acknowledge all').click()
        expect(page.get_by_text('1 error acknowledged')).to_be_visible()
        expect(row(page, '×5')).not_to_have_class(re.compile('new'))


@pytest.mark.usefixtures('long_ago')
def test_what_is_new_waits_while_somebody_reads(browser: Browser, house: House) -> None:
    with visitor(browser) as page:
        page.goto(f'{house.url}/events')
        expect(page.locator('.el-one')).to_have_count(300)
        assert page.locator('.el-one').evaluate_all(
            'all => all.filter(each => each.getBoundingClientRect().bottom <= innerHeight).length') >= 8  # fmt: skip
        read = row(page, 'number 650')
        read.scroll_into_view_if_needed()
        before = read.bounding_box()
        house.tell(event=['warning', 'cellar', 'number 9 came just now'])
        house.tell(event=['info', 'cellar', 'and something else'])
        release = page.get_by_role('button', name='2 new entries')
        expect(release).to_be_visible()
        assert read.bounding_box() == before
        expect(row(page, 'came just now')).to_have_count(0)
        release.click()
        expect(page.locator('.el-one').first).to_contain_text('and something else')
        assert page.evaluate('scrollY') == 0
        page.locator('.el-row').nth(1).click()  # now it is a row that is open
        house.tell(error='a third thing')
        expect(page.get_by_role('button', name='1 new entry')).to_be_visible()
        expect(page.locator('.el-one').first).to_contain_text('and something else')
        page.locator('.el-row').nth(1).click()
        expect(page.locator('.el-one').nth(1)).not_to_have_class(re.compile('open'))
        house.tell(event=['info', 'cellar', 'a fourth thing'])
        expect(page.locator('.el-one').first).to_contain_text('a fourth thing')
        page.get_by_role('button', name='Show more').click()
        expect(page.locator('.el-one')).to_have_count(600)


@pytest.mark.usefixtures('long_ago')
def test_filters_find_what_is_not_shown(browser: Browser, house: House) -> None:
    with visitor(browser, size='phone') as page:
        page.goto(f'{house.url}/events')
        search = page.get_by_role('textbox', name=f'Search {OLD} events')
        expect(search).to_be_visible()
        page.keyboard.press('/')
        expect(search).to_be_focused()
        search.fill('NEEDLE')
        expect(page.locator('.el-one')).to_have_count(1)
        expect(page.locator('.el-one')).to_contain_text('a needle in the haystack')
        page.get_by_role('button', name='Errors').click()
        expect(page.get_by_role('heading', name='Nothing matches')).to_be_visible()
        page.get_by_role('button', name='Clear filters').last.click()
        expect(page.locator('.el-one')).to_have_count(300)
        page.get_by_label('Where it comes from').select_option('Cellar')
        expect(page.locator('.el-one')).to_have_count((OLD + 2) // 3)
        house.tell(error='only this one')
        page.get_by_label('Where it comes from').select_option('All sources')
        page.get_by_role('button', name='Needs you').click()
        expect(page.locator('.el-one')).to_have_count(1)
        expect(page.locator('.el-one')).to_contain_text('only this one')


def test_what_comes_from_outside_is_only_text_also_in_german(browser: Browser, shared: House) -> None:
    with visitor(browser, language='de') as page:
        shared.tell(error=f'{HOSTILE} {{{{ 7*7 }}}} \u202eright to left', context={'operation': HOSTILE, 'topic': HOSTILE})
        shared.tell(event=['info', HOSTILE, HOSTILE])
        page.goto(f'{shared.url}/events')
        expect(page.get_by_role('heading', name='Ereignisse')).to_be_visible()
        expect(page.locator('.el-from').filter(has_text=HOSTILE)).to_be_visible()
        error = row(page, '{{ 7*7 }}')
        expect(error).to_contain_text('\\u202eright')
        error.locator('.el-row').click()
        expect(error.locator('.el-context')).to_contain_text(HOSTILE)
        expect(error.get_by_role('button', name='Bestätigen')).to_be_visible()
        assert page.locator('.eo-main img').count() == 0
        assert 'broken in' not in page.title()


def test_a_test_report_shows_what_reaches_the_server(browser: Browser, shared: House) -> None:
    with Ingest() as ingest, visitor(browser) as page:
        page.goto(f'{shared.url}/events?tab=reports')
        expect(page.locator('.rp-now')).to_contain_text('nothing leaves this device')
        field = page.get_by_label('DSN of the Sentry project', exact=True)
        field.fill('https://sentry.example.com/1')
        page.get_by_role('button', name='Save').click()
        expect(page.locator('.eo-field .eo-error')).to_have_text('This is no DSN: there is no key before the @.')
        field.fill(ingest.dsn)
        page.get_by_role('button', name='Save').click()
        expect(page.locator('.rp-now')).to_contain_text('reported to localhost, project 42')
        page.get_by_role('button', name='Send a test report').click()
        sheet = page.get_by_role('dialog')
        expect(sheet.get_by_role('status').first).to_contain_text('It arrived after')
        shown = json.loads(sheet.get_by_role('region').inner_text())
        assert ingest.events == [shown]
        sheet.get_by_role('button', name='Close').last.click()
        ingest.answer = Answer(503)
        shared.tell(error='this one waits')
        expect(page.locator('.rp-now .eo-lamp')).to_have_text('Trouble')
        page.get_by_role('switch', name='Send reports of errors').click()
        expect(page.get_by_text('1 waiting report was dropped')).to_be_visible()
        sent = len(ingest.requests)
        page.get_by_role('button', name='Send a test report').click()
        expect(sheet.get_by_role('status').first).to_contain_text('Nothing has left this device')
        assert json.loads(sheet.get_by_role('region').inner_text())['event_id'] != shown['event_id']
        assert len(ingest.requests) == sent
        page.reload()
        expect(page.get_by_role('switch', name='Send reports of errors')).not_to_be_checked()
        expect(page.locator('.rp-now')).to_contain_text('Sending is switched off')


def test_diagnostics_are_looked_at_before_they_are_taken_along(browser: Browser, shared: House) -> None:
    with visitor(browser, dark=True) as page:
        page.goto(f'{shared.url}/events?tab=diagnostics')
        files = page.locator('.dg-files code')
        expect(files.filter(has_text='about.json')).to_be_visible()
        page.get_by_role('button', name='Look at it: connections.json').click()
        sheet = page.get_by_role('dialog')
        expect(sheet.get_by_role('region')).to_contain_text('"id": "cellar"')
        seen = json.loads(sheet.get_by_role('region').inner_text())
        sheet.get_by_role('button', name='Close').last.click()
        with page.expect_download() as download:
            page.get_by_role('button', name='Download').click()
        assert re.fullmatch(r'smarthome-edge-os-diagnostics-\d{4}-\d\d-\d\d\.zip', download.value.suggested_filename)
        with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
            assert archive.namelist() == files.all_inner_texts()
            assert json.loads(archive.read('connections.json')) == seen


def test_a_broken_page_is_calm_and_its_error_is_told_once(browser: Browser, house: House) -> None:
    page = browser.new_page()  # its console may say that the server answered 500
    complaints: list[str] = []
    page.on('pageerror', lambda error: complaints.append(str(error)))

    def counted() -> list[tuple[str, int]]:
        found = page.request.get(f'{house.url}/api/events').json()
        return sorted((event['context']['operation'], event['count']) for event in found)

    page.goto(f'{house.url}/events?tab=diagnostics')
    expect(page.get_by_role('button', name='Download')).to_be_enabled()
    for place in ('settings_page.content', 'connection_page.content', 'diagnostics_view.pack'):
        house.tell(broken=f'pages.{place}')
    page.get_by_role('button', name='Download').click()
    eventually_sync(lambda: len(counted()) == 1)
    for path in ('/settings?x=1', '/connections/cellar'):
        answer = page.goto(house.url + path)
        assert answer is not None and answer.status == 500
        expect(page.get_by_role('heading', name='This page cannot be shown')).to_be_visible()
        expect(page.locator('.eo-main')).not_to_contain_text('is broken')
    eventually_sync(lambda: len(counted()) == 3)
    assert counted() == [('page /connections/{connection_id}', 1), ('page /events', 1), ('page /settings', 1)]
    house.tell(mended='pages.connection_page.content')
    page.get_by_role('link', name='Try again').click()
    expect(page.get_by_role('heading', name='Cellar')).to_be_visible()
    page.close()
    assert complaints == []
