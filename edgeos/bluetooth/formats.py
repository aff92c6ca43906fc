"""Formats of a characteristic's value that an owner can choose: bytes to values and back.

Numbers are little-endian as everywhere in Bluetooth; the names that end in `_be` are for devices that do it the other
way round. `sfloat` and `float` are the decimal numbers of medical devices (IEEE 11073-20601).
"""
import math
import struct
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal, NamedTuple, Protocol

from edgeos.bluetooth.readings import Value

MOST_BYTES = 512  # the longest value of a characteristic, Bluetooth Core Specification Vol 3 Part F 3.2.9

_LONGEST_SHOWN = 40  # characters of a refused value in a message

Order = Literal['little', 'big']


class ValueFormatError(ValueError):
    """Raised when bytes are no value of a format, or a value cannot be written in it.

    `template` is English with names in braces, a clause without a full stop; `values` are what the names stand for.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        self.template = template
        self.values = {name: str(value) for name, value in values.items()}
        super().__init__(template.format(**self.values) if values else template)


def decode(format: str, data: bytes) -> Value:
    """The value of all these bytes; None where they stand for no number. Raises ValueFormatError."""
    return _codec(format).decode(bytes(data))


def encode(format: str, value: object) -> bytes:
    """The bytes for a value; raises ValueFormatError, which names the range."""
    return _codec(format).encode(value)


class Codec(Protocol):
    """One format."""

    @property
    def name(self) -> str:
        """As it is chosen."""

    def decode(self, data: bytes) -> Value:
        """The value; raises ValueFormatError."""

    def encode(self, value: object) -> bytes:
        """The bytes; raises ValueFormatError."""


class _Bool(NamedTuple):
    """One byte: 0 is false, everything else is true."""

    name: str = 'bool'

    def decode(self, data: bytes) -> bool:
        return _sized(data, 1, self.name) != b'\0'

    def encode(self, value: object) -> bytes:
        if isinstance(value, int | float) and value in (0, 1):
            return b'\1' if value else b'\0'
        raise ValueFormatError('{format} takes true or false, not {value}', format=self.name, value=_shown(value))


class _Int(NamedTuple):
    name: str
    size: int
    signed: bool
    order: Order

    def decode(self, data: bytes) -> int:
        return int.from_bytes(_sized(data, self.size, self.name), self.order, signed=self.signed)

    def encode(self, value: object) -> bytes:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueFormatError('{format} takes a whole number, not {value}', format=self.name, value=_shown(value))
        bits = 8 * self.size
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if self.signed else (0, 2**bits - 1)
        if not low <= value <= high:
            raise _out_of_range(self.name, value, low, high)
        return value.to_bytes(self.size, self.order, signed=self.signed)


class _Real(NamedTuple):
    """IEEE 754, as the shortest decimal that is the same bytes: 21.3 and not 21.299999237060547."""

    name: str
    form: struct.Struct
    most: float
    digits: int  # that tell any two of these numbers apart

    def decode(self, data: bytes) -> float | None:
        number: float = self.form.unpack(_sized(data, self.form.size, self.name))[0]
        if not math.isfinite(number):
            return None
        for digits in range(1, self.digits):
            short = float(f'{number:.{digits}g}')
            if abs(short) <= self.most and self.form.pack(short) == data:
                return short
        return float(f'{number:.{self.digits}g}')

    def encode(self, value: object) -> bytes:
        try:
            return self.form.pack(_finite(self.name, value, self.most))
        except OverflowError as error:
            raise _out_of_range(self.name, value, -self.most, self.most) from error


class _Medical(NamedTuple):
    """A mantissa and below it a power of ten, both signed; a few mantissas near the ends mean that there is no number.

    These stand for NaN, "not at this resolution", the infinities, and one is reserved (IEEE 11073-20601, 5.2.1).
    """

    name: str
    size: int  # bytes
    exponent_bits: int

    @property
    def width(self) -> int:
        """Bits of the mantissa."""
        return 8 * self.size - self.exponent_bits

    @property
    def most(self) -> int:
        """The largest mantissa that is a number."""
        return (1 << self.width - 1) - 3

    @property
    def exponents(self) -> tuple[int, int]:
        """The lowest and the highest."""
        half = 1 << self.exponent_bits - 1
        return -half, half - 1

    def decode(self, data: bytes) -> float | None:
        number = int.from_bytes(_sized(data, self.size, self.name), 'little')
        mantissa = _signed(number & (1 << self.width) - 1, self.width)
        exponent = _signed(number >> self.width, self.exponent_bits)
        if exponent == 0 and abs(mantissa) > self.most:
            return None
        return float(f'{mantissa}e{exponent}')

    def encode(self, value: object) -> bytes:
        most = float(f'{self.most}e{self.exponents[1]}')
        mantissa, exponent = self._rounded(Decimal(repr(_finite(self.name, value, most))))
        bits = (exponent << self.width | mantissa & (1 << self.width) - 1) & (1 << 8 * self.size) - 1
        return bits.to_bytes(self.size, 'little')

    def _rounded(self, number: Decimal) -> tuple[int, int]:
        """Mantissa and exponent nearest to a number within the limits; as many digits as it has and as fit."""
        lowest, highest = self.exponents
        exponent = min(max(int(number.normalize().as_tuple().exponent), lowest), highest)
        while True:
            mantissa = int(number.scaleb(-exponent).to_integral_value(ROUND_HALF_EVEN))
            if abs(mantissa) <= self.most:
                return mantissa, exponent
            exponent += 1


class _Text(NamedTuple):
    """UTF-8; ends with the value or with a NUL before."""

    name: str = 'utf-8'

    def decode(self, data: bytes) -> str:
        try:
            return data.partition(b'\0')[0].decode('utf-8')
        except UnicodeDecodeError as error:
            raise ValueFormatError('these bytes are no {format} text', format=self.name) from error

    def encode(self, value: object) -> bytes:
        if not isinstance(value, str):
            raise ValueFormatError('{format} takes a text, not {value}', format=self.name, value=_shown(value))
        try:
            return _not_too_long(value.encode('utf-8'))
        except UnicodeEncodeError as error:
            raise ValueFormatError('{format} cannot write {value}', format=self.name, value=_shown(value)) from error


class _Hex(NamedTuple):
    """Bytes as they are."""

    name: str = 'hex'

    def decode(self, data: bytes) -> str:
        return data.hex()

    def encode(self, value: object) -> bytes:
        if isinstance(value, str):
            try:
                return _not_too_long(bytes.fromhex(value.strip().removeprefix('0x').removeprefix('0X')))
            except ValueFormatError:
                raise
            except ValueError:
                pass
        raise ValueFormatError('{format} takes pairs of hexadecimal digits, not {value}', format=self.name,
                               value=_shown(value))  # fmt: skip


def _sized(data: bytes, size: int, name: str) -> bytes:
    if len(data) != size:
        raise ValueFormatError('{format} is {size} bytes long, and these are {count}', format=name, size=size,
                               count=len(data))  # fmt: skip
    return data


def _signed(number: int, width: int) -> int:
    return number - (1 << width) if number >> width - 1 else number


def _finite(name: str, value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueFormatError('{format} takes a number, not {value}', format=name, value=_shown(value))
    if not -most <= value <= most:  # NaN is not either
        raise _out_of_range(name, value, -most, most)
    return float(value)


def _not_too_long(data: bytes) -> bytes:
    if len(data) > MOST_BYTES:
        raise ValueFormatError('{count} bytes are too many: {most} at most', count=len(data), most=MOST_BYTES)
    return data


def _out_of_range(name: str, value: object, low: float, high: float) -> ValueFormatError:
    return ValueFormatError('{value} does not fit {format}: {low} to {high}', value=_shown(value), format=name, low=low,
                            high=high)  # fmt: skip


def _shown(value: object) -> str:
    if isinstance(value, int) and abs(value) >= 10**_LONGEST_SHOWN:
        return 'a number of more than 40 digits'
    text = str(value) if isinstance(value, int | float | Decimal) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN - 1] + '…'


def _codec(format: str) -> Codec:
    try:
        return _CODECS[format]
    except KeyError as error:
        raise ValueFormatError('there is no format {format}', format=_shown(format)) from error


def _ints(order: Order, ending: str) -> list[Codec]:
    return [_Int(f'{kind}{8 * size}{ending}', size, kind == 'int', order)
            for size in (1, 2, 3, 4, 8) for kind in ('uint', 'int') if size > 1 or not ending]  # fmt: skip


def _reals(sign: str, ending: str) -> list[Codec]:
    return [_Real(f'float32{ending}', struct.Struct(sign + 'f'), 3.4028235e38, 9),
            _Real(f'float64{ending}', struct.Struct(sign + 'd'), 1.7976931348623157e308, 17)]  # fmt: skip


_ALL: list[Codec] = [
    _Bool(), *_ints('little', ''), *_reals('<', ''), *_ints('big', '_be'), *_reals('>', '_be'),
    _Medical('sfloat', 2, 4), _Medical('float', 4, 8), _Text(), _Hex(),
]  # fmt: skip
_CODECS = {codec.name: codec for codec in _ALL}

FORMATS = tuple(_CODECS)
