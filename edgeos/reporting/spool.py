"""Events that wait to be sent: one file each, so that they survive a restart, a kill and a power cut.

Used by two threads: one adds, one takes. On a disk that cannot be written they wait in memory.
"""
import json
import logging
import re
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeos.files import write_atomically

MOST_EVENTS = 200
MOST_BYTES = 10 * 1024 * 1024
MOST_IN_MEMORY, MEMORY_BYTES = 20, 1024 * 1024  # while the disk is full

NOT_STORED = 'Reports that wait are not kept over a restart: the disk is full or cannot be written.'

_NAME = re.compile(r'([0-9]{12})-([0-9a-f]{16})-([0-9a-f]{32})\.json')

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One event; `number` grows, and is the order."""

    number: int
    fingerprint: str
    event_id: str
    size: int  # bytes

    @property
    def name(self) -> str:
        return f'{self.number:012d}-{self.fingerprint}-{self.event_id}.json'


class Spool:
    """At most 200 events and 10 MB; the oldest are dropped and counted. `trouble` says why they are only in memory."""

    def __init__(self, folder: Path, on_dropped: Callable[[Waiting], None], *, most: int = MOST_EVENTS,
                 most_bytes: int = MOST_BYTES) -> None:  # fmt: skip
        """`on_dropped` hears of each event that will never be sent, from the thread that drops it."""
        self.trouble: str | None = None
        self.dropped = 0
        self._folder = folder
        self._on_dropped = on_dropped
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.RLock()
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()  # by the name of the file
        self._memory: dict[str, bytes] = {}  # of those that are not on the disk
        self._bytes = 0
        self._next = 1

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def load(self) -> None:
        """Take over what an earlier life has left, once; trouble with it is a warning."""
        try:
            names = sorted(path.name for path in self._folder.iterdir()) if self._folder.is_dir() else []
        except OSError as error:
            log.warning('%s: the reports that wait there cannot be read: %s', self._folder, error.strerror)
            return
        with self._lock:
            for name in names:
                match = _NAME.fullmatch(name)
                if not _is_plain(self._folder / name):  # nothing of ours: reading it could last for ever
                    log.warning('%s: no report, left alone', self._folder / name)
                elif match:
                    self._put(Waiting(int(match[1]), match[2], match[3], _size(self._folder / name)))
                elif name.endswith('.tmp'):
                    _unlink(self._folder / name)  # its writer was killed
            self._trim()

    def add(self, fingerprint: str, event_id: str, event: bytes) -> None:
        """Keep an event (JSON). Blocks while the disk works."""
        with self._lock:
            waiting = Waiting(self._next, fingerprint, event_id, len(event))
            self._put(waiting)
            self._memory[waiting.name] = event
        self._store()
        with self._lock:
            self._trim()

    def _store(self) -> None:
        """Write what is only in memory, if the disk takes it now."""
        for name, event in list(self._memory.items()):
            if name not in self._waiting:
                continue
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_atomically(self._folder / name, event, 0o600)
            except OSError as error:
                self._say_trouble(error)
                return
            with self._lock:
                self._memory.pop(name, None)
                if name not in self._waiting:  # sent meanwhile
                    _unlink(self._folder / name)
        if self.trouble is not None:
            log.info('reports that wait are kept on the disk again')
            self.trouble = None

    def oldest(self) -> tuple[Waiting, bytes] | None:
        """The next to be sent. What is no event any more is dropped. Blocks while the disk works. Raises OSError."""
        while True:
            with self._lock:
                waiting = next(iter(self._waiting.values()), None)
            if waiting is None:
                return None
            event = self._read(waiting)
            if event is not None:
                return waiting, event
            if waiting.name in self._waiting:
                log.warning('%s: a report that waited is damaged and was dropped', self._folder / waiting.name)
                self.drop(waiting)

    def newest(self) -> bytes | None:
        """The event that was added last, if it still waits and can be read."""
        with self._lock:
            waiting = next(reversed(self._waiting.values()), None)
        try:
            return None if waiting is None else self._read(waiting)
        except OSError:
            return None

    def _read(self, waiting: Waiting) -> bytes | None:
        event = self._memory.get(waiting.name)
        if event is not None:
            return event
        try:
            event = (self._folder / waiting.name).read_bytes()
            return event if json.loads(event)['event_id'] == waiting.event_id else None
        except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def remove(self, waiting: Waiting) -> bool:
        """It was sent. Where its file cannot be removed it will be sent once more after a restart. False if it is
        gone already.
        """
        with self._lock:
            if self._waiting.pop(waiting.name, None) is None:
                return False
            self._bytes -= waiting.size
            in_memory = self._memory.pop(waiting.name, None) is not None
        if not in_memory:
            _unlink(self._folder / waiting.name)
        return True

    def drop(self, waiting: Waiting) -> None:
        """It will never be sent, which is counted."""
        self.dropped += 1
        if self.remove(waiting):
            self._on_dropped(waiting)

    def clear(self) -> None:
        """Drop all that waits, uncounted: the owner wants nothing to leave."""
        for each in list(self._waiting.values()):
            if self.remove(each):
                self._on_dropped(each)

    def _put(self, waiting: Waiting) -> None:
        self._waiting[waiting.name] = waiting
        self._bytes += waiting.size
        self._next = max(self._next, waiting.number + 1)

    def _trim(self) -> None:
        while self._waiting and (len(self._waiting) > self._most or self._bytes > self._most_bytes):
            self.drop(next(iter(self._waiting.values())))
        while len(self._memory) > MOST_IN_MEMORY or sum(map(len, self._memory.values())) > MEMORY_BYTES:
            self.drop(self._waiting[next(iter(self._memory))])

    def _say_trouble(self, error: OSError) -> None:
        if self.trouble is None:
            log.warning('%s (%s: %s)', NOT_STORED, self._folder, error.strerror)
        self.trouble = NOT_STORED


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning('%s cannot be removed: %s', path, error.strerror)


def _is_plain(path: Path) -> bool:
    """A file, and none that a name only points to."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
