"""The token bucket that turns a limit into running and standing still. Pure: time and use are handed in.

The bucket fills at the limit's rate and is emptied by the CPU time used. Empty: stop. Filled with what the next slice
of running will burn: go on. Debt is carried over, so a late timer makes a window uneven but does not shift the mean.
"""

import os
from dataclasses import dataclass, field
from enum import Enum

LONGEST_STOP = 0.8  # s; larger debts are paid in several stops with a short run between, so that nothing seems dead
SMALL = 0.05  # cores; below it stops may be longer in proportion: the shortest run is too long for them already
LONGEST_OF_ALL = 1.8  # s; up to there
SHORTEST_SLICE = 0.004  # s of running
SHORTEST_WAIT = 0.002  # s between two looks
BURST = 0.1  # s of the limit that may be saved up while less was used
DEBT = 2.0  # s of the limit (more below SMALL); what goes beyond is forgiven
DEFIED = 0.01  # s between two looks at a stopped tree that was seen running
GAP = 3.0  # s between two looks, after which nothing was saved up: the machine has slept


class Act(Enum):
    """What to do now."""

    NOTHING = 'nothing'
    STOP = 'stop'
    GO = 'go'


@dataclass(slots=True)
class Bucket:
    """`limit` is in cores: 0.5 is half of one. It may be changed at any time, from any thread."""

    limit: float
    at: float  # monotonic s of the last step
    cores: float = field(default_factory=lambda: float(os.cpu_count() or 1))
    budget: float = 0.0  # s of CPU
    rate: float = 1.0  # cores it takes while it runs
    is_stopped: bool = False
    since: float = 0.0  # monotonic s of the last change between running and standing still

    def step(self, now: float, used: float, period: float) -> tuple[Act, float]:
        """What to do now, and the seconds until the next look. `used` s of CPU since the last step."""
        elapsed = max(0.0, now - self.at)
        self.at = now
        limit = self.limit
        if not self.is_stopped and elapsed > 0.001:
            self._observe(used / elapsed)
        portion, worth = self._slice(period)
        most = worth if elapsed > GAP else worth + BURST * limit
        self.budget = max(-DEBT * max(limit, SMALL), min(most, self.budget + limit * elapsed - used))
        if self.is_stopped:
            return self._standing(now, used, portion, worth)
        if self.budget <= 0:
            self.is_stopped, self.since = True, now
            return Act.STOP, min(self.longest_stop, (worth - self.budget) / limit)
        if used < 0.2 * limit * elapsed:  # it sleeps by itself
            return Act.NOTHING, period
        return Act.NOTHING, max(SHORTEST_WAIT, min(period, self.budget / max(self.rate - limit, 0.05)))

    @property
    def longest_stop(self) -> float:
        """In s, as planned; a machine that wakes us late adds to it."""
        return min(LONGEST_OF_ALL, LONGEST_STOP * max(1.0, SMALL / self.limit))

    def _standing(self, now: float, used: float, portion: float, worth: float) -> tuple[Act, float]:
        left = self.longest_stop - (now - self.since)
        if self.budget >= 0.98 * worth or left <= 0:
            self.is_stopped, self.since = False, now
            return Act.GO, portion if self.budget > 0 else SHORTEST_SLICE
        wait = max(SHORTEST_WAIT, min(left, (worth - self.budget) / self.limit))
        if used > 0.001:  # somebody else let it go on, and may do so again
            return Act.STOP, min(wait, DEFIED)
        return Act.NOTHING, wait

    def _slice(self, period: float) -> tuple[float, float]:
        """How long the next run is to be, and the budget it burns; both in s."""
        rate = max(self.rate, 1.02 * self.limit)
        portion = max(SHORTEST_SLICE, period * self.limit / rate)
        return portion, portion * max(rate - self.limit, 0.01)

    def _observe(self, rate: float) -> None:
        if rate > self.limit:
            self.rate = min(self.cores, 0.5 * self.rate + 0.5 * rate)
