"""The demo page in a real browser: faults are caused, seen and repaired without leaving it."""
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.support import chromium, running, visitor

WORKS = re.compile('eo-good|eo-warn')  # degraded for a while: the errors of the outage are in the last minute


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope='module')
def url() -> Iterator[str]:
    with running('--demo') as url:
        yield f'{url}/demo'


def link(page: Page, name: str) -> Locator:
    """One connection on the strip."""
    return page.get_by_role('region', name='Connections of the demo').locator('.dm-link', has_text=name)


def test_stopped_broker_is_seen_lost_and_back(browser: Browser, url: str) -> None:
    with visitor(browser) as page, visitor(browser, size='phone', dark=True) as other:
        page.goto(url)
        other.goto(url)
        house, switch = link(page, 'Demo house'), page.get_by_role('switch', name='Stop the broker')
        expect(house).to_contain_text('Connected')
        expect(house).to_contain_text(re.compile(r'↓ [1-9]'))
        expect(link(page, 'Garage broker')).to_contain_text('Refused')
        switch.click()
        expect(switch).to_have_attribute('aria-checked', 'true')
        expect(house).to_contain_text('Next try in')
        expect(other.get_by_role('switch', name='Stop the broker')).to_have_attribute('aria-checked', 'true')
        switch.click()
        expect(house).to_have_class(WORKS)
        expect(switch).to_have_attribute('aria-checked', 'false')


def test_reset_repairs_everything_also_where_the_app_had_given_up(browser: Browser, url: str) -> None:
    with visitor(browser) as page:
        page.goto(url)
        house = link(page, 'Demo house')
        page.get_by_role('region', name='MQTT broker').get_by_role('switch', name='Wrong data').click()
        page.get_by_role('switch', name='Refuse logins').click()
        expect(house).to_contain_text('Login refused')
        expect(house.get_by_role('button', name='Connect')).to_be_visible()
        page.get_by_role('button', name='Reset all').click()
        expect(house).to_have_class(WORKS)
        expect(page.get_by_role('switch', checked=True)).to_have_count(0)


def test_restart_is_a_button_that_is_busy_until_the_broker_is_back(browser: Browser, url: str) -> None:
    with visitor(browser) as page:
        page.goto(url)
        button = page.get_by_role('button', name='Restart the broker')
        button.focus()
        page.keyboard.press('Enter')
        expect(button).to_have_attribute('aria-busy', 'true')
        expect(link(page, 'Demo house')).to_contain_text('Next try in')
        expect(button).to_have_attribute('aria-busy', 'false', timeout=9000)
        expect(link(page, 'Demo house')).to_have_class(WORKS)


def test_a_plc_hangs_is_said_to_and_comes_back(browser: Browser, url: str) -> None:
    with visitor(browser) as page:
        page.goto(url)
        heating = link(page, 'Heating PLC')
        silent = page.get_by_role('region', name='Heating PLC').get_by_role('switch', name='Say nothing')
        expect(heating).to_contain_text('Connected')
        expect(heating).to_contain_text(re.compile(r'↓ [1-9]'))
        silent.click()
        expect(heating).to_contain_text('has gone quiet', timeout=10_000)
        expect(link(page, 'Cellar PLC')).to_contain_text('Connected')
        silent.click()
        expect(heating).to_have_class(WORKS, timeout=10_000)


def test_a_stopped_program_does_not_look_alive(browser: Browser, url: str) -> None:
    with visitor(browser, size='phone') as page:
        page.goto(url)
        cellar = link(page, 'Cellar PLC')
        expect(cellar).to_contain_text('Connected')
        stop = page.get_by_role('region', name='Cellar PLC').get_by_role('switch', name='Stop the program')
        stop.click()
        expect(cellar).to_contain_text('is in STOP')
        stop.click()
        expect(cellar).to_have_class(WORKS, timeout=10_000)
