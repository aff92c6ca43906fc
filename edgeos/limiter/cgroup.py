"""Limits by the kernel itself: a cgroup (version 2) for each tree, inside the group that was delegated to the app.

The best way where it can be had: exact, at no cost, and nothing escapes. systemd gives it to a unit with
`Delegate=cpu memory pids`. Its rules: no process in a group that has controlled subgroups, so the app moves itself into
a leaf first; nothing is written to a group that systemd made for others, nothing made below the root group.
"""

import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from edgeos.limiter.mechanism import Mechanism, Unavailable
from edgeos.limiter.views import Identity, Stat

ROOT = Path('/sys/fs/cgroup')
SYSTEMD = Path('/run/systemd/system')
LEAF = 'app'
PREFIX = 'limited-'
NEEDED = ('cpu', 'memory', 'pids')  # memory may be missing: Raspberry Pi OS switches it off
PERIOD = 100_000  # µs
TASKS_EACH = 8  # threads count as tasks; the watch over the samples counts processes, this is the wall behind it
BURST = 0.2  # x quota may be saved up, so that a process that works in bursts gets its share
MEMORY_MAX = 2.0  # x limit, where the kernel kills: later than the watch over the samples, which says why it does

log = logging.getLogger(__name__)


class Files:
    """The few things done to the files of the kernel; a test's fake behaves like the kernel instead."""

    def read(self, path: Path) -> str:
        """Raises OSError."""
        return path.read_text(encoding='utf-8')

    def write(self, path: Path, text: str) -> None:
        """Never makes a file. Raises OSError."""
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def make(self, path: Path) -> None:
        """An existing one is fine. Raises OSError."""
        path.mkdir(exist_ok=True)

    def remove(self, path: Path) -> None:
        """Raises OSError while somebody is in it."""
        path.rmdir()


class Cgroup(Mechanism):
    """See Mechanism. `own` is the group of the app, found through /proc/self/cgroup when it is not given."""

    name: ClassVar[str] = 'cgroup'

    def __init__(self, own: Path | None = None, files: Files | None = None, most_processes: int = 64) -> None:
        self._given = own
        self._own = own or ROOT
        self._files = files or Files()
        self._most_processes = most_processes
        self._controllers: list[str] = []
        self._groups: dict[Identity, Path] = {}
        self._denied: set[Identity] = set()  # the kernel refused something that would hold them
        self._is_open = False

    def start(self) -> None:
        """Moves the app into a leaf of its group, and tries everything out on a group for trial; raises Unavailable."""
        try:
            if self._given is None:
                self._own = own_group(self._files)
                check_delegation(self._own)
            self._controllers = self._usable()
            self._check_company()
        except OSError as error:
            raise Unavailable(f'the control group cannot be read: {error}') from error
        try:
            self._open()
        except OSError as error:
            self.close()
            raise Unavailable(f'the control group is not ours: {error}') from error

    def watch(self, root: Identity, memory_limit_mb: float | None, members: Iterable[int]) -> None:
        """Children made from now on are in the group too. What cannot be done stays with the watch over the samples."""
        group = self._groups.setdefault(root, self._own / f'{PREFIX}{root.pid}')
        try:
            self._files.make(group)
            self._move(members, group)
            if 'pids' in self._controllers:
                self._files.write(group / 'pids.max', str(self._most_processes * TASKS_EACH))
            if 'memory' in self._controllers:
                self._limit_memory(group, memory_limit_mb)
        except OSError as error:
            self._deny(root, error)

    def usage(self, root: Identity) -> float | None:
        """From the kernel's own account of the group."""
        with suppress(OSError, ValueError, KeyError, IndexError):
            lines = self._files.read(self._groups[root] / 'cpu.stat').splitlines()
            return next(int(line.split()[1]) * 1e-6 for line in lines if line.startswith('usage_usec '))
        return None

    def members(self, root: Identity) -> list[int]:
        """Whoever is in the group."""
        with suppress(OSError, ValueError, KeyError):
            return [int(line) for line in self._files.read(self._groups[root] / 'cgroup.procs').split()]
        return []

    def throttle(self, root: Identity, limit: float, members: Iterable[object]) -> None:
        """At once."""
        self.change(root, limit)

    def adopt(self, root: Identity, members: Iterable[Stat]) -> None:
        """Whoever was forked before its parent was moved, or has left the tree."""
        if (group := self._groups.get(root)) is not None:
            try:
                self._move((stat.pid for stat in members), group)
            except OSError as error:
                self._deny(root, error)

    def change(self, root: Identity, limit: float) -> None:
        """The burst is set to nothing first: it must never be larger than the quota."""
        if (group := self._groups.get(root)) is None:
            return
        quota = max(1000, round(PERIOD * limit / 100))
        try:
            with suppress(OSError):  # kernels before 5.14 have no burst
                self._files.write(group / 'cpu.max.burst', '0')
            self._files.write(group / 'cpu.max', f'{quota} {PERIOD}')
            with suppress(OSError):
                self._files.write(group / 'cpu.max.burst', str(round(quota * BURST)))
        except OSError as error:
            self._deny(root, error)

    def release(self, root: Identity) -> None:
        """At once."""
        if (group := self._groups.get(root)) is not None:
            with suppress(OSError):
                self._files.write(group / 'cpu.max', f'max {PERIOD}')

    def is_denied(self, root: Identity) -> bool:
        """Whether the kernel refused to take it in."""
        return root in self._denied

    def forget(self, root: Identity) -> None:
        """What still runs goes on in the app's leaf."""
        self._denied.discard(root)
        group = self._groups.pop(root, None)
        if group is not None:
            self._dissolve(group, self._own / LEAF)

    def close(self) -> None:
        """Everybody goes back to where they were, and no group of ours stays."""
        if not self._is_open:
            return
        self._is_open = False
        for root in list(self._groups):
            self.release(root)
            self.forget(root)
        with suppress(OSError):
            switch_off = ' '.join(f'-{controller}' for controller in self._controllers)
            self._files.write(self._own / 'cgroup.subtree_control', switch_off)
        self._dissolve(self._own / LEAF, self._own)

    def _usable(self) -> list[str]:
        """Raises OSError, Unavailable."""
        given = self._files.read(self._own / 'cgroup.controllers').split()
        if 'cpu' not in given:
            raise Unavailable('the control group has no cpu controller')
        return [controller for controller in NEEDED if controller in given]

    def _check_company(self) -> None:
        """A login shell, or a colleague in the same group, is not to be moved about."""
        ours = _descendants_of(os.getpid())
        others = [pid for pid in self._pids(self._own) if pid not in ours]
        if others:
            raise Unavailable(f'other programs are in the same control group (process {others[0]})')

    def _open(self) -> None:
        self._is_open = True
        leaf = self._own / LEAF
        self._files.make(leaf)
        for _ in range(3):  # a child may be made between the list and the move of its parent
            self._move(self._pids(self._own), leaf)
        self._files.write(self._own / 'cgroup.subtree_control', ' '.join(f'+{name}' for name in self._controllers))
        trial = self._own / f'{PREFIX}trial'
        self._files.make(trial)
        try:
            self._files.write(trial / 'cpu.max', f'{PERIOD // 2} {PERIOD}')
        finally:
            with suppress(OSError):
                self._files.remove(trial)

    def _limit_memory(self, group: Path, limit_mb: float | None) -> None:
        high, most = ('max', 'max') if limit_mb is None else (_bytes(limit_mb), _bytes(limit_mb * MEMORY_MAX))
        self._files.write(group / 'memory.high', high)
        self._files.write(group / 'memory.max', most)
        self._files.write(group / 'memory.oom.group', '1')

    def _move(self, pids: Iterable[int], group: Path) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                self._files.write(group / 'cgroup.procs', str(pid))

    def _deny(self, root: Identity, error: OSError) -> None:
        if root not in self._denied:
            log.warning('process %s cannot be held by a control group: %s', root.pid, error)
        self._denied.add(root)

    def _pids(self, group: Path) -> list[int]:
        return [int(line) for line in self._files.read(group / 'cgroup.procs').split()]

    def _dissolve(self, group: Path, into: Path) -> None:
        try:
            self._move(self._pids(group), into)
            self._files.remove(group)
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning('control group %s stays: %s', group.name, error)


