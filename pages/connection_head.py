"""The top of a connection's page: what it is, how it is, and the one thing to do next."""

from nicegui import ui

from edgeos.connections.connection import Connection
from edgeos.connections.plc import PlcConnection
from pages import connection_dialog, delete_dialog
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.overview_page import switch
from pages.pin_gate import may_edit
from pages.plc_route_sheet import open_route
from pages.rows import can_pause, reason_of, state_of, word_of
from pages.sheet import Button, Text, icon_of

LAMPS = {'error': ('eo-bad', 'eo-diamond'), 'degraded': ('eo-warn', 'eo-triangle'),
         'connecting': ('eo-busy', 'eo-dash'), 'connected': ('eo-good', 'eo-dot'),
         'off': ('eo-idle', 'eo-ring')}  # fmt: skip
BOXES = {'error': 'eo-bad', 'off': 'eo-idle'}  # what stands below the head, where it is no warning
QUIET = frozenset(('connected', 'degraded', 'connecting'))  # nothing has to be done next
CHOOSABLE = frozenset(('symbols', 'characteristics'))  # settings that say what is read
ICONS = frozenset(('mqtt', 'plc', 'bluetooth'))
CURED_BY_SETTINGS = frozenset(('not_authorised', 'tls_failed', 'topic_refused', 'name_not_resolved', 'refused',
                               'timeout', 'wrong_ams_port', 'wrong_net_id', 'profile_mismatch',
                               'device_not_found'))  # fmt: skip


