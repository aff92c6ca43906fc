"""What a PLC uploads about itself: its symbols (index group 0xF00B) and its data types (0xF00E), entry by entry.

Both are lists of entries that begin with their own length in bytes, little-endian, texts with a NUL behind each:

AdsSymbolEntry: length, index group, index offset, size, data type number, flags (32 bits each; the upper half of the
flags is the count of array dimensions); lengths of name, type and comment (16 bits); these three texts; lower bound and
count of each dimension (32 bits); 16 bytes of GUID (flag 0x8); attributes (0x1000).
AdsDatatypeEntry: length, version, two hashes, size, offset, data type number, flags (32 bits); lengths of name, type
and comment, dimensions, sub items (16 bits); the three texts; the dimensions; the sub items, of the same form; GUID
(flag 0x80); copy mask of `size` bytes (0x200); methods with their lengths (0x800); attributes (0x1000); names and
values of an enum (0x2000). What follows is not needed.
"""
import struct
from typing import NamedTuple

from edgeos.ads.codec import Refused
from edgeos.ads.texts import decode_text

Dimension = tuple[int, int]  # lower bound, count

POINTER_LIKE = 0x04 | 0x400 | 0x800000  # of a data type: reference, interface, pointer
BIT_VALUES = 0x20  # of a sub item: offset and size are in bits
NO_MEMORY = 0x08 | 0x40 | 0x20000  # of a sub item: method, property, static variable
MOST_DIMENSIONS = 9
LONGEST_NAME = 500

_TYPE_GUID, _COPY_MASK, _METHODS, _ATTRIBUTES, _ENUM = 0x80, 0x200, 0x800, 0x1000, 0x2000
_SYMBOL_GUID, _READ_ONLY = 0x8, 0x20
_SYMBOL_POINTER_LIKE = 0x04 | 0x10
_SYMBOL_HEAD = struct.Struct('<5I3H')  # without the length
_TYPE_HEAD = struct.Struct('<7I5H')
_DIMENSION = struct.Struct('<iI')
_SIGNED = frozenset((2, 3, 16, 20))
_LENGTH = struct.Struct('<I')
_COUNT = struct.Struct('<H')


class SymbolError(Refused):
    """Raised when an upload is none; str() says where it breaks off."""


class BadEntry(Exception):
    """Raised for one entry that makes no sense; the others are not concerned."""


class Symbol(NamedTuple):
    """An uploaded symbol; `number` is its ADS data type number, `size` in bytes."""

    name: str
    type: str
    comment: str
    group: int
    offset: int
    size: int
    number: int
    dimensions: tuple[Dimension, ...]
    is_address: bool
    is_read_only: bool
    attributes: dict[str, str]


class DataType(NamedTuple):
    """An uploaded type, or a member of one; `type` is what it is derived from, or what the member is."""

    name: str
    type: str
    comment: str
    size: int
    offset: int
    number: int
    flags: int
    dimensions: tuple[Dimension, ...]
    members: tuple['DataType', ...]
    attributes: dict[str, str]
    names: dict[int, str]  # of an enum
    broken: int  # members that make no sense


