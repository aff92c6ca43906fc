"""What a device offers, as a tree that fetches a level when it is opened; where it can be chosen, with check boxes."""
import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nicegui import background_tasks, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from edgeos.connections.connection import Connection
from edgeos.connections.journal import visible
from edgeos.connections.services import Browsed
from edgeos.connections.state import Status
from edgeos.gateway import Point
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.pattern_sheet import ExplainSheet, PatternSheet
from pages.point_sheet import open_point
from pages.points_view import shown_value
from pages.sheet import one_per_page
from pages.symbol_choice import SymbolChoice
from pages.time_graph import OVERVIEW, OWN
from pages.words import list_words

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
MOST_FOUND = 200
MOST_WATCHED = 200
REFRESH_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 20.0  # a PLC does not say when its program has other symbols
HURRY = (0.15, 12)  # after a choice: s between two looks for its values, and how many of them
NAME_CHARACTERS = 300
SEPARATORS = '/.'

Node = tuple[str, str, str, str, str, bool, int, bool, bool]
Reading = tuple[str, str, int]


class TopicTree(Element, component=_ASSETS / 'topic_tree.js', dependencies=[OVERVIEW, OWN]):
    """A tree that draws only the rows near the screen."""

    def __init__(self, begin: Mapping[str, Any], now: float, *, words: Mapping[str, str], locale: str,
                 chooses: bool) -> None:  # fmt: skip
        super().__init__()
        self._props.update({'begin': dict(begin), 'now': now, 'words': dict(words), 'locale': locale,
                            'chooses': chooses})  # fmt: skip

    def show_level(self, prefix: str, nodes: Sequence[Node]) -> None:
        """What lies directly below a node."""
        self.run_method('level', prefix, list(nodes))

    def show_found(self, query: str, nodes: Sequence[Node], total: int) -> None:
        """The first of `total` nodes that match a search."""
        self.run_method('matches', query, list(nodes), total)

    def refresh(self) -> None:
        """There may be something else than before: ask again for what is open."""
        self.run_method('refresh')

    def patch(self, now: float, changes: Iterable[tuple[str, Reading | None]]) -> None:
        """Values of nodes that are seen, None for one that is gone; `now` is epoch s."""
        self.run_method('patch', now, list(changes))

    def tell(self, news: Mapping[str, Any]) -> None:
        """What is chosen, and what is said about it."""
        self.run_method('tell', dict(news))

    def settle(self, name: str) -> None:
        """A choice was made, or refused: show what is true."""
        self.run_method('settle', name)


