"""The machine and the processes in the limiter's care, seen in a real browser: real hogs, really held."""
import json
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from edgeos.web.passwords import hash_pin
from tests.e2e.support import ROOT, chromium, visitor
from tests.helpers import eventually_sync

LIMIT = 20  # %: low enough to be reached beside other load
SETTINGS = f'[limits]\ncpu_percent = {LIMIT}\n'


class House:
    """The running program: `tell` gives it processes to look after."""

    def __init__(self, process: 'subprocess.Popen[str]', url: str, settings: Path) -> None:
        self._process = process
        self._settings = settings
        self.url = url

    def tell(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + '\n')
        self._process.stdin.flush()

    @property
    def limits(self) -> dict[str, Any]:
        """As they are in settings.toml."""
        found: dict[str, Any] = tomllib.loads(self._settings.read_text())['limits']
        return found


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@contextmanager
def running_in(folder: Path, *first: str, settings: str = SETTINGS) -> Iterator[House]:
    """With its settings and data there; it must end cleanly."""
    (folder / 'settings.toml').write_text(settings)
    with (folder / 'errors').open('w') as errors:
        process = subprocess.Popen(
            [sys.executable, 'tests/e2e/system_app.py', *first, '--port', '0', '--settings', str(folder / 'settings.toml')],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)  # fmt: skip
    assert process.stdout is not None
    ready = re.search(r'http://\S+', process.stdout.readline())
    assert ready, (folder / 'errors').read_text()
    try:
        yield House(process, ready.group(), folder / 'settings.toml')
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 0, (folder / 'errors').read_text()


