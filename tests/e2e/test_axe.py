"""No page keeps anybody out: axe finds nothing serious, light and dark, on panel and phone."""
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.support import chromium, running, visitor

SERIOUS = ('serious', 'critical')


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope='module')
def url() -> Iterator[str]:
    with running('--demo') as url:
        yield url


def findings(page: Page) -> list[str]:
    """The serious ones, each with the first element it is about, once nothing fades in any more."""
    page.wait_for_function("""document.getAnimations().every(each => each.playState !== 'running'
                              || each.effect.getComputedTiming().iterations === Infinity)""")
    violations = Axe().run(page).response['violations']
    return [f'{found["id"]}: {found["help"]}: {found["nodes"][0]["html"][:200]}' for found in violations
            if found['impact'] in SERIOUS]  # fmt: skip


def overview(page: Page) -> None:
    expect(page.get_by_text('Demo house').first).to_be_visible()


def add_dialog(page: Page) -> None:
    overview(page)
    page.get_by_role('button', name='Add').first.click()
    expect(page.get_by_role('dialog')).to_be_visible()


def tab(name: str) -> Callable[[Page], None]:
    def open_tab(page: Page) -> None:
        page.get_by_role('tab', name=name).click()
        expect(page.get_by_role('tab', name=name)).to_have_attribute('aria-selected', 'true')

    return open_tab


def heading(name: str) -> Callable[[Page], None]:
    return lambda page: expect(page.get_by_role('heading', name=name).first).to_be_visible()


def open_event(page: Page) -> None:
    page.locator('.el-row').first.click()
    expect(page.locator('.el-detail')).to_be_visible()


def open_process(page: Page) -> None:
    page.locator('.pr-row').first.click()
    expect(page.locator('.pr-detail .main-svg').first).to_be_visible()


def look_at_file(page: Page) -> None:
    page.get_by_role('button', name='Look at it').first.click()
    expect(page.get_by_role('dialog').get_by_role('region')).to_be_visible()


PLACES: dict[str, tuple[str, Callable[[Page], None]]] = {
    'overview': ('/', overview),
    'add dialog': ('/', add_dialog),
    'statistics': ('/connections/demo_house', tab('Statistics')),
    'values': ('/connections/demo_house', tab('Values')),
    'browse': ('/connections/demo_house', tab('Browse')),
    'log': ('/connections/demo_house', tab('Log')),
    'nobody': ('/connections/nobody', lambda page: expect(page.get_by_role('main')).to_be_visible()),
    'settings': ('/settings', heading('Settings')),
    'events': ('/events', open_event),
    'reports': ('/events?tab=reports', heading('Reports to Sentry')),
    'diagnostics': ('/events?tab=diagnostics', look_at_file),
    'system': ('/system', open_process),
    'plugins': ('/plugins', heading('Plugins')),
    'no plugin': ('/plugins/nobody', heading('This plugin is not installed')),
    'demo': ('/demo', heading('Demo')),
}


@pytest.mark.parametrize('dark', [False, True], ids=['light', 'dark'])
@pytest.mark.parametrize('place', PLACES)
def test_nothing_serious_is_found(browser: Browser, url: str, place: str, dark: bool) -> None:
    path, prepare = PLACES[place]
    with visitor(browser, size='phone' if dark else 'panel', dark=dark) as page:
        page.goto(url + path)
        prepare(page)
        assert findings(page) == []


@pytest.mark.parametrize('dark', [False, True], ids=['light', 'dark'])
def test_nothing_serious_is_found_on_a_first_start(browser: Browser, tmp_path, dark: bool) -> None:
    (tmp_path / 'settings.toml').write_text('')
    with running('--settings', str(tmp_path / 'settings.toml')) as empty, visitor(browser, dark=dark) as page:
        page.goto(empty)
        expect(page.get_by_text('Nothing is connected yet')).to_be_visible()
        assert findings(page) == []
