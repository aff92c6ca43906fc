"""The worker processes: one for each PLC address, shared by all connections that go there.

TwinCAT's router takes one TCP connection from each source address, so a second one would throw the first out. Whoever
wants a runtime there takes a `PlcLink` from the one worker; the first that comes probes the address and starts it, the
last that goes ends it, and when its link to the PLC is dead all of them go down with it.
"""
import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

from edgeos.processes import PROJECT, ChildProcess, python_module
from edgeos.rpc import Peer, RpcClosed, RpcError

PROBE_LIMIT = 1.5  # s for the TCP handshake
OPEN_LIMIT = 5.0  # s for AdsLib to connect and the PLC to answer
START_LIMIT = 10.0  # s for the process to be there, on a busy machine
CALL_LIMIT = 12.0  # s for anything else; symbols of a large program take a while
SILENCE = 4.4  # s without a word from the worker after which it is held for dead: it speaks at least once a second
CLOSE_LIMIT = 1.0
LOST = -1  # AdsLib's error for a dead socket, which all links share
QUICK_TERM = 0.6  # s a worker has for its own end

Endpoint = tuple[str, int]  # address and TCP port
Message = list[Any]

log = logging.getLogger(__name__)


class WorkerBusy(Exception):
    """Raised where the worker of that address calls itself by another source NetId, which is the process's own."""


class PlcLink:
    """One runtime's share in a worker. `on_message` gets the worker's messages on the loop and must not raise."""

    def __init__(self, worker: 'PlcWorker', number: int, on_message: Callable[[Message], None]) -> None:
        self.number = number
        self.on_message = on_message
        self.lost: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
        self.heard = asyncio.get_running_loop().time()
        self._worker = worker

    @property
    def pid(self) -> int | None:
        return self._worker.process.pid

    async def call(self, method: str, within: float = CALL_LIMIT, **params: Any) -> Any:
        """Raises RpcError, RpcClosed, TimeoutError."""
        return await self._worker.peer.call(method, {'link': self.number, **params}, within)

    def lose(self, kind: str, value: int = 0) -> None:
        """The link is dead; tells whoever serves it, once."""
        if not self.lost.done():
            self.lost.set_result((kind, value))

    async def close(self) -> None:
        """Give the share back; the process ends with the last one. Never raises."""
        await self._worker.leave(self)


class PlcWorker:
    """One process, and the links it carries."""

    def __init__(self, endpoint: Endpoint, source: str, on_line: Callable[[str], None]) -> None:
        self.source = source
        self.links: dict[int, PlcLink] = {}
        self._numbers = count(1)
        self._ours, theirs = socket.socketpair()
        self._theirs = theirs
        address = f'{endpoint[0]}:{endpoint[1]}'
        self.process = ChildProcess(
            f'PLC worker {address}',
            python_module('edgeos.ads.worker', str(theirs.fileno()), address, source),
            cwd=PROJECT, pass_fds=(theirs.fileno(),), on_line=on_line,
        )  # fmt: skip
        self.peer: Peer
        self._watch: asyncio.Task[None] | None = None

    @property
    def is_alive(self) -> bool:
        return self.process.is_running and not self.peer.is_closed

    async def start(self) -> None:
        """Raises ProcessError."""
        self.peer = await Peer.over(self._ours, self._on_message, self._on_close)
        try:
            await self.process.start()
        except BaseException:
            self.peer.close()
            raise
        finally:
            self._theirs.close()
        self._watch = asyncio.create_task(self._watch_silence(), name=f'watch {self.process.name}')

    def join(self, on_message: Callable[[Message], None]) -> PlcLink:
        """A new share in it."""
        link = PlcLink(self, next(self._numbers), on_message)
        self.links[link.number] = link
        return link

    async def leave(self, link: PlcLink) -> None:
        """The last one to leave ends the process."""
        if self.links.pop(link.number, None) is None:
            return
        if self.links and self.is_alive:
            with suppress(RpcError, RpcClosed, TimeoutError):
                await link.call('close', CLOSE_LIMIT)
        if not self.links:
            await self.end()

    def fail(self, kind: str, value: int = 0) -> None:
        """The way to the PLC is dead, for everybody who used it; ends the process at once."""
        for link in list(self.links.values()):
            link.lose(kind, value)
        self.process.kill()

    async def end(self) -> None:
        """Never raises."""
        if self._watch is not None:
            self._watch.cancel()
        self.peer.close()
        await self.process.stop(term_after=QUICK_TERM, kill_after=2 * QUICK_TERM)

    def _on_message(self, method: str, message: Any) -> None:
        if type(message) is not list:
            return
        link = self.links.get(message[1])
        if link is None:
            return
        link.heard = asyncio.get_running_loop().time()
        if method == 'lost':
            self._take_loss(link, message[2], message[3])
        elif method == 'busy':
            link.heard += message[2]
        else:
            link.on_message(message)

    def _take_loss(self, link: PlcLink, kind: str, value: int) -> None:
        """A runtime that alone is silent, or stopped, takes nobody else down."""
        now = asyncio.get_running_loop().time()
        others = [other for other in self.links.values() if other is not link and now - other.heard < 1.5]
        if kind == 'ads' and (value == LOST or not others):
            self.fail(kind, value)
        else:
            link.lose(kind, value)

    def _on_close(self) -> None:
        self.fail('gone')

    async def _watch_silence(self) -> None:
        """A worker that hangs, or is stopped, does not say so."""
        while True:
            await asyncio.sleep(0.2)
            now = asyncio.get_running_loop().time()
            if self.links and all(now - link.heard > SILENCE for link in self.links.values()):
                self.fail('silent')
                return


class PlcWorkers:
    """All workers, by address. One connection's trouble never delays those at other addresses."""

    def __init__(self) -> None:
        self._workers: dict[Endpoint, PlcWorker] = {}
        self._locks: dict[Endpoint, asyncio.Lock] = {}

    async def take(self, endpoint: Endpoint, source: str, on_message: Callable[[Message], None],
                   on_line: Callable[[str], None]) -> PlcLink:  # fmt: skip
        """A link to the PLC there; probes the address unless somebody is connected to it.

        Raises OSError (the probe's; TimeoutError after 1.5 s), ProcessError, WorkerBusy.
        """
        async with self._locks.setdefault(endpoint, asyncio.Lock()):
            worker = self._workers.get(endpoint)
            if worker is not None and worker.is_alive and worker.links:
                if worker.source != source:
                    raise WorkerBusy(worker.source)
                return worker.join(on_message)
            await probe(endpoint)
            worker = self._workers[endpoint] = PlcWorker(endpoint, source, on_line)
            await worker.start()
            return worker.join(on_message)


async def probe(endpoint: Endpoint) -> None:
    """Whether something accepts TCP there; raises OSError, TimeoutError after 1.5 s."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        async with asyncio.timeout(PROBE_LIMIT):
            await loop.sock_connect(sock, endpoint)
