"""One process tree under watch: what was measured of it, what was decided, and the row that is shown."""

import logging
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edgeos.clock import Clock
from edgeos.limiter.decide import (
    LONGEST_GAP,
    Average,
    MemoryLevel,
    MemoryWatch,
    Verdict,
    debt_after,
    judge,
    memory_reason,
)
from edgeos.limiter.mechanism import Mechanism
from edgeos.limiter.sample import MEBIBYTE, Tree
from edgeos.limiter.views import Identity, Stat, View
from edgeos.reporting.boundary import Boundary

MARKER_LOOKS = 5  # after which it has none
FAIR_MEMORY_ABOVE = 0.8  # x limit; below it the cheap sum is good enough

OnMemory = Callable[[int, float, float, bool], None]
OnKill = Callable[[int, str], None]
Asked = tuple[float | None, float | None]
Row = dict[str, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """In force for one tree; None is no limit. CPU in percent of one core, memory in MB of 1,048,576 bytes."""

    cpu: float | None
    memory: float | None


class Watched:
    """The monitor's thread owns it; other threads replace `limits` and `asked`, set `hands_off` and read `row`."""

    def __init__(
        self,
        root: Identity,
        name: str,
        asked: Asked,
        limits: Bounds,
        clock: Clock,
        mechanism: Mechanism,
        on_memory: OnMemory | None = None,
        on_kill: OnKill | None = None,
        marker: bytes | None = None,
        gap: float = LONGEST_GAP,
        most_processes: int | None = None,
    ) -> None:
        self.root = root
        self.most_processes = most_processes  # None: as many as any tree
        self.name = name
        self.asked = asked  # CPU and memory, where None is the default
        self.limits = limits
        self.on_memory = on_memory
        self.on_kill = on_kill
        self.boundary = Boundary('limiter monitor', once=True)
        self.hands_off = False
        self.is_ours = marker is not None  # its tree ends with us
        self.is_over = False  # its tree is to end now
        self.endings = 0  # times that it could not be ended
        self.is_throttled = False
        self.throttled_since: str | None = None
        self.due = clock.monotonic()
        self.spared_until = 0.0  # monotonic s; it has just been killed
        self.tree: Tree | None = None
        self._clock = clock
        self._gap = gap  # s without a sample, after which those before mean nothing
        self.average = self._average()  # of what it used
        self.judged = self._average()  # the same, since its limit changed while it was held
        self.wanted = self._average()  # of what it would have used, had it been alone
        self.debt = 0.0  # s of CPU
        self._most_debt = math.inf
        self.memory = MemoryWatch()
        self.marker = marker
        self._marker_looks = 0
        self._limits_seen: Bounds | None = None
        self._usage: float | None = None
        self._is_close_look = False
        self._memory_mb = 0.0
        self._memory_kind = 'rss'
        self.row: Row = self._row(mechanism)

    @property
    def has_news(self) -> bool:
        """Whether its limits have changed since they were last looked at."""
        return self.limits is not self._limits_seen

    def begin(self, view: View, mechanism: Mechanism) -> None:
        """First thing in the monitor's thread."""
        self.tree = Tree(view, self.root)
        self.find_marker(view)
        self.note_limits(mechanism)
        self._usage = mechanism.usage(self.root)
        self.average, self.judged, self.wanted = (self._average() for _ in range(3))

    def find_marker(self, view: View) -> None:
        """Not there at once: while a program is being loaded its environment reads as empty."""
        if self.marker is None and self._marker_looks < MARKER_LOOKS:
            self._marker_looks += 1
            marker = view.marker(self.root.pid)
            self.marker = marker if marker != view.marker(os.getpid()) else None  # a plain child carries the app's own

    def note_limits(self, mechanism: Mechanism) -> None:
        """Under another limit the samples of a throttled tree say nothing about what it wants: it is judged anew."""
        assert self.tree is not None
        before, limits = self._limits_seen, self.limits
        self._limits_seen = limits
        if before is None or before.memory != limits.memory:
            mechanism.watch(self.root, limits.memory, [member.pid for member in self.tree.roster])
        if self.is_throttled and limits.cpu is not None:  # it may have been let go meanwhile, when there was no limit
            self._hold(mechanism, limits.cpu)
            self.judged.forget()
            self.wanted.forget()

    def measure(self, view: View, mechanism: Mechanism) -> None:
        """One sample. A process that is alone, not held and far from its memory limit is looked at closely every
        second time only: its CPU clock tells enough, and the census finds its children."""
        assert self.tree is not None
        is_calm = self.memory.level is MemoryLevel.OK and not self.is_throttled and len(self.tree.roster) == 1
        self._is_close_look = not (is_calm and self._is_close_look and view.forks() is not None)
        if self._is_close_look and (fresh := self.tree.refresh()):
            mechanism.adopt(self.root, [member.stat for member in fresh])
        known = {member.pid for member in self.tree.roster}
        others = [view.stat(pid) for pid in mechanism.members(self.root) if pid not in known]
        self.tree.adopt((stat for stat in others if stat), belongs=True)
        now, used = self._clock.monotonic(), self._used(mechanism)
        self.debt = debt_after(self.debt, used, now - self.average.at, self.limits.cpu, self._gap,
                               self._most_debt if self.is_throttled else math.inf)  # fmt: skip
        self.average.add(now, used)
        self.judged.add(now, used)
        if self.is_throttled:
            self.wanted.add(now, used + self.tree.starve())
        fair_above = FAIR_MEMORY_ABOVE * MEBIBYTE * self.limits.memory if self.limits.memory else float('inf')
        resident, self._memory_kind = self.tree.memory(fair_above)
        self._memory_mb = resident / MEBIBYTE

    def adopt(self, mechanism: Mechanism, newcomers: Sequence[Stat], marker_of: Callable[[int], bytes | None]) -> None:
        """Those of them that belong here are members from now on."""
        assert self.tree is not None
        is_marked = (lambda pid: marker_of(pid) == self.marker) if self.marker else None
        fresh = self.tree.adopt(newcomers, is_marked)
        if fresh:
            mechanism.adopt(self.root, [member.stat for member in fresh])

    def decide(self, mechanism: Mechanism) -> None:
        """Throttle or release by the average."""
        assert self.tree is not None
        limit = self.limits.cpu
        verdict = judge(self.judged, limit, self.is_throttled, self.wanted.percent, self.debt)
        if self.hands_off:
            self._note_release()
        elif verdict is Verdict.THROTTLE and limit is not None:
            self.is_throttled, self._most_debt = True, self.debt
            self.tree.starve()  # counts from here on
            self.wanted = self._average()
            self.throttled_since = iso_utc(self._clock.wall())
            log.info('%s (process %s) uses %.0f %% of a core and is held at %.0f %%', self.name, self.root.pid,
                     self.average.percent, limit)  # fmt: skip
            self._hold(mechanism, limit)
        elif verdict is Verdict.RELEASE:
            mechanism.release(self.root)
            self._note_release()
            log.info('%s (process %s) is held no longer', self.name, self.root.pid)
        self.row = self._row(mechanism)

    def watch_memory(self) -> MemoryLevel | None:
        """What has to be told now, if anything."""
        return None if self.hands_off else self.memory.add(self._memory_mb, self.limits.memory)

    def memory_reason(self) -> str:
        """The sentence that goes with it."""
        return memory_reason(self._memory_mb, self.limits.memory or 0.0)

    @property
    def memory_mb(self) -> float:
        return self._memory_mb

    def _average(self) -> Average:
        return Average(self._clock.monotonic(), longest_gap=self._gap)

    def _hold(self, mechanism: Mechanism, limit: float) -> None:
        assert self.tree is not None
        mechanism.throttle(self.root, limit, [member.stat for member in self.tree.roster])
        if self.hands_off:  # said by another thread meanwhile
            mechanism.release(self.root)

    def _used(self, mechanism: Mechanism) -> float:
        """CPU time in s since the last sample."""
        assert self.tree is not None
        own = self.tree.consume(quick=True)
        before, self._usage = self._usage, mechanism.usage(self.root)
        return own if self._usage is None or before is None else max(0.0, self._usage - before)

    def _note_release(self) -> None:
        self.is_throttled = False
        self.throttled_since = None

    def _row(self, mechanism: Mechanism) -> Row:
        stops = mechanism.stops(self.root)
        is_denied = self.is_throttled and mechanism.is_denied(self.root)
        return {
            'name': self.name,
            'cpu_percent': round(self.average.latest, 1),
            'average_cpu_percent': round(self.average.percent, 1),
            'limit': self.limits.cpu,
            'memory_mb': round(self._memory_mb, 1),
            'memory_limit_mb': self.limits.memory,
            'throttled': self.is_throttled,
            'throttled_since': self.throttled_since,
            'mechanism': 'none' if is_denied else mechanism.name,
            'state': 'released' if self.hands_off else 'throttled' if self.is_throttled else 'watched',
            'processes': len(self.tree.roster) if self.tree else 1,
            'memory_kind': self._memory_kind,
            'memory_state': self.memory.level.value,
            'stopped_share': round(stops.share, 3),
            'longest_stop_s': round(stops.longest, 3),
            'warnings': self._warnings(is_denied),
        }

    def _warnings(self, is_denied: bool) -> list[str]:
        found = ['belongs to another user and may not be stopped'] if is_denied else []
        if self.memory.level is MemoryLevel.WARNING:
            found.append(f'{self._memory_mb:.0f} MB of memory, close to its limit of {self.limits.memory:.0f} MB')
        elif self.memory.level is not MemoryLevel.OK:
            found.append(self.memory_reason())
        return found


def iso_utc(epoch: float) -> str:
    """As everywhere in the HTTP interface."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec='milliseconds').replace('+00:00', 'Z')
