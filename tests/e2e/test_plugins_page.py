"""Plugins on the page, seen in a real browser; the plugins themselves are only told of (plugins_app.py)."""
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from edgeos.web.passwords import hash_pin
from tests.e2e.support import ROOT, chromium, visitor
from tests.e2e.test_axe import findings
from tests.helpers import eventually_sync


class House:
    """The running program: `tell` says how its plugins are, `asked` is what the page has asked of them."""

    def __init__(self, process: 'subprocess.Popen[str]', url: str, folder: Path) -> None:
        self._process = process
        self._asked = folder / 'asked'
        self.url = url

    def tell(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + '\n')
        self._process.stdin.flush()

    @property
    def asked(self) -> list[list[Any]]:
        return [json.loads(line) for line in self._asked.read_text().splitlines()] if self._asked.exists() else []


@contextmanager
def running_in(folder: Path, settings: str = '') -> Iterator[House]:
    (folder / 'settings.toml').write_text(settings)
    with (folder / 'errors').open('w') as errors:
        process = subprocess.Popen([sys.executable, 'tests/e2e/plugins_app.py', '--port', '0', '--settings',
                                    str(folder / 'settings.toml')], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=errors)  # fmt: skip
    assert process.stdout is not None
    ready = re.search(r'http://\S+', process.stdout.readline())
    assert ready, (folder / 'errors').read_text()
    try:
        yield House(process, ready.group(), folder)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 0, (folder / 'errors').read_text()
    assert 'Traceback' not in (folder / 'errors').read_text(), (folder / 'errors').read_text()


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with running_in(tmp_path) as house:
        yield house


def card(page: Page, name: str) -> Locator:
    return page.get_by_role('article', name=name, exact=True)


def choose(page: Page, name: str, item: str) -> None:
    """Once more if the card was drawn anew just then, which closes its menu."""
    entry = page.get_by_role('menuitem', name=item)
    for _attempt in range(4):
        page.get_by_role('button', name=f'More for {name}').click()
        try:
            entry.click(timeout=3000)
            return
        except PlaywrightTimeout:
            page.keyboard.press('Escape')
    raise AssertionError(f'{name} has no {item}')


def test_cards_say_how_plugins_are_and_follow_them(browser: Browser, house: House) -> None:
    with visitor(browser) as page:
        page.goto(f'{house.url}/plugins')
        expect(page.get_by_text('2 of 4 running · 1 needs you')).to_be_visible()
        expect(page.locator('.eo-rail a.on .eo-badge')).to_have_text('1')
        assert page.locator('.pg-card').first.get_attribute('data-id') == 'modbus-tcp'  # trouble first
        failed = card(page, 'Modbus TCP')
        for said in ('Failed', 'It has crashed 6 times', 'Look at its log', 'Next try in 28 min 32 s', '6 restarts'):
            expect(failed).to_contain_text(said)
        expect(card(page, 'Home Assistant')).to_contain_text('Held')
        expect(card(page, 'Alarms')).to_contain_text('of 150\u00a0MB')
        assert page.title() != 'owned'  # its icon has a script in it
        house.tell(set='modbus-tcp', state='running', pid=5, cpu_percent=12.5, memory_mb=30, last_error=None, points=7)
        expect(failed).to_contain_text('12.5\u00a0%')
        expect(page.get_by_text('Nothing needs you')).to_be_visible()
        expect(page.locator('.eo-rail a.on .eo-badge')).to_have_text('')
        card(page, 'Alarms').get_by_role('button', name='Stop').click()
        expect(card(page, 'Alarms')).to_contain_text('Stopped')
        page.get_by_role('button', name='Undo').click()
        expect(card(page, 'Alarms')).to_contain_text('Running')
        choose(page, 'Alarms', 'Kill')
        page.get_by_role('dialog').get_by_role('button', name='Kill').click()
        expect(card(page, 'Alarms')).to_contain_text('Next try in')
        house.tell(say='alarms', lines=[['warning', 'a line of its log']])
        house.tell(publish='alarms', values={'level': 21.5})
        choose(page, 'Alarms', 'Log and values')
        for said in ('a line of its log', 'level', '21.5', 'It was killed.'):
            expect(page.get_by_role('dialog').filter(has_text='Values')).to_contain_text(said)
        assert house.asked == [['stop', 'alarms'], ['start', 'alarms'], ['kill', 'alarms']]


