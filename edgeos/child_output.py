"""A child's output as lines for one listener: bounded in length, in number and in memory, whatever the child says."""

import asyncio
import time
from collections.abc import Callable
from typing import IO

from edgeos.clock import SYSTEM_CLOCK, Clock

LINE_LENGTH = 2_000  # characters of a line that are kept
LINES_PER_SECOND = 200

_CHUNK = 65_536
_MUCH = 4_096  # bytes at a time that are worth slowing down
_BYTES_PER_SECOND = 2_000_000  # more is not read: the child waits, the event loop does not


class LineFeed:
    """Cuts bytes into lines; `on_line` must not raise."""

    def __init__(self, on_line: Callable[[str], None], clock: Clock = SYSTEM_CLOCK) -> None:
        self._on_line = on_line
        self._clock = clock
        self._partial = b''
        self._is_cut = False
        self._second = -1.0
        self._allowed = 0
        self._left_out = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes; lines beyond 200 in a second are counted, and the count is said later."""
        if self._is_cut:  # what is too long was handed on already, up to where it was cut
            _rest, end, data = data.partition(b'\n')
            self._is_cut = not end
        *lines, self._partial = (self._partial + data).split(b'\n')
        if len(self._partial) >= 4 * LINE_LENGTH:
            lines.append(self._partial)
            self._partial, self._is_cut = b'', True
        if lines:
            self._pass_on(lines)

    def end(self) -> None:
        """Hand on what has no line end yet, and say what was left out."""
        if self._partial:
            self.feed(b'\n')
        self._say_left_out()

    def _pass_on(self, lines: list[bytes]) -> None:
        now = self._clock.monotonic()
        if self._second < 0 or now - self._second >= 1.0:
            self._say_left_out()
            self._second, self._allowed = now, LINES_PER_SECOND
        passed = lines[: self._allowed]
        self._allowed -= len(passed)
        self._left_out += len(lines) - len(passed)
        for line in passed:
            self._on_line(line[: 4 * LINE_LENGTH].decode('utf-8', 'replace').rstrip('\r')[:LINE_LENGTH])

    def _say_left_out(self) -> None:
        if self._left_out:
            self._on_line(f'({self._left_out} more lines in a second: left out)')
            self._left_out = 0


async def feed_from_pipe(pipe: IO[bytes], feed: LineFeed) -> None:
    reader = asyncio.StreamReader(limit=_CHUNK)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        while data := await reader.read(_CHUNK):
            feed.feed(data)
            if len(data) >= _MUCH:
                await asyncio.sleep(len(data) / _BYTES_PER_SECOND)
    finally:
        transport.close()


def feed_from_thread(pipe: IO[bytes], feed: LineFeed, loop: asyncio.AbstractEventLoop) -> None:
    """For event loops that cannot wait for pipes (Windows): the lines still arrive on the loop."""
    while data := pipe.read(_CHUNK):
        loop.call_soon_threadsafe(feed.feed, data)
        if len(data) >= _MUCH:
            time.sleep(len(data) / _BYTES_PER_SECOND)
