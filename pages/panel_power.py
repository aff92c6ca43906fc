"""The power menu of the panel: restart the program, reboot the device, shut it down; each is asked for once more."""
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from nicegui import ui

from edgeos.power import PowerError, PowerOffers
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import may_edit
from pages.sheet import Button, Sheet, Text, one_per_page

STILL_HERE = 90.0  # s; what ends the program has done so by then, or does not come


class Deed(NamedTuple):
    """Something the menu can do, and what is said before and after."""

    do: Callable[[], Awaitable[None]]
    question: str
    consequence: str
    button: str
    said: str


async def open_power(house: House) -> None:
    """The page's own one."""
    await one_per_page('power', lambda: PowerSheet(house)).open()


class PowerSheet:
    """First what can be done, then the question, then what happens now."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._deeds = _deeds_of(house)
        self._asked = ''
        self._is_done = False
        self._patience: ui.timer | None = None
        self._sheet = Sheet(look='small', on_leave=self._leave)
        with self._sheet.body:
            with ui.element('div').classes('pn-deeds') as self._choice:
                self._restart = Button(_('Restart the program'), lambda: self._ask('restart'), icon='retry')
                self._reboot = Button(_('Reboot the device'), lambda: self._ask('reboot'), icon='retry')
                self._off = Button(_('Shut the device down'), lambda: self._ask('power_off'), icon='power')
            self._why = Text('p', '', 'eo-muted eo-small')
            self._text = Text('p').props('role="status"')
            self._error = Text('div', '', 'eo-error').props('role="alert"')
        with self._sheet.bar:
            self._cancel = Button(_('Cancel'), self._leave)
            self._go = Button('', self._do, look='pri danger')

    async def open(self) -> None:
        """Ask the system what it allows, and offer that."""
        self._begin_anew()
        self._show(await self._house.system.power.offers())
        self._sheet.open()

    def _begin_anew(self) -> None:
        self._sheet.set_title(_('Restart or switch off'))
        self._asked = self._error.text = ''
        self._is_done = False
        if self._patience is not None:
            self._patience.cancel()

    def _show(self, offers: PowerOffers) -> None:
        self._reboot.set_visibility(offers.can_reboot)
        self._off.set_visibility(offers.can_power_off)
        self._why.set_text(_(offers.why) if offers.why else '')
        self._show_step()

    def _show_step(self) -> None:
        """The choice, the question or what is going on."""
        is_choice = not self._asked
        self._choice.set_visibility(is_choice)
        self._why.set_visibility(is_choice and bool(self._why.text))
        self._text.set_visibility(not is_choice)
        self._go.set_visibility(not is_choice and not self._is_done)
        self._cancel.set_visibility(not self._is_done)

    def _ask(self, name: str) -> None:
        self._asked = name
        deed = self._deeds[name]
        self._sheet.set_title(deed.question)
        self._text.set_text(deed.consequence)
        self._go.set_text(deed.button)
        self._show_step()

    async def _do(self) -> None:
        if not self._asked or self._is_done or not await may_edit(self._house):
            return
        deed = self._deeds[self._asked]
        self._error.text = ''
        self._is_done = True
        self._text.set_text(deed.said)
        self._show_step()
        try:
            await deed.do()
        except PowerError as error:
            self._is_done = False
            self._error.text = _(str(error))
            self._text.set_text(deed.consequence)
            self._show_step()
        else:
            with self._sheet.body:
                self._patience = ui.timer(STILL_HERE, self._wonder, once=True)

    def _wonder(self) -> None:
        """Nothing has come of it: whoever stands in front of it is not to be kept from the pages."""
        self._begin_anew()
        self._error.text = _('This device is still running. Something may be holding it up; try again.')
        self._show_step()

    def _leave(self) -> None:
        if not self._is_done:
            self._sheet.close()


def _deeds_of(house: House) -> dict[str, Deed]:
    power = house.system.power

    async def restart() -> None:
        ui.timer(0.5, power.restart_program, once=True)  # what happens is to be read before the page falls silent

    return {
        'restart': Deed(restart, _('Restart the program?'),
                        _('Connections and plugins stop and start again. Nothing is measured for about 10 s.'),
                        _('Restart'), _('Restarting … back in about 10 s.')),
        'reboot': Deed(power.reboot, _('Reboot the device?'),
                       _('Everything on this device ends and starts again. Nothing is measured for a minute or two.'),
                       _('Reboot'), _('Rebooting … back in a minute or two.')),
        'power_off': Deed(power.power_off, _('Shut the device down?'),
                          _('Everything on this device ends. It stays off until somebody switches it on again.'),
                          _('Shut down'), _('Shutting down. The power can be cut when the screen is off.')),
    }  # fmt: skip
