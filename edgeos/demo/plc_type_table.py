"""All types of a simulated PLC's program: arrays, texts and pointers are made when they are first asked for."""

import math
import re
import struct
from collections.abc import Iterator, Sequence

from edgeos.demo.plc_types import BASIC, BIG, BIT, STRING, WSTRING, Declared, Member, PlcType

DEFAULT_TEXT = 80  # characters

_TEXT = re.compile(r'(W?STRING)(?:\s*[(\[]\s*(\d+)\s*[)\]])?$', re.IGNORECASE)
_ARRAY = re.compile(r'ARRAY\s*\[([^\]]+)\]\s*OF\s+(.+)$', re.IGNORECASE)
_POINTER = re.compile(r'(POINTER|REFERENCE)\s+TO\s+(.+)$', re.IGNORECASE)


class TypeTable:
    """TwinCAT 3 aligns to 8 bytes, its pointers have 8, and a function block starts with one; TwinCAT 2: 1, 4, none."""

    def __init__(self, *, pointer_size: int = 8, most_align: int = 8, block_header: int = 8) -> None:
        self.pointer_size = pointer_size
        self._most_align = most_align
        self._block_header = block_header
        self._types: dict[str, PlcType] = {}
        for name, (ads_type, code) in BASIC.items():
            size = struct.calcsize('<' + code)
            self._add(PlcType(name, size, self._align(size), ads_type, code))
        self._add(PlcType('BIT', 1, 1, BIT, '?', is_bit=True))
        wide = pointer_size == 8
        for name in ('PVOID', 'UXINT'):
            self._add(PlcType(name, pointer_size, self._align(pointer_size), 21 if wide else 19, 'Q' if wide else 'I',
                              is_pointer=name == 'PVOID'))  # fmt: skip

    def __iter__(self) -> Iterator[PlcType]:
        return iter(dict.fromkeys(self._types.values()))

    def find(self, name: str) -> PlcType:
        """By name, upper and lower case are the same; raises KeyError."""
        key = ' '.join(name.split()).lower()
        return self._types.get(key) or self._add(self._make(name.strip()), key)

    def add_enum(self, name: str, base: str, names: dict[str, int]) -> None:
        """Numbers with names."""
        kind = self.find(base)
        self._add(PlcType(name, kind.size, kind.align, kind.ads_type, base=kind, names=names))

    def add_alias(self, name: str, base: str) -> None:
        """Another name for a type."""
        kind = self.find(base)
        self._add(PlcType(name, kind.size, kind.align, kind.ads_type, base=kind))

    def add_structure(
        self, name: str, declared: Sequence[Declared], *, extends: str = '', is_block: bool = False
    ) -> None:
        """Members get their places in the order they are declared in; BITs in a row share bytes."""
        base = self.find(extends) if extends else None
        header = self._block_header if is_block else 0
        bits = 8 * (base.size if base else header)
        align = max(base.align if base else 1, self._align(header or 1))
        members = []
        for each in declared:
            kind = self.find(each.type)
            if kind.is_bit:
                offset, bits = bits, bits + 1
            else:
                offset = round_up(math.ceil(bits / 8), kind.align)
                bits = 8 * (offset + kind.size)
            align = max(align, kind.align)
            members.append(Member(each.name, kind, offset, each.comment, each.attributes, each.value))
        size = round_up(math.ceil(bits / 8), align)
        self._add(PlcType(name, size, align, BIG, base=base, members=tuple(members)))

    def _add(self, made: PlcType, key: str = '') -> PlcType:
        for each in {key, made.name.lower()} - {''}:
            self._types[each] = made
        return made

    def _align(self, size: int) -> int:
        return min(size, self._most_align)

    def _make(self, name: str) -> PlcType:
        if match := _TEXT.match(name):
            word, length = match[1].upper(), int(match[2] or DEFAULT_TEXT)
            if word == 'STRING':
                return PlcType(f'STRING({length})', length + 1, 1, STRING)
            return PlcType(f'WSTRING({length})', 2 * length + 2, self._align(2), WSTRING)
        if match := _ARRAY.match(name):
            return self._make_array(match[1], self.find(match[2]))
        if match := _POINTER.match(name):
            word, size = match[1].upper(), self.pointer_size
            return PlcType(f'{word} TO {self.find(match[2]).name}', size, self._align(size), BIG,
                           'Q' if size == 8 else 'I', is_pointer=True, is_reference=word == 'REFERENCE')  # fmt: skip
        raise KeyError(name)

    def _make_array(self, ranges: str, element: PlcType) -> PlcType:
        bounds = []
        for each in ranges.split(','):
            low, high = map(int, each.split('..'))
            bounds.append((low, high - low + 1))
        text = ','.join(f'{low}..{low + length - 1}' for low, length in bounds)
        size = element.size * math.prod(length for _, length in bounds)
        return PlcType(f'ARRAY [{text}] OF {element.name}', size, element.align, element.ads_type, base=element,
                       bounds=tuple(bounds))  # fmt: skip


def round_up(number: int, step: int) -> int:
    """To the next multiple."""
    return -(-number // step) * step
