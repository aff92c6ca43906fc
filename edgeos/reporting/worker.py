"""One thread that does, in order, what must not be done where it came up."""
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from math import inf

from edgeos.reporting.capture import links_of, shortened, traceback_text

MOST_WAITING = 300

log = logging.getLogger(__name__)


class Worker:
    """What is given before the start waits for it; what is given after the stop is done here and now."""

    def __init__(self, name: str, begin: Callable[[], None]) -> None:
        """`begin` is what the thread does first."""
        self.lost = 0  # given while too much waited
        self._name = name
        self._begin = begin
        # one that may be entered again: a collected object may report while this thread is in here
        self._wake = threading.Condition(threading.RLock())
        self._inbox: deque[Callable[[], None]] = deque()
        self._idle: tuple[float, Callable[[], None]] | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.stopped = False

    def start(self) -> None:
        if self._thread is None:
            self._stopping = self.stopped = False
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()

    def stop(self, seconds: float) -> None:
        """Do what waits, at most so long."""
        thread, self._thread = self._thread, None
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if thread is not None:
            thread.join(seconds)
        with self._wake:
            self.stopped = True

    def later(self, act: Callable[[], None], *, always: bool = False) -> None:
        """Never waits for what is being done. What must not be lost, however much waits, is done `always`."""
        with self._wake:
            if not self.stopped:
                if always or len(self._inbox) < MOST_WAITING:
                    self._inbox.append(act)
                    self._wake.notify()
                else:
                    self.lost += 1
                return
        act()

    def when_idle(self, seconds: float, act: Callable[[], None]) -> None:
        """Once, that long from now, unless something is to be done just then."""
        with self._wake:
            self._idle = time.monotonic() + seconds, act
            self._wake.notify()

    def _work(self) -> None:
        act: Callable[[], None] | None = self._begin
        while act is not None:
            try:
                act()
            except Exception as trouble:  # the last who could report it
                log.error('a report could not be kept: %s', shortened(traceback_text(links_of(trouble))))
            act = self._next()

    def _next(self) -> Callable[[], None] | None:
        with self._wake:
            while not self._inbox:
                if self._stopping:
                    return None
                pause = inf
                if self._idle is not None:
                    due, act = self._idle
                    pause = due - time.monotonic()
                    if pause <= 0:
                        self._idle = None
                        return act
                self._wake.wait(None if pause == inf else pause)
            return self._inbox.popleft()