class ConnectionHead:
    """Follows its connection once a second; sets only what has changed."""

    def __init__(self, house: House, connection: Connection) -> None:
        self._house = house
        self._connection = connection
        self._format = Format(current_language(), _)
        self._tone = ''
        with ui.element('header').classes('cp-head'):
            with ui.element('a').classes('eo-btn gh icon').props(f'href="/" aria-label="{_("All connections")}"'):
                icon_of('back')
            with ui.element('div').classes('cp-type'):
                if connection.KIND in ICONS:
                    icon_of(connection.KIND)
                else:
                    Text('b', connection.KIND[:1].upper())
            with ui.element('div').classes('cp-who'):
                self._name = Text('h1', connection.name)
                self._address = Text('div', '', 'eo-small eo-muted cp-address')
            self._build_lamp()
            self._build_actions()
        self._build_trouble()
        self.tick()

    def _build_lamp(self) -> None:
        with ui.element('div').classes('eo-lamp').props('role=status') as self._lamp:
            self._shape = ui.element('span').props('aria-hidden="true"')
            self._word = Text('span')

    def _build_actions(self) -> None:
        with ui.element('div').classes('cp-actions'):
            self._next = Button('', self._do_next)
            self._pause = Button(_('Pause 10 min'), lambda: self._switch('pause'), look='gh', icon='pause')
            Button('', self._edit, look='gh icon', icon='edit', label=_('Edit'))
            Button('', lambda: delete_dialog.ask(self._house, [self._connection.id]), look='gh icon', icon='delete',
                   label=_('Delete'))  # fmt: skip

    def _build_trouble(self) -> None:
        with ui.element('div').classes('eo-why cp-trouble') as self._trouble:
            with ui.element('div').classes('eo-grow'):
                self._why = Text('b')
                self._hint = Text('span', '', 'next')
                self._retry = Text('span', '', 'cp-retry eo-num')
            with ui.element('div').classes('cp-repair'):
                self._route = Button(_('Set up the route'), self._open_route, look='pri')
                self._choose = Button(choice_words(self._connection), self._browse)
                self._repair = Button(_('Change the settings'), self._edit)
                self._give_up = Button('', lambda: self._switch('disconnect'), look='gh')

    def tick(self) -> None:
        """Show what it is like now."""
        connection = self._connection
        state = state_of(connection)
        tone, shape = LAMPS[state]
        why, hint = self._paused_words() if connection.is_paused else reason_of(connection, state, _)
        if self._tone != tone:
            self._lamp.classes(remove=self._tone, add=tone)
            self._shape.classes(replace=shape)
            self._trouble.classes(remove='eo-bad eo-warn eo-idle', add=BOXES.get(state, 'eo-warn'))
            self._next.classes(add='' if state in QUIET else 'pri', remove='pri' if state in QUIET else '')
            self._tone = tone
        _set(self._name, connection.name)
        _set(self._address, ' · '.join(part for part in facts_of(connection) if part))
        _set(self._word, word_of(connection, state, _))
        _set(self._why, why)
        _set(self._hint, hint)
        _set(self._retry, self._retry_text(state))
        _set(self._next, self._next_action(state)[1])
        _show(self._trouble, bool(why))
        failure = connection.last_error
        cured = failure.code in CURED_BY_SETTINGS if failure is not None else connection.source.refused_points > 0
        has_no_route = failure is not None and failure.code == 'no_route'
        _show(self._route, isinstance(connection, PlcConnection) and state == 'error' and has_no_route)
        _show(self._choose, failure is None and state != 'off' and asks_for_choice(connection))
        _show(self._repair, cured and state != 'off')
        _set(self._give_up, _('Leave it off') if connection.is_paused else _('Stop trying'))
        _show(self._give_up, (state == 'error' and connection.enabled) or connection.is_paused)
        _show(self._pause, can_pause(connection))

    def _paused_words(self) -> tuple[str, str]:
        left = self._format.span((self._connection.next_retry_in or 0.0) + 0.999)
        return (_('Paused, back in {time}').format(time=left),
                _('Until then a phone or another program can have the device.'))  # fmt: skip

    def _retry_text(self, state: str) -> str:
        connection = self._connection
        if state != 'error':
            return ''
        if not connection.retriable:
            return _('It is not tried again by itself.')
        wait = connection.next_retry_in
        if wait is None:
            return _('Trying now …')
        text = _('Next try in {time}').format(time=self._format.span(wait + 0.999))
        if connection.attempt > 1:
            text += ' · ' + _('attempt {count}').format(count=self._format.whole(connection.attempt))
        return text

    def _next_action(self, state: str) -> tuple[str, str]:
        """The action as the overview knows it, and its word."""
        if self._connection.is_paused:
            return 'connect', _('Connect now')
        return {'error': ('retry', _('Retry now')), 'off': ('connect', _('Connect')),
                'connecting': ('disconnect', _('Cancel'))}.get(state, ('disconnect', _('Disconnect')))  # fmt: skip

    def _browse(self) -> None:
        ui.navigate.to(f'/connections/{self._connection.id}?tab=names')

    async def _open_route(self) -> None:
        connection = self._connection
        if isinstance(connection, PlcConnection) and await may_edit(self._house):
            open_route(connection.config.host, connection.config.source_net_id,
                       lambda: connection.enabled and connection.retry_now())

    async def _edit(self) -> None:
        await connection_dialog.edit(self._house, self._connection.id)

    async def _do_next(self) -> None:
        await self._switch(self._next_action(state_of(self._connection))[0])

    async def _switch(self, action: str) -> None:
        self._next.set_busy(True)
        try:
            await switch(self._house, action, self._connection.id)
        finally:
            self._next.set_busy(False)
            self.tick()


def choice_words(connection: Connection) -> str:
    """What leads to where values are chosen."""
    return _('Choose symbols') if isinstance(connection, PlcConnection) else _('Browse the device')


def asks_for_choice(connection: Connection) -> bool:
    """Whether nothing is chosen yet, or what is chosen cannot be read; never where nothing can be chosen."""
    if not CHOOSABLE & connection.CONFIG.model_fields.keys():
        return False
    return not connection.expects_values or any('names' in notice.values for notice in connection.notices())


def facts_of(connection: Connection) -> tuple[str, ...]:
    """Where it is and what it calls itself, shortest first."""
    if not isinstance(connection, PlcConnection):
        return connection.address, connection.detail
    net_id = _('NetId {net_id}').format(net_id=connection.net_id) if connection.net_id else ''
    return connection.address, net_id, connection.detail


def _set(element: Text, text: str) -> None:
    if element.text != text:
        element.text = text


def _show(element: ui.element, shown: bool) -> None:
    if element.visible != shown:
        element.set_visibility(shown)
