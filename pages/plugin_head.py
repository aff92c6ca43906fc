"""The top of a plugin's page: what it is, how it is, and the one thing to do next."""
from nicegui import ui

from edgeos.plugins.views import PluginView
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.menu_button import Item, MenuButton
from pages.plugin_deeds import Deeds
from pages.plugin_progress import show
from pages.plugin_rows import ALIVE, IN_TROUBLE, lamp_of, next_action, page_of, reason_of, source_word
from pages.sheet import Button, Text, icon_of

QUIET = frozenset(('starting', 'running', 'stopping'))  # nothing has to be done next


class PluginHead:
    """Follows its plugin once a second; sets only what has changed."""

    def __init__(self, house: House, plugin: PluginView) -> None:
        self._deeds = Deeds(house)
        self._id = plugin.id
        self._action = ''
        self._tone = ''
        self._format = Format(current_language(), _)
        with ui.element('header').classes('cp-head'):
            self._build(plugin)
        with ui.element('div').classes('eo-why cp-trouble') as self._trouble:
            with ui.element('div').classes('eo-grow'):
                self._why = Text('b')
                self._hint = Text('span', '', 'next')
                self._retry = Text('span', '', 'cp-retry eo-num')
            self._log = Button(_('Show the log'), lambda: ui.navigate.to(page_of(self._id, 'log')))
        self.tick(plugin)

    def _build(self, plugin: PluginView) -> None:
        with ui.element('a').classes('eo-btn gh icon').props(f'href="/plugins" aria-label="{_("All plugins")}"'):
            icon_of('back')
        with ui.element('div').classes('cp-type pg-icon'):
            Text('b', plugin.name[:1].upper())
            icon = ui.element('img').props('alt="" width=40 height=40 referrerpolicy=no-referrer')
            icon.props['src'] = f'/plugin-icons/{plugin.id}?v={plugin.version}'
            icon.on('error', js_handler='(event) => event.target.remove()')
        with ui.element('div').classes('cp-who'):
            self._name = Text('h1', plugin.name)
            self._facts = Text('div', '', 'eo-small eo-muted cp-address')
        with ui.element('div').classes('eo-lamp').props('role=status') as self._lamp:
            self._shape = ui.element('span').props('aria-hidden="true"')
            self._word = Text('span')
        with ui.element('div').classes('cp-actions'):
            self._next = Button('', lambda: self._do(self._action))
            self._menu = MenuButton(_('More'), self._do)

    def tick(self, plugin: PluginView) -> None:
        """Show what it is like now."""
        lamp, reason = lamp_of(plugin, _), reason_of(plugin, self._format, _)
        self._action, label = next_action(plugin, _)
        if self._tone != lamp.tone + lamp.shape:
            self._lamp.classes(replace=f'eo-lamp eo-{lamp.tone}')
            self._shape.classes(replace=f'eo-{lamp.shape}')
            self._trouble.classes(remove='eo-bad eo-warn eo-busy', add=f'eo-{lamp.tone}')
            self._tone = lamp.tone + lamp.shape
        is_quiet = plugin.state in QUIET and self._action not in ('settings', 'progress')
        self._next.classes(add='' if is_quiet else 'pri', remove='pri' if is_quiet else '')
        facts = ' · '.join(each for each in (plugin.version, plugin.author, source_word(plugin.source, _)) if each)
        for element, text in ((self._name, plugin.name), (self._facts, facts), (self._word, lamp.word),
                              (self._why, reason.why), (self._hint, reason.hint), (self._retry, reason.next),
                              (self._next, label)):  # fmt: skip
            if element.text != text:
                element.text = text
        show(self._trouble, bool(reason.why))
        show(self._log, plugin.state in IN_TROUBLE)
        self._menu.show(self._items(plugin))

    def _items(self, plugin: PluginView) -> list[Item]:
        items: list[Item] = []
        if plugin.state in ALIVE:
            items.append(('restart', 'retry', _('Restart'), ''))
            if self._action != 'stop':
                items.append(('stop', 'stop', _('Stop'), ''))
        elif self._action != 'start' and plugin.busy is None:
            items.append(('start', 'play', _('Start'), ''))
        if plugin.pid is not None:
            items.append(('kill', 'close', _('Kill'), ''))
        if plugin.update:
            items.append(('update', 'download', _('Update to {version}').format(version=plugin.update), ''))
        if plugin.previous:
            items.append(('roll_back', 'back', _('Go back to {version}').format(version=plugin.previous), ''))
        return [*items, *([None] if items else []), ('uninstall', 'delete', _('Uninstall'), 'danger')]

    async def _do(self, action: str) -> None:
        self._next.set_busy(True)
        try:
            await self._deeds.do(action, self._id)
        finally:
            self._next.set_busy(False)
