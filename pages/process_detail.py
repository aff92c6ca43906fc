"""What an open row of a process shows: facts, its last hour, its limits, and the ways to end it."""
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from nicegui import ui

from edgeos.connections.connection import Connection
from edgeos.connections.plc import PlcConnection
from edgeos.limits import NotWatched
from edgeos.system import System
from edgeos.usage import EVERY, HOUR
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.limit_form import ProcessLimitForm
from pages.live_text import LiveTexts
from pages.pin_gate import may_edit
from pages.plugin_rows import page_of
from pages.process_rows import label_of
from pages.sheet import Button, Sheet, Text, one_per_page
from pages.stepped import stepped
from pages.time_graph import Data, Line, Panel, Row, TimeGraph
from pages.toasts import say_done, say_trouble
from pages.words import graph_words

STEP = 10.0  # s
APART = 3 * EVERY


class ProcessDetail:
    """Made when the row is opened; goes on while its process is started again."""

    def __init__(self, house: House, name: str) -> None:
        self.name = name
        self._system = house.system
        plugins = plugin_names(house.system)
        self._label = label_of(name, _, plugins)
        self._id = [name] if name in plugins else []
        self._house = house
        self._format = Format(current_language(), _)
        self._texts = LiveTexts()
        self._last = 0.0  # time of the newest row that the graph has
        self._found = self._find()
        self._users: list[Connection] = []
        with ui.element('div').classes('pr-left'):
            self._texts.add('p', self._facts, 'eo-small eo-muted eo-num')
            self._links = ui.element('p').classes('eo-row eo-wrap pr-users')
            self._graph = self._make_graph()
        with ui.element('div').classes('pr-right'):
            ProcessLimitForm(house, name)
            with ui.element('div').classes('eo-row eo-wrap'):
                self._restart = Button(_('Restart'), lambda: self._ask('restart'), icon='retry')
                self._kill = Button(_('Kill'), lambda: self._ask('kill'), look='danger', icon='stop')
        if name in plugins:
            with self._links:
                Text('a', _('Page of the plugin')).props(f'href="{page_of(name)}"')
        self._follow()

    def tick(self) -> None:
        """A second has passed."""
        self._found = self._find()
        self._texts.tick()
        self._follow()
        self._grow()

    # what is known

    def _find(self) -> tuple[int, Mapping[str, Any]] | None:
        """Its process number and what the limiter says of it."""
        rows = self._system.limits.limiter.get_stats()['processes']
        return next(((pid, row) for pid, row in rows.items() if row['name'] == self.name), None)

    def _facts(self) -> str:
        if self._found is None:
            return _('It is not running at the moment.')
        starts = self._system.usage.starts(self.name)
        again = [_('started {count} times in the last hour').format(count=starts)] if starts > 1 else []
        return ' · '.join([*self._id, *facts_of(*self._found, self._format), *again])

    def _follow(self) -> None:
        """Buttons and links go with the process that runs."""
        for button in (self._restart, self._kill):
            button.set_enabled(self._found is not None)
        if self._found is None:
            return
        users = users_of(self._found[0], self._system.connections.connections.values())
        if users and users != self._users:
            self._users = users
            self._links.clear()
            with self._links:
                Text('span', _('Used by:'), 'eo-muted')
                for user in users:
                    Text('a', user.name).props(f'href="/connections/{quote(user.id)}"')

    # graph

    def _make_graph(self) -> TimeGraph:
        return TimeGraph(panels(), self._hour(), words=graph_words(), locale=current_language(),
                         label=_('CPU and memory of the last hour'), fit=True)  # fmt: skip

    def _hour(self) -> Data:
        rows, now = self._rows(HOUR), self._now
        self._last = (rows[-1][0] or 0.0) if rows else 0.0
        return Data(HOUR, STEP, now, now + EVERY, rows)

    @property
    def _now(self) -> float:
        return self._system.services.clock.wall()

    def _rows(self, seconds: float) -> list[Row]:
        return stepped(self._system.usage.recent(self.name, seconds), STEP, APART)

    def _grow(self) -> None:
        if self._last > self._now + STEP:  # the clock was set back: what is drawn lies in the future
            self._graph.show(self._hour())
            return
        since = max(STEP, self._now - self._last) + 2 * STEP
        rows = [row for row in self._rows(STEP * -(-since // STEP)) if (row[0] or 0.0) >= self._last]
        self._last = (rows[-1][0] or 0.0) if rows else self._last
        self._graph.extend(self._now, rows)

    # what can be done

    async def _ask(self, deed: str) -> None:
        if await may_edit(self._house):
            one_per_page('process', ConfirmSheet).ask(self._label, deed, lambda: self._do(deed))

    def _do(self, deed: str) -> None:
        limits = self._system.limits
        try:
            if deed == 'kill':
                limits.kill(self.name)
                say_done(_('{name} was killed.').format(name=self._label))
            else:
                limits.restart(self.name)
                say_done(_('{name} is being restarted.').format(name=self._label))
        except NotWatched:
            say_trouble(_('It has ended by itself meanwhile.'))


class ConfirmSheet:
    """Asks before a process is ended, and says what comes of it; Cancel has the focus."""

    def __init__(self) -> None:
        self._do: Callable[[], None] = lambda: None
        self._sheet = Sheet(look='small')
        with self._sheet.body:
            self._text = Text('p')
        with self._sheet.bar:
            Button(_('Cancel'), self._sheet.close).take_focus()
            self._restart = Button(_('Restart'), self._confirm, look='pri')
            self._kill = Button(_('Kill'), self._confirm, look='pri danger')

    def ask(self, name: str, deed: str, do: Callable[[], None]) -> None:
        """`deed` is restart or kill."""
        self._do = do
        is_kill = deed == 'kill'
        self._sheet.set_title((_('Kill {name}?') if is_kill else _('Restart {name}?')).format(name=name))
        self._text.set_text(
            _('It ends at once and cannot save anything. Whoever needs it takes this for a crash, and starts it again.')
            if is_kill else
            _('It is ended politely and started again. What it serves is interrupted for some seconds.'))  # fmt: skip
        self._restart.set_visibility(not is_kill)
        self._kill.set_visibility(is_kill)
        self._sheet.open()

    def _confirm(self) -> None:
        self._sheet.close()
        self._do()


def facts_of(pid: int, row: Mapping[str, Any], words: Format) -> list[str]:
    """What else is known of it; how long it stood still only while it is held."""
    count = row['processes']
    facts = [_('Process number {pid}').format(pid=pid),
             _('1 process') if count == 1 else _('{count} processes').format(count=words.whole(count))]  # fmt: skip
    if row['throttled'] and row['longest_stop_s']:
        facts.append(_('stands still {share} of the time, at most {longest} at once').format(
            share=f'{words.whole(100 * row["stopped_share"])}\u00a0%',
            longest=words.milliseconds(1000 * row['longest_stop_s'])))  # fmt: skip
    return facts


def plugin_names(system: System) -> dict[str, str]:
    """What each is called, by its id."""
    return {plugin_id: plugin.name for plugin_id, plugin in system.plugins.plugins.items()}


def users_of(pid: int, connections: Iterable[Connection]) -> list[Connection]:
    """The connections that a PLC worker serves."""
    return [each for each in connections if isinstance(each, PlcConnection) and each.worker_pid == pid]


def panels() -> list[Panel]:
    """CPU and memory, above each other."""
    return [Panel(_('CPU'), '%', (Line(_('CPU'), '--series-1'),), height=110, si=False, least=10),
            Panel(_('Memory'), 'MB', (Line(_('Memory'), '--series-3'),), height=80, si=False, least=10)]  # fmt: skip
