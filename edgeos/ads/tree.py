"""The names of a PLC as a tree: uploaded symbols by the levels of their names, and below them what their types say."""
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from edgeos.ads.codec import Codec
from edgeos.ads.shapes import Shape

_LEVELS = re.compile(r'(?=[.\[])')


class Leaf(NamedTuple):
    """One value: `size` bytes at an index group and offset. Of a single bit they are the byte that holds it.

    `root` is the uploaded symbol it lies in; one read gets what lies within one root.
    """

    name: str
    type: str
    root: str
    group: int
    offset: int
    size: int
    bit: int | None
    codec: Codec
    comment: str
    unit: str
    writable: bool


class Entry(NamedTuple):
    """A place in the tree; one that is only the first part of names has no type. `size` in bytes.

    `children` lie directly below; `selectable` is whether there is a value in it.
    """

    name: str
    type: str
    unit: str
    comment: str
    writable: bool
    children: int
    size: int
    selectable: bool


class Node(NamedTuple):
    """A symbol, or a part of one."""

    name: str
    shape: Shape
    root: str
    group: int
    offset: int
    bit: int | None
    comment: str
    unit: str
    writable: bool

    def parts(self) -> Iterator['Node']:
        """Members or elements, in the order of memory."""
        name, shape, root, group, offset, _bit, comment, unit, writable = self
        for member in shape.members:
            yield Node(f'{name}.{member.name}', member.shape, root, group, offset + member.offset, member.bit,
                       member.comment, member.unit, writable)  # fmt: skip
        if element := shape.element:
            for index in shape.indices():
                yield Node(f'{name}[{index}]', element, root, group, offset, None, comment, unit, writable)
                offset += element.size

    def part(self, step: str) -> 'Node | None':
        """The member `.name` or element `[1,2]`, in any case."""
        name, shape, root, group, offset, _bit, comment, unit, writable = self
        if step.startswith('.') and (member := shape.by_name.get(step[1:].casefold())):
            return Node(f'{name}.{member.name}', member.shape, root, group, offset + member.offset, member.bit,
                        member.comment, member.unit, writable)  # fmt: skip
        if shape.element and step.startswith('[') and step.endswith(']'):
            position = shape.position(step[1:-1])
            if position is not None:
                index = ''.join(step.split())
                return Node(name + index, shape.element, root, group, offset + position * shape.element.size, None,
                            comment, unit, writable)  # fmt: skip
        return None

    def leaf(self, codec: Codec) -> Leaf:
        """The value it is."""
        return Leaf(self.name, self.shape.type, self.root, self.group, self.offset, codec.size, self.bit, codec,
                    self.comment, self.unit or codec.unit, self.writable and codec.writable)  # fmt: skip


class Level:
    """A step of the uploaded names; `node` is the symbol of that name, if there is one."""

    __slots__ = ('below', 'leaves', 'name', 'node')

    def __init__(self, name: str) -> None:
        self.name = name
        self.node: Node | None = None
        self.below: dict[str, Level] = {}
        self.leaves = 0


class Place(NamedTuple):
    """A level, a node, or both."""

    node: Node | None
    level: Level | None

    def below(self) -> Iterator['Place']:
        """What lies directly below. An uploaded symbol goes before the member of that name: it knows better where it
        is, for example in the process image."""
        levels = self.level.below if self.level else {}
        seen = set()
        for node in self.node.parts() if self.node else ():
            level = levels.get(node.name.casefold()) if levels else None
            if level is None:
                yield Place(node, None)
            else:
                seen.add(node.name.casefold())
                yield Place(level.node or node, level)
        for key, level in levels.items():
            if key not in seen:
                yield Place(level.node, level)

    def leaves(self) -> Iterator[Leaf]:
        """All values in it, in the order of the upload and of memory."""
        if self.node and self.node.shape.codec:
            yield self.node.leaf(self.node.shape.codec)
        is_known = self.node is None or self.node.shape.leaves
        for place in (self if is_known else Place(None, self.level)).below():
            if place.leaf_count:
                yield from place.leaves()

    def nodes(self) -> Iterator[tuple['Place', Node]]:
        """Every place in it that has a node, itself first."""
        if self.node:
            yield self, self.node
        for place in self.below():
            yield from place.nodes()

    @property
    def leaf_count(self) -> int:
        """How many values are in it; a few too many where a member was also uploaded as a symbol."""
        return self.level.leaves if self.level else self.node.shape.leaves if self.node else 0

    def entry(self) -> Entry:
        """As a browser shows it."""
        if self.node is None:
            assert self.level is not None
            return Entry(self.level.name, '', '', '', False, len(self.level.below), 0, self.leaf_count > 0)
        node, shape = self.node, self.node.shape
        codec, count = shape.codec, shape.count
        if self.level:
            count += sum(not node.part(each.name[len(node.name):]) for each in self.level.below.values())
        return Entry(node.name, shape.type, node.unit or (codec.unit if codec else ''), node.comment,
                     node.writable and codec is not None and codec.writable, count, shape.size,
                     self.leaf_count > 0)  # fmt: skip


class Tree:
    """All levels by name in lower case."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """The names must differ in more than case."""
        self._top = Level('')
        self._levels = {'': self._top}
        for node in nodes:
            self._level(node.name).node = node
        _count(self._top)

    @property
    def top(self) -> Place:
        """What is above all."""
        return Place(None, self._top)

    def find(self, name: str) -> Place | None:
        """The place of that name in any case; '' is above all."""
        key = name.casefold()
        if level := self._levels.get(key):
            found = Place(level.node, level)
            return found if level.node or not key else Place(self._part(name), level)
        node = self._part(name)
        return Place(node, None) if node else None

    def _part(self, name: str) -> Node | None:
        """A part of the uploaded symbol with the longest name that this one begins with."""
        steps = _LEVELS.split(name)
        for count in range(len(steps) - 1, 0, -1):
            level = self._levels.get(''.join(steps[:count]).casefold())
            if level and level.node:
                node: Node | None = level.node
                for step in steps[count:]:
                    node = node.part(step) if node else None
                return node
        return None

    def _level(self, name: str) -> Level:
        level = self._levels.get(name.casefold())
        if level is None:
            *above, step = _LEVELS.split(name)
            parent = self._level(''.join(above)) if above else self._top
            level = Level(parent.name + step)
            self._levels[name.casefold()] = parent.below[name.casefold()] = level
        return level


def _count(level: Level) -> int:
    below = sum(_count(each) for each in level.below.values())
    level.leaves = max(below, level.node.shape.leaves) if level.node else below
    return level.leaves
