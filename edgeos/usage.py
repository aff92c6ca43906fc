"""What each watched process has used in the last hour, by its name, which stays the same over its restarts."""
import asyncio
import time
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.reporting.boundary import Boundary

EVERY = 2.0  # s
HOUR = 3600.0  # s
MOST_SAMPLES = int(HOUR / EVERY)
SLACK = 200  # samples more, so that the old ones go in one piece
MOST_NAMES = 128
MOST_STARTS = 100

Stats = Mapping[str, Any]  # as ResourceLimiter.get_stats() gives them


class Used(NamedTuple):
    """At `t` (epoch s): CPU in per cent of one core, averaged over 10 samples of the limiter, and memory in MB."""

    t: float
    cpu: float
    memory: float


class UsageRing:
    """The last hour of one name: three plain arrays, 32 KB when full."""

    def __init__(self) -> None:
        self.starts: deque[float] = deque(maxlen=MOST_STARTS)  # epoch s
        self._times, self._cpu, self._memory = array('d'), array('f'), array('f')

    @property
    def newest(self) -> float:
        """When it was last heard of."""
        sample = self._times[-1] if self._times else 0.0
        return max(sample, self.starts[-1]) if self.starts else sample

    def add(self, t: float, cpu: float, memory: float) -> None:
        """A time before the newest one means that the clock was set back: what is newer goes."""
        if self._times and t < self._times[-1]:
            self._cut(slice(bisect_left(self._times, t), None))
        for column, value in ((self._times, t), (self._cpu, cpu), (self._memory, memory)):
            column.append(value)
        if len(self._times) > MOST_SAMPLES + SLACK:
            self._cut(slice(0, SLACK))

    def since(self, t: float) -> list[Used]:
        """Those from then on, oldest first."""
        first = bisect_left(self._times, t)
        return [Used(*sample) for sample in
                zip(self._times[first:], self._cpu[first:], self._memory[first:], strict=True)]  # fmt: skip

    def _cut(self, part: slice) -> None:
        for column in (self._times, self._cpu, self._memory):
            del column[part]


class Usage:
    """Asks the limiter every two seconds; lives on the event loop."""

    def __init__(self, get_stats: Callable[[], Stats], clock: Clock = SYSTEM_CLOCK) -> None:
        self._get_stats = get_stats
        self._clock = clock
        self._rings: dict[str, UsageRing] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the loop that runs."""
        self._task = asyncio.create_task(self._note_for_ever(), name='usage of the processes')

    def stop(self) -> None:
        """End; what was noted can still be read."""
        if self._task is not None:
            self._task.cancel()

    def recent(self, name: str, seconds: float = HOUR) -> list[Used]:
        """Of the last seconds, at most an hour, oldest first; with holes while it did not run."""
        ring = self._rings.get(name)
        return ring.since(self._clock.wall() - min(seconds, HOUR)) if ring is not None else []

    def starts(self, name: str) -> int:
        """How often it was started in the last hour."""
        ring = self._rings.get(name)
        now = self._clock.wall()
        return sum(now - HOUR <= t <= now for t in ring.starts) if ring is not None else 0

    def knows(self, name: str) -> bool:
        """Whether one of that name ran within the last hour."""
        ring = self._rings.get(name)
        return ring is not None and ring.newest >= self._clock.wall() - HOUR

    def note_start(self, name: str) -> None:
        """A process of that name runs; called at once, because one may live shorter than a sample."""
        self._ring(name).starts.append(self._clock.wall())

    def note(self) -> None:
        """One sample of all that are watched; names that were not seen for an hour are forgotten."""
        now = self._clock.wall()
        for row in self._get_stats()['processes'].values():
            self._ring(row['name']).add(now, row['average_cpu_percent'], row['memory_mb'])
        for name in [name for name, ring in self._rings.items() if ring.newest < now - HOUR]:
            del self._rings[name]

    def _ring(self, name: str) -> UsageRing:
        if name not in self._rings:
            if len(self._rings) >= MOST_NAMES:
                del self._rings[min(self._rings, key=lambda each: self._rings[each].newest)]
            self._rings[name] = UsageRing()
        return self._rings[name]

    async def _note_for_ever(self) -> None:
        boundary = Boundary('usage of the processes')
        while True:
            with boundary:
                self.note()
            await asyncio.sleep(EVERY - time.monotonic() % EVERY)
