"""One program per data folder: two would overwrite each other's settings and history."""
import os
from pathlib import Path
from typing import IO


class FolderInUse(OSError):
    """Raised when another program holds the folder."""


def lock_folder(folder: Path) -> IO[str]:
    """Holds the folder until the file that is answered is closed, or the program ends however it ends."""
    lock = (folder / 'lock').open('a+')
    try:
        import fcntl
    except ImportError:  # Windows
        return lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read(20).strip()
        lock.close()
        raise FolderInUse(f'{folder}: expected a data folder of its own, but process {holder} uses it') from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
