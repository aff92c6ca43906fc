"""The SDK against its own fake host: both styles, what goes wrong in the author's code, what is refused."""

import asyncio
import functools
import threading
import time
from typing import Any

import pytest

from tests.helpers import eventually
from tests.plugins import sdk

assert sdk.FOLDER  # imported first, so that the SDK is found

from edgeos_plugin import (  # noqa: E402
    ConfigError,
    PermissionDenied,
    Plugin,
    Point,
    ThreadPlugin,
    UnknownPoint,
    WriteFailed,
)
from edgeos_plugin.storage import Storage  # noqa: E402
from edgeos_plugin.testing import FakeHost, HostPoint, Published, Written  # noqa: E402


class Doubler(Plugin):
    """Publishes twice what it hears."""

    async def start(self) -> None:
        if self.config.get('bad'):
            raise ConfigError('bad is not good')
        self.heard: list[Point] = []
        self.stopped = 0
        self.publish('starts', self.storage.get('starts', 0) + 1)
        self.storage.set('starts', self.storage.get('starts', 0) + 1)
        self.subscribe('plc/**', self.on_point)

    async def on_point(self, point: Point) -> None:
        self.heard.append(point)
        await asyncio.sleep(0)
        if point.value == 'crash':
            raise RuntimeError('what a value')
        self.publish(point.name, point.value * 2, 'mm', writable=True)

    async def on_write(self, name: str, value: Any) -> None:
        if value == 'odd':
            raise WriteFailed('not that one')
        if value == 'crash':
            raise ZeroDivisionError('by nothing')
        await self.write(f'plc/{name}', value)

    async def on_config(self, config: dict[str, Any]) -> None:
        if config.get('bad'):
            raise ConfigError('bad is not good')

    async def stop(self) -> None:
        self.stopped += 1


class ThreadDoubler(ThreadPlugin):
    """The same, blocking."""

    def start(self) -> None:
        if self.config.get('bad'):
            raise ConfigError('bad is not good')
        self.heard: list[Point] = []
        self.stopped = 0
        self.publish('starts', self.storage.get('starts', 0) + 1)
        self.storage.set('starts', self.storage.get('starts', 0) + 1)
        self.subscribe('plc/**', self.on_point)

    def on_point(self, point: Point) -> None:
        self.heard.append(point)
        time.sleep(0.001)
        if point.value == 'crash':
            raise RuntimeError('what a value')
        self.publish(point.name, point.value * 2, 'mm', writable=True)

    def on_write(self, name: str, value: Any) -> None:
        if value == 'odd':
            raise WriteFailed('not that one')
        if value == 'crash':
            raise ZeroDivisionError('by nothing')
        self.write(f'plc/{name}', value)

    def on_config(self, config: dict[str, Any]) -> None:
        if config.get('bad'):
            raise ConfigError('bad is not good')

    def stop(self) -> None:
        assert self.stopping.is_set()
        self.stopped += 1


@pytest.fixture(params=[Doubler, ThreadDoubler], ids=['asyncio', 'threads'])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
async def host() -> Any:
    host = FakeHost()
    yield host
    await host.stop()


# a plugin's life


async def test_present_values_and_changes_reach_the_handler_and_what_it_publishes_the_host(kind: Any, host: FakeHost) -> None:
    await host.start(kind, points={'plc/a': 1, 'plc/deep/b': 2.5, 'other/a': 9})
    await host.set_point('plc/a', 7)
    assert host.published == [Published('starts', 1, '', False), Published('a', 2, 'mm', True),
                              Published('deep/b', 5.0, 'mm', True), Published('a', 14, 'mm', True)]  # fmt: skip
    first = host.plugin.heard[0]
    assert (first.id, first.name, first.value, first.quality, first.type) == ('plc/a', 'a', 1, 'good', 'int')
    assert first.time.utcoffset().total_seconds() == 0


