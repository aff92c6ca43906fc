"""Events that wait to be sent: one file each, so that they survive a restart, a kill and a power cut.

Used by two threads: one adds, one takes. On a disk that cannot be written they wait in memory.
"""
import json
import logging
import re
import threading
from collections import OrderedDict
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

    def __init__(self, folder: Path, *, most: int = MOST_EVENTS, most_bytes: int = MOST_BYTES) -> None:
        self.trouble: str | None = None
        self.dropped = 0
        self._folder = folder
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.RLock()
        self._waiting: OrderedDict[int, Waiting] = OrderedDict()
        self._memory: dict[int, bytes] = {}  # of those that are not on the disk
        self._bytes = 0
        self._next = 1

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def load(self) -> None:
        """Take over what an earlier life has left; trouble with it is a warning."""
        try:
            names = sorted(path.name for path in self._folder.iterdir()) if self._folder.is_dir() else []
        except OSError as error:
            log.warning('%s: the reports that wait there cannot be read: %s', self._folder, error.strerror)
            return
        with self._lock:
            for name in names:
                match = _NAME.fullmatch(name)
                if match:
                    self._put(Waiting(int(match[1]), match[2], match[3], _size(self._folder / name)))
                elif name.endswith('.tmp'):
                    _unlink(self._folder / name)  # its writer was killed
            self._trim()

    def add(self, fingerprint: str, event_id: str, event: bytes) -> list[Waiting]:
        """Keep an event (JSON); answers what was dropped for it. Blocks while the disk works."""
        with self._lock:
            waiting = Waiting(self._next, fingerprint, event_id, len(event))
            self._put(waiting)
            self._memory[waiting.number] = event
        self.store()
        with self._lock:
            return self._trim()

    def store(self) -> None:
        """Write what is only in memory, if the disk takes it now."""
        for number, event in list(self._memory.items()):
            waiting = self._waiting.get(number)
            if waiting is None:
                continue
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_atomically(self._folder / waiting.name, event, 0o600)
            except OSError as error:
                self._say_trouble(error)
                return
            with self._lock:
                self._memory.pop(number, None)
                if number not in self._waiting:  # sent meanwhile
                    _unlink(self._folder / waiting.name)
        if self.trouble is not None:
            log.info('reports that wait are kept on the disk again')
            self.trouble = None

    def oldest(self) -> tuple[Waiting, bytes] | None:
        """The next to be sent. What cannot be read, or is no event, is dropped. Blocks while the disk works."""
        while True:
            with self._lock:
                waiting = next(iter(self._waiting.values()), None)
            if waiting is None:
                return None
            event = self._read(waiting)
            if event is not None:
                return waiting, event
            self.remove(waiting)
            self.dropped += 1
            log.warning('%s: a report that waited is damaged and was dropped', self._folder / waiting.name)

    def newest(self) -> bytes | None:
        """The event that was added last, if it still waits."""
        with self._lock:
            waiting = next(reversed(self._waiting.values()), None)
        return None if waiting is None else self._read(waiting)

    def _read(self, waiting: Waiting) -> bytes | None:
        event = self._memory.get(waiting.number)
        if event is not None:
            return event
        try:
            event = (self._folder / waiting.name).read_bytes()
            return event if json.loads(event)['event_id'] == waiting.event_id else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remove(self, waiting: Waiting) -> None:
        """It was sent. Where its file cannot be removed it will be sent once more after a restart."""
        with self._lock:
            if self._waiting.pop(waiting.number, None) is None:
                return
            self._bytes -= waiting.size
            in_memory = self._memory.pop(waiting.number, None) is not None
        if not in_memory:
            _unlink(self._folder / waiting.name)

    def clear(self) -> list[Waiting]:
        """Drop all that waits, and answer what that was: the owner wants nothing to leave."""
        with self._lock:
            waiting = list(self._waiting.values())
        for each in waiting:
            self.remove(each)
        return waiting

    def _put(self, waiting: Waiting) -> None:
        self._waiting[waiting.number] = waiting
        self._bytes += waiting.size
        self._next = max(self._next, waiting.number + 1)

    def _trim(self) -> list[Waiting]:
        dropped = []
        while self._waiting and (len(self._waiting) > self._most or self._bytes > self._most_bytes):
            dropped.append(next(iter(self._waiting.values())))
            self.remove(dropped[-1])
        while len(self._memory) > MOST_IN_MEMORY or sum(map(len, self._memory.values())) > MEMORY_BYTES:
            dropped.append(self._waiting[next(iter(self._memory))])
            self.remove(dropped[-1])
        self.dropped += len(dropped)
        return dropped

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
