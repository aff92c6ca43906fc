"""The memory of a simulated PLC and the symbols in it.

Index groups of bytes: 0x4020 %M, 0x4040 data, 0xF020 inputs, 0xF030 outputs; one more is the same area bit by bit,
where the index offset counts bits. Addresses count bytes, also those of words: %MW2 begins at the byte 2.
Source: Beckhoff Infosys, "ADS interface of the PLC".
"""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from edgeos.demo.plc_source import Block, Named, literal, parse
from edgeos.demo.plc_type_table import TypeTable, round_up
from edgeos.demo.plc_types import Declared, PlcType, encoding_of

MARKERS, DATA, INPUTS, OUTPUTS = 0x4020, 0x4040, 0xF020, 0xF030
AREA_BYTES = 1024  # of %M, %I and %Q
_AREAS = {'M': MARKERS, 'I': INPUTS, 'Q': OUTPUTS}
_ADDRESS = re.compile(r'%([MIQ])([XBWDL]?)(\d+)(?:\.(\d))?$', re.IGNORECASE)
_STEP = re.compile(r'\.?(\w+)|\[([^\]]+)\]')


class Place(NamedTuple):
    """Where a value lies; where `is_bit`, the index group is one of bits and the offset counts them."""

    group: int
    offset: int
    size: int
    type: PlcType
    is_bit: bool
    is_read_only: bool
    encoding: str
    comment: str = ''


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a symbol upload names."""

    name: str
    place: Place
    attributes: tuple[tuple[str, str], ...] = ()


class Memory:
    """Laid out from a program's declarations; all values are what those say, else zero."""

    def __init__(self, source: str, types: TypeTable) -> None:
        self.types = types
        self.symbols: dict[str, Symbol] = {}  # by name in small letters
        self._end = 64
        self._places: dict[str, Place] = {}
        starts: list[tuple[str, str]] = []
        for each in parse(source):
            if isinstance(each, Named):
                self._add_named(each)
            elif each.word in ('STRUCT', 'FUNCTION_BLOCK'):
                types.add_structure(each.name, each.declared, extends=each.extends,
                                    is_block=each.word == 'FUNCTION_BLOCK')  # fmt: skip
            else:
                starts += self._add_variables(each)
        self.areas = {DATA: bytearray(round_up(self._end, 8) + 64)}
        for group in _AREAS.values():
            self.areas[group] = bytearray(AREA_BYTES)
        for symbol in self.symbols.values():
            self.write(symbol.place, start_of(symbol.place.type))
        for name, text in starts:
            self.set(name, literal(text))

    def _add_named(self, named: Named) -> None:
        if named.names:
            self.types.add_enum(named.name, named.base, named.names)
        else:
            self.types.add_alias(named.name, named.base)

    def _add_variables(self, block: Block) -> list[tuple[str, str]]:
        starts = []
        for declared in block.declared:
            name = f'{block.name}.{declared.name}'
            place = self._placed(declared, 'CONSTANT' in block.word)
            self.symbols[name.lower()] = Symbol(name, place, declared.attributes)
            if declared.value:
                starts.append((name, declared.value))
        return starts

    def _placed(self, declared: Declared, is_read_only: bool) -> Place:
        kind = self.types.find(declared.type)
        encoding = encoding_of(declared.attributes)
        if match := _ADDRESS.match(declared.address):
            group, width, number = _AREAS[match[1].upper()], match[2].upper(), int(match[3])
            if width == 'X':
                return Place(group + 1, 8 * number + int(match[4] or 0), 1, kind, True, False, encoding,
                             declared.comment)  # fmt: skip
            return Place(group, number, kind.size, kind, False, False, encoding, declared.comment)
        offset = round_up(self._end, kind.align)
        self._end = offset + kind.size
        if kind.is_bit:
            return Place(DATA + 1, 8 * offset, 1, kind, True, is_read_only, encoding, declared.comment)
        return Place(DATA, offset, kind.size, kind, False, is_read_only, encoding, declared.comment)

    # by name

    def place(self, name: str) -> Place:
        """Of a symbol, a member or an element ('GVL.aRoom[2].fTemperature'); raises KeyError."""
        key = name.lower().replace(' ', '')
        if (known := self._places.get(key)) is None:
            known = self._places[key] = self._find(key)
        return known

    def _find(self, key: str) -> Place:
        root = key
        while root not in self.symbols:
            cut = max(root.rfind('.'), root.rfind('['))
            if cut <= 0:
                raise KeyError(key)
            root = root[:cut]
        place, rest = self.symbols[root].place, key[len(root) :]
        while rest:
            match = _STEP.match(rest)
            if not match:
                raise KeyError(key)
            place = _element(place, match[2]) if match[2] else _member(place, match[1])
            rest = rest[match.end() :]
        return place

    def get(self, name: str) -> Any:
        """The value, see `PlcType.unpack`; raises KeyError."""
        place = self.place(name)
        return place.type.unpack(self.read(place), place.encoding)

    def set(self, name: str, value: Any) -> None:
        """Raises KeyError, and ValueError for a value that does not fit."""
        place = self.place(name)
        kind = place.type.resolved
        if isinstance(value, float) and kind.code and kind.code not in 'fd':
            value = round(value)
        try:
            self.write(place, kind.pack(value, place.encoding))
        except Exception as error:
            raise ValueError(f'{value!r} does not fit {name}, a {place.type.name}') from error

    def read(self, place: Place) -> bytes:
        """Its bytes; a bit is one byte of 0 or 1."""
        if place.is_bit:
            return self.read_bits(place.group, place.offset, 1)
        return bytes(self.areas[place.group][place.offset : place.offset + place.size])

    def write(self, place: Place, data: bytes) -> None:
        """From the start of it."""
        if place.is_bit:
            self.write_bits(place.group, place.offset, data[:1])
        else:
            self.areas[place.group][place.offset : place.offset + len(data)] = data

    # bit by bit

    def read_bits(self, group: int, offset: int, count: int) -> bytes:
        """A byte of 0 or 1 for each; raises IndexError."""
        area = self.areas[group - 1]
        return bytes(area[at // 8] >> at % 8 & 1 for at in range(offset, offset + count))

    def write_bits(self, group: int, offset: int, data: bytes) -> None:
        """The same the other way round."""
        area = self.areas[group - 1]
        for at, value in enumerate(data, offset):
            mask = 1 << at % 8
            area[at // 8] = area[at // 8] | mask if value else area[at // 8] & ~mask

    # another program

    def take_over(self, old: 'Memory') -> None:
        """The values of variables that are there under the same name and with the same type."""
        for symbol in self.symbols.values():
            before = old.symbols.get(symbol.name.lower())
            if before and (before.place.type.name, before.place.size) == (symbol.place.type.name, symbol.place.size):
                self.write(symbol.place, old.read(before.place))


def start_of(kind: PlcType) -> bytes:
    """What a variable of that type holds at first: zeros, and what its members are declared with."""
    kind = kind.resolved
    if kind.bounds and kind.base:
        return start_of(kind.base) * (kind.size // kind.base.size)
    data = bytearray(kind.size)
    for member in kind.all_members:
        if not member.type.is_bit:
            packed = member.type.pack(literal(member.value)) if member.value else start_of(member.type)
            data[member.offset : member.offset + len(packed)] = packed
    return bytes(data)


def _member(place: Place, name: str) -> Place:
    found = place.type.member(name)
    if found is None:
        raise KeyError(name)
    encoding = encoding_of(found.attributes, place.encoding)
    if found.type.is_bit:
        return Place(place.group + 1, 8 * place.offset + found.offset, 1, found.type, True, place.is_read_only,
                     encoding, found.comment)  # fmt: skip
    return Place(place.group, place.offset + found.offset, found.type.size, found.type, False, place.is_read_only,
                 encoding, found.comment)  # fmt: skip


def _element(place: Place, indices: str) -> Place:
    kind = place.type.resolved
    parts = indices.split(',')
    if kind.base is None or len(parts) != len(kind.bounds) or not all(part.lstrip('-').isdecimal() for part in parts):
        raise KeyError(indices)
    numbers = [int(part) for part in parts]
    at = 0
    for number, (low, length) in zip(numbers, kind.bounds, strict=True):
        if not low <= number < low + length:
            raise KeyError(indices)
        at = at * length + number - low
    return place._replace(offset=place.offset + at * kind.base.size, size=kind.base.size, type=kind.base)
