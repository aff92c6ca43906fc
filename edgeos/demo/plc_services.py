"""What can be read, written and asked for at a simulated PLC by index group and index offset.

Groups 0xF003 to 0xF011 are about symbols, 0xF080 to 0xF084 do many requests in one. Source: Beckhoff Infosys, "ADS
system services" and "ADS-sum command"; a sum read's answer holds the errors (u32 each), then the data of all items.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

from edgeos.demo.plc_device import SimulatedPlc
from edgeos.demo.plc_memory import DATA, Memory, Place

NOT_SUPPORTED, INVALID_GROUP, INVALID_OFFSET, INVALID_ACCESS, INVALID_SIZE = 0x701, 0x702, 0x703, 0x704, 0x705
INVALID_DATA, SYMBOL_NOT_FOUND, SYMBOL_VERSION_INVALID, NO_MORE_HANDLES = 0x706, 0x710, 0x711, 0x716
HANDLE_BY_NAME, VALUE_BY_NAME, VALUE_BY_HANDLE, RELEASE_HANDLE, INFO_BY_NAME = 0xF003, 0xF004, 0xF005, 0xF006, 0xF007
VERSION, INFO_BY_NAME_EX, SYMBOLS, UPLOAD_INFO, TYPES, UPLOAD_INFO_2 = 0xF008, 0xF009, 0xF00B, 0xF00C, 0xF00E, 0xF00F
TYPE_BY_NAME, SUM_READ, SUM_WRITE, SUM_READ_WRITE = 0xF011, 0xF080, 0xF081, 0xF082
SUM_READ_EX, SUM_READ_EX_2, STATES = 0xF083, 0xF084, 0xF100
MOST_HANDLES = 100_000
MOST_ANSWER = 16 * 1024 * 1024  # bytes
CODE_PAGE, UPLOAD_FLAGS = 1252, 0b011  # wide pointers, basic types included

_TRIPLE = struct.Struct('<III')
_QUAD = struct.Struct('<IIII')


class AdsRefused(Exception):
    """Raised where a service answers with an ADS error."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f'{code:#x}')


class Handle(NamedTuple):
    """A symbol somebody holds; the memory tells whether the program is still the same."""

    place: Place
    memory: Memory
    symbol_version: int


