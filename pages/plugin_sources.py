"""Where plugins come from: the list that ships with the program, and what the owner adds."""
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from nicegui import background_tasks, ui

from edgeos.plugins.errors import PluginError
from edgeos.plugins.registry import Source
from edgeos.plugins.views import SourceView
from pages.forms import advanced, text_field
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import may_edit
from pages.plugin_deeds import tried
from pages.rows import say_error, say_phrase
from pages.sheet import Button, Sheet, Text
from pages.toasts import say_done, say_trouble

ADDRESS = re.compile(r'(https://|file:///|/|http://(localhost|127\.0\.0\.1|\[::1\])[:/]).+')


class SourcesSheet:
    """The list with a way to remove each, and a form for one more."""

    def __init__(self, house: House, refresh: Callable[[], Awaitable[Any]]) -> None:
        self._house = house
        self._manager = house.system.plugins
        self._refresh = refresh
        self._sheet = Sheet(_('Sources of plugins'), on_submit=self._add)
        with self._sheet.body, ui.element('div').classes('eo-form'):
            self._rows = ui.element('ul').classes('st-tokens pg-sources')
            Text('h3', _('Add a source'))
            Text('p', _('Whoever runs a source decides what its plugins do. Add only those you trust.'), 'eo-muted')
            self._url = text_field(_('Address'), hint=_('Of its list, such as https://example.com/plugins.json.'),
                                   required=True)  # fmt: skip
            with advanced(_('Advanced')):
                self._key = text_field(_('Public key'), hint=_('With one, the list is only taken when it is signed '
                                                               'with that key.'))  # fmt: skip
            self._error = Text('div', '', 'eo-error').props('role=alert')
        with self._sheet.bar:
            Button(_('Close'), self._sheet.close)
            self._button = Button(_('Add'), look='pri', submits=True)
        self._shown: list[SourceView] = []
        ui.timer(1.0, self._tick)

    def open(self) -> None:
        """As they are now."""
        self._url.value = self._key.value = ''
        self._error.set_text('')
        self._show()
        self._sheet.open()

    def _tick(self) -> None:
        """They are read meanwhile, or somebody else changes them."""
        if self._sheet.is_open and self._manager.sources != self._shown:
            self._show()

    def _show(self) -> None:
        self._shown = list(self._manager.sources)
        self._rows.clear()
        with self._rows:
            for place, source in enumerate(self._shown):
                self._add_row(source, is_own=place == 0)

    def _add_row(self, source: SourceView, *, is_own: bool) -> None:
        """The first is part of the program."""
        with ui.element('li'):
            with ui.element('div').classes('eo-grow'):
                Text('b', source.name or source.url, 'st-name')
                facts = [_('comes with the program')] if is_own else [source.url] if source.name else []
                if source.key:
                    facts.append(_('signed'))
                facts.append(_count(source))
                Text('div', ' · '.join(facts), 'eo-muted eo-small st-name').props('role=status')
                if source.problem and source.is_read:
                    Text('div', say_phrase(_, source.problem), 'eo-error st-name')
            if not is_own:
                Button(_('Remove'), partial(self._remove, source), look='gh danger',
                       label=_('Remove {name}').format(name=source.name or source.url))  # fmt: skip

    async def _add(self) -> None:
        if not self._url.check():
            return
        if not ADDRESS.fullmatch(self._url.value):
            self._url.show_error(_('Enter an address that begins with https://, or the path of a file.'))
            return
        if not await may_edit(self._house):
            return
        self._button.set_busy(True)
        try:
            await self._manager.add_source(self._url.value, self._key.value, wait=False)
        except (PluginError, ValueError, OSError) as error:
            self._url.show_error(say_error(_, error))
            return
        finally:
            self._button.set_busy(False)
        self._url.value = self._key.value = ''
        say_done(_('The source is added.'))
        self._show_anew()

    async def _remove(self, source: SourceView) -> None:
        if not await may_edit(self._house):
            return
        try:
            removed = await self._manager.remove_source(source.url, wait=False)
        except (PluginError, OSError) as error:
            say_trouble(say_error(_, error))
            return
        say_done(_('The source is removed. What is installed from it stays.'),
                 undo=partial(self._bring_back, removed))  # fmt: skip
        self._show_anew()

    async def _bring_back(self, removed: Source) -> None:
        """With its key: what had to be signed has to be signed again."""
        if await tried(self._manager.add_source(removed.location, removed.key, wait=False)):
            self._show_anew()

    def _show_anew(self) -> None:
        """At once; what can be had from there follows when it was read."""
        self._show()
        background_tasks.create(self._refresh(), name='read the sources of plugins')


def _count(source: SourceView) -> str:
    if not source.is_read:
        return _('is being read …')
    return _('1 plugin') if source.plugins == 1 else _('{count} plugins').format(count=source.plugins)
