"""What is asked of a PLC in one poll: few items, packed into few sum reads, and what an answer says has changed.

Leaves that lie close together in one symbol are one item. A sum read (index group 0xF080) is a list of index group,
index offset and length (32 bits each); its answer is an error code per item, then the data of all items.
"""
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from edgeos.ads.symbols import Leaf

SUM_READ = 0xF080
MOST_ITEMS = 500  # a call; TwinCAT takes no more
MOST_BYTES = 64 * 1024  # an answer
ITEM_BYTES = 4096
GAP = 32  # bytes between two leaves that are cheaper to read than to ask for apart

_TRIPLE = struct.Struct('<III')

Address = tuple[int, int, int]  # index group, index offset, bytes


class Item:
    """One range of memory; `leaves` are number, start and end within it, decoder, bit."""

    __slots__ = ('address', 'error', 'is_known', 'leaves', 'start')

    def __init__(self, address: Address) -> None:
        self.address = address
        self.leaves: list[tuple[int, int, int, Any, int | None]] = []
        self.start = 0  # in the answer's data
        self.error = 0
        self.is_known = False  # by an answer of its own


class Changes:
    """`numbers` and `values` belong together; None is a value that cannot be read. `broken` are item and error."""

    __slots__ = ('broken', 'numbers', 'values')

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.values: list[Any] = []
        self.broken: list[tuple[Item, int]] = []

    def is_broken(self, item: Item, error: int) -> bool:
        """Take note of an item's error, 0 for none; a new one makes all its values unreadable."""
        before, item.error = item.error, error
        if error and error != before:
            self.broken.append((item, error))
            self.numbers += [leaf[0] for leaf in item.leaves]
            self.values += [None] * len(item.leaves)
        return bool(error)


def items_of(leaves: Sequence[Leaf]) -> list[Item]:
    """The ranges to read; a leaf's number is its place in `leaves`."""
    found: list[Item] = []
    key, end = ('', -1), 0
    for number in sorted(range(len(leaves)), key=lambda n: (leaves[n].root, leaves[n].group, leaves[n].offset)):
        leaf = leaves[number]
        item = found[-1] if found else None
        first = item.address[1] if item else 0
        fits = leaf.offset <= end + GAP and max(end, leaf.offset + leaf.size) - first <= ITEM_BYTES
        if item is None or key != (leaf.root, leaf.group) or not fits:
            item = Item((leaf.group, leaf.offset, leaf.size))
            found.append(item)
            key, first, end = (leaf.root, leaf.group), leaf.offset, leaf.offset
        end = max(end, leaf.offset + leaf.size)
        item.address = (leaf.group, first, end - first)
        start = leaf.offset - first
        item.leaves.append((number, start, start + leaf.size, leaf.codec.decode, leaf.bit))
    return found


class Chunk:
    """One sum read: guards first, which tell whether the symbols are still those the items were made from."""

    def __init__(self, guards: Sequence[Address], items: Sequence[Item]) -> None:
        self.items = list(items)
        addresses = [*guards, *(item.address for item in items)]
        self.count = len(addresses)
        self.request = b''.join(_TRIPLE.pack(*address) for address in addresses)
        self.size = 4 * self.count + sum(size for _group, _offset, size in addresses)
        self._guards = len(guards)
        self._head = 4 * self.count + sum(size for _group, _offset, size in guards)
        at = self._head
        for item in self.items:
            item.start = at
            at += item.address[2]
        self._fields = [(number, item.start + start, item.start + end, decode, bit)
                        for item in self.items for number, start, end, decode, bit in item.leaves]  # fmt: skip
        self._good = bytes(4 * self.count)
        self._last = b''
        self.is_known = False  # by an answer to the whole

    def guard(self, answer: bytes) -> bytes:
        """What the guards said, their errors included."""
        return answer[:4 * self._guards] + answer[4 * self.count:self._head]

    def changes(self, answer: bytes, found: Changes) -> None:
        """Add what differs from the answer before."""
        last, self._last = self._last, answer
        self.is_known = True
        if answer == last:
            return
        if not answer.startswith(self._good) or (last and not last.startswith(self._good)):
            self._changes_with_errors(answer, last, found)
        else:
            self._compare(self._fields, answer, last, found)

    def _compare(self, fields: Iterable[tuple[int, int, int, Any, int | None]], answer: bytes, last: bytes,
                 found: Changes) -> None:  # fmt: skip
        add_number, add_value = found.numbers.append, found.values.append
        for number, start, end, decode, bit in fields:
            raw = answer[start:end]
            if raw != last[start:end]:
                add_number(number)
                add_value(decode(raw) if bit is None else bool(raw[0] >> bit & 1))

    def _changes_with_errors(self, answer: bytes, last: bytes, found: Changes) -> None:
        errors = struct.unpack_from(f'<{len(self.items)}I', answer, 4 * self._guards)
        for item, error in zip(self.items, errors, strict=True):
            before = item.error
            if found.is_broken(item, error):
                continue
            shifted = [(number, item.start + start, item.start + end, decode, bit)
                       for number, start, end, decode, bit in item.leaves]  # fmt: skip
            self._compare(shifted, answer, b'' if before else last, found)

    def single(self, index: int, data: bytes, error: int, found: Changes) -> None:
        """The same for one item that was read, or notified, by itself."""
        item = self.items[index]
        before = item.error
        if found.is_broken(item, error):
            return
        if not self._last:
            self._last = bytes(self.size)
        is_known = (self.is_known or item.is_known) and not before
        old = self._last[item.start:item.start + len(data)] if is_known else b''
        item.is_known = True
        self._put(item.start, data)
        self._compare(item.leaves, data, old, found)

    def take_over(self, number: int, data: bytes) -> None:
        """A leaf was told to have these bytes (of a bit: 0 or 1), so that only what differs is told next."""
        for candidate, start, _end, _decode, bit in self._fields if self._last else ():
            if candidate == number:
                self._put(start, data if bit is None else bytes((self._last[start] & ~(1 << bit) | data[0] << bit,)))

    def _put(self, start: int, data: bytes) -> None:
        self._last = self._last[:start] + data + self._last[start + len(data):]

    def raw(self, number: int) -> bytes:
        """The bytes a leaf last had; empty while unknown."""
        if self._last:
            for candidate, start, end, _decode, _bit in self._fields:
                if candidate == number:
                    return self._last[start:end]
        return b''


def chunks_of(items: Sequence[Item], guards: Sequence[Address]) -> list[Chunk]:
    """As few sum reads as the limits allow."""
    found: list[list[Item]] = []
    size = 0
    for item in items:
        if not found or len(found[-1]) >= MOST_ITEMS - len(guards) or size + item.address[2] > MOST_BYTES:
            found.append([])
            size = 0
        found[-1].append(item)
        size += item.address[2]
    return [Chunk(guards, part) for part in found]
