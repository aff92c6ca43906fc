"""The list of what went wrong and what happened: found here, over all that are kept; the browser gets what changed."""
import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nicegui import background_tasks
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from edgeos.reporting.event_store import Event
from pages.event_rows import ALL, MOST_ROWS, PAGE, Question, Told, acknowledgeable, detail_of, find, question_of
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.time_graph import OVERVIEW, OWN
from pages.toasts import say_done
from pages.words import list_words

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
FIRST_ROWS = 60  # are in the page itself; the others come a moment later, so that nothing waits for them


class EventList(Element, component=_ASSETS / 'event_list.js', dependencies=[OVERVIEW, OWN]):
    """A list that keeps what is read where it is."""

    def __init__(self, first: Mapping[str, Any], *, words: Mapping[str, str], locale: str) -> None:
        super().__init__()
        self._props.update({'first': dict(first), 'words': dict(words), 'locale': locale, 'page': PAGE,
                            'filename': f'smarthome-edge-os-events-{time.strftime("%Y-%m-%d")}.log'})  # fmt: skip

    def hear(self, message: Mapping[str, Any]) -> None:
        """The answer to a question, or what changed since."""
        self.run_method('hear', dict(message))

    def detail(self, number: int, known: Mapping[str, Any]) -> None:
        """All of one event."""
        self.run_method('detail', number, dict(known))


class EventsView:
    """Looks at the store once a second and tells the browser only what is new."""

    def __init__(self, house: House) -> None:
        self._connections = house.system.connections
        self._clock = house.system.services.clock
        self._store = house.system.reporter.store
        self._words = _source_words()
        self._question = Question(limit=FIRST_ROWS)
        self._told = Told()
        self._looking = asyncio.Lock()
        self._is_other = False  # other events are asked for than the browser knows
        self._seen = self._store.changes
        self._sources: list[tuple[str, str]] = []
        first = self._message(find(self._store, self._question), self._store.sources(), whole=True)
        self._list = EventList(first, words=_words(), locale=current_language())
        self._list.on('ask', self._ask)
        self._list.on('open', self._open)
        self._list.on('acknowledge', self._acknowledge)
        self._list.on('acknowledge_all', self._acknowledge_all)
        self._is_late = len(self._store) > FIRST_ROWS
        self._question = Question()

    def tick(self) -> None:
        """Nothing is done while nothing happens."""
        if (self._store.changes != self._seen or self._is_late) and not self._looking.locked():
            background_tasks.create(self._tell(), name='events')

    def resume(self) -> None:
        """It is looked at again; the next tick tells what was missed."""

    # to the browser

    async def _tell(self) -> None:
        """The answer to the question of the moment; one at a time, so that none overtakes another."""
        async with self._looking:
            question, changes = self._question, self._store.changes
            events, sources = await asyncio.to_thread(self._look, question)
            if question is not self._question or self._list.is_deleted:
                return
            self._seen, self._is_late = changes, False
            whole, self._is_other = self._is_other, False
            self._list.hear(self._message(events, sources, whole=whole))

    def _look(self, question: Question) -> tuple[list[Event], list[str]]:
        """In a thread: there may be thousands of them."""
        events = find(self._store, question)
        return events, self._store.sources()

    def _message(self, events: list[Event], sources: list[str], *, whole: bool) -> dict[str, Any]:
        question = self._question
        if whole:
            self._told.begin()
        rows, gone = self._told.changes(events)
        is_full = len(events) >= question.limit
        message: dict[str, Any] = {
            'asked': question.asked, 'whole': whole, 'rows': rows, 'gone': gone, 'all': len(self._store),
            'unseen': self._store.unseen, 'more': is_full and question.limit < MOST_ROWS,
            'cut': is_full and question.limit >= MOST_ROWS, 'now': round(self._clock.wall(), 3),
        }  # fmt: skip
        named = [(source, self._name_of(source)) for source in sources]
        if named != self._sources:
            self._sources = named
            message['sources'] = sorted(named, key=lambda pair: pair[1].casefold())
        return message

    def _name_of(self, source: str) -> str:
        connection = self._connections.connections.get(source)
        return connection.name if connection is not None else self._words.get(source, source)

    # from the browser

    async def _ask(self, event: GenericEventArguments) -> None:
        before, self._question = self._question, question_of(event.args)
        self._is_other |= before.filters != self._question.filters
        await self._tell()

    def _open(self, event: GenericEventArguments) -> None:
        found = self._store.get(event.args) if type(event.args) is int else None
        if found is None:  # it has become too old meanwhile
            return
        link = f'/connections/{quote(found.source)}' if found.source in self._connections.connections else ''
        self._list.detail(found.id, {**detail_of(found), 'link': link})

    async def _acknowledge(self, event: GenericEventArguments) -> None:
        self._store.acknowledge(_numbers(event.args))
        await self._tell()

    async def _acknowledge_all(self, event: GenericEventArguments) -> None:
        """All that the filters let through and the browser has shown."""
        wanted = self._question._replace(kind='new', limit=ALL)
        events = await asyncio.to_thread(find, self._store, wanted)
        numbers = acknowledgeable(events, self._told, _numbers(event.args))
        await asyncio.to_thread(self._store.acknowledge, numbers)
        count = Format(current_language(), _).whole(len(numbers))
        say_done(_('1 error acknowledged') if len(numbers) == 1 else
                 _('{count} errors acknowledged').format(count=count))
        await self._tell()