async def test_a_write_reaches_the_author_and_its_failure_the_writer(kind: Any, host: FakeHost) -> None:
    await host.start(kind, points={'plc/a': 1})
    await host.write('a', 5)
    assert host.written == [Written('plc/a', 5)]
    with pytest.raises(WriteFailed, match='not that one'):
        await host.write('a', 'odd')
    assert host.errors == []
    with pytest.raises(WriteFailed, match='by nothing'):
        await host.write('a', 'crash')
    assert [(e['type'], e['handled']) for e in host.errors] == [('ZeroDivisionError', True)]
    host.points['plc/a'].error = 'the PLC says no'
    with pytest.raises(WriteFailed, match='the PLC says no'):
        await host.write('a', 5)


async def test_a_handler_that_fails_is_reported_and_hears_the_next_value(kind: Any, host: FakeHost) -> None:
    await host.start(kind, points={'plc/a': 1})
    await host.set_point('plc/a', 'crash')
    await host.set_point('plc/a', 3)
    assert [e['message'] for e in host.errors] == ['what a value']
    assert 'on_point' in host.errors[0]['traceback'] and 'on_point' in host.logs[0].text
    assert host.value('a') == 6


async def test_storage_comes_with_the_start_and_is_kept(kind: Any) -> None:
    storage = {'starts': 4}
    for expected in (5, 6):
        host = FakeHost(storage=storage)
        await host.start(kind)
        await host.stop()
        assert host.value('starts') == expected
        storage = host.storage
    assert storage == {'starts': 6}


async def test_what_the_app_does_not_keep_is_logged_and_not_answered(host: FakeHost) -> None:
    host.storage = {'a': 'old', 'starts': 1}
    host.refused = {'a', 'new'}
    await host.start(Doubler)
    storage = host.plugin.storage
    for key in ('a', 'new', 'b'):
        storage.set(key, 'x')
    await eventually(storage.is_settled.is_set, timeout=5)
    assert (storage.get('a'), storage.get('new'), storage.get('b')) == ('old', None, 'x')
    said = [logged.text for logged in host.logs if logged.level == 'error']
    assert said == ['not stored: a is refused', 'not stored: new is refused']
    assert host.storage == {'a': 'old', 'starts': 2, 'b': 'x'}


async def test_what_is_not_accepted_in_time_is_sent_again() -> None:
    taken: list[Any] = []
    made = Storage({}, lambda: None)
    made.set('a', 1)
    made.set('b', 1)

    async def send(params: dict[str, Any]) -> None:
        taken.append(params)
        if len(taken) == 1:
            made.set('a', 2)
            raise TimeoutError

    await made.send_all(send)
    assert taken[-2:] in ([{'key': 'a', 'value': 2}, {'key': 'b', 'value': 1}], [{'key': 'b', 'value': 1}, {'key': 'a', 'value': 2}])
    assert made.is_settled.is_set() and (made.get('a'), made.get('b')) == (2, 1)


async def test_stop_is_called_once_and_the_status_is_0(kind: Any, host: FakeHost) -> None:
    await host.start(kind)
    plugin = host.plugin
    await host.stop()
    await host.stop()
    assert (plugin.stopped, host.exit_status) == (1, 0)


async def test_a_bad_configuration_ends_the_plugin_with_78(kind: Any) -> None:
    host = FakeHost()
    with pytest.raises(ConfigError, match='bad is not good'):
        await host.start(kind, config={'bad': True})
    assert host.exit_status == 78
    host = FakeHost()
    await host.start(kind)
    with pytest.raises(ConfigError, match='bad is not good'):
        await host.change_config({'bad': True})
    assert host.exit_status == 78


async def test_a_changed_configuration_is_there_before_the_author_is_told(kind: Any, host: FakeHost) -> None:
    await host.start(kind, config={'a': 1})
    await host.change_config({'a': 2})
    assert host.plugin.config == {'a': 2}


# permissions


