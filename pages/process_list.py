"""The list of watched processes: told once a second what has changed; one row at a time shows more."""
from collections.abc import Mapping, Sequence
from pathlib import Path

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.mechanism_view import show_mechanism, show_unavailable
from pages.process_detail import ProcessDetail, plugin_names
from pages.process_rows import TROUBLE, Past, Row, gone_row, shown_rows
from pages.sheet import Text, icon_of
from pages.time_graph import OVERVIEW, OWN

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'


class ProcessList(Element, component=_ASSETS / 'process_list.js', dependencies=[OVERVIEW, OWN]):
    """Rows of `process_rows`; what its open row holds are the elements inside it."""

    def __init__(self, rows: Sequence[Row], *, words: Mapping[str, str], locale: str) -> None:
        super().__init__()
        self._props['first'] = {'rows': list(rows), 'order': [row['name'] for row in rows]}
        self._props['words'] = dict(words)
        self._props['locale'] = locale

    def hear(self, rows: Sequence[Row], order: Sequence[str] | None) -> None:
        """Rows that changed, and all names in order where that is another one."""
        self.run_method('hear', {'rows': list(rows), 'order': order and list(order)})

    def ready(self, name: str) -> None:
        """The open row has all it shows."""
        self.run_method('ready', name)


class ProcessesView:
    """Rows, the sentence on how they are held, and what to expect while there are none."""

    def __init__(self, house: House) -> None:
        self._system = house.system
        self._house = house
        self._format = Format(current_language(), _)
        self._detail: ProcessDetail | None = None
        self._last: Row = {}  # the open row as it was when it was last seen running
        self._told = {row['name']: row for row in self._rows()}
        limiter = house.system.limits.limiter
        with ui.element('section').classes('eo-panel sy-processes').props(f'aria-label="{_("Processes")}"'):
            with ui.element('div').classes('sy-title'):
                Text('h2', _('Processes'))
                show_mechanism(limiter.mechanism.name)
            self._list = ProcessList(list(self._told.values()), words=_words(), locale=current_language())
            with ui.element('div').classes('sy-none') as self._empty:
                icon_of('plugins')
                Text('p', _('PLC workers and plugins appear here as soon as they run.'))
            show_unavailable(limiter.unavailable)
        self._list.on('open', self._open)
        self._list.on('close', lambda _event: self._close(), [])
        self._show_either()

    @property
    def troubles(self) -> int:
        """How many of them need somebody."""
        return sum(row['tone'] in TROUBLE for row in self._told.values())

    @property
    def held(self) -> int:
        return sum(row['tone'] == 'busy' for row in self._told.values())

    def tick(self) -> None:
        """Tell what is new."""
        rows = {row['name']: row for row in self._rows()}
        changed = [row for name, row in rows.items() if self._told.get(name) != row]
        order = None if list(rows) == list(self._told) else list(rows)
        self._told = rows
        if changed or order is not None:
            self._list.hear(changed, order)
            self._show_either()
        if self._detail is not None:
            self._detail.tick()

    def _rows(self) -> list[Row]:
        stats, usage = self._system.limits.limiter.get_stats(), self._system.usage
        starts = {row['name']: usage.starts(row['name']) for row in stats['processes'].values()}
        past = Past(self._system.services.clock.wall(), starts, self._system.limits.restarts,
                    plugin_names(self._system))  # fmt: skip
        rows = shown_rows(stats, past, self._format, _)
        if self._detail is not None:  # stays where somebody may be writing, also while it is started again
            name = self._detail.name
            running = next((row for row in rows if row['name'] == name), None)
            self._last = running or self._last
            if running is None:
                rows.append(gone_row(name, self._last, _))
        return rows

    def _show_either(self) -> None:
        self._list.set_visibility(bool(self._told))
        self._empty.set_visibility(not self._told)

    def _open(self, event: GenericEventArguments) -> None:
        name = str(event.args)
        if name not in self._told:
            return
        self._last = self._told[name]
        self._list.clear()
        with self._list:
            self._detail = ProcessDetail(self._house, name)
        self._list.ready(name)

    def _close(self) -> None:
        self._detail = None
        self._list.clear()


def _words() -> dict[str, str]:
    names: dict[str, str] = {'state': _('State'), 'name': _('Process'), 'cpu': _('CPU'), 'memory': _('Memory'),
                             'how': _('Mechanism'), 'title': _('Processes')}  # fmt: skip
    return names
