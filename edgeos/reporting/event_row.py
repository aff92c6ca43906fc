"""The shapes of an event: as it is kept, and as it is shown."""
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from edgeos.reporting.capture import TRACEBACK_CHARACTERS, whole

MESSAGE_CHARACTERS, CONTEXT_CHARACTERS, SOURCE_CHARACTERS = 500, 4000, 100
VALUE_CHARACTERS = 500  # of one value of a context that is too long
LEVELS = ('debug', 'info', 'warning', 'error', 'critical')
NEEDS_ATTENTION = ('error', 'critical')


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, `count` times between `first` and `last` (epoch s).

    `message`, `context` and `traceback` are of the newest. `sent` is '' (stays here), 'waiting' or 'sent'.
    """

    id: int
    level: str
    source: str
    message: str
    count: int
    first: float
    last: float
    context: dict[str, object]
    traceback: str
    acknowledged: bool
    fingerprint: str
    sent: str


class Row(NamedTuple):
    """As it is kept: `context` is JSON, `times` the count."""

    id: int
    fingerprint: str
    level: str
    source: str
    message: str
    times: int
    first: float
    last: float
    context: str
    traceback: str
    acknowledged: int
    sent: str

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 400 + len(self.message) + len(self.context) + len(self.traceback)

    @property
    def is_sound(self) -> bool:
        """Whether it can have been written by us: SQLite finds not every damage."""
        try:
            return (all(isinstance(value, kind) for value, kind in zip(self, _KINDS, strict=True))
                    and number_of(self.fingerprint) == self.id and isinstance(json.loads(self.context), dict))
        except ValueError:
            return False

    @property
    def is_unseen(self) -> bool:
        """An error that nobody has acknowledged since it last happened."""
        return self.level in NEEDS_ATTENTION and not self.acknowledged

    def has(self, text: str) -> bool:
        """Whether that text, in small letters, is in what is shown first."""
        return text in self.message.casefold() or text in self.source.casefold() or text in self.context.casefold()

    def event(self) -> Event:
        """As it is shown."""
        return Event(self.id, self.level, self.source, self.message, self.times, self.first, self.last,
                     json.loads(self.context), self.traceback, bool(self.acknowledged), self.fingerprint,
                     self.sent)  # fmt: skip


_KINDS = (int, str, str, str, str, int, float, float, str, str, int, str)


def number_of(fingerprint: str) -> int:
    """The id of its group: the same after a restart, and small enough for a number of JavaScript."""
    return int(fingerprint[:13], 16)


def new_row(level: str, source: str, message: str, fingerprint: str, now: float, context: Mapping[str, object],
            traceback: str, sent: str) -> Row:  # fmt: skip
    """Bounded and fit for a file; `context` is JSON, `now` epoch s."""
    return Row(number_of(fingerprint), fingerprint, level if level in LEVELS else 'error',
               clean(source, SOURCE_CHARACTERS), clean(message, MESSAGE_CHARACTERS), 1, now, now,
               _context_json(context), clean(traceback, TRACEBACK_CHARACTERS + 100), 0, sent)  # fmt: skip


def _context_json(context: Mapping[str, object]) -> str:
    """Long values are cut; what is still too long is left out, from the end."""
    kept = dict(context)
    if len(text := _json(kept)) > CONTEXT_CHARACTERS:
        kept = {key: value if len(shown := _json(value)) <= VALUE_CHARACTERS else shown[:VALUE_CHARACTERS] + '…'
                for key, value in kept.items()}  # fmt: skip
    while len(text := _json(kept)) > CONTEXT_CHARACTERS:
        kept.popitem()
    return text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def clean(text: str, characters: int) -> str:
    """Cut, and fit for a file."""
    return whole(text if len(text) <= characters else text[:characters - 1] + '…', characters)
