"""The worker processes: one for each PLC address, shared by all connections that go there.

TwinCAT's router takes one TCP connection from each source address, so a second one would throw the first out. Whoever
wants a runtime there takes a `PlcLink` from the one worker; the first that comes probes the address and starts it, the
last that goes ends it, and when its link to the PLC is dead all of them go down with it.
"""
import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

from edgeos.ads.errors import DEAD
from edgeos.connections.plc_demand import Demand, Endpoint, Watch, WorkerEnded, name_of
from edgeos.processes import PROJECT, ChildProcess, ProcessError, python_module
from edgeos.reporting import log_error
from edgeos.rpc import Peer, RpcClosed, RpcError

PROBE_LIMIT = 1.5  # s for the TCP handshake
OPEN_LIMIT = 5.0  # s for AdsLib to connect and the PLC to answer
START_LIMIT = 10.0  # s for the process to be there, on a busy machine
NEIGHBOUR = 1.5  # s since the last word of a link that counts as living
CALL_LIMIT = 12.0  # s for anything else; symbols of a large program take a while
SILENCE = 4.4  # s without a word from the worker after which it is held for dead: it speaks at least once a second
CLOSE_LIMIT = 1.0
LAST_LINES = 8  # of its output, kept for the case that it dies
QUICK_TERM = 0.6  # s a worker has for its own end

Message = list[Any]

log = logging.getLogger(__name__)


class WorkerBusy(Exception):
    """Raised where the worker of that address calls itself by another source NetId, which is the process's own."""


class WorkerDied(Exception):
    """Reported when a worker ends though nobody ended it: a mistake of ours, or a crash of AdsLib."""


class PlcLink:
    """One runtime's share in a worker, for the connection `owner`.

    `on_message` gets the worker's messages on the loop and must not raise.
    """

    def __init__(self, worker: 'PlcWorker', number: int, owner: str, on_message: Callable[[Message], None]) -> None:
        self.number = number
        self.owner = owner
        self.on_message = on_message
        self.lost: asyncio.Future[tuple[str, int, str]] = asyncio.get_running_loop().create_future()
        self.heard: float | None = None  # loop time of the PLC's last answer
        self.spoke: float | None = None  # loop time of the worker's last word about it, from its opening on
        self.worker = worker

    @property
    def pid(self) -> int | None:
        return self.worker.process.pid

    async def call(self, method: str, within: float = CALL_LIMIT, **params: Any) -> Any:
        """Raises RpcError, RpcClosed, TimeoutError."""
        result = await self.worker.peer.call(method, {'link': self.number, **params}, within)
        self.heard = self.spoke = asyncio.get_running_loop().time()
        return result

    def is_heard(self, within: float) -> bool:
        """Whether the PLC has answered it within so many seconds."""
        return self.heard is not None and asyncio.get_running_loop().time() - self.heard <= within

    def lose(self, kind: str, value: int = 0, text: str = '') -> None:
        """The link is dead; tells whoever serves it, once."""
        if not self.lost.done():
            self.lost.set_result((kind, value, text))

    def give_up(self, kind: str, value: int, text: str = '') -> None:
        """The PLC does not answer it: its way there is renewed, unless a neighbour lives on the same way."""
        neighbours = [other for other in self.worker.links.values() if other is not self]
        if value == DEAD or not any(other.is_heard(NEIGHBOUR) for other in neighbours):
            self.worker.fail(kind, value, text)
        else:
            self.lose(kind, value, text)


