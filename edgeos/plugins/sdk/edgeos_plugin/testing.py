"""A host for tests of a plugin: no app, no process, the same conversation.

    async def test_says_hello():
        host = FakeHost()
        await host.start(Hello, config={'name': 'you'})
        assert host.value('greeting') == 'hello, you'
        await host.stop()
"""

import asyncio
import logging
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from . import errors
from .errors import PluginError
from .link import Link, Message, encoded
from .reports import AppLog
from .runtime import AnyPlugin, Runtime

MOST_SUBSCRIPTIONS = 100  # as the app has it
SETTLE_LIMIT = 5.0  # s for handlers to deal with what came


class Published(NamedTuple):
    name: str
    value: Any
    unit: str
    writable: bool


class Written(NamedTuple):
    id: str
    value: Any
    qos: int | None = None
    retain: bool | None = None


class Logged(NamedTuple):
    level: str
    text: str


class Event(NamedTuple):
    level: str
    message: str
    context: dict[str, Any]


@dataclass(slots=True)
class HostPoint:
    """A point the plugin can see; `error` makes writing it fail with that message."""

    id: str
    value: Any
    unit: str = ''
    quality: str = 'good'
    writable: bool = True
    error: str = ''

    def told(self) -> Message:
        kind = {bool: 'bool', int: 'int', float: 'float', str: 'string'}.get(type(self.value), 'json')
        return {'id': self.id, 'name': self.id.partition('/')[2], 'value': self.value, 'unit': self.unit, 'type': kind,
                'quality': self.quality, 'time': datetime.now(UTC).isoformat(), 'writable': self.writable}  # fmt: skip


