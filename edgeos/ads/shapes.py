"""What a type looks like in memory: one value, members, or elements. Made from the uploaded types, once for each."""
import math
import re
from collections.abc import Iterator
from functools import cached_property

from edgeos.ads.codec import Codec, IntCodec
from edgeos.ads.datatypes import BIT_VALUES, NO_MEMORY, POINTER_LIKE, DataType, Dimension
from edgeos.ads.values import EnumCodec, PointerCodec, codec_by_number, codec_of, is_address

MOST_LEVELS = 50  # structures and arrays within each other
MOST_PROBLEMS = 200
BIG_TYPE = 65  # ADST_BIGTYPE: structures and whatever has no number of its own
LONGEST_UNIT = 10

_ARRAY = re.compile(r'ARRAY\s*\[([^\]]*)\]\s*OF\s+(\S.*)', re.IGNORECASE | re.DOTALL | re.ASCII)
_BOUNDS = re.compile(r'\s*(-?\d{1,10})\s*\.\.\s*(-?\d{1,10})\s*', re.ASCII)
_UNIT = re.compile(rf'\[([^\[\]\s]{{1,{LONGEST_UNIT}}})\]')


class Member:
    """A part of a structure; `offset` in bytes, `bit` where it is a single one."""

    __slots__ = ('bit', 'comment', 'name', 'offset', 'shape', 'unit')

    def __init__(self, name: str, shape: 'Shape', offset: int, bit: int | None, comment: str) -> None:
        self.name = name
        self.shape = shape
        self.offset = offset
        self.bit = bit
        self.comment = comment
        self.unit = unit_in(comment)


class Shape:
    """One of: a value (`codec`), a structure (`members`), an array (`dimensions` of `element`), or unknown.

    `size` in bytes, `leaves` how many values it has in all.
    """

    def __init__(self, type_name: str, size: int, *, codec: Codec | None = None, members: tuple[Member, ...] = (),
                 dimensions: tuple[Dimension, ...] = (), element: 'Shape | None' = None) -> None:  # fmt: skip
        self.type = type_name
        self.size = size
        self.codec = codec
        self.members = members
        self.dimensions = dimensions
        self.element = element
        self.count = math.prod(length for _low, length in dimensions) if element else len(members)
        self.leaves: int
        if element:
            self.leaves = self.count * element.leaves
        else:
            self.leaves = 1 if codec else sum(member.shape.leaves for member in members)

    @cached_property
    def by_name(self) -> dict[str, Member]:
        """Members by name in lower case."""
        return {member.name.casefold(): member for member in self.members}

    def indices(self) -> Iterator[str]:
        """Of the elements, in the order of memory: the last dimension runs fastest."""
        return _indices(self.dimensions)

    def position(self, index: str) -> int | None:
        """Which element in memory `1,2` is; None if there is none."""
        numbers = index.split(',')
        if len(numbers) != len(self.dimensions):
            return None
        position = 0
        for text, (low, length) in zip(numbers, self.dimensions, strict=True):
            if not re.fullmatch(r'\s*-?\d{1,10}\s*', text, re.ASCII) or not 0 <= int(text) - low < length:
                return None
            position = position * length + int(text) - low
        return position


