"""Connections to simulated PLCs for tests, and a simulated PLC whose visitors are watched."""
import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from edgeos.connections.history import HistoryStore
from edgeos.connections.plc import PlcConnection
from edgeos.connections.services import Services
from edgeos.connections.state import Status
from edgeos.demo.plc_device import TWINCAT_3, Program, SimulatedPlc
from edgeos.demo.plc_frames import Request
from edgeos.demo.plc_house import make_house3
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


@asynccontextmanager
async def watched(plc: SimulatedPlc | None = None, **options: Any) -> AsyncIterator[Watched]:
    server = Watched(plc or make_house3('127.0.0.1.1.1'), **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def small_plc(declarations: str, life: Any = None, types: str = '') -> SimulatedPlc:
    source = f'{types}\nVAR_GLOBAL GVL\n{declarations}\nEND'
    return SimulatedPlc('127.0.0.1.1.1', Program(source, source, source), traits=TWINCAT_3, life=life)


VARIABLES = [
    {'name': 'tick', 'group': 0x4020, 'offset': 0, 'type': 'UDINT'},
    {'name': 'temperature', 'group': 0x4020, 'offset': 4, 'type': 'REAL'},
    {'name': 'lamp', 'group': 0x4021, 'offset': 8 * 12 + 3, 'type': 'BOOL'},
    {'name': 'values', 'group': 0x4020, 'offset': 20, 'type': 'ARRAY [0..4] OF INT'},
    {'name': 'text', 'group': 0x4020, 'offset': 64, 'type': 'STRING(20)'},
    {'name': 'beyond', 'group': 0x4020, 'offset': 0xFFFF_0000, 'type': 'INT'},
]  # fmt: skip
