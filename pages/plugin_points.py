"""The values of a plugin, as those of a connection are shown."""
from typing import Any

from nicegui.events import GenericEventArguments

from edgeos.clock import Clock
from edgeos.gateway import Source
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.point_sheet import open_point
from pages.points_view import Listing, PointsTable, points_words, question_of
from pages.write_form import PointOwner


class PluginPoints:
    """Whatever the gateway has of it; while it has nothing, that is said."""

    def __init__(self, house: House, plugin_id: str) -> None:
        self._house = house
        self._id = plugin_id
        self._clock = house.system.services.clock
        self._format = Format(current_language(), _)
        self._source = self._find()
        self._listing = Listing(self._source, self._format.value)
        self._listing.follow()
        self._table = PointsTable(self._stamped(), words={**points_words(), **_words()}, locale=current_language(),
                                  publishes=False, browse='')  # fmt: skip
        self._table.on('look', self._look)
        self._table.on('open', lambda event: open_point(house, PluginOwner(self._find(), self._clock), str(event.args)))

    def _find(self) -> Source:
        source = self._house.system.gateway.sources.get(self._id)
        return source if source is not None else Source(self._id, _NOBODY)

    def tick(self) -> None:
        """Rows that changed, or all when the list is another one."""
        self._follow_source()
        if self._listing.follow():
            self._table.show(self._stamped())
        else:
            self._table.patch(self._clock.wall(), self._listing.changes())

    def _follow_source(self) -> None:
        """It has another one each time it is started."""
        present = self._house.system.gateway.sources.get(self._id)
        if present is not None and present is not self._source:
            question, self._source = self._listing.question, present
            self._listing = Listing(present, self._format.value)
            self._listing.ask(question)
            self._table.show(self._stamped())

    def resume(self) -> None:
        """It is looked at again."""
        self._follow_source()
        self._listing.follow()
        self._table.show(self._stamped())

    def _look(self, event: GenericEventArguments) -> None:
        self._listing.ask(question_of(event.args))
        self._table.show(self._stamped())

    def _stamped(self) -> dict[str, Any]:
        return {**self._listing.window(), 'now': round(self._clock.wall(), 3), 'unchosen': False}


class PluginOwner(PointOwner):
    """What the sheet of a point has to know of a plugin."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self.source = source
        self.clock = clock


class _Nobody:
    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        """Never asked: it has no points."""


_NOBODY = _Nobody()


def _words() -> dict[str, str]:
    return {'empty_text': _('What it offers appears here as soon as it runs.'), 'unchosen_title': '',
            'unchosen_text': '', 'browse': ''}  # fmt: skip
