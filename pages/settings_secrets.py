"""The dialogs that set, change and remove the password and the PIN."""
import asyncio
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from nicegui import context, ui

from edgeos.settings import SettingsError
from edgeos.web.access import SecretRefused, TooManyAttempts, WrongSecret
from edgeos.web.guard import session_id_of, session_key_of
from edgeos.web.passwords import (
    MAX_PASSWORD,
    MIN_PASSWORD,
    hash_password_in_thread,
    hash_pin_in_thread,
    verify_in_thread,
)
from pages.forms import SecretField, focus_first_error, secret_field
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import caller_of
from pages.reach import reach_of
from pages.sheet import Button, Sheet, Text
from pages.toasts import say_done, say_trouble

POST = '''
const form = Object.assign(document.createElement('form'), {method: 'post', action: ACTION});
for (const [name, value] of Object.entries(FIELDS)) {
  form.append(Object.assign(document.createElement('input'), {type: 'hidden', name, value}));
}
document.body.append(form);
form.submit();
'''


def post_form(action: str, fields: dict[str, str]) -> None:
    """Leave this page as a form does that was sent: only such an answer can change the session's cookie."""
    ui.run_javascript(POST.replace('ACTION', json.dumps(action)).replace('FIELDS', json.dumps(fields)))


class SecretSheet(ABC):
    """Asks for the present secret when there is one, and for a new one twice, unless it is to be removed."""

    def __init__(self, house: House, done: Callable[[], Any], hint: str, *, digits: bool = False) -> None:
        self.house = house
        self._done = done
        self._removes = self._is_busy = False
        self._sheet = Sheet(look='small', on_submit=self._submit)
        with self._sheet.body, ui.element('div').classes('eo-form'):
            self._advice = Text('p', '', 'eo-muted')
            self.current = secret_field(_('The one that is set now'), required=True, digits=digits,
                                        autocomplete='current-password')  # fmt: skip
            self.new = secret_field(_('New'), hint=hint, digits=digits)
            self.again = secret_field(_('The same again'), digits=digits)
        with self._sheet.bar:
            Button(_('Cancel'), self._sheet.close)
            self._button = Button('', look='pri', submits=True)
        self._sheet.on_close(self._forget)

    def open(self, *, removes: bool) -> None:
        """Begin anew, to set or to remove it."""
        self._removes = removes
        self._forget()
        self._sheet.set_title(self.title(removes))
        self._advice.set_text(self.advice(removes))
        self._button.set_text(_('Remove') if removes else _('Save'))
        self._button.classes(add='danger' if removes else '', remove='' if removes else 'danger')
        self.current.set_visibility(self.is_set)
        for field in (self.new, self.again):
            field.set_visibility(not removes)
        self.current.props['first'], self.new.props['first'] = self.is_set, not self.is_set
        self._sheet.open()

    @property
    @abstractmethod
    def is_set(self) -> bool: ...

    @abstractmethod
    def title(self, removes: bool) -> str: ...

    @abstractmethod
    def advice(self, removes: bool) -> str: ...

    @abstractmethod
    def problem_of(self, secret: str) -> str:
        """Why a new one cannot be used; empty if it can."""

    @abstractmethod
    async def prove(self, secret: str) -> None:
        """Raises WrongSecret or TooManyAttempts."""

    @abstractmethod
    async def keep(self, secret: str) -> None:
        """Store a new one, or none; raises SecretRefused, SettingsError or OSError."""

    @property
    def _fields(self) -> list[SecretField]:
        shown = [self.current] if self.is_set else []
        return shown if self._removes else [*shown, self.new, self.again]

    def _check(self) -> bool:
        if self.is_set:
            self.current.check()
        if not self._removes:
            self.new.show_error(self.problem_of(self.new.value))
            differs = not self.new.error and self.new.value != self.again.value
            self.again.show_error(_('This is not the same as above.') if differs else '')
        return not focus_first_error(self._fields)

    async def _submit(self) -> None:
        if self._is_busy or not self._check():
            return
        self._is_busy = True
        self._button.set_busy(True)
        try:
            if self.is_set:
                await self.prove(self.current.value)
            await self.keep('' if self._removes else self.new.value)
        except WrongSecret:
            self._refuse(self.current, _('This is not the right one.'))
        except TooManyAttempts as error:
            wait = math.ceil(error.wait)
            self._refuse(self.current, _('Too many tries. You can try again in {seconds} s.').format(seconds=wait))
        except (SecretRefused, SettingsError, OSError) as error:
            self._refuse(self._fields[-1], str(error))
        else:
            self._sheet.close()
            self._done()
        finally:
            self._is_busy = False
            self._button.set_busy(False)

    def _refuse(self, field: SecretField, reason: str) -> None:
        field.show_error(reason)
        field.focus()

    def _forget(self) -> None:
        for field in (self.current, self.new, self.again):
            field.value = ''

    async def store(self, key: str, hashed: str) -> None:
        await asyncio.to_thread(self.house.system.settings_file.set_value, key, hashed)


