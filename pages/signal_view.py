"""How a Bluetooth device is heard: its strength over the last hour, how often, and every attempt to connect."""
from collections.abc import Callable, Sequence

from nicegui import ui

from edgeos.bluetooth.adverts import Strength
from edgeos.connections.bluetooth import Attempt, BluetoothConnection
from edgeos.connections.state import Status
from pages.connection_figures import LinkEvents, ShownEvent
from pages.format import Format, Translate
from pages.i18n import _, current_language
from pages.live_text import LiveTexts, LocalTime
from pages.nearby import bars_of, dbm, signal_of
from pages.rows import error_word
from pages.sheet import Text
from pages.time_graph import Data, Line, Panel, Row, TimeGraph
from pages.words import time_words

HOUR = 3600.0
USUAL = (-90.0, -50.0)  # dBm that the axis always shows, so that noise looks like noise
APART = 15.0  # s without an advert beyond which no line joins two; sleepy sensors are given three times their pace


class SignalView:
    """Figures, graph and attempts; refreshed while it is looked at."""

    def __init__(self, connection: BluetoothConnection) -> None:
        self._connection = connection
        self._format = Format(current_language(), _)
        self._texts = LiveTexts()
        self._bars = -1
        self._attempts: tuple[Attempt, ...] = ()
        with ui.element('div').classes('cp-figures four'):
            self._build_figures()
        self._note = Text('p', '', 'eo-why cp-note')
        with ui.element('div').classes('cp-columns'):
            with ui.element('section').classes('eo-panel'):
                Text('h2', _('Signal strength'))
                self._graph = self._make_graph()
                Text('p', _('Nearer to zero is better: −60 dBm is good, below −80 dBm links break off.'), 'eo-hint')
            with ui.element('section').classes('eo-panel'):
                Text('h2', _('Attempts to connect'))
                self._events = LinkEvents(self._shown_attempts(), self._now(), words=_attempt_words(),
                                          locale=current_language())  # fmt: skip
        self._refresh()

    def tick(self) -> None:
        """What is new."""
        self._texts.tick()
        rows = [row for row in self._rows(self._drawn - APART) if (row[0] or 0.0) > self._drawn]
        self._remember(rows)
        self._graph.extend(self._now(), rows)
        self._refresh()

    def resume(self) -> None:
        """It is looked at again."""
        self._texts.tick()
        self._graph.show(self._data())
        self._refresh()

    def _now(self) -> float:
        return round(self._connection.clock.wall(), 3)

    # figures

    def _build_figures(self) -> None:
        with ui.element('div').classes('cp-figure'):
            Text('span', _('Signal'))
            with ui.element('span').classes('eo-row'):
                self._texts.add('b', self._strength, 'eo-figure')
                self._meter = ui.element('span').classes('eo-bars').props('aria-hidden="true"')
            self._texts.add('span', self._strength_words, 'note')
        self._figure(_('Adverts per second'), lambda: self._format.figure(self._rate()),
                     lambda: _('in the last minute'))  # fmt: skip
        self._figure(_('Adverts'), lambda: self._format.whole(self._connection.signal.count),
                     lambda: _('since the program began'))  # fmt: skip
        with ui.element('div').classes('cp-figure'):
            Text('span', _('Last heard'))
            self._heard = LocalTime(current_language())
            self._texts.add('span', self._scanner, 'note')

    def _figure(self, name: str, read: Callable[[], str], note: Callable[[], str]) -> None:
        with ui.element('div').classes('cp-figure'):
            Text('span', name)
            self._texts.add('b', read, 'eo-figure')
            self._texts.add('span', note, 'note')

    def _rate(self) -> float:
        return self._connection.signal.rate(self._connection.clock.monotonic())

    def _strength(self) -> str:
        rssi = self._connection.rssi
        return '–' if rssi is None else dbm(rssi)

    def _strength_words(self) -> str:
        rssi = self._connection.rssi
        return _('never heard') if rssi is None else signal_of(rssi, _).words

    def _scanner(self) -> str:
        """What the scanner of the adapter is doing."""
        radio = self._connection.radio
        text = _('Listening') if radio.is_scanning else _('Not listening at the moment')
        if radio.restarts:
            text += ' · ' + _('{count} × started anew').format(count=self._format.whole(radio.restarts))
        return text

    # graph

    def _make_graph(self) -> TimeGraph:
        panel = Panel(_('The last hour'), 'dBm', (Line(_('Signal strength'), '--series-1'),), height=210, si=False,
                      bounds=USUAL)  # fmt: skip
        words = {'collecting': _('Collecting, first value in {count} s'), 'soon': _('Not heard in the last hour')}
        return TimeGraph([panel], self._data(), words=words, locale=current_language(),
                         label=_('Signal strength over the last hour'), fit=True)  # fmt: skip

    def _data(self) -> Data:
        now = self._now()
        rows = self._rows(now - HOUR)
        self._drawn = 0.0
        self._remember(rows)
        return Data(HOUR, 1, now, now, rows)

    def _rows(self, since: float) -> list[Row]:
        apart = max(APART, 3 * self._connection.config.poll_s) if self._connection.is_passive else APART
        return strength_rows(self._connection.signal.strengths(since), apart)

    def _remember(self, rows: Sequence[Row]) -> None:
        if rows:
            self._drawn = rows[-1][0] or 0.0

    # the rest

    def _refresh(self) -> None:
        connection = self._connection
        newest = connection.signal.newest
        ago = _('never') if newest is None else self._format.ago(max(0.0, connection.clock.wall() - newest.t))
        self._heard.show(ago, None if newest is None else newest.t)
        bars = -1 if newest is None else bars_of(newest.rssi)
        if bars != self._bars:
            self._bars = bars
            self._meter.clear()
            with self._meter:
                for bar in range(4):
                    ui.element('i').classes('on' if bar < bars else '')
        self._say(note_of(connection))
        if tuple(connection.attempts) != self._attempts:
            self._events.show(self._now(), self._shown_attempts())

    def _say(self, text: str) -> None:
        if self._note.text != text:
            self._note.text = text

    def _shown_attempts(self) -> list[ShownEvent]:
        self._attempts = tuple(self._connection.attempts)
        return shown_attempts(self._attempts, self._format, _)


