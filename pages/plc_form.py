"""The form for PLC connections."""
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from nicegui import ui
from pydantic import BaseModel

from edgeos.connections.plc_config import (
    LONGEST_NAME,
    PlcConfig,
    default_net_id,
    endpoint_of,
    host_problem,
    is_net_id,
)
from edgeos.discovery import Found
from pages.connection_form import ConnectionForm, Place
from pages.forms import (
    LinesField,
    TextField,
    advanced,
    choice_field,
    lines_field,
    number_field,
    switch_field,
    text_field,
)
from pages.i18n import _
from pages.plc_route_sheet import RouteBox
from pages.plc_variables import lines_of, parse_variable, problem_of
from pages.sheet import Button
from pages.symbol_choice import MOST_CHOICES

PORTS = {851: 'TwinCAT 3', 801: 'TwinCAT 2'}
MOST_VARIABLES = 2000


class PlcForm(ConnectionForm):
    """Address, NetId and port of a runtime, and what the PLC must know of this device; the rest is folded."""

    KIND: ClassVar[str] = 'plc'
    ICON: ClassVar[str] = 'plc'
    CONFIG: ClassVar[type[BaseModel]] = PlcConfig
    ALWAYS_WRITTEN: ClassVar[tuple[str, ...]] = ('host', 'ams_net_id', 'ams_port')

    @classmethod
    def title(cls) -> str:
        return _('Beckhoff PLC')

    @classmethod
    def explanation(cls) -> str:
        return _('TwinCAT 2 and TwinCAT 3 over ADS: CX, CP, C6xxx, BC, BX and others.')

    def __init__(self, on_change: Callable[[], Any]) -> None:
        super().__init__(on_change)
        self._on_change = on_change
        self._made_net_id = ''  # what the address makes of the NetId
        self._presets: dict[int, Button] = {}
        self._add_address()
        self._add_pace()
        self.route = RouteBox(self._show_source)
        with advanced(_('Advanced')):
            self._add_reading()
            self._add_symbols()
        self.fields = {
            'host': self.host, 'ams_net_id': self.net_id, 'ams_port': self.ams_port, 'poll_ms': self.poll,
            'timeout_ms': self.timeout, 'source_net_id': self.source, 'notifications': self.notifications,
            'encoding': self.encoding, 'symbols': self.symbols, 'variables': self.variables,
        }  # fmt: skip
        self.host.on_change(self._on_host)
        self.source.on_change(self._look_for_route)
        self.ams_port.on_change(self._mark_preset)
        for field in self.fields.values():
            field.on_change(on_change)

    def _add_address(self) -> None:
        self.host = text_field(_('Host'), placeholder='192.168.1.5', required=True,
                               hint=_('Name or address of the PLC; with :port where it is not 48898.'))  # fmt: skip
        with ui.element('div').classes('eo-fields'):
            self.net_id = text_field(_('AMS NetId'), placeholder='192.168.1.5.1.1',
                                     hint=_('Usually the address and .1.1; TwinCAT shows it under About.'))
            self.ams_port = number_field(_('AMS port'), 851, low=1, high=65535)
        with ui.element('div').classes('eo-ranges eo-presets').props(f'role=group aria-label="{_("Usual ports")}"'):
            for port, system in PORTS.items():
                self._presets[port] = Button(f'{system} · {port}', partial(self._choose_port, port))

    def _add_pace(self) -> None:
        with ui.element('div').classes('eo-fields even'):
            self.poll = number_field(_('Read every'), low=10, high=3_600_000, unit='ms')
            self.timeout = number_field(_('Answer within'), low=100, high=10_000, unit='ms')

    def _add_reading(self) -> None:
        self.source = text_field(_('Source NetId'), placeholder='192.168.1.10.1.1')
        self.notifications = switch_field(_('Have the PLC report changes'),
                                          hint=_('The first 500 values come when they change, at most every 50 ms; '
                                                 'the others are read as before.'))  # fmt: skip
        encodings = {'auto': _('Automatic'), 'cp1252': 'Windows-1252', 'utf-8': 'UTF-8'}
        self.encoding = choice_field(_('Umlauts in texts'), encodings,
                                     hint=_('Automatic fits unless letters look wrong.'))  # fmt: skip

    def _add_symbols(self) -> None:
        self.symbols = lines_field(_('Symbols'), placeholder='MAIN.*',
                                   hint=_('One per line; * stands for any text. More comfortably chosen under Browse, '
                                          'once the PLC is connected.'))  # fmt: skip
        self.variables = lines_field(_('Variables without symbols'), placeholder='flow = 0x4020:100 INT',
                                     hint=_('For controllers without symbols: name = group:offset type, one per '
                                            'line.'))  # fmt: skip

    # in and out

    def fill(self, config: Mapping[str, Any]) -> None:
        values = {**{key: self.default_of(key) for key in self.fields if key != 'host'}, 'host': '', **config}
        for key, field in self.fields.items():
            field.value = lines_of(values[key]) if key == 'variables' else values[key]
        self._made_net_id = net_id_from(self.host.value)
        self.net_id.value = self.net_id.value or self._made_net_id
        self._show_source('', '')
        self._look_for_route()
        self._mark_preset()

    def values(self) -> dict[str, Any]:
        found = {key: field.value for key, field in self.fields.items()}
        parsed = [parse_variable(line) for line in self.variables.value]
        found['variables'] = [variable._asdict() for variable in parsed if variable is not None]
        return found

    def take_found(self, found: Found) -> None:
        self.host.value = str(found.config.get('host', ''))
        self.net_id.value = str(found.config.get('ams_net_id', ''))
        self.ams_port.value = int(found.config.get('ams_port', 851))
        self._made_net_id = net_id_from(self.host.value)
        self._look_for_route()
        self._mark_preset()

    # checking

    def check(self) -> bool:
        self.host.value = cleaned_host(self.host.value)
        self._follow_host()
        results = [field.check() for field in (self.host, self.ams_port, self.poll, self.timeout)]
        return all([*results, self._check_host(), self._check_net_id(self.net_id), self._check_net_id(self.source),
                    self._check_symbols(), self._check_variables()])  # fmt: skip

    def _check_host(self) -> bool:
        if self.host.value and host_problem(self.host.value):
            self.host.show_error(_('Enter a name or an address, for example 192.168.1.5 or 192.168.1.5:48898.'))
        return not self.host.error

    def _check_net_id(self, field: TextField) -> bool:
        field.clear_error()
        if field.value and not is_net_id(field.value):
            field.show_error(_('Six numbers from 0 to 255 with dots between them, for example 192.168.1.5.1.1.'))
        return not field.error

    def _check_symbols(self) -> bool:
        return _check_count(self.symbols, MOST_CHOICES) and _check_lengths(self.symbols)

    def _check_variables(self) -> bool:
        if not _check_count(self.variables, MOST_VARIABLES):
            return False
        names: set[str] = set()
        for line in self.variables.value:
            variable = parse_variable(line)
            problem = problem_of(variable)
            if not problem and variable is not None and variable.name.casefold() in names:
                problem = _('this name stands twice')
            if problem:
                self.variables.show_error(f'{line[:80]}: {problem}')
                return False
            names.add(variable.name.casefold() if variable is not None else '')
        return True

    def plain(self, key: str, message: str) -> str:
        return {'host': _('Enter a name or an address, for example 192.168.1.5 or 192.168.1.5:48898.'),
                'symbols': _('Names and patterns of up to 255 characters, one per line.')}.get(key, message)

    def repair_of(self, code: str) -> tuple[str, Place] | None:
        repairs: dict[str, tuple[str, Place]] = {
            'refused': (_('Change the address'), self.host), 'timeout': (_('Change the address'), self.host),
            'name_not_resolved': (_('Change the name'), self.host),
            'wrong_net_id': (_('Change the NetId'), self.net_id),
            'wrong_ams_port': (_('Change the AMS port'), self.ams_port),
            'no_route': (_('Set up the route'), self.route),
        }  # fmt: skip
        return repairs.get(code)

    def without_values(self) -> str:
        if self.symbols.value or self.variables.value:
            return super().without_values()
        return _('Symbols are chosen after saving, under Browse.')

    # reacting

    def _on_host(self) -> None:
        self._follow_host()
        self._look_for_route()

    def _follow_host(self) -> None:
        """The NetId goes with the address until it is changed by hand."""
        made = net_id_from(self.host.value)
        if made != self._made_net_id and self.net_id.value in ('', self._made_net_id):
            self.net_id.value = made
        self._made_net_id = made

    def _look_for_route(self) -> None:
        source = self.source.value
        self.route.look(cleaned_host(self.host.value), source if is_net_id(source) else '')

    def _show_source(self, net_id: str, address: str) -> None:
        if not address:
            self.source.set_hint(_('What this device calls itself. Blank: its address with .1.1 behind it.'))
        elif not self.source.value:
            self.source.set_hint(_('What this device calls itself. Blank: {net_id}.').format(net_id=net_id))

    def _choose_port(self, port: int) -> None:
        self.ams_port.value = port
        self._mark_preset()
        self._on_change()

    def _mark_preset(self) -> None:
        for port, button in self._presets.items():
            chosen = self.ams_port.value == port
            button.classes(add='on' if chosen else '', remove='' if chosen else 'on')
            button.props(f'aria-pressed={"true" if chosen else "false"}')


def cleaned_host(text: str) -> str:
    """What was pasted, without scheme and slash: `ads://10.0.0.5:48898/` is `10.0.0.5:48898`."""
    found = re.fullmatch(r'(?:[A-Za-z]+://)?([^/@\s]+)/?', text)
    return found[1] if found else text


def net_id_from(host: str) -> str:
    """The NetId that TwinCAT makes of this address; '' while there is none."""
    try:
        return default_net_id(endpoint_of(cleaned_host(host)).host)
    except ValueError:
        return ''


def _check_count(field: LinesField, most: int) -> bool:
    field.clear_error()
    if len(field.value) > most:
        field.show_error(_('Up to {count} lines.').format(count=most))
    return not field.error


def _check_lengths(field: LinesField) -> bool:
    for line in field.value:
        if len(line) > LONGEST_NAME:
            field.show_error(f'{line[:40]} …: ' + _('up to 255 characters'))
    return not field.error
