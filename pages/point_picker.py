"""Finding a point, or a pattern for several, among all there are."""
import asyncio
from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import Any

from nicegui import background_tasks
from nicegui.element import Element

from edgeos.gateway import Gateway
from edgeos.globs import compile_glob
from pages.format import Format, natural
from pages.forms import Field
from pages.frame import House
from pages.i18n import _, current_language
from pages.sheet import Button, Sheet, Text, one_per_page
from pages.time_graph import OVERVIEW, OWN

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
MOST_ROWS = 80
MOST_STARS = 6  # of a pattern that is tried out while it is typed

Choice = list[str]  # what is taken, what is shown, a note


def pick_point(house: House, kind: str, field: Field[str], done: Callable[[], Any]) -> None:
    """Open the list for a field; `kind` is point or glob."""
    one_per_page('point picker', lambda: PointPicker(house)).open(kind, field, done)


class PickList(Element, component=_ASSETS / 'pick_list.js', dependencies=[OVERVIEW, OWN]):
    """A search and what was found; a tap takes it."""

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__()
        self._props.update({'words': dict(words), 'rows': [], 'query': '', 'more': ''})

    def show(self, query: str, rows: Sequence[Choice], more: str) -> None:
        with self._props.suspend_updates():
            self._props.update({'rows': list(rows), 'query': query, 'more': more})
        self.update()


class PointPicker:
    """Searches beside the loop: there may be tens of thousands of points."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._kind = 'point'
        self._field: Field[str] | None = None
        self._done: Callable[[], Any] = lambda: None
        self._asked = 0
        self._sheet = Sheet()
        with self._sheet.body:
            self._hint = Text('p', '', 'eo-muted eo-small')
            self._list = PickList({'search': _('Search all values'), 'clear_search': _('Clear search'),
                                   'none': _('No value has that in its name.')})  # fmt: skip
        with self._sheet.bar:
            Button(_('Cancel'), self._sheet.close)
        self._list.on('search', lambda event: self._search(str(event.args)[:300]))
        self._list.on('pick', lambda event: self._take(str(event.args)))

    def open(self, kind: str, field: Field[str], done: Callable[[], Any]) -> None:
        self._kind, self._field, self._done = kind, field, done
        self._sheet.set_title(_('Choose values') if kind == 'glob' else _('Choose a value'))
        self._hint.text = _('One value, all of a device, or a pattern: * stands for one level, ** for any number.') \
            if kind == 'glob' else ''  # fmt: skip
        self._list.show('', [], '')
        self._sheet.open()
        background_tasks.create(self._begin(), name='points to choose from')

    async def _begin(self) -> None:
        with self._list:
            await self._search('')

    async def _search(self, query: str) -> None:
        self._asked += 1
        asked, gateway = self._asked, self._house.system.gateway
        ids = [list(source.points) for source in list(gateway.sources.values())]
        named = dict(zip(gateway.sources, ids, strict=True))
        found, count = await asyncio.to_thread(find, named, query)
        if asked != self._asked:
            return
        rows = [[each, each, self._note(gateway, each)] for each in found]
        if self._kind == 'glob':
            rows = [*self._patterns(named, query), *rows]
        more = _('The first {count} are shown. Search to find others.').format(count=len(found)) \
            if count > len(found) else ''  # fmt: skip
        self._list.show(query, rows, more)

    def _note(self, gateway: Gateway, point_id: str) -> str:
        source, _slash, name = point_id.partition('/')
        owner = gateway.sources.get(source)
        point = owner.points.get(name) if owner is not None else None
        return '' if point is None else f'{Format(current_language(), _).value(point.value)} {point.unit}'.rstrip()

    def _patterns(self, named: Mapping[str, Sequence[str]], query: str) -> list[Choice]:
        if '*' in query:
            return [[query, query, self._count(matching(named, query))]]
        wanted = query.casefold()
        return [[f'{source}/**', _('All of {source}').format(source=source), self._count(len(names))]
                for source, names in named.items() if wanted in source.casefold()][:20]  # fmt: skip

    def _count(self, count: int | None) -> str:
        if count is None:
            return ''
        return _('1 value') if count == 1 else _('{count} values').format(
            count=Format(current_language(), _).whole(count))

    def _take(self, chosen: str) -> None:
        if self._field is not None and not self._field.is_deleted:
            self._field.value = chosen
            self._done()
        self._sheet.close()


def find(named: Mapping[str, Sequence[str]], query: str) -> tuple[list[str], int]:
    """The first ids that contain it (or match it, where it is a pattern) as people count, and how many there are."""
    ids = (f'{source}/{name}' for source, names in named.items() for name in names)
    if '*' in query:
        pattern = compile_glob(query) if query.count('*') <= MOST_STARS else None
        fitting = [each for each in ids if pattern is not None and pattern.fullmatch(each)]
    else:
        wanted = query.casefold()
        fitting = [each for each in ids if wanted in each.casefold()]
    return nsmallest(MOST_ROWS, fitting, natural), len(fitting)


def matching(named: Mapping[str, Sequence[str]], glob: str) -> int | None:
    """How many values a pattern means; None where that would take too long to say."""
    if glob.count('*') > MOST_STARS or sum(map(len, named.values())) > 5000:
        return None
    pattern = compile_glob(glob)
    return sum(pattern.fullmatch(f'{source}/{name}') is not None for source, names in named.items() for name in names)
