"""The pages as an app: installed, opened where it was left, used in two windows, carried over an update."""
import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from edgeos.web.passwords import hash_password
from tests.e2e.support import CHROMIUM, ROOT, SIZES, chromium, running, visitor
from tests.helpers import eventually_sync, free_port

STYLE = (ROOT / 'assets' / 'app.css').read_text(encoding='utf-8')


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One browser: its windows share cookies and storage."""
    context = browser.new_context(viewport=SIZES['panel'], locale='en', color_scheme='light')
    context.set_default_timeout(15_000)
    yield context
    context.close()


def settings_in(folder: Path, *names: str, more: str = '') -> Path:
    path = folder / 'settings.toml'
    entries = [f'[[connections]]\nid = "{name}"\ntype = "mqtt"\nname = "{name.title()}"\n[connections.config]\n'
               f'host = "127.0.0.1"\nport = {free_port()}\n' for name in names]  # fmt: skip
    path.write_text(more + ''.join(entries))
    return path


@pytest.fixture(scope='module')
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running('--settings', str(settings_in(tmp_path_factory.mktemp('house'), 'home', 'shed'))) as url:
        yield url


def answer_of(url: str) -> tuple[str, bytes]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.headers['Content-Type'], answer.read()


def colour(name: str, theme: str) -> str:
    found = re.search(rf'body\.body--{theme} {{.*?--{name}: (#\w+);', STYLE, re.DOTALL)
    assert found
    return found[1]


# installed


@pytest.fixture
def owner(browser: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser with a profile: nothing is installed from a private window, which others are."""
    context = browser.browser_type.launch_persistent_context(tmp_path / 'profile', executable_path=CHROMIUM,
                                                             args=['--no-sandbox'], color_scheme='light')  # fmt: skip
    yield context
    context.close()


def test_a_browser_may_install_it_and_finds_every_picture(owner: BrowserContext, house: str) -> None:
    page = owner.new_page()
    page.goto(house)
    expect(page.get_by_role('heading', name='Connections')).to_be_visible()
    devtools = owner.new_cdp_session(page)
    assert devtools.send('Page.getInstallabilityErrors')['installabilityErrors'] == []
    told = devtools.send('Page.getAppManifest')
    assert told['errors'] == []
    manifest = json.loads(told['data'])
    assert (manifest['short_name'], manifest['display']) == ('Edge OS', 'standalone')
    assert manifest['background_color'] == colour('bg', 'light')
    for icon in manifest['icons']:
        size = page.evaluate('''async (url) => {
            const image = new Image(); image.src = url; await image.decode(); return image.naturalWidth }''', icon['src'])
        assert icon['sizes'] in ('any', f'{size}x{size}')
        assert answer_of(house + icon['src'])[0] == icon['type']
    assert answer_of(f'{house}/apple-touch-icon.png')[0] == 'image/png'
    page.emulate_media(color_scheme='dark')
    shown = page.evaluate('''() => [...document.querySelectorAll('meta[name=theme-color]')]
        .filter((each) => !each.media || matchMedia(each.media).matches).map((each) => each.content)''')
    assert shown == [colour('bg', 'dark')]


def test_manifest_and_pictures_need_no_login_and_follow_the_theme(tmp_path: Path) -> None:
    more = f'[app]\ntheme = "dark"\n[security]\npassword_hash = "{hash_password("correct horse")}"\n'
    with running('--settings', str(settings_in(tmp_path, more=more))) as url:
        kind, text = answer_of(f'{url}/manifest.webmanifest')
        manifest: dict[str, Any] = json.loads(text)
        assert (kind, manifest['theme_color']) == ('application/manifest+json', colour('bg', 'dark'))
        for icon in manifest['icons']:
            assert answer_of(url + icon['src'])[0] == icon['type']
        assert b'name="password"' in answer_of(url + manifest['start_url'])[1]


# opened where it was left


