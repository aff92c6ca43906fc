"""One point, close up: its value in full, the last hour of a number, and a form to set it."""
import math

from nicegui import ui

from edgeos.connections.journal import visible
from edgeos.gateway import Point
from pages.format import Format, Translate, full_value
from pages.frame import House
from pages.i18n import _, current_language
from pages.live_text import LocalTime
from pages.sheet import Button, Sheet, Text, one_per_page
from pages.time_graph import Data, Line, Panel, Row, TimeGraph
from pages.toasts import say_trouble
from pages.write_form import PointOwner, WriteForm

HOUR = 3600.0
ON_ONE_LINE = 48  # characters; what is longer, or has several lines, is shown in a box of its own
MOST_SHOWN = 64 * 1024


def open_point(house: House, connection: PointOwner, name: str) -> None:
    """Show the point of that name."""
    point = connection.source.points.get(name)
    if point is None:
        say_trouble(_('This value does not exist any more.'))
        return
    one_per_page('point', PointSheet).show(house, connection, point)


class PointSheet:
    """Built once per page; filled anew for each point, and live while it is open."""

    def __init__(self) -> None:
        self._sheet = Sheet(look='cp-sheet')
        self._format = Format(current_language(), _)
        self._shown: tuple[House, PointOwner] | None = None
        self._point: Point | None = None
        self._form: WriteForm | None = None
        self._graph: TimeGraph | None = None
        self._drawn = 0.0  # time of the newest value in the graph
        with self._sheet.bar:
            self._copy = Button(_('Copy name'), self._copy_name, look='gh')
            Button(_('Close'), self._sheet.close)
        self._timer = ui.timer(1.0, self._tick, active=False)
        self._sheet.on_close(self._forget)

    def show(self, house: House, connection: PointOwner, point: Point) -> None:
        """Open for this point."""
        self._shown = (house, connection)
        self._point, self._clock = point, connection.clock
        self._sheet.set_title(point.name.rpartition('/')[2] or point.name)
        self._sheet.body.clear()
        with self._sheet.body:
            Text('p', point.name, 'cp-full-name')
            with ui.element('div').classes('cp-now'):
                self._value = Text('bdi', '', 'eo-figure')
                Text('span', point.unit, 'eo-muted')
            with ui.element('div').classes('eo-facts'):
                Text('span', type_words(_).get(point.type, point.type))
                self._quality = Text('span')
                self._time = LocalTime(current_language())
            self._long = Text('pre', '', 'cp-long')
            self._gone = Text('p', '', 'eo-why eo-bad cp-gone').props('role=status')
            self._form = WriteForm(house, connection, point) if point.writable else None
            self._graph = self._make_graph(point) if point.ring is not None else None
        self._refresh()
        self._timer.activate()
        self._sheet.open()

    def _forget(self) -> None:
        self._timer.deactivate()
        self._point = self._form = self._graph = self._shown = None
        self._sheet.body.clear()

    def _copy_name(self) -> None:
        if self._point is not None:
            ui.clipboard.write(self._point.name)

    def _tick(self) -> None:
        self._follow()
        if self._point is not None:
            self._refresh()
            self._grow(self._point)
            if self._form is not None:
                self._form.tick()

    def _follow(self) -> None:
        """A point that is gone says so; one that was made anew, as with another type, is shown anew."""
        if self._point is None or self._shown is None:
            return
        present = self._shown[1].source.points.get(self._point.name)
        _set(self._gone, '' if present is not None else _('This value does not exist any more.'))
        if present is not None and present is not self._point:
            self.show(*self._shown, present)

    def _refresh(self) -> None:
        point = self._point
        assert point is not None
        full = full_value(point.value)[:MOST_SHOWN]
        if type(point.value) is float:
            full = self._format.localized(full)
        needs_room = len(full) > ON_ONE_LINE or full != visible(full)
        words = {'stale': _('old: the link is down'), 'bad': _('broken: could not be read')}
        if point.value is None and point.quality != 'good':
            full = '–'
        _set(self._value, '' if needs_room else full or '""')
        _set(self._long, full if needs_room else '')
        _set(self._quality, words.get(point.quality, ''))
        age = self._clock.wall() - point.time
        self._time.show(self._format.ago(age) if point.time else _('never'), point.time or None)

    # the graph

    def _make_graph(self, point: Point) -> TimeGraph:
        kind = 'steps' if isinstance(point.value, bool) else 'line'
        panel = Panel(_('The last hour'), point.unit, (Line(point.name, '--series-1'),), kind, height=170, si=False)
        rows = rows_of(point, self._clock.wall() - HOUR)
        self._drawn = rows[-1][0] or 0.0 if rows else 0.0
        now = self._clock.wall()
        words = {'collecting': _('Collecting, first value in {count} s'), 'soon': _('Waiting for the next value')}
        return TimeGraph([panel], Data(HOUR, 1, now, now, rows), words=words, locale=current_language(),
                         label=_('The last hour of {name}').format(name=point.name), fit=True)  # fmt: skip

    def _grow(self, point: Point) -> None:
        if self._graph is None:
            return
        rows = [row for row in rows_of(point, self._drawn) if (row[0] or 0.0) > self._drawn]
        if rows:
            self._drawn = rows[-1][0] or 0.0
        self._graph.extend(self._clock.wall(), rows)


def type_words(_: Translate) -> dict[str, str]:
    """What kind of value it is, where the device has no name of its own for it."""
    return {'number': _('Number'), 'string': _('Text'), 'boolean': _('On or off'), 'array': _('List'),
            'object': _('Structure'), 'null': _('Nothing'), 'binary': _('Binary')}  # fmt: skip


def rows_of(point: Point, since: float) -> list[Row]:
    """The values a point has kept, a gap as None."""
    if point.ring is None:
        return []
    return [(t, None if math.isnan(value) else value) for t, value in point.ring.values(since)]


def _set(element: Text, text: str) -> None:
    if element.text != text:
        element.text = text


