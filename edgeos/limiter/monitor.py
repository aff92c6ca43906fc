"""The thread that samples all watched trees and decides.

Files and callbacks are its business, so that they never hold up the thread that stops and continues processes.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from functools import cache

from edgeos.clock import Clock
from edgeos.limiter.decide import MemoryLevel
from edgeos.limiter.ending import end_all
from edgeos.limiter.mechanism import Mechanism
from edgeos.limiter.sample import Tree
from edgeos.limiter.strays import StrayFile
from edgeos.limiter.views import View
from edgeos.limiter.watched import Watched
from edgeos.reporting.boundary import Boundary

TICK = 0.2  # s; news and fork storms are looked for so often
MOST_ENDINGS = 50  # times that a tree is tried to be ended, when something keeps us from it
LAST_ENDINGS = 3  # of the app, when it ends itself
CENSUS = 0.5  # s between two looks at all processes of the system

log = logging.getLogger(__name__)


class Monitor:
    """Owns what it finds in `watched`; other threads add to it and take from it, and leave the rest in `gone`."""

    def __init__(
        self,
        watched: dict[int, Watched],
        gone: deque[Watched],
        mechanism: Mechanism,
        make_view: Callable[[], View],
        clock: Clock,
        interval: float,
        most_processes: int,
        strays: StrayFile | None,
    ) -> None:
        self._watched = watched
        self._gone = gone
        self._mechanism = mechanism
        self._make_view = make_view
        self._clock = clock
        self._interval = interval
        self._most_processes = most_processes
        self._strays = strays
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._live, name='limiter monitor', daemon=True)
        self._census = Boundary('limiter census')
        self._census_at = 0.0
        self._forks: object = None
        self._census_forks: object = None
        self._has_young = False
        self._unended: list[Watched] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the current look and what is left to end."""
        self._closing.set()
        if self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def _live(self) -> None:
        look = Boundary('limiter monitor')
        with closing(self._make_view()) as view:
            while not self._closing.wait(min(TICK, self._interval)):
                with look:
                    self._look(view)
            for _ in range(LAST_ENDINGS):
                with look:
                    self._take_leave(view)
                if not self._unended:
                    break
                time.sleep(TICK)

    def _look(self, view: View) -> None:
        """One tick. A tree that cannot be looked at does not keep the others from it."""
        now = self._clock.monotonic()
        self._take_leave(view)
        is_storm = self._is_storm(view)
        with self._census:
            self._take_census(view, now)
        for watched in list(self._watched.values()):
            with watched.boundary:
                self._look_at(watched, view, now, is_storm)
        self._keep_strays()

    def _look_at(self, watched: Watched, view: View, now: float, is_storm: bool) -> None:
        if watched.tree is None:
            watched.begin(view, self._mechanism)
            watched.due = now + self._interval
        elif self._is_due(watched.due, self._interval, now):
            watched.due = now + self._interval if watched.due > now else max(now, watched.due + self._interval)
            self._sample(watched, view)
        elif watched.has_news and not watched.hands_off:
            watched.note_limits(self._mechanism)
            watched.decide(self._mechanism)
        elif is_storm:
            watched.tree.refresh()
        self._bound(watched, now)
        if watched.tree is not None and not watched.tree.is_alive:
            self._drop(watched)

    def _sample(self, watched: Watched, view: View) -> None:
        if watched.has_news:
            watched.note_limits(self._mechanism)
        watched.measure(view, self._mechanism)
        watched.decide(self._mechanism)
        level = watched.watch_memory()
        if level is not None:
            self._tell(watched, level)

    def _tell(self, watched: Watched, level: MemoryLevel) -> None:
        """The owner decides what follows; its callback comes last, since it may raise."""
        limit, mb = watched.limits.memory, watched.memory_mb
        assert limit is not None
        log.warning('%s (process %s): %s', watched.name, watched.root.pid, watched.memory_reason())
        if watched.on_memory is not None:
            watched.on_memory(watched.root.pid, mb, limit, level is MemoryLevel.URGENT)

    def _bound(self, watched: Watched, now: float) -> None:
        """A tree that grows without bound ends at once: each moment of waiting makes it harder."""
        tree, most = watched.tree, watched.most_processes or self._most_processes
        if tree is None or tree.living <= most or now < watched.spared_until:
            return
        watched.spared_until = now + 1.0
        reason = f'{tree.living} processes, more than the {most} it may have'
        log.warning('%s (process %s) is killed: %s', watched.name, watched.root.pid, reason)
        self._mechanism.release(watched.root)
        try:
            if watched.on_kill is not None:
                watched.on_kill(watched.root.pid, reason)
        finally:
            tree.kill()

    def _drop(self, watched: Watched) -> None:
        if self._watched.get(watched.root.pid) is watched:
            del self._watched[watched.root.pid]
        watched.is_over = watched.is_ours  # there may be some that it never showed
        self._gone.append(watched)

    def _take_leave(self, view: View) -> None:
        """Of those that others gave up; what is to end does so before the mechanism lets go of its members. Who cannot
        be ended now is tried again at the next tick."""
        gone = [self._gone.popleft() for _ in range(len(self._gone))]
        over: dict[Tree, Watched] = {}
        failures: dict[Watched, OSError] = {}
        for watched in (*self._unended, *(watched for watched in gone if watched.is_over)):
            try:
                over[self._all_of(watched, view)] = watched
            except OSError as error:
                failures[watched] = error
        if over:
            failed = end_all({tree: watched.marker for tree, watched in over.items()}, self._make_view)
            failures |= {over[tree]: error for tree, error in failed.items()}
        self._unended = [watched for watched, error in failures.items() if self._is_worth_another(watched, error)]
        for watched in {*gone, *over.values(), *failures} - set(self._unended):
            with watched.boundary:
                self._forget(watched)

    def _is_worth_another(self, watched: Watched, error: OSError) -> bool:
        watched.endings += 1
        if watched.endings == 1:
            log.warning('%s (process %s) cannot be ended now: %s', watched.name, watched.root.pid, error)
        with watched.boundary:
            if watched.endings >= MOST_ENDINGS:
                raise error
        return watched.endings < MOST_ENDINGS

    def _all_of(self, watched: Watched, view: View) -> Tree:
        """Raises OSError."""
        if watched.tree is None:
            tree = Tree(view, watched.root)
            tree.miss_root()
            watched.tree = tree
        stats = [view.stat(pid) for pid in self._mechanism.members(watched.root)]
        watched.tree.adopt((stat for stat in stats if stat), belongs=True)
        return watched.tree

    def _forget(self, watched: Watched) -> None:
        """What the mechanism knows of the tree is another one's when the process is watched again by now."""
        now = self._watched.get(watched.root.pid)
        if now is None or now.root != watched.root:
            self._mechanism.release(watched.root)  # again: it may have been throttled while it was being taken away
            self._mechanism.forget(watched.root)
        if watched.tree is not None:
            watched.tree.close()

    def _is_due(self, at: float, interval: float, now: float) -> bool:
        """Also when it is farther away than it can have been planned: the clock has jumped back."""
        return now >= at or at > now + 2 * interval

    def _is_storm(self, view: View) -> bool:
        """Whether more was forked since the last tick than one tree may have."""
        before, self._forks = self._forks, view.forks()
        if not isinstance(before, bytes) or not isinstance(self._forks, bytes):
            return False
        return int(self._forks) - int(before) > self._most_processes

    def _take_census(self, view: View, now: float) -> None:
        """Look for those that have left a tree, wherever they are."""
        if not self._watched or not self._is_due(self._census_at, CENSUS, now):
            return
        self._census_at = now + CENSUS
        before, self._census_forks = self._census_forks, self._forks
        if self._forks is not None and before == self._forks and not self._has_young:
            return
        newcomers, marker_of = view.newcomers(), cache(view.marker)
        self._has_young = bool(newcomers)
        trees = [watched for watched in list(self._watched.values()) if watched.tree is not None]
        known = {member.pid for watched in trees if watched.tree for member in watched.tree.roster}
        strangers = [stat for stat in newcomers if stat.pid not in known]
        for watched in trees:
            watched.find_marker(view)
            if strangers:
                watched.adopt(self._mechanism, strangers, marker_of)

    def _keep_strays(self) -> None:
        """Those whose first look is still to come have no marker yet."""
        if self._strays is not None:
            self._strays.keep(frozenset(
                (watched.root.pid, watched.root.start, watched.name, (watched.marker or b'').decode(errors='replace'))
                for watched in [*list(self._watched.values()), *self._unended] if watched.tree))  # fmt: skip
