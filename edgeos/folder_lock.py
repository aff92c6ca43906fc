"""One program per data folder: two would overwrite each other's settings and history."""
import os
import time
from pathlib import Path
from typing import IO, NamedTuple

PATIENCE = 0.05  # s; somebody who only looks whether it is held holds it for a moment, too


class FolderInUse(OSError):
    """Raised when another program holds the folder."""


class Holder(NamedTuple):
    """Who holds a folder: `url` is where its pages are, '' without any; `screen` shows them there, or is `none`.

    Both are '' until it has said so.
    """

    pid: str
    url: str
    screen: str


def lock_folder(folder: Path, name: str = 'lock') -> IO[str]:
    """Holds the folder until the file that is answered is closed, or the program ends however it ends."""
    lock = (folder / name).open('a+')
    if not _take(lock):
        time.sleep(PATIENCE)
        if not _take(lock):
            holder = _read(lock).pid
            lock.close()
            raise FolderInUse(f'{folder}: expected a data folder of its own, but process {holder} uses it')
    lock.seek(0)
    lock.truncate(0)
    lock.write(f'{os.getpid()}\n')
    lock.flush()
    return lock


def introduce(lock: IO[str], url: str, screen: str) -> None:
    """Tell whoever finds the folder held where the pages are ('' without any), and what shows them ('' if nothing)."""
    lock.write(f'{url}\n{screen or "none"}\n')
    lock.flush()


def holder_of(folder: Path) -> Holder | None:
    """Who holds it now; None when nobody does, or nobody that may be known."""
    try:
        lock = (folder / 'lock').open('r+')
    except OSError:
        return None
    with lock:
        return None if _take(lock) else _read(lock)


def _take(lock: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(lock: IO[str]) -> Holder:
    lock.seek(0)
    pid, url, screen = (*lock.read(2000).split('\n'), '', '', '')[:3]
    return Holder(pid, url, screen)
