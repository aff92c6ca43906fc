"""Connections to simulated Bluetooth devices for tests."""
import asyncio
from pathlib import Path
from typing import Any

from edgeos.bluetooth.radios import Radios
from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.history import HistoryStore
from edgeos.connections.services import Services
from edgeos.connections.state import Health, Status
from edgeos.gateway import Gateway
from edgeos.secrets import SecretStore
from edgeos.settings import ConnectionSettings
from tests.helpers import eventually

POLL = 1.0  # s, the shortest there is


class BluetoothLinks:
    """Makes connections that share a house, and stops them."""

    def __init__(self, folder: Path) -> None:
        self.services = Services(Gateway(), SecretStore(folder / 'secrets.toml'), HistoryStore(None))
        self._made: list[BluetoothConnection] = []

    @property
    def radios(self) -> Radios:
        return self.services.radios

    def start(self, address: str, name: str = 'ble', **config: Any) -> BluetoothConnection:
        settings = ConnectionSettings(id=name, type='bluetooth', name=name,
                                      config={'address': address, 'poll_s': POLL, **config})  # fmt: skip
        made = BluetoothConnection(settings, self.services)
        self._made.append(made)
        made.start()
        return made

    async def open(self, address: str, name: str = 'ble', **config: Any) -> BluetoothConnection:
        """The same, and waits until it is connected."""
        made = self.start(address, name, **config)
        await eventually(lambda: alive(made), timeout=10)
        return made

    async def stop(self) -> None:
        await asyncio.gather(*(connection.stop() for connection in self._made))
        await self.radios.stop()


def alive(connection: BluetoothConnection) -> bool:
    """Connected, with fresh values."""
    points = connection.source.points.values()
    return (connection.status is Status.CONNECTED and connection.health in (Health.GOOD, Health.DEGRADED)
            and any(point.quality == 'good' for point in points))  # fmt: skip


def lost(connection: BluetoothConnection) -> bool:
    """Not connected any more, with a reason."""
    return connection.status is not Status.CONNECTED and connection.last_error is not None


def is_stale(connection: BluetoothConnection) -> bool:
    points = connection.source.points.values()
    return bool(points) and all(point.quality == 'stale' for point in points)


def values(connection: BluetoothConnection) -> dict[str, Any]:
    return {point.name: point.value for point in connection.source.points.values()}


def code(connection: BluetoothConnection) -> str:
    return connection.last_error.code if connection.last_error is not None else ''


async def fresh(connection: BluetoothConnection, rounds: int = 2, limit: float = 8.0) -> None:
    """Wait until the device has proven itself so many times more."""
    for _round in range(rounds):
        before = connection.last_proof
        await eventually(lambda before=before: connection.last_proof != before, timeout=limit)
