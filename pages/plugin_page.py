"""Everything about one plugin: what it is and may do, its settings, values and log."""
from collections.abc import Callable

from nicegui import ui

from edgeos import NAME
from edgeos.plugins.views import PluginView
from pages.frame import House
from pages.i18n import _
from pages.plugin_head import PluginHead
from pages.plugin_install import install_sheet
from pages.plugin_log import PluginLogView
from pages.plugin_overview import PluginOverview
from pages.plugin_points import PluginPoints
from pages.plugin_settings import PluginSettings
from pages.sheet import Text, icon_of
from pages.tabs import Section, Tabs


def content(house: House, plugin_id: str) -> None:
    """The page of one plugin, or a way back when there is none of that id."""
    manager = house.system.plugins
    plugin = manager.plugins.get(plugin_id)
    if plugin is None:
        show_unknown(plugin_id)
        return
    ui.page_title(f'{plugin.name} · {NAME}')

    def present() -> PluginView:
        """As it is now; the last that was known once it is gone."""
        return manager.plugins.get(plugin_id, plugin)

    makers: dict[str, tuple[str, Callable[[], Section]]] = {
        'overview': (_('Overview'), lambda: PluginOverview(house, present)),
        'settings': (_('Settings'), lambda: PluginSettings(house, present)),
        'points': (_('Values'), lambda: PluginPoints(house, plugin_id)),
        'log': (_('Log'), lambda: PluginLogView(present)),
    }
    with ui.element('div') as whole:
        head = PluginHead(house, plugin)
        tabs = Tabs(makers)

    def tick() -> None:
        if (now := manager.plugins.get(plugin_id)) is not None:
            head.tick(now)
            if now.busy is not None:
                install_sheet(house).adopt(now.busy, plugin_id, now.name)
            tabs.tick()
            return
        timer.cancel()
        whole.clear()
        with whole:
            show_unknown(plugin_id)

    timer = ui.timer(1.0, tick)


def show_unknown(plugin_id: str) -> None:
    """Nothing has that id: say so, and lead back."""
    with ui.element('div').classes('eo-empty'):
        icon_of('plugins')
        Text('h2', _('This plugin is not installed'))
        Text('p', _('It may have been uninstalled, or the address has a mistake: {id}').format(id=plugin_id[:80]))
        with ui.element('div').classes('eo-row'), ui.element('a').classes('eo-btn pri').props('href="/plugins"'):
            Text('span', _('Show all plugins'))