class PlcWorker:
    """One process, and the links it carries."""

    def __init__(self, endpoint: Endpoint, source: str, limits: Watch | None,
                 on_ended: Callable[[WorkerEnded], None]) -> None:  # fmt: skip
        """`on_ended` hears when it is ended because of its limits."""
        self.endpoint = endpoint
        self._limits = limits
        self._on_ended = on_ended
        self.source = source
        self.links: dict[int, PlcLink] = {}
        self._numbers = count(1)
        self._ours, self._theirs = socket.socketpair()
        address = f'{endpoint[0]}:{endpoint[1]}'
        self.process = ChildProcess(
            name_of(endpoint),
            python_module('edgeos.ads.worker', str(self._theirs.fileno()), address, source),
            cwd=PROJECT, pass_fds=(self._theirs.fileno(),), on_line=self._on_line,
        )  # fmt: skip
        self.peer: Peer
        self._said: deque[str] = deque(maxlen=LAST_LINES)
        self._is_ending = self._is_failed = False
        self._ended: WorkerEnded | None = None
        self._watch: asyncio.Task[None] | None = None
        self._report: asyncio.Task[None] | None = None

    @property
    def is_alive(self) -> bool:
        return self.process.is_running and not self.peer.is_closed and not self._is_failed

    async def start(self) -> None:
        """Returns when it listens; raises ProcessError, WorkerEnded. What it has begun must be ended in any case."""
        self.peer = await Peer.over(self._ours, self._on_message, self._on_close)
        await self.process.start()
        if self._limits is not None:
            self._limits.watch(self.process, self._end_because)
        self._theirs.close()  # not before the process is there: another could get the number meanwhile
        try:
            await self.peer.call('hello', {'link': 0}, START_LIMIT)
        except (TimeoutError, RpcClosed, RpcError) as error:
            raise self._ended or ProcessError(f'{self.process.name} does not come up') from error
        self._watch = asyncio.create_task(self._watch_silence(), name=f'watch {self.process.name}')

    def join(self, owner: str, on_message: Callable[[Message], None]) -> PlcLink:
        """A new share in it."""
        link = PlcLink(self, next(self._numbers), owner, on_message)
        self.links[link.number] = link
        return link

    def fail(self, kind: str = 'ended', value: int = 0, text: str = '') -> None:
        """The way to the PLC is dead, for everybody who used it; ends the process at once."""
        self._lose_all(kind, value, text)
        self.process.kill()

    def _end_because(self, why: str, wait: int) -> None:
        """Politely: whoever used it leaves, and the last one ends it."""
        self._ended = WorkerEnded(why, wait)
        self._on_ended(self._ended)
        if self.links:
            self._lose_all('ended', wait, why)
        else:
            self.fail()

    def _lose_all(self, kind: str, value: int, text: str) -> None:
        self._is_failed = True
        for link in list(self.links.values()):
            link.lose(kind, value, text)

    async def end(self) -> None:
        """Let it give back what the PLC keeps for us, which takes a moment. Never raises."""
        self._is_ending = True
        if self._watch is not None:
            self._watch.cancel()
        if hasattr(self, 'peer'):
            self.peer.close()
        await self.process.stop(term_after=QUICK_TERM, kill_after=2 * QUICK_TERM)
        if self._limits is not None:
            self._limits.forget(self.process)
        self._ours.close()
        self._theirs.close()

    def _on_line(self, line: str) -> None:
        """Whatever it, or AdsLib, says belongs to all of its links."""
        self._said.append(line)
        for link in list(self.links.values()):
            link.on_message(['said', link.number, line])

    def _on_message(self, method: str, message: Any) -> None:
        link = self.links.get(message[1]) if type(message) is list and len(message) > 1 else None
        if link is None:
            return
        now = link.spoke = asyncio.get_running_loop().time()
        if method == 'values' and message[4][1]:
            link.heard = now
        if method == 'lost':
            if message[2] == 'ads':
                link.give_up(*message[2:])
            else:
                link.lose(*message[2:])
        elif method == 'busy':
            link.spoke = now + message[2]
        elif method != 'slow':
            link.on_message(message)

    def _on_close(self) -> None:
        if not (self._is_ending or self._is_failed):
            owners, was_killed = [link.owner for link in self.links.values()], self.process.was_killed
            self.fail('gone')
            if was_killed:  # the owner wanted it
                return
            self._report = asyncio.create_task(self._report_death(owners), name=f'report on {self.process.name}')

    async def _report_death(self, owners: list[str]) -> None:
        status = await self.process.wait()
        error = WorkerDied(f'the process ended by itself with status {status}')
        log_error(error, operation='PLC worker', type='plc', connection_id=owners[0] if owners else '',
                  connections=owners, output='\n'.join(self._said))  # fmt: skip

    async def _watch_silence(self) -> None:
        """A worker that hangs, or is stopped, does not say so."""
        while True:
            await asyncio.sleep(0.2)
            now = asyncio.get_running_loop().time()
            for link in list(self.links.values()):
                if link.spoke is not None and now - link.spoke > SILENCE:
                    link.give_up('silent', 0)


class PlcWorkers:
    """All workers, by address. One connection's trouble never delays those at other addresses."""

    def __init__(self, limits: Watch | None = None) -> None:
        self._limits = limits
        self._workers: dict[Endpoint, PlcWorker] = {}
        self._locks: dict[Endpoint, asyncio.Lock] = {}
        self.demand = Demand(limits)
        self._endings: set[asyncio.Task[None]] = set()

    async def take(self, endpoint: Endpoint, source: str, owner: str,
                   on_message: Callable[[Message], None], *, urged: bool = False) -> PlcLink:  # fmt: skip
        """A link to the PLC there; probes the address unless somebody is connected to it. `urged`: the owner has said
        that it is to be tried now, also where a worker was ended for its limits and is to wait.

        Raises OSError (the probe's; TimeoutError after 1.5 s), ProcessError, WorkerBusy, WorkerEnded.
        """
        async with self._locks.setdefault(endpoint, asyncio.Lock()):
            worker = self._workers.get(endpoint)
            if worker is not None and worker.is_alive and worker.links:
                if worker.source != source:
                    raise WorkerBusy(worker.source)
                return worker.join(owner, on_message)
            if worker is not None:
                await worker.end()  # nobody probes beside a dying one
            self.demand.check(endpoint, urged)
            await probe(endpoint)
            worker = PlcWorker(endpoint, source, self._limits, partial(self.demand.note_end, endpoint))
            try:
                await worker.start()
            except BaseException:
                self._keep(worker.end())
                raise
            self._workers[endpoint] = worker
            return worker.join(owner, on_message)

    async def leave(self, link: PlcLink) -> None:
        """Give a share back; the process ends with the last one. Goes on to the end also when it is cancelled."""
        await asyncio.shield(self._keep(self._leave(link)))

    async def settle(self) -> None:
        """Returns when every process that is ending has ended."""
        while self._endings:
            await asyncio.wait(self._endings)

    async def _leave(self, link: PlcLink) -> None:
        worker = link.worker
        if worker.links.pop(link.number, None) is not None and worker.links and worker.is_alive:
            with suppress(RpcError, RpcClosed, TimeoutError):
                await link.call('close', CLOSE_LIMIT)
        async with self._locks.setdefault(worker.endpoint, asyncio.Lock()):  # nobody probes beside a dying worker
            if worker.links:
                return
            await worker.end()
            if self._workers.get(worker.endpoint) is worker:
                del self._workers[worker.endpoint]

    def _keep(self, work: Coroutine[Any, Any, None]) -> 'asyncio.Task[None]':
        """Run it to the end, whoever waits for it."""
        task = asyncio.create_task(work, name='end of a PLC link')
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task


async def probe(endpoint: Endpoint) -> None:
    """Whether something accepts TCP there; raises OSError, TimeoutError after 1.5 s."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        async with asyncio.timeout(PROBE_LIMIT):
            await loop.sock_connect(sock, endpoint)
