"""When a plugin that went down is started again: soon at first, then ever more rarely, hardly after a row of crashes.

Pure: the times are handed in.
"""

import random
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

LONGEST = 60.0  # s between two tries
JITTER = 0.2
STEADY = 300.0  # s it has to be well for all to be forgotten
WINDOW, MOST_CRASHES = 600.0, 5  # s; more crashes than that in it: it is given up
RARELY = 1800.0  # s between two tries after that


class State(StrEnum):
    """Where a plugin is in its life."""

    INSTALLED = 'installed'  # never started since the app has
    STARTING = 'starting'
    RUNNING = 'running'
    UNHEALTHY = 'unhealthy'  # it runs, but has not answered lately
    BACKOFF = 'backoff'  # it went down and is started again soon
    STOPPING = 'stopping'
    STOPPED = 'stopped'
    FAILED = 'failed'  # it is not started again, or once in half an hour


ALIVE = frozenset((State.STARTING, State.RUNNING, State.UNHEALTHY, State.STOPPING))


class Next(NamedTuple):
    """What follows a crash: another try in `delay` s; `given_up`: rarely, `alert`: and that is news."""

    delay: float
    given_up: bool
    alert: bool


class Restarts:
    """The crashes of one plugin, however they came about."""

    def __init__(self, rng: Callable[[], float] = random.random) -> None:
        self._rng = rng
        self._crashes: deque[float] = deque(maxlen=MOST_CRASHES + 1)
        self._delay = 1.0
        self._given_up = False

    @property
    def crashes(self) -> int:
        """Those that count."""
        return len(self._crashes)

    def crashed(self, now: float, well_since: float | None) -> Next:
        """It went down at the monotonic time `now`, having been well since then (None: it was not)."""
        if well_since is not None and now - well_since >= STEADY:
            self._delay, self._given_up = 1.0, False
        self._crashes.append(now)
        while now - self._crashes[0] > WINDOW:
            self._crashes.popleft()
        is_news = not self._given_up and len(self._crashes) > MOST_CRASHES
        self._given_up |= is_news
        if self._given_up:
            return Next(RARELY, True, is_news)
        delay, self._delay = self._delay, min(self._delay * 2, LONGEST)
        return Next(delay * (1 + JITTER * (2 * self._rng() - 1)), False, False)

    def forget(self) -> None:
        """The owner starts anew."""
        self._crashes.clear()
        self._delay, self._given_up = 1.0, False
