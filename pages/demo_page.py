"""The demo: break simulated devices on purpose, and watch the app notice and recover."""
from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from nicegui import ui

from edgeos.connections.manager import UnknownConnection
from edgeos.processes import ProcessError
from edgeos.settings import SettingsError
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.rows import Row, row_of
from pages.sheet import Button, Text
from pages.toasts import say_done, say_trouble

if TYPE_CHECKING:
    from edgeos.demo.demo import Demo
    from edgeos.demo.switches import Switch

STRIP_SECONDS = 1.0
SWITCH_SECONDS = 0.5  # another window may have pressed it, or it went off by itself

LAMPS = {'error': ('eo-bad', 'eo-diamond'), 'degraded': ('eo-warn', 'eo-triangle'),
         'connecting': ('eo-busy', 'eo-dash'), 'connected': ('eo-good', 'eo-dot'),
         'off': ('eo-idle', 'eo-ring')}  # fmt: skip


def content(house: House) -> None:
    """The connections on top, so that they stay in sight, and one card per fault below."""
    demo = house.system.demo
    if demo is None:
        _offer(house)
        return
    with ui.element('header').classes('eo-header'):
        Text('h1', _('Demo'))
        repair = Button(_('Reset all'), look='eo-end', icon='retry')
        repair.on('click', partial(_busy, repair, partial(reset, house, demo)), [])
    Text('p', _('These devices are simulated on this computer. Break something, and watch the app notice and '
                'recover; your settings.toml is not touched.'), 'dm-intro')  # fmt: skip
    with ui.element('section').classes('dm-strip').props(f'aria-label="{_("Connections of the demo")}"'):
        links = [Link(house, connection_id) for connection_id in house.system.demo_ids]
    cards = []
    for part in demo.parts:
        with ui.element('section') as section:
            title = Text('h2', _(part.name), 'dm-part')
            section.props(f'aria-labelledby={title.html_id}')
            if missing := getattr(part, 'missing', ''):
                Text('p', _(missing), 'eo-why eo-warn dm-missing')
            with ui.element('div').classes('eo-grid dm-faults'):
                cards += [FaultCard(switch) for switch in part.switches]

    def look() -> None:
        for link in links:
            link.refresh()

    def compare() -> None:
        for card in cards:
            card.refresh()

    look()
    ui.timer(STRIP_SECONDS, look)
    ui.timer(SWITCH_SECONDS, compare)


def _offer(house: House) -> None:
    with ui.element('section').classes('eo-empty'):
        Text('h1', _('Simulated devices'))
        Text('p', _('Two PLCs, a broker with a dozen living devices and a Bluetooth battery on this computer, beside '
                    'your own connections, until the program ends. Nothing of it is saved.'))  # fmt: skip
        begin = Button(_('Try simulated devices'), look='pri')
        begin.on('click', partial(_busy, begin, partial(start, house)), [])


async def start(house: House) -> None:
    """Simulated devices beside the owner's own, until the program ends."""
    try:
        await house.system.start_demo()
    except ProcessError as error:
        say_trouble(_('The simulated devices cannot be started: {why}').format(why=error))
        return
    ui.navigate.to('/')


async def reset(house: House, demo: Demo) -> None:
    """Repair everything, and try again where the app had given up."""
    try:
        await demo.reset()
    except ProcessError as error:
        say_trouble(str(error))
        return
    for connection_id in house.system.demo_ids:
        known = house.system.connections.connections.get(connection_id)
        if known is not None and known.enabled and not known.retriable:
            known.retry_now()
    say_done(_('All faults are repaired.'))


