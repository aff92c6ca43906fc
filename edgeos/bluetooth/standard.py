"""Characteristics that the Bluetooth SIG has defined, as a table: what point each is and how its bytes are read.

Source: Bluetooth SIG, "GATT Specification Supplement", where each number also has values for "not known". Particles
(2bd5 to 2bd7) and some gases are left out: as standardised they come in steps of 10 µg/m³, and devices do otherwise.
"""
from collections.abc import Callable, Mapping
from typing import NamedTuple

from edgeos.bluetooth.formats import ValueFormatError, decode
from edgeos.bluetooth.readings import Reading, Value, scaled
from edgeos.bluetooth.uuids import full


class Standard(NamedTuple):
    """`format` is one of formats.FORMATS or of the compound ones below; `unknown` are numbers that stand for none.

    `kind` is device (read once), battery, environment, electric or health.
    """

    name: str
    format: str
    scale: float = 1
    unit: str = ''
    kind: str = 'environment'
    unknown: tuple[int, ...] = ()


def readings_of(uuid: str, data: bytes) -> list[Reading]:
    """What a characteristic says, in the units of the table; none for one that is not in it.

    `uuid` may be short or long. Raises ValueFormatError when the bytes are no value of it.
    """
    entry = KNOWN.get(full(uuid))
    if entry is None:
        return []
    if compound := _COMPOUND.get(entry.format):
        return [compound(entry, data)]
    value = decode(entry.format, data)
    return [Reading(entry.name, _in_unit(value, entry), entry.unit)]


def _in_unit(value: Value, entry: Standard) -> Value:
    if isinstance(value, str):
        return value.strip()
    if value in entry.unknown or value is None:
        return None
    return scaled(value, entry.scale) if isinstance(value, int) else value


# compound values: flags, then what the flags say


def _temperature(entry: Standard, data: bytes) -> Reading:
    """Flags (bit 0 °F, bit 1 a time, bit 2 a place follows), a decimal number, seven bytes of time, one of place."""
    flags = _flags(entry, data)
    wanted = 5 + (7 if flags & 2 else 0) + (1 if flags & 4 else 0)
    if len(data) != wanted:
        raise _wrong_length(entry, wanted, data)
    return Reading(entry.name, decode('float', data[1:5]), '°F' if flags & 1 else '°C')


def _heart_rate(entry: Standard, data: bytes) -> Reading:
    """Flags (bit 0: two bytes instead of one), the rate; more may follow."""
    size = 2 if _flags(entry, data) & 1 else 1
    if len(data) < 1 + size:
        raise _wrong_length(entry, 1 + size, data)
    return Reading(entry.name, int.from_bytes(data[1:1 + size], 'little'), entry.unit)


def _weight(entry: Standard, data: bytes) -> Reading:
    """Flags (bit 0: pounds by 0.01 instead of kilograms by 0.005), the weight; more may follow."""
    if len(data) < 3:
        raise _wrong_length(entry, 3, data)
    scale, unit = (0.01, 'lb') if data[0] & 1 else (0.005, 'kg')
    number = int.from_bytes(data[1:3], 'little')
    return Reading(entry.name, None if number in entry.unknown else scaled(number, scale), unit)


def _flags(entry: Standard, data: bytes) -> int:
    if not data:
        raise _wrong_length(entry, 1, data)
    return data[0]


def _wrong_length(entry: Standard, wanted: int, data: bytes) -> ValueFormatError:
    return ValueFormatError('{format} is {size} bytes long, and these are {count}', format=entry.format, size=wanted,
                            count=len(data))  # fmt: skip


_COMPOUND: dict[str, Callable[[Standard, bytes], Reading]] = {
    'thermometer': _temperature, 'heart rate': _heart_rate, 'scale': _weight,
}  # fmt: skip

_OF_16 = (0xFFFE, 0xFFFF)
_OF_24 = (0xFFFFFE, 0xFFFFFF)

_TABLE = {
    '2a00': Standard('device_name', 'utf-8', kind='device'),
    '2a07': Standard('tx_power', 'int8', 1, 'dBm', 'device'),
    '2a23': Standard('system_id', 'hex', kind='device'),
    '2a24': Standard('model', 'utf-8', kind='device'),
    '2a25': Standard('serial_number', 'utf-8', kind='device'),
    '2a26': Standard('firmware_version', 'utf-8', kind='device'),
    '2a27': Standard('hardware_version', 'utf-8', kind='device'),
    '2a28': Standard('software_version', 'utf-8', kind='device'),
    '2a29': Standard('manufacturer', 'utf-8', kind='device'),
    '2a50': Standard('pnp_id', 'hex', kind='device'),
    '2a19': Standard('battery_level', 'uint8', 1, '%', 'battery', tuple(range(101, 256))),
    '2a6c': Standard('elevation', 'int24', 0.01, 'm'),
    '2a6d': Standard('pressure', 'uint32', 0.001, 'hPa'),  # in 0.1 Pa
    '2a6e': Standard('temperature', 'int16', 0.01, '°C', unknown=(-0x8000,)),
    '2a6f': Standard('humidity', 'uint16', 0.01, '%', unknown=(0xFFFF,)),
    '2a70': Standard('wind_speed', 'uint16', 0.01, 'm/s'),
    '2a71': Standard('wind_direction', 'uint16', 0.01, '°'),
    '2a72': Standard('apparent_wind_speed', 'uint16', 0.01, 'm/s'),
    '2a73': Standard('apparent_wind_direction', 'uint16', 0.01, '°'),
    '2a74': Standard('gust_factor', 'uint8', 0.1),
    '2a75': Standard('pollen', 'uint24', 1, '/m³'),
    '2a76': Standard('uv_index', 'uint8'),
    '2a77': Standard('irradiance', 'uint16', 0.1, 'W/m²'),
    '2a78': Standard('rainfall', 'uint16', 1, 'mm'),
    '2a79': Standard('wind_chill', 'int8', 1, '°C'),
    '2a7a': Standard('heat_index', 'int8', 1, '°C'),
    '2a7b': Standard('dew_point', 'int8', 1, '°C'),
    '2afb': Standard('illuminance', 'uint24', 0.01, 'lx', unknown=(0xFFFFFF,)),
    '2b8c': Standard('co2', 'uint16', 1, 'ppm', unknown=_OF_16),
    '2be4': Standard('noise', 'uint8', 1, 'dB', unknown=(0xFE, 0xFF)),
    '2be7': Standard('voc', 'uint16', 1, 'ppb', unknown=_OF_16),
    '2aee': Standard('current', 'uint16', 0.01, 'A', 'electric', _OF_16),
    '2af2': Standard('energy', 'uint24', 1, 'kWh', 'electric', _OF_24),
    '2b05': Standard('power', 'uint24', 0.1, 'W', 'electric', _OF_24),
    '2b18': Standard('voltage', 'uint16', 1 / 64, 'V', 'electric', _OF_16),
    '2a1c': Standard('temperature', 'thermometer', kind='health'),
    '2a1e': Standard('intermediate_temperature', 'thermometer', kind='health'),
    '2a37': Standard('heart_rate', 'heart rate', 1, 'bpm', 'health'),
    '2a98': Standard('weight', 'uint16', 0.005, 'kg', 'health'),
    '2a9d': Standard('weight', 'scale', kind='health', unknown=(0xFFFF,)),
}

KNOWN: Mapping[str, Standard] = {full(uuid): entry for uuid, entry in _TABLE.items()}
STATIC = frozenset(uuid for uuid, entry in KNOWN.items() if entry.kind == 'device')