async def test_what_was_not_granted_is_denied(host: FakeHost) -> None:
    host.grant('points.read:plc/*', 'points.write:lamp/on')

    class Curious(Plugin):
        pass

    await host.start(Curious, points={'plc/a': 1, 'plc/b/c': 1, 'lamp/on': False})
    plugin = host.plugin
    assert (await plugin.read('plc/a')).value == 1
    with pytest.raises(PermissionDenied, match=r'points\.read:plc/b/c'):
        await plugin.read('plc/b/c')
    with pytest.raises(UnknownPoint):
        await plugin.read('plc/none')
    await plugin.write('lamp/on', True)
    with pytest.raises(PermissionDenied, match=r'points\.write:plc/a'):
        await plugin.write('plc/a', 2)
    with pytest.raises(WriteFailed, match='there is no point plc/none') as info:
        host.grant('points.write:plc/none')
        await plugin.write('plc/none', 2)
    assert type(info.value) is WriteFailed
    heard: list[Point] = []
    await plugin.subscribe('**', heard.append)
    await host.settle()
    assert [point.id for point in heard] == ['plc/a']


async def test_a_subscription_that_is_denied_is_reported_unless_it_is_awaited() -> None:
    class Curious(Plugin):
        async def start(self) -> None:
            self.subscribe('plc/a', print)
            with pytest.raises(PermissionDenied):
                await self.subscribe('plc/b', print)

    host = FakeHost()
    host.grant('points.read:lamp/*')
    await host.start(Curious)
    await eventually(lambda: host.errors)
    assert [(e['type'], 'points.read:plc/a' in e['message']) for e in host.errors] == [('PermissionDenied', True)]
    await host.stop()


async def test_a_cancelled_subscription_hears_nothing_more(kind: Any, host: FakeHost) -> None:
    await host.start(kind)
    heard: list[Any] = []
    found = await asyncio.to_thread(host.plugin.subscribe, 'x/*', heard.append) if kind is ThreadDoubler else \
        host.plugin.subscribe('x/*', heard.append)  # fmt: skip
    await host.set_point('x/a', 1)
    found.cancel()
    await host.set_point('x/a', 2)
    assert [point.value for point in heard] == [1]
    await eventually(lambda: 'x/*' not in host._globs.values())


# what goes wrong where nobody looks


async def test_exceptions_of_tasks_and_threads_arrive() -> None:
    class Careless(Plugin):
        async def start(self) -> None:
            self.kept = asyncio.create_task(self.fail())  # kept, so that its end is never noticed
            threading.Thread(target=self.fail_in_thread).start()
            with pytest.raises(LookupError):
                await asyncio.create_task(self.fail(LookupError('seen')))

        async def fail(self, error: Exception = OSError('in a task')) -> None:  # noqa: B008
            raise error

        def fail_in_thread(self) -> None:
            raise ValueError('in a thread')

    host = FakeHost()
    await host.start(Careless)
    await eventually(lambda: len(host.errors) == 2)
    assert {e['message']: e['handled'] for e in host.errors} == {'in a task': False, 'in a thread': False}
    before = threading.excepthook
    await host.stop()
    assert threading.excepthook is not before


async def test_a_crash_in_start_is_reported_and_raised() -> None:
    class Broken(Plugin):
        async def start(self) -> None:
            raise KeyError('no such thing')

    host = FakeHost()
    with pytest.raises(KeyError, match='no such thing'):
        await host.start(Broken)
    assert host.exit_status == 1
    assert [(e['type'], e['handled']) for e in host.errors] == [('KeyError', False)]


async def test_an_async_method_of_a_thread_plugin_is_a_mistake_that_is_said() -> None:
    class Mixed(ThreadPlugin):
        async def start(self) -> None:  # type: ignore[override]
            pass

    with pytest.raises(TypeError, match=r'start is async, so it needs a Plugin'):
        await FakeHost().start(Mixed)


