"""The traffic of a connection over time: packets, bytes and errors, from five minutes to a week."""
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from nicegui import background_tasks, ui

from edgeos.connections.connection import Connection
from edgeos.connections.traffic import Sample
from pages.i18n import _, current_language
from pages.place import place_of
from pages.range_buttons import RangeButtons
from pages.time_graph import Data, Line, Panel, Row, TimeGraph
from pages.words import graph_words

APART = 1.5  # steps between two values beyond which no line joins them
LATE = 10.0  # s that one late sample may stand for
SETTLE = 2.0  # s after a minute until it can be read back


class Range(NamedTuple):
    """`span` s with a value every `step` s, from samples taken every `source` s."""

    span: int
    step: int
    source: int


RANGES = {'5min': Range(300, 1, 1), '1h': Range(3600, 10, 1), '24h': Range(86400, 120, 60),
          '7d': Range(604800, 600, 60)}  # fmt: skip


class Taken(NamedTuple):
    """One sample: the middle of the time it stands for, how many seconds, its counts, whether a gap comes before."""

    middle: float
    seconds: float
    counts: tuple[int, ...]  # packets sent and received, bytes sent and received, errors
    apart: bool


class TrafficGraph:
    """Range buttons and the graph; grows once a second while it is looked at."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._name = place_of('range', RANGES, '5min')
        self._last = 0.0  # time of the newest row the browser has
        self._due = 0.0  # when ranges made of minutes are read again
        self._build()

    def _build(self) -> None:
        wanted = RANGES[self._name]
        rows = self._seconds(wanted.span) if wanted.source == 1 else []  # minutes are read by the first tick
        self._remember(rows)
        with ui.element('section').classes('eo-panel cp-traffic').props(f'aria-label="{_("Traffic")}"'):
            with ui.element('div').classes('eo-row cp-panel-head'):
                ui.label(_('Traffic')).classes('eo-h2 eo-grow').props('role=heading aria-level=2')
                RangeButtons(self._name, self._choose)
            self._graph = TimeGraph(_panels(), self._data(rows), words=graph_words(), locale=current_language(),
                                    label=_('Packets, bytes and errors over time'))  # fmt: skip

    async def _choose(self, name: str) -> None:
        self._name = name
        await self._show()

    async def _show(self) -> None:
        name = self._name
        wanted = RANGES[name]
        if wanted.source == 1:
            rows = self._seconds(wanted.span)
        else:
            clock = self._connection.clock
            self._due = 60 * math.ceil(clock.wall() / 60) + SETTLE
            samples = await self._connection.services.history.minutes(self._connection.id, wanted.span)
            rows = to_rows(samples, wanted)
        if name == self._name and not self._graph.is_deleted:
            self._remember(rows)
            self._graph.show(self._data(rows))

    def resume(self) -> None:
        """It is looked at again: fetch what was missed."""
        background_tasks.create(self._show(), name='graph of a connection')

    def tick(self) -> None:
        """Grow by what is new."""
        wanted = RANGES[self._name]
        now = self._connection.clock.wall()
        if wanted.source == 1:
            rows = [row for row in self._seconds(3 * wanted.step + 3) if (row[0] or 0) >= self._last]
            self._remember(rows)
            self._graph.extend(now, rows)
        elif now >= self._due:
            self.resume()

    def _seconds(self, seconds: int) -> list[Row]:
        return to_rows(self._connection.traffic.history(seconds), RANGES[self._name])

    def _remember(self, rows: Sequence[Row]) -> None:
        self._last = (rows[-1][0] or 0.0) if rows else 0.0

    def _data(self, rows: Sequence[Row]) -> Data:
        wanted, now = RANGES[self._name], self._connection.clock.wall()
        begun = now + 1.5 if wanted.source == 1 else 60 * math.ceil(now / 60) + SETTLE
        return Data(wanted.span, wanted.step, now, begun, rows)


# from samples to rows


def to_rows(samples: Iterable[Sample], wanted: Range) -> list[Row]:
    """Packets and bytes per second, and errors, for each step; a row of None wherever no line may be drawn."""
    rows: list[Row] = []
    before: float | None = None
    taken = _taken(samples, wanted.source)
    for step, group in groupby(taken, key=lambda each: math.floor(each.middle / wanted.step)):
        members = list(group)
        at = members[-1].middle + 0.5 if wanted.step == 1 else (step + 0.5) * wanted.step
        if before is not None and (members[0].apart or at - before > APART * wanted.step):
            rows.append(((before + at) / 2, None, None, None, None, None))
        rows.append((round(at, 2), *_per_second(members)))
        before = at
    return rows


def _taken(samples: Iterable[Sample], source: int) -> Iterator[Taken]:
    before: float | None = None
    for sample in samples:
        seconds = float(source)
        apart = before is not None and (sample.gap or sample.t - before > APART * source)
        if source == 1:
            if apart and before is not None and not sample.gap and sample.t - before <= LATE:
                seconds = sample.t - before
            middle = sample.t - 0.5
        else:
            middle = sample.t + source / 2
        yield Taken(middle, seconds, tuple(sample[1:6]), apart)
        before = sample.t


def _per_second(members: list[Taken]) -> list[float]:
    seconds = sum(taken.seconds for taken in members)
    sums = [sum(column) for column in zip(*(taken.counts for taken in members), strict=True)]
    return [*(_rounded(total / seconds) for total in sums[:4]), sums[4]]


def _rounded(value: float) -> float:
    """As exact as a pixel shows."""
    return round(value, 3 if value < 100 else 0)


def _panels() -> list[Panel]:
    both = (Line(_('Sent'), '--up'), Line(_('Received'), '--down'))
    return [Panel(_('Packets per second'), '/s', both, height=128, least=1),
            Panel(_('Bytes per second'), 'B/s', both, height=104, least=100),
            Panel(_('Errors'), '', (Line(_('Errors'), '--bad'),), 'bars', height=48, least=1)]  # fmt: skip
