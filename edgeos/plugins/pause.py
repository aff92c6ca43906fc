"""The time between two tries, by a clock that can be set."""

import asyncio
from contextlib import suppress

from edgeos.clock import Clock

TURN = 0.2  # s between two looks at the clock


class Pause:
    """One at a time: `begin`, then `wait`, which `end` cuts short."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: float | None = None  # monotonic s
        self._is_over = asyncio.Event()

    @property
    def left(self) -> float | None:
        """Seconds; None when nothing is waited for."""
        return None if self._due is None else max(0.0, self._due - self._clock.monotonic())

    def begin(self, seconds: float) -> None:
        """It lasts so long from now on."""
        self._due = self._clock.monotonic() + seconds
        self._is_over.clear()

    async def wait(self) -> None:
        """Until its time has come or somebody ends it."""
        while self.left and not self._is_over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(min(TURN, self.left)):
                    await self._is_over.wait()

    def end(self) -> None:
        """Whoever waits goes on now."""
        self._is_over.set()

    def forget(self) -> None:
        """Nothing is waited for."""
        self._due = None
