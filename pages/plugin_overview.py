"""What a plugin is: its readme, what it may do and how it is walled in, what it takes, its versions."""
import asyncio
from collections.abc import Callable
from pathlib import Path

from nicegui import background_tasks, ui
from nicegui.element import Element

from edgeos.plugins.views import PluginView
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.live_text import LiveTexts
from pages.permission_words import say_isolation, say_permissions
from pages.plugin_consent import list_permissions
from pages.plugin_deeds import Deeds
from pages.plugin_rows import about_of, facts_of, source_word, uses_of
from pages.readme import render
from pages.sheet import Button, Text
from pages.time_graph import OVERVIEW, OWN

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'


class UseBars(Element, component=_ASSETS / 'use_bars.js', dependencies=[OVERVIEW, OWN]):
    """CPU and memory against their limits; keys of `uses_of`."""

    def __init__(self, row: dict[str, object]) -> None:
        super().__init__()
        self._props['words'] = {'cpu': _('CPU'), 'memory': _('Memory')}
        self._props['row'] = row

    def show(self, row: dict[str, object]) -> None:
        if self._props['row'] != row:
            self._props['row'] = row


class PluginOverview:
    """The readme comes a moment later; what depends on the version is made anew when that changes."""

    def __init__(self, house: House, present: Callable[[], PluginView]) -> None:
        self._house = house
        self._manager = house.system.plugins
        self._present = present
        self._format = Format(current_language(), _)
        self._deeds = Deeds(house)
        self._made: object = None
        self._texts = LiveTexts()
        with ui.element('div').classes('cp-columns pg-overview'):
            with ui.element('section').classes('eo-panel').props(f'aria-label="{_("About it")}"'):
                self._readme = ui.element('div').classes('pg-readme')
            with ui.element('div').classes('cp-side'):
                self._uses = self._add_uses()
                self._rights = ui.element('section').classes('eo-panel')
                self._versions = ui.element('section').classes('eo-panel')
        self._follow()

    def tick(self) -> None:
        """A second has passed."""
        self._texts.tick()
        self._uses.show(uses_of(self._present(), self._format, _))
        self._follow()

    def resume(self) -> None:
        """It is looked at again."""
        self.tick()

    def _add_uses(self) -> UseBars:
        with ui.element('section').classes('eo-panel pg-panel'):
            Text('h2', _('What it takes'))
            bars = UseBars(uses_of(self._present(), self._format, _))
            self._texts.add('p', self._facts, 'eo-small eo-muted eo-num')
            with ui.element('a').classes('pg-link').props('href="/system"'):
                Text('span', _('Limits and the last hour'))
        return bars

    def _facts(self) -> str:
        plugin = self._present()
        process = [_('Process number {pid}').format(pid=plugin.pid)] if plugin.pid is not None else []
        return ' · '.join([*facts_of(plugin, self._format, _), *process])

    def _follow(self) -> None:
        plugin = self._present()
        seen = (plugin.version, plugin.update, plugin.previous, tuple(plugin.granted), plugin.isolation)
        if seen == self._made:
            return
        is_other = self._made is None or plugin.version != self._made[0]  # type: ignore[index]
        self._made = seen
        self._show_rights(plugin)
        self._show_versions(plugin)
        if is_other:
            background_tasks.create(self._load(plugin), name=f'readme of {plugin.id}')

    async def _load(self, plugin: PluginView) -> None:
        html = await asyncio.to_thread(render, await self._manager.readme(plugin.id))
        if self._readme.is_deleted:
            return
        self._readme.clear()
        with self._readme:
            if html:
                ui.html(html, sanitize=False)
            else:
                about = about_of(plugin, current_language())
                Text('p', about or _('Its author has written nothing about it.'), 'pg-long')

    def _show_rights(self, plugin: PluginView) -> None:
        self._rights.clear()
        with self._rights, ui.element('div').classes('pg-panel'):
            Text('h2', _('What it may do'))
            if plugin.granted:
                list_permissions(say_permissions(plugin.granted, (), _))
            else:
                Text('p', _('Nothing but offer values of its own: it reads no others, and uses no network.'))
            walls = say_isolation(plugin.isolation, plugin.granted, _)
            if walls:
                Text('h3', _('How it is walled in'))
                with ui.element('ul').classes('pg-permissions'):
                    for stands, sentence in walls:
                        with ui.element('li').classes('eo-good' if stands else 'eo-warn'):
                            ui.element('i').classes('eo-dot' if stands else 'eo-triangle').props('aria-hidden="true"')
                            Text('span', sentence, 'eo-grow')

    def _show_versions(self, plugin: PluginView) -> None:
        self._versions.clear()
        with self._versions, ui.element('div').classes('pg-panel'):
            Text('h2', _('Versions'))
            with ui.element('dl').classes('st-facts'):
                for name, value in self._version_facts(plugin):
                    Text('dt', name)
                    Text('dd', value)
                if plugin.homepage.startswith(('https://', 'http://')):
                    Text('dt', _('Website'))
                    with ui.element('dd'):
                        link = Text('a', plugin.homepage).props('target=_blank rel="noopener noreferrer"')
                        link.props['href'] = plugin.homepage
            with ui.element('div').classes('eo-row eo-wrap'):
                if plugin.update:
                    Button(_('Update to {version}').format(version=plugin.update), lambda: self._do('update'),
                           look='pri')  # fmt: skip
                if plugin.previous:
                    Button(_('Go back to {version}').format(version=plugin.previous), lambda: self._do('roll_back'))
                Button(_('Changes'), self._show_changes, look='gh')
            self._changes = ui.element('div').classes('pg-readme')

    async def _do(self, action: str) -> None:
        await self._deeds.do(action, self._present().id)

    def _version_facts(self, plugin: PluginView) -> list[tuple[str, str]]:
        facts = [(_('Installed'), plugin.version), (_('Before'), plugin.previous or ''),
                 (_('Available'), plugin.update or ''), (_('Author'), plugin.author), (_('License'), plugin.license),
                 (_('From'), source_word(plugin.source, _))]  # fmt: skip
        return [(name, value) for name, value in facts if value]

    async def _show_changes(self) -> None:
        text = await self._manager.changelog(self._present().id)
        html = await asyncio.to_thread(render, text)
        self._changes.clear()
        with self._changes:
            if html:
                ui.html(html, sanitize=False)
            else:
                Text('p', _('Its author has written no changes down.'), 'eo-muted')
