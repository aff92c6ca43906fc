"""The settings of the panel on the wall: when it rests, its keyboard, its power menu, and what its PIN locks."""
from collections.abc import Sequence
from functools import partial

from nicegui import context, ui

from edgeos.web.own_screens import screen_of
from pages.format import Format
from pages.forms import ChoiceField, SwitchField, choice_field, switch_field
from pages.frame import House
from pages.i18n import _, current_language
from pages.sheet import Button, Text
from pages.store_setting import store_setting

DIM, DARK = (0, 30, 60, 120, 300, 600, 1800), (0, 60, 120, 300, 600, 1800, 3600)  # s; 0 is never


def add_panel(house: House) -> None:
    """One panel; each choice applies at once."""
    kiosk = house.system.settings_file.settings.kiosk
    with ui.element('section').classes('eo-panel st-panel'):
        Text('h2', _('Panel on the wall'))
        with ui.element('div').classes('eo-form'):
            dim = choice_field(_('Dims after'), times(DIM, kiosk.dim_s), str(kiosk.dim_s),
                               _('Without a touch. The first touch only wakes it.'))  # fmt: skip
            dark = choice_field(_('Goes dark after'), times(DARK, kiosk.dark_s), str(kiosk.dark_s),
                                _('Then changes are locked too, where a PIN is set.'))  # fmt: skip
            if screen_of(context.client.request) == 'panel':
                Button(_('Try dark now'), lambda: ui.run_javascript('window.eoPanel?.darken()'), icon='moon')
            keyboard = choice_field(_('On-screen keyboard'), {
                'auto': _('Where no other is'), 'always': _('Always'), 'never': _('Never')}, kiosk.keyboard,
                _('It comes when a field is touched, and stays away while a real keyboard is there.'))  # fmt: skip
            menu = switch_field(_('Power menu'), kiosk.power_menu,
                                _('Restart, reboot and shut down from the panel, behind the PIN.'))  # fmt: skip
        Text('p', _('With a PIN everybody may still look, set values, connect, disconnect, pause and acknowledge. '
                    'Adding, editing, deleting, plugins, limits, all settings and the power menu ask for it.'),
             'eo-muted st-locks')  # fmt: skip
    dim.on_change(partial(_choose_seconds, house, 'kiosk.dim_s', dim))
    dark.on_change(partial(_choose_seconds, house, 'kiosk.dark_s', dark))
    keyboard.on_change(partial(_choose_keyboard, house, keyboard))
    menu.on_change(partial(_choose_menu, house, menu))


def times(offered: Sequence[int], now: int) -> dict[str, str]:
    """Seconds to words, with what is set now among them."""
    return {str(each): _time(each) for each in sorted({*offered, now})}


def _time(seconds: int) -> str:
    if not seconds:
        return _('Never')
    if seconds < 60 or seconds % 60:
        return Format(current_language(), _).span(seconds)
    if seconds < 3600 or seconds % 3600:
        return _('{count} min').format(count=seconds // 60)
    return _('{count} h').format(count=seconds // 3600)


async def _choose_seconds(house: House, key: str, field: ChoiceField) -> None:
    if not await store_setting(house, key, int(field.value)):
        kiosk = house.system.settings_file.settings.kiosk
        field.value = str(kiosk.dim_s if key == 'kiosk.dim_s' else kiosk.dark_s)


async def _choose_keyboard(house: House, field: ChoiceField) -> None:
    if not await store_setting(house, 'kiosk.keyboard', field.value):
        field.value = house.system.settings_file.settings.kiosk.keyboard


async def _choose_menu(house: House, field: SwitchField) -> None:
    if not await store_setting(house, 'kiosk.power_menu', field.value):
        field.value = house.system.settings_file.settings.kiosk.power_menu
