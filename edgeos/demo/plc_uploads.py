"""What a simulated PLC says of its symbols and data types: the entries of the uploads.

A symbol: entry length u32, index group u32, index offset u32, size u32, ADS data type u32, flags u16, number of array
dimensions u16, lengths of name, type and comment u16 each, those three with a NUL after each, for each dimension lowest
index i32 and length u32; then what the flags announce: GUID of 16 bytes, attributes. Texts are in cp1252.

A data type: entry length u32, version u32, hash u32, hash of the base u32, size u32, offset u32, ADS data type u32,
flags u32, lengths of name, type and comment u16 each, dimensions u16, number of sub-items u16, the three texts, the
dimensions, the sub-items (entries like this one; of a BIT offset and size count bits); GUID, attributes, enum infos.
Source: the structures AdsSymbolEntry and AdsDatatypeEntry of Beckhoff's TcAdsDef.h.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Sequence

from edgeos.demo.plc_memory import Memory, Place, Symbol
from edgeos.demo.plc_types import BIG, Member, PlcType

_SYMBOL = struct.Struct('<IIIIIHHHHH')
_TYPE = struct.Struct('<IIIIIIIIHHHHH')
# flags of a symbol
BIT_VALUE, REFERENCE, TYPE_GUID, READ_ONLY, ATTRIBUTES = 2, 4, 8, 0x20, 0x1000
# flags of a data type
DATA_TYPE, DATA_ITEM, REFERENCE_TO, BIT_VALUES, GUID, TYPE_ATTRIBUTES = 1, 2, 4, 0x20, 0x80, 0x1000
ENUM_INFOS, ALIGNED, POINTER_TYPE = 0x2000, 0x10000, 0x800000


class Uploads:
    """Made once for a program. TwinCAT 2 knows no GUIDs, attributes and enum infos, and no entries of basic types."""

    def __init__(self, memory: Memory, *, is_rich: bool) -> None:
        self._is_rich = is_rich
        entries = [self.symbol(symbol.name, symbol.place, symbol.attributes) for symbol in _sorted(memory)]
        self.symbol_count = len(entries)
        self.symbols = b''.join(entries)
        self._memory = memory
        self._types = {kind.name.lower(): self._type(kind) for kind in _used(memory) if is_rich or _is_own(kind)}
        self.type_count = len(self._types)
        self.types = b''.join(self._types.values())

    def type(self, name: str) -> bytes | None:
        """The entry of one data type."""
        return self._types.get(' '.join(name.split()).lower())

    def symbol(self, name: str, place: Place, attributes: Sequence[tuple[str, str]] = ()) -> bytes:
        """The entry of one symbol, or of a part of one."""
        kind = place.type
        bounds = kind.resolved.bounds
        flags = (BIT_VALUE if place.is_bit else 0) | (REFERENCE if kind.is_reference else 0)
        flags |= READ_ONLY if place.is_read_only else 0
        tail = _bounds(bounds)
        if self._is_rich:
            flags |= TYPE_GUID | (ATTRIBUTES if attributes else 0)
            tail += _guid(kind) + _attributes(attributes)
        texts = [text.encode('cp1252', 'replace') for text in (name, kind.name, place.comment)]
        body = b''.join(text + b'\0' for text in texts) + tail
        body += bytes(-(_SYMBOL.size + len(body)) % 4 if self._is_rich else 0)
        return _SYMBOL.pack(_SYMBOL.size + len(body), place.group, place.offset, place.size, kind.resolved.ads_type,
                            flags, len(bounds), *map(len, texts)) + body  # fmt: skip

    def _type(self, kind: PlcType) -> bytes:
        flags = DATA_TYPE | (BIT_VALUES if kind.is_bit else 0)
        if self._is_rich:
            flags |= POINTER_TYPE if kind.is_pointer else 0
            flags |= REFERENCE_TO if kind.is_reference else 0
            flags |= ENUM_INFOS if kind.names else 0
            flags |= ALIGNED if kind.members else 0
        base = kind.base.name if kind.base else ''
        enum = _enum_infos(kind) if flags & ENUM_INFOS else b''
        items = [self._item(member) for member in kind.members]
        return self._entry(kind, flags, kind.size, 0, kind.name, base, '', kind.bounds, items, tail=enum)

    def _item(self, member: Member) -> bytes:
        kind = member.type
        flags = DATA_ITEM | (BIT_VALUES if kind.is_bit else 0)
        if self._is_rich:
            flags |= REFERENCE_TO if kind.is_reference else 0
        return self._entry(kind, flags, kind.size, member.offset, member.name, kind.name, member.comment,
                           kind.resolved.bounds, [], member.attributes)  # fmt: skip

    def _entry(
        self, kind: PlcType, flags: int, size: int, offset: int, name: str, base: str, comment: str,
        bounds: Sequence[tuple[int, int]], items: Sequence[bytes], attributes: Sequence[tuple[str, str]] = (),
        tail: bytes = b'',
    ) -> bytes:  # fmt: skip
        texts = [text.encode('cp1252', 'replace') for text in (name, base, comment)]
        body = b''.join(text + b'\0' for text in texts) + _bounds(bounds) + b''.join(items)
        if self._is_rich:
            flags |= GUID | (TYPE_ATTRIBUTES if attributes else 0)
            body += _guid(kind) + _attributes(attributes) + tail
        return _TYPE.pack(_TYPE.size + len(body), 1, zlib.crc32(texts[0]), zlib.crc32(texts[1]), size, offset,
                          kind.resolved.ads_type if not kind.is_pointer else BIG, flags, *map(len, texts),
                          len(bounds), len(items)) + body  # fmt: skip


def _sorted(memory: Memory) -> Iterable[Symbol]:
    return (memory.symbols[key] for key in sorted(memory.symbols))


def _used(memory: Memory) -> list[PlcType]:
    """Types that symbols have, and all those are made of."""
    found: dict[str, PlcType] = {}
    waiting = [symbol.place.type for symbol in memory.symbols.values()]
    while waiting:
        kind = waiting.pop()
        if kind.name not in found:
            found[kind.name] = kind
            waiting += [member.type for member in kind.members] + ([kind.base] if kind.base else [])
    return [found[name] for name in sorted(found)]


def _is_own(kind: PlcType) -> bool:
    return bool(kind.members or kind.bounds or kind.names or kind.base)


def _bounds(bounds: Iterable[tuple[int, int]]) -> bytes:
    return b''.join(struct.pack('<iI', low, length) for low, length in bounds)


def _guid(kind: PlcType) -> bytes:
    return hashlib.md5(kind.name.encode(), usedforsecurity=False).digest()


def _attributes(attributes: Sequence[tuple[str, str]]) -> bytes:
    if not attributes:
        return b''
    packed = struct.pack('<H', len(attributes))
    for pair in attributes:
        name, value = (text.encode('cp1252') for text in pair)
        packed += bytes((len(name), len(value))) + name + b'\0' + value + b'\0'
    return packed


def _enum_infos(kind: PlcType) -> bytes:
    packed = struct.pack('<H', len(kind.names))
    for name, number in kind.names.items():
        text = name.encode('cp1252')
        packed += bytes((len(text),)) + text + b'\0' + (kind.base.pack(number) if kind.base else b'')
    return packed
