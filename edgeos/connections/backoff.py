"""When to try again: often at first, because most outages are short, then ever more rarely."""
import random
from collections.abc import Callable

EAGER_SECONDS = 30.0
LONGEST = 60.0
JITTER = 0.2
STEADY_SECONDS = 30.0


class Backoff:
    """Delays of one outage: 1 s during its first 30 s, then 2, 4 ... 60 s, each +- 20 %.

    What comes after the first 30 s goes on where the last outage ended, until the link has held for 30 s.
    """

    def __init__(self, *, eager_for: float = EAGER_SECONDS, rng: Callable[[], float] = random.random) -> None:
        self._eager_for = eager_for
        self._rng = rng
        self._outage_since: float | None = None
        self._delay = 1.0
        self.attempt = 0

    def next_delay(self, now: float, *, eager: bool = True) -> float:
        """Seconds to wait after an attempt that failed at the monotonic time `now`; `eager` if attempts are cheap."""
        if self._outage_since is None:
            self._outage_since = now
        self.attempt += 1
        delay = 1.0
        if not eager or now - self._outage_since >= self._eager_for:
            delay = self._delay = min(self._delay * 2, LONGEST)
        return delay * (1 + JITTER * (2 * self._rng() - 1))

    def begin_outage(self) -> None:
        """A link that was open has been lost: try often again, but remember how rare attempts had become."""
        self._outage_since = None

    def reset(self) -> None:
        """The link has held, or the owner asked anew: the next outage starts from the beginning."""
        self._outage_since = None
        self._delay = 1.0
        self.attempt = 0
