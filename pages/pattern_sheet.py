"""Choosing many symbols at once by a pattern, and the list of what is chosen."""
import asyncio
from functools import partial

from nicegui import background_tasks, ui

from edgeos.connections.connection import Connection
from edgeos.connections.journal import visible
from edgeos.connections.state import Status
from pages.format import Format
from pages.forms import text_field
from pages.i18n import _, current_language
from pages.sheet import Button, Sheet, Text
from pages.symbol_choice import SymbolChoice, count_matches, matching, problem_of_pattern

TYPING_SECONDS = 0.25
MOST_SHOWN = 100
NAME_CHARACTERS = 255


class PatternSheet:
    """Counts while somebody types; one per browser view."""

    def __init__(self, connection: Connection, choice: SymbolChoice) -> None:
        self._connection = connection
        self._choice = choice
        self._format = Format(current_language(), _)
        self._turn = 0
        self._sheet = Sheet(_('Choose by pattern'), on_submit=self._submit)
        with self._sheet.body, ui.element('div').classes('eo-form'):
            hint = _('* stands for any text: MAIN.* is all of MAIN, *.fTemperature every symbol that ends so.')
            self._field = text_field(_('Pattern'), hint=hint, placeholder='MAIN.*')
            self._field.focus_first().on_change(self._typed)
            self._count = Text('p', '', 'eo-answers').props('role=status')
            Text('h3', _('Chosen so far'))
            self._none = Text('p', _('Nothing yet.'), 'eo-hint')
            self._list = ui.element('ul').classes('cp-choices')
            self._more = Text('p', '', 'eo-hint')
        with self._sheet.bar:
            Button(_('Close'), self._sheet.close)
            self._add = Button(_('Choose'), look='pri', submits=True)

    def open(self, pattern: str = '') -> None:
        """Show what is chosen; `pattern` is there to begin with."""
        self._field.value = pattern
        self._typed()
        self._show_choices()
        self._sheet.open()

    # the pattern

    def _typed(self) -> None:
        self._turn += 1
        self._count.text = ''
        pattern = self._field.value
        self._add.set_enabled(bool(pattern))
        if pattern and not problem_of_pattern(pattern):
            background_tasks.create(self._show_count(self._turn, pattern), name='count matches of a pattern')

    async def _show_count(self, turn: int, pattern: str) -> None:
        await asyncio.sleep(TYPING_SECONDS)
        if turn != self._turn:
            return
        is_connected = self._connection.status is Status.CONNECTED
        count, is_least = await count_matches(self._connection, pattern) if is_connected else (0, False)
        if turn == self._turn and not self._count.is_deleted:
            with self._count:
                self._count.text = self._sentence(count, is_least) if is_connected else \
                    _('The PLC is not connected: matches cannot be counted.')

    def _sentence(self, count: int, is_least: bool) -> str:
        if not count:
            return _('Matches nothing on this PLC.')
        number = self._format.whole(count)
        if is_least:
            return _('Matches at least {count} values.').format(count=number)
        return _('Matches {count} value.').format(count=number) if count == 1 else \
            _('Matches {count} values.').format(count=number)

    async def _submit(self) -> None:
        pattern = self._field.value
        if not pattern:
            return
        if problem := problem_of_pattern(pattern):
            self._field.show_error(problem)
            self._field.focus()
            return
        self._add.set_busy(True)
        try:
            if await self._choice.choose(pattern, _('{pattern} is chosen.').format(pattern=visible(pattern, 80))):
                self._sheet.close()
        finally:
            self._add.set_busy(False)

    # what is chosen

    def _show_choices(self) -> None:
        symbols = self._choice.symbols
        points = self._connection.source.points
        is_known = self._connection.status is Status.CONNECTED
        patterns = [each for each in symbols if '*' in each]
        shown = list(dict.fromkeys([*patterns, *symbols]))[:MOST_SHOWN]
        self._list.clear()
        with self._list:
            for pattern in shown:
                found = matching(points, pattern)
                is_missing = is_known and all(points[name].quality == 'bad' for name in found)
                self._add_row(pattern, '' if is_missing else self._values(len(found)))
        self._list.set_visibility(bool(symbols))
        self._none.set_visibility(not symbols)
        left = len(symbols) - len(shown)
        self._more.text = _('And {count} more.').format(count=self._format.whole(left)) if left > 0 else ''

    def _add_row(self, pattern: str, values: str) -> None:
        shown = visible(pattern, NAME_CHARACTERS)
        with ui.element('li'):
            Text('code', shown, 'eo-grow')
            Text('span', values or _('not on the PLC'), 'eo-small eo-muted' if values else 'eo-small cp-missing')
            Button('', partial(self._remove, pattern), look='gh icon', icon='delete',
                   label=_('Take {name} away').format(name=shown))  # fmt: skip

    def _values(self, count: int) -> str:
        template = _('{count} value') if count == 1 else _('{count} values')
        return template.format(count=self._format.whole(count))

    async def _remove(self, pattern: str) -> None:
        if await self._choice.remove([pattern], _('{name} is not chosen any more.').format(name=visible(pattern, 80))):
            self._show_choices()


class ExplainSheet:
    """Why an entry shows as chosen although nobody has ticked it; one per page."""

    def __init__(self, choice: SymbolChoice) -> None:
        self._choice = choice
        self._pattern = ''
        self._sheet = Sheet(_('Chosen with others'), look='small')
        with self._sheet.body:
            self._text = Text('p', '', 'eo-told')
            Text('p', _('Take that choice away to choose single symbols.'), 'eo-hint')
        with self._sheet.bar:
            self._remove = Button('', self._take_away, look='first')
            Button(_('Close'), self._sheet.close, look='pri').take_focus()

    def open(self, name: str, pattern: str) -> None:
        """For an entry that this choice covers."""
        self._pattern = pattern
        shown = visible(pattern, NAME_CHARACTERS)
        self._text.text = _('{name} is chosen by {pattern}.').format(name=visible(name, NAME_CHARACTERS), pattern=shown)
        self._remove.text = _('Take {name} away').format(name=visible(pattern, 30))
        self._sheet.open()

    async def _take_away(self) -> None:
        text = _('{name} is not chosen any more.').format(name=visible(self._pattern, 80))
        if await self._choice.remove([self._pattern], text):
            self._sheet.close()
