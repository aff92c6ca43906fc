"""One task a second for all open overviews: rows are formatted once per language, and only changes are sent."""
import asyncio
import contextlib
import time
from collections.abc import Callable

from edgeos.connections.connection import Connection
from edgeos.connections.manager import ConnectionManager
from edgeos.reporting import log_error
from pages.i18n import translator
from pages.overview_grid import OverviewGrid
from pages.rows import NEEDS_YOU, Row, first_row_of, row_of, state_of

ROWS_A_SECOND = 250  # rates are averages over 5 s: of a thousand rows each is formatted every 4 s
SPARKLINES = 100  # more would make the page heavy, and as dense rows they are not seen


class OverviewFeed:
    """Feeds every open overview; runs only while there is one."""

    def __init__(self, manager: ConnectionManager) -> None:
        self._manager = manager
        self._grids: dict[OverviewGrid, str] = {}
        self._rows: dict[str, dict[str, Row]] = {}
        self._briefs: dict[str, dict[str, tuple[object, ...]]] = {}
        self._task: asyncio.Task[None] | None = None

    def first_rows(self, language: str) -> list[Row]:
        """All rows, with their sparklines while there are few enough to be cards."""
        _ = translator(language)
        connections = self._manager.connections.values()
        make = first_row_of if len(connections) <= SPARKLINES else row_of
        return [make(connection, _) for connection in connections]

    def join(self, grid: OverviewGrid, language: str) -> Callable[[], None]:
        """Send changes to this grid from now on; answers how to stop that."""
        self._grids[grid] = language
        self._rows.setdefault(language, {row['id']: row for row in self._fresh(language)})
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name='overview feed')
        return lambda: self._leave(grid)

    def reset(self) -> None:
        """Connections were added, removed or renamed: everybody gets all rows anew."""
        self._briefs.clear()
        for language in set(self._grids.values()):
            rows = self.first_rows(language)
            self._rows[language] = {row['id']: {k: v for k, v in row.items() if k != 'spark'} for row in rows}
            for grid, wanted in self._grids.items():
                if wanted == language:
                    grid.reset(rows)

    def _leave(self, grid: OverviewGrid) -> None:
        language = self._grids.pop(grid, None)
        if language is not None and language not in self._grids.values():
            self._rows.pop(language, None)
            self._briefs.pop(language, None)
        if not self._grids and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(1 - (time.monotonic() - 0.05) % 1)  # just after the counters were sampled
            for language in set(self._grids.values()):
                try:
                    self._send_changes(language)
                except Exception as error:  # the task's boundary: one bad row must not end all overviews
                    log_error(error, operation='overview feed')

    def _send_changes(self, language: str) -> None:
        changes = self._changes(language)
        for grid, wanted in list(self._grids.items()):
            if wanted == language:
                grid.patch(time.time(), changes)

    def _fresh(self, language: str) -> list[Row]:
        _ = translator(language)
        return [row_of(connection, _) for connection in self._manager.connections.values()]

    def _changes(self, language: str) -> list[tuple[str, Row]]:
        """Rows that are due, whose state changed, or (of all the others) the time of the last sign of life."""
        known, _ = self._rows[language], translator(language)
        connections = list(self._manager.connections.values())
        due, briefs = self._due(len(connections)), self._briefs.setdefault(language, {})
        changes = []
        for number, connection in enumerate(connections):
            old = known.get(connection.id)
            if old is None:
                continue  # a reset is on its way
            brief = brief_of(connection)
            if number not in due and briefs.get(connection.id) == brief:
                row = {'last': brief_last(connection)}
            else:
                row = row_of(connection, _)
                briefs[connection.id] = brief
            if changed := {key: value for key, value in row.items() if old[key] != value}:
                old.update(changed)
                changes.append((connection.id, changed))
        return changes

    def _due(self, count: int) -> range:
        """The rows whose rates are formatted in this second: all, or of very many a part in turn."""
        if count <= ROWS_A_SECOND:
            return range(count)
        turns = -(-count // ROWS_A_SECOND)
        start = int(time.monotonic()) % turns * ROWS_A_SECOND
        return range(start, start + ROWS_A_SECOND)


def brief_of(connection: Connection) -> tuple[object, ...]:
    """What makes a row look different at once, cheap enough to compare for every connection each second."""
    source = connection.source
    return connection.status, connection.last_error, source.thinned_since, source.refused_points > 0, connection.enabled


def brief_last(connection: Connection) -> int | None:
    """Epoch second of the last sign of life."""
    seen = connection.last_seen
    return None if seen is None else round(seen)


def count_trouble(manager: ConnectionManager) -> int:
    """How many connections need the owner; the one definition for header, chip and badge."""
    with contextlib.suppress(RuntimeError):
        return sum(1 for connection in manager.connections.values() if state_of(connection) in NEEDS_YOU)
    return 0
