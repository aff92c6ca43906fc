"""What a plugin has said last, on stdout, stderr and through its logger: bounded, whatever it says."""

import re
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from edgeos.clock import SYSTEM_CLOCK, Clock

LINES = 1000
LINES_PER_SECOND = 100
LINE_BYTES = 8_000
ALL_BYTES = 1_048_576
LEVELS = ('debug', 'info', 'warning', 'error', 'critical')

_CONTROLS = re.compile(r'[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')


class Line(NamedTuple):
    """Said at `t` (epoch s); `level` is one of LEVELS. `text` has no control characters but line ends."""

    t: float
    level: str
    text: str


class PluginLog:
    """The last 1000 lines; `count` is how many there were in all, so that a reader can ask for what is new."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK, hide: Callable[[str], str] = str) -> None:
        """`hide` takes out of a text what must not be kept."""
        self.count = 0
        self.left_out = 0  # lines, because there were too many in a second
        self._clock = clock
        self._hide = hide
        self._lines: deque[Line] = deque()
        self._characters = 0
        self._second = -1.0
        self._allowed = 0
        self._unsaid = 0  # of those left out

    def add(self, level: str, text: str) -> None:
        """A line of the plugin; those beyond 100 in a second are counted, and the count is said later."""
        now = self._clock.monotonic()
        if not 0 <= now - self._second < 1.0:
            self._second, self._allowed = now, LINES_PER_SECOND
            self._say_left_out()
        if self._allowed <= 0:
            self.left_out += 1
            self._unsaid += 1
            return
        self._allowed -= 1
        self._append(level if level in LEVELS else 'info', text)

    def note(self, level: str, text: str) -> None:
        """A line of the app about the plugin, which is never left out."""
        self._say_left_out()
        self._append(level, text)

    def lines(self, since: int = 0) -> list[Line]:
        """Oldest first, without the first `since` of all there ever were."""
        skipped = max(0, since - (self.count - len(self._lines)))
        return list(islice(self._lines, skipped, None))

    def _say_left_out(self) -> None:
        if self._unsaid:
            self._append('warning', f'({self._unsaid} more lines were left out: it says more than '
                                    f'{LINES_PER_SECOND} in a second)')  # fmt: skip
            self._unsaid = 0

    def _append(self, level: str, text: str) -> None:
        line = Line(self._clock.wall(), level, _CONTROLS.sub('\ufffd', _shortened(self._hide(text))))
        self._lines.append(line)
        self._characters += len(line.text)
        self.count += 1
        while len(self._lines) > LINES or self._characters > ALL_BYTES:
            self._characters -= len(self._lines.popleft().text)


def _shortened(text: str) -> str:
    """At most 8 kB in UTF-8."""
    if len(text) * 3 <= LINE_BYTES or len(data := text[:LINE_BYTES].encode('utf-8', 'replace')) <= LINE_BYTES:
        return text[:LINE_BYTES]
    return data[: LINE_BYTES - 3].decode('utf-8', 'ignore') + '…'
