"""Where plugins are kept, and how folders come and go so that a power cut leaves no half one behind.

All of it blocks while the disk works: for threads.
"""

import contextlib
import ctypes
import errno
import os
import re
import shutil
import stat
import uuid
from pathlib import Path
from typing import BinaryIO

from edgeos.plugins.errors import BadText
from edgeos.plugins.manifest import RESERVED
from edgeos.plugins.phrase import Phrase

PLUGIN_ID = re.compile(r'[a-z][a-z0-9-]{1,62}')
MARK = 'uninstall'
VERSION = re.compile(r'[0-9][0-9A-Za-z.+-]{0,63}')


class Folders:
    """The tree below data/plugins. Ids and versions are checked here once more, because folders are removed by them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root / 'work'  # nothing in it outlives a start, except the marks of unfinished uninstalls
        self.cache = root / 'cache'
        self.state = root / 'state.json'
        self.audit = root / 'audit.log'

    def prepare(self) -> None:
        """Raises OSError."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o755)  # plugins may run under another user and start from in here
        for folder in (self.work, self.cache):
            folder.mkdir(mode=0o700, exist_ok=True)

    def plugin(self, plugin_id: str) -> Path:
        """Raises BadText for what is no id."""
        if not PLUGIN_ID.fullmatch(plugin_id) or plugin_id in RESERVED:
            raise BadText(Phrase('{id} cannot be the id of a plugin', id=repr(plugin_id[:80])))
        return self.root / plugin_id

    def version(self, plugin_id: str, version: str) -> Path:
        """Raises BadText for what is no id or version."""
        if not VERSION.fullmatch(version):
            raise BadText(Phrase('{version} cannot be the version of a plugin', version=repr(version[:80])))
        return self.plugin(plugin_id) / version

    def data(self, plugin_id: str) -> Path:
        """The working folder of the plugin, kept over updates."""
        return self.plugin(plugin_id) / 'data'

    def storage(self, plugin_id: str) -> Path:
        """The file of what the plugin keeps through the API."""
        return self.root / 'storage' / f'{self.plugin(plugin_id).name}.json'

    def new_work(self, purpose: str) -> Path:
        """A name in the work folder that nobody else uses."""
        return self.work / f'{purpose}-{uuid.uuid4().hex}'

    def mark(self, plugin_id: str, data: str) -> Path:
        """Where the current version goes when its uninstall is decided and not finished; `data` is keep or drop."""
        return self.work / f'{MARK}-{data}+{plugin_id}'

    def marks(self, plugin_id: str = '*') -> list[Path]:
        """The uninstalls that are not finished."""
        return list(self.work.glob(f'{MARK}-*+{plugin_id}'))

    def remove_if_empty(self, plugin_id: str) -> None:
        """Remove the plugin's folder when neither versions nor data are in it."""
        data = self.data(plugin_id)
        for folder in (data / 'tmp', data, data.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def discard(self, path: Path) -> None:
        """Removes a file or folder: in one step from its place, then from the disk. What is not there is fine."""
        doomed = self.new_work('trash')
        try:
            os.rename(path, doomed)
        except FileNotFoundError:
            return
        remove(doomed)


def remove(path: Path) -> None:
    """Removes a file or folder, also one whose folders its plugin has closed. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        for folder, names, _files in os.walk(path):
            os.chmod(folder, 0o700)
            for name in names:
                if not os.path.islink(inner := os.path.join(folder, name)):
                    os.chmod(inner, 0o700)
        shutil.rmtree(path)


def open_file(path: Path) -> BinaryIO:
    """A file of the owner's, to read. Raises OSError, also for what is none: a pipe may be waited for without end, a
    device may do something when it is opened.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise _no_file(path)
    flags = (getattr(os, name, 0) for name in ('O_NONBLOCK', 'O_NOCTTY', 'O_CLOEXEC', 'O_BINARY'))
    file = os.fdopen(os.open(path, os.O_RDONLY | sum(flags)), 'rb')
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # it may have become another since
        return file
    file.close()
    raise _no_file(path)


def _no_file(path: Path) -> OSError:
    return OSError(errno.EINVAL, 'is not a file', str(path))


def make_readable(folder: Path) -> None:
    """Code may be read by the plugin's user and changed by nobody else, whatever umask and archive said."""
    for parent, names, files in os.walk(folder):
        os.chmod(parent, 0o755)
        for path in (os.path.join(parent, name) for name in (*names, *files)):
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode):
                os.chmod(path, 0o755 if mode & stat.S_IXUSR else 0o644)


def sync(folder: Path) -> None:
    """Everything written so far is on the disk before this returns."""
    if os.name != 'posix':
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None).syncfs(descriptor) != 0:
            os.sync()
    except AttributeError:  # not Linux
        os.sync()
    finally:
        os.close(descriptor)
