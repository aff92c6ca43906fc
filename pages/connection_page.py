"""Everything about one connection: statistics, live values, names, log, settings."""
from collections.abc import Callable
from typing import Protocol

from nicegui import context, ui

from edgeos import NAME
from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.connection import Connection
from pages.bluetooth_browse import BluetoothBrowse
from pages.browser_view import BrowserView
from pages.connection_figures import StatisticsView
from pages.connection_head import ConnectionHead
from pages.connection_summary import SettingsView
from pages.frame import House
from pages.i18n import _
from pages.log_view import LogView
from pages.points_view import PointsView
from pages.sheet import Text, icon_of
from pages.signal_view import SignalView


class Section(Protocol):
    """What a tab holds; made when it is first opened, refreshed only while it is looked at."""

    def tick(self) -> None:
        """A second has passed."""

    def resume(self) -> None:
        """It is looked at again."""


async def content(house: House, connection_id: str) -> None:
    """The page of one connection, or a way back when there is none of that id."""
    connection = house.system.connections.connections.get(connection_id)
    if connection is None:
        show_unknown(connection_id)
        return
    events = await house.system.history.events(connection_id)
    ui.page_title(f'{connection.name} · {NAME}')
    makers: dict[str, tuple[str, Callable[[], Section]]] = {
        'statistics': (_('Statistics'), lambda: StatisticsView(connection, events)),
        'values': (_('Values'), lambda: PointsView(house, connection)),
        **special_tabs(house, connection),
        'log': (_('Log'), lambda: LogView(connection)),
        'settings': (_('Settings'), lambda: SettingsView(house, connection)),
    }
    with ui.element('div') as whole:
        head = ConnectionHead(house, connection)
        tabs = Tabs(f'/connections/{connection_id}', makers)

    def tick() -> None:
        present = house.system.connections.connections.get(connection_id)
        if present is connection:
            head.tick()
            tabs.tick()
            return
        timer.cancel()
        if present is not None:  # made anew, by a restored backup
            ui.navigate.reload()
            return
        whole.clear()
        with whole:
            show_unknown(connection_id)

    timer = ui.timer(1.0, tick)


def special_tabs(house: House, connection: Connection) -> dict[str, tuple[str, Callable[[], Section]]]:
    """What is shown in another way, or only, for some types."""
    if isinstance(connection, BluetoothConnection):
        return {'names': (_('Browse'), lambda: BluetoothBrowse(house, connection)),
                'signal': (_('Signal'), lambda: SignalView(connection))}  # fmt: skip
    return {'names': (_('Browse'), lambda: BrowserView(house, connection))}


def show_unknown(connection_id: str) -> None:
    """Nothing has that id: say so, and lead back."""
    with ui.element('div').classes('eo-empty'):
        icon_of('connections')
        Text('h2', _('There is no such connection'))
        Text('p', _('It may have been deleted, or the address has a mistake: {id}').format(id=connection_id[:80]))
        with ui.element('div').classes('eo-row'), ui.element('a').classes('eo-btn pri').props('href="/"'):
            Text('span', _('Show all connections'))


class Tabs:
    """Which section is shown is kept in the address, so that a reload stays there."""

    def __init__(self, path: str, makers: dict[str, tuple[str, Callable[[], Section]]]) -> None:
        self._path = path
        self._makers = makers
        self._sections: dict[str, Section] = {}
        self._buttons: dict[str, ui.element] = {}
        self._panels: dict[str, ui.element] = {}
        self._chosen = ''
        self._is_in_view = False
        request = context.client.request
        wanted = request.query_params.get('tab', '') if request is not None else ''
        with ui.element('div').classes('eo-tabs cp-tabs').props('role=tablist'):
            for name, (title, _make) in makers.items():
                self._buttons[name] = self._button(name, title)
        for name in makers:
            panel = ui.element('div').classes('cp-tab').props(f'role=tabpanel aria-label="{makers[name][0]}"')
            panel.set_visibility(False)
            self._panels[name] = panel
        self._show(wanted if wanted in makers else next(iter(makers)))

    def tick(self) -> None:
        """Only the section that is seen."""
        if not self._is_in_view:  # on a phone the tab may lie beyond the edge
            self._is_in_view = True
            self._buttons[self._chosen].run_method('scrollIntoView', {'inline': 'center', 'block': 'nearest'})
        self._sections[self._chosen].tick()

    def _button(self, name: str, title: str) -> ui.element:
        button = Text('button', title).props('type=button role=tab aria-selected=false')
        return button.on('click', lambda _event: self._choose(name), [])

    def _choose(self, name: str) -> None:
        if name != self._chosen:
            self._show(name)
            ui.navigate.history.replace(f'{self._path}?tab={name}')

    def _show(self, name: str) -> None:
        for each, button in self._buttons.items():
            chosen = each == name
            button.classes(add='on' if chosen else '', remove='' if chosen else 'on')
            button.props(f'aria-selected={"true" if chosen else "false"}')
            self._panels[each].set_visibility(chosen)
        self._chosen = name
        if name in self._sections:
            self._sections[name].resume()
        else:
            with self._panels[name]:
                self._sections[name] = self._makers[name][1]()
