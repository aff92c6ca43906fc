"""Whether reports of errors leave this device, where they go, what is in them, and the owner's switch."""
import asyncio
import time
from collections.abc import Callable

from nicegui import ui

from edgeos import __version__
from edgeos.reporting.dsn import BadDsn, parse_dsn
from edgeos.reporting.report import APP
from edgeos.reporting.reporter import Reporter
from edgeos.secrets import MASK
from edgeos.settings import SettingsError
from pages.format import Format
from pages.forms import secret_field, switch_field
from pages.frame import House
from pages.i18n import _, current_language
from pages.live_text import LocalTime
from pages.pin_gate import may_edit
from pages.report_test import say_server, send_test
from pages.sheet import Button, Text
from pages.text_view import pretty, text_sheet
from pages.toasts import say_done, say_trouble


class ReportsView:
    """How it stands, on the left; what can be changed, on the right."""

    def __init__(self, house: House) -> None:
        reporter = house.system.reporter
        with ui.element('div').classes('st-page'):
            with ui.element('div').classes('st-column'):
                self._state = StateCard(house)
            with ui.element('div').classes('st-column'):
                self._address = AddressCard(house, self.tick)
                _add_contents(reporter)
        self.tick()

    def tick(self) -> None:
        """A second has passed."""
        self._state.refresh()
        self._address.refresh()

    def resume(self) -> None:
        """It is looked at again."""
        self.tick()


