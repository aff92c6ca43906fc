"""The SQLite file behind the history: its schema, what is written and read, and what becomes of a broken one.

Used by one thread only. Rows of one minute lie side by side, whatever their connection: a minute of all connections
costs two or three pages. Reading one connection's week is one step down the tree per minute, however many there are.
"""
from array import array
from collections import deque
from dataclasses import dataclass, field
from math import nan
from typing import NamedTuple

from edgeos.connections.traffic import Sample
from edgeos.database import Database

WEEK = 7 * 86400  # s that minutes are kept
MOST_EVENTS = 2000  # kept of each connection
MOST_PENDING = 20_000  # minutes, and as many events, that wait for a disk that does not answer

STEPS = ((
    'CREATE TABLE connections (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE)',
    """CREATE TABLE minutes (place INTEGER PRIMARY KEY, packets_sent INTEGER, packets_received INTEGER,
       bytes_sent INTEGER, bytes_received INTEGER, errors INTEGER, gap INTEGER)""",
    'CREATE TABLE events (number INTEGER PRIMARY KEY, connection INTEGER, t REAL, kind TEXT, text TEXT)',
    'CREATE TABLE rings (connection INTEGER PRIMARY KEY, data BLOB)',
), (
    """CREATE TABLE vitals (minute INTEGER PRIMARY KEY, cpu REAL, memory REAL, disk REAL, temperature REAL, load REAL,
       lag REAL, cores BLOB)""",
))  # fmt: skip
"""What leads from each schema version to the next; version 0 is an empty file.

The place of a minute is minute * 2**20 + connection: SQLite appends to such a table without rewriting its neighbours.
"""

_ADD_MINUTE = """INSERT INTO minutes VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    packets_sent = packets_sent + excluded.packets_sent,
    packets_received = packets_received + excluded.packets_received,
    bytes_sent = bytes_sent + excluded.bytes_sent, bytes_received = bytes_received + excluded.bytes_received,
    errors = errors + excluded.errors, gap = 1"""  # the same minute twice: a restart, or the clock was set back

_MINUTES = """WITH RECURSIVE wanted (minute) AS (SELECT ? UNION ALL SELECT minute + 1 FROM wanted WHERE minute < ?)
    SELECT minute * 60.0, packets_sent, packets_received, bytes_sent, bytes_received, errors, gap
    FROM wanted CROSS JOIN minutes ON place = (minute << 20) + ?"""

_PURGE_EVENTS = """DELETE FROM events WHERE number IN (SELECT number FROM (SELECT number, row_number() OVER
    (PARTITION BY connection ORDER BY number DESC) AS place FROM events) WHERE place > ?)"""


class LinkEvent(NamedTuple):
    """A connection came, went or failed; `t` in epoch s."""

    t: float
    kind: str
    text: str


class Vital(NamedTuple):
    """How the machine was at `t` (epoch s), or in the minute that began then.

    `cpu`, its `cores`, `memory` and `disk` are in per cent, `temperature` in °C (NaN where nobody measures it), `load`
    is that of one minute, `lag` by how many ms the event loop was late at worst.
    """

    t: float
    cpu: float
    memory: float
    disk: float
    temperature: float
    load: float
    lag: float
    cores: tuple[float, ...]


@dataclass(slots=True)
class Batch:
    """What waits to be written. The forgotten go first: what else is here of them is newer."""

    forgotten: set[str] = field(default_factory=set)
    minutes: deque[tuple[str, Sample]] = field(default_factory=lambda: deque(maxlen=MOST_PENDING))
    events: deque[tuple[str, LinkEvent]] = field(default_factory=lambda: deque(maxlen=MOST_PENDING))
    rings: dict[str, bytes] = field(default_factory=dict)
    vitals: deque[Vital] = field(default_factory=lambda: deque(maxlen=MOST_PENDING))

    @property
    def is_empty(self) -> bool:
        return not (self.forgotten or self.minutes or self.events or self.rings or self.vitals)

    def forget(self, connection_id: str) -> None:
        """Drop what waits of a connection and see to what is written."""
        self.minutes = deque((item for item in self.minutes if item[0] != connection_id), MOST_PENDING)
        self.events = deque((item for item in self.events if item[0] != connection_id), MOST_PENDING)
        self.rings.pop(connection_id, None)
        self.forgotten.add(connection_id)


