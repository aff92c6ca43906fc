"""The log of one connection, as it grows."""
from collections.abc import Mapping, Sequence
from pathlib import Path

from nicegui.element import Element

from edgeos.connections.connection import Connection
from edgeos.connections.journal import Entry
from pages.i18n import _, current_language
from pages.time_graph import OVERVIEW, OWN
from pages.words import list_words

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
DETAIL_SECONDS = 600.0

LogLine = tuple[int, float, str, str, int, float]


class Numbered:
    """Gives every entry of a journal a number that stays, and tells which are new or repeated."""

    def __init__(self) -> None:
        self._lines: dict[tuple[float, str, str], LogLine] = {}
        self._next = 0

    def take(self, entries: Sequence[Entry]) -> tuple[int, list[LogLine]]:
        """The number of the oldest entry, and the lines that are new or changed since the last call."""
        known, self._lines = self._lines, {}
        changed = []
        for entry in entries:
            key = (entry.t, entry.level, entry.text)
            old = known.get(key)
            if old is None:
                number, self._next = self._next, self._next + 1
            else:
                number = old[0]
            line = (number, round(entry.t, 3), entry.level, entry.text, entry.count, round(entry.last, 3))
            self._lines[key] = line
            if line != old:
                changed.append(line)
        return min((line[0] for line in self._lines.values()), default=self._next), changed

    def numbers(self, entries: Sequence[Entry]) -> list[int]:
        """Of entries that were taken."""
        return [self._lines[entry.t, entry.level, entry.text][0] for entry in entries]


class LogLines(Element, component=_ASSETS / 'log_lines.js', dependencies=[OVERVIEW, OWN]):
    """A log that follows, filters, copies and saves in the browser."""

    def __init__(self, lines: Sequence[LogLine], *, words: Mapping[str, str], locale: str, filename: str) -> None:
        super().__init__()
        self._props['first'] = list(lines)
        self._props['words'] = dict(words)
        self._props['locale'] = locale
        self._props['filename'] = filename

    def patch(self, oldest: int, changes: Sequence[LogLine]) -> None:
        """New and changed lines; those before number `oldest` are gone."""
        self.run_method('patch', oldest, list(changes))

    def show_until(self, until: float | None) -> None:
        """Until when more than usual is written, in epoch s."""
        until = None if until is None else round(until)
        if self._props.get('until') != until:
            self._props['until'] = until


class LogView:
    """The log, and the button that makes it more detailed for a while."""

    def __init__(self, connection: Connection) -> None:
        self._journal = connection.journal
        self._numbered = Numbered()
        _oldest, lines = self._numbered.take(self._journal.entries())
        self._lines = LogLines(lines, words=_words(), locale=current_language(), filename=f'{connection.id}.log')
        self._lines.on('more', lambda _event: self._set_level('debug', DETAIL_SECONDS), [])
        self._lines.on('less', lambda _event: self._set_level('info', 0.0), [])
        self._lines.show_until(self._journal.level_until)

    def tick(self) -> None:
        """Lines that are new or repeated."""
        oldest, changes = self._numbered.take(self._journal.entries())
        if changes:
            self._lines.patch(oldest, changes)
        self._lines.show_until(self._journal.level_until)

    def resume(self) -> None:
        """It is looked at again; nothing was missed, as nothing was taken meanwhile."""

    def _set_level(self, level: str, seconds: float) -> None:
        self._journal.set_level(level, seconds)
        self.tick()


def _words() -> dict[str, str]:
    return {
        **log_words(),
        'usual': _('The usual events are written down.'),
        'more': _('Write every detail for 10 min'),
        'detailed_until': _('Every detail is written down until {time}.'),
        'less': _('Stop now'),
    }


def log_words() -> dict[str, str]:
    """What the list says of itself; without the words for a level that can be set, it has none."""
    return {
        **list_words(),
        'search': _('Search the log'),
        'log': _('Log'),
        'from_debug': _('All'),
        'from_info': _('Info and above'),
        'from_warning': _('Warnings'),
        'from_error': _('Errors'),
        'level_debug': _('detail'),
        'level_info': _('info'),
        'level_warning': _('warning'),
        'level_error': _('error'),
        'times': _('{count} times, last {time}'),
        'copy': _('Copy'),
        'copied': _('Copied'),
        'save': _('Save'),
        'follow': _('Follow again'),
        'follow_missed': _('{count} new: follow again'),
        'none': _('No line matches.'),
        'empty': _('Nothing was written down yet.'),
    }