class Shapes:
    """Finds the shape of a type by its name. `problems` are types that make no sense, in English."""

    def __init__(self, types: dict[str, DataType], encoding: str, pointer_size: int) -> None:
        """`types` by `key_of` their names."""
        self.problems: list[str] = []
        self._types = types
        self._encoding = encoding
        self._pointer_size = pointer_size
        self._known: dict[tuple[str, int, int, bool, tuple[Dimension, ...], str], Shape] = {}
        self._pending: set[str] = set()
        self._level = 0

    def find(self, type_name: str, size: int = 0, number: int = BIG_TYPE, *, address: bool = False,
             dimensions: tuple[Dimension, ...] = (), encoding: str = '') -> Shape:  # fmt: skip
        """The shape of a symbol or member: `size` in bytes (0 if not told), ADS data type number, whether it is an
        address, its dimensions where it has its own, and the encoding of its texts if it differs."""
        key = (type_name, size, number, address, dimensions, encoding)
        shape = self._known.get(key)
        if shape is not None:
            return shape
        if self._level >= MOST_LEVELS:
            self._report(type_name, 'it has too many levels')
            return Shape(type_name, size)
        self._level += 1
        shape = self._known[key] = self._make(*key)
        self._level -= 1
        return shape

    def _make(self, type_name: str, size: int, number: int, address: bool, dimensions: tuple[Dimension, ...],
              encoding: str) -> Shape:  # fmt: skip
        if address or is_address(type_name):
            return self._address(type_name, size)
        array = _ARRAY.fullmatch(type_name.strip())
        described = self._type(type_name)
        if dimensions and not array and not _is_array_itself(described, size, dimensions):
            shown = f'ARRAY [{",".join(f"{low}..{low + length - 1}" for low, length in dimensions)}] OF {type_name}'
            return self._array(shown, type_name, size, number, dimensions, encoding)
        codec = codec_of(type_name, encoding or self._encoding, size)
        if codec:
            return Shape(type_name, codec.size, codec=codec)
        if described:
            return self._described(type_name, described, size, number, encoding)
        if array and (bounds := _bounds(array[1]) or dimensions):
            return self._array(type_name, array[2], size, number, bounds, encoding)
        return Shape(type_name, size, codec=codec_by_number(number, size, encoding or self._encoding))

    def _type(self, type_name: str) -> DataType | None:
        key = key_of(type_name)
        found = self._types.get(key)
        if found is None and '.' in key and '[' not in key and '(' not in key:
            found = self._types.get(key.rpartition('.')[2])  # without a namespace
        return found

    def _address(self, type_name: str, size: int) -> Shape:
        size = size or self._pointer_size
        return Shape(type_name, size, codec=PointerCodec(type_name, size) if size in (4, 8) else None)

    def _array(self, type_name: str, element: str, size: int, number: int, dimensions: tuple[Dimension, ...],
               encoding: str) -> Shape:  # fmt: skip
        count = math.prod(length for _low, length in dimensions)
        if size % count or (size and size < count):
            self._report(type_name, f'{size} bytes are no {count} elements')
            return Shape(type_name, size)
        shape = self.find(element, size // count, number, encoding=encoding)
        if not shape.size or (size and shape.size * count != size):
            return Shape(type_name, size)
        return Shape(type_name, shape.size * count, dimensions=dimensions, element=shape)

    def _described(self, type_name: str, described: DataType, size: int, number: int, encoding: str) -> Shape:
        """From an uploaded type, which may be derived from others."""
        key = key_of(described.name)
        if key in self._pending:
            self._report(type_name, 'it contains itself')
            return Shape(type_name, size)
        if size not in (0, described.size):
            self._report(type_name, f'{size} bytes, but the type has {described.size}')
            return Shape(type_name, size)
        self._pending.add(key)
        shape = self._derived(type_name, described, encoding_in(described.attributes) or encoding)
        self._pending.discard(key)
        return shape

    def _derived(self, type_name: str, described: DataType, encoding: str) -> Shape:
        size, number = described.size, described.number
        is_own = key_of(described.type) == key_of(described.name)
        if described.dimensions:
            return self._array(type_name, described.type, size, number, described.dimensions, encoding)
        if described.names:
            base = None if is_own else codec_of(described.type, encoding or self._encoding, size)
            base = base or codec_by_number(number, size)
            codec = EnumCodec(base, described.names, type_name) if isinstance(base, IntCodec) else None
            return Shape(type_name, size, codec=codec)
        if described.members:
            return self._structure(type_name, described, encoding)
        if described.type and not is_own:
            base_shape = self.find(described.type, size, number, encoding=encoding)
            return Shape(type_name, size, codec=base_shape.codec, members=base_shape.members,
                         dimensions=base_shape.dimensions, element=base_shape.element)  # fmt: skip
        if size in (4, 8) and (described.flags & POINTER_LIKE or number == BIG_TYPE):
            return self._address(type_name, size)  # an interface, or a function block without members
        return Shape(type_name, size, codec=codec_by_number(number, size, encoding or self._encoding))

    def _structure(self, type_name: str, described: DataType, encoding: str) -> Shape:
        if described.broken:
            self._report(type_name, f'{described.broken} members make no sense')
        members: dict[str, Member] = {}
        if described.type and key_of(described.type) != key_of(described.name):  # EXTENDS
            members = {part.name.casefold(): part for part in self.find(described.type, encoding=encoding).members}
        for item in described.members:
            if not item.flags & NO_MEMORY and (member := self._member(type_name, item, described.size, encoding)):
                members[item.name.casefold()] = member
        return Shape(type_name, described.size, members=tuple(members.values()))

    def _member(self, owner: str, item: DataType, room: int, encoding: str) -> Member | None:
        offset, size, bit = item.offset, item.size, None
        if item.flags & BIT_VALUES and size == 1:
            offset, bit = divmod(offset, 8)
        elif item.flags & BIT_VALUES:
            if offset % 8 or size % 8:
                shape = Shape(item.type, (size + 7) // 8)
                return Member(item.name, shape, offset // 8, None, one_line(item.comment))
            offset, size = offset // 8, size // 8
        if offset + size > room:
            self._report(f'{owner}.{item.name}', f'it ends at byte {offset + size} of {room}')
            return None
        encoding = encoding_in(item.attributes) or encoding
        kind = 'BIT' if bit is not None else item.type
        shape = self.find(kind, size, item.number, address=bool(item.flags & POINTER_LIKE and bit is None),
                          dimensions=item.dimensions, encoding=encoding)  # fmt: skip
        return Member(item.name, shape, offset, bit, one_line(item.comment))

    def _report(self, name: str, problem: str) -> None:
        text = f'{name}: {problem}'
        if len(self.problems) < MOST_PROBLEMS and text not in self.problems:
            self.problems.append(text)


def key_of(type_name: str) -> str:
    """By which a type is found: case and blanks make no difference."""
    return ''.join(type_name.split()).casefold()


def encoding_in(attributes: dict[str, str]) -> str:
    """What the attribute TcEncoding says."""
    return 'utf-8' if attributes.get('tcencoding', '').upper() in ('UTF-8', 'UTF8') else ''


def one_line(comment: str) -> str:
    """A comment without line breaks."""
    return ' '.join(comment.split())


def unit_in(comment: str) -> str:
    """A short text in brackets: `supply [°C]`; not a range or an index, such as [0..9]."""
    if '[' in comment:
        for text in _UNIT.findall(comment):
            if '..' not in text and any(sign.isalpha() or sign in '%‰°' for sign in text):
                return str(text)
    return ''


def _is_array_itself(described: DataType | None, size: int, dimensions: tuple[Dimension, ...]) -> bool:
    """Whether the dimensions are those of the named type, and not of an array of it."""
    if described is None or described.size != size:
        return False
    return bool(described.dimensions) or math.prod(length for _low, length in dimensions) > 1


def _bounds(text: str) -> tuple[Dimension, ...]:
    """`0..9,1..2`; none if it is not written with numbers."""
    found = []
    for part in text.split(','):
        bounds = _BOUNDS.fullmatch(part)
        if not bounds or int(bounds[2]) < int(bounds[1]):
            return ()
        found.append((int(bounds[1]), int(bounds[2]) - int(bounds[1]) + 1))
    return tuple(found)


def _indices(dimensions: tuple[Dimension, ...]) -> Iterator[str]:
    low, length = dimensions[0]
    for number in range(low, low + length):
        if len(dimensions) == 1:
            yield str(number)
        else:
            for rest in _indices(dimensions[1:]):
                yield f'{number},{rest}'
