"""The settings of a connection as a table, secrets left out."""
from typing import Any

from nicegui import ui

from edgeos.connections.connection import Connection
from edgeos.secrets import MASK
from edgeos.web.shapes import config_shape
from pages import connection_dialog
from pages.frame import House
from pages.i18n import _
from pages.sheet import Button, Text


class SettingsView:
    """Name, id, type and config; read again whenever it is looked at."""

    def __init__(self, house: House, connection: Connection) -> None:
        self._house = house
        self._connection = connection
        self._shown: Any = None
        with ui.element('section').classes('eo-panel'):
            with ui.element('div').classes('eo-row eo-wrap cp-panel-head'):
                Text('h2', _('Settings')).classes('eo-grow')
                Button(_('Export'), lambda: connection_dialog.export(house, [connection.id]), icon='')
                Button(_('Edit'), lambda: connection_dialog.edit(house, connection.id), look='pri')
            self._table = ui.element('dl').classes('cp-settings')
        self.tick()

    def tick(self) -> None:
        """Show them anew when they have changed."""
        facts = self._facts()
        if facts == self._shown:
            return
        self._shown = facts
        self._table.clear()
        with self._table:
            for name, value, is_default in facts:
                Text('dt', name)
                Text('dd', value, 'eo-muted' if is_default else '')

    def resume(self) -> None:
        """It is looked at again."""
        self.tick()

    def _facts(self) -> list[tuple[str, str, bool]]:
        connection = self._connection
        own = [(_('Name'), connection.name, False), (_('Id'), connection.id, False),
               (_('Type'), connection.KIND, False)]  # fmt: skip
        defaults = {key: field.get_default(call_default_factory=True)
                    for key, field in connection.CONFIG.model_fields.items()}  # fmt: skip
        labels = _labels()
        config = config_shape(connection, self._house.system.connections)
        return own + [(labels.get(key, key), _said(value), value == defaults.get(key)) for key, value in config.items()]


def _said(value: Any) -> str:
    if value == MASK:
        return _('stored, not shown')
    if isinstance(value, bool):
        return _('yes') if value else _('no')
    if isinstance(value, list):
        return '\n'.join(map(str, value)) or '–'
    if isinstance(value, dict):
        return '\n'.join(f'{key} → {each}' for key, each in value.items()) or '–'
    return str(value) or '–'


def _labels() -> dict[str, str]:
    """In plain words, for the settings of any type that have them."""
    return {
        'host': _('Address'), 'port': _('Port'), 'topics': _('Topics'), 'qos': _('Quality of service'),
        'keepalive_s': _('Keep-alive (s)'), 'max_points': _('Most values kept'), 'client_id': _('Client id'),
        'write_qos': _('Quality of service when writing'), 'write_retain': _('Retain when writing'),
        'write_topics': _('Topics to write to'), 'tls': _('TLS'), 'ca_file': _('CA certificate'),
        'cert_file': _('Client certificate'), 'key_file': _('Client key'),
        'tls_insecure': _('Accept any certificate'), 'username': _('User name'), 'password': _('Password'),
        'protocol': _('MQTT version'),
    }  # fmt: skip
