"""What a plugin says, at the pace that it may: what comes too fast waits, and then nothing more is read."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

RATE, BURST = 1000.0, 2000.0  # messages a second
BYTES_PER_TOKEN = 4096  # a long one costs as many short ones

_SLICE = 0.002  # s of work at a time
_SHORTEST_WAIT = 0.02  # s


class Inbox:
    """`handle` takes a message; `is_held` tells whether it has to wait for another reason."""

    def __init__(self, handle: Callable[[Any], None], is_held: Callable[[], bool], on_slow: Callable[[], None]) -> None:
        self._handle = handle
        self._is_held = is_held
        self._on_slow = on_slow
        self._transport: asyncio.Transport | None = None
        self._messages: deque[tuple[Any, int]] = deque()  # with the tokens each costs
        self._tokens, self._filled_at = BURST, time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._is_reading = True

    def open(self, transport: asyncio.Transport) -> None:
        """It can be told to wait from now on."""
        self._transport = transport

    def add(self, message: Any, size: int) -> None:
        """It is handled at the next `work`, or later."""
        self._messages.append((message, 1 + size // BYTES_PER_TOKEN))

    def work(self) -> None:
        """Handle what may be handled now, unless it is to go on at another time anyway."""
        if self._messages and self._timer is None:
            self._work()

    def work_all(self) -> None:
        """Without any wait; it is no more than what was read in one go."""
        while self._messages:
            self._handle(self._messages.popleft()[0])

    def close(self) -> None:
        """Nothing is handled any more."""
        self._transport = None
        self._messages.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _work(self) -> None:
        self._timer = None
        until = time.perf_counter() + _SLICE
        while self._messages and not self._is_held():
            message, cost = self._messages[0]
            if (wait := self._charge(cost)) > 0:
                self._work_in(max(wait, _SHORTEST_WAIT))
                self._on_slow()
                break
            self._messages.popleft()
            self._handle(message)
            if self._messages and time.perf_counter() > until:
                self._work_in(0)
                break
        self._read(not self._messages)

    def _work_in(self, wait: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(wait, self._work)

    def _charge(self, cost: int) -> float:
        """0 when that many tokens were there, and are taken; else the seconds until they will be."""
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * RATE)
        self._filled_at = now
        if self._tokens < cost:
            return (cost - self._tokens) / RATE
        self._tokens -= cost
        return 0

    def _read(self, wanted: bool) -> None:
        if wanted is self._is_reading or self._transport is None:
            return
        self._is_reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
