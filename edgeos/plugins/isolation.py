"""What keeps a plugin apart from the app: a user of its own, an empty environment, an app that cannot be looked into.

The plugin's side (dropping the user, Landlock) is shim.py; here is what the app prepares, and what it refuses.
"""

import ctypes
import json
import os
import stat
import sys
import zlib
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeos.plugins.manifest import Manifest
from edgeos.plugins.permissions import Permission, http_ports
from edgeos.plugins.phrase import Phrase

FIRST_UID, LAST_UID = 60706, 61183  # systemd uses none of these, unlike the next ones, and no distribution does
PASSED_ON = ('PATH', 'LANG', 'LC_ALL', 'TZ')
SHIM = Path(__file__).with_name('shim.py')
SDK = Path(__file__).with_name('sdk')

_PR_SET_DUMPABLE = 4
_NEEDED = {'CHOWN': 0, 'KILL': 5, 'SETGID': 6, 'SETUID': 7}  # rights of root, by their bit
_KEEP_DUMPABLE = 'EDGEOS_DEBUG_DUMPABLE'


class NoIsolation(Exception):
    """Raised when a plugin would run with rights that it must not have; the text says why."""


@dataclass(frozen=True, slots=True)
class Folders:
    """`code` is the unpacked version with its `venv`; `data` the plugin's own folder; `storage` a file of the app."""

    code: Path
    data: Path
    storage: Path
    shim: Path = SHIM
    sdk: Path = SDK

    @property
    def python(self) -> Path:
        return self.code / 'venv' / ('Scripts/python.exe' if sys.platform == 'win32' else 'bin/python')


def is_root() -> bool:
    """Whether plugins need users of their own."""
    return hasattr(os, 'geteuid') and os.geteuid() == 0


def hide_app() -> bool:
    """Make the app's memory and environment unreadable for others of its user; once, at the start.

    Not with EDGEOS_DEBUG_DUMPABLE=1, for debuggers. It does not stop root. False where it was not done.
    """
    if sys.platform != 'linux' or os.environ.get(_KEEP_DUMPABLE) == '1':
        return False
    try:
        return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def is_usable(uid: int) -> bool:
    """Whether it may be a plugin's: one of these numbers, and nobody else's. Reads the user database: for a thread."""
    import pwd

    if not FIRST_UID <= uid <= LAST_UID:
        return False
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return True
    return False


def free_uid(taken: Container[int], seed: str = '') -> int:
    """A user number that nobody has. Raises NoIsolation. Reads the user database: for a thread.

    The search begins at a place of the `seed`'s own, so that two apps on one machine, which know nothing of each other,
    do not choose the same: whatever runs under a plugin's number ends with the plugin.
    """
    import pwd

    used = {entry.pw_uid for entry in pwd.getpwall()} | {entry.pw_gid for entry in pwd.getpwall()} | _running_uids()
    count = LAST_UID - FIRST_UID + 1
    begin = zlib.crc32(seed.encode())
    for number in range(count):
        uid = FIRST_UID + (begin + number) % count
        if uid not in used and uid not in taken:
            return uid
    raise NoIsolation(Phrase('all user numbers from {first} to {last} are taken', first=FIRST_UID, last=LAST_UID))


def _running_uids() -> set[int]:
    found = (owner_of(int(name)) for name in os.listdir('/proc') if name.isdigit()) if os.path.isdir('/proc') else ()
    return {uid for uid in found if uid is not None}


def check_user(uid: int | None) -> None:
    """Before each start: as root only under a user of its own. Raises NoIsolation. For a thread."""
    if not is_root():
        return
    if uid is None or not is_usable(uid):
        raise NoIsolation(Phrase('the app runs as root and the plugin has no user of its own'))
    if missing := _missing_rights():
        raise NoIsolation(Phrase('the app runs as root without the right {rights}', rights=', '.join(missing)))
    if not _is_mapped(uid):
        raise NoIsolation(Phrase('the user number {uid} does not exist in this container', uid=uid))


def prepare(folders: Folders, uid: int | None) -> None:
    """Make the data folder, for the plugin alone. Blocks; raises OSError.

    Nothing is made in it here: what a later start makes would belong to the app, and not to the plugin.
    """
    folders.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folders.data.is_symlink() or not folders.data.is_dir():
        raise NotADirectoryError(20, 'is not a folder', str(folders.data))
    if is_root() and uid is not None:
        _give(folders.data, uid)
    folders.data.chmod(0o700)


def argv(folders: Folders) -> list[str]:
    """What is run."""
    return [str(folders.python), '-I', '-S', str(folders.shim)]  # -S: or its packages run before they are confined


def environment(manifest: Manifest, folders: Folders, permissions: list[Permission], uid: int | None, token: str,
                descriptor: int) -> dict[str, str]:  # fmt: skip
    """All that the plugin gets of it: nothing of the app's but language, time zone and path of programs."""
    ports = http_ports(permissions)
    about: Mapping[str, Any] = {
        'id': manifest.id, 'version': manifest.version, 'entry': manifest.entry.module, 'token': token,
        'uid': uid, 'gid': uid, 'folder': str(folders.code), 'data': str(folders.data), 'sdk': str(folders.sdk),
        'http_ports': None if ports is None else sorted(ports),
        'limits': {'max_processes': manifest.resources.max_processes, 'memory_mb': manifest.resources.memory_mb},
        'parent': os.getpid(),
    }  # fmt: skip
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {'PATH': os.defpath, **passed, 'HOME': str(folders.data), 'TMPDIR': str(folders.data / 'tmp'),
            'EDGEOS_RPC_FD': str(descriptor), 'EDGEOS_PLUGIN': json.dumps(about)}  # fmt: skip


def owner_of(pid: int) -> int | None:
    """The user a process runs as; None where that cannot be told."""
    try:
        return os.stat(f'/proc/{pid}').st_uid
    except OSError:
        return None


def _give(folder: Path, uid: int) -> None:
    """All in it becomes the user's: only when it was another's, and never through a link, which may lead anywhere."""
    if folder.stat().st_uid == uid:
        return
    for _path, names, files, descriptor in os.fwalk(folder):
        for name in (*names, *files):
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode) or found.st_nlink == 1:
                os.chown(name, uid, uid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(folder, uid, uid, follow_symlinks=False)  # last: it says that all is done


def _missing_rights() -> list[str]:
    try:
        lines = Path('/proc/self/status').read_text(encoding='ascii').splitlines()
        effective = int(next(line for line in lines if line.startswith('CapEff:')).split()[1], 16)
    except (OSError, StopIteration):
        return []  # no Linux: root can do all
    return [name for name, bit in _NEEDED.items() if not effective >> bit & 1]


def _is_mapped(uid: int) -> bool:
    try:
        rows = [line.split() for line in Path('/proc/self/uid_map').read_text(encoding='ascii').splitlines()]
    except OSError:
        return True
    return any(int(first) <= uid < int(first) + int(count) for first, _outside, count in rows)
