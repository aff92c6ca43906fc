"""The last resort: a low priority. It limits nothing while nobody else wants the CPU, and says so by its name."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import ClassVar

from edgeos.limiter.mechanism import Mechanism
from edgeos.limiter.views import Identity, Stat, View

LOW = 15


class Priority(Mechanism):
    """See Mechanism. Without privileges a lowered priority cannot be raised again; the process then keeps it."""

    name: ClassVar[str] = 'priority'

    def __init__(self, make_view: Callable[[], View]) -> None:
        self._view = make_view()
        self._before: dict[Identity, dict[Identity, int]] = {}  # the niceness of each member of a tree

    def throttle(self, root: Identity, limit: float, members: Iterable[Stat]) -> None:
        """What they start later inherits it."""
        self._before.setdefault(root, {})
        self.adopt(root, members)

    def adopt(self, root: Identity, members: Iterable[Stat]) -> None:
        """Only of a throttled tree."""
        before = self._before.get(root)
        for stat in members if before is not None else ():
            if not hasattr(os, 'setpriority'):
                _lower_on_windows(stat.pid)
            elif before is not None:
                with suppress(OSError):
                    niceness = os.getpriority(os.PRIO_PROCESS, stat.pid)
                    before.setdefault(Identity(stat.pid, stat.start), niceness)
                    _renice(stat.pid, max(LOW, niceness))

    def release(self, root: Identity) -> None:
        """As far as the system lets us; who has got the number of an ended one keeps its own."""
        for member, niceness in self._before.pop(root, {}).items():
            with suppress(OSError):
                stat = self._view.stat(member.pid)
                if stat is not None and stat.start == member.start:
                    _renice(member.pid, niceness)

    def close(self) -> None:
        """Nothing of it stands still."""
        for root in list(self._before):
            self.release(root)
        self._view.close()


def _renice(pid: int, niceness: int) -> None:
    """Under Linux each thread has its own."""
    task = f'/proc/{pid}/task'
    for thread in map(int, os.listdir(task)) if os.path.isdir(task) else [pid]:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


def _lower_on_windows(pid: int) -> None:
    import psutil

    with suppress(psutil.Error):
        psutil.Process(pid).nice(getattr(psutil, 'BELOW_NORMAL_PRIORITY_CLASS', 0))
