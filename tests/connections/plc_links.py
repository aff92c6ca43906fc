"""Connections to simulated PLCs for tests, and a simulated PLC whose visitors are watched."""
import asyncio
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeos.connections.history import HistoryStore
from edgeos.connections.plc import PlcConnection
from edgeos.connections.services import Services
from edgeos.connections.state import Status
from edgeos.demo.plc_device import SimulatedPlc
from edgeos.demo.plc_frames import Request
from edgeos.demo.plc_server import Connection as Visitor
from edgeos.demo.plc_server import PlcServer
from edgeos.demo.plc_services import SUM_READ
from edgeos.gateway import Gateway, Point
from edgeos.secrets import SecretStore
from edgeos.settings import ConnectionSettings
from tests.helpers import eventually


class Links:
    """Makes connections that share a house, and stops them."""

    def __init__(self, folder: Path) -> None:
        self.services = Services(Gateway(), SecretStore(folder / 'secrets.toml'), HistoryStore(None))
        self._made: list[PlcConnection] = []

    def start(self, address: str, name: str = 'plc', **config: Any) -> PlcConnection:
        made = PlcConnection(settings_for(address, name, **config), self.services)
        self._made.append(made)
        made.start()
        return made

    async def open(self, address: str, name: str = 'plc', **config: Any) -> PlcConnection:
        """The same, and waits until all its values are there; without symbols until it is connected."""
        made = self.start(address, name, **config)
        await eventually(lambda: made.ladder.is_complete and all(p.quality != 'stale' for p in points(made)), timeout=8)
        return made

    async def stop(self) -> None:
        await asyncio.gather(*(connection.stop() for connection in self._made))


def settings_for(address: str, name: str = 'plc', **config: Any) -> ConnectionSettings:
    return ConnectionSettings(id=name, type='plc', config={'host': address, 'poll_ms': 50, **config})


def points(connection: PlcConnection) -> list[Point]:
    return list(connection.source.points.values())


def values(connection: PlcConnection) -> dict[str, Any]:
    return {point.name: point.value for point in points(connection)}


def notices(connection: PlcConnection) -> str:
    return ' '.join(notice.text for notice in connection.notices())


async def polls(connection: PlcConnection, count: int = 2) -> None:
    """Wait until the PLC has answered so many requests more."""
    wanted = connection.traffic.packets_received + count
    await eventually(lambda: connection.traffic.packets_received >= wanted)
    assert connection.status is Status.CONNECTED


class Watched(PlcServer):
    """In the test's own process: counts what is asked for by index group, and what is left when a visitor goes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asked: Counter[int] = Counter()
        self.left: list[tuple[int, int]] = []  # notifications and handles
        self.has_sum_reads = True
        self.is_lost: Callable[[int, Request], bool] = lambda group, request: False  # whether an answer gets lost

    @property
    def address(self) -> str:
        return f'{self.host}:{self.port}'

    @property
    def kept(self) -> tuple[int, int]:
        """Notifications and handles of those who are here."""
        found = [kept_for(visitor) for visitor in self._open]
        return sum(notifications for notifications, _ in found), sum(handles for _, handles in found)

    def opened(self, connection: Visitor, address: str) -> None:
        super().opened(connection, address)
        session = connection.session
        answer, close = session.answer, session.close

        def watched_answer(request: Request) -> bytes:
            group = struct.unpack_from('<I', request.data)[0] if len(request.data) >= 4 else -1
            self.asked[group] += 1
            return b'' if self.is_lost(group, request) else answer(request)

        def watched_close() -> None:
            self.left.append(kept_for(connection))
            session.close = close
            close()

        session.answer, session.close = watched_answer, watched_close
        if not self.has_sum_reads:
            del session.services._asking[SUM_READ]


def kept_for(visitor: Visitor) -> tuple[int, int]:
    return len(visitor.session.notifications), len(visitor.session.services._handles)


def misplace(plc: SimulatedPlc, name: str) -> None:
    """The symbol upload says of one variable that it lies where there is no memory."""
    place = plc.memory.place(name)
    said = struct.pack('<III', place.group, place.offset, place.size)
    assert plc.uploads.symbols.count(said) == 1
    plc.uploads.symbols = plc.uploads.symbols.replace(said, struct.pack('<III', place.group, 0x7FFF_0000, place.size))