class Reader:
    """Reads on and on from one entry; raises BadEntry where that ends."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, count: int) -> bytes:
        """The next bytes."""
        start, self._at = self._at, self._at + count
        if self._at > len(self._data):
            raise BadEntry('it is shorter than its parts')
        return self._data[start:self._at]

    def text(self, length: int) -> str:
        """Text of so many bytes, and the NUL behind it."""
        raw = self.take(length + 1)[:-1]
        return raw.decode('ascii') if raw.isascii() else decode_text(raw)

    def count(self) -> int:
        """16 bits."""
        number: int = _COUNT.unpack(self.take(2))[0]
        return number

    def dimensions(self, count: int) -> tuple[Dimension, ...]:
        """Bounds of an array; each has one element at least."""
        if count > MOST_DIMENSIONS:
            raise BadEntry(f'{count} dimensions')
        found = tuple(_DIMENSION.unpack(self.take(8)) for _ in range(count))
        if any(not length for _low, length in found):
            raise BadEntry('an array without elements')
        return found

    def attributes(self) -> dict[str, str]:
        """By name in lower case."""
        found = {}
        for _ in range(self.count()):
            lengths = self.take(2)
            name = self.text(lengths[0])
            found[name.lower()] = self.text(lengths[1])
        return found

    def block(self) -> bytes:
        """One that begins with its length, 32 bits; what follows these."""
        length: int = _LENGTH.unpack(self.take(4))[0]
        if length < 4:
            raise BadEntry('a part without length')
        return self.take(length - 4)


def entries(upload: bytes, what: str, problems: list[str]) -> list[bytes]:
    """The entries of an upload without their lengths, up to where it breaks off, which is added to the problems.

    Raises SymbolError where already the first one makes no sense.
    """
    found: list[bytes] = []
    at, end = 0, len(upload)
    while at < end:
        length = _LENGTH.unpack_from(upload, at)[0] if end - at >= 4 else 0
        if length == 0 and not any(upload[at:]):
            break  # filled up with zeros
        if length < 5 or at + length > end:
            problem = SymbolError('The list of {what} breaks off at byte {at} of {all}.', what=what, at=at, all=end)
            if not found:
                raise problem
            problems.append(str(problem))
            break
        found.append(upload[at + 4:at + length])
        at += length
    return found


def parse_symbol(entry: bytes) -> Symbol:
    """An AdsSymbolEntry without its length; raises BadEntry."""
    if len(entry) < _SYMBOL_HEAD.size:
        raise BadEntry('it is too short')
    group, offset, size, number, all_flags, *lengths = _SYMBOL_HEAD.unpack_from(entry)
    flags, dimensions = all_flags & 0xFFFF, all_flags >> 16
    rest = Reader(entry, _SYMBOL_HEAD.size)
    name, kind, comment = rest.text(lengths[0]), rest.text(lengths[1]), rest.text(lengths[2])
    _check(name)
    if offset + size > 2**32:
        raise BadEntry('it is not within the memory')
    bounds = rest.dimensions(dimensions)
    attributes: dict[str, str] = {}
    if flags & _ATTRIBUTES:
        rest.take(16 if flags & _SYMBOL_GUID else 0)
        attributes = rest.attributes()
    return Symbol(name, kind, comment, group, offset, size, number, bounds, bool(flags & _SYMBOL_POINTER_LIKE),
                  bool(flags & _READ_ONLY), attributes)  # fmt: skip


def _check(name: str) -> None:
    if not name or not name.isprintable():
        raise BadEntry('it has no proper name')
    if len(name) > LONGEST_NAME:
        raise BadEntry('its name is too long')


def parse_type(entry: bytes, *, is_member: bool = False) -> DataType:
    """An AdsDatatypeEntry without its length; raises BadEntry. Members of members are not looked at."""
    if len(entry) < _TYPE_HEAD.size:
        raise BadEntry('it is too short')
    _version, _hash, _type_hash, size, offset, number, flags, *counts = _TYPE_HEAD.unpack_from(entry)
    rest = Reader(entry, _TYPE_HEAD.size)
    name, kind, comment = rest.text(counts[0]), rest.text(counts[1]), rest.text(counts[2])
    _check(name)
    bounds = rest.dimensions(counts[3])
    blocks = [rest.block() for _ in range(counts[4])]
    members = () if is_member else tuple(found for block in blocks if (found := _member(block)))
    attributes: dict[str, str] = {}
    names: dict[int, str] = {}
    try:
        _skip_to_attributes(rest, size, flags)
        attributes = rest.attributes() if flags & _ATTRIBUTES else {}
        names = _enum_names(rest, size, signed=number in _SIGNED) if flags & _ENUM else {}
    except BadEntry:
        pass  # where and what it is stands before that
    broken = 0 if is_member else len(blocks) - len(members)
    return DataType(name, kind, comment, size, offset, number, flags, bounds, members, attributes, names, broken)


def _member(block: bytes) -> DataType | None:
    try:
        return parse_type(block, is_member=True)
    except BadEntry:
        return None


def _skip_to_attributes(rest: Reader, size: int, flags: int) -> None:
    if flags & _TYPE_GUID:
        rest.take(16)
    if flags & _COPY_MASK:
        rest.take(size)
    if flags & _METHODS:
        for _ in range(rest.count()):
            rest.block()


def _enum_names(rest: Reader, size: int, *, signed: bool) -> dict[int, str]:
    names: dict[int, str] = {}
    for _ in range(rest.count()):
        name = rest.text(rest.take(1)[0])
        names.setdefault(int.from_bytes(rest.take(size), 'little', signed=signed), name)
    return names
