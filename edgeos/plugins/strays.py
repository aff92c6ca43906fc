"""What a plugin leaves behind when it ends: processes that left its session, its group and its tree."""

import os
import signal
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import dataclass

from edgeos.limiter.limiter import platform_view
from edgeos.limiter.sample import Tree
from edgeos.limiter.views import Identity
from edgeos.plugins.isolation import is_usable, owner_of

ROUNDS = 5
HELPER_LIMIT = 5.0  # s
# as that user, because the kernel then ends all of them in one step, also those that fork without end
_KILL_ALL = ('import os, sys; u = int(sys.argv[1]); os.setgroups([]); os.setresgid(u, u, u); os.setresuid(u, u, u); '
             'os.kill(-1, 9)')  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trace:
    """How what comes from a process is found again: by its user, or by the marker that all it starts inherit."""

    root: Identity | None = None
    marker: bytes | None = None
    uid: int | None = None


def trace(pid: int, uid: int | None) -> Trace:
    """Of a process that runs its own program by now. Takes a fraction of a ms."""
    with closing(platform_view()) as view:
        found = view.stat(pid)
        marker = view.marker(pid)
        own = view.marker(os.getpid())
        return Trace(Identity(pid, found.start) if found else None, marker if marker != own else None, uid)


def sweep(left: Trace) -> int:
    """End what is left of it; how many there were. Blocks: for a thread. Raises ValueError for a user of others."""
    return _end_all_of(left.uid) if left.uid is not None else _end_marked(left)


def _end_marked(left: Trace) -> int:
    if left.root is None:
        return 0
    with closing(platform_view()) as view:
        carriers = [stat for stat in view.newcomers() if left.marker and view.marker(stat.pid) == left.marker]
        tree = Tree(view, left.root, carriers)
        count = tree.living
        if count:
            tree.kill()
        tree.close()
        return count


def _end_all_of(uid: int) -> int:
    if not is_usable(uid):  # never those of a person or a service
        raise ValueError(f'{uid} is no user of a plugin')
    found = first = _living(uid)
    for _ in range(ROUNDS):
        if not found:
            break
        with suppress(subprocess.TimeoutExpired):
            subprocess.run([sys.executable, '-I', '-S', '-c', _KILL_ALL, str(uid)], timeout=HELPER_LIMIT,
                           stdin=subprocess.DEVNULL, capture_output=True, check=False)  # fmt: skip
        found = _living(uid)
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    return len(first)


def _living(uid: int) -> list[int]:
    with closing(platform_view()) as view:
        pids = [int(name) for name in os.listdir('/proc') if name.isdigit() and owner_of(int(name)) == uid]
        return [pid for pid in pids if (stat := view.stat(pid)) is not None and not stat.is_dead]
