"""What the overview is sent each second."""
import pytest

from edgeos.connections.history import HistoryStore
from edgeos.connections.mqtt import MqttConnection
from edgeos.connections.services import Services
from edgeos.connections.state import Status
from edgeos.gateway import Gateway
from edgeos.secrets import SecretStore
from edgeos.settings import ConnectionSettings
from pages import feed as feed_module
from pages.feed import OverviewFeed, turn_of
from pages.overview_grid import Look
from tests.helpers import FakeClock


class Manager:
    """Only what the feed looks at."""

    def __init__(self, connections):
        self.connections = {connection.id: connection for connection in connections}


class Browser:
    """A grid that keeps what it was sent: the rows as its page has them, and the changes since it was asked."""

    def __init__(self, feed, language='en'):
        rows = feed.first_rows(language)
        self.rows = {row['id']: dict(row) for row in rows}
        self.changes = []
        self.leave = feed.join(self, language, rows)

    def on_look(self, handler):
        self._handler = handler

    def look(self, *ids, sparks=False):
        self._handler(Look(frozenset(ids), sparks))

    def patch(self, now, changes):
        self.changes += changes
        for key, fields in changes:
            self.rows[key].update(fields)

    def reset(self, rows):
        self.rows = {row['id']: dict(row) for row in rows}

    def take(self):
        changes, self.changes = dict(self.changes), []
        return changes


@pytest.fixture
async def connections(tmp_path):
    services = Services(Gateway(), SecretStore(tmp_path / 'secrets.toml'), HistoryStore(None), FakeClock())
    return [MqttConnection(ConnectionSettings(id=f'c{n}', type='mqtt', config={'host': 'h'}), services) for n in range(5)]


@pytest.fixture
async def feed(connections, monkeypatch):
    """Beats only when told, and no row has its turn."""

    async def never(self):
        return

    monkeypatch.setattr(OverviewFeed, '_run', never)
    monkeypatch.setattr(feed_module, 'turn_of', lambda count, second: range(0))
    return OverviewFeed(Manager(connections))


def talk(connection, packets):
    """Packets that were received in a second that is over."""
    connection.traffic.packets_received += packets
    connection.clock.advance(1)
    connection.traffic.sample()
    connection.prove(connection.clock.monotonic())


async def test_only_what_changed_is_sent(feed, connections):
    browser = Browser(feed)
    feed._send_changes()
    assert browser.take() == {}
    connections[2].status = Status.CONNECTING
    feed._send_changes()
    assert browser.take() == {'c2': {'state': 'connecting', 'word': 'Connecting'}}
    feed._send_changes()
    assert browser.take() == {}


async def test_a_changed_state_is_sent_to_everybody_whatever_is_shown(feed, connections):
    english, german = Browser(feed), Browser(feed, 'de')
    english.look('c0')
    connections[4].status = Status.CONNECTING
    feed._send_changes()
    assert english.rows['c4']['word'] == 'Connecting'
    assert german.rows['c4']['word'] == 'Verbindet'


async def test_a_link_that_falls_silent_is_seen_at_once_where_it_is_shown_and_else_in_its_turn(
    feed, connections, monkeypatch
):
    browser = Browser(feed)
    browser.look('c2')
    for each in (2, 3):
        connections[each].status = Status.CONNECTED
        talk(connections[each], 1)
    feed._send_changes()
    assert browser.rows['c2']['state'] == browser.rows['c3']['state'] == 'connected'
    connections[3].clock.advance(5 * connections[3].expected_interval)
    feed._send_changes()
    assert (browser.rows['c2']['state'], browser.rows['c3']['state']) == ('error', 'connected')
    monkeypatch.setattr(feed_module, 'turn_of', lambda count, second: range(3, 4))
    feed._send_changes()
    assert browser.rows['c3']['state'] == 'error'


async def test_trouble_is_counted_with_and_without_a_page(feed, connections):
    assert feed.count_trouble() == 0
    connections[1].status = Status.ERROR
    feed.reset()
    assert feed.count_trouble() == 1
    connections[2].status = Status.ERROR
    Browser(feed)
    feed._send_changes()
    assert feed.count_trouble() == 2


async def test_only_rows_that_are_shown_get_their_figures(feed, connections):
    browser = Browser(feed)
    browser.look('c1')
    feed._send_changes()
    browser.take()
    for each in (1, 2):
        talk(connections[each], 50)
    feed._send_changes()
    assert browser.take().keys() == {'c1'}
    assert browser.rows['c1']['down'] == 10


async def test_rows_that_come_into_sight_are_told_at_once_and_once_more_to_those_who_see_them_already(feed, connections):
    one, other = Browser(feed), Browser(feed)
    talk(connections[2], 50)
    one.look('c2')
    assert one.rows['c2']['down'] == 10
    assert other.rows['c2']['down'] == 0
    feed._send_changes()
    assert other.rows['c2']['down'] == 10


async def test_a_figure_that_returns_to_what_was_told_before_does_not_stay_wrong(feed, connections):
    browser = Browser(feed)
    talk(connections[2], 50)
    browser.look('c2')
    assert browser.rows['c2']['down'] == 10
    connections[2].clock.advance(60)
    feed._send_changes()
    assert browser.rows['c2']['down'] == 0


async def test_a_page_that_opens_later_does_not_take_news_from_the_others(feed, connections):
    first = Browser(feed)
    connections[2].status = Status.CONNECTING
    second = Browser(feed)
    feed._send_changes()
    assert first.rows['c2']['state'] == second.rows['c2']['state'] == 'connecting'


async def test_a_state_that_returned_while_a_page_opened_is_put_right_in_its_turn(feed, connections, monkeypatch):
    first = Browser(feed)
    connections[3].status = Status.CONNECTING
    second = Browser(feed)
    connections[3].status = Status.DISCONNECTED
    monkeypatch.setattr(feed_module, 'turn_of', lambda count, second: range(3, 4))
    feed._send_changes()
    assert first.rows['c3']['state'] == second.rows['c3']['state'] == 'off'


async def test_cards_that_come_into_sight_bring_their_sparklines(feed, connections):
    browser = Browser(feed)
    talk(connections[2], 50)
    browser.look('c2')
    assert 'spark' not in browser.take()['c2']
    browser.look('c2', sparks=True)
    assert browser.take()['c2']['spark'][1][-1] == 50


async def test_unknown_rows_are_not_looked_for(feed, connections):
    browser = Browser(feed)
    browser.look('c1', 'nobody')
    assert browser.take().keys() == {'c1'}
    browser.leave()
    browser.look('c2')
    assert browser.take() == {}


async def test_rows_that_nobody_sees_keep_what_they_are_ordered_by(feed, connections, monkeypatch):
    monkeypatch.setattr(feed_module, 'turn_of', lambda count, second: range(3, 4))
    browser = Browser(feed)
    talk(connections[3], 50)
    feed._send_changes()
    assert browser.take() == {'c3': {'down': 10, 'last': round(connections[3].clock.wall())}}


@pytest.mark.parametrize('count', [1, 4, 1000, 1003])
def test_every_row_has_its_turn(count):
    seen = [number for second in range(100, 105) for number in turn_of(count, second) if number < count]
    assert sorted(seen) == list(range(count))
