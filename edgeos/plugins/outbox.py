"""What a plugin has still to be sent, when it reads more slowly than it is spoken to: bounded."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable

from edgeos.plugins.messages import Make, encoded
from edgeos.rpc import RpcError

LINES, BYTES = 256, 1_048_576

_OVERHEAD = 400  # bytes of memory that a short line takes beside its own
_SLICE = 0.002  # s of work at a time


class Outbox:
    """Lines in order, and behind them the newest value of each point. `on_room` is called when there is room again."""

    def __init__(self, on_room: Callable[[], None]) -> None:
        self.too_long = 0  # values that were not sent because of their length
        self._on_room = on_room
        self._transport: asyncio.Transport | None = None
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._updates: dict[Hashable, Make] = {}
        self._is_stuck = False  # the kernel takes no more at the moment

    @property
    def is_full(self) -> bool:
        return len(self._lines) >= LINES or self._bytes >= BYTES

    @property
    def is_empty(self) -> bool:
        return not self._lines and not self._updates

    def open(self, transport: asyncio.Transport) -> None:
        """Whatever the kernel does not take is kept here, where it is counted."""
        self._transport = transport
        transport.set_write_buffer_limits(high=0)

    def send(self, line: bytes) -> None:
        """Also when it is full: the caller asks before it makes work, and answers are few."""
        if self._is_stuck or self._lines or self._transport is None:
            self._lines.append(line)
            self._bytes += len(line) + _OVERHEAD
        else:
            self._transport.write(line)

    def update(self, key: Hashable, make: Make) -> None:
        """Send what `make()` gives (None: nothing), at once or, when it is full, what it gives by then."""
        if key in self._updates:
            return
        if self.is_full:
            self._updates[key] = make
        else:
            self._send_made(make)

    def pause(self) -> None:
        """The kernel takes no more."""
        self._is_stuck = True

    def resume(self) -> None:
        """It does again."""
        self._is_stuck = False
        self._drain()

    def close(self) -> None:
        """Nothing is sent any more."""
        self._transport = None
        self._lines.clear()
        self._updates.clear()

    def _drain(self) -> None:
        until = time.perf_counter() + _SLICE
        while not self.is_empty and not self._is_stuck and self._transport is not None:
            if self._lines:
                line = self._lines.popleft()
                self._bytes -= len(line) + _OVERHEAD
                self._transport.write(line)
            else:
                self._send_made(self._updates.pop(next(iter(self._updates))))
            if time.perf_counter() > until:
                asyncio.get_running_loop().call_soon(self._drain)
                break
        if not self.is_full:
            self._on_room()

    def _send_made(self, make: Make) -> None:
        message = make()
        if message is None:
            return
        try:
            self.send(encoded(message))
        except RpcError:
            self.too_long += 1
