"""What a connection says and has said, without leaving the list: its newest log lines and its live values."""
import heapq
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nicegui import ui
from nicegui.element import Element

from edgeos.connections.connection import Connection
from edgeos.connections.journal import Entry, visible
from edgeos.gateway import Point
from pages.format import Format, full_value, natural
from pages.frame import House
from pages.i18n import _, current_language
from pages.rows import reason_of, state_of, word_of
from pages.sheet import Button, Sheet, one_per_page

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
LINES = 20
VALUES = 100
NAME_CHARACTERS = 300
LAMPS = {'error': ('bad', 'diamond'), 'degraded': ('warn', 'triangle'), 'connecting': ('busy', 'dash'),
         'connected': ('good', 'dot'), 'off': ('idle', 'ring')}  # fmt: skip


def show(house: House, connection_id: str) -> None:
    """Open the sheet of a connection; the page has one of them."""
    connection = house.system.connections.connections.get(connection_id)
    if connection is not None:
        one_per_page('evidence', lambda: EvidenceSheet(house)).open(shown_of(connection))


class EvidenceView(Element, component=_ASSETS / 'evidence_view.js'):
    """Lamp, values and log lines as one element; it is told once a second what has changed."""

    def __init__(self, labels: dict[str, str], locale: str) -> None:
        super().__init__()
        self._props.update({'labels': labels, 'locale': locale, 'first': {}})

    def begin(self, contents: dict[str, Any]) -> None:
        """What it shows when it appears."""
        self._props['first'] = contents

    def show(self, changed: dict[str, Any]) -> None:
        self.run_method('show', changed)


class Shown(NamedTuple):
    """What the sheet shows: a connection, or a plugin."""

    id: str
    name: str
    head: dict[str, str]
    points: Mapping[str, Point]
    entries: Sequence[Entry]  # oldest first


def shown_of(connection: Connection) -> Shown:
    """A connection as it is now."""
    return Shown(connection.id, connection.name, head_of(connection), connection.source.points,
                 connection.journal.entries(LINES))  # fmt: skip


class EvidenceSheet:
    """Follows one connection while it is open."""


    def __init__(self, house: House) -> None:
        self._house = house
        self._id = ''
        self._needle = ''
        self._open_name = ''
        self._shown: dict[str, Any] = {}
        self._names: tuple[tuple[object, ...], list[str]] = ((), [])
        self._format = Format(current_language(), _)
        self._sheet = Sheet(look='wide')
        with self._sheet.body:
            self._view = EvidenceView(evidence_labels(), current_language())
        with self._sheet.bar:
            Button(self._more(), self._go, look='first')
            Button(_('Close'), self._sheet.close, look='pri').take_focus()
        self._view.on('search', lambda event: self._search(str(event.args)))
        self._view.on('full', lambda event: self._open(str(event.args)))
        self._timer = ui.timer(1.0, self._tick, active=False)
        self._sheet.on_close(self._timer.deactivate)

    def open(self, shown: Shown) -> None:
        self._id, self._needle, self._open_name = shown.id, '', ''
        self._names = ((), [])
        self._sheet.set_title(shown.name)
        self._shown = self._contents(shown)
        self._view.begin(self._shown)
        self._sheet.open()
        self._timer.activate()

    def _find(self) -> Shown | None:
        connection = self._house.system.connections.connections.get(self._id)
        return None if connection is None else shown_of(connection)

    def _more(self) -> str:
        return _('Statistics')

    def _go(self) -> None:
        ui.navigate.to(f'/connections/{self._id}')

    def _search(self, needle: str) -> None:
        self._needle = needle[:NAME_CHARACTERS].lower()
        self._tick()

    def _open(self, name: str) -> None:
        self._open_name = name
        self._tick()

    def _tick(self) -> None:
        shown = self._find()
        if shown is None:
            self._sheet.close()
            return
        contents = self._contents(shown)
        changed = {key: value for key, value in contents.items() if self._shown.get(key) != value}
        self._shown = contents
        if changed:
            self._view.show(changed)

    def _contents(self, shown: Shown) -> dict[str, Any]:
        points = shown.points
        names = self._chosen(shown)
        now = self._house.system.services.clock.wall()
        values = [[name, visible(name, NAME_CHARACTERS), f'{self._format.value(point.value)} {point.unit}'.rstrip(),
                   self._format.ago(now - point.time) if point.quality != 'good' and point.time else '']
                  for name, point in ((each, points[each]) for each in names if each in points)]  # fmt: skip
        opened = points.get(self._open_name) if self._open_name else None
        return {
            'head': shown.head, 'values': values, 'search': search_words(len(points)),
            'more': _('The first {count} are shown. Search to find others.').format(count=VALUES)
                    if len(names) == VALUES else '',
            'full': f'{opened.id}\n{full_value(opened.value)} {opened.unit}'.rstrip() if opened else '',
            'lines': [{'t': entry.t, 'last': entry.last, 'level': entry.level, 'text': entry.text, 'count': entry.count}
                      for entry in reversed(shown.entries)],
        }  # fmt: skip

    def _chosen(self, shown: Shown) -> list[str]:
        """The first names that match, in the order people count in; found anew only when there may be others."""
        points = shown.points
        key = (shown.id, self._needle, len(points), id(points))
        if self._names[0] != key:
            matching = (name for name in points if self._needle in name.lower()) if self._needle else iter(points)
            self._names = (key, heapq.nsmallest(VALUES, matching, natural))
        return self._names[1]


def head_of(connection: Connection) -> dict[str, str]:
    """The lamp, and why it is not green."""
    state = state_of(connection)
    why, hint = reason_of(connection, state, _)
    if connection.is_paused:
        left = Format(current_language(), _).span((connection.next_retry_in or 0.0) + 0.999)
        why = _('Back in {time}').format(time=left)
    look, shape = LAMPS[state]
    return {'look': look, 'shape': shape, 'word': word_of(connection, state, _), 'why': why, 'hint': hint}


def search_words(count: int) -> str:
    """What the search field says it searches."""
    template = _('Search {count} value') if count == 1 else _('Search {count} values')
    return template.format(count=count)


def evidence_labels() -> dict[str, str]:
    """All words of the component."""
    return {'values': _('Values'), 'log': _('Log'), 'no_match': _('No value has that in its name.'),
            'no_values': _('No value has come yet.'), 'no_lines': _('Nothing has been logged yet.')}  # fmt: skip
