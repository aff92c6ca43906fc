"""Holds process trees at their limit by stopping and continuing them, some ten times a second, without any privilege.

One thread does nothing else. Its fast path is clocks and signals: no lock is shared with the event loop, so neither can
hold up the other. Whatever ends or breaks the thread, it lets everything go on first.
"""

import heapq
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from typing import ClassVar

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.limiter.bucket import Act, Bucket
from edgeos.limiter.mechanism import Mechanism, Stops, Unavailable
from edgeos.limiter.member import Member
from edgeos.limiter.sample import Tree
from edgeos.limiter.views import Identity, Stat, View
from edgeos.reporting.boundary import Boundary

PERIODS = ((5, 0.05), (20, 0.1))  # so many throttled trees: s of one run and stop; more trees take more of our time
LONG_PERIOD = 0.2
SCAN = 0.5  # s between two looks for new members while nothing else calls for one
QUICK_SCAN = 0.1  # s, when something was forked somewhere
INBOX = 0.05  # s until an order is seen at the latest
FAR = 10.0  # s; no look is planned later
RESTART_AFTER = 0.5  # s after a failure
OUR_NICENESS = -5  # of the thread, where allowed: it must run when a hog would rather not let it


class Target:
    """A tree that is being held."""

    def __init__(self, root: Identity, limit: float, known: Iterable[Stat], now: float) -> None:
        self.root = root
        self.bucket = Bucket(limit / 100, now)
        self.arrivals: deque[Stat] = deque(known)  # members that are nobody's child there, from the monitor
        self.tree: Tree | None = None  # made by the thread that owns it
        self.turn = 0  # number of the plan that counts; an earlier one was overtaken
        self.boundary = Boundary('limiter duty cycle', once=True)
        self.is_released = False
        self.scan_at = now
        self.began = now
        self.stopped_at = now
        self.stood = 0.0  # s in all
        self.longest = 0.0  # s

    def note_go(self, now: float) -> None:
        """It has stood still until now."""
        stood = now - self.stopped_at
        self.stood += stood
        self.longest = max(self.longest, stood)

    def let_go(self) -> None:
        """From any thread; the tree may be given up by its own at this moment."""
        if (tree := self.tree) is not None:
            tree.let_go()

    def begin_anew(self) -> None:
        """In its thread, after a failure or at the end: nothing of it stands still, and its tree is found again."""
        self.let_go()
        if self.tree is not None:
            self.arrivals.extend(member.stat for member in self.tree.roster)
            self.tree.close()
        self.tree = None
        self.bucket.is_stopped = False


