"""The settings of a Bluetooth connection."""
import importlib.util
import pkgutil
import re
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from edgeos.bluetooth.formats import FORMATS
from edgeos.bluetooth.uuids import short
from edgeos.settings import StrictModel

OWN_PROFILES = ('auto', 'jbd_bms', 'battery', 'gatt', 'bthome', 'adverts')
PASSIVE = frozenset(('bthome', 'adverts'))  # heard without connecting
MOST_CHARACTERISTICS = 200

_MAC = re.compile(r'[0-9A-F]{2}(:[0-9A-F]{2}){5}')
_APPLE = re.compile(r'[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}')  # macOS hides addresses behind such
_KEY = re.compile(r'[0-9a-fA-F]{32}')


def normal_address(text: str) -> str:
    """As it is compared everywhere: upper case, with colons. Raises ValueError."""
    address = text.strip().upper()
    if re.fullmatch(r'[0-9A-F]{2}(-[0-9A-F]{2}){5}', address):
        address = address.replace('-', ':')
    elif re.fullmatch(r'[0-9A-F]{12}', address):
        address = ':'.join(address[at:at + 2] for at in range(0, 12, 2))
    if not _MAC.fullmatch(address) and not _APPLE.fullmatch(address):
        raise ValueError('expected a Bluetooth address as AA:BB:CC:DD:EE:FF')
    return address


def is_key(text: str) -> bool:
    """Whether it can be a bind key: 32 hexadecimal digits."""
    return _KEY.fullmatch(text) is not None


@cache
def library_profiles() -> frozenset[str]:
    """The battery families of the aiobmsble library; empty where it is not installed. Imports none of them."""
    found = importlib.util.find_spec('aiobmsble')
    folders = [Path(place) / 'bms' for place in (found.submodule_search_locations or ())] if found else []
    names = {module.name for module in pkgutil.iter_modules([str(folder) for folder in folders])}
    return frozenset(name for name in names if name.endswith('_bms')) - {'dummy_bms', *OWN_PROFILES}


def _normal_path(text: str) -> str:
    """As it stands in the tree of a device: a short uuid, or `<service>/<characteristic>`, perhaps with `@<handle>`."""
    path, at, handle = text.strip().partition('@')
    parts = path.split('/')
    if len(parts) > 2 or (at and (len(parts) == 1 or not handle.isdecimal())):
        raise ValueError('expected a uuid, or <service>/<characteristic>')
    return '/'.join(short(part) for part in parts) + at + handle


class GattPoint(StrictModel):
    """A characteristic as a point. `uuid` is short (2a19), long, or `<service>/<characteristic>`."""

    uuid: Annotated[str, Field(min_length=4, max_length=90), AfterValidator(_normal_path)]
    name: str = Field(min_length=1, max_length=200)
    format: str = 'hex'
    unit: str = Field(default='', max_length=20)
    scale: float = 1.0

    @field_validator('format')
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in FORMATS:
            raise ValueError(f'expected one of {", ".join(FORMATS)}')
        return name

    @field_validator('scale')
    @classmethod
    def _is_no_zero(cls, scale: float) -> float:
        if scale == 0:
            raise ValueError('expected a number other than 0')
        return scale


class BluetoothConfig(StrictModel):
    """`[connections.config]` of type bluetooth. `poll_s` is also how often a passive sensor is expected to be heard."""

    address: Annotated[str, Field(max_length=40), AfterValidator(normal_address)]
    profile: str = Field(default='auto', max_length=63)
    poll_s: float = Field(default=10.0, ge=1, le=3600)
    adapter: str = Field(default='', max_length=63, pattern=r'^[A-Za-z0-9_-]*$')
    allow_writes: bool = False
    characteristics: list[GattPoint] = Field(default=[], max_length=MOST_CHARACTERISTICS)
    key: str = Field(default='', max_length=200)

    @field_validator('profile')
    @classmethod
    def _is_a_profile(cls, name: str) -> str:
        if name not in OWN_PROFILES and name not in library_profiles():
            known = ', '.join([*OWN_PROFILES, *sorted(library_profiles())])
            more = '' if library_profiles() else '; more with the aiobmsble library (Python 3.12)'
            raise ValueError(f'expected one of {known}{more}')
        return name

    @field_validator('key')
    @classmethod
    def _no_key_in_the_file(cls, key: str) -> str:
        if key and not key.startswith('env:'):
            raise ValueError('expected "env:NAME"; a key itself is entered in the browser and kept apart')
        return key

    @field_validator('characteristics')
    @classmethod
    def _names_are_unique(cls, points: list[GattPoint]) -> list[GattPoint]:
        names = [point.name for point in points]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f'the name {twice!r} stands twice')
        return points
