"""Bytes of a characteristic as an owner can read them, and what an owner types as bytes. Pure."""
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from edgeos.bluetooth import standard
from edgeos.bluetooth.formats import FORMATS, ValueFormatError, decode, encode
from edgeos.bluetooth.stack import GattCharacteristic
from edgeos.bluetooth.uuids import full, name_of, short
from edgeos.connections.bluetooth_config import GattPoint
from pages.format import Format, Translate

BYTES_SHOWN = 64
SANE = (1e-4, 1e9)  # between these a floating-point number most likely is meant as one
NO_NUMBERS = frozenset(('bool', 'utf-8', 'hex'))

Paths = Mapping[str, GattCharacteristic]


class Shown(NamedTuple):
    """`means` is what the Bluetooth SIG says of it; `forms` are the number formats that fit, each with its value."""

    size: int
    hex: str
    text: str
    means: str
    forms: list[tuple[str, str]]


def shown(data: bytes, uuid: str, write: Format) -> Shown:
    """A value in all forms that fit it; long ones are cut."""
    more = ' …' if len(data) > BYTES_SHOWN else ''
    text = readable(data)
    is_words = len(text) > 1
    return Shown(len(data), data[:BYTES_SHOWN].hex(' ') + more, text, meaning(data, uuid, write),
                 [] if is_words else [(name, write.value(value)) for name, value in numbers(data)])  # fmt: skip


def readable(data: bytes) -> str:
    """As text, if that is what it seems to be."""
    try:
        text = str(decode('utf-8', data))
    except ValueFormatError:
        return ''
    rest = data[len(text.encode()):]
    return text if text.strip() and text.isprintable() and not rest.strip(b'\0') else ''


def numbers(data: bytes) -> Iterator[tuple[str, int | float]]:
    """Each number these bytes can be, without those that only repeat another."""
    known: list[int | float] = []
    for name in FORMATS:
        if name in NO_NUMBERS:
            continue
        try:
            value = decode(name, data)
        except ValueFormatError:
            continue
        if not isinstance(value, int | float) or value in known:
            continue
        if isinstance(value, float) and not SANE[0] <= abs(value) <= SANE[1]:
            continue
        known.append(value)
        yield name, value


def meaning(data: bytes, uuid: str, write: Format) -> str:
    """What a standard characteristic says, in its unit; '' for all others."""
    try:
        readings = standard.readings_of(uuid, data)
    except ValueFormatError:
        return ''
    return ' · '.join(f'{write.value(each.value)} {each.unit}'.strip() for each in readings if each.value is not None)


def fitting(data: bytes | None) -> list[str]:
    """The formats that can be chosen, those that fit these bytes first."""
    if data is None:
        return list(FORMATS)
    return sorted(FORMATS, key=lambda name: not _fits(name, data))


def _fits(name: str, data: bytes) -> bool:
    try:
        decode(name, data)
    except ValueFormatError:
        return False
    return name != 'utf-8' or bool(readable(data))


class NotBytes(ValueError):
    """Raised when what was typed stands for no bytes; says why, in the owner's language."""


def typed_bytes(text: str, form: str, translate: Translate) -> bytes:
    """What was typed, as `hex` or as `text`. Raises NotBytes."""
    _ = translate
    if form == 'hex' and not text.strip():
        raise NotBytes(_('Enter pairs of hexadecimal digits, for example 01 ff.'))
    try:
        return encode('hex' if form == 'hex' else 'utf-8', text)
    except ValueFormatError as error:
        raise NotBytes(say_format(error, _)) from error


def say_format(error: ValueFormatError, translate: Translate) -> str:
    """What is wrong with a value, in the owner's language, as a sentence."""
    said = translate(error.template).format_map(error.values)
    return f'{said[:1].upper()}{said[1:]}.'


def property_words(translate: Translate) -> dict[str, str]:
    """What can be done with a characteristic, by GATT's words."""
    _ = translate
    return {'read': _('read'), 'write': _('write'), 'write-without-response': _('write without an answer'),
            'notify': _('notify'), 'indicate': _('notify with an answer'), 'broadcast': _('broadcast'),
            'authenticated-signed-writes': _('signed writing'),
            'extended-properties': _('more properties')}  # fmt: skip


# what is kept as points


def path_of(uuid: str, paths: Paths) -> str:
    """Which characteristic the settings mean by it; '' if the device has none."""
    if uuid in paths:
        return uuid
    if '/' in uuid:
        return ''
    wanted = full(uuid.partition('@')[0])
    return next((path for path, each in paths.items() if each.uuid == wanted), '')


def kept_names(points: Sequence[GattPoint], paths: Paths) -> dict[str, str]:
    """The name of the point by the path of its characteristic."""
    return {path: point.name for point in reversed(points) if (path := path_of(point.uuid, paths))}


def suggested_name(uuid: str, taken: Mapping[str, Any]) -> str:
    """A name that no point has: the standard one, else the characteristic's own, else its uuid."""
    known = standard.KNOWN.get(uuid)
    base = known.name if known else name_of(uuid).lower().replace(' ', '_') or short(uuid)
    names = [base, *(f'{base}_{number}' for number in range(2, 100))]
    return next(name for name in names if name not in taken)


def suggested_format(uuid: str, data: bytes | None) -> tuple[str, str, float]:
    """Format, unit and factor: what the standard says, else what fits."""
    known = standard.KNOWN.get(uuid)
    if known and known.format in FORMATS:
        return known.format, known.unit, known.scale
    if data and readable(data):
        return 'utf-8', '', 1
    return next((name for name, _value in numbers(data or b'')), 'hex'), '', 1