def own_group(files: Files) -> Path:
    """The folder of the app's own group. Raises OSError, Unavailable."""
    if not (ROOT / 'cgroup.controllers').exists():
        raise Unavailable('control groups of version 2 are not in use here')
    lines = files.read(Path('/proc/self/cgroup')).splitlines()
    path = next((line[3:] for line in lines if line.startswith('0::')), None)
    if path is None:
        raise Unavailable('the app is in no control group of version 2')
    own = ROOT / path.lstrip('/')
    if not (own / 'cgroup.type').exists():  # every group has it but the root of all
        raise Unavailable('the app is in the root control group')
    return own


def check_delegation(own: Path) -> None:
    """Raises Unavailable when it is systemd's: writable is not enough, root may write anywhere and a user at home."""
    if not os.access(own / 'cgroup.procs', os.W_OK) or not os.access(own, os.W_OK):
        raise Unavailable('the control group belongs to another user')
    if not SYSTEMD.is_dir() or _is_marked(own):
        return
    if os.geteuid() == 0 or os.access(own.parent / 'cgroup.procs', os.W_OK):
        raise Unavailable('the control group is not delegated to the app (Delegate= of its systemd unit)')


def _is_marked(own: Path) -> bool:
    for name in ('user.delegate', 'trusted.delegate'):
        with suppress(OSError):
            if os.getxattr(own, name) == b'1':
                return True
    return False


def _descendants_of(pid: int) -> set[int]:
    from edgeos.limiter.linux import LinuxView

    view, found, pending = LinuxView(), {pid}, [pid]
    while pending:
        stat = view.stat(pending.pop())
        children = view.children(stat) if stat else []
        pending += [child for child in children if child not in found]
        found.update(children)
    view.close()
    return found


def _bytes(mb: float) -> str:
    return str(round(mb * 1024 * 1024))
