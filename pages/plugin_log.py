"""The log of a plugin: what it has printed and logged, repeats merged, as it grows."""
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from nicegui import ui

from edgeos.connections.journal import Entry, visible
from edgeos.plugins.views import Lines, LogView, PluginView
from pages.format import Format
from pages.i18n import _, current_language
from pages.log_view import LogLine, LogLines, Numbered, log_words
from pages.plugin_progress import show
from pages.sheet import Text

LEVELS = {'debug': 'debug', 'info': 'info', 'warning': 'warning', 'error': 'error', 'critical': 'error'}


def entries_of(lines: Lines) -> list[Entry]:
    """The same lines one after another as one entry that counts them."""
    entries: list[Entry] = []
    for line in lines:
        t, level, text = epoch_of(line['t']), LEVELS.get(str(line['level']).lower(), 'info'), visible(str(line['text']))
        last = entries[-1] if entries else None
        if last is not None and (last.level, last.text) == (level, text):
            entries[-1] = Entry(last.t, level, text, last.count + 1, t)
        else:
            entries.append(Entry(t, level, text, 1, t))
    return entries


def epoch_of(t: Any) -> float:
    """From ISO 8601 or epoch s."""
    return float(t) if isinstance(t, (int, float)) else datetime.fromisoformat(str(t)).timestamp()


class Ordered:
    """Numbers that grow along the log, also where its oldest end is cut within a repeated line."""

    def __init__(self) -> None:
        self._numbered = Numbered()
        self._base = 0
        self._next = 0

    def take(self, entries: list[Entry]) -> tuple[int, list[LogLine]]:
        """The number of the oldest entry, and the lines that are new or changed."""
        oldest, changed = self._numbered.take(entries)
        numbers = self._numbered.numbers(entries)
        if numbers != sorted(set(numbers)):
            self._base = self._next  # all anew, with numbers that were never used
            self._numbered = Numbered()
            oldest, changed = self._numbered.take(entries)
        lines: list[LogLine] = [(line[0] + self._base, *line[1:]) for line in changed]
        self._next = max([self._next, *(line[0] + 1 for line in lines)])
        return oldest + self._base, lines


def spread(entries: list[Entry]) -> list[Entry]:
    """As they are, but no two the same: equal ones are a microsecond apart."""
    seen: dict[tuple[float, str, str], int] = {}
    made = []
    for entry in entries:
        key = (entry.t, entry.level, entry.text)
        seen[key] = seen.get(key, -1) + 1
        made.append(Entry(entry.t + seen[key] * 1e-6, *key[1:], entry.count, entry.last))
    return made


class PluginLogView:
    """The lines, and how many were left out because they came too fast."""

    def __init__(self, present: Callable[[], PluginView]) -> None:
        self._present = present
        self._format = Format(current_language(), _)
        self._ordered = Ordered()
        log = present().log
        self._seen = (id(log), log.revision)
        _oldest, lines = self._ordered.take(spread(entries_of(log.lines())))
        with ui.element('div').classes('pg-log'):
            self._left_out = Text('p', '', 'eo-why eo-warn').props('role=status')
            self._lines = LogLines(lines, words=_words(), locale=current_language(), filename=f'{present().id}.log')
        self._say(log)

    def tick(self) -> None:
        """Nothing is done while nothing is written."""
        log = self._present().log
        if self._seen == (id(log), log.revision):
            return
        self._seen = (id(log), log.revision)
        oldest, changes = self._ordered.take(spread(entries_of(log.lines())))
        self._lines.patch(oldest, changes)
        self._say(log)

    def resume(self) -> None:
        """It is looked at again."""
        self.tick()

    def _say(self, log: LogView) -> None:
        text = _('{count} lines were left out: it writes more than can be kept.').format(
            count=self._format.whole(log.dropped)) if log.dropped else ''  # fmt: skip
        if self._left_out.text != text:
            self._left_out.set_text(text)
        show(self._left_out, bool(text))


def _words() -> Mapping[str, str]:
    return {**log_words(), 'empty': _('It has written nothing yet.')}
