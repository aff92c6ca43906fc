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
from pages.feed import OverviewFeed
from tests.helpers import FakeClock


class Manager:
    """Only what the feed looks at."""

    def __init__(self, connections):
        self.connections = {connection.id: connection for connection in connections}


@pytest.fixture
async def connections(tmp_path):
    services = Services(Gateway(), SecretStore(tmp_path / 'secrets.toml'), HistoryStore(None), FakeClock())
    return [MqttConnection(ConnectionSettings(id=f'c{n}', type='mqtt', config={'host': 'h'}), services) for n in range(5)]


def opened(connections, *languages):
    feed = OverviewFeed(Manager(connections))
    for language in languages:
        feed._rows[language] = {row['id']: row for row in feed._fresh(language)}
    return feed


async def test_only_what_changed_is_sent(connections):
    feed = opened(connections, 'en')
    assert feed._changes('en') == []
    connections[2].status = Status.CONNECTING
    assert feed._changes('en') == [('c2', {'state': 'connecting', 'word': 'Connecting'})]
    assert feed._changes('en') == []


async def test_of_very_many_rows_a_changed_state_is_sent_at_once_in_every_language(connections, monkeypatch):
    monkeypatch.setattr(feed_module, 'ROWS_A_SECOND', 1)
    monkeypatch.setattr(OverviewFeed, '_due', lambda self, count: range(1))
    feed = opened(connections, 'en', 'de')
    for language in ('en', 'de'):
        assert feed._changes(language) == []
    connections[4].status = Status.CONNECTING
    assert [changed for changed, _ in feed._changes('en')] == ['c4']
    assert [changed for changed, _ in feed._changes('de')] == ['c4']


async def test_of_very_many_rows_the_last_sign_of_life_stays_fresh(connections, monkeypatch):
    monkeypatch.setattr(OverviewFeed, '_due', lambda self, count: range(0))
    feed = opened(connections, 'en')
    feed._changes('en')
    connections[3].prove(connections[3].clock.monotonic())
    assert feed._changes('en') == [('c3', {'last': round(connections[3].clock.wall())})]


def test_every_row_has_its_turn(monkeypatch):
    monkeypatch.setattr(feed_module, 'ROWS_A_SECOND', 250)
    feed, seen = OverviewFeed(Manager([])), set()
    for second in range(4):
        monkeypatch.setattr(feed_module.time, 'monotonic', lambda second=second: float(second))
        seen |= set(feed._due(1000))
    assert seen == set(range(1000))
    assert feed._due(250) == range(250)
