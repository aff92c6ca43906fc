"""Who may open the pages and change things: address, password, edit PIN, API tokens, host names."""
import asyncio
from functools import partial

from nicegui import context, ui

from edgeos.settings import SettingsError
from edgeos.web.own_screens import screen_of
from edgeos.web.security import host_name
from pages.forms import LinesField, advanced, lines_field
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import caller_of, may_edit
from pages.reach import Reach, reach_of
from pages.settings_secrets import PasswordSheet, PinSheet, post_form
from pages.settings_tokens import TokenList
from pages.sheet import Button, Text, one_per_page
from pages.toasts import say_done, say_trouble


def add_access(house: House) -> None:
    """One panel, from what matters to most people down to what few need."""
    with ui.element('section').classes('eo-panel st-access').props('id=access'):
        Text('h2', _('Access'))
        AddressItem()
        PasswordItem(house)
        PinItem(house)
        TokenList(house)
        _add_host_names(house)


class Item:
    """A line of the panel: what it is, how it stands, and what can be done."""

    def __init__(self, title: str, look: str = '') -> None:
        with ui.element('div').classes(f'st-item {look}'):
            with ui.element('div').classes('eo-grow'):
                Text('h3', title)
                self.state = Text('p', '', 'eo-muted')
            self.actions = ui.element('div').classes('eo-row st-actions')


class AddressItem(Item):
    """From where the pages can be opened."""

    def __init__(self) -> None:
        super().__init__(_('Address'))
        ui.timer(0.1, self._look, once=True)

    async def _look(self) -> None:
        reach = await reach_of(context.client.request)
        self.state.set_text(_say_reach(reach))


def _say_reach(reach: Reach) -> str:
    if reach.is_open:
        return _('Other devices in your network can open these pages: {addresses}').format(
            addresses=', '.join(reach.addresses))  # fmt: skip
    return _('Only this computer can open these pages, at {address}. For other devices, set a password, then change '
             'host in settings.toml to "0.0.0.0" and restart.').format(address=reach.addresses[0])  # fmt: skip


class PasswordItem(Item):
    """The password of the pages."""

    def __init__(self, house: House) -> None:
        super().__init__(_('Password'))
        self._house = house
        with self.actions:
            self._leave = Button(_('Log out'), partial(post_form, '/logout', {}), look='gh', icon='logout')
            self._set = Button('', partial(self._open, False))
            self._remove = Button(_('Remove'), partial(self._open, True), look='gh')
        self.refresh()

    def refresh(self) -> None:
        is_set = self._house.doors.access.is_needed
        self._leave.set_visibility(is_set and screen_of(context.client.request) != 'panel')  # nobody could log it in
        self.state.set_text(_('Whoever opens these pages is asked for it.') if is_set else
                            _('None is set: whoever can open these pages may change everything.'))  # fmt: skip
        self._set.set_text(_('Change') if is_set else _('Set a password'))
        self._remove.set_visibility(is_set)

    async def _open(self, removes: bool) -> None:
        if await may_edit(self._house):
            sheet = one_per_page('password', lambda: PasswordSheet(self._house, self.refresh))
            sheet.open(removes=removes)


class PinItem(Item):
    """The digits that guard changes on a panel that many people walk by."""

    def __init__(self, house: House) -> None:
        super().__init__(_('PIN for changes'))
        self._house = house
        with self.actions:
            self._lock = Button(_('Lock now'), self._lock_now, look='gh', icon='lock')
            self._set = Button('', partial(self._open, False))
            self._remove = Button(_('Remove'), partial(self._open, True), look='gh')
        self.refresh()

    def refresh(self) -> None:
        is_set = self._house.doors.pin.is_needed
        self.state.set_text(_('Everybody may look; who changes something is asked for it.') if is_set else
                            _('For a panel on the wall: everybody may watch and set values, only who knows the PIN '
                              'may add, edit or delete.'))  # fmt: skip
        self._set.set_text(_('Change') if is_set else _('Set a PIN'))
        self._lock.set_visibility(is_set)
        self._remove.set_visibility(is_set)

    def _open(self, removes: bool) -> None:
        one_per_page('pin settings', lambda: PinSheet(self._house, self.refresh)).open(removes=removes)

    def _lock_now(self) -> None:
        who, _address = caller_of(context.client)
        self._house.doors.pin.lock(who)
        say_done(_('Changes need the PIN again.'))


def _add_host_names(house: House) -> None:
    with advanced(_('Host names')):
        field = lines_field(
            _('Names this program answers to'), house.system.settings_file.settings.security.allowed_hosts,
            _('One per line, such as house.example.org. Addresses and localhost always work; other names are refused, '
              'so that no web page can reach your house through your browser.'),
        )  # fmt: skip
        with ui.element('div').classes('eo-row'):
            Button(_('Save'), partial(_save_host_names, house, field))


async def _save_host_names(house: House, field: LinesField) -> None:
    names = {entry: host_name(entry) for entry in field.value}
    for entry, name in names.items():
        if name is None:
            field.show_error(_('{name} is no host name.').format(name=entry[:60]))
            field.focus()
            return
    if not await may_edit(house):
        return
    wanted = list(dict.fromkeys(name for name in names.values() if name))
    try:
        await asyncio.to_thread(house.system.settings_file.set_value, 'security.allowed_hosts', wanted)
    except (SettingsError, OSError) as error:
        say_trouble(str(error))
        return
    field.value = wanted
    say_done(_('Saved. It applies from the next start on.'))
