"""One process of a plugin, from its start to its end, when nothing of it is left."""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.connections.state import Failure
from edgeos.limits import Limits, Restart
from edgeos.plugins import faults
from edgeos.plugins.faults import PluginFailed
from edgeos.plugins.hello import Door, check_hello, isolation_in
from edgeos.plugins.isolation import NoIsolation, argv, check_user, environment, is_root, prepare
from edgeos.plugins.messages import BAD_CONFIG, Message
from edgeos.plugins.order import Desk, Order
from edgeos.plugins.peer import PluginPeer
from edgeos.plugins.phrase import phrase_of
from edgeos.plugins.plugin_log import PluginLog
from edgeos.plugins.strays import Trace, sweep, trace
from edgeos.plugins.threads import whole
from edgeos.processes import ChildProcess, ProcessError
from edgeos.rpc import RpcClosed, RpcError
from edgeos.settings_models import MOST_CPU, ProcessLimit

TERM_TO_KILL = 3.0  # s
SEND_BUFFER = 65_536  # bytes: what it has sent too much must not keep its answers for long
DUMP_LIMIT = 0.5  # s for the stacks of all its threads to reach the log
LAST_WORDS = 0.3  # s after its end for what it has still said


class Session:
    """Used once: `start`, `watch`, and `end` in any case. Everything is called on the loop."""

    def __init__(self, order: Order, desk: Desk, log: PluginLog, limits: Limits | None, clock: Clock = SYSTEM_CLOCK) \
            -> None:  # fmt: skip
        self.failure: Failure | None = None  # why it was ended, or is about to be
        self.isolation: dict[str, Any] = {}
        self.process: ChildProcess | None = None
        self.peer: PluginPeer | None = None
        self._order = order
        self._door = Door(desk, self._on_close)
        self._log = log
        self._limits = limits
        self._clock = clock
        self._token = secrets.token_urlsafe(18)
        self._over = asyncio.Event()  # it has ended, or has to
        self._is_stopping = False
        self._trace = Trace(uid=order.uid)
        self._exit: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    # the start

    async def start(self, restart: Restart) -> None:
        """Returns when it has said hello and is who it should be; raises PluginFailed.

        `restart` is for whoever holds it to its limits.
        """
        manifest = self._order.manifest
        try:
            async with asyncio.timeout(manifest.start_timeout_s):
                await self._spawn()
                self._hold(restart)
                hello = await self._unless_over(self._door.hello)
        except TimeoutError:
            raise PluginFailed(faults.not_in_time(manifest.start_timeout_s)) from None
        except NoIsolation as error:
            raise PluginFailed(faults.no_isolation(phrase_of(error))) from error
        except (ProcessError, OSError) as error:
            raise PluginFailed(faults.cannot_start(phrase_of(error))) from error
        if (pid := self.pid) is None:
            raise PluginFailed(self.ending)
        check_hello(hello, self._order, self._token, pid)
        self.isolation = isolation_in(hello)
        self._trace = trace(pid, self._order.uid)

    async def initialize(self, config: Message, storage: Message) -> None:
        """Returns when its own start is done; raises PluginFailed."""
        assert self.peer is not None
        limit = self._order.manifest.start_timeout_s
        try:
            await self.peer.call('initialize', {'config': config, 'storage': storage}, limit)
        except TimeoutError:
            raise PluginFailed(faults.not_in_time(limit)) from None
        except RpcClosed:
            await self._settled()
            raise PluginFailed(self.ending) from None
        except RpcError as error:
            await self._settled()
            raise PluginFailed(self._start_failure(error)) from error

    def _start_failure(self, error: RpcError) -> Failure:
        if error.code == BAD_CONFIG:
            return faults.bad_config(str(error))
        return faults.fault('crashed', 'It failed at its start: {why}', why=str(error)[:500])

    async def _spawn(self) -> None:
        order = self._order
        await asyncio.to_thread(self._prepare)
        ours, theirs = socket.socketpair()
        try:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            env = environment(order.manifest, order.folders, list(order.permissions), order.uid, self._token,
                              theirs.fileno())  # fmt: skip
            self.process = ChildProcess(order.name, argv(order.folders), env=env, cwd=order.folders.data,
                                        pass_fds=(theirs.fileno(),), on_line=self._on_line)  # fmt: skip
            self.peer = await PluginPeer.over(ours, self._door, self._clock)
            await whole(self.process.start())
        finally:
            theirs.close()
            if self.peer is None:
                ours.close()
        self._exit = asyncio.create_task(self._wait_for_exit(), name=f'end of plugin {order.name}')

    def _prepare(self) -> None:
        """In a thread. What an app that was killed has left of it would work beside the new one."""
        check_user(self._order.uid)
        prepare(self._order.folders, self._order.uid)
        if self._order.uid is not None and is_root():
            sweep(self._trace)

    # while it runs

    def _hold(self, restart: Restart) -> None:
        """The limits are the owner's, else those of its manifest."""
        if self._limits is None or self.process is None or self.pid is None:
            return
        asked = self._order.manifest.resources
        limit = ProcessLimit(cpu_percent=min(asked.cpu_percent, MOST_CPU), memory_mb=asked.memory_mb)
        self._limits.watch(self.process, restart, limit, asked.max_processes)

    async def watch(self, on_health: Callable[[bool], None]) -> None:
        """Ask it again and again whether it is well, until it has ended or has to."""
        health, misses = self._order.manifest.health, 0
        while not await self._is_over_within(health.interval_s):
            answered = await self.ping(health.timeout_s)
            if self.is_over:
                return
            misses = 0 if answered else misses + 1
            on_health(answered)
            if misses >= health.misses:
                await self._dump()
                self.fail(faults.not_answering(misses))

    async def ping(self, limit: float) -> bool:
        """Whether it answers; its answer may wait for some seconds behind what it sends too much of."""
        assert self.peer is not None
        try:
            await self.peer.call('ping', {}, limit)
        except RpcClosed:
            await self._settled()
        except (TimeoutError, RpcError):
            return False
        return True

    def fail(self, failure: Failure) -> None:
        """It has to end, for this reason; the first one counts."""
        if self.failure is None and not self._is_stopping:
            self.failure = failure
        self._over.set()

    async def hand_over(self, config: Message) -> bool:
        """Give it another configuration while it runs; False when it has to be started anew for that."""
        assert self.peer is not None
        try:
            await self.peer.call('config.changed', {'config': config})
        except RpcError as error:
            if error.code != BAD_CONFIG:
                return False
            self.fail(faults.bad_config(str(error)))
        except TimeoutError:
            return False
        except RpcClosed:
            pass  # it reads the new one at its next start
        return True

    async def _dump(self) -> None:
        """What all of its threads are doing, into its log."""
        if self.process is not None and (pid := self.process.pid) is not None:
            self.process.before_stop()
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGUSR1)
            await self._is_over_within(DUMP_LIMIT)

    # the end

    @property
    def ending(self) -> Failure:
        """Why it has ended."""
        was_killed = self.process is not None and self.process.was_killed
        last_words = self._log.lines()[-1].text if self._log.count else ''
        return faults.ending(self.status, self.failure, last_words, was_killed=was_killed,
                             said_hello=self._door.hello.done())  # fmt: skip

    @property
    def status(self) -> int | None:
        """The exit status, once it has ended."""
        return self.process.returncode if self.process is not None else None

    async def stop(self, term_after: float, kill_after: float) -> bool:
        """Ask it to end, SIGTERM after so many s, SIGKILL after so many; whether it obeyed the first."""
        self._is_stopping = True
        loop = asyncio.get_running_loop()
        began = loop.time()
        if self.process is None:
            self._over.set()
            return True
        self.process.before_stop()
        if self.peer is not None and self._door.hello.done() and not self.peer.is_closed:
            with suppress(TimeoutError, RpcError, RpcClosed):
                await self.peer.call('shutdown', {}, term_after)
            self.peer.handle_rest()
            self.peer.close()
        else:
            term_after = 0.0
        spent = loop.time() - began
        await self.process.stop(max(0.0, term_after - spent), max(0.1, kill_after - spent))
        return not self.process.was_killed

    async def end(self) -> None:
        """Returns when nothing of it is left; after `stop`, or else at once."""
        if self.process is not None:
            await self.process.stop(0, TERM_TO_KILL)
            if self._exit is not None:
                await asyncio.wait({self._exit})
            if self._limits is not None:
                self._limits.forget(self.process)
            try:
                if (count := await asyncio.to_thread(sweep, self._trace)) > 0:
                    self._log.note('warning', f'({count} processes it had left behind were ended)')
            except ValueError as error:  # since its start somebody else was given its user
                self._log.note('warning', f'(what it left behind is not ended: {error})')
        if self.peer is not None:
            self.peer.close()
        self._over.set()

    async def _wait_for_exit(self) -> None:
        assert self.process is not None and self.peer is not None
        await self.process.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await self.peer.closed.wait()
        self.peer.close()
        self._over.set()

    async def _settled(self) -> None:
        """The conversation is over: most likely because it has ended, and then there is a status in a moment."""
        await self._is_over_within(1.0)

    async def _is_over_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
        return self.is_over

    async def _unless_over(self, wanted: 'asyncio.Future[Message]') -> Message:
        over = asyncio.ensure_future(self._over.wait())
        both: set[asyncio.Future[Any]] = {wanted, over}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        if not wanted.done():
            raise PluginFailed(self.ending)
        return wanted.result()

    # what it says

    def _on_line(self, line: str) -> None:
        self._log.add('info', line)

    def _on_close(self, reason: str) -> None:
        """A plugin that only closes its socket is given up too: nothing could reach it any more."""
        if reason:
            self.fail(faults.protocol(reason))
        elif self.process is not None and self.process.is_running and not self._is_stopping:
            asyncio.get_running_loop().call_later(1.0, self._give_up_deaf)

    def _give_up_deaf(self) -> None:
        if not self.is_over:
            self.fail(faults.protocol('it closed the conversation but went on running'))
