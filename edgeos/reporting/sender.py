"""The thread that empties the spool: one event after the other, oldest first, as the server and the network allow."""
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from math import inf

from edgeos.clock import Clock
from edgeos.reporting.answers import ACCEPTED, REFUSED, Verdict, judge, limited_for
from edgeos.reporting.capture import links_of, shortened, traceback_text
from edgeos.reporting.post import Post, PostFailed, envelope
from edgeos.reporting.spool import Spool, Waiting

MOST_OFFERED = 20
FIRST_PAUSE, MOST_PAUSE = 2.0, 300.0  # s after a failure; doubled each time, with jitter

STUCK = 'Reports that wait cannot be sent: something fails on this device.'

log = logging.getLogger(__name__)


class Sender:
    """Nobody waits for it, except `stop`. `trouble` is one sentence, `last_sent` epoch s."""

    def __init__(self, spool: Spool, post: Post, clock: Clock, told: Callable[[Waiting], None], *,
                 first_pause: float = FIRST_PAUSE, most_pause: float = MOST_PAUSE) -> None:  # fmt: skip
        """`told` hears from the thread of each event that the server has taken."""
        self.trouble: str | None = None
        self.last_sent: float | None = None
        self._spool = spool
        self._post = post
        self._clock = clock
        self._told = told
        self._first_pause, self._most_pause = first_pause, most_pause
        self._wake = threading.Condition(threading.RLock())
        self._offered: deque[tuple[str, bytes]] = deque(maxlen=MOST_OFFERED)
        self._failures = 0
        self._not_before = 0.0  # real monotonic s
        self._until = inf  # real monotonic s; less than infinite once it is told to stop
        self._paused = True  # until somebody says otherwise
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """What waits from an earlier life goes first."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name='sentry', daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Something waits."""
        with self._wake:
            self._wake.notify()

    def offer(self, event_id: str, transaction: bytes) -> None:
        """Something that is sent now or never: it waits for no network and for no restart."""
        with self._wake:
            if not self._paused and time.monotonic() >= self._not_before:
                self._offered.append((event_id, transaction))
                self._wake.notify()

    def pause(self, paused: bool) -> None:
        """Nothing leaves while paused, and what is under way is no longer waited for."""
        with self._wake:
            self._paused = paused
            self._offered.clear()
            self._failures, self._not_before, self.trouble = 0, 0.0, None
            self._wake.notify()

    def stop(self, seconds: float) -> None:
        """Send what waits as long as it works, at most so long; the rest is for the next start."""
        with self._wake:
            self._until = time.monotonic() + seconds
            self._wake.notify()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(seconds)
            if thread.is_alive():
                self._post.abort()

    # the thread

    def _work(self) -> None:
        while self._wait():
            try:
                self._send_next()
            except Exception as error:  # whatever it is: the thread goes on and says so
                self._back_off(None, STUCK, shortened(traceback_text(links_of(error))))

    def _wait(self) -> bool:
        """Until something is to be sent; False when it is time to end."""
        with self._wake:
            while True:
                now = time.monotonic()
                if self._until < inf and (now >= self._until or self._is_idle or self._not_before > now):
                    return False
                if not self._is_idle and now >= self._not_before:
                    return True
                self._wake.wait(None if self._is_idle else self._not_before - now)

    @property
    def _is_idle(self) -> bool:
        return self._paused or not (self._spool.waiting or self._offered)

    def _send_next(self) -> None:
        found = self._spool.oldest()
        if found is not None:
            self._send(*found)
        elif self._offered:
            self._send_offered(*self._offered.popleft())

    def _send(self, waiting: Waiting, event: bytes) -> None:
        now = self._clock.wall()
        seconds = max(0.1, self._until - time.monotonic())
        try:
            answer = self._post.post(envelope(waiting.event_id, event, now), seconds)
        except PostFailed as error:
            self._back_off(None, str(error), error.__cause__)
            return
        self._obey(waiting, answer.status, judge(*answer, now))

    def _send_offered(self, event_id: str, transaction: bytes) -> None:
        now = self._clock.wall()
        seconds = max(0.1, self._until - time.monotonic())
        try:
            answer = self._post.post(envelope(event_id, transaction, now, 'transaction'), seconds)
        except PostFailed:
            self._offered.clear()  # what matters will tell of the trouble
            return
        if answer.status >= 400 or limited_for(answer.headers.get('x-sentry-rate-limits', ''), 'transaction'):
            self._offered.clear()

    def _obey(self, waiting: Waiting, status: int, verdict: Verdict) -> None:
        if verdict.what == ACCEPTED:
            self._failures = 0
            self.last_sent = self._clock.wall()
            self._told(waiting)
            self._spool.remove(waiting)
        if verdict.what == ACCEPTED and not verdict.pause:
            self._say(None, None)
        elif verdict.pause != 0.0:
            self._back_off(verdict.pause, verdict.trouble, f'status {status}')
        elif verdict.what == REFUSED:
            log.warning('the Sentry server answered %d to the report %s; it was dropped', status, waiting.event_id)
        if verdict.what == REFUSED:
            self._spool.drop(waiting)

    def _back_off(self, pause: float | None, trouble: str | None, cause: object) -> None:
        with self._wake:
            if pause is None:
                self._failures += 1
                pause = pause_after(self._failures, self._first_pause, self._most_pause)
            self._not_before = time.monotonic() + pause
        self._say(trouble, cause)

    def _say(self, trouble: str | None, cause: object) -> None:
        """One line when it changes, not one for each attempt."""
        if trouble != self.trouble:
            if trouble is None:
                log.info('reports reach Sentry again')
            else:
                log.warning('%s (%s)', trouble, cause)
        self.trouble = trouble


def pause_after(failures: int, first: float, most: float) -> float:
    """Seconds after so many failures in a row; not the same ones on every device."""
    return min(most, first * 2.0 ** min(failures - 1, 20)) * random.uniform(0.8, 1.2)
