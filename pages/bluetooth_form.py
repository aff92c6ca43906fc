"""The form for Bluetooth connections."""
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from nicegui import ui
from pydantic import BaseModel

from edgeos.connections.bluetooth_config import (
    PASSIVE,
    BluetoothConfig,
    is_key,
    library_profiles,
    normal_address,
)
from edgeos.discovery import Found
from edgeos.secrets import MASK
from pages.connection_form import ConnectionForm, Place
from pages.forms import advanced, choice_field, decimal_field, lines_field, secret_field, switch_field, text_field
from pages.gatt_lines import EXAMPLE, Lines
from pages.i18n import _
from pages.sheet import Text

WITH_KEY = frozenset(('auto', 'bthome'))
USUAL_POLL, USUAL_SILENCE = 10, 60  # s: of a device that is asked, of a sensor that sleeps most of the time
SHORTEST_POLL, LONGEST_POLL = 1, 3600  # s


class BluetoothForm(ConnectionForm):
    """Address, kind of device, pace, and whether it may be switched; the rest is folded."""

    KIND: ClassVar[str] = 'bluetooth'
    ICON: ClassVar[str] = 'bluetooth'
    CONFIG: ClassVar[type[BaseModel]] = BluetoothConfig
    ALWAYS_WRITTEN: ClassVar[tuple[str, ...]] = ('address', 'profile')

    @classmethod
    def title(cls) -> str:
        return _('Bluetooth device')

    @classmethod
    def explanation(cls) -> str:
        return _('Batteries, thermometers and other devices over Bluetooth Low Energy.')

    def __init__(self, on_change: Callable[[], Any]) -> None:
        super().__init__(on_change)
        self._on_change = on_change
        self._lines = Lines()
        self._add_device()
        self._add_writing()
        with advanced(_('Advanced')):
            self._add_advanced()
        self.fields = {
            'address': self.address, 'profile': self.profile, 'poll_s': self.poll, 'key': self.key,
            'allow_writes': self.allow_writes, 'adapter': self.adapter, 'characteristics': self.characteristics,
        }  # fmt: skip
        self.profile.on_change(self._on_profile)
        self.allow_writes.on_change(self._show_what_matters)
        for field in self.fields.values():
            field.on_change(on_change)

    def _add_device(self) -> None:
        self.address = text_field(_('Address'), placeholder='A4:C1:38:00:00:01', required=True,
                                  hint=_('Six pairs of digits, as on the device or in its app.'))  # fmt: skip
        self.profile = choice_field(_('Kind of device'), profile_words())
        self.poll = decimal_field(_('Read every'), low=SHORTEST_POLL, high=LONGEST_POLL, unit='s')
        self.key = secret_field(_('Bind key'))

    def _add_writing(self) -> None:
        self.allow_writes = switch_field(_('Allow writing'), hint=_('Off: values can only be read.'))
        with ui.element('div').classes('eo-why eo-warn') as self._warning:
            Text('b', _('What is switched here is switched for real.'))
            Text('span', _('A battery whose discharging is switched off can leave the house dark.'), 'next')

    def _add_advanced(self) -> None:
        self.adapter = text_field(_('Adapter'), placeholder='hci0',
                                  hint=_('Which one of this computer. Blank: the usual one.'))  # fmt: skip
        self.characteristics = lines_field(_('Chosen characteristics'), placeholder=EXAMPLE,
                                           hint=_('One per line: uuid = name format unit, then ×0.01 where the number '
                                                  'has to be multiplied. More comfortably chosen under Browse, once '
                                                  'the device is connected.'))  # fmt: skip

    # in and out

    def fill(self, config: Mapping[str, Any]) -> None:
        values = {**{key: self.default_of(key) for key in self.fields if key != 'address'}, 'address': '', **config}
        self._lines = Lines(values['characteristics'])
        for key, field in self.fields.items():
            field.value = self._lines.texts if key == 'characteristics' else values[key]
        self.key.set_hint(_('One is stored. Clear the field to forget it.') if values['key'] == MASK else
                          _('32 hexadecimal digits from the app of its maker, for sensors that encrypt. Kept apart '
                            'from the settings; env:NAME takes it from the environment variable NAME.'))  # fmt: skip
        self._show_what_matters()

    def values(self) -> dict[str, Any]:
        found = {key: field.value for key, field in self.fields.items()}
        found['characteristics'] = self._lines.entries(self.characteristics.value)
        return found

    def take_found(self, found: Found) -> None:
        config = found.config
        self.address.value = str(config.get('address', ''))
        self.profile.value = str(config.get('profile', 'auto'))
        self.poll.value = float(config.get('poll_s', USUAL_SILENCE if self.is_passive else USUAL_POLL))
        self.adapter.value = str(config.get('adapter', ''))
        self._show_what_matters()

    # checking

    def check(self) -> bool:
        results = [self.address.check(), self.poll.check()]
        return all([*results, self._check_address(), self._check_key(), self._check_adapter(), self._check_lines()])

    def _check_address(self) -> bool:
        if not self.address.error:
            try:
                address = normal_address(self.address.value)
            except ValueError:
                self.address.show_error(_address_words())
            else:
                if address != self.address.value:
                    self.address.value = address
        return not self.address.error

    def _check_key(self) -> bool:
        key = self.key.value.strip()
        self.key.clear_error()
        if key and key != MASK and not key.startswith('env:') and not is_key(key):
            self.key.show_error(_key_words())
        elif key != self.key.value:
            self.key.value = key
        return not self.key.error

    def _check_adapter(self) -> bool:
        self.adapter.clear_error()
        if any(not (mark.isascii() and mark.isalnum()) and mark not in '_-' for mark in self.adapter.value):
            self.adapter.show_error(_adapter_words())
        return not self.adapter.error

    def _check_lines(self) -> bool:
        self.characteristics.show_error(self._lines.problem(self.characteristics.value))
        return not self.characteristics.error

    def plain(self, key: str, message: str) -> str:
        return {'address': _address_words(), 'key': _key_words(), 'adapter': _adapter_words()}.get(key, message)

    def repair_of(self, code: str) -> tuple[str, Place] | None:
        address, adapter = (_('Change the address'), self.address), (_('Choose another adapter'), self.adapter)
        repairs: dict[str, tuple[str, Place]] = {
            'profile_mismatch': (_('Choose another kind'), self.profile), 'device_not_found': address,
            'timeout': address, 'adapter_missing': adapter, 'adapter_off': adapter,
        }  # fmt: skip
        if self.profile.value == 'bthome':  # with others it may be the pairing, or this program, that is lacking
            repairs['not_authorised'] = (_('Enter the bind key'), self.key)
        return repairs.get(code)

    def without_values(self) -> str:
        if self.profile.value == 'gatt' and not self.characteristics.value:
            return _('Values are chosen after saving, under Browse.')
        return super().without_values()

    # reacting

    @property
    def is_passive(self) -> bool:
        """Whether the device is only heard."""
        return self.profile.value in PASSIVE

    @property
    def ladder_kind(self) -> str:
        return 'heard' if self.is_passive else self.KIND

    def _on_profile(self) -> None:
        other, usual = (USUAL_POLL, USUAL_SILENCE) if self.is_passive else (USUAL_SILENCE, USUAL_POLL)
        if self.poll.value == other:
            self.poll.value = usual
        self._show_what_matters()

    def _show_what_matters(self) -> None:
        self.poll.set_label(_('Heard at least every') if self.is_passive else _('Read every'))
        self.poll.set_hint(_('It counts as lost after three times this without a sign.') if self.is_passive else
                           _('A link that hangs is noticed within three times this.'))  # fmt: skip
        self.key.set_visibility(self.profile.value in WITH_KEY)
        self.allow_writes.set_visibility(not self.is_passive)
        self._warning.set_visibility(self.allow_writes.value and not self.is_passive)


def profile_words() -> dict[str, str]:
    """The kinds of device, by their profile, in the owner's language; families of the library by their names."""
    own = {'auto': _('Automatic'), 'jbd_bms': _('JBD / Xiaoxiang battery'),
           'battery': _('Standard services (battery, climate)'), 'gatt': _('Chosen characteristics (GATT)'),
           'bthome': _('BTHome sensor (heard only)'), 'adverts': _('Adverts as they come')}  # fmt: skip
    families = {name: _('Battery: {family}').format(family=name.removesuffix('_bms').replace('_', ' '))
                for name in sorted(library_profiles())}  # fmt: skip
    return {**own, **families}


def _address_words() -> str:
    return _('Six pairs of hexadecimal digits, for example A4:C1:38:00:00:01.')


def _key_words() -> str:
    return _('32 hexadecimal digits, or env:NAME.')


def _adapter_words() -> str:
    return _('A name like hci0: letters, digits, - and _.')
