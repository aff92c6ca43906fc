"""A broker and connections to it, stopped when the test ends."""
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeos.connections.history import HistoryStore
from edgeos.connections.mqtt import MqttConnection
from edgeos.connections.services import Services
from edgeos.gateway import Gateway
from edgeos.secrets import SecretStore
from edgeos.settings import ConnectionSettings
from tests.broker import Broker
from tests.connections.plc_links import Links
from tests.publisher import Publisher


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = Broker(tmp_path).start()
    yield running
    running.stop()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services(Gateway(), SecretStore(tmp_path / 'secrets.toml'), HistoryStore(None))


Make = Callable[..., MqttConnection]


@pytest.fixture
async def make(services: Services) -> AsyncIterator[Make]:
    made: list[MqttConnection] = []

    def make_connection(port: int, name: str = 'home', **config: Any) -> MqttConnection:
        settings = ConnectionSettings(id=name, type='mqtt', name=name,
                                      config={'host': '127.0.0.1', 'port': port, **config})  # fmt: skip
        connection = MqttConnection(settings, services)
        made.append(connection)
        return connection

    yield make_connection
    for connection in made:
        await connection.stop()


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    with Publisher(broker.port) as connected:
        yield connected


@pytest.fixture
async def links(tmp_path: Path) -> AsyncIterator[Links]:
    made = Links(tmp_path)
    yield made
    await made.stop()
