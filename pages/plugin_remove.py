"""Asking before a plugin is uninstalled, or set back to the version before; says what comes of it."""
from collections.abc import Awaitable

from nicegui import ui

from edgeos.plugins.errors import PluginError
from edgeos.plugins.views import JobView, PluginView
from pages.forms import choice_field
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import may_edit
from pages.plugin_install import install_sheet
from pages.rows import say_error
from pages.sheet import Button, Sheet, Text
from pages.toasts import say_trouble

KEEP, DROP = 'keep', 'drop'


class RemoveSheet:
    """Names what goes; what the plugin has kept stays unless that is asked for. Cancel has the focus."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._plugin: PluginView | None = None
        self._sheet = Sheet(look='small')
        with self._sheet.body, ui.element('div').classes('eo-form'):
            self._text = Text('p')
            with ui.element('div').classes('eo-why eo-warn') as self._used:
                self._routes = Text('b')
                Text('span', _('They stay, but have nothing to copy until it is back.'), 'next')
            options = {KEEP: _('Keep them for later'), DROP: _('Delete them for good')}
            self._data = choice_field(_('Its settings, passwords and stored data'), options)
            self._data.on_change(self._show_loss)
            self._loss = Text('p', _('This cannot be taken back.'), 'eo-why eo-warn')
        with self._sheet.bar:
            Button(_('Cancel'), self._sheet.close).take_focus()
            self._button = Button(_('Uninstall'), self._confirm, look='pri danger')

    def ask(self, plugin: PluginView) -> None:
        """Open for this one."""
        self._plugin = plugin
        self._sheet.set_title(_('Uninstall {name}?').format(name=plugin.name))
        self._text.set_text(_('It is stopped and removed.') if not plugin.points else
                            _('It is stopped and removed, and its one value disappears.') if plugin.points == 1 else
                            _('It is stopped and removed, and its {count} values disappear.').format(
                                count=plugin.points))  # fmt: skip
        routes = self._routes_of(plugin.id)
        self._used.set_visibility(routes > 0)
        self._routes.set_text(_('Used by {count} route').format(count=routes) if routes == 1 else
                              _('Used by {count} routes').format(count=routes))  # fmt: skip
        self._data.value = KEEP
        self._show_loss()
        self._sheet.open()

    def _show_loss(self) -> None:
        self._loss.set_visibility(self._data.value == DROP)

    def _routes_of(self, plugin_id: str) -> int:
        routes = self._house.system.settings_file.settings.routes
        return sum(plugin_id in (route.from_.partition('/')[0], route.to.partition('/')[0]) for route in routes)

    async def _confirm(self) -> None:
        if (plugin := self._plugin) is not None and await may_edit(self._house):
            job = self._house.system.plugins.uninstall_plugin(plugin.id, drop_data=self._data.value == DROP)
            await _begin(self._house, self._sheet, self._button, plugin, job,
                         _('{name} is uninstalled.').format(name=plugin.name))  # fmt: skip


class RollBackSheet:
    """The version before is still there; going back to it takes a moment."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._plugin: PluginView | None = None
        self._sheet = Sheet(look='small')
        with self._sheet.body:
            self._text = Text('p')
        with self._sheet.bar:
            Button(_('Cancel'), self._sheet.close).take_focus()
            self._button = Button(_('Go back'), self._confirm, look='pri')

    def ask(self, plugin: PluginView) -> None:
        """Open for this one."""
        self._plugin = plugin
        self._sheet.set_title(_('Go back to {version}?').format(version=plugin.previous or ''))
        self._text.set_text(_('{name} is stopped and started again as version {previous}. Its settings stay. Version '
                              '{version} is removed, and not offered again.').format(
            name=plugin.name, previous=plugin.previous or '', version=plugin.version))  # fmt: skip
        self._sheet.open()

    async def _confirm(self) -> None:
        if (plugin := self._plugin) is not None and await may_edit(self._house):
            done = _('{name} is back at {version}.').format(name=plugin.name, version=plugin.previous or '')
            await _begin(self._house, self._sheet, self._button, plugin,
                         self._house.system.plugins.roll_back(plugin.id), done)  # fmt: skip


async def _begin(house: House, sheet: Sheet, button: Button, plugin: PluginView, job: Awaitable[JobView],
                 done: str) -> None:  # fmt: skip
    """What was asked for; its progress is shown in the sheet of installs."""
    button.set_busy(True)
    try:
        begun = await job
    except (PluginError, LookupError, OSError) as error:
        say_trouble(say_error(_, error))
        return
    finally:
        button.set_busy(False)
        sheet.close()
    install_sheet(house).follow(begun, plugin.id, plugin.name, done=done)
