"""How processes look to the limiter: the one interface that the Linux and the portable way of looking share.

A process is its number and its start together: the number alone may belong to somebody else a moment later.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Stat(NamedTuple):
    """One look at a process. `start` is opaque; `reaped` is the CPU time (s) of children it has waited for."""

    pid: int
    parent: int
    group: int
    session: int
    start: int
    reaped: float
    resident: int  # bytes
    threads: int
    is_dead: bool = False  # a zombie


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that is never mistaken for another one that got its number later."""

    pid: int
    start: int


class Grip(Protocol):
    """A hold on one process for signals, which never reach another one."""

    def send(self, number: int) -> None:
        """Raises ProcessLookupError when it is gone, PermissionError when it belongs to another user."""

    def close(self) -> None:
        """Let go."""


class View(Protocol):
    """What can be seen of processes."""

    def stat(self, pid: int) -> Stat | None:
        """None when there is no such process (a zombie is one still). Raises OSError when that cannot be told."""

    def cpu(self, pid: int) -> float:
        """CPU time of all its threads, living and ended, in s. Raises ProcessLookupError."""

    def children(self, stat: Stat) -> list[int]:
        """The living children; empty when it is gone."""

    def stamp(self) -> int:
        """The `start` of a process that was made just now."""

    def forks(self) -> object:
        """Changes whenever a process or thread was made anywhere; None where that cannot be told."""

    def newcomers(self) -> list[Stat]:
        """Processes that appeared since the last two calls, system-wide. Dear: for one caller, twice a second."""

    def marker(self, pid: int) -> bytes | None:
        """The process's `EDGEOS_TREE=...`, which all it starts inherit; None without one, or where not allowed."""

    def share(self, pid: int) -> int | None:
        """Its proportional share of memory in bytes (shared pages divided by their users); None where not told."""

    def waited(self, stat: Stat) -> float:
        """Time (s) in which its living threads wanted to run and others had the cores; 0 where not told."""

    def grip(self, identity: Identity) -> Grip:
        """A hold for signals."""

    def send(self, identity: Identity, number: int) -> None:
        """One signal without a hold, from any thread. Raises ProcessLookupError, PermissionError."""

    def close(self) -> None:
        """Give back what is open."""
