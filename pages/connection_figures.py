"""What a connection has done so far, how fast it is, how far it came, and when it came and went."""
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from nicegui import background_tasks, ui
from nicegui.element import Element

from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.connection import Connection
from edgeos.connections.history import LinkEvent
from edgeos.connections.state import Status
from pages.connection_graphs import TrafficGraph
from pages.format import Format
from pages.i18n import _, current_language
from pages.ladder_view import show_ladder
from pages.live_text import LiveTexts, LocalTime
from pages.rows import state_of
from pages.sheet import Text
from pages.time_graph import OVERVIEW, OWN
from pages.words import time_words

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
WINDOWS = (1, 5, 30, 60)  # s over which rates are averaged
EVENTS_EVERY = 5.0  # s

ShownEvent = tuple[float, str, str, str]


class LinkEvents(Element, component=_ASSETS / 'link_events.js', dependencies=[OVERVIEW, OWN]):
    """When the link came and went, newest first."""

    def __init__(self, events: Sequence[ShownEvent], now: float, *, words: Mapping[str, str], locale: str) -> None:
        super().__init__()
        self._props['first'] = list(events)
        self._props['now'] = now
        self._props['words'] = dict(words)
        self._props['locale'] = locale

    def show(self, now: float, events: Sequence[ShownEvent]) -> None:
        """All of them anew; `now` is epoch s."""
        self.run_method('show', now, list(events))


