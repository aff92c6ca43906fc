"""One life of the process that shows the window, seen from the program."""
import asyncio
import logging
import socket
from collections import deque
from typing import Any

from edgeos.processes import PROJECT, ChildProcess, ProcessError, python_module
from edgeos.rpc import Peer
from edgeos.screens import CannotShow
from edgeos.window import failures

STEP_LIMIT = 12.0  # s without a step nearer to the page being seen; then it is said that it cannot be
CLOSE, KILL = 1.2, 2.4  # s after the polite word
LAST_LINES = 40  # of what it, or Qt, says

log = logging.getLogger(__name__)


class Life:
    """Used once: `begin`, `wait`, and `end` in any case."""

    def __init__(self, url: str) -> None:
        """`url` is what to open in a browser instead."""
        self.was_closed = False  # by its owner
        self._url = url
        self._ours, self._theirs = socket.socketpair()
        self._process = ChildProcess(
            'window', python_module('edgeos.window.program', str(self._theirs.fileno())), cwd=PROJECT,
            pass_fds=(self._theirs.fileno(),), on_line=self._on_line,
        )  # fmt: skip
        self._peer: Peer | None = None
        self._said: deque[str] = deque(maxlen=LAST_LINES)
        self._news = asyncio.Event()
        self._is_shown = False
        self._lack: dict[str, Any] | None = None
        self._exit: asyncio.Task[int] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def is_there(self) -> bool:
        return self._is_shown and self._process.is_running

    async def begin(self, order: dict[str, Any]) -> None:
        """Returns when the page is seen, or somebody has closed or killed the window before; raises CannotShow."""
        try:
            self._peer = await Peer.over(self._ours, self._on_message, self._news.set)
            await self._process.start()
        except ProcessError as error:
            raise CannotShow(f'the window cannot be opened: {error}') from error
        self._theirs.close()  # not before the process is there: another could get the number meanwhile
        self._exit = asyncio.create_task(self._process.wait(), name='end of the window')
        self._exit.add_done_callback(lambda _task: self._news.set())
        self._peer.notify('open', order)
        while not self._is_shown and not self._exit.done():
            await self._next_step()

    async def _next_step(self) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(STEP_LIMIT):
                await self._news.wait()
        except TimeoutError:
            raise CannotShow(f'the window was not there within {STEP_LIMIT:.0f} s: leave --native out and open '
                             f'{self._url} in a browser') from None  # fmt: skip
        if self._lack is not None:
            what, detail = (str(self._lack.get(key, '')) for key in ('what', 'detail'))
            raise CannotShow(failures.missing(what, detail, self._url))
        if self._exit is not None and self._exit.done() and failures.is_crash(self._exit.result()):
            raise CannotShow(failures.died(self._said, self._exit.result()))

    async def wait(self) -> int:
        """Until it has ended; its exit status, negative for a signal."""
        assert self._exit is not None
        return await asyncio.shield(self._exit)

    def bring_forward(self) -> bool:
        """Before all other windows, if it is there."""
        if self._peer is not None and self.is_there:
            self._peer.notify('forward', {})
        return self.is_there

    async def end(self) -> None:
        """Close it, without a question; nothing of it is left. Bounded, never raises."""
        if self._peer is not None:
            self._peer.notify('close', {})
        await self._process.stop(term_after=CLOSE, kill_after=KILL)
        if self._peer is not None:
            self._peer.close()
        self._ours.close()
        self._theirs.close()

    # what it says

    def _on_line(self, line: str) -> None:
        self._said.append(line)
        log.info('%s', line)

    def _on_message(self, method: str, params: Any) -> None:
        if method == 'shown':
            self._is_shown = True
        elif method == 'closed':
            self.was_closed = True
        elif method == 'cannot' and isinstance(params, dict):
            self._lack = params
        self._news.set()
