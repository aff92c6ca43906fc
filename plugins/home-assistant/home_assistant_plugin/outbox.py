"""What is to be written to the broker: the newest of each topic, and all again after the broker was away."""

import asyncio
import random
from typing import Any, NamedTuple, Protocol

from edgeos_plugin import PermissionDenied, WriteFailed

HEARTBEAT = 30.0  # s after which the link is tried when there is nothing to say
LONGEST_PAUSE = 30.0


class Letter(NamedTuple):
    payload: Any
    qos: int


class Owner(Protocol):
    """Whose messages these are. `write_topic` and `probe`, which proves the link, raise WriteFailed."""

    async def write_topic(self, point_id: str, payload: Any, qos: int) -> None: ...

    async def probe(self) -> None: ...

    def on_link(self, problem: str) -> None:
        """The link is down and why, or up (''); up is told again after each doubt."""

    def on_sent(self, point_id: str) -> None:
        """A message was handed over."""

    def on_refused(self, point_id: str, problem: str) -> None:
        """A message never will be, although the link is up."""

    def on_flushed(self) -> None:
        """Nothing waits any more, or nothing can be sent."""


class Outbox:
    """At most one message per point waits; a round of them is sent each `interval` seconds."""

    def __init__(self, owner: Owner, interval: float) -> None:
        self._owner = owner
        self._interval = interval
        self._letters: dict[str, Letter] = {}
        self._wake = asyncio.Event()
        self._is_up = False

    def __len__(self) -> int:
        """How many wait."""
        return len(self._letters)

    def put(self, point_id: str, payload: Any, qos: int = 0) -> None:
        """Replaces what waits for the same point."""
        self._letters[point_id] = Letter(payload, qos)
        self._wake.set()

    def suspect(self) -> None:
        """Something hints that the link was lost: prove it, and say everything again."""
        self._is_up = False
        self._wake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            if not self._is_up:
                await self._connect()
            self._wake.clear()
            await self._flush()
            self._owner.on_flushed()
            await asyncio.sleep(self._interval)
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._wake.wait()
            except TimeoutError:
                self._is_up = not await self._problem()

    async def _connect(self) -> None:
        pause = 1.0
        while problem := await self._problem():
            self._owner.on_link(problem)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, LONGEST_PAUSE)
        self._is_up = True
        self._owner.on_link('')

    async def _problem(self) -> str:
        """Why nothing can be written, or ''."""
        try:
            await self._owner.probe()
        except (WriteFailed, PermissionDenied) as error:
            return str(error) or type(error).__name__
        return ''

    async def _flush(self) -> None:
        for point_id in list(self._letters):
            letter = self._letters[point_id]
            try:
                await self._owner.write_topic(point_id, letter.payload, letter.qos)
            except (WriteFailed, PermissionDenied) as error:
                if await self._problem():
                    self._is_up = False
                    self._wake.set()
                    return
                self._owner.on_refused(point_id, str(error))
            else:
                self._owner.on_sent(point_id)
            if self._letters[point_id] is letter:
                del self._letters[point_id]