def test_an_app_opens_where_it_was_left_and_a_tab_does_not(context: BrowserContext, house: str) -> None:
    app = context.new_page()
    app.goto(f'{house}/start')
    expect(app).to_have_url(f'{house}/')
    app.goto(f'{house}/connections/home')
    app.get_by_role('button', name='1 h').click()
    app.get_by_role('tab', name='Log').click()
    expect(app).to_have_url(f'{house}/connections/home?range=1h&tab=log')
    tab = context.new_page()
    tab.goto(f'{house}/settings')
    expect(tab.get_by_role('heading', name='Settings')).to_be_visible()
    app.close()
    again = context.new_page()
    again.goto(f'{house}/start')
    expect(again).to_have_url(f'{house}/connections/home?range=1h&tab=log')
    expect(again.get_by_role('tab', name='Log')).to_have_attribute('aria-selected', 'true')
    again.get_by_role('tab', name='Statistics').click()
    expect(again.get_by_role('button', name='1 h')).to_have_attribute('aria-pressed', 'true')
    again.locator('.eo-rail a[href="/"]').click()
    expect(again).to_have_url(f'{house}/')
    tab.goto(house)
    expect(tab).to_have_url(f'{house}/')


@pytest.mark.parametrize('left', ['https://example.com/', 'javascript:alert(1)', '//example.com', '/start', '\\\\x'])
def test_a_start_never_leads_elsewhere(context: BrowserContext, house: str, left: str) -> None:
    page = context.new_page()
    page.goto(f'{house}/login')
    page.evaluate('left => localStorage.setItem("edgeos.place", left)', left)
    page.goto(f'{house}/start')
    page.wait_for_url(lambda url: not url.endswith('/start'))
    assert page.url.startswith(f'{house}/')


def test_a_place_that_does_not_work_is_given_up_after_some_starts(context: BrowserContext, house: str) -> None:
    page = context.new_page()
    page.goto(f'{house}/start')
    page.goto(f'{house}/system')
    expect(page.get_by_role('heading', name='System')).to_be_visible()
    for wanted in ('/system', '/system', '/'):
        page.goto(f'{house}/start')
        expect(page).to_have_url(house + wanted)


@pytest.mark.parametrize(('path', 'graphs'), [('/system', 2), ('/connections/home', 1)])
def test_a_range_in_the_address_is_drawn_at_once(browser: Browser, house: str, path: str, graphs: int) -> None:
    with visitor(browser) as page:
        for name, text in (('24h', '24 h'), ('nonsense', '5 min')):
            page.goto(f'{house}{path}?range={name}')
            expect(page.get_by_role('button', name=text, exact=True)).to_have_attribute('aria-pressed', 'true')
            expect(page.locator('.js-plotly-plot:visible')).to_have_count(graphs)


# two windows


def open_edit(page: Page, name: str) -> Locator:
    page.get_by_role('group', name=name).or_(page.locator('.ov-card', has_text=name)).get_by_role('button', name='Edit').click()
    dialog = page.get_by_role('dialog')
    expect(dialog.get_by_label('Host', exact=True)).to_be_visible()
    return dialog


def test_two_windows_of_one_browser_do_not_disturb_each_other(context: BrowserContext, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, 'home', 'shed')
    with running('--settings', str(settings)) as url:
        one, two = context.new_page(), context.new_page()
        for page in (one, two):
            page.goto(url)
        one.get_by_role('searchbox').fill('shed')
        expect(one.get_by_text('Home', exact=True)).to_have_count(0)
        expect(two.get_by_text('Home', exact=True).first).to_be_visible()
        one.get_by_role('searchbox').fill('')
        first, second = open_edit(one, 'Home'), open_edit(two, 'Home')
        first.get_by_label('Name', exact=True).fill('Kitchen')
        expect(second.get_by_label('Name', exact=True)).to_have_value('Home')
        two.reload()
        second = open_edit(two, 'Home')
        expect(second.get_by_label('Name', exact=True)).to_have_value('Home')
        one.reload()
        first = open_edit(one, 'Home')
        expect(first.get_by_label('Name', exact=True)).to_have_value('Kitchen')
        second.get_by_label('Topics', exact=True).fill('a/#')
        first.get_by_role('button', name='Save').click()
        expect(first).to_be_hidden()
        expect(second.get_by_label('Topics', exact=True)).to_have_value('a/#')
        second.get_by_role('button', name='Save').click()
        second.get_by_role('button', name='Save anyway').click()
        expect(second).to_be_hidden()
        expect(two.get_by_text('Kitchen', exact=True).first).to_be_visible()
        expect(one.get_by_text('Kitchen', exact=True).first).to_be_visible()
        assert 'name = "Kitchen"' in settings.read_text()
        assert 'a/#' in settings.read_text()


