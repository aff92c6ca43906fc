"""The settings of a connection as a table, secrets left out."""
from typing import Any

from nicegui import ui

from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.connection import Connection
from edgeos.connections.plc import PlcConnection
from edgeos.secrets import MASK
from edgeos.web.shapes import config_shape
from pages import connection_dialog
from pages.bluetooth_form import profile_words
from pages.format import Format
from pages.frame import House
from pages.gatt_lines import Lines
from pages.i18n import _, current_language
from pages.pin_gate import may_edit
from pages.plc_route_sheet import RouteBox
from pages.plc_variables import lines_of
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
        self._route: RouteBox | None = None
        if isinstance(connection, PlcConnection):
            with ui.element('section').classes('eo-panel cp-route'):
                self._route = RouteBox(gate=lambda: may_edit(house),
                                       on_done=lambda: connection.enabled and connection.retry_now())  # fmt: skip
        self.tick()

    def tick(self) -> None:
        """Show them anew when they have changed."""
        if self._route is not None and isinstance(self._connection, PlcConnection):
            self._route.look(self._connection.config.host, self._connection.config.source_net_id)
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
        link = link_facts(connection) if isinstance(connection, PlcConnection) else []
        made = made_of(connection)
        return [*own, *link, *((labels.get(key, key), made.get(key) or _said(value), value == defaults.get(key))
                               for key, value in config.items())]  # fmt: skip


def link_facts(connection: PlcConnection) -> list[tuple[str, str, bool]]:
    """What is known of the link while it lives: name, value, whether it is nothing worth noticing."""
    pid = connection.worker_pid
    facts = [(_('Runtime'), connection.runtime), (_('Process'), '' if pid is None else str(pid))]
    return [(name, value or '–', not value) for name, value in facts]


def made_of(connection: Connection) -> dict[str, str]:
    """By key, what is not shown as it stands in the settings."""
    if isinstance(connection, PlcConnection):
        return _made_of_plc(connection)
    if isinstance(connection, BluetoothConnection):
        config = connection.config
        return {'profile': profile_words().get(config.profile, config.profile),
                'characteristics': '\n'.join(Lines(config.characteristics).texts)}  # fmt: skip
    return {}


def _made_of_plc(connection: PlcConnection) -> dict[str, str]:
    """NetIds that the address makes, and variables as lines."""
    config = connection.config
    made = {'variables': '\n'.join(lines_of(config.variables))}
    for key, net_id in (('ams_net_id', connection.net_id), ('source_net_id', connection.source_net_id)):
        if net_id and not getattr(config, key):
            made[key] = _('{net_id}, from the address').format(net_id=net_id)
    return made


def _said(value: Any) -> str:
    if value == MASK:
        return _('stored, not shown')
    if isinstance(value, bool):
        return _('yes') if value else _('no')
    if isinstance(value, list):
        return '\n'.join(map(str, value)) or '–'
    if isinstance(value, dict):
        return '\n'.join(f'{key} → {each}' for key, each in value.items()) or '–'
    if isinstance(value, float):
        return Format(current_language(), _).localized(f'{value:g}')
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
        'protocol': _('MQTT version'), 'ams_net_id': _('AMS NetId'), 'ams_port': _('AMS port'),
        'poll_ms': _('Read every (ms)'), 'timeout_ms': _('Answer within (ms)'), 'symbols': _('Symbols'),
        'source_net_id': _('Source NetId'), 'notifications': _('Have the PLC report changes'),
        'encoding': _('Umlauts in texts'), 'variables': _('Variables without symbols'), 'address': _('Address'),
        'profile': _('Kind of device'), 'poll_s': _('Read every (s)'), 'adapter': _('Adapter'), 'key': _('Bind key'),
        'allow_writes': _('Allow writing'), 'characteristics': _('Chosen characteristics'),
    }  # fmt: skip
