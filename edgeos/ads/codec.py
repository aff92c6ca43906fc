"""What every codec has in common, and codecs of numbers; all memory of a PLC is little-endian."""
import math
import struct

Value = bool | int | float | str | None

LONGEST_SHOWN = 40  # characters of a refused value in a message
SUBNORMAL = 2.0**-126  # below, a REAL has less than six digits
MOST_DIGITS = 9  # of a decimal that tells any two REALs apart


class Refused(ValueError):
    """`template` is English with names in braces, `values` are what they stand for; `str()` is the two together."""

    def __init__(self, template: str, /, **values: object) -> None:
        self.template = template
        self.values = {name: str(value) for name, value in values.items()}
        super().__init__(template.format(**self.values))


class ValueRefused(Refused):
    """Raised when a value does not fit."""


class Codec:
    """Turns the bytes of one value into what JSON knows, and back. Instances are shared."""

    __slots__ = ('size', 'type', 'unit', 'writable')

    def __init__(self, type_name: str, size: int, unit: str = '', *, writable: bool = True) -> None:
        """`size` is in bytes, `type_name` is for messages."""
        self.type = type_name
        self.size = size
        self.unit = unit
        self.writable = writable

    def decode(self, data: bytes) -> Value:
        """The value of exactly `size` bytes; None where they are no value. Raises nothing."""
        raise NotImplementedError

    def encode(self, value: object, before: bytes = b'') -> bytes:
        """Exactly `size` bytes; `before` are those there now, empty if unknown. Raises ValueRefused."""
        raise NotImplementedError


def shown(value: object) -> str:
    """A value in a message."""
    if isinstance(value, int) and abs(value) >= 10**LONGEST_SHOWN:
        return ('-' if value < 0 else '') + 'a number of more than 40 digits'
    text = str(value) if isinstance(value, int | float) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN - 1] + '…'


def whole_number(value: object, type_name: str) -> int:
    """An int, or a float that is whole; raises ValueRefused for anything else, bools too."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueRefused('{type} takes a whole number, not {value}.', type=type_name, value=shown(value))


class IntCodec(Codec):
    """Whole numbers of 1 to 8 bytes, from `low` to `high`."""

    __slots__ = ('_pack', '_unpack', 'high', 'low')

    def __init__(self, type_name: str, layout: str, unit: str = '', *, low: int | None = None,
                 high: int | None = None) -> None:  # fmt: skip
        """`layout` is one of struct's letters b B h H i I q Q; narrower limits are those of a subrange."""
        form = struct.Struct('<' + layout)
        super().__init__(type_name, form.size, unit)
        self._pack, self._unpack = form.pack, form.unpack
        bits = 8 * form.size
        lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if layout.islower() else (0, 2**bits - 1)
        self.low = lowest if low is None else max(low, lowest)
        self.high = highest if high is None else min(high, highest)

    def decode(self, data: bytes) -> int:
        number: int = self._unpack(data)[0]
        return number

    def encode(self, value: object, before: bytes = b'') -> bytes:
        number = whole_number(value, self.type)
        if not self.low <= number <= self.high:
            raise ValueRefused('{value} does not fit {type}: {low} to {high}.', value=shown(value), type=self.type,
                               low=self.low, high=self.high)  # fmt: skip
        return self._pack(number)


class BoolCodec(Codec):
    """One byte: 0 is false, everything else is true. Also a BIT as the PLC hands it out by name or bit address."""

    __slots__ = ()

    def decode(self, data: bytes) -> bool:
        return data != b'\0'

    def encode(self, value: object, before: bytes = b'') -> bytes:
        if isinstance(value, int | float) and value in (0, 1):
            return b'\1' if value else b'\0'
        raise ValueRefused('{type} takes true or false, not {value}.', type=self.type, value=shown(value))


class FloatCodec(Codec):
    """LREAL: binary64; what is no number is None."""

    __slots__ = ('_pack', '_unpack', 'limit')

    def __init__(self, type_name: str, layout: str, limit: float) -> None:
        form = struct.Struct('<' + layout)
        super().__init__(type_name, form.size)
        self._pack, self._unpack = form.pack, form.unpack
        self.limit = limit

    def decode(self, data: bytes) -> float | None:
        number: float = self._unpack(data)[0]
        return number if math.isfinite(number) else None

    def encode(self, value: object, before: bytes = b'') -> bytes:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueRefused('{type} takes a number, not {value}.', type=self.type, value=shown(value))
        try:
            if math.isfinite(value):
                return self._pack(value)
        except OverflowError:
            pass
        raise ValueRefused('{value} does not fit {type}: {low} to {high}.', value=shown(value), type=self.type,
                           low=-self.limit, high=self.limit)  # fmt: skip


class RealCodec(FloatCodec):
    """REAL: binary32, as the shortest decimal that is the same four bytes: 21.3 and not 21.299999237060547."""

    __slots__ = ()

    def decode(self, data: bytes) -> float | None:
        number: float = self._unpack(data)[0]
        if number == 0 or not math.isfinite(number):
            return None if number else number
        short = float('%.6g' % number)  # noqa: UP031 (half the time of a format)
        if self._pack(short) == data and abs(number) >= SUBNORMAL:
            return short
        return self._longest(number, data)

    def _longest(self, number: float, data: bytes) -> float:
        for digits in range(1 if abs(number) < SUBNORMAL else 7, MOST_DIGITS):
            short = float(f'{number:.{digits}g}')
            if abs(short) <= self.limit and self._pack(short) == data:
                return short
        return float(f'{number:.{MOST_DIGITS}g}')


class EnumCodec(Codec):
    """A number with names: its name, or the number where it has none."""

    __slots__ = ('_base', '_by_any_case', '_by_name', 'names')

    def __init__(self, base: Codec, names: dict[int, str], type_name: str = '') -> None:
        super().__init__(type_name or base.type, base.size)
        self.names = names
        self._base = base
        self._by_name = {name: number for number, name in reversed(names.items())}
        self._by_any_case = {name.casefold(): number for number, name in reversed(names.items())}

    def decode(self, data: bytes) -> Value:
        number = self._base.decode(data)
        return self.names.get(number, number) if isinstance(number, int) else number

    def encode(self, value: object, before: bytes = b'') -> bytes:
        number = self._number(value)
        if number is None or number not in self.names:
            some = ', '.join(list(self.names.values())[:20])
            raise ValueRefused('{type} has no value {value}, but: {names}.', type=self.type, value=shown(value),
                               names=some)  # fmt: skip
        return self._base.encode(number)

    def _number(self, value: object) -> int | None:
        if not isinstance(value, str):
            return whole_number(value, self.type)
        number = self._by_name.get(value)
        return self._by_any_case.get(value.casefold()) if number is None else number


class PointerCodec(Codec):
    """An address, shown and never followed."""

    __slots__ = ()

    def __init__(self, type_name: str, size: int) -> None:
        super().__init__(type_name, size, writable=False)

    def decode(self, data: bytes) -> str:
        return f'16#{int.from_bytes(data, "little"):0{2 * self.size}X}'

    def encode(self, value: object, before: bytes = b'') -> bytes:
        raise ValueRefused('{type} is read-only.', type=self.type)
