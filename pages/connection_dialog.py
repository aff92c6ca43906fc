"""Adding and changing a connection: one dialog per page, with one form for each type."""
from typing import Any

from nicegui import context, ui
from nicegui.element import Element

from edgeos.connections.connection import Connection
from edgeos.connections.manager import IdTaken, InvalidConfig, UnknownConnection
from edgeos.discovery import Found
from edgeos.settings import SettingsError
from edgeos.web.shapes import config_shape
from pages import kept_drafts
from pages.action_bar import ActionBar
from pages.bluetooth_form import BluetoothForm
from pages.connection_draft import NAME_CHARACTERS, Draft, new_key
from pages.connection_export import export as export
from pages.connection_form import ConnectionForm
from pages.forms import text_field
from pages.found_list import FoundList
from pages.frame import House
from pages.i18n import _
from pages.mqtt_form import MqttForm
from pages.pin_gate import may_edit
from pages.plc_form import PlcForm
from pages.sheet import Button, Sheet, Text, catch_focus, one_per_page
from pages.toasts import say_done, say_trouble
from pages.trial_panel import TrialPanel
from pages.type_choice import TypeChoice

FORMS: dict[str, type[ConnectionForm]] = {form.KIND: form for form in (PlcForm, BluetoothForm, MqttForm)}


async def add(house: House) -> None:
    """Ask for a new connection."""
    if await may_edit(house):
        dialog_of(house).open_new()


async def edit(house: House, connection_id: str) -> None:
    """Change a connection."""
    if not await may_edit(house):
        return
    try:
        dialog_of(house).open_existing(house.system.connections.get(connection_id))
    except UnknownConnection:
        say_trouble(_('This connection does not exist any more.'))


def dialog_of(house: House) -> 'ConnectionDialog':
    """The page's one."""
    return one_per_page('connection', lambda: ConnectionDialog(house))


