"""What a PLC must know of this device, for copying into TwinCAT, and the way to have it entered from here."""
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicegui import background_tasks, ui
from nicegui.element import Element

from edgeos.connections.plc_config import default_net_id
from edgeos.connections.plc_router import add_route, resolve
from edgeos.connections.plc_udp import FrameError, host_of, local_address_for
from edgeos.connections.state import ConnectionFailure
from pages.forms import focus_first_error, secret_field, text_field
from pages.i18n import _
from pages.rows import say, say_hint
from pages.sheet import Button, Sheet, Text, one_per_page
from pages.time_graph import OVERVIEW, OWN
from pages.toasts import say_done

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
TYPING_SECONDS = 0.3  # pause after which somebody has finished typing an address
USER = 'Administrator'
MOST_BYTES = 255  # of a text in the request

OnFound = Callable[[str, str], Any]


async def own_end(host: str, source_net_id: str = '') -> tuple[str, str]:
    """NetId and address of this device as a PLC at `host` has to know them; '' for what is not known."""
    try:
        address = await resolve(host_of(host))
    except ConnectionFailure:
        return source_net_id, ''
    own = await asyncio.to_thread(local_address_for, address)
    return source_net_id or default_net_id(own), own


class CopyLine(Element, component=_ASSETS / 'copy_line.js', dependencies=[OVERVIEW, OWN]):
    """A value with its name and a button that copies it."""

    def __init__(self, label: str, empty: str) -> None:
        super().__init__()
        words = {'copy': _('Copy'), 'copied': _('Copied'), 'failed': _('Cannot copy')}
        self._props.update({'label': label, 'value': '', 'empty': empty, 'words': words})

    def show(self, value: str) -> None:
        """Another value; nothing to copy while it is empty."""
        if self._props['value'] != value:
            self._props['value'] = value


class OwnEnd:
    """NetId and address of this device, found out for the PLC that is meant."""

    def __init__(self, on_found: OnFound | None = None) -> None:
        self._on_found = on_found
        self._turn = 0
        with ui.element('div').classes('eo-copies') as self._area:
            self._net_id = CopyLine(_('AMS NetId'), _('known once the address of the PLC is entered'))
            self._address = CopyLine(_('Address'), '–')

    def look(self, host: str, source_net_id: str, *, delay: float = 0.0) -> None:
        """Find out for this host; only the newest question is answered."""
        self._turn += 1
        if not host:
            self._net_id.show(source_net_id)
            self._address.show('')
            return
        background_tasks.create(self._find(self._turn, host, source_net_id, delay), name='own end of a PLC route')

    async def _find(self, turn: int, host: str, source_net_id: str, delay: float) -> None:
        await asyncio.sleep(delay)
        if turn != self._turn:
            return
        net_id, address = await own_end(host, source_net_id)
        if turn != self._turn or self._area.is_deleted:
            return
        with self._area:
            self._net_id.show(net_id)
            self._address.show(address)
            if self._on_found is not None:
                self._on_found(net_id, address)


class RouteBox:
    """A quiet box in a form or on a page; its button leads to the sheet that has the PLC add the route."""

    def __init__(self, on_found: OnFound | None = None, *, gate: Callable[[], Any] | None = None,
                 on_done: Callable[[], Any] | None = None) -> None:  # fmt: skip
        """`gate` is awaited before the sheet opens and answers whether it may; `on_done` hears of a new route."""
        self._host = self._source_net_id = ''
        self._gate = gate
        self._on_done = on_done
        with ui.element('section').classes('eo-route') as self._area:
            Text('h3', _('What to enter in TwinCAT'))
            Text('p', _('The PLC answers only devices it has a route to. Add one to this device there, with TCP/IP:'),
                 'eo-hint')  # fmt: skip
            self._end = OwnEnd(on_found)
            Button(_('Add a route on the PLC …'), self._open)

    def look(self, host: str, source_net_id: str) -> None:
        """Show it for the PLC there; called with each letter."""
        if (host, source_net_id) != (self._host, self._source_net_id):
            self._host, self._source_net_id = host, source_net_id
            self._end.look(host, source_net_id, delay=TYPING_SECONDS)

    def focus(self) -> None:
        """Lead there: bring it into view and open the sheet."""
        self._area.run_method('scrollIntoView', {'block': 'center'})
        self._show_sheet()

    async def _open(self) -> None:
        if self._gate is None or await self._gate():
            self._show_sheet()

    def _show_sheet(self) -> None:
        open_route(self._host, self._source_net_id, self._on_done)


