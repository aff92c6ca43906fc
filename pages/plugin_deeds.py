"""What the buttons of a plugin do, on the list and on its own page; the edit PIN comes first."""
from collections.abc import Awaitable, Callable

from nicegui import background_tasks, context, ui

from edgeos.plugins.errors import PluginError
from edgeos.plugins.views import PluginView
from pages import plugin_evidence
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import may_edit
from pages.plugin_install import install_sheet
from pages.plugin_remove import RemoveSheet, RollBackSheet
from pages.plugin_rows import page_of
from pages.process_detail import ConfirmSheet
from pages.rows import say_error
from pages.sheet import one_per_page
from pages.toasts import say_done, say_trouble


class Deeds:
    """By name: start, stop, restart, kill, settings, log, points, evidence, progress, update, roll_back, uninstall."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._manager = house.system.plugins

    async def do(self, action: str, plugin_id: str) -> None:
        """One of them, to one plugin."""
        plugin = self._manager.plugins.get(plugin_id)
        if plugin is None:
            say_trouble(_('This plugin is not installed any more.'))
        elif action == 'evidence':
            plugin_evidence.show(self._house, plugin)
        elif action in ('settings', 'log', 'points'):
            ui.navigate.to(page_of(plugin_id, action))
        elif action == 'progress':
            self._show_progress(plugin)
        elif await may_edit(self._house):
            await self._change(action, plugin)

    def _show_progress(self, plugin: PluginView) -> None:
        if plugin.busy is not None:
            install_sheet(self._house).follow(plugin.busy, plugin.id, plugin.name)

    async def _change(self, action: str, plugin: PluginView) -> None:
        if action == 'update':
            await install_sheet(self._house).open_update(plugin)
        elif action == 'roll_back':
            one_per_page('roll back', lambda: RollBackSheet(self._house)).ask(plugin)
        elif action == 'uninstall':
            one_per_page('uninstall', lambda: RemoveSheet(self._house)).ask(plugin)
        elif action == 'kill':
            one_per_page('process', ConfirmSheet).ask(plugin.name, 'kill', lambda: self._kill(plugin))
        elif action in ('start', 'stop', 'restart'):
            await self._switch(action, plugin)

    async def _switch(self, action: str, plugin: PluginView) -> None:
        manager = self._manager
        if action == 'stop':
            if await tried(manager.stop_plugin(plugin.id)):
                say_done(_('{name} is stopped.').format(name=plugin.name),
                         undo=lambda: tried(manager.start_plugin(plugin.id)))  # fmt: skip
            return
        deed: Callable[[str], Awaitable[None]] = manager.start_plugin if action == 'start' else manager.restart_plugin
        await tried(deed(plugin.id))

    def _kill(self, plugin: PluginView) -> None:
        client = context.client

        async def kill() -> None:
            with client:
                if await tried(self._manager.kill_plugin(plugin.id)):
                    say_done(_('{name} was killed.').format(name=plugin.name))

        background_tasks.create(kill(), name=f'kill {plugin.id}')


async def tried(deed: Awaitable[None]) -> bool:
    """Do it; says what is wrong if that does not work."""
    try:
        await deed
    except (PluginError, LookupError, OSError) as error:
        say_trouble(say_error(_, error))
        return False
    return True
