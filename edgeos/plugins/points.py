"""A plugin's points in the gateway, and its way to the points of others: as far as it was permitted, and no farther."""

import asyncio
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any, Protocol

import orjson

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.connections.state import WriteRefused
from edgeos.gateway import Gateway, Point, Source, UnknownPoint
from edgeos.limiter.watched import iso_utc
from edgeos.plugins.hidden import Hidden
from edgeos.plugins.messages import BAD_PARAMS, DENIED, LIMIT, UNKNOWN, WRITE_FAILED, Make, Message
from edgeos.plugins.peer import CALL_LIMIT
from edgeos.plugins.permissions import Permission, may_read, may_read_some, may_write
from edgeos.plugins.subscriptions import Subscriptions
from edgeos.rpc import RpcClosed, RpcError

MOST_POINTS = 5000
MOST_NAME = 512
MOST_UNIT = 32
VALUE_BYTES = 64 * 1024
MOST_SUBSCRIPTIONS = 100
WRITE_LIMIT = 5.0  # s for the plugin to take a value
GRACE = 10.0  # s after its start for a new version to publish what the one before had


class Talk(Protocol):
    """The part of a conversation that is needed here."""

    async def call(self, method: str, params: Message, limit: float = CALL_LIMIT) -> Any: ...

    def update(self, key: Hashable, make: Make) -> None: ...


class Refused(ValueError):
    """Raised for a point that cannot be published; the text says why."""