def test_search_and_filters_go_over_both_lists(browser: Browser, house: House) -> None:
    with visitor(browser, size='desktop') as page:
        page.goto(f'{house.url}/plugins')
        expect(page.locator('.pg-offer[data-id]')).to_have_count(3)
        page.keyboard.press('/')
        page.keyboard.type('database')
        expect(page.locator('.pg-offer[data-id]')).to_have_count(1)
        expect(page.locator('.pg-card')).to_have_count(0)
        page.get_by_role('searchbox').or_(page.get_by_label('Search 7 plugins')).first.fill('nonsense')
        page.get_by_role('button', name='Clear filters').click()
        page.get_by_role('button', name='Updates 1').click()
        expect(page.locator('.pg-card')).to_have_count(1)
        expect(page.locator('.pg-offer[data-id]')).to_have_count(0)
        page.get_by_role('button', name='All 7').click()
        house.tell(problems=['example.com: could not be reached.'])
        page.reload()
        expect(page.get_by_text('example.com: could not be reached.')).to_be_visible()
        page.get_by_role('button', name='Try again').click()
        expect(page.get_by_text('example.com: could not be reached.')).to_be_hidden()
        house.tell(more=20)
        expect(page.locator('.pg-list.rows .pg-card')).to_have_count(24)
        page.reload()
        expect(page.locator('.pg-offer[data-id]')).to_have_count(60)
        page.get_by_role('button', name='Show more').click()
        expect(page.locator('.pg-offer[data-id]')).to_have_count(120)
        house.tell(empty=True)
        page.reload()
        expect(page.get_by_text('No plugin is installed yet')).to_be_visible()
        expect(page.get_by_text('Nothing is offered at the moment')).to_be_visible()


def test_an_install_shows_what_it_may_do_and_how_far_it_is(browser: Browser, house: House) -> None:
    with visitor(browser) as page:
        page.goto(f'{house.url}/plugins')
        page.get_by_role('button', name='Install Influx writer').click()
        sheet = page.get_by_role('dialog')
        for said in ('May read all values of plc_001', 'May write those values of heating', 'influx.lan, port 8086'):
            expect(sheet).to_contain_text(said)
        house.tell(fail='The trial start failed.')
        sheet.get_by_role('button', name='Install').click()
        expect(sheet.get_by_role('alert').filter(has_text='The trial start failed.')).to_contain_text('ask its author')
        expect(sheet.get_by_role('log')).to_contain_text('Unpacking')
        house.tell(fail=None, hold=True)
        sheet.get_by_role('button', name='Try again').click()
        expect(sheet.get_by_role('progressbar')).to_have_attribute('aria-valuenow', '55')
        sheet.get_by_role('button', name='Leave it running').click()
        expect(sheet).to_be_hidden()
        page.get_by_role('button', name='Show as rows').click()  # nothing waits meanwhile
        expect(page.locator('.pg-list.rows')).to_be_visible()
        page.get_by_role('button', name='Install Shutters').click()
        expect(sheet).to_contain_text('Nothing but offer values of its own')
        house.tell(hold=False)
        expect(page.get_by_text('Influx writer is installed. It does not run yet.')).to_be_visible()
        sheet.get_by_role('button', name='Cancel').click()
        expect(card(page, 'Influx writer')).to_contain_text('Not started')
        assert house.asked[0][:3] == ['install', 'influx-writer', '2.1.0']
        assert house.asked[0][3] == ['points.read:plc_001/**', 'points.write:heating/*/target', 'http.out:influx.lan:8086']


def test_an_install_is_seen_after_a_reload_and_in_another_browser(browser: Browser, house: House) -> None:
    with visitor(browser) as page, visitor(browser) as other:
        for each in (page, other):
            each.goto(f'{house.url}/plugins')
        house.tell(hold=True)
        page.get_by_role('button', name='Install Shutters').click()
        page.get_by_role('dialog').get_by_role('button', name='Install').click()
        expect(page.get_by_role('dialog').get_by_role('progressbar')).to_have_attribute('aria-valuenow', '55')
        page.reload()
        for each in (page, other):
            coming = each.get_by_role('group', name='Install Shutters')
            expect(coming.get_by_role('progressbar')).to_have_attribute('aria-valuenow', '55')
            expect(each.get_by_role('button', name='Install Shutters')).to_have_count(0)
        other.get_by_role('group', name='Install Shutters').get_by_role('button', name='Show progress').click()
        house.tell(hold=False)
        expect(other.get_by_role('dialog').get_by_role('button', name='Start now')).to_be_visible()
        expect(page.get_by_text('Shutters is installed. It does not run yet.')).to_be_visible()
        expect(coming).to_have_count(0)


