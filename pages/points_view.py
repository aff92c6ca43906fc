"""The live values of a connection: the browser holds the rows near its screen, the server sends only those."""
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from edgeos.connections.connection import Connection
from edgeos.gateway import Point, Source
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.point_sheet import open_point
from pages.publish_sheet import can_publish, open_publish
from pages.time_graph import OVERVIEW, OWN
from pages.words import list_words

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
FIRST_ROWS = 60
MOST_ROWS = 400  # one browser may ask for at once
DIGITS = re.compile(r'([0-9]+)')
FILTERS: dict[str, Callable[[Point], bool]] = {'': lambda _point: True, 'writable': lambda point: point.writable,
                                               'stale': lambda point: point.quality != 'good'}  # fmt: skip

Row = tuple[str, str, str, str, float, str, bool, bool]
Key = tuple[str | tuple[int, str], ...]


class Question(NamedTuple):
    """Which part of the list a browser wants to see."""

    query: str = ''
    only: str = ''
    start: int = 0
    end: int = FIRST_ROWS


class Listing:
    """The names in order, found by text, and what changed in the part that is seen."""

    def __init__(self, source: Source, write: Callable[[Any], str]) -> None:
        self.question = Question()
        self._source = source
        self._points = source.points
        self._write = write
        self._removals = source.removals
        self._sorted: list[tuple[Key, str]] = []
        self._found: list[str] = []
        self._shown: list[Row] = []

    def ask(self, question: Question) -> None:
        """Another part, or another search."""
        self.question = question._replace(end=min(question.end, question.start + MOST_ROWS))
        self._learn()
        self._find()

    def follow(self) -> bool:
        """Take in names that came or went, and the state the filter asks for; answers whether the list is another."""
        before = self._found
        if self._learn() or self.question.only == 'stale':
            self._find()
        return before != self._found

    def window(self) -> dict[str, Any]:
        """The part that is seen, in full."""
        question = self.question
        self._shown = self._rows()
        return {'query': question.query, 'only': question.only, 'total': len(self._found), 'all': len(self._sorted),
                'start': question.start, 'rows': list(self._shown)}  # fmt: skip

    def changes(self) -> list[tuple[int, Row]]:
        """Rows that differ from what was last given, by their place in the list."""
        before, self._shown = self._shown, self._rows()
        pairs = enumerate(zip(self._shown, before, strict=False), self.question.start)
        return [(place, row) for place, (row, old) in pairs if row != old]

    def _learn(self) -> bool:
        """Whether there are other names than before."""
        if self._removals != self._source.removals:
            self._removals = self._source.removals
            self._sorted = []
        elif len(self._points) == len(self._sorted):
            return False
        self._sorted.extend((natural(name), name) for name in islice(self._points, len(self._sorted), None))
        self._sorted.sort()  # nearly sorted already, which makes it quick
        return True

    def _find(self) -> None:
        wanted, fits = self.question.query.casefold(), FILTERS[self.question.only]
        points = self._points
        self._found = [name for _key, name in self._sorted if wanted in name.casefold() and fits(points[name])]

    def _rows(self) -> list[Row]:
        return [row_of(self._points[name], self._write) for name in self._found[self.question.start:self.question.end]]


def natural(name: str) -> Key:
    """Orders names as people do: without regard to case, and `a[2]` before `a[10]`."""
    parts = DIGITS.split(name.casefold())
    return tuple(part if place % 2 == 0 else (len(digits := part.lstrip('0')), digits)
                 for place, part in enumerate(parts))  # fmt: skip


def shown_value(point: Point, write: Callable[[Any], str]) -> str:
    """A value on one line; a dash where there is none because it could not be read, or not yet."""
    return '–' if point.value is None and point.quality != 'good' else write(point.value)


def row_of(point: Point, write: Callable[[Any], str]) -> Row:
    """A point as the browser's table takes it."""
    return (point.name, shown_value(point, write), point.unit, point.quality, round(point.time), point.type,
            point.writable, point.ring is not None)  # fmt: skip


