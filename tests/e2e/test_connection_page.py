"""The page of one connection: trouble and repair, thousands of values, writing, hostile names, graph, log."""
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.broker import Broker
from tests.e2e.support import chromium, running, visitor
from tests.publisher import Publisher, publish_packet

UP = re.compile('Connected|Degraded')  # errors of the last minute make it degraded
HOSTILE = '<img src=x onerror="document.title=\'broken in\'">'


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope='module', autouse=True)
def patience() -> Iterator[None]:
    """Plotly is 4.6 MB of program, which takes a busy machine its time."""
    expect.set_options(timeout=15_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(scope='module')
def same_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    running_broker = Broker(tmp_path_factory.mktemp('broker')).start()
    yield running_broker
    running_broker.stop()


@pytest.fixture
def broker(same_broker: Broker) -> Broker:
    return same_broker if same_broker.process is not None else same_broker.start()


@pytest.fixture(scope='module')
def url(tmp_path_factory: pytest.TempPathFactory, same_broker: Broker) -> Iterator[str]:
    path: Path = tmp_path_factory.mktemp('house') / 'settings.toml'
    path.write_text(f'[[connections]]\nid = "home"\ntype = "mqtt"\nname = "Home"\n[connections.config]\n'
                    f'host = "127.0.0.1"\nport = {same_broker.port}\n')
    with running('--settings', str(path)) as url:
        yield f'{url}/connections/home'


def head(page: Page):
    return page.locator('.cp-head')


def open_value(page: Page, name: str) -> None:
    """Search for it, tap it."""
    page.get_by_role('textbox', name=re.compile('Search')).fill(name)
    rows = page.locator('.cp-value')
    expect(rows).to_have_count(1)  # a row that is still moving away would be missed
    rows.click()
    expect(page.get_by_role('dialog')).to_be_visible()


def test_trouble_says_what_to_do_and_ends_when_the_broker_is_back(browser: Browser, broker: Broker, url: str) -> None:
    with visitor(browser, size='phone') as page:
        page.goto(url)
        expect(head(page)).to_contain_text(UP)
        broker.kill()
        expect(page.locator('.cp-trouble')).to_contain_text('refused the connection')
        expect(page.locator('.cp-trouble')).to_contain_text(re.compile(r'Next try in \d+ s|Trying now'))
        expect(page.locator('.eo-ladder li.fail')).to_have_text(re.compile('Network'))
        page.get_by_role('button', name='Stop trying').click()
        expect(head(page)).to_contain_text('Off')
        broker.start()
        page.get_by_role('button', name='Connect', exact=True).click()
        expect(head(page)).to_contain_text(UP)
        expect(page.locator('.cp-trouble')).not_to_contain_text('refused')
        expect(page.locator('.eo-ladder li.ok')).to_have_count(4)
        expect(page.locator('.cp-events li').filter(has_text='Lost')).to_have_count(1)


def test_a_written_value_counts_only_once_it_is_reported(browser: Browser, broker: Broker, url: str) -> None:
    with visitor(browser) as page, Publisher(broker.port) as device:
        device.send('kitchen/setpoint', '20.5')
        device.send('kitchen/lamp', 'OFF')
        page.goto(f'{url}?tab=values')
        open_value(page, 'kitchen/setpoint')
        expect(page.locator('.cp-now')).to_have_text('20.5')
        expect(page.locator('.cp-sheet .js-plotly-plot')).to_be_visible()
        page.get_by_role('textbox', name='Value', exact=True).fill('warm')
        page.get_by_role('button', name='Send').click()
        expect(page.get_by_text('Enter a number.')).to_be_visible()
        page.get_by_role('textbox', name='Value', exact=True).fill('21,5')
        page.get_by_role('button', name='Send').click()
        expect(page.get_by_text('Sent. The device has reported a value since.')).to_be_visible()
        expect(page.locator('.cp-now')).to_have_text('21.5')
        page.get_by_role('button', name='Close').last.click()
        open_value(page, 'kitchen/lamp')
        expect(page.get_by_role('button', name='OFF', exact=True)).to_have_attribute('aria-pressed', 'true')
        page.get_by_role('button', name='ON', exact=True).click()
        expect(page.get_by_role('button', name='ON', exact=True)).to_have_attribute('aria-pressed', 'true')


def test_a_message_goes_to_a_topic_that_was_never_seen(browser: Browser, url: str) -> None:
    with visitor(browser) as page:
        page.goto(f'{url}?tab=values')
        expect(head(page)).to_contain_text(UP)
        page.get_by_role('button', name='Write to a topic').click()
        page.get_by_role('textbox', name='Topic').fill('attic/#')
        page.get_by_role('textbox', name='Message').fill(' two blanks ')
        page.get_by_role('button', name='Send').click()
        expect(page.locator('.eo-dialog .eo-error')).to_contain_text('+ and #')
        page.get_by_role('textbox', name='Topic').fill('attic/sign')
        page.get_by_role('button', name='Send').click()
        expect(page.get_by_text('Sent to attic/sign.')).to_be_visible()
        page.get_by_role('button', name='Close').last.click()
        open_value(page, 'attic/sign')
        assert page.locator('.cp-now bdi').inner_text() == ' two blanks '.strip()


def test_of_thousands_of_values_only_those_near_the_screen_are_drawn(browser: Browser, broker: Broker, url: str) -> None:
    with visitor(browser, size='desktop') as page, Publisher(broker.port) as device:
        device.send_packets(b''.join(publish_packet(b'many/%04d' % number, b'%d' % number) for number in range(4000)))
        page.goto(f'{url}?tab=values')
        expect(page.get_by_placeholder(re.compile(r'Search 4,\d\d\d values'))).to_be_visible()
        assert page.locator('.cp-value').count() < 60
        page.evaluate('window.scrollTo(0, document.documentElement.scrollHeight)')
        expect(page.locator('.cp-value').filter(has_text='3999')).to_be_visible()
        assert page.locator('.cp-value').count() < 60
        page.get_by_role('textbox', name=re.compile('Search')).fill('many/123')
        expect(page.locator('.cp-value')).to_have_count(10)
        device.send('many/1234', '98765')
        expect(page.locator('.cp-value').filter(has_text='98765')).to_be_visible()
        page.get_by_role('textbox', name=re.compile('Search')).fill('nowhere')
        page.get_by_role('button', name='Clear filters').click()
        expect(page.locator('.cp-value').first).to_be_visible()


def test_hostile_names_and_values_are_only_text(browser: Browser, broker: Broker, url: str) -> None:
    with visitor(browser) as page, Publisher(broker.port) as device:
        for topic in (f'evil/{HOSTILE}', 'evil/{{ 7*7 }}', 'evil/\u202eright to left', 'evil/' + 'long/' * 200):
            device.send(topic, HOSTILE)
        page.goto(f'{url}?tab=values')
        open_value(page, 'onerror')
        expect(page.get_by_role('dialog')).to_contain_text(HOSTILE)
        page.get_by_role('button', name='Close').last.click()
        page.get_by_role('tab', name='Browse').click()
        page.get_by_role('treeitem').filter(has_text='evil').get_by_role('button').first.click()
        expect(page.get_by_role('treeitem').filter(has_text='{{ 7*7 }}')).to_be_visible()
        expect(page.get_by_role('treeitem').filter(has_text=re.compile(r'\\u202eright'))).to_be_visible()
        assert page.locator('.eo-main img').count() == 0
        assert 'broken in' not in page.title()


def test_the_graph_is_drawn_and_the_tab_survives_a_reload(browser: Browser, broker: Broker, url: str) -> None:
    with visitor(browser, dark=True) as page, Publisher(broker.port) as device:
        device.send('graph/value', '1')
        page.goto(url)
        expect(page.locator('.cp-graph .scatterlayer path.js-line').first).to_be_attached()
        page.get_by_role('button', name='24 h').click()
        expect(page.get_by_role('button', name='24 h')).to_have_attribute('aria-pressed', 'true')
        page.get_by_role('tab', name='Log').click()
        expect(page.get_by_role('log')).to_contain_text('connected to 127.0.0.1')
        page.reload()
        expect(page.get_by_role('tab', name='Log')).to_have_attribute('aria-selected', 'true')
        page.get_by_role('button', name='Write every detail for 10 min').click()
        expect(page.get_by_text(re.compile(r'Every detail is written down until .*\d\d:\d\d'))).to_be_visible()
        page.get_by_role('button', name='Stop now').click()
        expect(page.get_by_role('button', name='Write every detail for 10 min')).to_be_visible()


def test_a_connection_that_is_deleted_elsewhere_leads_back(browser: Browser, url: str) -> None:
    with visitor(browser) as page:
        added = page.request.post(url.replace('/connections/home', '/api/connections'), data={
            'id': 'short', 'type': 'mqtt', 'name': 'Short', 'config': {'host': '127.0.0.1', 'port': 9}})  # fmt: skip
        assert added.status == 201
        page.goto(url.replace('/home', '/short'))
        expect(head(page)).to_contain_text('Short')
        assert page.request.delete(url.replace('/connections/home', '/api/connections/short')).status == 204
        expect(page.get_by_role('heading', name='There is no such connection')).to_be_visible()
        expect(page.get_by_role('link', name='Show all connections')).to_be_visible()


def test_an_unknown_connection_leads_back(browser: Browser, url: str) -> None:
    with visitor(browser, size='phone') as page:
        page.goto(url.replace('/home', '/<b>nobody'))
        expect(page.get_by_role('heading', name='There is no such connection')).to_be_visible()
        page.get_by_role('link', name='Show all connections').click()
        expect(page.get_by_role('heading', name='Connections')).to_be_visible()
