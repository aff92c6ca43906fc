"""The settings of a plugin as a form made from its schema; what is typed stays until it is saved or thrown away."""
import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import background_tasks, ui

from edgeos.plugins.config import InvalidConfig
from edgeos.plugins.errors import PluginError
from edgeos.plugins.views import ConfigView, PluginView
from edgeos.settings import SettingsError
from pages.forms import Field
from pages.frame import House
from pages.i18n import _, current_language
from pages.pin_gate import may_edit
from pages.plugin_progress import show
from pages.point_picker import pick_point
from pages.rows import say_error
from pages.schema_form import SchemaForm
from pages.schema_words import in_language
from pages.sheet import Button, Text
from pages.toasts import say_done


class PluginSettings:
    """Read when it is first looked at, and again with another version while nothing was changed."""

    def __init__(self, house: House, present: Callable[[], PluginView]) -> None:
        self._house = house
        self._manager = house.system.plugins
        self._present = present
        self._form: SchemaForm | None = None
        self._is_touched = False
        self._version = present().version
        self._turn = asyncio.Lock()
        with ui.element('form').classes('pg-settings').props('novalidate autocomplete="off"') as form:
            with ui.element('section').classes('eo-panel').props(f'aria-label="{_("Settings")}"'):
                self._body = ui.element('div')
                self._error = Text('div', '', 'eo-error').props('role=alert')
            with ui.element('div').classes('pg-bar') as self._bar:
                self._note = Text('span', '', 'eo-small eo-muted eo-grow').props('role=status')
                self._discard = Button(_('Discard changes'), self._read_again, look='eo-unsaved')
                self._save = Button(_('Save'), look='pri', submits=True)
        form.on('submit.prevent', self._submit, [])
        self._bar.set_visibility(False)
        with self._body:
            ui.element('div').classes('eo-skeleton pg-wait')
        background_tasks.create(self._load(), name=f'settings of {present().id}')

    # for the form

    def changed(self) -> None:
        self._is_touched = True
        self._error.text = ''
        self._show_buttons()

    def pick(self, kind: str, field: Field[str]) -> None:
        pick_point(self._house, kind, field, self.changed)

    # as a section

    def tick(self) -> None:
        """Another version may have other settings."""
        if self._present().version != self._version and not self._is_touched and not self._turn.locked():
            background_tasks.create(self._load(), name='settings')

    def resume(self) -> None:
        """It is looked at again."""
        self.tick()

    async def _read_again(self) -> None:
        await self._load()

    async def _load(self) -> None:
        async with self._turn:
            self._version = self._present().version
            problem, config = '', None
            try:
                config = await self._manager.config(self._present().id)
            except (PluginError, LookupError, OSError) as error:
                problem = say_error(_, error)
            if not self._body.is_deleted:
                self._body.clear()
                with self._body:
                    self._fill(config)
                self._error.text = problem or self._error.text

    def _fill(self, config: ConfigView | None) -> None:
        self._is_touched, self._form = False, None
        self._error.text = ''
        if config is not None and config.schema.get('properties'):
            self._form = SchemaForm(in_language(config.schema, current_language()), config.values, self)
            self._error.text = ' '.join(self._form.show_problems(config.problems, go=False))
        elif config is not None:
            Text('p', _('This plugin has nothing to set.'), 'eo-muted')
        show(self._bar, self._form is not None)
        self._show_buttons()

    def _show_buttons(self) -> None:
        show(self._discard, self._is_touched)
        text = _('Not saved yet.') if self._is_touched else ''
        if self._note.text != text:
            self._note.set_text(text)

    async def _submit(self) -> None:
        form = self._form
        if form is None or not form.check() or not await may_edit(self._house):
            return
        values: dict[str, Any] = form.values
        self._save.set_busy(True)
        try:
            await self._manager.set_config(self._present().id, values)
        except InvalidConfig as error:
            self._error.text = ' '.join(form.show_problems(error.problems))
            return
        except (PluginError, SettingsError, LookupError, OSError) as error:
            self._error.text = say_error(_, error)
            return
        finally:
            self._save.set_busy(False)
        self._is_touched = False
        say_done(_('Saved. The settings hold now.') if self._present().pid is not None else
                 _('Saved. The settings hold when it is started.'))  # fmt: skip
        await self._load()