class Link:
    """One connection on the strip: lamp, name, rates, and why it is in trouble."""

    def __init__(self, house: House, connection_id: str) -> None:
        self._house = house
        self._id = connection_id
        self._format = Format(current_language(), _)
        with ui.element('div').classes('eo-card dm-link') as self._card:
            with ui.element('div').classes('eo-row dm-top'):
                self._name = Text('b', '', 'dm-name')
                self._action = Button('', look='dm-act', icon='retry')
                self._action.on('click', partial(_busy, self._action, self._act), [])
            with ui.element('div').classes('eo-facts'):
                with ui.element('span').classes('eo-lamp') as self._lamp:
                    self._shape = ui.element('span').props('aria-hidden="true"')
                    self._word = Text('span')
                self._sent, self._received = Text('span', '', 'dm-rate'), Text('span', '', 'dm-rate')
                self._errors, self._last, self._next = Text('span'), Text('span'), Text('span', '', 'dm-next')
            self._why = Text('div', '', 'dm-why eo-small')

    def refresh(self) -> None:
        """Show how it is now; only what changed is sent."""
        connection = self._house.system.connections.connections.get(self._id)
        if connection is None:
            self._gone()
            return
        row = row_of(connection, _)
        colour, shape = LAMPS[row['state']]
        self._lamp.classes(replace=f'eo-lamp {colour}')
        self._shape.classes(replace=shape)
        self._card.classes(replace=f'eo-card dm-link {colour}')
        self._say(self._word, row['word'])
        self._say(self._name, row['name'])
        self._say(self._sent, f'↑ {self._format.figure(row["up"])}')
        self._say(self._received, f'↓ {self._format.figure(row["down"])} {_("pkt/s")}')
        self._say(self._errors, _('Errors {count}').format(count=self._format.whole(row['errors'])))
        self._say(self._last, self._last_of(row))
        self._say(self._next, self._next_of(row))
        self._say(self._why, ' '.join(filter(None, (row['why'], row['hint']))))
        self._offer(row)

    def _offer(self, row: Row) -> None:
        """The way back: in words where the app waits for the owner, else only a sign, since it tries by itself."""
        waits = row['state'] == 'off' or not row['retriable']
        connect = _('Connect now') if row['paused'] else _('Connect')
        self._say(self._action, connect if waits else '')
        self._action.classes(add='' if waits else 'icon', remove='icon' if waits else '')
        self._action.props['aria-label'] = self._action.props['title'] = connect if waits else _('Retry now')
        self._action.set_visibility(row['state'] in ('error', 'off'))

    def _gone(self) -> None:
        self._lamp.classes(replace='eo-lamp eo-idle')
        self._shape.classes(replace='eo-ring')
        self._say(self._word, _('Deleted'))
        self._say(self._name, self._id)
        for element in (self._sent, self._received, self._errors, self._last, self._next, self._why):
            self._say(element, '')
        self._action.set_visibility(False)

    def _last_of(self, row: Row) -> str:
        if row['last'] is None:
            return ''
        now = self._house.system.services.clock.wall()
        return _('Last: {ago}').format(ago=self._format.ago(max(0.0, now - row['last'])))

    def _next_of(self, row: Row) -> str:
        if row['next'] is None:
            return ''
        left = max(0.0, row['next'] - self._house.system.services.clock.wall())
        if row['paused']:
            return _('Back in {time}').format(time=self._format.span(left))
        return _('Next try in {seconds} s').format(seconds=round(left))

    def _say(self, element: Text, text: str) -> None:
        if element.text != text:
            element.set_text(text)

    async def _act(self) -> None:
        try:
            await self._house.system.connections.connect(self._id)
        except UnknownConnection:
            say_trouble(_('This connection does not exist any more.'))
        except (SettingsError, OSError) as error:
            say_trouble(str(error))
        self.refresh()


class FaultCard:
    """One fault: what it is called, what to watch, and the switch or button that causes it."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._shown: bool | None = None  # what the control shows
        self._is_busy = False
        with ui.element('article').classes('eo-card dm-fault') as self._card:
            with ui.element('div').classes('eo-row'):
                name = Text('h3', _(switch.name), 'eo-h3 eo-grow')
                self._control = self._make_control()
            why = Text('p', _(switch.explanation), 'eo-muted')
        named_by = f'{self._control.html_id} {name.html_id}' if switch.momentary else name.html_id
        self._control.props(f'aria-labelledby="{named_by}" aria-describedby={why.html_id}')
        self._control.on('click', self._press, [])
        self.refresh()

    def _make_control(self) -> ui.element:
        if self._switch.momentary:
            return Button(_('Do it'))
        return ui.element('button').classes('dm-switch').props('type=button role=switch')

    def refresh(self) -> None:
        """Follow what another window did, or what went off by itself."""
        is_on = self._switch.is_on
        if is_on == self._shown or self._is_busy:
            return
        self._shown = is_on
        self._card.classes(add='on' if is_on else '', remove='' if is_on else 'on')
        if self._switch.momentary:
            self._mark_busy(is_on)
        else:
            self._control.props(f'aria-checked="{"true" if is_on else "false"}"')

    async def _press(self) -> None:
        if self._is_busy or (self._switch.momentary and self._switch.is_on):
            return
        self._is_busy = True
        self._mark_busy(True)
        try:
            await self._switch.press()
        except ProcessError as error:
            say_trouble(str(error))
        finally:
            self._is_busy = False
            self._mark_busy(False)
            self._shown = None
            self.refresh()

    def _mark_busy(self, is_busy: bool) -> None:
        self._control.props(f'aria-busy="{"true" if is_busy else "false"}"')


async def _busy(button: Button, work: Callable[[], Awaitable[None]]) -> None:
    """Show that it works until it is done."""
    button.set_busy(True)
    try:
        await work()
    finally:
        button.set_busy(False)
