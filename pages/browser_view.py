"""What a device offers, as a tree that fetches a level when it is opened."""
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from edgeos.connections.connection import Connection
from edgeos.connections.services import Browsed
from edgeos.gateway import Point
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.point_sheet import open_point
from pages.time_graph import OVERVIEW, OWN
from pages.words import list_words

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
MOST_FOUND = 200
MOST_WATCHED = 200
REFRESH_SECONDS = 5.0
SEPARATORS = '/.'

Node = tuple[str, str, str, str, str, bool, int, bool]
Reading = tuple[str, str, int]


class TopicTree(Element, component=_ASSETS / 'topic_tree.js', dependencies=[OVERVIEW, OWN]):
    """A tree that draws only the rows near the screen."""

    def __init__(self, first: Sequence[Node], now: float, *, words: Mapping[str, str], locale: str) -> None:
        super().__init__()
        self._props['first'] = list(first)
        self._props['now'] = now
        self._props['words'] = dict(words)
        self._props['locale'] = locale

    def show_level(self, prefix: str, nodes: Sequence[Node]) -> None:
        """What lies directly below a node."""
        self.run_method('level', prefix, list(nodes))

    def show_found(self, query: str, nodes: Sequence[Node], total: int) -> None:
        """The first of `total` nodes that match a search."""
        self.run_method('matches', query, list(nodes), total)

    def refresh(self) -> None:
        """There is more than before: ask again for what is open."""
        self.run_method('refresh')

    def patch(self, now: float, changes: Iterable[tuple[str, Reading]]) -> None:
        """Values of nodes that are seen; `now` is epoch s."""
        self.run_method('patch', now, list(changes))


class BrowserView:
    """The tree, live where a node has a value."""

    def __init__(self, house: House, connection: Connection) -> None:
        self._connection = connection
        self._write = Format(current_language(), _).value
        self._watched: list[str] = []
        self._known: dict[str, Reading] = {}
        self._count = len(connection.source.points)
        self._next_refresh = 0.0
        self._tree = TopicTree(self._level(''), round(connection.clock.wall(), 3), words=_words(),
                               locale=current_language())  # fmt: skip
        self._tree.on('expand', self._expand)
        self._tree.on('find', self._find)
        self._tree.on('watch', self._watch)
        self._tree.on('open', lambda event: open_point(house, connection, str(event.args)))

    def tick(self) -> None:
        """Values that changed, and from time to time whether there are new names."""
        now = self._connection.clock.monotonic()
        count = len(self._connection.source.points)
        if count != self._count and now >= self._next_refresh:
            self._count, self._next_refresh = count, now + REFRESH_SECONDS
            self._tree.refresh()
        self._tree.patch(round(self._connection.clock.wall(), 3), self._changes())

    def resume(self) -> None:
        """It is looked at again."""
        self._known.clear()

    def _changes(self) -> list[tuple[str, Reading]]:
        changes = []
        for name in self._watched:
            point = self._connection.source.points.get(name)
            if point is None:
                continue
            reading = (self._write(point.value), point.quality, round(point.time))
            if self._known.get(name) != reading:
                self._known[name] = reading
                changes.append((name, reading))
        return changes

    def _watch(self, event: GenericEventArguments) -> None:
        names = [str(name) for name in event.args['names'][:MOST_WATCHED]]
        self._known = {name: self._known[name] for name in names if name in self._known and name in self._watched}
        self._watched = names
        self._tree.patch(round(self._connection.clock.wall(), 3), self._changes())

    def _expand(self, event: GenericEventArguments) -> None:
        prefix = str(event.args['prefix'])
        self._tree.show_level(prefix, self._level(prefix))

    def _find(self, event: GenericEventArguments) -> None:
        query = str(event.args['query'])[:300]
        wanted = query.casefold()
        points = self._connection.source.points
        found = sorted(name for name in points if wanted in name.casefold())
        self._tree.show_found(query, [found_node(points[name]) for name in found[:MOST_FOUND]], len(found))

    def _level(self, prefix: str) -> list[Node]:
        points = self._connection.source.points
        return [node_of(entry, prefix, points) for entry in self._connection.browse(prefix)]


def node_of(entry: Browsed, prefix: str, points: Mapping[str, Point]) -> Node:
    """An entry of the device's tree as the browser's tree takes it; the label is what its name adds to the prefix."""
    label = entry.name.removeprefix(prefix)
    if prefix and label[:1] in SEPARATORS:
        label = label[1:]
    is_leaf = entry.children == 0 or entry.name == prefix
    return (entry.name, label, entry.type, entry.unit, entry.comment, entry.writable, 0 if is_leaf else entry.children,
            entry.name in points)  # fmt: skip


def found_node(point: Point) -> Node:
    """A point as a result of a search."""
    name = point.name
    label = name.rpartition('/' if '/' in name else '.')[2]
    return (name, label or name, point.type, point.unit, '', point.writable, 0, True)


def _words() -> dict[str, str]:
    return {
        **list_words(),
        'search': _('Search names'),
        'tree': _('Names on this device'),
        'first_matches': _('The first {count} of {total}'),
        'nameless': _('(no name)'),
        'empty_title': _('Nothing seen yet'),
        'empty_text': _('Names appear here as the device reports them.'),
    }
