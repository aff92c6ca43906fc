"""Making a point of a characteristic: what it is called, and how its bytes become a value."""
from typing import Any

from nicegui import ui

from edgeos.bluetooth.formats import ValueFormatError, decode
from edgeos.bluetooth.profiles import to_owner
from edgeos.bluetooth.stack import GattCharacteristic
from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.bluetooth_config import GattPoint
from pages.format import Format
from pages.forms import choice_field, decimal_field, text_field
from pages.gatt_lines import Entry, problem_of
from pages.gatt_points import KeptPoints
from pages.gatt_values import fitting, say_format, suggested_format, suggested_name
from pages.i18n import _, current_language
from pages.sheet import Button, Sheet, Text

LARGEST_FACTOR = 1e9


class KeepSheet:
    """Built for one characteristic; shows what its newest value would be."""

    def __init__(self, connection: BluetoothConnection, points: KeptPoints) -> None:
        self._connection = connection
        self._points = points
        self._format = Format(current_language(), _)
        self._path = ''
        self._data: bytes | None = None
        self._sheet = Sheet(_('Keep as point'), on_submit=self._submit)
        with self._sheet.bar:
            Button(_('Close'), self._sheet.close)
            self._keep = Button(_('Keep'), look='pri', submits=True)

    def open(self, path: str, characteristic: GattCharacteristic, data: bytes | None) -> None:
        """`data` is its newest value, if one has been seen."""
        self._path, self._data = path, data
        form, unit, factor = suggested_format(characteristic.uuid, data)
        self._sheet.body.clear()
        with self._sheet.body, ui.element('div').classes('eo-form'):
            self._name = text_field(_('Name'), suggested_name(characteristic.uuid, self._connection.source.points),
                                    _('What the value is called.'), required=True).focus_first()  # fmt: skip
            with ui.element('div').classes('eo-fields even'):
                self._form = choice_field(_('Format'), {name: name for name in fitting(data)}, form)
                self._unit = text_field(_('Unit'), unit, placeholder='°C')
            self._factor = decimal_field(_('Factor'), _('What the number is multiplied with, for example 0.01.'),
                                         low=-LARGEST_FACTOR, high=LARGEST_FACTOR)  # fmt: skip
            self._factor.value = factor
            self._preview = Text('p', '', 'eo-answers').props('role=status')
            self._error = Text('div', '', 'eo-error').props('role=alert')
        for field in (self._form, self._unit, self._factor):
            field.on_change(self._show_preview)
        self._show_preview()
        self._sheet.open()

    def _entry(self) -> Entry:
        entry: dict[str, Any] = {'uuid': self._path, 'name': self._name.value, 'format': self._form.value}
        if self._unit.value:
            entry['unit'] = self._unit.value
        if self._factor.value not in (None, 1):
            entry['scale'] = self._factor.value
        return entry

    def _show_preview(self) -> None:
        self._preview.text = self._said()

    def _said(self) -> str:
        if self._data is None:
            return _('No value has been read yet.')
        factor = self._factor.value
        try:
            value = decode(self._form.value, self._data)
        except ValueFormatError as error:
            return say_format(error, _)
        point = GattPoint.model_construct(uuid=self._path, name='', format=self._form.value, unit='', scale=factor or 1)
        shown = '–' if value is None else self._format.value(to_owner(value, point))
        return _('Now: {value}').format(value=f'{shown} {self._unit.value}'.strip())

    async def _submit(self) -> None:
        self._error.text = ''
        if not all([self._check_name(), self._factor.check()]):
            return
        entry = self._entry()
        if problem := problem_of(entry):
            self._error.text = f'{problem[:1].upper()}{problem[1:]}.'
            return
        self._keep.set_busy(True)
        try:
            if await self._points.add(entry):
                self._sheet.close()
        finally:
            self._keep.set_busy(False)

    def _check_name(self) -> bool:
        if self._name.check() and self._name.value in self._connection.source.points:
            self._name.show_error(_('A value of that name exists already.'))
        return not self._name.error
