"""Which codec a plain type of a PLC has, by its name."""
import re
from functools import lru_cache

from edgeos.ads.codec import (
    BoolCodec,
    Codec,
    EnumCodec,
    FloatCodec,
    IntCodec,
    PointerCodec,
    RealCodec,
    Value,
    ValueRefused,
)
from edgeos.ads.texts import StringCodec, WideStringCodec
from edgeos.ads.times import time_codec

__all__ = ['Codec', 'EnumCodec', 'PointerCodec', 'Value', 'ValueRefused', 'codec_by_number', 'codec_of', 'is_address']

INTS = {
    'SINT': 'b', 'USINT': 'B', 'BYTE': 'B', 'INT': 'h', 'UINT': 'H', 'WORD': 'H', 'DINT': 'i', 'UDINT': 'I',
    'DWORD': 'I', 'LINT': 'q', 'ULINT': 'Q', 'LWORD': 'Q', 'INT8': 'b', 'UINT8': 'B', 'BITARR8': 'B', 'INT16': 'h',
    'UINT16': 'H', 'BITARR16': 'H', 'INT32': 'i', 'UINT32': 'I', 'BITARR32': 'I', 'INT64': 'q', 'UINT64': 'Q',
}  # fmt: skip
ADDRESS_WIDE = {'XINT': ('DINT', 'LINT'), 'UXINT': ('UDINT', 'ULINT'), 'XWORD': ('DWORD', 'LWORD')}
BY_NUMBER = {2: 'INT', 3: 'DINT', 4: 'REAL', 5: 'LREAL', 16: 'SINT', 17: 'USINT', 18: 'UINT', 19: 'UDINT', 20: 'LINT',
             21: 'ULINT', 30: 'STRING', 31: 'WSTRING', 33: 'BOOL'}  # fmt: skip
DEFAULT_LENGTH = 80  # of a STRING that does not tell
LONGEST = 1_000_000
ADDRESS_SIZES = (4, 8)
REAL_MAX, LREAL_MAX = 3.4028235e38, 1.7976931348623157e308

_TEXT = re.compile(r'(W?STRING)(?:[(\[](.*)[)\]])?', re.ASCII)
_SUBRANGE = re.compile(r'(\w+)\((-?\d{1,20})\.\.(-?\d{1,20})\)', re.ASCII)
_ADDRESS = re.compile(r'(POINTER|REFERENCE) ?TO\b.*|INTERFACE\b.*|PVOID|.*\(VAR_IN_OUT\)', re.ASCII | re.DOTALL)


def is_address(type_name: str) -> bool:
    """Whether the type is a pointer, a reference, an interface, or a parameter that TwinCAT 2 passes as one."""
    return _ADDRESS.fullmatch(type_name.strip().upper()) is not None


@lru_cache(maxsize=8192)
def codec_of(type_name: str, encoding: str = 'auto', size: int = 0) -> Codec | None:
    """The codec of a plain type, one instance for all that ask alike; None for a type it does not know.

    `size` is in bytes where the PLC tells it, else 0: texts and addresses have that size, and a codec of another size
    is none. `encoding` of a STRING is `auto`, `cp1252` or `utf-8`.
    """
    name = type_name.strip().upper()
    if is_address(name):
        return PointerCodec(type_name.strip(), size or 8) if (size or 8) in ADDRESS_SIZES else None
    plain = ''.join(name.split())
    codec = _text_codec(plain, type_name.strip(), encoding, size) or _number_codec(plain, size) or time_codec(plain)
    return codec if codec is not None and size in (0, codec.size) else None


def codec_by_number(number: int, size: int, encoding: str = 'auto') -> Codec | None:
    """The codec of one of the ADS data type numbers (ADST_INT16 is 2 and so on) if it has that size in bytes."""
    name = BY_NUMBER.get(number)
    return codec_of(name, encoding, size) if name and size else None


def _text_codec(plain: str, shown_name: str, encoding: str, size: int) -> Codec | None:
    found = _TEXT.fullmatch(plain)
    if found is None:
        return None
    unit, length = (2 if found[1] == 'WSTRING' else 1), found[2] or str(DEFAULT_LENGTH)
    if not size:
        if not (length.isascii() and length.isdigit() and len(length) <= 7 and int(length) <= LONGEST):
            return None
        size = unit * (int(length) + 1)
    if unit == 2:
        return WideStringCodec(shown_name, size) if size % 2 == 0 else None
    return StringCodec(shown_name, size, encoding)


def _number_codec(plain: str, size: int) -> Codec | None:
    if layout := INTS.get(plain):
        return IntCodec(plain, layout)
    if plain in ('BOOL', 'BIT', 'BIT8'):
        return BoolCodec(plain, 1)
    if plain in ('REAL', 'FLOAT'):
        return RealCodec(plain, 'f', REAL_MAX)
    if plain in ('LREAL', 'DOUBLE'):
        return FloatCodec(plain, 'd', LREAL_MAX)
    if wide := ADDRESS_WIDE.get(plain.removeprefix('__')):
        return IntCodec(plain, INTS[wide[size != 4]])
    found = _SUBRANGE.fullmatch(plain)
    if found and found[1] in INTS and int(found[2]) <= int(found[3]):
        return IntCodec(plain, INTS[found[1]], low=int(found[2]), high=int(found[3]))
    return None
