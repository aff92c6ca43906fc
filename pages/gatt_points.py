"""Keeping characteristics of a device as points, and letting them go again."""
from collections.abc import Callable
from typing import Any

from nicegui.element import Element

from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.journal import visible
from edgeos.connections.manager import InvalidConfig, UnknownConnection
from edgeos.settings import SettingsError
from pages.frame import House
from pages.gatt_lines import Entry, entries_of
from pages.i18n import _
from pages.pin_gate import may_edit
from pages.toasts import say_done, say_trouble


class KeptPoints:
    """Writes the choices of one connection; says what went wrong, and offers the way back."""

    def __init__(self, house: House, connection: BluetoothConnection, area: Element,
                 on_change: Callable[[], Any]) -> None:  # fmt: skip
        """`area` is where toasts come from."""
        self._house = house
        self._connection = connection
        self._area = area
        self._on_change = on_change

    async def add(self, entry: Entry) -> bool:
        """One more, as it stands in the settings; answers whether it is there."""
        entries = entries_of(self._connection.config.characteristics)
        if not await may_edit(self._house) or not await self._write([*entries, entry]):
            return False
        say_done(_('{name} is kept as a point.').format(name=visible(str(entry['name']), 80)))
        return True

    async def remove(self, name: str) -> None:
        """Let the point of that name go."""
        entries = entries_of(self._connection.config.characteristics)
        gone = [entry for entry in entries if entry['name'] == name]
        if not gone or not await may_edit(self._house):
            return
        if await self._write([entry for entry in entries if entry['name'] != name]):
            say_done(_('{name} is not kept any more.').format(name=visible(name, 80)), undo=lambda: self._undo(gone))

    async def _undo(self, gone: list[Entry]) -> None:
        if not self._area.is_deleted:
            with self._area:
                await self._write([*entries_of(self._connection.config.characteristics), *gone])

    async def _write(self, entries: list[Entry]) -> bool:
        patch = {'config': {'characteristics': entries or None}}
        try:
            await self._house.system.connections.change(self._connection.id, patch)
        except UnknownConnection:
            say_trouble(_('This connection does not exist any more.'))
        except (InvalidConfig, SettingsError, OSError) as error:
            say_trouble(str(error))
        else:
            self._on_change()
            return True
        return False