class Services:
    """For one connection, because handles end with it. Everything raises AdsRefused."""

    def __init__(self, plc: SimulatedPlc) -> None:
        self._plc = plc
        self._handles: dict[int, Handle] = {}
        self._next_handle = 1
        self._reading: dict[int, Callable[[int], bytes]] = {
            VALUE_BY_HANDLE: lambda offset: self._plc.memory.read(self._handle(offset)),
            STATES: lambda offset: struct.pack('<HH', self._plc.state, self._plc.device_state)[offset:],
        }
        self._asking: dict[int, Callable[[int, int, bytes], bytes]] = {
            SUM_READ: lambda count, size, data: self.sum_read(count, data),
            SUM_WRITE: lambda count, size, data: self._sum_write(count, data),
            SUM_READ_WRITE: lambda count, size, data: self._sum_read_write(count, data),
        }
        if plc.traits.has_symbols:
            self._reading |= {
                VERSION: lambda offset: bytes((self._plc.reported_version(),)),
                SYMBOLS: lambda offset: self._plc.uploads.symbols[offset:],
                UPLOAD_INFO: lambda offset: self._upload_info()[:8],
                UPLOAD_INFO_2: lambda offset: self._upload_info(),
                TYPES: lambda offset: self._plc.uploads.types[offset:],
            }
            self._asking |= {
                HANDLE_BY_NAME: lambda offset, size, name: self._new_handle(name),
                VALUE_BY_NAME: lambda offset, size, name: self._plc.memory.read(self._place(name)),
                INFO_BY_NAME: lambda offset, size, name: _TRIPLE.pack(*self._place(name)[:3]),
                INFO_BY_NAME_EX: lambda offset, size, name: self._info(name),
                TYPE_BY_NAME: lambda offset, size, name: self._type(name),
            }
        if plc.traits.is_rich:
            self._asking |= {
                SUM_READ_EX: lambda count, size, data: self._sum_read_ex(count, data, is_padded=True),
                SUM_READ_EX_2: lambda count, size, data: self._sum_read_ex(count, data, is_padded=False),
            }

    # plain

    def read(self, group: int, offset: int, size: int) -> bytes:
        """Up to `size` bytes."""
        memory = self._plc.memory
        if (area := memory.areas.get(group)) is not None:
            if offset + size > len(area):
                raise AdsRefused(INVALID_OFFSET)
            return bytes(area[offset : offset + size])
        if (reader := self._reading.get(group)) is not None:
            return reader(offset)[:size]
        if (area := memory.areas.get(group - 1)) is not None:
            if offset + size > 8 * len(area):
                raise AdsRefused(INVALID_OFFSET)
            return memory.read_bits(group, offset, size)
        raise AdsRefused(INVALID_GROUP)

    def write(self, group: int, offset: int, data: bytes) -> None:
        """All of it, or nothing."""
        memory = self._plc.memory
        if (area := memory.areas.get(group)) is not None:
            if offset + len(data) > len(area):
                raise AdsRefused(INVALID_OFFSET)
            area[offset : offset + len(data)] = data
        elif group == VALUE_BY_HANDLE:
            place = self._handle(offset)
            if place.is_read_only:
                raise AdsRefused(INVALID_ACCESS)
            if len(data) > place.size:
                raise AdsRefused(INVALID_SIZE)
            memory.write(place, data)
        elif group == RELEASE_HANDLE:
            if len(data) != 4:
                raise AdsRefused(INVALID_SIZE)
            if self._handles.pop(int.from_bytes(data, 'little'), None) is None:
                raise AdsRefused(SYMBOL_NOT_FOUND)
        elif (area := memory.areas.get(group - 1)) is not None:
            if offset + len(data) > 8 * len(area):
                raise AdsRefused(INVALID_OFFSET)
            memory.write_bits(group, offset, data)
        else:
            raise AdsRefused(INVALID_GROUP)

    def read_write(self, group: int, offset: int, size: int, data: bytes) -> bytes:
        """Up to `size` bytes as an answer to `data`."""
        if (ask := self._asking.get(group)) is None:
            raise AdsRefused(INVALID_GROUP)
        return ask(offset, size, data)[:size]

    # symbols

    def _place(self, name: bytes) -> Place:
        try:
            return self._plc.memory.place(name.partition(b'\0')[0].decode('cp1252', 'replace'))
        except (KeyError, ValueError) as error:
            raise AdsRefused(SYMBOL_NOT_FOUND) from error

    def _new_handle(self, name: bytes) -> bytes:
        """Handle, size, ADS data type u32 each, length u16 and name of the type, NUL: most ask for 4 bytes of it."""
        if len(self._handles) >= MOST_HANDLES:
            raise AdsRefused(NO_MORE_HANDLES)
        number, self._next_handle = self._next_handle, self._next_handle + 1
        place = self._place(name)
        self._handles[number] = Handle(place, self._plc.memory, self._plc.symbol_version)
        text = place.type.name.encode('cp1252', 'replace')
        return struct.pack('<IIIH', number, place.size, place.type.resolved.ads_type, len(text)) + text + b'\0'

    def _handle(self, number: int) -> Place:
        handle = self._handles.get(number)
        if handle is None:
            raise AdsRefused(SYMBOL_NOT_FOUND)
        if handle.memory is not self._plc.memory:
            changed_online = handle.symbol_version == self._plc.symbol_version
            raise AdsRefused(SYMBOL_VERSION_INVALID if changed_online else SYMBOL_NOT_FOUND)
        return handle.place

    def _info(self, name: bytes) -> bytes:
        place = self._place(name)
        text = name.partition(b'\0')[0].decode('cp1252', 'replace')
        symbol = self._plc.memory.symbols.get(text.lower())
        if symbol is None:
            return self._plc.uploads.symbol(text, place)
        return self._plc.uploads.symbol(symbol.name, place, symbol.attributes)

    def _type(self, name: bytes) -> bytes:
        entry = self._plc.uploads.type(name.partition(b'\0')[0].decode('cp1252', 'replace'))
        if entry is None:
            raise AdsRefused(SYMBOL_NOT_FOUND)
        return entry

    def _upload_info(self) -> bytes:
        """Counts and bytes of symbols and data types, dynamic symbols; of TwinCAT 3 code page and flags, 64 in all."""
        uploads = self._plc.uploads
        info = struct.pack('<IIIIII', uploads.symbol_count, len(uploads.symbols), uploads.type_count,
                           len(uploads.types), 0, 0)  # fmt: skip
        if self._plc.traits.is_rich:
            info += struct.pack('<III', 0, CODE_PAGE, UPLOAD_FLAGS).ljust(40, b'\0')
        return info

    # many in one

    def sum_read(self, count: int, data: bytes) -> bytes:
        """Index group, offset and size of each; what cannot be read is zeros."""
        if len(data) < 12 * count:
            raise AdsRefused(INVALID_SIZE)
        area = self._plc.memory.areas[DATA]
        end = len(area)
        parts: list[bytes | bytearray] = [b'']
        errors: dict[int, int] = {}
        for group, offset, size in _TRIPLE.iter_unpack(data[: 12 * count]):
            if group == DATA and offset + size <= end:
                parts.append(area[offset : offset + size])
                continue
            if size > MOST_ANSWER:
                raise AdsRefused(INVALID_SIZE)
            try:
                parts.append(self.read(group, offset, size).ljust(size, b'\0'))
            except AdsRefused as error:
                errors[len(parts) - 1] = error.code
                parts.append(bytes(size))
        head = bytearray(4 * count)
        for number, code in errors.items():
            struct.pack_into('<I', head, 4 * number, code)
        parts[0] = head
        return b''.join(parts)

    def _sum_read_ex(self, count: int, data: bytes, *, is_padded: bool) -> bytes:
        """Answers error and size of each, then the data: as many bytes as asked for, or as there are."""
        heads, parts = [], []
        for group, offset, size in self._items(_TRIPLE, count, data):
            if size > MOST_ANSWER:
                raise AdsRefused(INVALID_SIZE)
            code, got = _tried(self.read, group, offset, size)
            heads.append(struct.pack('<II', code, len(got)))
            parts.append(got.ljust(size, b'\0') if is_padded else got)
        return b''.join(heads + parts)

    def _sum_write(self, count: int, data: bytes) -> bytes:
        """Index group, offset and size of each, then all data; answers the errors."""
        codes, at = [], _TRIPLE.size * count
        for group, offset, size in self._items(_TRIPLE, count, data):
            if at + size > len(data):
                raise AdsRefused(INVALID_SIZE)
            codes.append(_tried_writing(self.write, group, offset, data[at : at + size]))
            at += size
        return struct.pack(f'<{count}I', *codes)

    def _sum_read_write(self, count: int, data: bytes) -> bytes:
        """Index group, offset, bytes to read and to write of each, then all data; answers error and size of each."""
        heads, parts, at = [], [], _QUAD.size * count
        for group, offset, read_size, size in self._items(_QUAD, count, data):
            if at + size > len(data):
                raise AdsRefused(INVALID_SIZE)
            code, got = _tried(self.read_write, group, offset, read_size, data[at : at + size])
            heads.append(struct.pack('<II', code, len(got)))
            parts.append(got)
            at += size
        return b''.join(heads + parts)

    def _items(self, form: struct.Struct, count: int, data: bytes) -> list[tuple[int, ...]]:
        if len(data) < form.size * count:
            raise AdsRefused(INVALID_SIZE)
        return list(form.iter_unpack(data[: form.size * count]))


def _tried(service: Callable[..., bytes], *arguments: object) -> tuple[int, bytes]:
    try:
        return 0, service(*arguments)
    except AdsRefused as error:
        return error.code, b''


def _tried_writing(service: Callable[[int, int, bytes], None], group: int, offset: int, data: bytes) -> int:
    try:
        service(group, offset, data)
    except AdsRefused as error:
        return error.code
    return 0
