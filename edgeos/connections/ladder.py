"""The steps of reaching a device, so that the owner sees which one fails."""
from typing import NamedTuple

STEPS = ('network', 'answer', 'login', 'data')


class Step(NamedTuple):
    """`state` is passed, failed or waiting; `ms` is what the step itself took."""

    name: str
    state: str
    ms: float | None


class Ladder:
    """How far the present attempt came: network, answer, login, data."""

    def __init__(self) -> None:
        self._began = 0.0
        self._ended: float | None = None
        self._reached: dict[str, float] = {}

    def begin(self, now: float) -> None:
        """A new attempt starts at the monotonic time `now`."""
        self._began = now
        self._ended = None
        self._reached = {}

    def reach(self, step: str, now: float) -> None:
        """The step, and those before it, have succeeded."""
        for name in STEPS[:STEPS.index(step) + 1]:
            self._reached.setdefault(name, (now - self._began) * 1000)

    def has_reached(self, step: str) -> bool:
        """Whether the step has succeeded."""
        return step in self._reached

    def end(self, now: float) -> None:
        """The attempt has failed, or its link was lost."""
        self._ended = (now - self._began) * 1000

    @property
    def is_complete(self) -> bool:
        """Whether the last step has succeeded."""
        return self.has_reached(STEPS[-1])

    def steps(self, *, failed: bool) -> list[Step]:
        """All steps; with `failed`, the first that was not reached is the one that failed."""
        found, before = [], 0.0
        for name in STEPS:
            if name in self._reached:
                found.append(Step(name, 'passed', round(self._reached[name] - before, 2)))
                before = self._reached[name]
            elif failed:
                ms = None if self._ended is None else round(self._ended - before, 2)
                found.append(Step(name, 'failed', ms))
                failed = False
            else:
                found.append(Step(name, 'waiting', None))
        return found
