"""Devices that announce themselves in the network: one tap fills the form."""
from collections.abc import Callable
from typing import Any

from nicegui import ui

from edgeos.connections.journal import visible
from edgeos.discovery import Found, identities, known_devices
from pages.frame import House
from pages.i18n import _
from pages.sheet import Button, Text, icon_of

PATIENCE = 4  # s without an answer after which nobody is expected any more
NAME_CHARACTERS = 80


class FoundList:
    """Asks once a second while the dialog around it is open; rebuilt only when something else was found."""

    def __init__(self, house: House, on_pick: Callable[[Found], Any]) -> None:
        self._house = house
        self._on_pick = on_pick
        self._kind = ''
        self._asked = 0
        self._shown: list[tuple[Found, bool]] = []
        with ui.element('section').classes('eo-found') as self.area:
            self._quiet = Text('p', '', 'eo-hint')
            self._list = ui.element('ul')
            self._list.set_visibility(False)
        self.area._props['aria-label'] = _('Found in this network')

    def begin(self, kind: str) -> None:
        """Look for devices of that type from now on; no type ends it."""
        self._kind, self._asked = kind, 0
        self.area.set_visibility(bool(kind))
        self._show([])
        self.tick()

    def tick(self) -> None:
        """Show what is known by now."""
        if not self._kind:
            return
        discovery = self._house.system.discovery
        found = discovery.ask(self._kind)
        self._asked += 1
        known = known_devices(self._house.system.connections.connections.values())
        self._show([(each, bool(identities(each.type, each.config) & known)) for each in found])
        self._quiet.text = self._sentence(bool(found), discovery.trouble(self._kind))

    def _sentence(self, found: bool, trouble: str) -> str:
        if found:
            return _('Found in this network. A tap fills the form.')
        if trouble:
            return _('This network cannot be searched. Enter the address below.')
        if self._asked <= PATIENCE:
            return _('Looking for devices in this network …')
        return _('No device has announced itself in this network so far. Enter the address below.')

    def _show(self, found: list[tuple[Found, bool]]) -> None:
        if found == self._shown:
            return
        self._shown = found
        self._list.clear()
        self._list.set_visibility(bool(found))
        with self._list:
            for each, is_added in found:
                with ui.element('li'):
                    self._add_row(each, is_added)

    def _add_row(self, found: Found, is_added: bool) -> None:
        with Button('', lambda: self._on_pick(found), look='eo-found-one'):
            icon_of(found.type)
            with ui.element('span').classes('eo-grow'):
                Text('b', visible(found.name, NAME_CHARACTERS), 'eo-ellipsis')
                facts = [found.address, visible(found.details, NAME_CHARACTERS),
                         _('encrypted') if found.config.get('tls') else '',
                         '' if found.rssi is None else f'{found.rssi} dBm']  # fmt: skip
                Text('span', ' · '.join(fact for fact in facts if fact), 'eo-small eo-muted eo-ellipsis')
            if is_added:
                Text('span', _('already added'), 'eo-small eo-muted')
