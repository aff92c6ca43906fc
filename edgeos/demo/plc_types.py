"""The data types of a simulated PLC: their sizes, members and places, and their values as bytes."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

BIT, STRING, WSTRING, BIG = 33, 30, 31, 65  # ADS data types
BASIC = {
    'BOOL': (33, '?'), 'SINT': (16, 'b'), 'USINT': (17, 'B'), 'BYTE': (17, 'B'), 'INT': (2, 'h'), 'UINT': (18, 'H'),
    'WORD': (18, 'H'), 'DINT': (3, 'i'), 'UDINT': (19, 'I'), 'DWORD': (19, 'I'), 'LINT': (20, 'q'), 'ULINT': (21, 'Q'),
    'LWORD': (21, 'Q'), 'REAL': (4, 'f'), 'LREAL': (5, 'd'), 'TIME': (19, 'I'), 'TIME_OF_DAY': (19, 'I'),
    'TOD': (19, 'I'), 'DATE': (19, 'I'), 'DATE_AND_TIME': (19, 'I'), 'DT': (19, 'I'), 'LTIME': (21, 'Q'),
    'LDATE': (21, 'Q'), 'LTIME_OF_DAY': (21, 'Q'), 'LTOD': (21, 'Q'), 'LDATE_AND_TIME': (21, 'Q'), 'LDT': (21, 'Q'),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Declared:
    """A variable or member as the program declares it."""

    name: str
    type: str
    comment: str = ''
    value: str = ''
    address: str = ''  # '%MB10'
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """Part of a structure; `offset` is in bytes, of a BIT in bits."""

    name: str
    type: 'PlcType'
    offset: int
    comment: str = ''
    attributes: tuple[tuple[str, str], ...] = ()
    value: str = ''  # to start with, as the program has it


@dataclass(eq=False, slots=True)
class PlcType:
    """`base` is the element of an array, what an alias or enum stands on, what a function block extends."""

    name: str
    size: int  # bytes; 1 of a BIT
    align: int
    ads_type: int
    code: str = ''  # of `struct`, of a plain number
    base: 'PlcType | None' = None
    members: tuple[Member, ...] = ()
    bounds: tuple[tuple[int, int], ...] = ()  # lowest index and length of each dimension
    names: dict[str, int] = field(default_factory=dict)  # of an enum
    is_bit: bool = False
    is_pointer: bool = False
    is_reference: bool = False

    @property
    def all_members(self) -> tuple[Member, ...]:
        """Inherited ones first."""
        return (*self.base.all_members, *self.members) if self.base and self.members else self.members

    def member(self, name: str) -> Member | None:
        """Upper and lower case are the same."""
        wanted = name.lower()
        return next((member for member in self.resolved.all_members if member.name.lower() == wanted), None)

    @property
    def resolved(self) -> 'PlcType':
        """What is behind an alias."""
        found = self
        while found.base and not (found.members or found.bounds or found.names):
            found = found.base
        return found

    def pack(self, value: Any, encoding: str = 'cp1252') -> bytes:
        """Bytes of a value: numbers, text, an enum's name, a list for an array, a dict for a structure."""
        kind = self.resolved
        if kind.names:
            return kind.base.pack(kind.names[value] if isinstance(value, str) else value) if kind.base else b''
        if kind.bounds and kind.base:
            return b''.join(kind.base.pack(each, encoding) for each in value)
        if kind.members:
            return _pack_members(kind, value, encoding)
        if kind.ads_type in (STRING, WSTRING):
            wide = kind.ads_type == WSTRING
            data = str(value).encode('utf-16-le' if wide else encoding)
            if len(data) > kind.size - (2 if wide else 1):
                raise ValueError(f'{value!r} does not fit {kind.name}')
            return data.ljust(kind.size, b'\0')
        return struct.pack('<' + kind.code, value) if kind.code else bytes(value)

    def unpack(self, data: bytes, encoding: str = 'cp1252') -> Any:
        """The value of `size` bytes; a known number of an enum is its name."""
        kind = self.resolved
        if kind.names and kind.base:
            number = kind.base.unpack(data)
            return next((name for name, known in kind.names.items() if known == number), number)
        if kind.bounds and kind.base:
            step = kind.base.size
            return [kind.base.unpack(data[at : at + step], encoding) for at in range(0, kind.size, step)]
        if kind.members:
            return {m.name: _unpack_member(m, data, encoding) for m in kind.all_members}
        if kind.ads_type == STRING:
            return data.partition(b'\0')[0].decode(encoding, 'replace')
        if kind.ads_type == WSTRING:
            return data.decode('utf-16-le', 'replace').partition('\0')[0]
        return struct.unpack('<' + kind.code, data)[0] if kind.code else data


def _pack_members(kind: PlcType, value: dict[str, Any], encoding: str) -> bytes:
    data = bytearray(kind.size)
    for member in kind.all_members:
        if member.name in value:
            if member.type.is_bit:
                data[member.offset // 8] |= bool(value[member.name]) << member.offset % 8
            else:
                packed = member.type.pack(value[member.name], encoding_of(member.attributes, encoding))
                data[member.offset : member.offset + len(packed)] = packed
    return bytes(data)


def _unpack_member(member: Member, data: bytes, encoding: str) -> Any:
    if member.type.is_bit:
        return bool(data[member.offset // 8] >> member.offset % 8 & 1)
    encoding = encoding_of(member.attributes, encoding)
    return member.type.unpack(data[member.offset : member.offset + member.type.size], encoding)


def encoding_of(attributes: Sequence[tuple[str, str]], otherwise: str = 'cp1252') -> str:
    """What a STRING is written in: as its attribute says."""
    return dict(attributes).get('TcEncoding', otherwise)
