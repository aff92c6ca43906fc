"""What a plugin keeps: names and values in one file, written a while after a change and never half."""

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

import orjson

from edgeos.files import write_atomically

MOST_BYTES = 960 * 1024  # so that all of it and the configuration fit into one message of 1 MiB
MOST_KEY = 256
DELAY = 1.0  # s from a change to the disk
BYTES_PER_SECOND = 50_000  # on average at most: it may be an SD card

_ENTRY = 16  # bytes around a key and its value

log = logging.getLogger(__name__)


class StorageFull(Exception):
    """Raised when there is no room for a value."""


class Storage:
    """Lives on the event loop; reads and writes its file in threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, bytes] = {}  # as JSON
        self._size = 0
        self._is_loaded = False
        self._has_failed = False
        self._dirty = False
        self._writer: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Once; a damaged file is put aside, and all begins anew. Raises OSError."""
        if not self._is_loaded:
            self._values = await asyncio.to_thread(_read, self._path)
            self._size = sum(map(_cost, self._values, self._values.values()))
            self._is_loaded = True

    def get(self, key: str) -> orjson.Fragment:
        """For a message; raises KeyError."""
        return orjson.Fragment(self._values[key])

    def all(self) -> dict[str, orjson.Fragment]:
        """For a message."""
        return {key: orjson.Fragment(value) for key, value in self._values.items()}

    def set(self, key: str, value: Any) -> None:
        """Raises StorageFull, and TypeError for what JSON cannot carry."""
        data = orjson.dumps(value)
        before = self._values.get(key)
        if before == data:
            return
        size = self._size + _cost(key, data) - (0 if before is None else _cost(key, before))
        if size > MOST_BYTES or len(key) > MOST_KEY:
            raise StorageFull(f'a plugin may keep {MOST_BYTES // 1024} KiB under names of {MOST_KEY} characters')
        self._values[key], self._size, self._dirty = data, size, True
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_later(), name=f'write {self._path.name}')

    async def flush(self) -> None:
        """What is set is on the disk when this returns, unless the disk refuses."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        await self._write()

    async def _write_later(self) -> None:
        try:
            while self._dirty:
                await asyncio.sleep(max(DELAY, self._size / BYTES_PER_SECOND))
                await self._write()
        finally:
            self._writer = None

    async def _write(self) -> None:
        if not self._dirty:
            return
        self._dirty = False
        work = asyncio.ensure_future(asyncio.to_thread(_write, self._path, self._values.copy()))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work})  # two writers at a time could leave the older content
            self._dirty |= work.exception() is not None
            raise
        except OSError as error:
            self._dirty = True
            if not self._has_failed:
                log.warning('%s cannot be written: %s', self._path.name, error.strerror)
            self._has_failed = True
        else:
            self._has_failed = False


def _cost(key: str, value: bytes) -> int:
    return len(key.encode()) + len(value) + _ENTRY


def _read(path: Path) -> dict[str, bytes]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        found = orjson.loads(data)
        return {key: orjson.dumps(value) for key, value in found.items()}
    except (orjson.JSONDecodeError, AttributeError):
        log.warning('%s is damaged; it is kept as %s.damaged', path.name, path.name)
        path.replace(path.with_name(f'{path.name}.damaged'))
        return {}


def _write(path: Path, values: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, orjson.dumps({key: orjson.Fragment(value) for key, value in values.items()}), 0o600)
