"""Keeps plugins and workers within their CPU and memory limits.

A monitor thread samples each process tree about twice a second and decides; a mechanism, chosen by trial, acts. Every
method may be called from any thread, the event loop's too: none waits for a measurement.
"""

import atexit
import logging
import math
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgeos.bounds import LEAST_CPU
from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.limiter.cgroup import Cgroup
from edgeos.limiter.decide import longest_gap
from edgeos.limiter.duty_cycle import DutyCycle
from edgeos.limiter.linux import LinuxView
from edgeos.limiter.mechanism import Mechanism, Unavailable
from edgeos.limiter.monitor import Monitor
from edgeos.limiter.orphans import Orphans
from edgeos.limiter.priority import Priority
from edgeos.limiter.strays import StrayFile
from edgeos.limiter.views import Identity, View
from edgeos.limiter.watched import Bounds, OnKill, OnMemory, Watched
from edgeos.reporting.boundary import Boundary

NO_LIMIT = 0
MOST_PROCESSES = 64
LEAST_MB = 1.0  # for any program that somebody has watched; what an owner may ask for is `bounds.LEAST_MEMORY`

log = logging.getLogger(__name__)


class ResourceLimiter:
    """Watches process trees and holds them at their limits.

    CPU limits are in percent of one core, memory limits in MB. Wherever a limit is given, None means the default and
    `NO_LIMIT` (0) none. `strays` is a file in which the watched processes are kept, for a sweep at the next start. A
    tree with more than `most_processes` is killed. `make_mechanisms` gives what to try, the best first.

    Who was seen in a tree stays in it wherever it goes. A process that leaves by double fork and `setsid` between two
    looks, within half a second of being made, is found only by the tree's `EDGEOS_TREE` in its environment, as every
    `ChildProcess` has it.
    """

    def __init__(
        self,
        cpu_limit_percent: float = 50,
        check_interval: float = 0.5,
        *,
        memory_limit_mb: float = NO_LIMIT,
        most_processes: int = MOST_PROCESSES,
        strays: Path | None = None,
        clock: Clock = SYSTEM_CLOCK,
        make_view: Callable[[], View] | None = None,
        make_mechanisms: Callable[[], Sequence[Mechanism]] | None = None,
    ) -> None:
        """Raises ValueError for limits or intervals that make no sense."""
        if type(check_interval) not in (int, float) or not 0 < check_interval < math.inf:
            raise ValueError(f'check_interval is {check_interval!r}: expected an interval in s, above 0')
        self.mechanism: Mechanism = Mechanism()
        self.unavailable: dict[str, str] = {}  # name of a better mechanism: why it cannot be used here
        self._default_cpu = _cpu(cpu_limit_percent)
        self._default_memory = _memory(memory_limit_mb)
        self._interval = check_interval
        self._most_processes = most_processes
        self._strays = StrayFile(strays) if strays else None
        self._clock = clock
        self._make_view = make_view or platform_view
        self._make_mechanisms = make_mechanisms or self._platform_mechanisms
        self._view = self._make_view()  # for looks at single processes, from any thread
        self._watched: dict[int, Watched] = {}
        self._gone: deque[Watched] = deque()
        self._monitor: Monitor | None = None
        self._orphans: Orphans | None = None

    def start_monitoring(self) -> None:
        """Sweep what the last run left, choose a mechanism, begin. Takes some ms, once; a second call does nothing."""
        if self._monitor is not None:
            return
        if self._strays is not None:
            with Boundary('sweep of the last run'):
                self._strays.sweep(self._make_view)
        self.mechanism = self._choose()
        self._monitor = Monitor(self._watched, self._gone, self.mechanism, self._make_view, self._clock, self._interval,
                                self._most_processes, self._strays)  # fmt: skip
        self._monitor.start()
        if Orphans.are_ours():
            self._orphans = Orphans(self._make_view)
            self._orphans.start()
        atexit.register(self.shutdown)

    def add_process(
        self,
        pid: int,
        name: str,
        cpu_limit_percent: float | None = None,
        memory_limit_mb: float | None = None,
        on_memory: OnMemory | None = None,
        on_kill: OnKill | None = None,
        marker: bytes | None = None,
        most_processes: int | None = None,
    ) -> bool:
        """Watch a process and all that comes from it; best right after it was started. False when it is gone already.

        `on_memory(pid, mb, limit, urgent)` is called in the monitor's thread, and must return quickly: once when the
        tree has been above its memory limit for 3 samples, and at once with `urgent` when it is above 1.5 x the limit
        (also after the first call, if it grows that far). Again only after it has been below 0.9 x the limit. Without
        one, an excess is logged only. `on_kill(pid, reason)` is called there too, just before a tree of too many
        processes is killed: more than `most_processes`, where None is the bound for all. `marker` is the
        `EDGEOS_TREE=...` in the environment of a process that we have started: `shutdown` ends its tree, and lets any
        other only go. Raises ValueError for the app itself, what it was started by, and limits that make no sense;
        OSError.
        """
        self._check(pid)
        limits = self._limits(cpu_limit_percent, memory_limit_mb)
        stat = self._view.stat(pid)
        if stat is None:
            return False
        self.remove_process(pid)
        self._watched[pid] = Watched(Identity(pid, stat.start), name, (cpu_limit_percent, memory_limit_mb), limits,
                                     self._clock, self.mechanism, on_memory, on_kill, marker,
                                     longest_gap(self._interval), most_processes)  # fmt: skip
        return True

    def remove_process(self, pid: int) -> None:
        """Watch it no longer; nothing of it stands still when this returns. An unknown one is fine."""
        self._give_up(pid)

    def end_process(self, pid: int) -> None:
        """The same, and all that still runs of its tree is killed within some 0.2 s, wherever it has gone."""
        self._give_up(pid, is_over=True)

    def release(self, pid: int) -> None:
        """Let it run now, and keep hands off: to be called before it is asked to stop, which it must be awake for."""
        if (watched := self._watched.get(pid)) is not None:
            watched.hands_off = True
            self.mechanism.release(watched.root)
            watched.row = {**watched.row, 'throttled': False, 'throttled_since': None, 'state': 'released'}

    def set_limits(
        self, pid: int, cpu_limit_percent: float | None = None, memory_limit_mb: float | None = None
    ) -> None:
        """Other limits, at once, also while it is throttled. An unknown process is fine. Raises ValueError."""
        limits = self._limits(cpu_limit_percent, memory_limit_mb)
        if (watched := self._watched.get(pid)) is not None:
            watched.asked = (cpu_limit_percent, memory_limit_mb)
            self._put(watched, limits)

    def set_defaults(self, cpu_limit_percent: float | None = None, memory_limit_mb: float | None = None) -> None:
        """Other defaults, at once for all without limits of their own; None leaves one as it is. Raises ValueError."""
        cpu = self._default_cpu if cpu_limit_percent is None else _cpu(cpu_limit_percent)
        memory = self._default_memory if memory_limit_mb is None else _memory(memory_limit_mb)
        self._default_cpu, self._default_memory = cpu, memory
        for watched in list(self._watched.values()):
            limits = self._limits(*watched.asked)
            if limits != watched.limits:
                self._put(watched, limits)

    def get_stats(self) -> dict[str, Any]:
        """What the monitor saw last.

        `{mechanism, monitored, throttled, cpu_limit, unavailable: {mechanism: why not}, processes: {pid: row}}`:
        `monitored` and `throttled` are counts; limits of None are no limit; times are ISO 8601 in UTC. A row has name,
        cpu_percent (last sample), average_cpu_percent (last 10), limit, memory_mb, memory_limit_mb, throttled,
        throttled_since, mechanism, state ('watched', 'throttled', 'released'), processes (count), memory_kind,
        memory_state, stopped_share (0 to 1 since throttled), longest_stop_s, warnings (sentences).
        """
        rows = {pid: {**watched.row, 'warnings': list(watched.row['warnings'])}
                for pid, watched in list(self._watched.items())}  # fmt: skip
        return {
            'mechanism': self.mechanism.name,
            'monitored': len(rows),
            'throttled': sum(row['throttled'] for row in rows.values()),
            'cpu_limit': self._default_cpu,
            'unavailable': dict(self.unavailable),
            'processes': rows,
        }

    def shutdown(self) -> None:
        """Let everything run, or end it where it is ours, and end the threads; at most about 2 s. Once is enough."""
        monitor, self._monitor = self._monitor, None
        if monitor is None:
            return
        for pid, watched in list(self._watched.items()):
            self._give_up(pid, is_over=watched.is_ours)
        monitor.stop()
        if self._orphans is not None:
            self._orphans.stop()
        self.mechanism.close()
        self._watched.clear()
        atexit.unregister(self.shutdown)

    def _give_up(self, pid: int, *, is_over: bool = False) -> None:
        if (watched := self._watched.pop(pid, None)) is not None:
            watched.hands_off = True
            watched.is_over = is_over
            self.mechanism.release(watched.root)
            self._gone.append(watched)

    def _check(self, pid: int) -> None:
        if type(pid) is not int or pid <= 0:
            raise ValueError(f'pid is {pid!r}: expected the number of a process')
        line = {1, ancestor := os.getpid()}
        while (stat := self._view.stat(ancestor)) is not None and stat.parent not in (*line, 0):
            line.add(ancestor := stat.parent)
        if pid in line:
            raise ValueError(f'pid is {pid}: the app itself, and what it was started by, cannot be limited')

    def _put(self, watched: Watched, limits: Bounds) -> None:
        watched.limits = limits
        if limits.cpu is None:
            self.mechanism.release(watched.root)
        elif watched.is_throttled:
            self.mechanism.change(watched.root, limits.cpu)
        watched.row = {**watched.row, 'limit': limits.cpu, 'memory_limit_mb': limits.memory}

    def _limits(self, cpu: float | None, memory: float | None) -> Bounds:
        return Bounds(self._default_cpu if cpu is None else _cpu(cpu),
                      self._default_memory if memory is None else _memory(memory))  # fmt: skip

    def _choose(self) -> Mechanism:
        self.unavailable.clear()
        for mechanism in self._make_mechanisms():
            try:
                mechanism.start()
            except Unavailable as error:
                self.unavailable[mechanism.name] = str(error)
                log.info('limits by %s: %s', mechanism.name, error)
                continue
            return mechanism
        return Mechanism()

    def _platform_mechanisms(self) -> list[Mechanism]:
        best: list[Mechanism] = [Cgroup(most_processes=self._most_processes)] if sys.platform == 'linux' else []
        return [*best, DutyCycle(self._make_view, self._clock), Priority(self._make_view)]


def platform_view() -> View:
    """The best way to look at processes here."""
    if sys.platform == 'linux' and os.path.exists('/proc/self/stat'):
        return LinuxView()
    from edgeos.limiter.portable import PortableView

    return PortableView()


def _cpu(percent: float) -> float | None:
    return _limit('cpu_limit_percent', percent, LEAST_CPU)


def _memory(mb: float) -> float | None:
    return _limit('memory_limit_mb', mb, LEAST_MB)


def _limit(argument: str, value: float, least: float) -> float | None:
    if type(value) not in (int, float) or not (value == NO_LIMIT or least <= value < math.inf):
        raise ValueError(f'{argument} is {value!r}: expected a limit of at least {least:g}, or {NO_LIMIT} for none')
    return value or None
