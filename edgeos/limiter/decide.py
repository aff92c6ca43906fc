"""What to do about a process, as pure functions of what was measured. Times are monotonic seconds."""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import Enum

SAMPLES = 10
ENOUGH = 3  # samples before anything is judged
RELEASE_BELOW = 0.8  # x limit
LONGEST_DEBT = 2 * SAMPLES  # of the limit; what goes beyond is forgiven, so that who is idle is soon let go
SMALL = 5  # percent; below it a burst is worth more samples than that, and more of it is to be paid
LONGEST_SMALL_DEBT = 3 * SAMPLES
LONGEST_GAP = 5.0  # s between two samples; after more the machine has slept, and the average would mean nothing
MISSED = 3  # intervals; the gap is as long as these where they are longer

MEMORY_WARNING = 0.9  # x limit
MEMORY_URGENT = 1.5  # x limit
MEMORY_SAMPLES = 3  # above the limit in a row


class Verdict(Enum):
    """What the average says."""

    KEEP = 'keep'
    THROTTLE = 'throttle'
    RELEASE = 'release'


class MemoryLevel(Enum):
    """How much of its memory limit a tree has taken."""

    OK = 'ok'
    WARNING = 'warning'
    OVER = 'over'
    URGENT = 'urgent'


_SEVERITY = {level: severity for severity, level in enumerate(MemoryLevel)}


@dataclass(slots=True)
class Average:
    """The last 10 samples of CPU use, each weighed by its length, since a busy machine makes them unequal."""

    at: float  # monotonic s of the newest sample, or of the beginning
    latest: float = 0.0  # percent of one core
    percent: float = 0.0  # of one core, over all samples; 0 without any
    longest_gap: float = LONGEST_GAP
    _samples: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    def add(self, now: float, used: float) -> None:
        """`used` s of CPU since the last call. After a gap the samples of before are forgotten, and this one too."""
        elapsed, self.at = now - self.at, now
        if elapsed > self.longest_gap:
            self.forget()
        elif elapsed > 0:
            self._samples.append((used, elapsed))
            self.latest = 100 * used / elapsed
            self.percent = 100 * sum([sample[0] for sample in self._samples]) / sum([s[1] for s in self._samples])

    def forget(self) -> None:
        """Begin anew, because what is asked of the process has changed."""
        self._samples.clear()
        self.percent = 0.0

    @property
    def count(self) -> int:
        return len(self._samples)


def judge(average: Average, limit: float | None, is_throttled: bool, wanted: float = 0.0,
          debt: float = 0.0) -> Verdict:  # fmt: skip
    """Above the limit it throttles, below 0.8 x limit it releases. In percent of one core; None is no limit.

    `wanted` is the average with the time added in which it was kept from the cores by others: who uses little only
    because of them would run without any limit as soon as they rest. Nor is who has a debt: between two bursts it seems
    calm, and each release would give it one of them for nothing, which at a small limit is many times what it may have.
    """
    if limit is None:
        return Verdict.RELEASE if is_throttled else Verdict.KEEP
    if average.count < ENOUGH:
        return Verdict.KEEP
    if not is_throttled and average.percent > limit:
        return Verdict.THROTTLE
    if is_throttled and debt <= 0 and max(average.percent, wanted) < RELEASE_BELOW * limit:
        return Verdict.RELEASE
    return Verdict.KEEP


def longest_gap(interval: float) -> float:
    """In s, for samples so many s apart."""
    return max(LONGEST_GAP, MISSED * interval)


def debt_after(
    debt: float, used: float, elapsed: float, limit: float | None, longest_gap: float = LONGEST_GAP,
    most: float = math.inf,
) -> float:  # fmt: skip
    """CPU time (s) that was used beyond the limit and not left unused since, after one more sample.

    `most` is what it was when the tree began to be held: how well that goes is no debt of its own.
    """
    if limit is None or not 0 < elapsed <= longest_gap:
        return 0.0
    allowed = limit / 100 * elapsed
    longest = LONGEST_DEBT if limit >= SMALL else LONGEST_SMALL_DEBT
    return min(max(0.0, debt + used - allowed), longest * allowed, most)


@dataclass(slots=True)
class MemoryWatch:
    """Tells of each excess once, and once more when it becomes urgent; again only after it fell below the warning."""

    level: MemoryLevel = MemoryLevel.OK
    _above: int = 0  # samples in a row above the limit
    _told: MemoryLevel = MemoryLevel.OK

    def add(self, mb: float, limit: float | None) -> MemoryLevel | None:
        """The level that has to be told now, OVER or URGENT; None when there is nothing new."""
        self._above = self._above + 1 if limit is not None and mb > limit else 0
        self.level = memory_level(mb, limit, self._above)
        if self.level is MemoryLevel.OK:
            self._told = MemoryLevel.OK
        if _SEVERITY[self.level] <= max(_SEVERITY[self._told], _SEVERITY[MemoryLevel.WARNING]):
            return None
        self._told = self.level
        return self.level


def memory_level(mb: float, limit: float | None, above: int) -> MemoryLevel:
    """Far above the limit at once; above it after so many samples; just below it a warning."""
    if limit is None or mb <= MEMORY_WARNING * limit:
        return MemoryLevel.OK
    if mb > MEMORY_URGENT * limit:
        return MemoryLevel.URGENT
    return MemoryLevel.OVER if above >= MEMORY_SAMPLES else MemoryLevel.WARNING


def memory_reason(mb: float, limit: float) -> str:
    """The sentence for logs and events."""
    return f'{mb:.0f} MB of memory, above its limit of {limit:.0f} MB'