class PluginPoints:
    """One plugin's; it outlives the processes, each of which has a conversation of its own."""

    def __init__(self, plugin_id: str, gateway: Gateway, clock: Clock = SYSTEM_CLOCK,
                 hidden: Hidden | None = None) -> None:  # fmt: skip
        self.id = plugin_id
        self.permissions: Sequence[Permission] = ()
        self.source: Source = _source_of(plugin_id, gateway, self)
        self.takes_values = False  # its start is done, and its end has not begun
        self._inherited = set(self.source.points)  # from the version before; not published yet
        self._grace: asyncio.TimerHandle | None = None
        self._gateway = gateway
        self._clock = clock
        self._hidden = hidden or Hidden()
        self._talk: Talk | None = None
        self._subscriptions = Subscriptions(plugin_id, gateway, self._may_read, self._send)

    def connect(self, talk: Talk, permissions: Sequence[Permission]) -> None:
        """A process is there, with these permissions."""
        self.disconnect()
        self._talk, self.permissions = talk, permissions

    def begin(self) -> None:
        """Its start is done: it takes values, and what the version before had and it has not goes soon."""
        self.takes_values = True
        if self._inherited:
            self._grace = asyncio.get_running_loop().call_later(GRACE, self._drop_inherited)

    def _drop_inherited(self) -> None:
        self._gateway.remove_points(self.source, self._inherited)
        self._inherited.clear()

    def disconnect(self) -> None:
        """It is gone: its points are stale, its subscriptions end."""
        self._talk, self.takes_values = None, False
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self._subscriptions.clear()
        self._gateway.mark_stale(self.source)

    def remove(self) -> None:
        """The plugin is uninstalled."""
        self.disconnect()
        if self.source.owner is self and self._gateway.sources.get(self.id) is self.source:  # else another version's
            self._gateway.remove_source(self.id)

    # its own points

    def publish(self, name: Any, value: Any, unit: Any = '', writable: Any = False) -> None:
        """A new value of one of its own; raises Refused."""
        if type(name) is not str or not 0 < len(name) <= MOST_NAME or not name.isprintable() or '*' in name:
            raise Refused(f'{name!r:.80} is no name of a point: 1 to {MOST_NAME} printable characters without *')
        if type(unit) is not str or len(unit) > MOST_UNIT or not unit.isprintable() or type(writable) is not bool:
            raise Refused(f'{name}: the unit is at most {MOST_UNIT} printable characters, writable is true or false')
        _check(name, value)
        if self._inherited and len(self.source.points) >= MOST_POINTS and name not in self.source.points:
            self._drop_inherited()
        point = self._gateway.point(self.source, name, unit=unit, writable=writable)
        if point is None:
            raise Refused(f'{name}: a plugin may have {MOST_POINTS} points')
        point.unit, point.writable = unit, writable
        self._inherited.discard(name)
        self._gateway.publish(point, value, self._clock.wall())

    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        """As Owner: hand it to the plugin and return once it has taken it; raises WriteRefused."""
        point, talk = self.source.points.get(name), self._talk
        if point is None:
            raise WriteRefused('{name} has no point {point}.', 404, name=self.id, point=name[:100])
        if not point.writable:
            raise WriteRefused('{point} is read-only.', 403, point=name)
        if talk is None or not self.takes_values:
            raise WriteRefused('{name} is not running.', 409, name=self.id)
        try:
            await talk.call('write', {'name': name, 'value': value}, WRITE_LIMIT)
        except TimeoutError as error:
            raise WriteRefused('{name} has not answered within {seconds} s.', 409, name=self.id,
                               seconds=f'{WRITE_LIMIT:g}') from error  # fmt: skip
        except RpcClosed as error:
            raise WriteRefused('{name} is not running.', 409, name=self.id) from error
        except RpcError as error:
            if error.code == LIMIT:  # it was not even asked
                raise WriteRefused('{name} has not answered what it was asked before.', 409, name=self.id) from error
            raise WriteRefused('{name} did not take the value: {why}', 422, name=self.id,
                               why=self._hidden.text(str(error), 500)) from error  # fmt: skip

    # the points of others

    def read(self, point_id: str) -> Message:
        """`Point` of the contract; raises RpcError."""
        point = self._find(point_id)
        self._demand('points.read', point, point_id)
        if point is None:
            raise self._unknown(point_id)
        return shape(point)

    async def write_other(self, point_id: str, value: Any, qos: Any = None, retain: Any = None) -> None:
        """Returns when its owner has accepted the value; raises RpcError. `qos`, `retain`: as it was asked."""
        is_qos = qos is None or (type(qos) is int and 0 <= qos <= 2)
        if not is_qos or not (retain is None or type(retain) is bool):
            raise RpcError(BAD_PARAMS, 'expected 0, 1 or 2 as qos, and true or false as retain')
        self._demand('points.write', self._find(point_id), point_id)
        try:
            async with asyncio.timeout(CALL_LIMIT):
                await self._gateway.write(point_id, value, qos=qos, retain=retain)
        except UnknownPoint:
            raise self._unknown(point_id) from None
        except WriteRefused as error:
            raise RpcError(WRITE_FAILED, str(error)) from error
        except TimeoutError as error:
            raise RpcError(WRITE_FAILED, f'it was not accepted within {CALL_LIMIT:g} s') from error

    def subscribe(self, glob: str) -> int:
        """The number of the subscription, whose present values follow; raises RpcError.

        A glob may reach farther than the permissions: what it may not read does not come. One that reaches nothing it
        may read is refused.
        """
        if not 0 < len(glob) <= MOST_NAME or not glob.isprintable():
            raise RpcError(BAD_PARAMS, f'expected a glob of 1 to {MOST_NAME} printable characters')
        if len(self._subscriptions) >= MOST_SUBSCRIPTIONS:
            raise RpcError(LIMIT, f'a plugin may have {MOST_SUBSCRIPTIONS} subscriptions')
        if '*' not in glob or not may_read_some(self.permissions, glob):
            self._demand('points.read', self._find(glob), glob)
        return self._subscriptions.add(glob)

    def unsubscribe(self, number: int) -> None:
        """An unknown one is fine."""
        self._subscriptions.drop(number)

    def _send(self, point: Point) -> None:
        if self._talk is not None:
            self._talk.update(point, partial(self._message, point))

    def _message(self, point: Point) -> Message | None:
        numbers = self._subscriptions.hearers(point)
        if not numbers:
            return None
        return {'method': 'point', 'params': {'subscriptions': numbers, 'point': shape(point)}}

    def _find(self, point_id: str) -> Point | None:
        try:
            return self._gateway.find(point_id)
        except UnknownPoint:
            return None

    def _unknown(self, point_id: str) -> RpcError:
        """Most often it is the connection that was typed wrongly."""
        source = point_id.partition('/')[0]
        if source not in self._gateway.sources:
            return RpcError(UNKNOWN, f'there is no connection or plugin {source[:100]}')
        return RpcError(UNKNOWN, f'there is no point {point_id[:200]}')

    def _demand(self, kind: str, point: Point | None, asked: str) -> None:
        """Under the name it really has, where there is such a point; raises RpcError naming what is missing."""
        point_id = asked if point is None else point.id
        source = self._gateway.sources.get(point_id.partition('/')[0])
        may = may_read if kind == 'points.read' else may_write
        ignore_case = source is not None and source.ignore_case
        if source is not self.source and not may(self.permissions, point_id, ignore_case=ignore_case):
            raise RpcError(DENIED, f'it has not the permission {kind}:{asked[:200]}')

    def _may_read(self, point: Point) -> bool:
        return point.source is self.source or may_read(self.permissions, point.id, ignore_case=point.source.ignore_case)


def _source_of(plugin_id: str, gateway: Gateway, owner: PluginPoints) -> Source:
    """The points of the version before stay, stale as they are, until the new one has its own."""
    known = gateway.sources.get(plugin_id)
    if known is None or not isinstance(known.owner, PluginPoints):
        return gateway.add_source(plugin_id, owner, max_points=MOST_POINTS)
    known.owner = owner
    return known


def shape(point: Point) -> Message:
    """`Point` of the contract."""
    return {'id': point.id, 'name': point.name, 'value': point.value, 'unit': point.unit, 'type': point.type,
            'quality': point.quality, 'time': iso_utc(point.time) if point.time else None,
            'writable': point.writable}  # fmt: skip


def _check(name: str, value: Any) -> None:
    """Small enough; JSON itself carries neither NaN nor infinity."""
    kind = type(value)
    if kind is str and len(value) * 4 > VALUE_BYTES:
        if len(value.encode('utf-8', 'replace')) > VALUE_BYTES:
            raise Refused(f'{name}: a value may have {VALUE_BYTES // 1024} kB')
    elif (kind is dict or kind is list) and len(orjson.dumps(value)) > VALUE_BYTES:
        raise Refused(f'{name}: a value may have {VALUE_BYTES // 1024} kB')