# a new version


class Copy:
    """The program as files of its own, so that a test can update it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / 'program'
        self.port = free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self._settings = settings_in(folder, 'home')
        for name in ('edgeos', 'pages', 'assets'):
            shutil.copytree(ROOT / name, self.folder / name)
        shutil.copy(ROOT / 'main.py', self.folder)
        self._process: subprocess.Popen[bytes] | None = None

    def change(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text(encoding='utf-8')
        assert old in text
        path.write_text(text.replace(old, new), encoding='utf-8')

    def start(self) -> None:
        self._process = subprocess.Popen([sys.executable, str(self.folder / 'main.py'), '--port', str(self.port),
                                          '--settings', str(self._settings)], cwd=self.folder, stdout=subprocess.DEVNULL)
        eventually_sync(self._answers, 30)

    def _answers(self) -> bool:
        try:
            return bool(answer_of(f'{self.url}/api/health'))
        except OSError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            self._process = None


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Copy]:
    program = Copy(tmp_path)
    program.start()
    yield program
    program.stop()


def loads_of(page: Page) -> list[str]:
    """Grows with each time the page is loaded."""
    loads: list[str] = []
    page.on('domcontentloaded', lambda _page: loads.append(page.url))
    return loads


def test_an_update_is_seen_at_once_also_without_another_version(context: BrowserContext, program: Copy) -> None:
    page = context.new_page()
    page.goto(f'{program.url}/connections/home?tab=log')  # what the browser may keep, it keeps from here on
    page.goto(program.url)
    expect(page.locator('.ov-card').first).to_be_visible()
    looks = 'getComputedStyle(document.querySelector(".eo-i-plugins")).maskImage'
    before = page.evaluate(looks)
    loads = loads_of(page)
    program.stop()
    program.change('assets/app.css', f'--text: {colour("text", "light")}', '--text: #123456')
    program.change('assets/overview/overview_card.js', 'class="', 'data-renewed class="')
    program.change('assets/icons/plugins.svg', '</svg>', '<!-- drawn anew --></svg>')
    program.start()
    expect(page.locator('.ov-card [data-renewed], .ov-card[data-renewed]').first).to_be_attached(timeout=20_000)
    assert page.evaluate('getComputedStyle(document.body).getPropertyValue("--text")') == '#123456'
    assert page.evaluate(looks) != before, 'pictures that the style names are under another address too'
    program.stop()
    program.change('edgeos/__init__.py', "__version__ = '0.1.0'", "__version__ = '0.2.0'")
    program.start()
    expect(page.get_by_role('status').filter(has_text='updated to version 0.2.0')).to_be_visible(timeout=20_000)
    assert len(loads) == 2, 'once for each start'


@pytest.mark.parametrize('made_ready', [False, True], ids=['opened', 'made ready beforehand'])
def test_what_is_typed_is_not_lost_to_a_restart(browser: Browser, program: Copy, made_ready: bool) -> None:
    headers = {'Sec-Purpose': 'prefetch'} if made_ready else {}
    context = browser.new_context(viewport=SIZES['panel'], locale='en', extra_http_headers=headers)
    page = context.new_page()
    page.goto(program.url)
    dialog = open_edit(page, 'Home')
    dialog.get_by_label('Name', exact=True).fill('A long name')
    loads = loads_of(page)
    program.stop()
    program.start()
    expect(page.get_by_role('status').filter(has_text='What you typed is not saved')).to_be_visible(timeout=20_000)
    expect(dialog.get_by_label('Name', exact=True)).to_have_value('A long name')
    dialog.get_by_role('button', name='Save').click()
    expect(page.get_by_text('Nothing was done: load the page again first.')).to_be_visible()
    assert loads == []
    page.get_by_role('button', name='Load again').click()
    expect(page.get_by_role('heading', name='Connections')).to_be_visible()
    expect(page.get_by_role('dialog')).to_have_count(0)
    assert len(loads) == 1
    context.close()
