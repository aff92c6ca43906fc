"""A SQLite file that survives: its schema is upgraded with a copy of the old, and a broken one is set aside.

Used by one thread only. Whoever holds one closes it after any error and makes it anew.
"""
import logging
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

KEPT_ASIDE = 3  # broken files; a dying SD card must not fill itself with them

log = logging.getLogger(__name__)

Steps = Sequence[Sequence[str]]  # what leads from each schema version to the next; version 0 is an empty file


class NewerFile(Exception):
    """Raised when a later version of the app has written the file."""


class DamagedFile(Exception):
    """Raised when there is something in the file that nobody has written."""


class Database:
    """Subclasses say their pragmas and steps, and what is asked and written. All methods raise sqlite3.Error."""

    PRAGMAS: ClassVar[tuple[str, ...]] = ()
    STEPS: ClassVar[Steps] = ()

    def __init__(self, path: Path | None, steps: Steps | None = None) -> None:
        """Open or make the file, upgraded; without a path it lives in memory. Raises also OSError and NewerFile."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)  # what the app saw is nobody else's business
        self._db = sqlite3.connect(path or ':memory:', timeout=1.0, isolation_level=None)
        try:
            for pragma in ('journal_mode = WAL', 'synchronous = NORMAL', 'temp_store = MEMORY', *self.PRAGMAS):
                self._db.execute(f'PRAGMA {pragma}').fetchall()
            self._upgrade(path, self.STEPS if steps is None else steps)
            self._begin()
        except BaseException:
            self._db.close()
            raise

    def _begin(self) -> None:
        """Read what is kept in memory beside the file."""

    def _upgrade(self, path: Path | None, steps: Steps) -> None:
        version = int(self._db.execute('PRAGMA user_version').fetchone()[0])
        if version > len(steps):
            raise NewerFile(f'its schema is version {version}, this app knows {len(steps)}')
        if path is not None and 0 < version < len(steps):
            copy = path.with_name(f'{path.name}.version-{version}')
            copy.unlink(missing_ok=True)
            self._db.execute('VACUUM INTO ?', (str(copy),))
        for step in range(version, len(steps)):
            with self._transaction():
                for statement in steps[step]:
                    self._db.execute(statement)
                self._db.execute(f'PRAGMA user_version = {step + 1}')

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute('BEGIN IMMEDIATE')
        with self._db:
            yield

    def close(self) -> None:
        """Never raises: what was committed is safe whatever happens here."""
        try:
            self._db.close()
        except sqlite3.Error:
            pass


def is_broken(error: Exception) -> bool:
    """Whether the file itself is at fault, not the disk or what was asked."""
    code = getattr(error, 'sqlite_errorcode', 0) & 0xFF
    return isinstance(error, DamagedFile) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def set_aside(path: Path | None, error: Exception, now: float, what: str) -> bool:
    """Whether it was a broken or newer file, which has another name now: a new one can be made.

    `now` is epoch s; `what` is in it, for the log.
    """
    if path is None or not (is_broken(error) or isinstance(error, NewerFile)):
        return False
    try:
        target = _rename(path, 'broken' if is_broken(error) else 'newer', now)
    except OSError as obstacle:
        log.warning('%s %s cannot be used (%s) nor be renamed: %s', what, path, error, obstacle)
        return False
    log.warning('%s %s cannot be used (%s); it is now %s, and a new one begins', what, path, error, target.name)
    return True


def _rename(path: Path, mark: str, now: float) -> Path:
    target = path.with_name(f'{path.name}.{mark}-{time.strftime("%Y%m%dT%H%M%S", time.localtime(now))}')
    path.rename(target)
    wal, index = (path.with_name(path.name + suffix) for suffix in ('-wal', '-shm'))
    index.unlink(missing_ok=True)
    if wal.exists():
        wal.rename(f'{target}-wal')
    aside = sorted(file for file in path.parent.glob(f'{path.name}.{mark}-*') if not file.name.endswith('-wal'))
    for old in aside[:-KEPT_ASIDE]:
        old.unlink()
        old.with_name(old.name + '-wal').unlink(missing_ok=True)
    return target