class PasswordSheet(SecretSheet):
    """The password of the pages and the API. A new one ends the sessions of all other browsers."""

    def __init__(self, house: House, done: Callable[[], Any]) -> None:
        super().__init__(house, done, _('At least {count} characters. A few words in a row are easy to remember and '
                                        'hard to guess.').format(count=MIN_PASSWORD))  # fmt: skip

    @property
    def is_set(self) -> bool:
        return self.house.doors.access.is_needed

    def title(self, removes: bool) -> str:
        if removes:
            return _('Remove the password')
        return _('Change the password') if self.is_set else _('Set a password')

    def advice(self, removes: bool) -> str:
        if removes:
            return _('Then whoever can open these pages may change everything.')
        if self.is_set:
            return _('All other browsers have to log in again. API tokens stay valid.')
        return _('From now on, each browser has to log in once.')

    def problem_of(self, secret: str) -> str:
        if len(secret) < MIN_PASSWORD:
            return _('At least {count} characters, please.').format(count=MIN_PASSWORD)
        return _('At most {count} characters, please.').format(count=MAX_PASSWORD) if len(secret) > MAX_PASSWORD else ''

    async def prove(self, secret: str) -> None:
        access = self.house.doors.access
        _who, address = caller_of(context.client)
        wait = access.gate.attempt(address)
        if wait > 0:
            raise TooManyAttempts(wait)
        if not await verify_in_thread(self.house.system.settings_file.settings.security.password_hash, secret):
            raise WrongSecret
        access.gate.succeeded(address)

    async def keep(self, secret: str) -> None:
        client = context.client
        if not secret and (await reach_of(client.request)).is_open:
            raise SecretRefused(_('Other devices can open these pages, so they need a password. Set host in '
                                  'settings.toml to "127.0.0.1" and restart first.'))  # fmt: skip
        await self.store('security.password_hash', await hash_password_in_thread(secret) if secret else '')
        access, request = self.house.doors.access, client.request
        try:
            await access.password_changed(keep=session_key_of(request) if request else '')
        except OSError as error:
            say_trouble(str(error))
        if request is None or not secret or access.admit(session_id_of(request), None):
            say_done(_('The password is set.') if secret else _('The password is removed.'))
            return
        post_form('/login', {'password': secret, 'next': '/settings'})  # the first password: nobody has a session yet


class PinSheet(SecretSheet):
    """The digits that guard changes."""

    def __init__(self, house: House, done: Callable[[], Any]) -> None:
        super().__init__(house, done, _('4 to 8 digits'), digits=True)

    @property
    def is_set(self) -> bool:
        return self.house.doors.pin.is_needed

    def title(self, removes: bool) -> str:
        if removes:
            return _('Remove the PIN')
        return _('Change the PIN') if self.is_set else _('Set a PIN')

    def advice(self, removes: bool) -> str:
        if removes:
            return _('Then whoever can open these pages may change everything.')
        return _('Given once, it unlocks changes in that browser for five minutes. Forgotten? Take pin_hash out of '
                 'settings.toml and restart.')  # fmt: skip

    def problem_of(self, secret: str) -> str:
        is_fine = secret.isascii() and secret.isdigit() and 4 <= len(secret) <= 8
        return '' if is_fine else _('Only digits, 4 to 8 of them.')

    async def prove(self, secret: str) -> None:
        await self.house.doors.pin.unlock(*caller_of(context.client), secret)

    async def keep(self, secret: str) -> None:
        await self.store('security.pin_hash', await hash_pin_in_thread(secret) if secret else '')
        if secret:
            await self.prove(secret)  # who has just chosen it need not type it again
        say_done(_('The PIN is set.') if secret else _('The PIN is removed.'))