class DutyCycle(Mechanism):
    """See Mechanism. `make_view` is called in the thread that will use the view."""

    name: ClassVar[str] = 'duty cycle'

    def __init__(self, make_view: Callable[[], View], clock: Clock = SYSTEM_CLOCK) -> None:
        self._make_view = make_view
        self._clock = clock
        self._targets: dict[Identity, Target] = {}
        self._inbox: deque[Target] = deque()
        self._due: list[tuple[float, int, Target]] = []
        self._count = 0
        self._wake = threading.Event()  # shared with the monitor only
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises Unavailable where processes cannot be stopped, or their clocks not be read."""
        view = self._make_view()
        try:
            view.cpu(os.getpid())
        except (ProcessLookupError, PermissionError, AttributeError) as error:
            raise Unavailable('the CPU time of processes cannot be read here') from error
        finally:
            view.close()
        if os.name == 'posix' and not hasattr(signal, 'SIGSTOP'):
            raise Unavailable('processes cannot be stopped here')
        self._thread = threading.Thread(target=self._live, name='limiter duty cycle', daemon=True)
        self._thread.start()

    @property
    def period(self) -> float:
        """Seconds of one run and stop."""
        held = len(self._targets)
        return next((period for most, period in PERIODS if held <= most), LONG_PERIOD)

    def throttle(self, root: Identity, limit: float, members: Iterable[Stat]) -> None:
        """Begins within 50 ms."""
        if root in self._targets or self._is_closing:
            self.change(root, limit)
            return
        target = self._targets[root] = Target(root, limit, members, self._clock.monotonic())
        self._inbox.append(target)
        self._wake.set()

    def adopt(self, root: Identity, members: Iterable[Stat]) -> None:
        """They join at the next look."""
        if (target := self._targets.get(root)) is not None:
            target.arrivals.extend(members)

    def change(self, root: Identity, limit: float) -> None:
        """Looked at again within 50 ms, however long it was to stand still."""
        if (target := self._targets.get(root)) is not None:
            target.bucket.limit = limit / 100
            self._inbox.append(target)

    def release(self, root: Identity) -> None:
        """The flag first: whoever is stopping the tree at this moment looks at it afterwards, and lets it go again."""
        target = self._targets.pop(root, None)
        if target is None:
            return
        target.is_released = True
        target.let_go()

    def stops(self, root: Identity) -> Stops:
        """Since it was throttled."""
        target = self._targets.get(root)
        if target is None:
            return Stops()
        return Stops(target.longest, target.stood / max(0.001, self._clock.monotonic() - target.began))

    def is_denied(self, root: Identity) -> bool:
        """Whether a signal was refused."""
        target = self._targets.get(root)
        tree = target.tree if target is not None else None
        return tree is not None and tree.is_denied

    def close(self) -> None:
        """Everything goes on before the thread is waited for."""
        self._is_closing = True
        self._release_all()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(0.5)

    def _release_all(self) -> None:
        for root in list(self._targets):
            self.release(root)

    def _live(self) -> None:
        """The thread: whatever happens in it, nothing stays stopped, and it goes on."""
        if sys.platform == 'linux':  # where each thread has a priority of its own
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), OUR_NICENESS)
        boundary = Boundary('limiter duty cycle')
        while not self._is_closing:
            with boundary, closing(self._make_view()) as view:
                try:
                    self._work(view)
                finally:
                    self._let_all_go_on()
            self._wake.clear()
            if not self._is_closing:
                self._wake.wait(RESTART_AFTER)

    def _let_all_go_on(self) -> None:
        """They stay targets, also those that were released meanwhile: those are dropped at their next turn."""
        for target in {*(entry[2] for entry in self._due), *list(self._targets.values())}:
            target.begin_anew()
        self._due.clear()
        self._inbox.extend(list(self._targets.values()))

    def _work(self, view: View) -> None:
        while not self._is_closing:
            self._take_in()
            if not self._due:
                self._wake.wait()
                self._wake.clear()
                continue
            wait = self._due[0][0] - self._clock.monotonic()
            if 0 < wait <= FAR:  # farther than any plan: the clock has jumped
                time.sleep(min(wait, INBOX))
                continue
            _, turn, target = heapq.heappop(self._due)
            if turn == target.turn:
                self._turn(target, view)

    def _take_in(self) -> None:
        while self._inbox:
            self._plan(self._inbox.popleft(), 0.0)

    def _plan(self, target: Target, wait: float) -> None:
        if target.is_released:  # said while we were at work on it
            if target.tree is not None:
                target.tree.close()
            return
        self._count += 1
        target.turn = self._count
        heapq.heappush(self._due, (self._clock.monotonic() + wait, self._count, target))

    def _turn(self, target: Target, view: View) -> None:
        """One tree that cannot be looked at goes on unheld for a moment; the others do not notice."""
        wait: float | None = None
        with target.boundary:
            wait = 0.0 if target.is_released else self._step(target, view)
        if wait is None:
            target.begin_anew()
        self._plan(target, RESTART_AFTER if wait is None else wait)

    def _step(self, target: Target, view: View) -> float:
        """One look at a tree and what follows from it; the seconds until the next one."""
        tree, bucket = target.tree, target.bucket
        if tree is None:
            tree = target.tree = Tree(view, target.root, _all_of(target.arrivals))
        self._look_for_members(target, tree)
        used = tree.consume()
        now = self._clock.monotonic()
        act, wait = bucket.step(now, used, self.period)
        if act is Act.STOP:
            target.stopped_at = now if bucket.since == now else target.stopped_at
            self._stop(target, tree)
        elif act is Act.GO:
            tree.thaw()
            target.note_go(now)
        return wait if tree.is_alive else SCAN

    def _look_for_members(self, target: Target, tree: Tree) -> None:
        now = self._clock.monotonic()
        fresh = tree.adopt(_all_of(target.arrivals), belongs=True) if target.arrivals else []
        if target.scan_at > now + SCAN:  # the clock was set back
            target.scan_at = now
        if now >= target.scan_at or (now >= target.scan_at - SCAN + QUICK_SCAN and tree.has_forked):
            fresh += tree.refresh()
            target.scan_at = now + SCAN
        if fresh and target.bucket.is_stopped:
            self._stop(target, tree, fresh)

    def _stop(self, target: Target, tree: Tree, fresh: Iterable[Member] | None = None) -> None:
        if target.is_released:
            return
        tree.freeze(fresh)
        if target.is_released:  # meanwhile, in another thread, which may have let go before we stopped
            tree.let_go()


def _all_of(arrivals: deque[Stat]) -> list[Stat]:
    """Taken one by one, since another thread may add to them."""
    return [arrivals.popleft() for _ in range(len(arrivals))]