def test_an_update_marks_what_is_new_and_can_be_taken_back(browser: Browser, house: House) -> None:
    with visitor(browser, size='phone', dark=True) as page:
        page.goto(f'{house.url}/plugins')
        card(page, 'Alarms').get_by_role('button', name='1.2.0 → 1.3.0').click()
        sheet = page.get_by_role('dialog')
        expect(sheet.locator('li', has=page.locator('.pg-new'))).to_have_text('May talk to every address, port 443new')
        expect(sheet).to_contain_text('Quiet hours')
        assert findings(page) == []
        house.tell(hold=True)
        sheet.get_by_role('button', name='Update').click()
        sheet.get_by_role('button', name='Leave it running').click()
        expect(card(page, 'Alarms').get_by_role('progressbar')).to_have_attribute('aria-valuenow', '55')
        card(page, 'Alarms').get_by_role('button', name='Show progress').click()
        house.tell(hold=False)
        expect(sheet.get_by_text('Alarms is now 1.3.0.')).to_be_visible()
        sheet.get_by_role('button', name='Close').last.click()
        expect(sheet).to_be_hidden()
        choose(page, 'Alarms', 'Go back to 1.2.0')
        page.get_by_role('dialog').get_by_role('button', name='Go back').click()
        expect(page.get_by_text('Alarms is back at 1.2.0.')).to_be_visible()
        choose(page, 'Alarms', 'Uninstall')
        removing = page.get_by_role('dialog')
        expect(removing).to_contain_text('It is stopped and removed')
        removing.get_by_label('Its settings, passwords and stored data').select_option(label='Delete them for good')
        expect(removing.get_by_text('This cannot be taken back.')).to_be_visible()
        removing.get_by_role('button', name='Uninstall').click()
        expect(page.get_by_text('Alarms is uninstalled.')).to_be_visible()
        expect(card(page, 'Alarms')).to_have_count(0)
        assert house.asked[-1] == ['uninstall', 'alarms', True]


def test_a_file_and_a_source_are_taken(browser: Browser, house: House, tmp_path: Path) -> None:
    package = tmp_path / 'mine-1.0.0.zip'
    package.write_text(json.dumps({'id': 'mine', 'name': 'Mine', 'version': '1.0.0', 'description': 'My own', 'author': 'Me',
                                   'license': 'MIT', 'permissions': ['points.write:**']}))  # fmt: skip
    with visitor(browser) as page:
        page.goto(f'{house.url}/plugins')
        with page.expect_file_chooser() as chooser:
            page.get_by_role('button', name='Install from file').click()
        chooser.value.set_files(str(package))
        sheet = page.get_by_role('dialog')
        expect(sheet.locator('.eo-warn')).to_contain_text('May write all values of all devices')
        sheet.get_by_role('button', name='Install').click()
        sheet.get_by_role('button', name='Start now').click()
        expect(card(page, 'Mine')).to_contain_text('Running')
        page.get_by_role('button', name='Sources').click()
        sources = page.get_by_role('dialog').filter(has_text='Sources of plugins')
        sources.get_by_label('Address').fill('http://example.com/list.json')
        sources.get_by_role('button', name='Add').click()
        expect(sources.get_by_role('alert').first).to_contain_text('https://')
        house.tell(hold=True)  # a server that takes its time
        sources.get_by_label('Address').fill('https://example.com/list.json')
        sources.get_by_label('Address').press('Enter')
        added = sources.get_by_role('listitem').filter(has_text='https://example.com/list.json')
        expect(added).to_contain_text('is being read …')
        expect(sources.get_by_role('button', name='Add', exact=True)).not_to_have_attribute('aria-busy', 'true')
        expect(page.get_by_text('The sources are being read …')).to_be_visible()
        house.tell(hold=False)
        expect(added).to_contain_text('3 plugins')
        sources.get_by_role('button', name='Remove https://example.com/list.json').click()
        expect(sources.get_by_role('listitem')).to_have_count(1)
        assert [each[0] for each in house.asked] == ['install file', 'start', 'add_source', 'refresh', 'refresh']