class BrowserView:
    """The tree, live where a node has a value."""

    def __init__(self, house: House, connection: Connection) -> None:
        self._connection = connection
        self._write = Format(current_language(), _)
        self._watched: list[str] = []
        self._known: dict[str, Reading] = {}
        self._sent: dict[str, list[Node]] = {}
        self._seen = self._condition()
        self._next_refresh = connection.clock.monotonic()
        self._chooses = 'symbols' in connection.CONFIG.model_fields
        with ui.element('div') as self.area:
            self._choice = SymbolChoice(house, connection, self.area, self._follow_choice)
            self._told = self._about()
            self._tree = TopicTree(self._told, self._now(), words=_words(), locale=current_language(),
                                   chooses=self._chooses)  # fmt: skip
        self._tree.on('expand', self._expand)
        self._tree.on('find', self._find)
        self._tree.on('watch', self._watch)
        self._tree.on('open', lambda event: open_point(house, connection, str(event.args)))
        self._tree.on('choose', self._choose)
        self._tree.on('drop', self._drop)
        self._tree.on('explain', self._explain)
        self._tree.on('pattern', lambda _event: self._sheet().open(), [])

    def tick(self) -> None:
        """Values that changed, what is chosen, and from time to time whether there are new names."""
        now = self._connection.clock.monotonic()
        condition = self._condition()
        is_time = self._chooses and now >= self._next_refresh + LOOK_AGAIN_SECONDS
        if is_time or (condition != self._seen and now >= self._next_refresh):
            self._seen, self._next_refresh = condition, now + REFRESH_SECONDS
            self._tree.refresh()
        self._tell()
        self._tree.patch(self._now(), self._changes())

    def resume(self) -> None:
        """It is looked at again."""
        self._known.clear()
        if self._chooses:
            self._tree.refresh()

    def _now(self) -> float:
        return round(self._connection.clock.wall(), 3)

    def _condition(self) -> tuple[Any, ...]:
        """While this stays the same, so do most likely the names."""
        connection = self._connection
        if 'symbols' in connection.CONFIG.model_fields:
            return connection.connected_at, connection.status is Status.CONNECTED
        return len(connection.source.points), connection.source.removals

    # values

    def _changes(self) -> list[tuple[str, Reading | None]]:
        changes: list[tuple[str, Reading | None]] = []
        for name in self._watched:
            point = self._connection.source.points.get(name)
            if point is None:
                if self._known.pop(name, None) is not None:
                    changes.append((name, None))
                continue
            reading = (shown_value(point, self._write.value), point.quality, round(point.time))
            if self._known.get(name) != reading:
                self._known[name] = reading
                changes.append((name, reading))
        return changes

    def _watch(self, event: GenericEventArguments) -> None:
        names = [str(name) for name in event.args['names'][:MOST_WATCHED]]
        self._known = {name: self._known[name] for name in names if name in self._known and name in self._watched}
        self._watched = names
        self._tree.patch(self._now(), self._changes())

    # names

    async def _expand(self, event: GenericEventArguments) -> None:
        prefix = str(event.args['prefix'])[:NAME_CHARACTERS]
        points = self._connection.source.points
        nodes = [node_of(entry, prefix, points) for entry in await self._connection.browse(prefix)]
        if not event.args.get('again') or self._sent.get(prefix) != nodes:
            self._sent[prefix] = nodes
            self._tree.show_level(prefix, nodes)

    async def _find(self, event: GenericEventArguments) -> None:
        query = str(event.args['query'])[:NAME_CHARACTERS]
        found, total = await self._connection.search(query, MOST_FOUND)
        points = self._connection.source.points
        self._tree.show_found(query, [found_node(entry, points) for entry in found], total)

    # choosing

    async def _choose(self, event: GenericEventArguments) -> None:
        name = str(event.args['name'])[:NAME_CHARACTERS]
        text = _('{name} and all below it is chosen.').format(name=visible(name, 80)) if event.args['branch'] else ''
        try:
            await self._choice.choose(name, text)
        finally:
            self._tree.settle(name)

    async def _drop(self, event: GenericEventArguments) -> None:
        name, pattern = (str(event.args[key])[:NAME_CHARACTERS] for key in ('name', 'pattern'))
        text = _('{name} is not chosen any more.').format(name=visible(pattern, 80))
        try:
            await self._choice.remove([pattern], text)
        finally:
            self._tree.settle(name)

    def _explain(self, event: GenericEventArguments) -> None:
        name, pattern = (str(event.args[key])[:NAME_CHARACTERS] for key in ('name', 'pattern'))
        one_per_page('explain choice', lambda: ExplainSheet(self._choice)).open(name, pattern)

    def _sheet(self) -> PatternSheet:
        return one_per_page('pattern', lambda: PatternSheet(self._connection, self._choice))

    def _follow_choice(self) -> None:
        if self.area.is_deleted:
            return
        with self.area:
            self._tell()
        background_tasks.create(self._hurry(), name='values of a choice')

    async def _hurry(self) -> None:
        """New values are seen at once, not with the next second."""
        seconds, times = HURRY
        for _again in range(times):
            await asyncio.sleep(seconds)
            if self.area.is_deleted:
                return
            with self.area:
                self._tell()
                if changes := self._changes():
                    self._tree.patch(self._now(), changes)

    def _tell(self) -> None:
        about = self._about()
        news = {key: value for key, value in about.items() if self._told.get(key) != value}
        if news:
            self._told = about
            self._tree.tell(news)

    def _about(self) -> dict[str, Any]:
        if not self._chooses:
            return {'symbols': [], 'summary': '', 'note': '', 'empty_title': _('Nothing seen yet'),
                    'empty_text': _('Names appear here as the device reports them.')}  # fmt: skip
        symbols, points = self._choice.symbols, self._connection.source.points
        count = len(points) if points or not symbols else len(symbols)
        template = _('{count} symbol chosen') if count == 1 else _('{count} symbols chosen')
        about = {'symbols': symbols, 'summary': template.format(count=self._write.whole(count))}
        if self._connection.status is Status.CONNECTED:
            return {**about, 'note': '', 'empty_title': _('This controller offers no symbols'),
                    'empty_text': _('Name its values by index group and offset in the settings.')}  # fmt: skip
        return {**about, 'note': _('Not connected: these are the values known from before. Symbols can be chosen when '
                                   'the PLC answers.') if points else '',
                'empty_title': _('The PLC is not connected'),
                'empty_text': _('Its symbols appear here when it answers.')}  # fmt: skip


def node_of(entry: Browsed, prefix: str, points: Mapping[str, Point]) -> Node:
    """An entry of the device's tree as the browser's tree takes it; the label is what its name adds to the prefix."""
    label = entry.name.removeprefix(prefix)
    if prefix and label[:1] in SEPARATORS:
        label = label[1:]
    is_leaf = entry.children == 0 or entry.name == prefix
    return (entry.name, label, entry.type, entry.unit, entry.comment, entry.writable, 0 if is_leaf else entry.children,
            entry.name in points, entry.selectable)  # fmt: skip


def found_node(entry: Browsed, points: Mapping[str, Point]) -> Node:
    """An entry as a result of a search, where its path is shown apart."""
    name = entry.name
    label = name.rpartition('/' if '/' in name else '.')[2]
    return (name, label or name, entry.type, entry.unit, entry.comment, entry.writable, entry.children, name in points,
            entry.selectable)  # fmt: skip


def _words() -> dict[str, str]:
    return {
        **list_words(),
        'search': _('Search names'),
        'tree': _('Names on this device'),
        'first_matches': _('The first {count} of {total}'),
        'nameless': _('(no name)'),
        'pattern': _('Choose by pattern …'),
        'chosen_by': _('chosen by {pattern}'),
    }