def question_of(args: Mapping[str, Any]) -> Question:
    """What a browser asks, as far as it makes sense."""
    only = args.get('only')
    start, end = (value if isinstance(value := args.get(key), int) else 0 for key in ('start', 'end'))
    start = max(0, start)
    return Question(str(args.get('query') or '')[:300], only if only in FILTERS else '', start, max(start, end))


class PointsTable(Element, component=_ASSETS / 'points_table.js', dependencies=[OVERVIEW, OWN]):
    """A list that draws only the rows near the screen."""

    def __init__(self, first: Mapping[str, Any], *, words: Mapping[str, str], locale: str, publishes: bool,
                 browse: str) -> None:  # fmt: skip
        """`browse` is where values are chosen, if they have to be."""
        super().__init__()
        self._props['first'] = dict(first)
        self._props['words'] = dict(words)
        self._props['locale'] = locale
        self._props['can_publish'] = publishes
        self._props['browse'] = browse

    def show(self, window: Mapping[str, Any]) -> None:
        """The part that is seen, in full."""
        self.run_method('show', dict(window))

    def patch(self, now: float, changes: Iterable[tuple[int, Row]]) -> None:
        """What changed in it; `now` is epoch s."""
        self.run_method('patch', now, list(changes))


class PointsView:
    """The table, and what a tap in it opens."""

    def __init__(self, house: House, connection: Connection) -> None:
        self._house = house
        self._connection = connection
        self._format = Format(current_language(), _)
        self._source = connection.source
        self._listing = Listing(self._source, self._format.value)
        self._listing.follow()
        is_plc = 'symbols' in connection.CONFIG.model_fields
        self._chooses = is_plc or 'characteristics' in connection.CONFIG.model_fields
        self._table = PointsTable(self._stamped(), words={**points_words(), **_unchosen_words(is_plc)},
                                  locale=current_language(), publishes=can_publish(connection),
                                  browse=f'/connections/{connection.id}?tab=names' if self._chooses else '')
        self._table.on('look', self._look)
        self._table.on('open', lambda event: open_point(house, connection, str(event.args)))
        self._table.on('publish', lambda _event: open_publish(house, connection), [])

    def tick(self) -> None:
        """One message: rows that changed, or all when the list is another one."""
        if self._source is not self._connection.source:  # it has become another device
            self._source = self._connection.source
            question, self._listing = self._listing.question, Listing(self._source, self._format.value)
            self._listing.ask(question)
        if self._listing.follow() or self._was_unchosen != self._is_unchosen:
            self._table.show(self._stamped())
        else:
            self._table.patch(self._connection.clock.wall(), self._listing.changes())

    def resume(self) -> None:
        """It is looked at again."""
        self._listing.follow()
        self._table.show(self._stamped())

    def _look(self, event: GenericEventArguments) -> None:
        self._listing.ask(question_of(event.args))
        self._table.show(self._stamped())

    @property
    def _is_unchosen(self) -> bool:
        """Whether it has still to be said what is to be read."""
        return self._chooses and not self._connection.expects_values

    def _stamped(self) -> dict[str, Any]:
        self._was_unchosen = self._is_unchosen
        return {**self._listing.window(), 'now': round(self._connection.clock.wall(), 3),
                'unchosen': self._was_unchosen}  # fmt: skip


def points_words() -> dict[str, str]:
    """What the list says of itself."""
    return {
        **list_words(),
        'search_one': _('Search {count} value'),
        'search_many': _('Search {count} values'),
        'only_': _('All'),
        'only_writable': _('Can be set'),
        'only_stale': _('Old or broken'),
        'publish': _('Write to a topic'),
        'empty_title': _('No values yet'),
        'empty_text': _('What the device reports appears here by itself.'),
        'none_text': _('The search and the filters hide all {total} values.'),
    }


def _unchosen_words(is_plc: bool) -> dict[str, str]:
    """For a device whose values have to be chosen first."""
    if is_plc:
        return {'unchosen_title': _('No symbols are chosen yet'), 'browse': _('Choose symbols'),
                'unchosen_text': _('Choose under Browse what is to be read from the PLC.')}  # fmt: skip
    return {'unchosen_title': _('Nothing is chosen yet'), 'browse': _('Browse the device'),
            'unchosen_text': _('Choose under Browse which of its characteristics are kept.')}  # fmt: skip
