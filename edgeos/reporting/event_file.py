"""The SQLite file behind the event store: its schema, what is written and read, and what becomes of a broken one.

Used by one thread only. The store in memory is the truth, the file its copy for the next start.
"""
from collections.abc import Iterable

from edgeos.database import DamagedFile, Database
from edgeos.reporting.event_row import Row

STEPS = ((
    """CREATE TABLE events (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, level TEXT NOT NULL,
       source TEXT NOT NULL, message TEXT NOT NULL, times INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
       context TEXT NOT NULL, traceback TEXT NOT NULL, acknowledged INTEGER NOT NULL, sent TEXT NOT NULL)""",
),)  # fmt: skip
"""What leads from each schema version to the next; version 0 is an empty file."""

_COLUMNS = 'id, fingerprint, level, source, message, times, first, last, context, traceback, acknowledged, sent'


class EventFile(Database):
    """All methods raise sqlite3.Error."""

    PRAGMAS = ('journal_size_limit = 1048576', 'cache_size = -512')
    STEPS = STEPS

    def write(self, rows: Iterable[Row], dropped: Iterable[int]) -> None:
        """All or nothing."""
        with self._transaction():
            self._db.executemany('DELETE FROM events WHERE id = ?', [(number,) for number in dropped])
            self._db.executemany(f'INSERT OR REPLACE INTO events ({_COLUMNS}) VALUES ({", ".join("?" * 12)})', rows)

    def rows(self, limit: int) -> list[Row]:
        """Newest first. Raises also DamagedFile."""
        query = f'SELECT {_COLUMNS} FROM events ORDER BY last DESC LIMIT ?'
        rows = [Row(*row) for row in self._db.execute(query, (limit,))]
        if not all(row.is_sound for row in rows):
            raise DamagedFile('there are events in it that make no sense')
        return rows

    def purge(self, limit: int) -> None:
        """Keep the newest so many: what was beyond the limit was never read."""
        with self._transaction():
            self._db.execute('DELETE FROM events WHERE id NOT IN (SELECT id FROM events ORDER BY last DESC LIMIT ?)',
                             (limit,))  # fmt: skip
