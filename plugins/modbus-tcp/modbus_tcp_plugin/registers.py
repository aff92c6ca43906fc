"""What a register means: from 16-bit words, or one bit, to a value and back. Pure."""

import math
import struct
from dataclasses import dataclass
from typing import Any

from edgeos_plugin import ConfigError

BITS = ('coil', 'discrete')
WRITABLE = ('coil', 'holding')
LAST = 0xFFFF  # the last address there is
_FORMATS = {'int16': 'h', 'uint16': 'H', 'int32': 'i', 'uint32': 'I', 'int64': 'q', 'uint64': 'Q',
            'float32': 'f', 'float64': 'd'}  # fmt: skip

Words = list[int]
Raw = list[int] | list[bool]


class BadValue(ValueError):
    """Raised for a value that the register cannot hold; the message says what it expects."""


@dataclass(frozen=True, slots=True)
class Register:
    """`address` is that of the protocol, from 0; coils and discrete inputs are bits whatever their type says."""

    name: str
    address: int
    kind: str = 'holding'
    type: str = 'uint16'
    length: int = 8  # registers of a string
    word_order: str = 'big'
    byte_order: str = 'big'
    scale: float = 1
    offset: float = 0
    unit: str = ''
    writable: bool = False

    def __post_init__(self) -> None:
        if self.writable and self.kind not in WRITABLE:
            raise ConfigError(f'{self.name}: {self.kind} registers cannot be written')
        if self.address + self.size - 1 > LAST:
            raise ConfigError(f'{self.name}: it reaches beyond the last address, {LAST}')
        if self.scale == 0:
            raise ConfigError(f'{self.name}: the scale cannot be 0')

    @property
    def is_bit(self) -> bool:
        return self.kind in BITS

    @property
    def size(self) -> int:
        """How many words, or bits, it takes."""
        if self.is_bit or self.type == 'bool':
            return 1
        return self.length if self.type == 'string' else struct.calcsize(_FORMATS[self.type]) // 2

    @property
    def is_scaled(self) -> bool:
        return self.scale != 1 or self.offset != 0

    def decoded(self, raw: Raw) -> Any:
        """The value of `size` words or bits; None for a float that is no number."""
        if self.is_bit or self.type == 'bool':
            return bool(raw[0])
        if self.type == 'string':
            return self._bytes(raw).split(b'\0')[0].decode('utf-8', 'replace').rstrip()
        number = struct.unpack('>' + _FORMATS[self.type], self._bytes(raw))[0]
        if isinstance(number, float) and not math.isfinite(number):
            return None
        if self.is_scaled:
            return round(number * self.scale + self.offset, 10)
        return round(number, 7 - _digits(number)) if self.type == 'float32' else number

    def encoded(self, value: Any) -> Raw:
        """The words or bits to write; raises BadValue."""
        if self.is_bit or self.type == 'bool':
            return [self._switched(value)] if self.is_bit else [int(self._switched(value))]
        if self.type == 'string':
            return self._words(self._text(value))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise BadValue(f'expected a number, got {value!r:.60}')
        number = (value - self.offset) / self.scale if self.is_scaled else value
        return self._words(self._packed(number))

    def _switched(self, value: Any) -> bool:
        if value not in (True, False):
            raise BadValue(f'expected true or false, got {value!r:.60}')
        return bool(value)

    def _text(self, value: Any) -> bytes:
        data = value.encode() if isinstance(value, str) else b''
        if not isinstance(value, str) or len(data) > 2 * self.length:
            raise BadValue(f'expected a text of at most {2 * self.length} bytes')
        return data.ljust(2 * self.length, b'\0')

    def _packed(self, number: float) -> bytes:
        letter = _FORMATS[self.type]
        try:
            if letter in 'fd':
                return struct.pack('>' + letter, number)
            if not self.is_scaled and number != int(number):
                raise BadValue(f'expected a whole number, got {number}')
            return struct.pack('>' + letter, round(number))
        except (struct.error, OverflowError):
            raise BadValue(f'expected {self._range()}') from None

    def _range(self) -> str:
        letter = _FORMATS[self.type]
        if letter in 'fd':
            return f'a number that fits into {self.type}'
        bits = 8 * struct.calcsize(letter)
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if letter.islower() else (0, (1 << bits) - 1)
        ends = sorted(round(end * self.scale + self.offset, 10) if self.is_scaled else end for end in (low, high))
        return f'{ends[0]} to {ends[1]}'

    def _bytes(self, raw: Raw) -> bytes:
        words = list(raw) if self.word_order == 'big' or self.type == 'string' else list(reversed(raw))
        return struct.pack(f'{self._order}{len(words)}H', *words)

    def _words(self, data: bytes) -> Words:
        words = list(struct.unpack(f'{self._order}{len(data) // 2}H', data))
        return words if self.word_order == 'big' or self.type == 'string' else words[::-1]

    @property
    def _order(self) -> str:
        return '>' if self.byte_order == 'big' else '<'


def _digits(number: float) -> int:
    """In front of the point; a float of 32 bits has 7 digits that mean something."""
    return 0 if number == 0 else math.floor(math.log10(abs(number))) + 1