class StateCard:
    """One sentence, the switch, the facts."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._reporter = house.system.reporter
        self._format = Format(current_language(), _)
        with ui.element('section').classes('eo-panel rp-state'):
            Text('h2', _('Reports to Sentry'))
            with ui.element('div').classes('rp-now').props('role=status'):
                with ui.element('span').classes('eo-lamp') as self._lamp:
                    self._shape = ui.element('i').props('aria-hidden="true"')
                    self._word = Text('span')
                self._sentence = Text('p')
            self._trouble = Text('p', '', 'eo-why eo-warn')
            self._switch = switch_field(_('Send reports of errors'), hint=_(
                'Switched off, nothing leaves this device, and what waits is dropped.'))  # fmt: skip
            self._switch.on_change(self._flip)
            with ui.element('dl').classes('st-facts'):
                self._server = _fact(_('Server'))
                self._environment = _fact(_('Environment'))
                _fact(_('Release')).set_text(f'{APP}@{__version__}')
                self._waiting = _fact(_('Waiting'))
                self._dropped = _fact(_('Dropped since the start'))
                Text('dt', _('Last sent'))
                with ui.element('dd'):
                    self._last = LocalTime(current_language())
                    self._never = Text('span', _('not since the start'))
            with ui.element('div').classes('eo-row eo-wrap'):
                Button(_('Send a test report'), self._test, icon='upload')
                self._preview = Button(_('What the last report contained'), self._show_last, look='gh', icon='log')

    def refresh(self) -> None:
        reporter, queue = self._reporter, self._reporter.queue
        self._show_state()
        trouble = reporter.trouble
        self._trouble.set_visibility(trouble is not None)
        self._trouble.set_text(_(trouble) if trouble else '')
        self._server.set_text(say_server(reporter) or '–')
        self._environment.set_text(reporter.environment)
        self._waiting.set_text(self._format.whole(queue.waiting))
        self._dropped.set_text(self._format.whole(queue.dropped))
        last = reporter.last_sent
        self._last.show('' if last is None else self._format.ago(time.time() - last), last)
        self._last.set_visibility(last is not None)
        self._never.set_visibility(last is None)
        self._preview.set_visibility(reporter.preview() is not None)

    def _show_state(self) -> None:
        sending = self._reporter.sending
        look, shape, word, sentence = _say_state(self._reporter)
        self._lamp.classes(replace=f'eo-lamp eo-{look}')
        self._shape.classes(replace=f'eo-{shape}')
        self._word.set_text(word)
        self._sentence.set_text(sentence)
        self._switch.set_enabled(sending.why in ('on', 'switched_off'))
        if self._switch.value != sending.on:
            self._switch.value = sending.on

    async def _test(self) -> None:
        if not self._reporter.sending.on or await may_edit(self._house):  # it leaves the house
            await send_test(self._reporter)

    async def _flip(self) -> None:
        wanted = self._switch.value
        if wanted != self._reporter.sending.on and await may_edit(self._house):
            await self._set(wanted)
        self._switch.value = self._reporter.sending.on

    async def _set(self, wanted: bool) -> None:
        waiting = self._reporter.queue.waiting
        try:
            await self._house.system.set_sending(wanted)
        except (SettingsError, OSError) as error:
            say_trouble(str(error))
            return
        self.refresh()
        say_done(_say_flipped(wanted, waiting))

    async def _show_last(self) -> None:
        text = self._reporter.preview()
        if text is not None:
            text_sheet().open(_('What the last report contained'), await asyncio.to_thread(pretty, text))


def _say_state(reporter: Reporter) -> tuple[str, str, str, str]:
    """Look and shape of the lamp, its word, and the sentence beside it."""
    sending = reporter.sending
    if sending.why == 'bad_dsn':
        return 'bad', 'diamond', _('Unusable'), _(
            'The address for reports (DSN) cannot be used, so nothing leaves this device.')  # fmt: skip
    if sending.why == 'no_dsn':
        return 'idle', 'ring', _('Off'), _('No address for reports (DSN) is set, so nothing leaves this device.')
    if not sending.on:
        return 'idle', 'ring', _('Off'), _('Sending is switched off. Nothing leaves this device.')
    if reporter.trouble is not None:
        return 'warn', 'triangle', _('Trouble'), _('Reports are made, but something is in the way:')
    return 'good', 'dot', _('On'), _('Errors of the program are reported to {server}.').format(
        server=say_server(reporter))  # fmt: skip


def _say_flipped(on: bool, dropped: int) -> str:
    if on:
        return _('Reports of errors are sent from now on.')
    if not dropped:
        return _('Nothing is sent any more.')
    if dropped == 1:
        return _('Nothing is sent any more. 1 waiting report was dropped.')
    return _('Nothing is sent any more. {count} waiting reports were dropped.').format(count=dropped)


class AddressCard:
    """The DSN: typed here, unless it comes from where it can be changed only by hand."""

    def __init__(self, house: House, changed: Callable[[], None]) -> None:
        self._house = house
        self._reporter = house.system.reporter
        self._changed = changed
        with ui.element('section').classes('eo-panel rp-address'):
            Text('h2', _('Where reports go'))
            self._elsewhere = Text('p', '', 'eo-muted')
            with ui.element('form').classes('eo-form').props('novalidate autocomplete="off"') as self._form:
                self._field = secret_field(_('DSN of the Sentry project'), self._stored(), _(
                    'Sentry shows it in the settings of the project, under Client Keys. As soon as one is stored, '
                    'reports are sent.'), autocomplete='off')  # fmt: skip
                with ui.element('div').classes('eo-row'):
                    self._save = Button(_('Save'), look='pri', submits=True)
                    self._remove = Button(_('Remove'), self._take_away, look='gh')
            self._form.on('submit.prevent', lambda _event: self._store(), [])

    def refresh(self) -> None:
        origin = self._reporter.dsn_from
        fixed = origin in ('environment', '.env')
        self._form.set_visibility(not fixed)
        self._elsewhere.set_visibility(fixed)
        if fixed:
            self._elsewhere.set_text(_say_origin(origin))
        self._remove.set_visibility(origin == 'settings')

    def _stored(self) -> str:
        return MASK if self._reporter.dsn_from == 'settings' else ''

    async def _store(self) -> None:
        text = self._field.value.strip()
        if text == MASK:
            return
        try:
            host = parse_dsn(text).host
        except BadDsn as error:
            self._field.show_error(_('This is no DSN: {why}.').format(why=_(str(error))) if text else
                                   _('Enter the DSN.'))  # fmt: skip
            self._field.focus()
            return
        await self._set(text, _('Stored. Reports go to {server}.').format(server=host))

    async def _take_away(self) -> None:
        await self._set('', _('Removed. Nothing leaves this device any more.'))

    async def _set(self, text: str, done: str) -> None:
        if not await may_edit(self._house):
            return
        self._save.set_busy(True)
        try:
            await self._house.system.set_dsn(text)
        except (BadDsn, SettingsError, OSError) as error:
            say_trouble(str(error))
            return
        finally:
            self._save.set_busy(False)
        self._field.value = MASK if text else ''
        self._changed()
        say_done(done)


def _say_origin(origin: str) -> str:
    if origin == '.env':
        return _('The DSN comes from a file .env and can be changed only there; it is read at the next start.')
    return _('The DSN comes from SENTRY_DSN in the environment of the program, and can be changed only there.')


def _add_contents(reporter: Reporter) -> None:
    with ui.element('section').classes('eo-panel rp-contents'):
        Text('h2', _('What a report contains'))
        Text('p', _('The error, where in the program it happened and with which values, the id and the type of the '
                    'connection, and what happened just before; the versions of the program, of Python and of the '
                    'operating system.'))  # fmt: skip
        Text('p', _('Passwords, tokens, user names, and names and addresses of computers and networks never leave: '
                    'they are taken out before. A device that is off is no error and is never reported.'))  # fmt: skip


def _fact(name: str) -> Text:
    Text('dt', name)
    return Text('dd')
