"""The log of one connection: a bounded ring for its page, and a trickle of it for the app's log."""
import logging
from collections import deque
from dataclasses import dataclass
from sys import getsizeof

from edgeos.clock import Clock

MOST_ENTRIES = 500
MOST_BYTES = 256 * 1024
MOST_CHARACTERS = 2000
MERGED = 5  # a text among so many newest entries is counted there; a flapping link has few texts, in turns
FORWARDED_A_SECOND = 20
QUIET = 60.0  # s after which a repeated text is worth a line of the app's log again
LEVELS = {'debug': logging.DEBUG, 'info': logging.INFO, 'warning': logging.WARNING, 'error': logging.ERROR}

_ENTRY_BYTES = 200  # the entry, its numbers and its place in the ring, without the text

# what is invisible, moves the cursor or turns the writing direction, and halves of characters that no file can hold
_HIDDEN = (*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F),
           *range(0x2060, 0x2070), *range(0xD800, 0xE000), 0xFEFF)  # fmt: skip
_SHOWN = {0x09: '\\t', 0x0A: '\\n', 0x0D: '\\r'}
_VISIBLE = {code: _SHOWN.get(code) or (f'\\x{code:02x}' if code < 0x100 else f'\\u{code:04x}') for code in _HIDDEN}


def visible(text: str, characters: int = MOST_CHARACTERS) -> str:
    """One line that shows every control character and is cut at that length."""
    shown = text[:characters + 1]
    if not shown.isprintable():
        shown = shown.translate(_VISIBLE)
    return shown if len(shown) <= characters else shown[:characters - 1] + '…'


@dataclass(frozen=True, slots=True)
class Entry:
    """`t` is when it was first said and `last` the newest repeat, in epoch s; `count` includes the first."""

    t: float
    level: str
    text: str
    count: int
    last: float


class Journal:
    """At most 500 entries and 256 KiB, oldest dropped. Texts are hostile: they may quote what a device has sent."""

    def __init__(self, connection_id: str, clock: Clock) -> None:
        self._clock = clock
        self._log = logging.getLogger(f'edgeos.connection.{connection_id}')
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._level = self._usual_level = 'info'
        self._threshold = LEVELS['info']
        self._until: float | None = None  # monotonic s
        self._forwarding_since = float('-inf')  # monotonic s
        self._forwarded = 0
        self._left_out = 0

    # in

    def debug(self, text: str) -> None:
        self._write('debug', text)

    def info(self, text: str) -> None:
        self._write('info', text)

    def warning(self, text: str) -> None:
        self._write('warning', text)

    def error(self, text: str) -> None:
        self._write('error', text)

    def _write(self, level: str, text: str) -> None:
        if self._until is not None:
            self._fall_back()
        if LEVELS[level] < self._threshold:
            return
        text = visible(text)
        now = self._clock.wall()
        for place in range(1, min(MERGED, len(self._entries)) + 1):
            entry = self._entries[-place]
            if entry.text == text and entry.level == level:
                self._repeat(-place, entry, now)
                return
        self._append(Entry(now, level, text, 1, now))
        self._forward(level, text)

    def _repeat(self, place: int, entry: Entry, now: float) -> None:
        count = entry.count + 1
        self._entries[place] = Entry(entry.t, entry.level, entry.text, count, now)
        if not 0 <= now - entry.last < QUIET or count in (10, 100, 1000):
            self._forward(entry.level, f'{entry.text} ({count} times)')

    def _append(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._bytes += _size(entry)
        while len(self._entries) > MOST_ENTRIES or self._bytes > MOST_BYTES:
            self._bytes -= _size(self._entries.popleft())

    # the app's log

    def _forward(self, level: str, text: str) -> None:
        now = self._clock.monotonic()
        if now - self._forwarding_since >= 1.0:
            self._forwarding_since, self._forwarded = now, 0
            if self._left_out:
                self._log.warning('%d lines were left out here', self._left_out)
                self._left_out = 0
        self._forwarded += 1
        if self._forwarded <= FORWARDED_A_SECOND:
            self._log.log(LEVELS[level], '%s', text)
            return
        if not self._left_out:
            self._log.warning('more than %d lines a second: the rest is left out', FORWARDED_A_SECOND)
        self._left_out += 1

    # level

    @property
    def level(self) -> str:
        """What is less severe is not kept."""
        self._fall_back()
        return self._level

    @property
    def level_until(self) -> float | None:
        """When a temporary level ends, in epoch s; None while there is none."""
        self._fall_back()
        return None if self._until is None else self._clock.wall() + self._until - self._clock.monotonic()

    def set_level(self, level: str, seconds: float) -> None:
        """Keep more or less for so long. Raises ValueError for an unknown level."""
        if level not in LEVELS:
            raise ValueError(f'{level!r} is not one of {", ".join(LEVELS)}')
        self._level, self._threshold = level, LEVELS[level]
        self._until = self._clock.monotonic() + seconds

    def _fall_back(self) -> None:
        if self._until is not None and self._clock.monotonic() >= self._until:
            self._until = None
            self._level, self._threshold = self._usual_level, LEVELS[self._usual_level]

    # out

    def entries(self, limit: int = MOST_ENTRIES, minimum_level: str = 'debug') -> list[Entry]:
        """The newest entries of that level and above, oldest first. Raises ValueError for an unknown level."""
        if minimum_level not in LEVELS:
            raise ValueError(f'{minimum_level!r} is not one of {", ".join(LEVELS)}')
        found: list[Entry] = []
        for entry in reversed(self._entries):
            if len(found) >= limit:
                break
            if LEVELS[entry.level] >= LEVELS[minimum_level]:
                found.append(entry)
        return found[::-1]


def _size(entry: Entry) -> int:
    return _ENTRY_BYTES + getsizeof(entry.text)