@pytest.fixture(scope='module')
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For tests that do not mind what else it looks after."""
    with running_in(tmp_path_factory.mktemp('house')) as house:
        yield house


def row(page: Page, name: str) -> Locator:
    return page.locator('.pr-one').filter(has_text=name)


def stats(page: Page, house: House, name: str) -> dict[str, Any] | None:
    """What the limiter says of it, with its process number."""
    processes = page.request.get(f'{house.url}/api/system/resources').json()['limiter']['processes']
    return next(({'pid': pid, **each} for pid, each in processes.items() if each['name'] == name), None)


def has(page: Page, house: House, name: str, wanted: Callable[[dict[str, Any]], bool]) -> Callable[[], bool]:
    return lambda: (found := stats(page, house, name)) is not None and wanted(found)


def times(page: Page) -> list[int]:
    """Of the values in the first graph, in epoch ms."""
    found: list[int] = page.locator('.sy-machine .cp-plot').first.evaluate('plot => plot.data?.[0].x ?? []')
    return found


def test_figures_and_graphs_appear_and_move_on(browser: Browser, house: House) -> None:
    with visitor(browser, size='desktop') as page:
        house.tell(minutes=[*range(10, 20), *range(200, 210)])
        page.goto(f'{house.url}/system')
        expect(page.locator('.cp-figure').filter(has_text='CPU')).to_contain_text(re.compile(r'\d+\s%'))
        expect(page.locator('.cp-figure').filter(has_text='Delay')).to_contain_text(re.compile(r'\d\sms'))
        uptime = page.locator('.cp-figure').filter(has_text='Running for').locator('b')
        before = uptime.inner_text()
        eventually_sync(lambda: len(times(page)) > 0)
        begun = times(page)
        eventually_sync(lambda: len(times(page)) > len(begun))
        assert times(page)[: len(begun)] == begun
        assert uptime.inner_text() != before
        page.get_by_role('button', name='24 h').click()
        expect(page.get_by_role('button', name='24 h')).to_have_attribute('aria-pressed', 'true')
        eventually_sync(lambda: len(times(page)) > 10 and times(page)[-1] - times(page)[0] > 180 * 60_000)
        values = page.locator('.sy-machine .cp-plot').first.evaluate('plot => plot.data[0].y')
        assert values.count(None) >= 1  # no line across the hours between
        page.get_by_role('button', name='5 min').click()
        eventually_sync(lambda: times(page)[: len(begun)] == begun)


def test_a_hog_is_shown_as_held_and_obeys_the_page(browser: Browser, house: House) -> None:
    with visitor(browser) as page:
        page.goto(f'{house.url}/system')
        house.tell(start='hog', does='hog')
        expect(row(page, 'hog')).to_be_visible()
        eventually_sync(has(page, house, 'hog', lambda found: found['throttled']), timeout=15)
        expect(row(page, 'hog')).to_contain_text(f'Held at {LIMIT}\u00a0% since', timeout=2000)
        average = row(page, 'hog').locator('.pr-cpu b')
        eventually_sync(lambda: abs(float(average.inner_text().split()[0]) - LIMIT) < 4, timeout=15)
        bar, mark = row(page, 'hog').locator('.pr-cpu .pr-bar > i'), row(page, 'hog').locator('.pr-cpu .pr-bar > u')
        edge = (bar.bounding_box() or {}).get('x', 0) + (bar.bounding_box() or {}).get('width', 0)
        assert abs(edge - (mark.bounding_box() or {}).get('x', 0)) < 0.25 * (mark.locator('..').bounding_box() or {})['width']

        row(page, 'hog').locator('.pr-row').click()
        detail = page.locator('.pr-detail')
        expect(detail.locator('.main-svg').first).to_be_visible()
        choice, number = detail.get_by_label('CPU', exact=True), detail.get_by_label('CPU limit')
        expect(number).to_be_hidden()
        choice.select_option(label='Its own')
        for typed, said in (('much', 'Enter a number.'), ('0.5', 'Enter a number from 1 to')):
            number.fill(typed)
            detail.get_by_role('button', name='Apply').click()
            expect(detail.get_by_role('alert')).to_contain_text(said)
        number.fill('35.5')
        number.press('Enter')
        expect(page.get_by_text('The limits hold now.')).to_be_visible()
        assert stats(page, house, 'hog')['limit'] == 35.5
        assert house.limits['processes'] == {'hog': {'cpu_percent': 35.5}}
        expect(row(page, 'hog')).to_contain_text('of 35.5\u00a0%')

        choice.select_option(label='No limit')
        detail.get_by_role('button', name='Apply').click()
        expect(row(page, 'hog').locator('.eo-lamp')).to_have_text('Running')
        expect(row(page, 'hog')).to_contain_text('no limit')
        assert house.limits['processes'] == {'hog': {'cpu_percent': 0}}
        page.get_by_role('button', name='Undo').click()
        eventually_sync(has(page, house, 'hog', lambda found: found['limit'] == 35.5))
        expect(number).to_have_value('35.5')
        number.press('Escape')
        expect(row(page, 'hog').locator('.pr-row')).to_be_focused()
        house.tell(stop='hog')
        expect(row(page, 'hog')).to_have_count(0)


def test_limits_for_all_hold_at_once(browser: Browser, house: House) -> None:
    with visitor(browser, size='phone') as page:
        house.tell(start='quiet', does='rest')
        page.goto(f'{house.url}/system')
        defaults = page.get_by_role('region', name='Limits for all')
        defaults.get_by_label('Memory limit').fill('3')
        defaults.get_by_role('button', name='Save').click()
        expect(defaults.get_by_role('alert')).to_contain_text('Enter a number from 16 to')
        defaults.get_by_label('Memory limit').fill('222')
        defaults.get_by_label('CPU limit').fill('30')
        defaults.get_by_role('button', name='Save').click()
        expect(row(page, 'quiet')).to_contain_text('of 30\u00a0%')
        expect(row(page, 'quiet')).to_contain_text('of 222\u00a0MB')
        assert (house.limits['cpu_percent'], house.limits['memory_mb']) == (30, 222)
        house.tell(stop='quiet')


def test_ending_a_process_is_asked_for_twice_and_takes_nothing_typed_away(browser: Browser, tmp_path: Path) -> None:
    settings = f'[security]\npin_hash = "{hash_pin("2468")}"\n'
    with running_in(tmp_path, settings=settings) as house, visitor(browser) as page:
        house.tell(start='quiet', does='rest')
        page.goto(f'{house.url}/system')
        row(page, 'quiet').locator('.pr-row').click()
        detail, locked = page.locator('.pr-detail'), page.get_by_role('dialog', name='Enter the PIN')
        sheet = page.get_by_role('dialog', name='quiet?')
        detail.get_by_label('CPU', exact=True).select_option(label='Its own')
        detail.get_by_label('CPU limit').fill('33')
        pid = (stats(page, house, 'quiet') or {})['pid']
        detail.get_by_role('button', name='Kill').click()
        locked.get_by_label('PIN').fill('2468')
        locked.get_by_role('button', name='Unlock').click()
        expect(sheet.get_by_role('heading', name='Kill quiet?')).to_be_visible()
        expect(sheet).to_contain_text('cannot save anything')
        sheet.get_by_role('button', name='Cancel').click()
        expect(sheet).to_be_hidden()
        assert (stats(page, house, 'quiet') or {})['pid'] == pid
        for deed, said in (('Kill', 'quiet was killed.'), ('Restart', 'quiet is being restarted.')):
            detail.get_by_role('button', name=deed).click()
            sheet.get_by_role('button', name=deed).click()
            expect(page.get_by_text(said)).to_be_visible()
            eventually_sync(has(page, house, 'quiet', lambda found, old=pid: found['pid'] != old))
            pid = (stats(page, house, 'quiet') or {})['pid']
            expect(detail.get_by_label('CPU limit')).to_have_value('33')
            expect(detail.get_by_role('button', name=deed)).to_be_enabled()
        expect(detail).to_contain_text('started 3 times in the last hour')


def test_where_only_priority_is_left_the_page_says_so_and_what_to_do(browser: Browser, tmp_path: Path) -> None:
    with running_in(tmp_path, '--only-priority') as house, visitor(browser) as page:
        page.goto(f'{house.url}/system')
        expect(page.get_by_text('PLC workers and plugins appear here as soon as they run.')).to_be_visible()
        note = page.get_by_role('note')
        expect(note).to_contain_text('CPU is NOT limited')
        expect(note).to_contain_text('Delegate=cpu memory pids')
        house.tell(start='hog', does='hog')
        expect(row(page, 'hog').locator('.eo-lamp')).to_have_text('Not held', timeout=15_000)
        expect(row(page, 'hog')).to_contain_text('only its priority is lowered')
        expect(page.locator('.eo-sum')).to_have_text('1 needs you')


def test_it_is_german_too_and_says_what_needs_the_owner(browser: Browser, house: House) -> None:
    with visitor(browser, dark=True, language='de') as page:
        page.goto(f'{house.url}/system')
        tile, box = page.locator('.cp-figure').filter(has_text='Datenträger'), page.locator('.sy-boxes > div')
        expect(tile).to_contain_text('belegt')
        house.tell(vital={'disk': 93.4, 'temperature': 70})
        expect(tile).to_contain_text('fast voll', timeout=15_000)
        expect(box.filter(has_text='Der Datenträger ist zu 93,4\u00a0% voll.')).to_contain_text('Platz schaffen')
        expect(page.locator('.eo-sum')).to_contain_text(re.compile('Hilfe'))
        expect(page.get_by_role('link', name='System').locator('.eo-badge')).to_have_text(re.compile('[1-9]'))
        house.tell(vital={'disk': 50})
        expect(box.filter(has_text='Datenträger')).to_have_count(0)
        house.tell(start='PLC worker 192.0.2.1:48898', does='rest')
        expect(row(page, 'SPS-Prozess 192.0.2.1:48898')).to_contain_text(re.compile(r'von \d+\s%'))