def strength_rows(samples: Sequence[Strength], apart: float) -> list[Row]:
    """One row for each; one of None where nothing was heard for longer than `apart` seconds, or the clock went back."""
    rows: list[Row] = []
    before: float | None = None
    for sample in samples:
        if before is not None and not 0 <= sample.t - before <= apart:
            rows.append((round((before + sample.t) / 2, 2), None))
        rows.append((round(sample.t, 2), sample.rssi))
        before = sample.t
    return rows


def shown_attempts(attempts: Sequence[Attempt], write: Format, translate: Translate) -> list[ShownEvent]:
    """The newest first; failures of the same kind in a row are one line."""
    runs: list[list[Attempt]] = []
    for attempt in reversed(attempts):
        if runs and attempt.outcome == runs[-1][0].outcome != 'connected':
            runs[-1].append(attempt)
        else:
            runs.append([attempt])
    return [shown_attempt(run[0], len(run), write, translate) for run in runs]


def shown_attempt(attempt: Attempt, count: int, write: Format, translate: Translate) -> ShownEvent:
    """An attempt, and how many there were like it, as the list in the browser takes it."""
    _ = translate
    is_connected = attempt.outcome == 'connected'
    took = write.milliseconds(attempt.seconds * 1000) if attempt.seconds < 1 else write.span(attempt.seconds)
    note = (_('in {time}') if is_connected else _('after {time}')).format(time=took)
    if attempt.rssi is not None:
        note += f' · {dbm(attempt.rssi)}'
    if count > 1:
        note += ' · ' + _('{count} times').format(count=write.whole(count))
    kind = 'connected' if is_connected else 'failed'
    return round(attempt.t, 3), kind, '' if is_connected else outcome_words(attempt.outcome, _), note


def outcome_words(code: str, translate: Translate) -> str:
    """Why an attempt failed, in one sentence."""
    _ = translate
    words = {
        'device_not_found': _('It was not heard.'), 'timeout': _('It did not answer in time.'),
        'device_busy': _('It had no connection free.'), 'profile_mismatch': _('It is no device of that kind.'),
        'adapter_missing': _('No Bluetooth adapter could be used.'), 'adapter_off': _('The Bluetooth adapter was off.'),
        'not_authorised': _('The access was refused.'), 'refused': _('It refused what was asked.'),
        'connection_lost': _('The link broke off.'),
    }  # fmt: skip
    return words.get(code) or error_word(_, code)


def note_of(connection: BluetoothConnection) -> str:
    """How to read the graph; nothing where the head of the page already says what is wrong."""
    if connection.radio.trouble is not None:
        return ''  # the head says so already
    if connection.is_passive:
        return _('This sensor is only heard: no connection is made, so it keeps its battery and stays free for others.')
    if connection.status is Status.CONNECTED:
        return _('Many devices are silent while they are connected: a gap in the graph then is no sign of trouble.')
    return _('A device that is not heard is switched off, too far away, or connected to somebody else.')


def _attempt_words() -> dict[str, str]:
    return {**time_words(), 'kind_connected': _('Connected'), 'kind_failed': _('Not reached'),
            'empty': _('Nothing yet.'), 'fewer': _('Show fewer'), 'all': _('Show all {count}')}  # fmt: skip