async def test_a_blocking_call_on_the_loop_is_a_mistake_that_is_said(host: FakeHost) -> None:
    await host.start(ThreadDoubler)
    with pytest.raises(RuntimeError, match='cannot be called on the event loop'):
        host.plugin.read('plc/a')


async def test_a_slow_handler_gets_the_newest_of_each_point(host: FakeHost) -> None:
    class Slow(Plugin):
        async def start(self) -> None:
            self.heard: list[Any] = []
            self.may_go_on = asyncio.Event()
            await self.subscribe('plc/*', self.on_point)

        async def on_point(self, point: Point) -> None:
            await self.may_go_on.wait()
            self.heard.append(point.value)

    await host.start(Slow)
    plugin = host.plugin
    point = host.points['plc/a'] = HostPoint('plc/a', 0)
    for point.value in range(2000):
        host._tell(point, [1])
    await host._call('ping', {})
    plugin.may_go_on.set()
    await host.settle()
    assert len(plugin.heard) < 300
    assert plugin.heard == sorted(plugin.heard) and plugin.heard[-1] == 1999


async def test_log_and_events_arrive(host: FakeHost) -> None:
    class Talker(Plugin):
        async def start(self) -> None:
            self.log.warning('look at %s', self.id)
            self.event('info', 'done', count=3)

    await host.start(Talker, plugin_id='talker')
    assert host.logs == [('warning', 'look at talker')]
    assert host.events == [('info', 'done', {'count': 3})]


# values


@pytest.mark.parametrize(('name', 'value', 'word'), [
    ('', 1, 'name'), ('a\nb', 1, 'name'), ('a' * 513, 1, 'name'), (3, 1, 'name'), ('a*', 1, r'without \*'),
    ('a', float('nan'), 'JSON'),
    ('a', float('inf'), 'JSON'), ('a', object(), 'sent'), ('a', 'x' * 70_000, '65536'), ('a', '\ud800', 'surrogates'),
])  # fmt: skip
async def test_what_cannot_be_published_is_said_to_the_author(host: FakeHost, name: Any, value: Any, word: str) -> None:
    await host.start(Doubler)
    with pytest.raises(ValueError, match=word):
        host.plugin.publish(name, value)


async def test_what_is_too_large_for_a_message_is_said_to_the_author(host: FakeHost) -> None:
    await host.start(Doubler)
    with pytest.raises(ValueError, match='1048576'):
        host.plugin.event('info', 'x' * 1_100_000)
    with pytest.raises(ValueError, match='983040'):
        host.plugin.storage.set('x', 'x' * 1_100_000)
    with pytest.raises(ValueError, match='1048576'):
        await host.plugin.write('plc/a', 'x' * 1_100_000)
    await host.set_point('plc/a', 2)
    assert host.value('a') == 4


async def test_many_threads_publish_at_once(host: FakeHost) -> None:
    await host.start(Doubler)
    host.published.clear()

    def publish(thread: int) -> None:
        for number in range(100):
            host.plugin.publish(f't{thread}', number)

    await asyncio.gather(*(asyncio.to_thread(publish, thread) for thread in range(5)))
    await host.settle()
    for thread in range(5):
        values = [published.value for published in host.published if published.name == f't{thread}']
        assert values == sorted(values) and values[-1] == 99


@pytest.mark.parametrize('kind', [Doubler, ThreadDoubler])
async def test_quality_of_service_and_retention_are_asked_for_only_when_said(kind: Any, host: FakeHost) -> None:
    host.mqtt.add('mqtt')
    await host.start(kind)
    write = host.plugin.write if kind is Doubler else functools.partial(asyncio.to_thread, host.plugin.write)
    await write('mqtt/a', None)
    await write('mqtt/a', 1, qos=0, retain=False)
    await write('mqtt/a', 2, 2, True)
    assert host.written == [Written('mqtt/a', None), Written('mqtt/a', 1, 0, False), Written('mqtt/a', 2, 2, True)]
    await host.stop()
