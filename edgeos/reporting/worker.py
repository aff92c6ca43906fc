"""One thread that does, in order, what must not be done where it came up."""
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from math import inf

from edgeos.reporting.capture import links_of, shortened, traceback_text

MOST_WAITING = 700

log = logging.getLogger(__name__)


class Worker:
    """What is given before the start waits for it; what is given after the stop is done here and now."""

    def __init__(self, name: str, begin: Callable[[], None], end: Callable[[], None]) -> None:
        """`begin` is what the thread does first, `end` what it does last, also when the stop was not waited for."""
        self._name = name
        self._begin, self._end = begin, end
        # one that may be entered again: a collected object may report while this thread is in here
        self._wake = threading.Condition(threading.RLock())
        self._inbox: deque[Callable[[], None]] = deque()
        self._idle: tuple[float, Callable[[], None]] | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.stopped = False

    @property
    def is_running(self) -> bool:
        """Between start and stop."""
        return self._thread is not None

    def start(self) -> None:
        """Once. Raises RuntimeError after a stop."""
        if self._stopping:
            raise RuntimeError(f'the thread {self._name!r} was stopped and does not start again')
        if self._thread is None:
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

    def later(self, act: Callable[[], None], *, always: bool = False) -> bool:
        """Never waits for what is being done. What must not be lost is done `always`; else False when too much waits
        already.
        """
        with self._wake:
            if not self.stopped:
                if not always and len(self._inbox) >= MOST_WAITING:
                    return False
                self._inbox.append(act)
                self._wake.notify()
                return True
        act()
        return True

    def when_idle(self, seconds: float, act: Callable[[], None]) -> None:
        """Once, that long from now, unless something is to be done just then."""
        with self._wake:
            self._idle = time.monotonic() + seconds, act
            self._wake.notify()

    def _work(self) -> None:
        act: Callable[[], None] | None = self._begin
        while act is not None:
            self._do(act)
            act = self._next()
        self._do(self._end)

    def _do(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as trouble:  # the last who could report it
            log.error('a report could not be kept: %s', shortened(traceback_text(links_of(trouble))))

    def _next(self) -> Callable[[], None] | None:
        with self._wake:
            while not self._inbox:
                if self._stopping:
                    self.stopped = True
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
