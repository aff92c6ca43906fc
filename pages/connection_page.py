"""Everything about one connection: statistics, live values, names, log, settings."""
from collections.abc import Callable

from nicegui import ui

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
from pages.tabs import Section, Tabs


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
        tabs = Tabs(makers)

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
