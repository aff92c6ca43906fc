"""API tokens: what programs show instead of a password."""
from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui

from edgeos.web.access import SecretRefused, TokenInfo
from pages.format import Format
from pages.forms import text_field
from pages.frame import House
from pages.i18n import _, current_language
from pages.pin_gate import may_edit
from pages.sheet import Button, Sheet, Text, one_per_page
from pages.toasts import say_done, say_trouble

LONGEST_NAME = 64

# Only pages from this computer or over https may use the clipboard directly; the older way works everywhere.
COPY = '''() => {
  const field = document.getElementById("FIELD");
  field.focus();
  field.select();
  const copied = navigator.clipboard ? navigator.clipboard.writeText(field.value) : Promise.reject();
  copied.catch(() => document.execCommand("copy")).then(() => emit());
}'''


class TokenList:
    """All tokens with their last use, and the way to a new one."""

    def __init__(self, house: House) -> None:
        self._house = house
        with ui.element('div').classes('st-item'):
            with ui.element('div').classes('eo-grow'):
                Text('h3', _('API tokens'))
                Text('p', _('For programs that use the HTTP API. They need one as soon as a password is set.'),
                     'eo-muted')  # fmt: skip
            with ui.element('div').classes('eo-row st-actions'):
                Button(_('New token'), self._new)
        self._rows = ui.element('ul').classes('st-tokens')
        self.refresh()

    def refresh(self) -> None:
        tokens = self._house.doors.access.tokens.list()
        self._rows.clear()
        self._rows.set_visibility(bool(tokens))
        with self._rows:
            for token in tokens:
                self._add(token)

    def _add(self, token: TokenInfo) -> None:
        words, now = Format(current_language(), _), self._house.system.services.clock.wall()
        created = _('created {ago}').format(ago=words.ago(max(0.0, now - token.created)))
        used = _('never used') if token.last_used is None else \
            _('last used {ago}').format(ago=words.ago(max(0.0, now - token.last_used)))
        with ui.element('li'):
            with ui.element('div').classes('eo-grow'):
                Text('b', token.name, 'st-name')
                Text('div', f'{created} · {used}', 'eo-muted eo-small')
            Button(_('Revoke'), partial(self._ask, token), look='gh danger', label=_('Revoke {name}').format(
                name=token.name))  # fmt: skip

    async def _new(self) -> None:
        if await may_edit(self._house):
            one_per_page('token', lambda: TokenSheet(self._house, self)).open()

    async def _ask(self, token: TokenInfo) -> None:
        if await may_edit(self._house):
            one_per_page('revoke', RevokeSheet).open(token, partial(self._revoke, token))

    async def _revoke(self, token: TokenInfo) -> None:
        try:
            await self._house.doors.access.tokens.revoke(token.id)
        except OSError as error:
            say_trouble(str(error))
        else:
            say_done(_('{name} is revoked.').format(name=token.name))
        self.refresh()


class TokenSheet:
    """Asks for a name, then shows the token this one time."""

    def __init__(self, house: House, tokens: TokenList) -> None:
        self._house = house
        self._tokens = tokens
        self._sheet = Sheet(look='small', on_submit=self._submit)
        with self._sheet.body:
            with ui.element('div').classes('eo-form') as self._asking:
                self._name = text_field(_('Name'), hint=_('Who will use it, such as "Node-RED in the cellar".'),
                                        required=True).focus_first()  # fmt: skip
            with ui.element('div').classes('eo-form') as self._showing:
                Text('p', _('Copy it now: it is not kept here and cannot be shown again.'))
                self._token = ui.element('input').classes('eo-input eo-mono st-token').props('readonly')
                self._token.props['aria-label'] = _('The new token')
                self._copy = Button(_('Copy'), look='pri', icon='copy')
                self._copy.on('click', lambda: self._copy.set_text(_('Copied')), [],
                              js_handler=COPY.replace('FIELD', self._token.html_id))  # fmt: skip
                Text('p', _('Programs send it as a header: Authorization: Bearer <token>'), 'eo-hint')
        with self._sheet.bar:
            self._cancel = Button(_('Cancel'), self._sheet.close)
            self._create = Button(_('Create'), look='pri', submits=True)
            self._done = Button(_('Done'), self._sheet.close)
        self._sheet.on_close(self._forget)

    def open(self) -> None:
        self._sheet.set_title(_('New API token'))
        self._name.value = ''
        self._show('')
        self._sheet.open()

    def _show(self, token: str) -> None:
        self._token.props['value'] = token
        self._copy.set_text(_('Copy'))
        for element in (self._asking, self._cancel, self._create):
            element.set_visibility(not token)
        for element in (self._showing, self._done):
            element.set_visibility(bool(token))

    async def _submit(self) -> None:
        name = self._name.value
        if self._token.props['value'] or not self._name.check():
            return
        if problem := self._problem_of(name):
            self._name.show_error(problem)
            return
        try:
            token = await self._house.doors.access.tokens.create(name)
        except (SecretRefused, OSError) as error:
            self._name.show_error(str(error))
            return
        self._sheet.set_title(_('The token of {name}').format(name=name))
        self._show(token)
        self._tokens.refresh()

    def _problem_of(self, name: str) -> str:
        if len(name) > LONGEST_NAME or not name.isprintable():
            return _('At most {count} characters, please.').format(count=LONGEST_NAME)
        taken = [token.name.casefold() for token in self._house.doors.access.tokens.list()]
        return _('There is a token of this name already.') if name.casefold() in taken else ''

    def _forget(self) -> None:
        self._token.props['value'] = ''


class RevokeSheet:
    """Asks before a token is ended."""

    def __init__(self) -> None:
        self._sheet = Sheet(_('Revoke this token?'), look='small')
        with self._sheet.body:
            self._text = Text('p')
        with self._sheet.bar:
            Button(_('Cancel'), self._sheet.close).take_focus()
            Button(_('Revoke'), self._confirm, look='pri danger')

    def open(self, token: TokenInfo, revoke: Callable[[], Awaitable[None]]) -> None:
        self._revoke = revoke
        self._text.set_text(_('{name} is refused from now on, wherever it is used.').format(name=token.name))
        self._sheet.open()

    async def _confirm(self) -> None:
        self._sheet.close()
        await self._revoke()
