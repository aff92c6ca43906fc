"""A plugin's points, and what it may do with those of others."""
import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from edgeos.connections.state import WriteRefused
from edgeos.gateway import Gateway, Source
from edgeos.plugins.messages import BAD_PARAMS, DENIED, LIMIT, UNKNOWN, WRITE_FAILED, Make, Message
from edgeos.plugins.permissions import parse
from edgeos.plugins.points import MOST_POINTS, PluginPoints, Refused
from edgeos.rpc import RpcError
from tests.helpers import FakeClock, eventually, patient


class Plc:
    """An owner of points."""

    def __init__(self) -> None:
        self.written: list[tuple[str, Any]] = []

    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        if value == 'refuse':
            raise WriteRefused('{point} is read-only.', 403, point=name)
        self.written.append((name, value))


class Talk:
    """What is sent to the plugin."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def call(self, method: str, params: Message, limit: float = 10.0) -> Any:
        raise AssertionError(method)

    def update(self, key: object, make: Make) -> None:
        if (message := make()) is not None:
            self.sent.append(message['params'])

    def values(self) -> list[tuple[Any, tuple[int, ...]]]:
        return [(params['point']['value'], tuple(params['subscriptions'])) for params in self.sent]


class Tried:
    """A plugin with some permissions, beside a PLC with two points and an MQTT connection with one."""

    def __init__(self) -> None:
        self.gateway = Gateway(clock=FakeClock())
        self.plc = Plc()
        self.source = self.gateway.add_source('plc', self.plc, ignore_case=True)
        self.mqtt = self.gateway.add_source('mqtt', Plc())
        self.points = PluginPoints('demo', self.gateway, FakeClock())
        self.talk = Talk()
        self.publish(self.source, 'MAIN.a', 1)
        self.publish(self.source, 'MAIN.b', 2)
        self.publish(self.mqtt, 'house/lamp', True)

    def allow(self, *texts: str) -> PluginPoints:
        self.points.connect(self.talk, [parse(text) for text in texts])
        return self.points

    def publish(self, source: Source, name: str, value: Any) -> None:
        point = self.gateway.point(source, name)
        assert point
        self.gateway.publish(point, value, 1_700_000_000.0)


@pytest.fixture
def tried() -> Iterator[Tried]:
    made = Tried()
    yield made
    made.points.remove()


def refusal(error: pytest.ExceptionInfo[RpcError]) -> tuple[int, str]:
    return error.value.code, str(error.value)


async def test_its_points_appear_and_are_stale_when_it_is_gone(tried: Tried) -> None:
    points = tried.allow()
    points.publish('temp/inside', 21.5, '°C', True)
    point = tried.gateway.find('demo/temp/inside')
    assert (point.value, point.unit, point.writable, point.quality) == (21.5, '°C', True, 'good')
    points.publish('temp/inside', {'a': [1]}, '', False)
    assert (point.type, point.unit, point.writable) == ('object', '', False)
    points.disconnect()
    assert point.quality == 'stale'
    points.remove()
    assert 'demo' not in tried.gateway.sources


@pytest.mark.parametrize(('name', 'value', 'unit', 'words'), [
    ('', 1, '', 'printable'), ('x' * 513, 1, '', 'printable'), ('a\nb', 1, '', 'printable'), (5, 1, '', 'printable'),
    ('rooms/*/t', 1, '', r"'rooms/\*/t' is no name .* without \*"), ('\ud800', 1, '', 'printable'),
    ('\u202eabc', 1, '', 'printable'),
    ('a', 1, 'u' * 33, 'unit'), ('a', 1, None, 'unit'), ('a', 'x' * 65_537, '', '64 kB'), ('a', 'ü' * 40_000, '', '64 kB'),
    ('a', ['x' * 1000] * 100, '', '64 kB'),
])  # fmt: skip
async def test_what_is_no_point_is_refused(tried: Tried, name: Any, value: Any, unit: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        tried.allow().publish(name, value, unit)
    assert tried.points.source.points == {}


async def test_an_older_version_does_not_take_the_points_of_the_newer_one_away(tried: Tried) -> None:
    newer = PluginPoints('demo', tried.gateway, FakeClock())
    tried.points.remove()
    assert tried.gateway.sources['demo'] is newer.source


async def test_a_plugin_that_starts_or_hangs_is_no_reason_to_doubt_the_value(tried: Tried) -> None:
    async def call(method: str, params: Message, limit: float = 10.0) -> None:
        raise RpcError(LIMIT, 'it has not answered what it was asked before')

    tried.talk.call = call  # type: ignore[method-assign]
    points = tried.allow()
    points.publish('lamp', False, '', True)
    for words in ('is not running', 'has not answered what it was asked before'):
        with pytest.raises(WriteRefused, match=words) as refused:
            await points.write('lamp', True)
        assert refused.value.status == 409
        points.begin()


async def test_it_may_have_five_thousand_points(tried: Tried) -> None:
    points = tried.allow()
    for n in range(MOST_POINTS):
        points.publish(f'p{n}', n)
    with pytest.raises(Refused, match='5000 points'):
        points.publish('one more', 1)
    points.publish('p7', 'still')


async def test_it_reads_what_it_may_and_its_own(tried: Tried) -> None:
    points = tried.allow('points.read:plc/MAIN.a')
    points.publish('own', 5)
    assert points.read('plc/MAIN.a') == {
        'id': 'plc/MAIN.a', 'name': 'MAIN.a', 'value': 1, 'unit': '', 'type': 'number', 'quality': 'good',
        'time': '2023-11-14T22:13:20.000Z', 'writable': False}  # fmt: skip
    assert points.read('plc/main.A')['id'] == 'plc/MAIN.a'
    assert points.read('demo/own')['value'] == 5
    for denied in ('plc/MAIN.b', 'plc/main.b', 'mqtt/house/lamp', 'nobody/x'):
        with pytest.raises(RpcError) as error:
            points.read(denied)
        assert refusal(error) == (DENIED, f'it has not the permission points.read:{denied}')
    with pytest.raises(RpcError) as error:
        points.read('demo/other')
    assert refusal(error)[0] == UNKNOWN


async def test_it_writes_what_it_may(tried: Tried) -> None:
    points = tried.allow('points.write:plc/MAIN.a', 'points.write:gone/*', 'points.read:**')
    await points.write_other('plc/MAIN.a', 7)
    assert tried.plc.written == [('MAIN.a', 7)]
    for point_id, value, code in (('plc/MAIN.b', 1, DENIED), ('mqtt/house/lamp', 1, DENIED), ('gone/x', 1, UNKNOWN),
                                  ('plc/MAIN.a', 'refuse', WRITE_FAILED)):  # fmt: skip
        with pytest.raises(RpcError) as error:
            await points.write_other(point_id, value)
        assert error.value.code == code
    assert 'read-only' in str(error.value)


async def test_present_values_come_first_and_then_each_change_of_what_it_may_read(tried: Tried) -> None:
    points = tried.allow('points.read:plc/**')
    number = points.subscribe('**')
    await eventually(lambda: len(tried.talk.sent) == 2)
    assert tried.talk.values() == [(1, (number,)), (2, (number,))]
    tried.publish(tried.source, 'MAIN.a', 3)
    tried.publish(tried.mqtt, 'house/lamp', False)
    tried.publish(tried.source, 'MAIN.new', 4)
    assert tried.talk.values()[2:] == [(3, (number,)), (4, (number,))]
    tried.gateway.mark_stale(tried.source)
    assert {sent['point']['quality'] for sent in tried.talk.sent[4:]} == {'stale'}


async def test_a_change_comes_once_for_all_its_subscriptions(tried: Tried) -> None:
    points = tried.allow('points.read:**')
    numbers = [points.subscribe(glob) for glob in ('plc/MAIN.*', 'plc/main.a', 'mqtt/**', '**.a')]
    await asyncio.sleep(0.05)
    tried.talk.sent.clear()
    tried.publish(tried.source, 'MAIN.a', 3)
    assert tried.talk.values() == [(3, (numbers[0], numbers[1], numbers[3]))]
    points.unsubscribe(numbers[0])
    points.unsubscribe(99)
    tried.publish(tried.source, 'MAIN.a', 4)
    assert tried.talk.values()[1:] == [(4, (numbers[1], numbers[3]))]
    points.disconnect()
    tried.publish(tried.source, 'MAIN.a', 5)
    assert len(tried.talk.sent) == 2 and tried.gateway._subscriptions == []


async def test_subscriptions_have_their_bounds(tried: Tried) -> None:
    points = tried.allow('points.read:plc/**')
    for glob, code in (('', BAD_PARAMS), ('x' * 513, BAD_PARAMS), ('a\n', BAD_PARAMS), ('mqtt/house/lamp', DENIED),
                       ('mqtt/**', DENIED), ('mqtt/*/lamp', DENIED), ('alarms/*', DENIED)):
        with pytest.raises(RpcError) as error:
            points.subscribe(glob)
        assert error.value.code == code
    for _ in range(100):
        points.subscribe('plc/*')
    with pytest.raises(RpcError) as error:
        points.subscribe('plc/*')
    assert error.value.code == LIMIT
    with pytest.raises(RpcError) as error:
        tried.allow().subscribe('**')
    assert refusal(error) == (DENIED, 'it has not the permission points.read:**')


async def test_a_glob_made_to_hold_the_loop_does_not(tried: Tried) -> None:
    points = tried.allow('points.read:**')
    tried.publish(tried.source, 'a' * 500 + 'b', 1)
    loop = asyncio.get_running_loop()
    points.subscribe('plc/' + '**a' * 100 + 'c')
    began = loop.time()
    tried.publish(tried.source, 'a' * 500 + 'b', 2)
    await asyncio.sleep(0)
    assert loop.time() - began < patient(1)


async def test_many_subscriptions_to_many_points_hold_nobody_up(tried: Tried) -> None:
    points = tried.allow('points.read:**')
    for n in range(500):
        tried.publish(tried.mqtt, f'house/room{n}/temperature', n)
    for n in range(90):
        points.subscribe(f'mqtt/house/*{n}/**')
    for _ in range(500):
        points.unsubscribe(points.subscribe('**'))
    for n in range(500):
        tried.publish(tried.mqtt, f'house/room{n}/temperature', n + 0.5)  # its present value by then
    points.subscribe('plc/MAIN.b')
    worst = 0.0  # s of this thread's own, because other work runs beside it
    while len({sent['point']['id'] for sent in tried.talk.sent}) < 501:
        began = time.thread_time()
        await asyncio.sleep(0)
        worst = max(worst, time.thread_time() - began)
    assert worst < patient(0.05)
    newest = {sent['point']['id']: sent for sent in tried.talk.sent}
    assert sum(sent['point']['value'] % 1 == 0.5 for sent in newest.values()) == 500
    assert len(newest['mqtt/house/room77/temperature']['subscriptions']) == 2, 'those for 7 and 77'
    assert sum('subscriptions of demo' in task.get_name() for task in asyncio.all_tasks()) <= 1