def test_settings_follow_the_schema(browser: Browser, house: House) -> None:
    with visitor(browser) as page:
        house.tell(publish='plc_001', values={f'MAIN.fValue{number}': number for number in range(300)})
        page.goto(f'{house.url}/plugins/alarms?tab=settings')
        form = page.locator('.pg-settings')
        expect(form.get_by_label('Retain')).to_be_checked()
        form.get_by_label('Tell by').select_option(label='webhook')
        expect(form.get_by_label('Address')).to_be_visible()
        expect(form.get_by_label('Retain')).to_be_hidden()
        form.get_by_label('Check every').fill('90')
        form.get_by_role('button', name='Save').click()
        expect(form.get_by_role('alert').filter(has_text='Enter a number from 1 to 60.')).to_be_visible()
        expect(form.get_by_label('Check every')).to_be_focused()
        expect(form.get_by_role('alert').filter(has_text='Please fill this in.')).to_be_visible()
        form.get_by_label('Check every').fill('30')
        form.get_by_label('Address').fill('https://example.com/hook')
        form.get_by_role('button', name='Choose: Watched').click()
        picker = page.get_by_role('dialog')
        picker.get_by_role('button', name='All of plc_001').click()
        expect(form.get_by_role('textbox', name='Watched')).to_have_value('plc_001/**')
        rules = form.get_by_role('group', name='Rules', exact=True)
        rules.get_by_role('button', name='Add: Rules').click()
        new = rules.get_by_role('group', name='Entry 3')
        new.get_by_label('Name').fill('Third')
        expect(rules.get_by_role('group', name='Third')).to_be_visible()
        third = rules.get_by_role('group', name='Third')
        third.get_by_role('button', name='Choose: Value').click()
        picker.get_by_label('Search all values').fill('value299')
        picker.get_by_role('button', name='plc_001/MAIN.fValue299').click()
        third.get_by_label('Limit').fill('7.5')
        third.get_by_role('button', name='Move up').click()
        rules.get_by_role('button', name='Remove').first.click()
        form.get_by_label('Topic').fill('refused/by/manager')
        form.get_by_role('button', name='Save').click()
        expect(form.get_by_role('alert').filter(has_text='This topic is taken.')).to_be_visible()
        expect(form.get_by_role('alert').filter(has_text='The limit is out of range.')).to_be_visible()
        form.get_by_label('Topic').fill('home/new')
        form.get_by_role('button', name='Save').click()
        expect(page.get_by_text('Saved. The settings hold now.')).to_be_visible()
        name, plugin_id, values = house.asked[-1]
        assert (name, plugin_id) == ('set_config', 'alarms')
        assert values['rules'] == [{'name': 'Third', 'point': 'plc_001/MAIN.fValue299', 'limit': 7.5},
                                   {'name': 'Too cold', 'point': 'plc_001/MAIN.fTemperature', 'limit': 4}]  # fmt: skip
        assert {key: values[key] for key in ('token', 'url', 'every_s', 'watched', 'unknown', 'extra', 'night')} == {
            'token': '********', 'url': 'https://example.com/hook', 'every_s': 30, 'watched': 'plc_001/**', 'unknown': 7,
            'extra': {'a': 1}, 'night': {'from': 22, 'to': 6}}  # fmt: skip
        assert 'retain' not in values
        expect(form.get_by_label('Topic')).to_have_value('home/new')
        assert findings(page) == []


