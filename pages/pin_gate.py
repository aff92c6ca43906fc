"""The edit PIN: asked for once on a panel, before something is changed."""
import math

from nicegui import Client, context, ui

from edgeos.web.access import TooManyAttempts, WrongSecret
from edgeos.web.guard import session_key_of
from pages.forms import secret_field
from pages.frame import House
from pages.i18n import _
from pages.sheet import Button, Sheet, Text, one_per_page

LONGEST = 8
KEYS = ('1', '2', '3', '4', '5', '6', '7', '8', '9', '', '0', '⌫')


def caller_of(client: Client) -> tuple[str, str]:
    """How `Pin` knows this browser, and the address it calls from."""
    request = client.request
    if request is None:
        return '', ''
    address = request.client.host if request.client else ''
    return session_key_of(request) or str(request.session.get('id') or address), address


async def may_edit(house: House) -> bool:
    """Whether this browser may change things; asks for the PIN when one is set and not yet given."""
    who, _address = caller_of(context.client)
    if house.doors.pin.is_unlocked(who):
        return True
    return await one_per_page('pin', lambda: PinDialog(house)).ask()


class PinDialog:
    """Digits by keyboard or by finger; says how long to wait after too many tries."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._clock = house.system.services.clock
        self._wait = 0  # s, as it is said
        self._wait_ends = 0.0
        self._sheet = Sheet(_('Enter the PIN'), look='small eo-pin', on_submit=self._submit)
        with self._sheet.body, ui.element('div').classes('eo-form'):
            self._pin = secret_field(_('PIN'), hint=_('The owner of this panel has locked changes.'), digits=True)
            self._pin.focus_first()
            with ui.element('div').classes('eo-keypad'):
                for key in KEYS:
                    self._add_key(key)
        with self._sheet.bar:
            Button(_('Cancel'), self._sheet.close)
            self._unlock = Button(_('Unlock'), look='pri', submits=True)
        self._timer = ui.timer(1.0, self._count_down, active=False)
        self._sheet.on_close(self._forget)

    async def ask(self) -> bool:
        """True once the right PIN was given, False when it was cancelled."""
        self._pin.value = ''
        return bool(await self._sheet.dialog)

    def _add_key(self, key: str) -> None:
        if not key:
            Text('span')
        elif key == '⌫':
            Button(key, lambda: self._press(key), label=_('Delete the last digit'))
        else:
            Button(key, lambda: self._press(key))

    def _press(self, key: str) -> None:
        typed = self._pin.value
        self._pin.value = typed[:-1] if key == '⌫' else (typed + key)[:LONGEST]

    async def _submit(self) -> None:
        if self._wait or not self._pin.value:
            return
        self._unlock.set_busy(True)
        who, address = caller_of(context.client)
        try:
            await self._house.doors.pin.unlock(who, address, self._pin.value)
        except WrongSecret:
            self._pin.value = ''
            self._pin.show_error(_('The PIN is wrong.'))
            self._pin.focus()
            if wait := self._house.doors.pin.wait(address):
                self._begin_wait(wait)
        except TooManyAttempts as error:
            self._pin.value = ''
            self._begin_wait(error.wait)
        else:
            self._sheet.dialog.submit(True)
        finally:
            self._unlock.set_busy(False)

    def _begin_wait(self, seconds: float) -> None:
        self._wait_ends = self._clock.monotonic() + seconds
        self._wait = math.ceil(seconds)
        self._pin.set_hint('')
        self._timer.activate()
        self._say_wait()

    def _count_down(self) -> None:
        self._wait = max(0, math.ceil(self._wait_ends - self._clock.monotonic()))
        self._say_wait()

    def _say_wait(self) -> None:
        self._unlock.set_enabled(not self._wait)
        if self._wait:
            self._pin.show_error(_('Too many tries. You can try again in {seconds} s.').format(seconds=self._wait))
        else:
            self._timer.deactivate()
            self._pin.clear_error()
            self._pin.set_hint(_('You can try again now.'))
            self._pin.focus()

    def _forget(self) -> None:
        self._pin.value = ''
