"""What a connected Bluetooth device offers, down to the bytes: reading, writing and hearing single characteristics."""
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nicegui import background_tasks, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from edgeos.bluetooth.gatt import GattLink
from edgeos.bluetooth.uuids import name_of, short
from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.state import WriteRefused
from pages import connection_dialog
from pages.format import Format
from pages.frame import House
from pages.gatt_points import KeptPoints
from pages.gatt_values import NotBytes, Shown, kept_names, property_words, shown, typed_bytes
from pages.i18n import _, current_language
from pages.keep_sheet import KeepSheet
from pages.rows import say_refusal
from pages.sheet import one_per_page
from pages.time_graph import OVERVIEW, OWN
from pages.words import time_words

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
LEFT_SECONDS = 3.0  # without a tick after which nobody looks any more
TYPED_CHARACTERS = 2000

Stop = Callable[[], Awaitable[None]]


class GattBrowser(Element, component=_ASSETS / 'gatt_browser.js', dependencies=[OVERVIEW, OWN]):
    """Services and characteristics as one element."""

    def __init__(self, first: Mapping[str, Any], words: Mapping[str, str], locale: str) -> None:
        super().__init__()
        self._props.update({'first': dict(first), 'words': dict(words), 'locale': locale})

    def show(self, state: Mapping[str, Any]) -> None:
        """Services, what is kept, whether writing is allowed."""
        self.run_method('show', dict(state))

    def patch(self, now: float, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """By path, what is new of a characteristic; `now` is epoch s."""
        self.run_method('patch', now, {path: dict(news) for path, news in changes.items()})


@dataclass(slots=True)
class Watch:
    """Notifications of one characteristic while somebody looks at them."""

    stop: Stop | None = None
    count: int = 0
    data: bytes = b''
    at: float = 0.0
    is_told: bool = True


class GattView:
    """The browser of one open link; asks through `connection.raw`, and hears no longer than it is looked at."""

    def __init__(self, house: House, connection: BluetoothConnection) -> None:
        self._house = house
        self._connection = connection
        self._format = Format(current_language(), _)
        self._gatt: GattLink | None = None
        self._values: dict[str, bytes] = {}
        self._watches: dict[str, Watch] = {}
        self._looked_at = connection.clock.monotonic()
        self._told = self._state()
        with ui.element('div') as self.area:
            self._browser = GattBrowser(self._told, _words(), current_language())
        self._points = KeptPoints(house, connection, self.area, self._show)
        for name, handler in (('read', self._read), ('write', self._write), ('notify', self._notify),
                              ('keep', self._keep), ('drop', self._drop), ('edit', self._edit)):  # fmt: skip
            self._browser.on(name, handler)

    def tick(self) -> None:
        """What is new since a second ago."""
        self._looked_at = self._connection.clock.monotonic()
        self._show()
        changes = {path: self._news(path, watch) for path, watch in self._watches.items() if not watch.is_told}
        self._browser.patch(self._now(), changes)

    def resume(self) -> None:
        """It is looked at again."""
        self._told = {}
        self.tick()

    def _now(self) -> float:
        return round(self._connection.clock.wall(), 3)

    # what there is

    def _show(self) -> None:
        """Send services, points and rights where they differ from what is shown."""
        if self.area.is_deleted:
            return
        gatt = self._connection.gatt
        if gatt is not self._gatt:
            self._gatt = gatt
            self._watches.clear()  # they have ended with their link
        state = self._state()
        if state != self._told:
            self._told = state
            self._browser.show(state)

    def _state(self) -> dict[str, Any]:
        gatt, config = self._connection.gatt, self._connection.config
        if gatt is None:
            return {'services': [], 'kept': {}, 'may_write': config.allow_writes, 'notifying': []}
        return {'services': services_of(gatt), 'kept': kept_names(config.characteristics, gatt.paths),
                'may_write': config.allow_writes, 'notifying': sorted(self._watches)}  # fmt: skip

    # asking

    async def _read(self, event: GenericEventArguments) -> None:
        path = str(event.args)
        try:
            data = await self._connection.raw.read(path)
        except WriteRefused as error:
            self._tell(path, {'error': say_refusal(_, error)})
            return
        self._values[path] = data
        self._tell(path, {**self._value(path, data, self._now()), 'error': ''})

    async def _write(self, event: GenericEventArguments) -> None:
        path, form = str(event.args['path']), str(event.args['form'])
        try:
            data = typed_bytes(str(event.args['text'])[:TYPED_CHARACTERS], form, _)
            await self._connection.raw.write(path, data)
        except NotBytes as error:
            self._tell(path, {'write_error': str(error)})
        except WriteRefused as error:
            self._tell(path, {'write_error': say_refusal(_, error)})
        else:
            template = _('{count} byte was written.') if len(data) == 1 else _('{count} bytes were written.')
            self._tell(path, {'write_error': '', 'written': template.format(count=len(data)), 't_written': self._now()})

    async def _notify(self, event: GenericEventArguments) -> None:
        path = str(event.args['path'])
        if not event.args['on']:
            await self._end(path)
        elif path not in self._watches:
            await self._begin(path)
        self._show()
        self._tell(path, {})

    async def _begin(self, path: str) -> None:
        is_first = not self._watches
        watch = self._watches[path] = Watch()

        def hear(data: bytes) -> None:
            watch.count += 1
            watch.data, watch.at, watch.is_told = data, self._now(), False
            self._values[path] = data

        try:
            watch.stop = await self._connection.raw.watch(path, hear)
        except WriteRefused as error:
            self._watches.pop(path, None)
            self._tell(path, {'error': say_refusal(_, error)})
            return
        self._tell(path, {'error': '', 'count': 0})
        if is_first:
            background_tasks.create(self._guard(), name='notifications somebody looks at')

    async def _end(self, path: str) -> None:
        watch = self._watches.pop(path, None)
        if watch is not None and watch.stop is not None:
            await watch.stop()

    async def _guard(self) -> None:
        """End the notifications when nobody looks any more: another tab, another page, a closed browser."""
        while self._watches:
            await asyncio.sleep(1.0)
            if self._connection.clock.monotonic() - self._looked_at > LEFT_SECONDS:
                for path in list(self._watches):
                    await self._end(path)

    def _tell(self, path: str, news: Mapping[str, Any]) -> None:
        """The answer to something that was asked: it is waited for no longer."""
        if not self.area.is_deleted:
            self._browser.patch(self._now(), {path: {**news, 'busy': ''}})

    def _news(self, path: str, watch: Watch) -> dict[str, Any]:
        watch.is_told = True
        return {**self._value(path, watch.data, watch.at), 'count': watch.count}

    def _value(self, path: str, data: bytes, at: float) -> dict[str, Any]:
        gatt = self._connection.gatt
        uuid = gatt.paths[path].uuid if gatt is not None and path in gatt.paths else ''
        found: Shown = shown(data, uuid, self._format)
        return {'value': found._asdict(), 't': at}

    # points

    def _keep(self, event: GenericEventArguments) -> None:
        path, gatt = str(event.args), self._connection.gatt
        if gatt is None or path not in gatt.paths:
            return
        sheet = one_per_page('keep as point', lambda: KeepSheet(self._connection, self._points))
        sheet.open(path, gatt.paths[path], self._values.get(path))

    async def _drop(self, event: GenericEventArguments) -> None:
        await self._points.remove(str(event.args))

    async def _edit(self, _event: GenericEventArguments) -> None:
        await connection_dialog.edit(self._house, self._connection.id)


def services_of(gatt: GattLink) -> list[dict[str, Any]]:
    """Each with its characteristics, in the order of the device, as the browser takes them."""
    words = property_words(_)
    services: dict[int, dict[str, Any]] = {}
    for path, each in gatt.paths.items():
        uuid = short(each.service)
        made = {'key': each.service_handle, 'name': name_of(uuid), 'uuid': uuid, 'characteristics': []}
        service = services.setdefault(each.service_handle, made)
        can = [what for what, is_so in (('read', each.is_readable), ('write', each.is_writable),
                                        ('notify', each.notifies)) if is_so]  # fmt: skip
        said = ', '.join(words.get(name, name) for name in sorted(each.properties, key=_place))
        service['characteristics'].append({'path': path, 'name': name_of(each.uuid), 'uuid': short(each.uuid),
                                           'can': can, 'properties': said})  # fmt: skip
    return list(services.values())


def _place(name: str) -> tuple[int, str]:
    order = ('read', 'write', 'write-without-response', 'notify', 'indicate')
    return (order.index(name) if name in order else len(order)), name


def _words() -> dict[str, str]:
    return {
        **time_words(), 'unknown': _('Unknown'), 'read': _('Read'), 'write': _('Write'), 'notify': _('Notify'),
        'keep': _('Keep as point'), 'kept': _('Point: {name}'), 'remove': _('Remove'),
        'hex': _('Hex'), 'text': _('Text'), 'send': _('Send'), 'value': _('Value to write'), 'format': _('Format'),
        'bytes_one': _('{count} byte'), 'bytes_many': _('{count} bytes'), 'empty': _('empty'),
        'heard_one': _('{count} notification'), 'heard_many': _('{count} notifications'),
        'waiting': _('Waiting for the first notification …'),
        'locked': _('This connection does not allow writing.'), 'unlock': _('Change the settings'),
        'actions': _('{what}: {name}'),
    }  # fmt: skip
