"""A simulated PLC on the network: AMS over TCP, one connection for each source address, and faults to switch.

| fault | what happens |
|---|---|
| refuse | nothing listens, connections are closed |
| silent | connections are accepted, nothing is said |
| drop | half an answer, then the connection is closed, again and again |
| slow | everything said comes later: True for 0.3 s, or seconds |
| restart | away for 3 s or so many seconds, then back as after a power cut |
| online_change | the program is changed while it runs; off changes it back |
| download | another program; off brings the old one back |
| stop, config | the program stands still; TwinCAT is in CONFIG and has no runtime |
| wrong_symbol_version | every look at the symbol version shows another one |
| routes_only | who has no route is not answered; one is added by UDP (`plc_udp`) |
| one_connection | on from the start: a new connection from an address ends the older one, as TwinCAT does |
"""

import asyncio
import contextlib
import logging
import socket
from typing import Any, cast

from edgeos.demo.plc_device import RUN, STOP, SimulatedPlc
from edgeos.demo.plc_frames import FrameError, FrameReader
from edgeos.demo.plc_session import Session
from edgeos.demo.plc_udp import UDP_PORT, UdpService

SLOW = 0.3  # s
RESTART = 3.0  # s
TICK = 0.1  # s between two steps of the program

log = logging.getLogger(__name__)


class PlcServer:
    """Start it once, stop it once. With port 0 it takes a free one and keeps it; with `udp` it can be discovered."""

    def __init__(
        self, plc: SimulatedPlc, host: str = '127.0.0.1', port: int = 0, *, udp: bool = False,
        udp_port: int = UDP_PORT, tick: float = TICK,
    ) -> None:  # fmt: skip
        self.plc = plc
        self.host = host
        self.port = port
        self.requests = 0  # frames taken
        self.connections = 0  # accepted since the start
        self.silent = False
        self.drop = False
        self.slow = 0.0  # s
        self.routes_only = False
        self.one_connection = True
        self.routes: set[bytes] = set()  # NetIds that are answered with `routes_only`
        self.udp = UdpService(plc, host, udp_port, self.routes, lambda: not self.answers) if udp else None
        self._is_refusing = False
        self._tick = tick
        self._open: dict[Connection, str] = {}  # with the address of the client
        self._listener: asyncio.Server | None = None
        self._holder: socket.socket | None = None  # keeps the port while nothing listens
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def answers(self) -> bool:
        """Whether anybody would be answered now."""
        return self._listener is not None and not self.silent

    @property
    def open_connections(self) -> int:
        """How many there are now."""
        return len(self._open)

    async def start(self) -> None:
        """Returns when it listens; raises OSError when it cannot. Without UDP it only cannot be discovered."""
        await self._listen()
        if self.udp:
            try:
                await self.udp.start()
            except OSError as error:
                log.warning('%s cannot be discovered: %s', self.plc.host_name, error)
        self._spawn(self._live())

    async def stop(self) -> None:
        """Nothing is left open."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._refuse()
        if self._holder:
            self._holder.close()
            self._holder = None
        if self.udp:
            self.udp.stop()

    async def fault(self, **switches: Any) -> None:
        """Switch faults by name (see above); returns when they have taken effect, but for the end of a restart.

        Raises ValueError for a name that is none.
        """
        for name, value in switches.items():
            switch = getattr(self, f'_switch_{name}', None)
            if switch is not None:
                result = switch(value)
                if result is not None:
                    await result
            elif name in ('silent', 'drop', 'routes_only', 'one_connection'):
                setattr(self, name, bool(value))
            else:
                raise ValueError(f'no fault is called {name}')

    def drop_clients(self) -> None:
        """End all connections, not politely."""
        for connection in list(self._open):
            connection.abort()

    # faults

    async def _switch_refuse(self, on: bool) -> None:
        self._is_refusing = bool(on)
        if on:
            self._refuse()
        else:
            await self._listen()

    def _switch_slow(self, seconds: bool | float) -> None:
        self.slow = SLOW if seconds is True else float(seconds)

    def _switch_restart(self, seconds: bool | float) -> None:
        if seconds:
            self._refuse()
            self._spawn(self._come_back(RESTART if seconds is True else float(seconds)))

    def _switch_online_change(self, on: bool) -> None:
        self.plc.online_change(bool(on))

    def _switch_download(self, on: bool) -> None:
        self.plc.download(bool(on))
        self._end_notifications()

    def _switch_stop(self, on: bool) -> None:
        self.plc.state = STOP if on else RUN

    def _switch_config(self, on: bool) -> None:
        self.plc.is_in_config = bool(on)
        self._end_notifications()

    def _switch_wrong_symbol_version(self, on: bool) -> None:
        self.plc.wrong_symbol_version = bool(on)

    async def _come_back(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.plc.restart()
        if not self._is_refusing:
            await self._listen()

    def _end_notifications(self) -> None:
        for connection in self._open:
            connection.session.notifications.clear()

    # listening and living

    async def _listen(self) -> None:
        if self._listener is not None:
            return
        holder, self._holder = self._holder, None
        if holder is None:
            holder = self._bound()
        try:
            self._listener = await asyncio.get_running_loop().create_server(lambda: Connection(self), sock=holder)
        except OSError:
            holder.close()
            raise

    def _bound(self) -> socket.socket:
        found = socket.socket()
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((self.host, self.port))
        except OSError:
            found.close()
            raise
        self.port = int(found.getsockname()[1])
        return found

    def _refuse(self) -> None:
        """The port stays ours, so that nobody else gets it meanwhile."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self.drop_clients()
            with contextlib.suppress(OSError):
                self._holder = self._bound()

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(self._tick)
            now = loop.time()
            try:
                self.plc.step(min(1.0, now - before))
            except Exception:
                log.exception('the simulated program stumbled')
            before = now

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # connections

    def opened(self, connection: 'Connection', address: str) -> None:
        """A client is there."""
        self.connections += 1
        if self.one_connection:
            for other in [each for each, known in self._open.items() if known == address]:
                other.abort()
        self._open[connection] = address

    def closed(self, connection: 'Connection') -> None:
        """A client is gone."""
        self._open.pop(connection, None)


class Connection(asyncio.Protocol):
    """A client's socket."""

    def __init__(self, server: PlcServer) -> None:
        self._server = server
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self.session = Session(server.plc, self._say, self._waiting)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info('peername')
        self._server.opened(self, peer[0] if peer else '')

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.session.close()
        self._server.closed(self)

    def data_received(self, data: bytes) -> None:
        server = self._server
        try:
            requests = self._reader.feed(data)
        except FrameError:
            self.abort()
            return
        server.requests += len(requests)
        if server.silent:
            return
        answer = self.session.answer
        answers = [
            answer(request) for request in requests if not server.routes_only or request.source in server.routes
        ]
        if answers:
            self._say(answers[0] if len(answers) == 1 else b''.join(answers))

    def abort(self) -> None:
        """Gone at once."""
        self.session.close()
        self._server.closed(self)
        if self._transport:
            self._transport.abort()

    def _waiting(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport else 0

    def _say(self, data: bytes) -> None:
        server = self._server
        if server.silent or not data or self._transport is None:
            return
        if server.drop:
            self._transport.write(data[: len(data) // 2])
            self._transport.close()
        elif server.slow:
            asyncio.get_running_loop().call_later(server.slow, self._write, data)
        else:
            self._transport.write(data)

    def _write(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)