class FakeHost:
    """Everything is allowed until `grant` is called; from then on only what was granted."""

    def __init__(self, *, storage: Mapping[str, Any] | None = None) -> None:
        self.published: list[Published] = []
        self.written: list[Written] = []
        self.logs: list[Logged] = []
        self.events: list[Event] = []
        self.errors: list[dict[str, Any]] = []  # {type, message, traceback, handled}
        self.storage: dict[str, Any] = dict(storage or {})
        self.refused: set[str] = set()  # keys of the storage that are not taken
        self.points: dict[str, HostPoint] = {}
        self.mqtt: set[str] = set()  # ids of connections that take any topic, as those to brokers do
        self.exit_status: int | None = None
        self._granted: list[str] | None = None
        self._globs: dict[int, str] = {}
        self._subscribed = 0
        self._link: Link | None = None
        self._runtime: Runtime | None = None
        self._life: asyncio.Task[int] | None = None
        self._handler: logging.Handler = logging.NullHandler()

    async def start(
        self,
        kind: type[AnyPlugin],
        config: Mapping[str, Any] | None = None,
        points: Mapping[str, Any] | None = None,
        plugin_id: str = 'plugin',
    ) -> Self:
        """Run the plugin until its start() has returned. Raises what start() raised."""
        for point_id, value in (points or {}).items():
            self.points[point_id] = HostPoint(point_id, value)
        ours, theirs = socket.socketpair()
        self._link = Link(ours, self._on_message, lambda: None)
        identity = {'id': plugin_id, 'version': '0.0.0', 'token': ''}
        log = logging.getLogger(plugin_id)
        log.setLevel(logging.DEBUG)
        self._runtime = Runtime(kind, theirs, identity, {}, log)
        self._handler = AppLog(self._runtime.notify)
        log.addHandler(self._handler)
        self._life = asyncio.create_task(self._runtime.run(), name=plugin_id)
        try:
            await self._call('initialize', {'config': dict(config or {}), 'storage': self.storage})
        except PluginError:
            failure = self._runtime.failure
            await self._ended()
            if failure is not None:
                raise failure from None
            raise
        await self.settle()
        return self

    @property
    def plugin(self) -> Any:
        """The author's object."""
        return self._runtime.plugin if self._runtime else None

    def value(self, name: str) -> Any:
        """What the plugin published last under this name; raises KeyError when it has not."""
        return {published.name: published.value for published in self.published}[name]

    def grant(self, *permissions: str) -> None:
        """`points.read:<glob>` or `points.write:<glob>`; others are no business of this host."""
        self._granted = [*(self._granted or []), *permissions]

    async def set_point(self, point_id: str, value: Any, quality: str = 'good') -> None:
        """A device reports a value; returns when the plugin's handlers have had it."""
        point = self.points.setdefault(point_id, HostPoint(point_id, value))
        point.value, point.quality = value, quality
        self._tell(point, self._globs)
        await self.settle()

    async def write(self, name: str, value: Any) -> None:
        """Somebody writes a point of the plugin; raises WriteFailed when on_write does."""
        await self._call('write', {'name': name, 'value': value})
        await self.settle()

    async def change_config(self, config: Mapping[str, Any]) -> None:
        """Raises ConfigError when on_config does; the plugin has ended then."""
        try:
            await self._call('config.changed', {'config': dict(config)})
        except errors.ConfigError:
            await self._ended()
            raise
        await self.settle()

    async def settle(self, limit: float = SETTLE_LIMIT) -> None:
        """Wait until the plugin has dealt with all it was told, and we know all it has said."""
        assert self._runtime is not None
        async with asyncio.timeout(limit):
            await self._call('ping', {})
            while not self._runtime.is_settled:
                await asyncio.sleep(0.001)
            await self._call('ping', {})

    async def stop(self) -> None:
        """As the app stops it."""
        if self._life is not None and not self._life.done():
            await self._call('shutdown', {})
        await self._ended()

    # the host's side of the conversation

    async def _call(self, method: str, params: Message) -> Any:
        assert self._link is not None, 'start() comes first'
        return await self._link.call(method, params)

    async def _ended(self) -> None:
        if self._life is not None and self._link is not None and self._runtime is not None:
            self.exit_status = await self._life
            self._link.close()
            logging.getLogger(self._runtime.identity['id']).removeHandler(self._handler)

    def _on_message(self, message: Message) -> None:
        params = message.get('params') or {}
        if 'id' not in message:
            self._note(message['method'], params)
            return
        assert self._link is not None
        answers = {'points.read': self._read, 'points.write': self._write, 'points.subscribe': self._subscribe,
                   'points.unsubscribe': self._unsubscribe, 'state.get': self._get, 'state.set': self._set}  # fmt: skip
        try:
            self._link.answer(message['id'], answers[message['method']](params))
        except PluginError as error:
            self._link.refuse(message['id'], error.code, str(error))

    def _note(self, method: str, params: Message) -> None:
        if method == 'publish':
            self.published.append(Published(**params))
        elif method == 'log':
            self.logs.append(Logged(**params))
        elif method == 'event':
            self.events.append(Event(**params))
        elif method == 'error':
            self.errors.append(params)

    def _read(self, params: Message) -> Message:
        self._check('points.read', params['id'])
        return self._point(params['id']).told()

    def _write(self, params: Message) -> None:
        self._check('points.write', params['id'])
        point_id = params['id']
        if point_id in self.points or point_id.partition('/')[0] not in self.mqtt:
            point = self._point(point_id)
            if point.error or not point.writable:
                raise errors.WriteFailed(point.error or f'{point.id} is read-only')
        self.written.append(Written(point_id, params['value'], params.get('qos'), params.get('retain')))

    def _subscribe(self, params: Message) -> Message:
        if '*' not in params['glob'] or not any(text.startswith('points.read:') for text in self._granted or ()):
            self._check('points.read', params['glob'])
        if len(self._globs) >= MOST_SUBSCRIPTIONS:
            raise errors.LimitReached(f'a plugin may have {MOST_SUBSCRIPTIONS} subscriptions')
        self._subscribed += 1
        number = self._subscribed
        self._globs[number] = params['glob']
        asyncio.get_running_loop().call_soon(self._tell_present, number)  # behind the answer
        return {'subscription': number}

    def _unsubscribe(self, params: Message) -> None:
        self._globs.pop(params['subscription'], None)

    def _get(self, params: Message) -> Any:
        if params['key'] not in self.storage:
            raise errors.UnknownPoint(f'nothing is stored under {params["key"]}')
        return self.storage[params['key']]

    def _set(self, params: Message) -> None:
        if params['key'] in self.refused:
            raise errors.LimitReached(f'{params["key"]} is refused')
        self.storage[params['key']] = params['value']

    def _point(self, point_id: str) -> HostPoint:
        if point_id not in self.points:
            raise errors.UnknownPoint(f'there is no point {point_id}')
        return self.points[point_id]

    def _check(self, kind: str, point_id: str) -> None:
        if not self._is_granted(kind, point_id):
            raise errors.PermissionDenied(f'the permission {kind}:{point_id} is missing')

    def _is_granted(self, kind: str, point_id: str) -> bool:
        if self._granted is None:
            return True
        granted = [text.partition(':') for text in self._granted]
        return any(name == kind and _matches(glob, point_id) for name, _, glob in granted)

    def _tell_present(self, number: int) -> None:
        for point in self.points.values():
            self._tell(point, [number])

    def _tell(self, point: HostPoint, numbers: Iterable[int]) -> None:
        """To the subscriptions that want it, if the plugin may read it."""
        found = [number for number in numbers if _matches(self._globs.get(number, ''), point.id)]
        if found and self._is_granted('points.read', point.id) and self._link is not None:
            params = {'subscriptions': found, 'point': point.told()}
            self._link.say(encoded({'jsonrpc': '2.0', 'method': 'point', 'params': params}))


def _matches(glob: str, text: str) -> bool:
    """As the app does it: `*` within a level, `**` across, levels separate at `/`."""
    parts = re.split(r'(\*\*|\*)', glob)
    pattern = ''.join({'**': '.*', '*': '[^/]*'}.get(part) or re.escape(part) for part in parts)
    return re.fullmatch(pattern, text, re.DOTALL) is not None
