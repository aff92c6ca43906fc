"""What connections leave behind: a week of minutes, the last hour's seconds, when they came and went.

One thread owns the SQLite file. The event loop only leaves things in a batch and asks questions, so that a slow, full
or broken disk costs history, never the app. Writing is rare, because SD cards wear out.
"""
import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from math import inf
from pathlib import Path
from typing import TypeVar

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.connections.history_file import (
    MOST_EVENTS,
    MOST_PENDING,
    WEEK,
    Batch,
    HistoryFile,
    LinkEvent,
    Vital,
)
from edgeos.connections.journal import visible
from edgeos.connections.traffic import Sample
from edgeos.database import NewerFile, set_aside

__all__ = ['HistoryStore', 'LinkEvent']

DELAY = 5.0  # s from the first thing that waits to the writing of all that does
DISTANCE = 30.0  # s between two writings, so that a flapping link does not wear out the disk
WRITTEN_A_DAY = 38e6  # bytes; rings wait for what the rest leaves of it, at most until the stop
WRITTEN_AT_ONCE = 1.5e6  # bytes of that which may be saved up
BATCH_COST, ROW_COST, RING_COST = 4500, 170, 3.0  # bytes written per batch, row in it, byte of a ring (measured)
PURGE_EVERY = 3600.0  # s
STOP_SECONDS = 1.0
ANSWER_SECONDS = 1.5  # after which a question is answered with nothing
EVENT_CHARACTERS = 500

log = logging.getLogger(__name__)

T = TypeVar('T')


