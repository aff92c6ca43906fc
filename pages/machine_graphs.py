"""The machine over time, from five minutes to a week: CPU in all and per core, load, memory, disk, heat, lateness."""
import math
import os
from collections.abc import Sequence
from math import isnan, nan

from nicegui import background_tasks, ui

from edgeos.connections.history_file import Vital
from edgeos.vitals import EVERY, HOUR, LATE, Vitals
from pages.connection_graphs import SETTLE, Range
from pages.frame import House
from pages.i18n import _, current_language
from pages.place import place_of
from pages.range_buttons import RangeButtons
from pages.stepped import stepped
from pages.time_graph import Data, Line, Panel, Row, TimeGraph
from pages.words import graph_words

RANGES = {'5min': Range(300, 0, 2), '1h': Range(3600, 10, 2), '24h': Range(86400, 120, 60),
          '7d': Range(604800, 600, 60)}  # fmt: skip
COLORS = 6  # that lines can be told apart by
MOST_CORES = 12  # more lines would be a tangle: then only the busiest core is drawn
MINUTE = 60.0
LEGEND = 3  # cores that have room for their full name above the graph


class MachineGraphs:
    """Range buttons and two graphs beside each other; grow every two seconds by what is new."""

    def __init__(self, house: House) -> None:
        self._vitals: Vitals = house.system.vitals
        self._clock = house.system.services.clock
        self._name = place_of('range', RANGES, '5min')
        self._last = 0.0  # time of the newest row that the browser has
        self._due = 0.0  # when ranges made of minutes are read again
        latest = self._vitals.latest
        self._cores = len(latest.cores) if latest is not None else os.cpu_count() or 1
        self._is_hot = any(not isnan(vital.temperature) for vital in self._vitals.recent(HOUR))
        self._build()

    def _build(self) -> None:
        span = RANGES[self._name].span
        rows = self._recent(span) if span <= HOUR else []  # minutes are read by the first tick
        self._remember(rows)
        with ui.element('section').classes('eo-panel sy-machine').props(f'aria-label="{_("History")}"'):
            with ui.element('div').classes('eo-row cp-panel-head'):
                ui.label(_('History')).classes('eo-h2 eo-grow').props('role=heading aria-level=2')
                RangeButtons(self._name, self._choose)
            with ui.element('div').classes('sy-graphs'):
                self._graphs = [
                    TimeGraph(panels, self._data(part), words=graph_words(), locale=current_language(), label=label)
                    for panels, part, label in (
                        (self._work_panels(), self._part(rows), _('CPU and load over time')),
                        (self._room_panels(), self._rest(rows), _('Memory, disk and delay over time')))
                ]  # fmt: skip

    async def _choose(self, name: str) -> None:
        self._name = name
        await self._show()

    async def _show(self) -> None:
        name = self._name
        wanted = RANGES[name]
        if wanted.span <= HOUR:
            rows = self._recent(wanted.span)
        else:
            self._due = MINUTE * math.ceil(self._clock.wall() / MINUTE) + SETTLE
            minutes = await self._vitals.minutes(wanted.span)
            rows = self._rows(minutes, wanted)
        if name == self._name and not self._graphs[0].is_deleted:
            self._remember(rows)
            self._graphs[0].show(self._data(self._part(rows)))
            self._graphs[1].show(self._data(self._rest(rows)))

    def tick(self) -> None:
        """Nothing is sent while nothing was measured."""
        wanted, now = RANGES[self._name], self._clock.wall()
        if wanted.span > HOUR:
            if not self._due - 2 * MINUTE <= now < self._due:
                self._due = now + MINUTE
                background_tasks.create(self._show(), name='graphs of the machine')
            return
        latest = self._vitals.latest
        if latest is None or latest.t == self._seen:
            return
        if latest.t < self._seen:  # the clock was set back: what is drawn lies in the future
            background_tasks.create(self._show(), name='graphs of the machine')
            return
        since = now - self._last + 2 * max(wanted.step, EVERY)
        rows = [row for row in self._recent(since) if (row[0] or 0.0) >= self._last]
        self._remember(rows)
        self._graphs[0].extend(now, self._part(rows))
        self._graphs[1].extend(now, self._rest(rows))

    # rows

    def _recent(self, seconds: float) -> list[Row]:
        wanted = RANGES[self._name]
        seconds += -seconds % wanted.step if wanted.step else 0  # whole steps: a part of one would be another average
        return self._rows(self._vitals.recent(seconds), wanted)

    def _rows(self, vitals: Sequence[Vital], wanted: Range) -> list[Row]:
        shift = wanted.source / 2 if wanted.source >= MINUTE else 0.0
        columns = [columns_of(vital, self._cores, shift) for vital in vitals]
        worst = len(columns[0]) - 1 if columns else 0
        return stepped(columns, wanted.step, LATE * wanted.source, worst=(worst,))

    def _remember(self, rows: Sequence[Row]) -> None:
        self._last = (rows[-1][0] or 0.0) if rows else self._last
        self._seen = self._vitals.latest.t if self._vitals.latest is not None else 0.0

    @property
    def _work_lines(self) -> int:
        return 2 + core_lines(self._cores)

    def _part(self, rows: Sequence[Row]) -> list[Row]:
        """Of the first graph."""
        return [row[: 1 + self._work_lines] for row in rows]

    def _rest(self, rows: Sequence[Row]) -> list[Row]:
        """Of the second one, without the temperature where nobody measures it."""
        first = 1 + self._work_lines
        return [(row[0], *row[first : first + 2], *(row[first + 2 :] if self._is_hot else row[first + 3 :]))
                for row in rows]  # fmt: skip

    def _data(self, rows: Sequence[Row]) -> Data:
        wanted, now = RANGES[self._name], self._clock.wall()
        begun = now + EVERY if wanted.span <= HOUR else MINUTE * math.ceil(now / MINUTE) + SETTLE
        return Data(wanted.span, wanted.step or EVERY, now, begun, rows)

    # panels

    def _work_panels(self) -> list[Panel]:
        return [Panel(_('CPU'), '%', (Line(_('CPU'), '--series-1'),), height=92, si=False, least=100),
                Panel(_('CPU per core'), '%', lines_of_cores(self._cores), height=92, si=False, least=100),
                Panel(_('Load'), '', (Line(_('Load'), '--series-7'),), height=64, si=False, least=1)]  # fmt: skip

    def _room_panels(self) -> list[Panel]:
        heat = [Panel(_('Temperature'), '°C', (Line(_('Temperature'), '--series-2'),), height=64, si=False,
                      bounds=(30, 60))] if self._is_hot else []  # fmt: skip
        return [Panel(_('Memory'), '%', (Line(_('Memory'), '--series-3'),), height=64, si=False, least=100),
                Panel(_('Disk'), '%', (Line(_('Disk'), '--series-4'),), height=64, si=False, least=100), *heat,
                Panel(_('Delay of the event loop'), 'ms', (Line(_('Delay'), '--series-2'),), height=64, si=False,
                      least=10)]  # fmt: skip


def core_lines(cores: int) -> int:
    """How many lines the cores have."""
    return cores if cores <= MOST_CORES else 1


def lines_of_cores(cores: int) -> list[Line]:
    """One for each core, or for the busiest of many."""
    if cores > MOST_CORES:
        return [Line(_('Busiest core'), '--series-1')]
    template = _('Core {number}') if cores <= LEGEND else '{number}'
    return [Line(template.format(number=at + 1), f'--series-{at % COLORS + 1}') for at in range(cores)]


def columns_of(vital: Vital, cores: int, shift: float = 0.0) -> tuple[float, ...]:
    """Time, CPU, its cores, load, memory, disk, temperature, lag; cores that were not there then are NaN."""
    if cores > MOST_CORES:
        each = [max(vital.cores, default=nan)]
    else:
        each = [*vital.cores[:cores], *([nan] * (cores - len(vital.cores)))]
    return (vital.t + shift, vital.cpu, *each, vital.load, vital.memory, vital.disk, vital.temperature, vital.lag)
