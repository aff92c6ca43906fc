"""A limiter whose processes, clock and mechanism are scripted: what it decides does not hang on the machine."""
from collections import deque
from collections.abc import Callable, Iterable

from edgeos.limiter.decide import longest_gap
from edgeos.limiter.linux import LinuxView
from edgeos.limiter.mechanism import Mechanism
from edgeos.limiter.monitor import TICK, Monitor
from edgeos.limiter.views import Identity, Stat
from edgeos.limiter.watched import Bounds, Watched
from tests.helpers import FakeClock

PID, START = 4_000_111, 7  # no process has this number
NO_LIMITS = Bounds(None, None)


class ScriptedView(LinuxView):
    """Processes as a test puts them: `stats` by number, `used` s of CPU of each."""

    def __init__(self) -> None:
        super().__init__()
        self.stats: dict[int, Stat] = {}
        self.used: dict[int, float] = {}
        self.sent: list[tuple[int, int]] = []  # number of the process, signal

    def put(self, pid: int, start: int = START, parent: int = 1, session: int = 0, group: int = 0) -> None:
        self.stats[pid] = Stat(pid, parent, group or pid, session or pid, start, 0.0, 1 << 20, 1)
        self.used.setdefault(pid, 0.0)

    def stat(self, pid: int) -> Stat | None:
        return self.stats.get(pid)

    def cpu(self, pid: int) -> float:
        if pid not in self.stats:
            raise ProcessLookupError(pid)
        return self.used[pid]

    def children(self, stat: Stat) -> list[int]:
        return [other.pid for other in self.stats.values() if other.parent == stat.pid]

    def forks(self) -> object:
        return None

    def newcomers(self) -> list[Stat]:
        return list(self.stats.values())

    def marker(self, pid: int) -> bytes | None:
        return None

    def waited(self, stat: Stat) -> float:
        return 0.0

    def open_pidfd(self, identity: Identity) -> int | None:
        return None

    def send(self, identity: Identity, number: int) -> None:
        found = self.stat(identity.pid)
        if found is None or found.start != identity.start:
            raise ProcessLookupError(identity.pid)
        self.sent.append((identity.pid, number))


class Held(Mechanism):
    """Knows who is held at what."""

    def __init__(self) -> None:
        self.limits: dict[int, float] = {}

    def throttle(self, root: Identity, limit: float, members: Iterable[Stat]) -> None:
        self.limits[root.pid] = limit

    def release(self, root: Identity) -> None:
        self.limits.pop(root.pid, None)


class Script:
    """One process under watch, which wants `demand` cores."""

    def __init__(self, limit: float, interval: float) -> None:
        self.clock, self.view, self.mechanism, self.demand = FakeClock(), ScriptedView(), Held(), 1.0
        self.overshoot = 1.0  # x limit, while it is held
        self.view.put(PID)
        self.watched = Watched(Identity(PID, START), 'scripted', (None, None), Bounds(limit, None), self.clock,
                               self.mechanism, gap=longest_gap(interval))  # fmt: skip
        self.monitor = Monitor({PID: self.watched}, deque(), self.mechanism, lambda: self.view, self.clock, interval, 64,
                               None)  # fmt: skip

    def run(self, seconds: float, until: Callable[[], object] = lambda: False) -> float:
        """So many seconds, or until it is so; the seconds it took."""
        began = self.clock.monotonic()
        while self.clock.monotonic() - began < seconds and not until():
            self.clock.advance(TICK)
            held = self.mechanism.limits.get(PID, float('inf')) / 100 * self.overshoot
            self.view.used[PID] += TICK * min(self.demand, held)
            self.monitor._look(self.view)
        return self.clock.monotonic() - began

    def is_held(self) -> bool:
        return PID in self.mechanism.limits
