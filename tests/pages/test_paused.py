"""A device that is let go for a while is neither off nor in trouble."""
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.history import HistoryStore
from edgeos.connections.services import Services
from edgeos.connections.state import Status
from edgeos.gateway import Gateway
from edgeos.secrets import SecretStore
from edgeos.settings import ConnectionSettings
from pages.rows import Row, row_of
from tests.helpers import eventually


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[..., BluetoothConnection]]:
    services = Services(Gateway(), SecretStore(tmp_path / 'secrets.toml'), HistoryStore(None))
    made: list[BluetoothConnection] = []

    def make_one(profile: str) -> BluetoothConnection:
        config = {'address': 'A4:C1:38:00:00:01', 'profile': profile, 'adapter': 'demo'}
        made.append(BluetoothConnection(ConnectionSettings(id='b', type='bluetooth', config=config), services))
        return made[-1]

    yield make_one
    for connection in made:
        await connection.stop()


def row(connection: BluetoothConnection) -> Row:
    return row_of(connection, lambda text: text)


async def test_a_paused_connection_says_when_it_is_back(make: Callable[..., BluetoothConnection]) -> None:
    connection = make('jbd_bms')
    connection.start()
    await connection.pause(600)
    await eventually(lambda: connection.next_retry_in)
    shown = row(connection)
    assert (shown['state'], shown['word'], shown['paused'], shown['can_pause']) == ('off', 'Paused', True, False)
    assert shown['next'] == pytest.approx(connection.clock.wall() + 600, abs=5)
    await connection.stop()
    assert (row(connection)['word'], row(connection)['paused'], row(connection)['next']) == ('Off', False, None)


@pytest.mark.parametrize(('profile', 'can_pause'), [('auto', True), ('jbd_bms', True), ('bthome', False)])
async def test_only_what_is_connected_to_can_be_let_go(make: Callable[..., BluetoothConnection], profile: str,
                                                       can_pause: bool) -> None:  # fmt: skip
    connection = make(profile)
    assert not row(connection)['can_pause']
    connection.status = Status.CONNECTED
    assert row(connection)['can_pause'] is can_pause
    connection.status = Status.DISCONNECTED