def test_a_page_of_its_own_shows_readme_values_and_log(browser: Browser, house: House) -> None:
    house.tell(publish='alarms', values={'Too hot': True, 'level': 21.5})
    house.tell(say='alarms', lines=[['info', 'first line'], ['error', 'it went wrong']])
    with visitor(browser, language='de') as page:
        page.goto(f'{house.url}/plugins/alarms')
        readme = page.locator('.pg-readme').first
        expect(readme.get_by_role('heading', name='How it works')).to_be_visible()
        expect(readme).to_contain_text("<script>document.title = 'owned'</script>")
        table = readme.locator('table')
        assert table.evaluate('table => table.scrollWidth <= table.clientWidth'), 'it has to be scrolled sideways'
        assert readme.locator('script, img, [style], .eo-offline, a:not([href^="https://"])').count() == 0
        expect(page.get_by_text('Darf alle Werte aller Geräte lesen')).to_be_visible()
        expect(page.get_by_text('Läuft als eigener Benutzer')).to_be_visible()
        assert findings(page) == []
        icon = page.request.get(f'{house.url}/plugin-icons/alarms')
        assert 'sandbox' in icon.headers['content-security-policy']  # harmless, also where its address is opened
        assert page.request.get(f'{house.url}/plugin-icons/nobody').status == 204
        page.get_by_role('tab', name='Werte').click()
        page.get_by_role('button', name='level').click()
        expect(page.get_by_role('dialog')).to_contain_text('21,5')
        page.keyboard.press('Escape')
        page.get_by_role('tab', name='Protokoll').click()
        log = page.get_by_role('log')
        expect(log).to_contain_text('first line')
        house.tell(say='alarms', dropped=4321, lines=[['warning', 'again']] * 3)
        expect(log).to_contain_text('3-mal')
        expect(page.get_by_text('4.321 Zeilen fehlen')).to_be_visible()
        page.get_by_role('button', name='Fehler').click()
        expect(log).not_to_contain_text('first line')
        with page.expect_download() as saved:
            page.get_by_role('button', name='Speichern').click()
        assert saved.value.suggested_filename == 'alarms.log'
        page.goto(f'{house.url}/plugins/nobody')
        expect(page.get_by_role('heading', name='Dieses Plugin ist nicht installiert')).to_be_visible()


def test_the_pin_locks_every_change(browser: Browser, tmp_path: Path) -> None:
    with running_in(tmp_path, f'[security]\npin_hash = "{hash_pin("2468")}"\n') as house, visitor(browser) as page:
        page.goto(f'{house.url}/plugins')
        pin = page.get_by_role('dialog').filter(has_text='Enter the PIN')
        for press in (lambda: card(page, 'Alarms').get_by_role('button', name='Stop').click(),
                      lambda: choose(page, 'Alarms', 'Restart'), lambda: choose(page, 'Alarms', 'Kill'),
                      lambda: choose(page, 'Alarms', 'Go back to 1.1.0'), lambda: choose(page, 'Alarms', 'Uninstall'),
                      lambda: page.get_by_role('button', name='Install from file').click()):  # fmt: skip
            press()
            expect(pin).to_be_visible()
            pin.get_by_role('button', name='Cancel').click()
            expect(pin).to_be_hidden()
        page.get_by_role('button', name='Install Shutters').click()
        page.get_by_role('dialog').get_by_role('button', name='Install').click()
        expect(pin).to_be_visible()
        pin.get_by_label('PIN', exact=True).fill('2468')
        assert house.asked == []
        pin.get_by_role('button', name='Unlock').click()
        eventually_sync(lambda: house.asked and house.asked[0][0] == 'install')


@pytest.mark.parametrize('size', ['panel', 'phone'])
def test_everything_can_be_touched_and_reached_by_keyboard(browser: Browser, house: House, size: str) -> None:
    with visitor(browser, size=size) as page:
        page.goto(f'{house.url}/plugins')
        expect(page.locator('.pg-offer[data-id]')).to_have_count(3)
        assert findings(page) == []
        small = page.evaluate("""() => [...document.querySelectorAll('.eo-main button, .eo-main a, .eo-main input')]
            .filter(each => each.offsetParent && each.type !== 'file').map(each => {
              const box = (each.closest('.ov-who') ?? each).getBoundingClientRect(), grown = parseFloat(getComputedStyle(each, '::after').top) || 0;
              return [each.className || each.tagName, Math.round(box.height - 2 * Math.min(0, grown))]; })
            .filter(([name, height]) => height < 40)""")
        assert small == []
        assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')
        page.get_by_role('button', name='More for Alarms').focus()
        page.keyboard.press('Enter')
        expect(page.get_by_role('menuitem').first).to_be_focused()
        page.keyboard.press('ArrowDown')
        page.keyboard.press('ArrowDown')
        expect(page.get_by_role('menuitem', name='Log and values')).to_be_focused()
        page.keyboard.press('Escape')
        expect(page.get_by_role('button', name='More for Alarms')).to_be_focused()