def _numbers(args: Any) -> list[int]:
    return [each for each in args if type(each) is int] if isinstance(args, list) else []


def _source_words() -> dict[str, str]:
    """Parts of the program that report; what is not here is shown as it is called."""
    return {
        'connections': _('Connections'), 'gateway': _('Gateway'), 'web': _('Web server'), 'pages': _('Pages'),
        'reporting': _('Reports'), 'discovery': _('Discovery'), 'bluetooth': _('Bluetooth'), 'ads': _('PLC worker'),
        'demo': _('Demo'), 'main': _('Program'), 'app': _('Program'), '__main__': _('Program'),
        'asyncio': _('Event loop'),
    }  # fmt: skip


def _words() -> dict[str, str]:
    return {
        **list_words(),
        'title': _('Events'),
        'search_any': _('Search the events'),
        'search_one': _('Search {count} event'),
        'search_many': _('Search {count} events'),
        'kind_': _('All'),
        'kind_warning': _('Warnings'),
        'kind_error': _('Errors'),
        'kind_new': _('Needs you'),
        'source': _('Where it comes from'),
        'all_sources': _('All sources'),
        'level_debug': _('Detail'),
        'level_info': _('Info'),
        'level_warning': _('Warning'),
        'level_error': _('Error'),
        'level_critical': _('Severe'),
        'acknowledge': _('Acknowledge'),
        'acknowledge_all': _('Acknowledge all'),
        'acknowledge_found': _('Acknowledge these'),
        'copy': _('Copy'),
        'copy_all': _('Copy what is shown'),
        'copied': _('Copied'),
        'failed': _('Cannot copy'),
        'save': _('Save what is shown'),
        'times': _('{count} times'),
        'when': _('When:'),
        'first': _('First:'),
        'last': _('Last:'),
        'sent_waiting': _('Waits to be sent to Sentry'),
        'sent_sent': _('Sent to Sentry'),
        'context': _('What was being done'),
        'traceback': _('Traceback: where in the program'),
        'open_connection': _('Open {name}'),
        'held_one': _('{count} new entry'),
        'held_many': _('{count} new entries'),
        'more': _('Show more'),
        'cut': _('Older ones are found with the search and the filters.'),
        'empty_title': _('Nothing has happened yet'),
        'empty_text': _('Errors of the program, and devices that come and go, are written down here.'),
        'none_text': _('The search and the filters hide all {total} events.'),
    }