class HistoryStore:
    """May be called from the event loop: nothing here waits for the disk, except `stop`, for a second at most.

    Without a path it remembers in memory, and before `start` it only collects. `trouble` says in one sentence why
    nothing is kept at present. `delay` and `distance` are real seconds, whatever the clock.
    """

    def __init__(self, path: Path | None, clock: Clock = SYSTEM_CLOCK, *, delay: float = DELAY,
                 distance: float = DISTANCE) -> None:  # fmt: skip
        self.trouble: str | None = None
        self._path = path
        self._clock = clock
        self._delay = delay
        self._distance = distance
        self._wake = threading.Condition()
        self._batch = Batch()
        self._questions: deque[Callable[[], None]] = deque()
        self._due = inf  # real monotonic s
        self._written_at = -inf
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._failed: dict[str, str] = {}  # the newest event of these connections was this failure
        self._file: HistoryFile | None = None  # the thread's, as all below
        self._purged_at = -inf  # monotonic s
        self._credit = WRITTEN_AT_ONCE  # bytes
        self._credit_at = clock.monotonic()

    # life

    def start(self) -> None:
        """Begin to write; the file is opened by the thread, when there is something to do."""
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._work, name='history', daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Write what waits and end, or give up after a second: the thread cannot hold up the end of the process."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._wake:
            self._stopping = True
            self._wake.notify()
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            log.warning('the history could not be written within %s s; its last minutes may be lost', STOP_SECONDS)

    # in

    def add_minute(self, connection_id: str, sample: Sample) -> None:
        """Two samples of one minute add up."""
        with self._wake:
            self._batch.minutes.append((connection_id, sample))
            self._schedule(len(self._batch.minutes))

    def add_event(self, connection_id: str, t: float, kind: str, text: str) -> None:
        """`t` is epoch s. A failure that only repeats the one before is not written again."""
        text = visible(text, EVENT_CHARACTERS)
        if kind != 'failed':
            self._failed.pop(connection_id, None)
        elif self._failed.get(connection_id) == text:
            return
        else:
            self._failed[connection_id] = text
        with self._wake:
            self._batch.events.append((connection_id, LinkEvent(t, kind, text)))
            self._schedule(len(self._batch.events))

    def save_ring(self, connection_id: str, blob: bytes) -> None:
        """The newest copy of the last hour. It may wait in memory, so as not to wear out the disk, until the stop."""
        with self._wake:
            self._batch.rings[connection_id] = blob  # keeps its place in the queue if one waits already
            self._schedule()

    def add_vital(self, vital: Vital) -> None:
        """A minute of the machine; a second one of the same minute takes its place."""
        with self._wake:
            self._batch.vitals.append(vital)
            self._schedule(len(self._batch.vitals))

    def forget(self, connection_id: str) -> None:
        """A later connection of that id begins with nothing."""
        self._failed.pop(connection_id, None)
        with self._wake:
            self._batch.forget(connection_id)
            self._schedule()

    def _schedule(self, waiting: int = 0) -> None:
        if waiting >= MOST_PENDING:
            self._say_trouble('The history is not kept: the disk does not answer.')
        if self._due == inf:
            self._due = max(time.monotonic() + self._delay, self._written_at + self._distance)
            self._wake.notify()

    # out

    async def load_ring(self, connection_id: str) -> bytes | None:
        """What `save_ring` was last given, also in an earlier life."""

        def read(file: HistoryFile) -> bytes | None:
            with self._wake:
                waiting, forgotten = self._batch.rings.get(connection_id), connection_id in self._batch.forgotten
            return waiting if waiting is not None or forgotten else file.ring(connection_id)

        return await self._ask(read, None)

    async def minutes(self, connection_id: str, seconds: float) -> list[Sample]:
        """The complete minutes of the last seconds, at most a week, oldest first."""
        now = self._clock.wall()
        since = now - min(seconds, WEEK)

        def read(file: HistoryFile) -> list[Sample]:
            with self._wake:
                waiting = [s for i, s in self._batch.minutes if i == connection_id and since <= s.t <= now]
                forgotten = connection_id in self._batch.forgotten
            return waiting if forgotten else file.minutes(connection_id, since, now) + waiting

        return await self._ask(read, [])

    async def events(self, connection_id: str, limit: int = 200) -> list[LinkEvent]:
        """Newest first."""
        limit = min(limit, MOST_EVENTS)

        def read(file: HistoryFile) -> list[LinkEvent]:
            with self._wake:
                waiting = [event for i, event in self._batch.events if i == connection_id]
                forgotten = connection_id in self._batch.forgotten
            written = [] if forgotten else file.events(connection_id, limit)
            return (waiting[::-1] + written)[:limit]

        return await self._ask(read, [])

    async def vitals(self, seconds: float) -> list[Vital]:
        """The minutes of the machine in the last seconds, at most a week, oldest first."""
        now = self._clock.wall()
        since = now - min(seconds, WEEK)

        def read(file: HistoryFile) -> list[Vital]:
            with self._wake:
                waiting = [vital for vital in self._batch.vitals if since <= vital.t <= now]
            return file.vitals(since, now) + waiting

        return await self._ask(read, [])

    async def _ask(self, question: Callable[[HistoryFile], T], nothing: T) -> T:
        answer: Future[T] = Future()
        with self._wake:
            if self._thread is None or self._stopping:
                return nothing
            self._questions.append(lambda: self._answer(question, nothing, answer))
            self._wake.notify()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(answer), ANSWER_SECONDS)
        except TimeoutError:
            self._say_trouble('The history cannot be read: the disk does not answer.')
            return nothing

    # the thread

    def _work(self) -> None:
        stopping = False
        while not stopping:
            with self._wake:
                while not self._questions and not self._stopping and time.monotonic() < self._due:
                    self._wake.wait(None if self._due == inf else max(0.0, self._due - time.monotonic()))
                stopping = self._stopping
                questions, self._questions = self._questions, deque()
                batch = self._take() if stopping or time.monotonic() >= self._due else Batch()
            for answer in questions:
                answer()
            if not batch.is_empty:
                self._write(batch)
        self._drop_file()

    def _take(self) -> Batch:
        batch, self._batch = self._batch, Batch()
        if not self._stopping:
            self._hold_back(batch)
        self._due, self._written_at = inf, time.monotonic()
        return batch

    def _hold_back(self, batch: Batch) -> None:
        """Leave the rings for which there is no credit; those that wait longest go first."""
        now = self._clock.monotonic()
        credit = min(WRITTEN_AT_ONCE, self._credit + (now - self._credit_at) * WRITTEN_A_DAY / 86400)
        rows = len(batch.minutes) + len(batch.events) + len(batch.vitals)
        credit = max(-WRITTEN_AT_ONCE, credit - BATCH_COST - ROW_COST * rows)
        for connection_id, blob in tuple(batch.rings.items()):
            if self._batch.rings or len(blob) * RING_COST > credit:
                self._batch.rings[connection_id] = batch.rings.pop(connection_id)
            else:
                credit -= len(blob) * RING_COST
        self._credit, self._credit_at = credit, now

    def _write(self, batch: Batch) -> None:
        self._with_file(lambda file: file.write(batch), None)
        if self._clock.monotonic() - self._purged_at >= PURGE_EVERY:
            self._purged_at = self._clock.monotonic()
            self._with_file(lambda file: file.purge(self._clock.wall()), None)

    def _answer(self, question: Callable[[HistoryFile], T], nothing: T, answer: 'Future[T]') -> None:
        if answer.set_running_or_notify_cancel():
            answer.set_result(self._with_file(question, nothing))

    def _with_file(self, act: Callable[[HistoryFile], T], nothing: T) -> T:
        """Do something with the file; a broken or newer file is put aside and the act done with a new one."""
        for attempt in (1, 2):
            try:
                if self._file is None:
                    self._file = HistoryFile(self._path)
                result = act(self._file)
            except (sqlite3.Error, OSError, OverflowError, ValueError, NewerFile) as error:
                self._drop_file()
                if attempt == 2 or not set_aside(self._path, error, self._clock.wall(), 'the history'):
                    self._say_trouble(f'The history cannot be kept: {error}.')
                    break
            else:
                self._say_recovered()
                return result
        return nothing

    def _drop_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _say_trouble(self, text: str) -> None:
        if self.trouble is None:
            log.warning('%s (%s)', text, self._path or 'in memory')
        self.trouble = text

    def _say_recovered(self) -> None:
        if self.trouble is not None:
            log.info('the history is kept again')
        self.trouble = None
