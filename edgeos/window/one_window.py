"""One window for each data folder: whoever shows it is asked to bring it forward, instead of opening a second one.

A lock says who shows it, a socket is where that one is asked; both belong to the owner of the folder only. What a
program that was killed has left of them is no hindrance. Where there are no such sockets (Windows) nobody is asked.
"""
import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from edgeos.folder_lock import FolderInUse, lock_folder

LOCK, SOCKET = 'window.lock', 'window.sock'
FORWARD, YES, NO = b'forward\n', b'yes\n', b'no\n'
ANSWER_LIMIT = 3.0  # s


class OneWindow:
    """The right to show the window of a folder, and the ear for those that come later."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._lock: IO[str] | None = None
        self._server: asyncio.Server | None = None
        self._held = contextlib.ExitStack()

    def take(self) -> bool:
        """Whether it is ours now. Raises OSError when the folder cannot be written."""
        if self._lock is None:
            try:
                self._lock = lock_folder(self._data, LOCK)
            except FolderInUse:
                return False
        return True

    async def listen(self, bring_forward: Callable[[], bool]) -> None:
        """From now on others can ask; the handler answers whether there is a window to bring forward."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, TimeoutError, ValueError):
                async with asyncio.timeout(ANSWER_LIMIT):
                    is_asked = await reader.readline() == FORWARD
                writer.write(YES if is_asked and bring_forward() else NO)
                await writer.drain()
            writer.close()

        if hasattr(socket, 'AF_UNIX'):
            path = self._held.enter_context(_near(self._data))
            sock = await asyncio.to_thread(_listening, self._data, path)
            self._server = await asyncio.start_unix_server(answer, sock=sock, limit=100)

    def close(self) -> None:
        """Somebody else may show it."""
        if self._server is not None:
            self._server.close()
            self._server = None
            with contextlib.suppress(OSError):
                (self._data / SOCKET).unlink()
        self._held.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def bring_forward(data: Path) -> bool:
    """Ask whoever shows the window of this folder to bring it forward; whether that was done. Takes up to 3 s."""
    if not hasattr(socket, 'AF_UNIX'):
        return False
    try:
        with socket.socket(socket.AF_UNIX) as sock, _near(data) as path:
            sock.settimeout(ANSWER_LIMIT)
            sock.connect(path)
            sock.sendall(FORWARD)
            return sock.recv(10) == YES
    except OSError:
        return False


def _listening(data: Path, path: str) -> socket.socket:
    """What a program left there that was killed goes: whoever holds the lock is the only one who may listen."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        with contextlib.suppress(OSError):
            os.fchmod(sock.fileno(), 0o600)  # Linux: never anybody else's, not even for a moment
        (data / SOCKET).unlink(missing_ok=True)
        sock.bind(path)
        os.chmod(data / SOCKET, 0o600)
        sock.listen(8)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def _near(data: Path) -> Iterator[str]:
    """The socket's path, short enough: the system takes no more than a hundred bytes, and folders can be deep."""
    if sys.platform != 'linux':
        yield str(data / SOCKET)
        return
    folder = os.open(data, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f'/proc/self/fd/{folder}/{SOCKET}'
    finally:
        os.close(folder)
