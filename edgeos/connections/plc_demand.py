"""Who wants a PLC worker, where none is to be started for a while, and whoever holds workers to their limits."""
import asyncio
from collections.abc import Callable
from math import ceil
from typing import Protocol

from edgeos.processes import ChildProcess

Endpoint = tuple[str, int]  # address and TCP port


class WorkerEnded(Exception):
    """Raised where a worker was ended before it was there; says why. `wait`: see Watch."""

    def __init__(self, why: str, wait: int) -> None:
        super().__init__(why)
        self.wait = wait


class Watch(Protocol):
    """Whoever holds the processes to their limits; ends one by a word to its owner, with the reason and the seconds (0
    or more) in which it is not to be started again."""

    def watch(self, process: ChildProcess, restart: Callable[[str, int], None], /) -> None: ...

    def forget(self, process: ChildProcess, /) -> None: ...

    def dismiss(self, name: str, /) -> None: ...


def name_of(endpoint: Endpoint) -> str:
    """Of the worker for it, as the owner sees it."""
    return f'PLC worker {endpoint[0]}:{endpoint[1]}'


class Demand:
    """By address. A pause is the worker's, whichever connection asks for one."""

    def __init__(self, limits: Watch | None) -> None:
        self._limits = limits
        self._pauses: dict[Endpoint, tuple[float, str]] = {}  # loop time before which none is started, and why
        self._wanted: dict[object, Endpoint] = {}  # by whom

    def want(self, who: object, endpoint: Endpoint) -> None:
        """That one is to have a link there, though it may have to wait for it; it is there that it wants one only."""
        before = self._wanted.get(who)
        self._wanted[who] = endpoint
        if before != endpoint:
            self._dismiss(before)

    def rest(self, who: object) -> None:
        """That one wants no link any more."""
        self._dismiss(self._wanted.pop(who, None))

    def note_end(self, endpoint: Endpoint, ended: WorkerEnded) -> None:
        """A worker for it was ended for its limits."""
        self._pauses[endpoint] = (asyncio.get_running_loop().time() + ended.wait, str(ended))

    def check(self, endpoint: Endpoint, urged: bool) -> None:
        """Raises WorkerEnded while none is to be started there; not where it is `urged`."""
        until, why = self._pauses.get(endpoint, (0.0, ''))
        left = until - asyncio.get_running_loop().time()
        if left > 0 and not urged:
            raise WorkerEnded(why, ceil(left))
        self._pauses.pop(endpoint, None)

    def _dismiss(self, endpoint: Endpoint | None) -> None:
        if endpoint is not None and endpoint not in self._wanted.values() and self._limits is not None:
            self._limits.dismiss(name_of(endpoint))