def open_route(host: str, source_net_id: str, on_done: Callable[[], Any] | None = None) -> None:
    """Show what the PLC there must know, and offer to have it entered; the caller has asked for the PIN."""
    one_per_page('plc route', RouteSheet).open(host, source_net_id, on_done)


class RouteSheet:
    """User and password of the PLC go out once and are kept nowhere."""

    def __init__(self) -> None:
        self._host = self._source_net_id = ''
        self._on_done: Callable[[], Any] | None = None
        self._turn = 0
        self._sheet = Sheet(_('Add a route on the PLC'), on_submit=self._submit)
        with self._sheet.body, ui.element('div').classes('eo-form'):
            self._intro = Text('p', '')
            self._end = OwnEnd(self._take_end)
            self._user = text_field(_('User name'), USER, required=True,
                                    hint=_('Of Windows or TwinCAT/BSD on the PLC, not of this device.'))  # fmt: skip
            self._password = secret_field(_('Password'), hint=_('Goes to the PLC once and is kept nowhere. It travels '
                                                                'unencrypted: use this only in a network you trust.'))
            self._name = text_field(_('Route name'), hint=_('What TwinCAT shows for this device.'))
            self._trouble = ui.element('div').classes('eo-why eo-bad').props('role=alert')
            with self._trouble:
                self._why, self._hint = Text('b'), Text('span', '', 'next')
        with self._sheet.bar:
            Button(_('Close'), self._sheet.close)
            self._send = Button(_('Add the route'), look='pri', submits=True)
        self._sheet.on_close(self._forget)

    def open(self, host: str, source_net_id: str, on_done: Callable[[], Any] | None) -> None:
        """For the PLC at `host`, to which this device is `source_net_id` ('': its address with .1.1)."""
        self._host, self._source_net_id, self._on_done = host, source_net_id, on_done
        self._turn += 1
        self._intro.text = _('{host} then knows this device and answers it:').format(host=host) if host else \
            _('Enter the address of the PLC first.')
        self._user.value, self._password.value, self._name.value = USER, '', ''
        self._send.set_enabled(bool(host))
        self._trouble.set_visibility(False)
        self._end.look(host, source_net_id)
        self._sheet.open()
        if host:
            self._password.focus()

    def _take_end(self, _net_id: str, address: str) -> None:
        if address and not self._name.value:
            self._name.value = f'EdgeOS-{address}'

    def _forget(self) -> None:
        self._turn += 1
        self._password.value = ''

    async def _submit(self) -> None:
        if not self._is_fine():
            return
        turn = self._turn
        self._trouble.set_visibility(False)
        self._send.set_busy(True)
        try:
            await add_route(self._host, self._user.value, self._password.value, source_net_id=self._source_net_id,
                            name=self._name.value)  # fmt: skip
        except ConnectionFailure as error:
            if turn == self._turn:
                self._say(say(_, error.failure), say_hint(_, error.failure))
        except FrameError:
            if turn == self._turn:
                self._say(_('The PLC cannot take these texts.'), _('Use up to 255 ordinary characters in each field.'))
        else:
            self._sheet.close()
            say_done(_('The PLC has added the route.'))
            if self._on_done is not None:
                self._on_done()
        finally:
            self._send.set_busy(False)

    def _is_fine(self) -> bool:
        for field in (self._user, self._password, self._name):
            field.clear_error()
            if len(field.value.encode(errors='replace')) > MOST_BYTES:
                field.show_error(_('Up to {count} characters.').format(count=MOST_BYTES))
        self._user.check()
        return bool(self._host) and not focus_first_error((self._user, self._password, self._name))

    def _say(self, why: str, hint: str) -> None:
        self._why.text, self._hint.text = why, hint
        self._trouble.set_visibility(True)
        self._trouble.run_method('scrollIntoView', {'block': 'nearest'})
