"""What went wrong and what happened, grouped, for the owner: on this device only.

Everything is in memory and answered at once; one thread writes it to a SQLite file, so that a slow, full or broken disk
costs what a restart would forget, never the app.
"""
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from pathlib import Path
from types import MappingProxyType

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.database import set_aside
from edgeos.reporting.event_file import EventFile
from edgeos.reporting.event_row import LEVELS, NEEDS_ATTENTION, Event, Row, new_row, number_of

__all__ = ['LEVELS', 'Event', 'EventStore']

MOST_EVENTS = 10_000  # groups
MOST_BYTES = 8 * 1024 * 1024  # of their texts, in memory and in the file
NEW_DELAY = 2.0  # s until something new is written
COUNT_DELAY = 300.0  # s until it is written that something happened again: SD cards wear out
RETRY = 30.0  # s until a disk that failed is tried again
AT_ONCE = 200  # rows per transaction; taking them must not hold up who reports
STOP_SECONDS = 1.0

NOT_KEPT = 'Events are not kept over a restart: the disk is full or cannot be written.'

log = logging.getLogger(__name__)


class EventStore:
    """From any thread, and nothing waits for the disk, except `stop`, for a second at most.

    Without a path it lives in memory only. `changes` grows with every change, `trouble` says in one sentence why
    nothing is kept at present. Delays are real seconds, whatever the clock.
    """

    def __init__(self, path: Path | None, clock: Clock = SYSTEM_CLOCK, *, new_delay: float = NEW_DELAY,
                 count_delay: float = COUNT_DELAY, retry: float = RETRY) -> None:  # fmt: skip
        self.trouble: str | None = None
        self.changes = 0
        self._path = path
        self._clock = clock
        self._new_delay, self._count_delay, self._retry = new_delay, count_delay, retry
        # one that may be entered again: a collected object may report while this thread is in here
        self._wake = threading.Condition(threading.RLock())
        self._rows: OrderedDict[int, Row] = OrderedDict()  # least recent first
        self._minor: OrderedDict[int, None] = OrderedDict()  # those that are no errors, in the same order
        self._bytes = 0
        self._unseen: set[int] = set()
        self._unwritten: dict[int, None] = {}
        self._dropped: set[int] = set()
        self._marks: dict[int, str] = {}  # of what is not read yet
        self._due = inf  # real monotonic s
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._loaded = False
        self._file: EventFile | None = None  # the thread's

    # life

    def start(self) -> None:
        """Begin to read what was and to write what comes, in a thread."""
        if self._thread is None:
            self._stopping = False
            with self._wake:
                self._due = 0.0
            self._thread = threading.Thread(target=self._work, name='events', daemon=True)
            self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Write what waits and end, or give up: the thread cannot hold up the end of the process."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._wake:
            self._stopping = True
            self._wake.notify()
        thread.join(seconds)
        if thread.is_alive():
            log.warning('the events could not be written within %s s; the newest may be lost', seconds)

    # in

    def add(self, level: str, source: str, message: str, fingerprint: str, *, traceback: str = '', sent: str = '',
            context: Mapping[str, object] = MappingProxyType({})) -> int:  # fmt: skip
        """The id of its group, which stays the same over restarts. What was acknowledged needs attention again."""
        row = new_row(level, source, message, fingerprint, self._clock.wall(), context, traceback, sent)
        with self._wake:
            known = self._rows.get(row.id)
            if known is not None:
                row = row._replace(times=known.times + 1, first=known.first, traceback=row.traceback or known.traceback,
                                   sent=sent or known.sent)  # fmt: skip
            self._put(row, self._new_delay if known is None or known.acknowledged else self._count_delay)
        return row.id

    def repeat(self, fingerprint: str, times: int = 1) -> bool:
        """Count more of a known group; costs next to nothing. False when it is not known."""
        with self._wake:
            known = self._rows.get(number_of(fingerprint))
            if known is None:
                return False
            row = known._replace(times=known.times + times, last=self._clock.wall(), acknowledged=0)
            self._put(row, self._new_delay if known.acknowledged else self._count_delay)
            return True

    def acknowledge(self, ids: Iterable[int] | None = None) -> None:
        """Somebody has seen them; without ids, all."""
        with self._wake:
            for number in tuple(self._rows) if ids is None else ids:
                row = self._rows.get(number)
                if row is not None and not row.acknowledged:
                    self._rows[number] = row._replace(acknowledged=1)
                    self._unseen.discard(number)
                    self._changed(number, self._new_delay)

    def mark(self, fingerprint: str, sent: str) -> None:
        """What became of it: 'waiting' to be sent or 'sent'."""
        with self._wake:
            row = self._rows.get(number_of(fingerprint))
            if row is None and not self._loaded:
                self._marks[number_of(fingerprint)] = sent
            elif row is not None and row.sent != sent:
                self._rows[row.id] = row._replace(sent=sent)
                self._changed(row.id, self._count_delay)

    def _put(self, row: Row, delay: float) -> None:
        """As the most recent."""
        self._set(row, last=True)
        self._changed(row.id, delay)
        self._trim()

    def _set(self, row: Row, *, last: bool) -> None:
        old = self._rows.get(row.id)
        self._bytes += row.size - (old.size if old else 0)
        self._rows[row.id] = row
        self._rows.move_to_end(row.id, last)
        if row.level in NEEDS_ATTENTION:
            self._minor.pop(row.id, None)
        else:
            self._minor[row.id] = None
            self._minor.move_to_end(row.id, last)
        if row.is_unseen:
            self._unseen.add(row.id)
        else:
            self._unseen.discard(row.id)  # one group can hold events of several levels

    def _changed(self, number: int, delay: float) -> None:
        self._dropped.discard(number)
        self._unwritten[number] = None
        self.changes += 1
        due = time.monotonic() + delay
        if due < self._due:
            self._due = due
            self._wake.notify()

    def _trim(self) -> None:
        """The oldest go first, and errors last; but never the newest of all."""
        while len(self._rows) > MOST_EVENTS or (self._bytes > MOST_BYTES and len(self._rows) > 1):
            number = next(iter(self._minor), None)
            if number is None or number == next(reversed(self._rows)):
                number = next(iter(self._rows))
            self._bytes -= self._rows.pop(number).size
            self._minor.pop(number, None)
            self._unseen.discard(number)
            self._unwritten.pop(number, None)
            self._dropped.add(number)

    # out

    @property
    def unseen(self) -> int:
        """Groups of errors that are new, or happened again since they were acknowledged."""
        return len(self._unseen)

    def __len__(self) -> int:
        return len(self._rows)

    def query(self, level: str = '', source: str = '', text: str = '', limit: int = 200, *,
              only: bool = False, unseen: bool = False) -> list[Event]:  # fmt: skip
        """Newest first; of that level and above (or of that level only), of that source, with that text in its
        message, source or context; `unseen`: only what needs attention.
        """
        levels = LEVELS[LEVELS.index(level):] if level in LEVELS else LEVELS
        if only and level:
            levels = (level,)
        wanted = text.casefold()
        with self._wake:
            rows = list(self._rows.values())
        found: list[Event] = []
        for row in reversed(rows):
            if len(found) >= limit:
                break
            if (row.level in levels and source in ('', row.source) and (row.is_unseen or not unseen)
                    and (not wanted or row.has(wanted))):  # fmt: skip
                found.append(row.event())
        return found

    def get(self, number: int) -> Event | None:
        """One of them by its id."""
        row = self._rows.get(number)
        return None if row is None else row.event()

    def sources(self) -> list[str]:
        """All there are, sorted."""
        with self._wake:
            rows = list(self._rows.values())
        return sorted({row.source for row in rows})

    # the thread

    def _work(self) -> None:
        stopping = False
        while not stopping:
            with self._wake:
                while not self._stopping and time.monotonic() < self._due:
                    self._wake.wait(None if self._due == inf else max(0.0, self._due - time.monotonic()))
                stopping, self._due = self._stopping, inf
            if not self._flush():
                with self._wake:
                    self._due = time.monotonic() + self._retry
        self._drop_file()

    def _flush(self, *, again: bool = True) -> bool:
        """Whether all is on the disk now. In place of a broken file a new one is tried, once."""
        try:
            self._load()
            for batch in self._batches():
                self._write(*batch)
        except Exception as error:  # whatever it is: the thread goes on and says so
            self._drop_file()
            if again and self._set_aside(error):
                return self._flush(again=False)
            self._say_trouble(error)
            return False
        if self.trouble is not None:
            log.info('events are kept again')
            self.trouble = None
        return True

    def _load(self) -> None:
        if self._file is None:
            self._file = EventFile(self._path)
        if not self._loaded:
            rows = self._file.rows(MOST_EVENTS)
            for start in range(0, len(rows), AT_ONCE):
                with self._wake:
                    for row in rows[start:start + AT_ONCE]:
                        self._join(row)
                    self.changes += 1
            with self._wake:
                self._loaded = True  # before anything can fail: what is read twice is counted twice
                self._marks = {}
            self._file.purge(MOST_EVENTS)

    def _join(self, row: Row) -> None:
        """What an earlier life has left is older than all there is."""
        known = self._rows.get(row.id)
        if known is not None:
            self._rows[row.id] = known._replace(times=known.times + row.times, first=min(known.first, row.first))
            return
        if row.id in self._marks:
            row = row._replace(sent=self._marks.pop(row.id))
            self._unwritten[row.id] = None
        self._set(row, last=False)
        self._trim()

    def _batches(self) -> Iterator[tuple[list[Row], set[int]]]:
        while True:
            with self._wake:
                numbers = [number for number, _ in zip(tuple(self._unwritten), range(AT_ONCE), strict=False)]
                dropped, self._dropped = self._dropped, set()
                for number in numbers:
                    del self._unwritten[number]
                rows = [self._rows[number] for number in numbers]
            if not rows and not dropped:
                return
            yield rows, dropped

    def _write(self, rows: list[Row], dropped: set[int]) -> None:
        assert self._file is not None
        try:
            self._file.write(rows, dropped)
        except BaseException:
            with self._wake:
                self._unwritten.update({row.id: None for row in rows if row.id in self._rows})
                self._dropped |= {number for number in dropped if number not in self._rows}
            raise

    def _set_aside(self, error: Exception) -> bool:
        """A new file begins, with all that is in memory."""
        if not set_aside(self._path, error, self._clock.wall(), 'the events'):
            return False
        with self._wake:
            self._unwritten = dict.fromkeys(self._rows)
            self._dropped = set()
        return True

    def _drop_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _say_trouble(self, error: Exception) -> None:
        if self.trouble is None:
            log.warning('%s (%s: %s)', NOT_KEPT, self._path or 'in memory', error)
        self.trouble = NOT_KEPT
