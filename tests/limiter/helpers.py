"""Hogs under a limiter, and how they are judged on a machine that others use too."""
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from edgeos.limiter import ResourceLimiter
from edgeos.limiter.linux import LinuxView
from edgeos.limiter.views import Identity
from tests.bench import hogs

NOBODY = ('setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups')
Make = Callable[..., ResourceLimiter]


class Share(NamedTuple):
    """Percent of one core a tree got, and what it would have got had nobody else been on the cores."""

    got: float
    could: float


def identity(pid: int) -> Identity:
    view = LinuxView()
    try:
        stat = view.stat(pid)
        assert stat is not None, f'process {pid} is gone'
        return Identity(pid, stat.start)
    finally:
        view.close()


@contextmanager
def view() -> Iterator[LinuxView]:
    made = LinuxView()
    try:
        yield made
    finally:
        made.close()


def share(pid: int, seconds: float) -> Share:
    return shares({'': pid}, seconds)['']


def shares(pids: dict[str, int], seconds: float) -> dict[str, Share]:
    """Of several over the same seconds."""
    began, before = time.monotonic(), {name: (hogs.cpu(pid), hogs.waited(pid)) for name, pid in pids.items()}
    time.sleep(seconds)
    elapsed, found = time.monotonic() - began, {}
    for name, pid in pids.items():
        used, waited = hogs.cpu(pid) - before[name][0], max(0.0, hogs.waited(pid) - before[name][1])
        found[name] = Share(100 * used / elapsed, 100 * (used + waited) / elapsed)
    return found


def assert_held(pid: int, limit: float, *, within: float = 1.5, seconds: float = 2.5) -> None:
    """Three windows at most: others may keep the limiter itself from the cores for a moment. Who was kept from the
    cores more than the limiter kept it cannot be at its limit, only below."""
    seen = []
    for _ in range(3):
        seen.append(share(pid, seconds))
        got, could = seen[-1]
        if got <= limit + within and could >= limit - within:
            return
    raise AssertionError(f'not at {limit} %: {seen}')


def states(pid: int) -> set[str]:
    return {hogs.state(member) for member in [pid, *hogs.descendants(pid)]}


def never_stopped(pid: int, seconds: float = 0.4) -> bool:
    """Over a window in which each limit used in these tests would have stopped it; and that it got what others left.

    On a busy machine the window goes on until it has got that.
    """
    began, used, waited = time.monotonic(), hogs.cpu(pid), hogs.waited(pid)
    while (now := time.monotonic()) < began + 10:
        if states(pid) & {'T', 't'}:
            return False
        if now > began + seconds and hogs.cpu(pid) - used + max(0.0, hogs.waited(pid) - waited) > 0.25 * seconds:
            return True
        time.sleep(0.002)
    return False


def carriers(marker: str) -> list[int]:
    """Living processes with that marker in their environment."""
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            if f'EDGEOS_TREE={marker}'.encode() in (folder / 'environ').read_bytes().split(b'\0'):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def python_for(prefix: tuple[str, ...]) -> str | None:
    """A Python that this user may run: the one of these tests may be in somebody's home."""
    for candidate in (sys.executable, '/usr/bin/python3'):
        code = 'import os, sys; sys.exit(sys.version_info < (3, 11) or not os.access(sys.executable, os.X_OK))'
        done = subprocess.run([*prefix, candidate, '-c', code], cwd='/', capture_output=True)
        if done.returncode == 0:
            return candidate
    return None


def is_root() -> bool:
    return os.geteuid() == 0


def row(limiter: ResourceLimiter, pid: int) -> dict[str, object]:
    return dict(limiter.get_stats()['processes'].get(pid, {}))
