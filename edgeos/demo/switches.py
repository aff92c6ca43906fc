"""What can be broken on purpose while the demo runs."""

import asyncio
from collections.abc import Awaitable, Callable


def said(text: str) -> str:
    """Marks an English text that a page translates."""
    return text


class Switch:
    """One fault. `name` and `explanation` are English texts for the page to translate.

    With `off_after` (s) it goes off by itself; a `momentary` one is meant to be pressed, not held.
    """

    def __init__(
        self,
        id: str,
        name: str,
        explanation: str,
        act: Callable[[bool], Awaitable[None]],
        *,
        lock: asyncio.Lock,
        off_after: float | None = None,
        momentary: bool = False,
    ) -> None:
        self.id = id
        self.name = name
        self.explanation = explanation
        self.off_after = off_after
        self.momentary = momentary
        self.is_on = False
        self._act = act
        self._lock = lock
        self._timer: asyncio.Task[None] | None = None

    async def set(self, on: bool) -> None:
        """Do it; returns when it is done. One switch at a time acts; an error of the deed leaves the switch as it was.

        Raises BrokerError when the broker does not come back.
        """
        async with self._lock:
            if on == self.is_on:
                return
            await self._act(on)
            self.is_on = on
            self.cancel()
            if on and self.off_after is not None:
                self._timer = asyncio.create_task(self._off_later(self.off_after), name=f'switch {self.id} off')

    async def press(self) -> None:
        """On for a momentary switch, the other way for the rest."""
        await self.set(self.momentary or not self.is_on)

    def cancel(self) -> None:
        """Forget about going off by itself."""
        if self._timer and self._timer is not asyncio.current_task():
            self._timer.cancel()
        self._timer = None

    async def _off_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.set(False)
