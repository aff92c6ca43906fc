"""What every device of the demo house is: it lives, reports now and then, and obeys commands after a moment."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

REACTION = 0.2  # s between a command and the deed


class Message(NamedTuple):
    topic: str
    payload: bytes
    retain: bool = True


class Surroundings(NamedTuple):
    """What a device feels of the world outside; W are added up from all devices of the last step."""

    hour: float
    sun: float
    temperature: float
    consumption: float
    production: float


class BadCommand(ValueError):
    """Raised when a device does not understand a command; it goes on as before."""


class Device:
    """Advance it by small steps; `power` (W, negative when it produces) is felt by the energy meter.

    `commands` maps topics to what is done with their text, `writable` maps state points to command topics.
    """

    power = 0.0

    def __init__(self, random: Random) -> None:
        self.random = random
        self.commands: dict[str, Callable[[str], None]] = {}
        self.writable: dict[str, str] = {}
        self._until_report = random.uniform(0, 1)
        self._changed = False
        self._pending: list[tuple[float, Callable[[], None]]] = []

    def live(self, dt: float, around: Surroundings) -> None:
        """Let `dt` seconds pass."""

    def report(self) -> list[Message]:
        """The whole state as messages."""
        raise NotImplementedError

    def advance(self, dt: float, around: Surroundings) -> list[Message]:
        """Live for `dt` seconds; the messages that became due, at once after a change."""
        self._pending = [(left - dt, deed) for left, deed in self._pending]
        for left, deed in self._pending:
            if left <= 0:
                deed()
        self._pending = [(left, deed) for left, deed in self._pending if left > 0]
        self.live(dt, around)
        self._until_report -= dt
        if self._until_report > 0 and not self._changed:
            return []
        self._until_report, self._changed = self.random.uniform(1, 2), False
        return self.report()

    def later(self, deed: Callable[[], None]) -> None:
        """Do it after the time a real device takes, and report."""
        self._pending.append((REACTION, deed))
        self._pending.append((REACTION, self.changed))
        del self._pending[:-100]

    def changed(self) -> None:
        """Report with the next step."""
        self._changed = True


def rounded(value: float, digits: int = 1) -> float:
    """Rounded, and never -0.0."""
    return round(value, digits) + 0.0


def packed(state: Any) -> bytes:
    return json.dumps(state, ensure_ascii=False, separators=(',', ':')).encode()


def number(text: str, low: float, high: float) -> float:
    """A number within the device's limits; raises BadCommand for anything else than a number."""
    try:
        value = float(text)
    except ValueError as error:
        raise BadCommand(f'{text!r} is not a number') from error
    if value != value:
        raise BadCommand('not a number')
    return min(high, max(low, value))


def switch(text: str) -> bool:
    """ON and OFF as the many vendors say it; raises BadCommand for anything else."""
    word = text.strip().strip('"').lower()
    if word in ('on', 'true', '1'):
        return True
    if word in ('off', 'false', '0'):
        return False
    raise BadCommand(f'{text!r} is neither ON nor OFF')
