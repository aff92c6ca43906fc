"""All symbols of a PLC: parsed, browsed, searched, and chosen by names and globs."""
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from edgeos.ads.codec import ValueRefused
from edgeos.ads.datatypes import BadEntry, DataType, Symbol, SymbolError, entries, parse_symbol, parse_type
from edgeos.ads.shapes import MOST_PROBLEMS, Shapes, encoding_in, key_of, one_line, unit_in
from edgeos.ads.tree import Entry, Leaf, Node, Place, Tree
from edgeos.globs import compile_glob

__all__ = ['Entry', 'Leaf', 'Selection', 'SymbolError', 'SymbolTable', 'variable']

MOST_CHILDREN = 10_000  # listed of one level
MOST_VISITS = 500_000  # names looked at for one pattern or search
MOST_ELEMENTS = 10_000  # of a variable
POINTER_SIZE = 8  # bytes, where nothing tells
BIT_GROUPS = frozenset((0x4011, 0x4021, 0x4031, 0x4041, 0xF021, 0xF031))  # there, offsets count bits

_LAST_STEP = re.compile(r'(.+)[.\[]', re.DOTALL)


class Selection(NamedTuple):
    """Chosen leaves, patterns that match nothing, and how many more leaves match than were allowed.

    `left_out` may be a little too high where that is more than half a million.
    """

    leaves: list[Leaf]
    missing: list[str]
    left_out: int


class SymbolTable:
    """`problems` are symbols and types that make no sense, in English."""

    def __init__(self, nodes: dict[str, Node], problems: list[str]) -> None:
        """Nodes by name in lower case."""
        self.problems = problems
        self._nodes = nodes

    @classmethod
    def parse(cls, symbols: bytes, types: bytes, *, encoding: str = 'auto',
              pointer_size: int = POINTER_SIZE) -> 'SymbolTable':  # fmt: skip
        """From both uploads; what stands before a break is kept. Raises SymbolError if that is nothing.

        `encoding` of texts is `auto`, `cp1252` or `utf-8`; `pointer_size` is for types that do not tell theirs.
        """
        problems: list[str] = []
        shapes = Shapes(_types(types, problems), encoding, pointer_size)
        nodes: dict[str, Node] = {}
        for number, entry in enumerate(entries(symbols, 'symbols', problems)):
            try:
                node = _node(parse_symbol(entry), shapes)
            except BadEntry as problem:
                problems.append(f'symbol {number}: {problem}')
                continue
            if nodes.setdefault(node.name.casefold(), node) is not node:
                problems.append(f'{node.name}: the name stands twice')
        return cls(nodes, (problems + shapes.problems)[:MOST_PROBLEMS])

    def __len__(self) -> int:
        return len(self._nodes)

    def browse(self, prefix: str) -> list[Entry]:
        """What lies directly below a name, at most 10,000 entries; '' is the first level."""
        place = self._tree.find(prefix)
        return [each.entry() for each in islice(place.below(), MOST_CHILDREN)] if place else []

    def search(self, query: str, limit: int) -> tuple[list[Entry], int]:
        """Symbols and parts of them with all words in name and comment; the first ones, and how many there are."""
        words = query.casefold().split()
        found: list[Entry] = []
        total = 0
        for place, node in islice(self._tree.top.nodes(), MOST_VISITS):
            text = f'{node.name} {node.comment}'.casefold()
            if all(word in text for word in words):
                total += 1
                if len(found) < limit:
                    found.append(place.entry())
        return found, total

    def select(self, patterns: Sequence[str], limit: int) -> Selection:
        """The leaves of all patterns in their order, each once.

        A pattern without `*` is a name in any case, and stands for all that lies below it.
        """
        chosen: dict[str, Leaf] = {}
        extra: set[str] = set()
        missing: list[str] = []
        unseen = 0
        for pattern in patterns:
            place, fits = self._start(pattern)
            is_missing = True
            for leaf in islice(place.leaves(), MOST_VISITS) if place else ():
                if fits and not fits(leaf.name):
                    continue
                is_missing = False
                if leaf.name not in chosen and len(chosen) < limit:
                    chosen[leaf.name] = leaf
                elif leaf.name not in chosen:
                    extra.add(leaf.name)
            unseen += max(0, place.leaf_count - MOST_VISITS) if place else 0
            if is_missing:
                missing.append(pattern)
        return Selection(list(chosen.values()), missing, len(extra) + unseen)

    def _start(self, pattern: str) -> tuple[Place | None, Callable[[str], object] | None]:
        """Below what all matches lie, and what else they must fulfil."""
        if '*' not in pattern:
            return self._tree.find(pattern) if pattern else None, None
        above = _LAST_STEP.match(pattern.partition('*')[0])
        return self._tree.find(above[1] if above else ''), compile_glob(pattern, ignore_case=True).fullmatch

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self._nodes.values())


def variable(name: str, group: int, offset: int, type_name: str, encoding: str) -> list[Leaf]:
    """The leaves of a plain type or an array of one at a known place; raises ValueRefused."""
    shape = Shapes({}, encoding, POINTER_SIZE).find(type_name)
    if not shape.leaves:
        raise ValueRefused('This type is not known: {type}.', type=type_name)
    if shape.leaves > MOST_ELEMENTS:
        raise ValueRefused('{type} has {count} values; {most} are possible.', type=type_name, count=shape.leaves,
                           most=MOST_ELEMENTS)  # fmt: skip
    if offset + shape.size > 2**32:
        raise ValueRefused('{name} ends outside of the memory.', name=name)
    leaves = Place(Node(name, shape, name, group, offset, None, '', '', writable=True), None).leaves()
    return [leaf._replace(root=leaf.name) if group in BIT_GROUPS else leaf for leaf in leaves]


def _types(upload: bytes, problems: list[str]) -> dict[str, DataType]:
    """By `key_of` their names, and by the same without a namespace where that is unknown."""
    found: dict[str, DataType] = {}
    for number, entry in enumerate(entries(upload, 'data types', problems)):
        try:
            described = parse_type(entry)
        except BadEntry as problem:
            problems.append(f'data type {number}: {problem}')
        else:
            found.setdefault(key_of(described.name), described)
    for key, described in list(found.items()):
        if '.' in key and '[' not in key and '(' not in key:
            found.setdefault(key.rpartition('.')[2], described)
    return found


def _node(symbol: Symbol, shapes: Shapes) -> Node:
    comment = one_line(symbol.comment)
    shape = shapes.find(symbol.type, symbol.size, symbol.number, address=symbol.is_address,
                        dimensions=symbol.dimensions, encoding=encoding_in(symbol.attributes))  # fmt: skip
    return Node(symbol.name, shape, symbol.name, symbol.group, symbol.offset, None, comment, unit_in(comment),
                not symbol.is_read_only)  # fmt: skip
