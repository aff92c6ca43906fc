"""One task a second for all open overviews: what their browsers show is formatted once per language and kept live.

A browser says which rows it shows. Of the others it is told at once when their state changes, and now and then the
figures they are ordered by.
"""
import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import inf

from edgeos.connections.connection import Connection
from edgeos.connections.manager import ConnectionManager
from edgeos.reporting import log_error
from pages.i18n import translator
from pages.overview_grid import Change, Look, OverviewGrid
from pages.rows import NEEDS_YOU, Row, first_row_of, pace_of, row_of, state_of

COUNT_SECONDS = 1.5  # how old the count of those in trouble may be: pages ask every other second, each for itself
TURN_SECONDS = 5  # how late a row nobody sees may show that its link fell silent, and what rows are ordered by
SPARKLINES = 100  # more would make the page heavy, and as dense rows they are not seen

_UNTOLD = object()


class Survey:
    """The state of every connection, found anew where there is a sign of change, and for the others in their turn.

    The time since a device was heard changes its state too, without a sign; to look at that for a thousand connections
    each second would cost more than all the rest.
    """

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self._signs: dict[str, object] = {}

    def take(self, connections: Iterable[Connection], turn: range) -> list[Connection]:
        """Those with a sign of change; of those in their turn, `states` are right afterwards."""
        changed = []
        for number, connection in enumerate(connections):
            key, source = connection.id, connection.source
            signs = (connection.status, connection.last_error, source.thinned_since, source.refused_points > 0)
            is_same = self._signs.get(key) == signs
            if is_same and number not in turn:
                continue
            if not is_same:
                changed.append(connection)
            self._signs[key], self.states[key] = signs, state_of(connection)
        return changed

    def begin(self, connections: Iterable[Connection]) -> None:
        """These are all there are, and how they are now is known."""
        self._signs.clear()
        self.states.clear()
        self.take(connections, range(0))


class Edition:
    """What the open overviews of one language have been told, and what each of them shows."""

    def __init__(self, language: str) -> None:
        self._translate = translator(language)
        self._told: dict[str, Row] = {}
        self.looks: dict[OverviewGrid, Look] = {}

    def all_rows(self, connections: Iterable[Connection], *, sparks: bool) -> list[Row]:
        """Everything, for a page that has nothing yet."""
        make = first_row_of if sparks else row_of
        return [make(connection, self._translate) for connection in connections]

    def begin(self, rows: Sequence[Row]) -> None:
        """Everybody has been told these rows and no others."""
        self._told = {row['id']: {key: value for key, value in row.items() if key != 'spark'} for row in rows}

    def join(self, grid: OverviewGrid, rows: Sequence[Row]) -> None:
        """A page has opened with these rows; the other pages are told what is new in them."""
        if self.looks:
            self.send([(row['id'], news) for row in rows if (news := self._news(row['id'], row))])
        else:
            self.begin(rows)
        self.looks[grid] = Look()

    def look(self, grid: OverviewGrid, look: Look, connections: dict[str, Connection]) -> None:
        """A page shows other rows than before: it gets them at once, and with the next beat everybody does."""
        known, self.looks[grid] = self.looks[grid], look
        fresh = look.ids if look.sparks and not known.sparks else look.ids - known.ids
        here = [connections[each] for each in fresh if each in connections and each in self._told]
        if here:
            rows = self.all_rows(here, sparks=look.sparks)
            grid.patch(time.time(), [(row['id'], row) for row in rows])
        for connection in here:
            self._told[connection.id] = {}

    def changes(self, changed: Sequence[Connection], turn: Sequence[Connection], states: Mapping[str, str],
                connections: Mapping[str, Connection]) -> list[Change]:  # fmt: skip
        """What is new in rows that are shown or have changed, and pace and state of the others in their turn."""
        fresh = {connection.id for connection in changed}.union(*(look.ids for look in self.looks.values()))
        rows = [row_of(connections[key], self._translate) for key in fresh if key in connections]
        for connection in turn:
            if connection.id not in fresh:
                is_told = self._told.get(connection.id, {}).get('state') == states.get(connection.id)
                rows.append(pace_of(connection) if is_told else row_of(connection, self._translate))
        news = ((row['id'], self._news(row['id'], row)) for row in rows if row['id'] in self._told)  # else: reset soon
        return [(key, row) for key, row in news if row]

    def send(self, changes: Sequence[Change]) -> None:
        for grid in self.looks:
            grid.patch(time.time(), changes)

    def _news(self, key: str, row: Row) -> Row:
        """What nobody has been told of this row yet; from now on everybody has."""
        told = self._told.setdefault(key, {})
        news = {name: value for name, value in row.items() if name != 'spark' and told.get(name, _UNTOLD) != value}
        told.update(news)
        return news