class StatisticsView:
    """Figures, graph, rates, ladder and history."""

    def __init__(self, connection: Connection, events: Sequence[LinkEvent]) -> None:
        self._connection = connection
        self._format = Format(current_language(), _)
        self._texts = LiveTexts()
        self._ladder_key: object = None
        self._events_due = 0.0
        with ui.element('div').classes('cp-figures'):
            self._build_figures()
        with ui.element('div').classes('cp-columns') as self._columns:
            self._graph = TrafficGraph(connection)
            with ui.element('div').classes('cp-side'):
                self._build_ladder()
                self._build_rates()
                self._build_events(events)
        self._refresh()

    def tick(self) -> None:
        """Everything that moves, once a second."""
        self._texts.tick()
        self._graph.tick()
        self._refresh()
        if (now := self._connection.clock.monotonic()) >= self._events_due:
            self._events_due = now + EVENTS_EVERY
            background_tasks.create(self._show_events(), name='events of a connection')

    def resume(self) -> None:
        """It is looked at again."""
        self._texts.tick()
        self._graph.resume()
        self._refresh()

    # figures

    def _build_figures(self) -> None:
        traffic, trips, write = self._connection.traffic, self._connection.traffic.round_trips, self._format
        self._figure(_('Received'), lambda: write.whole(traffic.packets_received),
                     lambda: write.bytes(traffic.bytes_received))  # fmt: skip
        self._figure(_('Sent'), lambda: write.whole(traffic.packets_sent), lambda: write.bytes(traffic.bytes_sent))
        self._figure(_('Errors'), lambda: write.whole(traffic.errors), self._error_share)
        self._figure(_('Reconnects'), lambda: write.whole(traffic.reconnects), self._flaps)
        self._figure(_('Round trip'), lambda: write.milliseconds(trips.last),
                     lambda: _('typical {p50}, 99 % under {p99}').format(p50=write.milliseconds(trips.p50),
                                                                           p99=write.milliseconds(trips.p99))
                     if trips.last is not None else _('not measured yet'))  # fmt: skip
        with ui.element('div').classes('cp-figure'):
            Text('span', _('Connected for'))
            self._texts.add('b', self._uptime, 'eo-figure')
            with ui.element('span').classes('note'):
                self._texts.add('span', lambda: _('Last activity:'))
                self._seen = LocalTime(current_language())

    def _figure(self, name: str, read: Callable[[], str], note: Callable[[], str]) -> None:
        with ui.element('div').classes('cp-figure'):
            Text('span', name)
            self._texts.add('b', read, 'eo-figure')
            self._texts.add('span', note, 'note')

    def _error_share(self) -> str:
        share = self._connection.error_share
        return _('{percent} % in the last minute').format(percent=self._format.localized(f'{share * 100:.1f}'))

    def _flaps(self) -> str:
        return _('{count} × lost in the last hour').format(count=self._format.whole(self._connection.flaps))

    def _uptime(self) -> str:
        uptime = self._connection.uptime
        return '–' if uptime is None else self._format.span(uptime)

    # rates

    def _build_rates(self) -> None:
        with ui.element('section').classes('eo-panel'):
            Text('h2', _('Rates'))
            with ui.element('table').classes('eo-table cp-rates'):
                with ui.element('tr'):
                    for text in (_('over'), _('↑ sent'), _('↓ received')):
                        Text('th', text).props('scope=col')
                for seconds in WINDOWS:
                    with ui.element('tr'):
                        Text('th', _('{count} s').format(count=seconds)).props('scope=row')
                        self._rate_cell(seconds, 0)
                        self._rate_cell(seconds, 1)

    def _rate_cell(self, seconds: int, way: int) -> None:
        traffic, write = self._connection.traffic, self._format
        with ui.element('td'):
            self._texts.add('b', lambda: write.figure(traffic.rates(seconds)[way]) + '/s')
            self._texts.add('span', lambda: write.byte_rate(traffic.rates(seconds)[way + 2]), 'note')

    # ladder

    def _build_ladder(self) -> None:
        with ui.element('section').classes('eo-panel cp-ladder'):
            Text('h2', _('The way to the device'))
            self._ladder = ui.element('div')

    def _refresh(self) -> None:
        """What is more than a text."""
        connection = self._connection
        seen = connection.last_seen
        self._seen.show(_('never') if seen is None else self._format.ago(connection.clock.wall() - seen), seen)
        failed = state_of(connection) == 'error' and connection.status is not Status.CONNECTED
        steps = connection.ladder.steps(failed=failed)
        trying = connection.status is Status.CONNECTING
        key = (tuple(steps), trying, ladder_kind(connection))
        if key != self._ladder_key:
            self._ladder_key = key
            self._columns.classes(add='trouble' if failed else '', remove='' if failed else 'trouble')
            self._ladder.clear()
            with self._ladder:
                show_ladder(steps, None, kind=ladder_kind(connection), is_trying=trying)

    # history

    def _build_events(self, events: Sequence[LinkEvent]) -> None:
        with ui.element('section').classes('eo-panel'):
            Text('h2', _('Came and went'))
            self._events = LinkEvents(self._shown(events), round(self._connection.clock.wall(), 3),
                                      words=_event_words(), locale=current_language())  # fmt: skip

    async def _show_events(self) -> None:
        events = await self._connection.services.history.events(self._connection.id)
        if not self._events.is_deleted:
            with self._events:
                self._events.show(round(self._connection.clock.wall(), 3), self._shown(events))

    def _shown(self, events: Sequence[LinkEvent]) -> list[ShownEvent]:
        return shown_events(events, lambda seconds: _('after {time}').format(time=self._format.span(seconds)))


def ladder_kind(connection: Connection) -> str:
    """Which words and steps its ladder has."""
    return 'heard' if isinstance(connection, BluetoothConnection) and connection.is_passive else connection.KIND


def shown_events(events: Sequence[LinkEvent], lasted: Callable[[float], str]) -> list[ShownEvent]:
    """Newest first; an end also says how long the link had lasted."""
    shown = []
    for event, before in zip_longest(events, events[1:]):
        note = ''
        if event.kind in ('lost', 'disconnected') and before is not None and before.kind == 'connected':
            note = lasted(event.t - before.t)
        shown.append((round(event.t, 3), event.kind, event.text, note))
    return shown


def _event_words() -> dict[str, str]:
    return {**time_words(), 'kind_connected': _('Connected'), 'kind_lost': _('Lost'), 'kind_failed': _('Not reached'),
            'kind_disconnected': _('Switched off'), 'empty': _('Nothing yet.'), 'fewer': _('Show fewer'),
            'all': _('Show all {count}')}  # fmt: skip
