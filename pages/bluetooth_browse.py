"""The Browse tab of a Bluetooth connection: the device's own tree, or the values of a sensor that is only heard."""
from nicegui import ui

from edgeos.connections.bluetooth import BluetoothConnection
from pages.browser_view import BrowserView
from pages.frame import House
from pages.gatt_view import GattView
from pages.i18n import _
from pages.sheet import Text, icon_of


class BluetoothBrowse:
    """Which of them it is may only be known once the device has been heard."""

    def __init__(self, house: House, connection: BluetoothConnection) -> None:
        self._house = house
        self._connection = connection
        self._gatt: GattView | None = None
        self._names: BrowserView | None = None
        with ui.element('div').classes('eo-empty') as self._away:
            icon_of('bluetooth')
            Text('h2', _('Not connected'))
            Text('p', _('What the device offers appears here as soon as it is connected.'))
        self._place = ui.element('div')
        self.tick()

    def tick(self) -> None:
        """Follow the link as it comes and goes."""
        self._choose()
        section = self._section()
        if section is not None:
            section.tick()

    def resume(self) -> None:
        """It is looked at again."""
        self._choose()
        section = self._section()
        if section is not None:
            section.resume()

    def _choose(self) -> None:
        connection = self._connection
        is_open = connection.gatt is not None
        if is_open and self._gatt is None:
            with self._place:
                self._gatt = GattView(self._house, connection)
        if connection.is_passive and self._names is None:
            with self._place:
                self._names = BrowserView(self._house, connection)
        self._show(self._away, not is_open and not connection.is_passive)
        if self._gatt is not None:
            self._show(self._gatt.area, is_open)
        if self._names is not None:
            self._show(self._names.area, connection.is_passive and not is_open)

    def _section(self) -> GattView | BrowserView | None:
        return self._gatt if self._connection.gatt is not None else self._names if self._connection.is_passive else None

    def _show(self, element: ui.element, is_shown: bool) -> None:
        if element.visible != is_shown:
            element.set_visibility(is_shown)
