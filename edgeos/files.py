"""Files that must survive a power cut: readers find the old content or the new one, never a mixture."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger('edgeos.files')

LEFTOVER_AGE = 60.0  # s; no writer takes that long, so an older temporary file lost its writer


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replaces the file in one step that is on the disk when this returns.

    A symbolic link is written through. An existing file keeps its mode and, where the system allows, its owner;
    `mode` (reduced by the umask) is for a new one. Blocks while the disk works: call it in a thread.
    Raises OSError and leaves the old file as it was.
    """
    target = Path(os.path.realpath(path))
    existing = _status(target)
    temporary = target.with_name(f'.{target.name}.{os.urandom(6).hex()}.tmp')
    # secret content must not be readable by others even for a moment, hence 0600 until fchmod
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode if existing is None else 0o600)
    try:
        _fill(descriptor, data, existing, target)
        os.replace(temporary, target)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # already renamed unless something failed
    _sync_folder(target.parent)


def kept_secret(path: Path, make: Callable[[], bytes]) -> bytes:
    """What `make` has made once for this file (0600). Whoever makes it at the same moment gets the same.

    A file of another length than `make` makes is damaged, and made anew. Blocks. Raises OSError.
    """
    new = make()
    with contextlib.suppress(FileNotFoundError):
        kept = path.read_bytes()
        if len(kept) == len(new):
            return kept
        log.warning('%s is damaged and made anew', path)
        write_atomically(path, new, 0o600)
        return path.read_bytes()
    _write_first(path, new)
    return path.read_bytes()


def _write_first(path: Path, data: bytes) -> None:
    """Of several that do so the first one wins, and the file is never seen half-written."""
    draft = path.with_name(f'.{path.name}.{os.urandom(6).hex()}.tmp')
    try:
        write_atomically(draft, data, 0o600)
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links, where the last one wins; or one that takes nothing
        write_atomically(path, data, 0o600)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _status(target: Path) -> os.stat_result | None:
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, 'is not a regular file', str(target))
    return status


def _fill(descriptor: int, data: bytes, existing: os.stat_result | None, target: Path) -> None:
    try:
        _remove_leftovers(target, os.fstat(descriptor).st_mtime)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if existing is not None:
            _take_over(descriptor, existing)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take_over(descriptor: int, existing: os.stat_result) -> None:
    """Owner first: changing it can clear bits of the mode."""
    if os.name != 'posix':
        return
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, existing.st_uid, existing.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(existing.st_mode))


def _remove_leftovers(target: Path, now: float) -> None:
    """Clears what writers left that died half-way. `now` is the file system's own clock, which may differ from ours."""
    with contextlib.suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            is_temporary = entry.name.startswith(f'.{target.name}.') and entry.name.endswith('.tmp')
            if is_temporary and abs(now - entry.stat(follow_symlinks=False).st_mtime) > LEFTOVER_AGE:
                os.unlink(entry.path)


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself durable. It has happened already, so trouble here is told but is no failure."""
    if os.name != 'posix':
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        log.warning('%s could not be synced to the disk: %s', folder, error.strerror)