class HistoryFile(Database):
    """All methods raise sqlite3.Error."""

    PRAGMAS = ('wal_autocheckpoint = 1000', 'journal_size_limit = 4194304', 'secure_delete = FAST',
               'cache_size = -1024')  # fmt: skip
    STEPS = STEPS

    def _begin(self) -> None:
        self._numbers: dict[str, int] = dict(self._db.execute('SELECT id, number FROM connections'))

    # in

    def write(self, batch: Batch) -> None:
        """All or nothing."""
        with self._transaction():
            for connection_id in batch.forgotten:
                self._forget(connection_id)
            minutes = sorted(((int(s.t // 60) << 20) + self._number(i), *s[1:]) for i, s in batch.minutes)
            self._db.executemany(_ADD_MINUTE, minutes)
            self._db.executemany('INSERT INTO events (connection, t, kind, text) VALUES (?, ?, ?, ?)',
                                 [(self._number(i), *event) for i, event in batch.events])  # fmt: skip
            self._db.executemany('INSERT OR REPLACE INTO rings VALUES (?, ?)',
                                 [(self._number(i), blob) for i, blob in batch.rings.items()])  # fmt: skip
            self._db.executemany('INSERT OR REPLACE INTO vitals VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
                                 [(int(vital.t // 60), *vital[1:7], array('f', vital.cores).tobytes())
                                  for vital in batch.vitals])  # fmt: skip

    def _forget(self, connection_id: str) -> None:
        """Its minutes can no longer be told whose they were, and go with their week: they lie on every page."""
        number = self._numbers.pop(connection_id, None)
        self._db.execute('DELETE FROM connections WHERE number = ?', (number,))
        self._db.execute('DELETE FROM rings WHERE connection = ?', (number,))
        self._db.execute('DELETE FROM events WHERE connection = ?', (number,))

    def _number(self, connection_id: str) -> int:
        if connection_id not in self._numbers:
            row = self._db.execute('INSERT INTO connections (id) VALUES (?)', (connection_id,))
            self._numbers[connection_id] = row.lastrowid or 0
        return self._numbers[connection_id]

    def purge(self, now: float) -> None:
        """Drop what is too old or too much; `now` is epoch s."""
        with self._transaction():
            self._db.execute('DELETE FROM minutes WHERE place < ?', (int((now - WEEK) // 60) << 20,))
            self._db.execute('DELETE FROM vitals WHERE minute < ?', (int((now - WEEK) // 60),))
            self._db.execute(_PURGE_EVENTS, (MOST_EVENTS,))

    # out

    def ring(self, connection_id: str) -> bytes | None:
        """As it was last written."""
        query = 'SELECT data FROM rings WHERE connection = ?'
        row = self._db.execute(query, (self._numbers.get(connection_id),)).fetchone()
        return bytes(row[0]) if row else None

    def minutes(self, connection_id: str, since: float, until: float) -> list[Sample]:
        """Those that began in that time (epoch s), oldest first."""
        wanted = (int(-(-since // 60)), int(until // 60), self._numbers.get(connection_id))
        return [Sample(t, a, b, c, d, e, bool(gap)) for t, a, b, c, d, e, gap in self._db.execute(_MINUTES, wanted)]

    def events(self, connection_id: str, limit: int) -> list[LinkEvent]:
        """Newest first."""
        query = 'SELECT t, kind, text FROM events WHERE connection = ? ORDER BY number DESC LIMIT ?'
        return [LinkEvent(*row) for row in self._db.execute(query, (self._numbers.get(connection_id), limit))]

    def vitals(self, since: float, until: float) -> list[Vital]:
        """Those of that time (epoch s), oldest first."""
        query = 'SELECT * FROM vitals WHERE minute BETWEEN ? AND ? ORDER BY minute'
        return [_vital(*row) for row in self._db.execute(query, (int(-(-since // 60)), int(until // 60)))]


def _vital(minute: int, cpu: float, memory: float, disk: float, temperature: float | None, load: float, lag: float,
           cores: bytes) -> Vital:  # fmt: skip
    """NaN is NULL in SQLite."""
    return Vital(minute * 60.0, cpu, memory, disk, nan if temperature is None else temperature, load, lag,
                 tuple(array('f', cores)))  # fmt: skip
