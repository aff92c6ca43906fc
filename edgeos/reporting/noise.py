"""How much is told: the same report once a minute with a count of the rest, and a storm never more than this.

Pure but for the clock that is handed in; whoever calls from several threads holds a lock.
"""
from collections import OrderedDict
from dataclasses import dataclass

from edgeos.clock import Clock

EVERY = 60.0  # s between two equal reports
MOST_KNOWN = 1000  # fingerprints; the longest unseen is forgotten first
MOST_NEW = 40  # what is above is told in groups
MOST_TOLD = 60


@dataclass(slots=True)
class Seen:
    """When it was told (monotonic s), and how often it was left out since."""

    told: float
    left_out: int = 0


class NoiseGate:
    """Asked for every report; costs a look into a dictionary."""

    def __init__(self, clock: Clock, every: float = EVERY, most_new: int = MOST_NEW,
                 most_told: int = MOST_TOLD) -> None:  # fmt: skip
        """`most_new` fingerprints never seen before, and `most_told` reports whatever they are, in `every` s."""
        self._clock = clock
        self._most_new, self._most_told = most_new, most_told
        self._every = every
        self._known: OrderedDict[str, Seen] = OrderedDict()
        self._window = clock.monotonic()
        self._new = 0
        self._told = 0

    def choose(self, fine: str, *coarser: str) -> str:
        """The first fingerprint that is known, or new while there is room for new ones; the last in any case.

        Texts that always differ, like the paths a scanner asks for, would else be a new report each.
        """
        self._move_on()
        for fingerprint in (fine, *coarser):
            if fingerprint in self._known:
                return fingerprint
            if self._new < self._most_new:
                self._new += 1
                break
        self._learn(fingerprint)
        return fingerprint

    def admit(self, fingerprint: str) -> int | None:
        """How many equal ones were left out before this; None when this is to be left out too."""
        self._move_on()
        seen = self._learn(fingerprint)
        now = self._clock.monotonic()
        if now - seen.told < self._every or self._told >= self._most_told:
            seen.left_out += 1
            return None
        self._told += 1
        left_out, seen.left_out, seen.told = seen.left_out, 0, now
        return left_out

    def _learn(self, fingerprint: str) -> Seen:
        seen = self._known.get(fingerprint)
        if seen is None:
            seen = self._known[fingerprint] = Seen(float('-inf'))
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        self._known.move_to_end(fingerprint)
        return seen

    def _move_on(self) -> None:
        now = self._clock.monotonic()
        if now - self._window >= self._every:
            self._window, self._new, self._told = now, 0, 0