class ConnectionDialog:
    """Type, found devices, name, the type's own form, the test; what was typed is only lost on purpose."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._forms: dict[str, tuple[ConnectionForm, Element]] = {}
        self._draft: Draft | None = None
        self._name_found = ''
        self._proven: dict[str, Any] | None = None  # the body of a test that went well
        self._has_failed = False  # the test of what stands in the form now
        self._wants_save = False
        self._sheet = Sheet(on_submit=self._press_save, on_leave=self._leave)
        with self._sheet.body:
            self._types = TypeChoice(FORMS, self._choose)
            self._add_fields()
        with self._sheet.bar:
            self._bar = ActionBar(test=self._press_test, leave=self._leave, save_anyway=self._press_anyway,
                                  throw_away=self._throw_away)  # fmt: skip
        self._timer = ui.timer(1.0, self._tick, active=False)
        self._sheet.on_close(self._closed)

    # what is seen

    def _add_fields(self) -> None:
        with ui.element('div').classes('eo-form') as self._area:
            self._other = Button(_('Other type'), self._choose_again)
            self._found = FoundList(self._house, self._take_found)
            self._id = Text('p', '', 'eo-hint')
            with ui.element('div').classes('eo-row eo-unsaved') as self._continued:
                Text('span', _('This is what you were entering before.'), 'eo-hint eo-grow')
                Button(_('Start afresh'), self._start_afresh)
            self._name = text_field(_('Name')).focus_first().on_change(self._keep_draft)
            self._slot = ui.element('div')
            self._error = Text('div', '', 'eo-error').props('role="alert"')
            self._trial = TrialPanel(self._house)

    # opening and closing

    def open_new(self) -> None:
        """Begin a new connection."""
        self._sheet.set_title(_('Add a connection'))
        self._begin(None)
        begun = [kind for kind in FORMS if kept_drafts.find(context.client, new_key(kind)) is not None]
        if len(begun) == 1:
            self._begin_new(begun[0])
        else:
            self._show_form(None)
        self._sheet.open()

    def open_existing(self, connection: Connection) -> None:
        """Show the settings of a connection."""
        self._sheet.set_title(_('Edit {name}').format(name=connection.name))
        self._begin(connection)
        form = self._show_form(connection.KIND)
        if form is not None:
            form.fill(config_shape(connection, self._house.system.connections))
            self._other.set_visibility(False)
            self._begin_draft(form, connection)
        self._sheet.open()

    def _begin(self, connection: Connection | None) -> None:
        self._name.value = connection.settings.name if connection else ''
        self._id.text = _('Id: {id}').format(id=connection.id) if connection else ''
        self._id.set_visibility(connection is not None)
        self._name.set_hint(_('What you call it. Blank: its id.') if connection else
                            _('What you call it. Blank: its address.'))  # fmt: skip
        self._name_found = self._error.text = ''
        self._forget_test()
        self._bar.stay()
        self._timer.activate()

    def _choose(self, kind: str) -> None:
        self._begin_new(kind)
        catch_focus(self._other)  # the button that had it is gone; not from a field that was touched meanwhile

    def _begin_new(self, kind: str) -> None:
        if (form := self._show_form(kind)) is not None:
            form.fill({})
            self._begin_draft(form, None)
            self._found.begin(kind)

    def _choose_again(self) -> None:
        self._show_form(None)
        self._types.focus()

    def _begin_draft(self, form: ConnectionForm, connection: Connection | None) -> None:
        draft = self._draft = Draft(self._name, form, connection)
        kept = kept_drafts.find(context.client, draft.key)
        self._continued.set_visibility(kept is not None)
        if kept is not None:
            draft.go_on(kept)

    def _start_afresh(self) -> None:
        draft = self._draft
        self._forget_draft()
        if draft is not None and draft.editing is not None:
            self.open_existing(draft.editing)
        else:
            self.open_new()

    def _keep_draft(self) -> None:
        if (draft := self._draft) is not None:
            name, values = draft.to_keep()
            kept_drafts.keep(context.client, draft.key, name, values)

    def _forget_draft(self) -> None:
        if self._draft is not None:
            kept_drafts.drop(context.client, self._draft.key)

    def _show_form(self, kind: str | None) -> ConnectionForm | None:
        self._area.set_visibility(kind is not None)
        self._types.show(kind is None)
        self._other.set_visibility(len(FORMS) > 1)
        self._bar.stay()
        if kind is None:
            self._bar.hide()
        self._found.begin('')
        self._draft = None
        if kind is not None and kind not in self._forms:
            with self._slot, ui.element('div').classes('eo-form') as area:
                self._forms[kind] = (FORMS[kind](self._changed), area)
        for other, (_form, area) in self._forms.items():
            area.set_visibility(other == kind)
        return self._forms[kind][0] if kind is not None else None

    def _leave(self) -> None:
        if self._bar.is_asking:
            self._bar.stay()
        elif self._draft is not None and self._draft.is_touched:
            self._bar.ask()
        else:
            self._throw_away()

    def _throw_away(self) -> None:
        self._forget_draft()
        self._sheet.close()

    def _closed(self) -> None:
        self._timer.deactivate()
        self._found.begin('')
        self._forget_test()
        if self._draft is not None:
            self._draft.form.fill({})  # a password that was typed stays nowhere
            self._draft = None

    # reacting

    def _tick(self) -> None:
        self._found.tick()
        self._trial.tick()

    def _take_found(self, found: Found) -> None:
        if self._draft is None:
            return
        self._draft.form.take_found(found)
        if self._name.value in ('', self._name_found):
            self._name.value = self._name_found = found.name[:NAME_CHARACTERS].strip()
        self._changed()

    def _changed(self) -> None:
        """Something else than the name: what was tested is not what stands here any more."""
        self._trial.grow_old()
        self._settle(proven=None)
        self._keep_draft()

    def _forget_test(self) -> None:
        self._trial.forget()
        self._settle(proven=None)

    def _settle(self, *, proven: dict[str, Any] | None, has_failed: bool = False) -> None:
        self._wants_save = False
        self._proven, self._has_failed = proven, has_failed
        self._show_buttons()

    def _show_buttons(self) -> None:
        self._bar.show(is_testing=self._trial.is_running, has_failed=self._has_failed, is_saving=self._wants_save)

    # testing and saving

    async def _press_test(self) -> None:
        if self._trial.is_running:
            self._forget_test()
        elif self._is_fine():
            await self._try()

    async def _press_save(self) -> None:
        draft = self._draft
        if draft is None or self._wants_save or not self._is_fine():
            return
        self._wants_save = True
        self._show_buttons()
        if self._trial.is_running:
            return  # it is saved if that goes well
        if draft.needs_proof and self._proven != draft.trial_body():
            await self._try()
        else:
            await self._store()

    async def _press_anyway(self) -> None:
        if not self._wants_save:
            await self._store()

    async def _try(self) -> None:
        draft = self._draft
        assert draft is not None
        body = draft.trial_body()
        self._has_failed = False
        trial = self._trial.begin(body, draft.form)
        self._show_buttons()
        try:
            result = await trial
        except InvalidConfig as error:
            self._forget_test()
            self._error.text = draft.show_problems(error.problems)
            return
        if result is None:
            return
        wants_save = self._wants_save
        self._settle(proven=body if result.ok else None, has_failed=not result.ok)
        if result.ok and wants_save:
            await self._store()

    async def _store(self) -> None:
        draft = self._draft
        if draft is None or not self._is_fine():
            return
        if not await may_edit(self._house):  # filling in may have taken longer than it stays unlocked
            self._wants_save = False
            self._show_buttons()
            return
        self._wants_save = True
        self._show_buttons()
        try:
            text = await draft.write(self._house.system.connections)
        except InvalidConfig as error:
            self._error.text = draft.show_problems(error.problems)
        except IdTaken as error:
            self._error.text = _('The id {id} is taken; choose another name.').format(id=error)
        except UnknownConnection:
            self._error.text = _('This connection does not exist any more.')
        except (SettingsError, OSError) as error:
            self._error.text = str(error)
        else:
            self._forget_draft()
            self._sheet.close()
            say_done(text)
        self._wants_save = False
        self._show_buttons()

    def _is_fine(self) -> bool:
        self._error.text = ''
        return self._draft is not None and self._draft.check()