class OverviewFeed:
    """Feeds every open overview; runs only while there is one."""

    def __init__(self, manager: ConnectionManager) -> None:
        self._manager = manager
        self._survey = Survey()
        self._editions: dict[str, Edition] = {}
        self._trouble = (-inf, 0)  # when it was counted, and how many
        self._is_grave = False
        self._task: asyncio.Task[None] | None = None

    def first_rows(self, language: str) -> list[Row]:
        """All rows, with their sparklines while there are few enough to be cards."""
        return self._all_rows(Edition(language))

    def join(self, grid: OverviewGrid, language: str, rows: Sequence[Row]) -> Callable[[], None]:
        """Send changes to this grid, which has these rows, from now on; answers how to stop that."""
        if not self._editions:
            self._survey.begin(self._manager.connections.values())
        edition = self._editions.setdefault(language, Edition(language))
        edition.join(grid, rows)
        grid.on_look(partial(self._look, edition, grid))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name='overview feed')
        return partial(self._leave, grid, language)

    def count_trouble(self) -> int:
        """How many connections need the owner; the one definition for header, chip and badge."""
        if time.monotonic() - self._trouble[0] > COUNT_SECONDS:
            self._note_trouble(state_of(connection) for connection in self._manager.connections.values())
        return self._trouble[1]

    @property
    def is_grave(self) -> bool:
        """Whether one of those that were counted last does not work at all."""
        return self._is_grave

    def _note_trouble(self, states: Iterable[str]) -> None:
        needy = [state for state in states if state in NEEDS_YOU]
        self._trouble, self._is_grave = (time.monotonic(), len(needy)), 'error' in needy

    def reset(self) -> None:
        """Connections were added, removed or renamed: everybody gets all rows anew."""
        self._trouble = (-inf, 0)
        if self._editions:
            self._survey.begin(self._manager.connections.values())
        for edition in self._editions.values():
            rows = self._all_rows(edition)
            edition.begin(rows)
            for grid in edition.looks:
                grid.reset(rows)

    def _all_rows(self, edition: Edition) -> list[Row]:
        connections = self._manager.connections
        return edition.all_rows(connections.values(), sparks=len(connections) <= SPARKLINES)

    def _look(self, edition: Edition, grid: OverviewGrid, look: Look) -> None:
        if grid in edition.looks:
            edition.look(grid, look, self._manager.connections)

    def _leave(self, grid: OverviewGrid, language: str) -> None:
        edition = self._editions.get(language)
        if edition is not None:
            edition.looks.pop(grid, None)
            if not edition.looks:
                del self._editions[language]
        if not self._editions and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(1 - (time.monotonic() - 0.05) % 1)  # just after the counters were sampled
            try:
                self._send_changes()
            except Exception as error:  # the task's boundary: one bad row must not end all overviews
                log_error(error, operation='overview feed')

    def _send_changes(self) -> None:
        connections = self._manager.connections
        turn = turn_of(len(connections), int(time.monotonic()))
        changed = self._survey.take(connections.values(), turn)
        self._note_trouble(self._survey.states.values())
        others = list(connections.values())[turn.start:turn.stop]
        for edition in self._editions.values():
            edition.send(edition.changes(changed, others, self._survey.states, connections))


def turn_of(count: int, second: int) -> range:
    """Which of all rows have their turn in this second."""
    share = -(-count // TURN_SECONDS)
    start = second % TURN_SECONDS * share
    return range(start, start + share)
