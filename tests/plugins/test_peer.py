"""The app's end of a conversation, with another end by hand that keeps to nothing."""
import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvloop

from edgeos.plugins.messages import LIMIT, Message
from edgeos.plugins.peer import MOST_CALLS, PluginPeer
from edgeos.rpc import RpcClosed, RpcError
from tests.helpers import eventually


class Ends:
    """The peer, what its handler got, and the other end."""

    def __init__(self) -> None:
        self.ours, self.sock = socket.socketpair()
        self.heard: list[tuple[str, Message]] = []
        self.reasons: list[str] = []
        self.slowed = 0
        self.gate = asyncio.Event()
        self._lines = self.sock.makefile('rb')

    async def open(self) -> 'Ends':
        self.peer = await PluginPeer.over(self.ours, self)
        return self

    def on_request(self, method: str, params: Message) -> Any:
        if method == 'fail':
            raise RpcError(-32001, 'it may not')
        if method == 'mistake':
            raise ZeroDivisionError
        if method == 'wait':
            return self._wait()
        if method == 'unsendable':
            return {1, 2}
        return params

    async def _wait(self) -> str:
        await self.gate.wait()
        return 'waited'

    def on_notification(self, method: str, params: Message) -> None:
        self.heard.append((method, params))
        if method == 'mistake':
            raise ZeroDivisionError

    def on_slow(self) -> None:
        self.slowed += 1

    def on_close(self, reason: str) -> None:
        self.reasons.append(reason)

    def say(self, **message: Any) -> None:
        self.sock.sendall(json.dumps({'jsonrpc': '2.0', **message}).encode() + b'\n')

    async def next(self) -> Any:
        return json.loads(await asyncio.to_thread(self._lines.readline))

    def close(self) -> None:
        self.peer.close()
        self._lines.close()
        self.sock.close()


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    made = await Ends().open()
    yield made
    made.close()


async def test_requests_are_answered_each_under_its_number(ends: Ends) -> None:
    ends.say(id=1, method='wait')
    ends.say(id='b', method='echo', params={'n': 1})
    ends.say(id=3, method='fail')
    assert await ends.next() == {'jsonrpc': '2.0', 'id': 'b', 'result': {'n': 1}}
    assert (await ends.next())['error'] == {'code': -32001, 'message': 'it may not'}
    ends.gate.set()
    assert await ends.next() == {'jsonrpc': '2.0', 'id': 1, 'result': 'waited'}


async def test_a_mistake_of_the_app_is_an_answer_and_not_the_end(ends: Ends) -> None:
    for number, method in enumerate(('mistake', 'unsendable')):
        ends.say(id=number, method=method)
        answer = await ends.next()
        assert answer['id'] == number and answer['error']['code'] in (-32603, -32602)
    ends.say(method='mistake', params={})
    ends.say(id=5, method='echo')
    assert (await ends.next())['result'] == {}


@pytest.mark.parametrize(('message', 'code'), [
    ({'id': 1, 'method': 7}, -32600), ({'id': [1], 'method': 'echo'}, -32600), ({'id': 'x' * 65, 'method': 'echo'}, -32600),
    ({'id': 1, 'method': 'echo', 'params': [1]}, -32602), ({'jsonrpc': '1.0', 'id': 1, 'method': 'echo'}, -32600),
])  # fmt: skip
async def test_what_is_no_request_gets_an_error(ends: Ends, message: Message, code: int) -> None:
    ends.say(**message)
    assert (await ends.next())['error']['code'] == code


@pytest.mark.parametrize(('line', 'reason'), [
    (b'rubbish\n', 'not JSON'), (b'\xff\xfe\x00\n', 'not JSON'), (b'{"a": NaN}\n', 'not JSON'), (b'\n', 'not JSON'),
    (b'x' * 1_048_577, 'more than 1 MiB'), (b'"' + b'x' * 1_048_576 + b'"\n', 'more than 1 MiB'),
    (b'[' * 100_000 + b'\n', 'lists and objects'), (b'[' + b'{},' * 30_000 + b'{}]\n', 'lists and objects'),
])  # fmt: skip
async def test_after_a_broken_line_there_is_nothing_more_to_say(ends: Ends, line: bytes, reason: str) -> None:
    call = asyncio.create_task(ends.peer.call('ping', {}, 5))
    await ends.next()
    await asyncio.to_thread(ends.sock.sendall, line)
    with pytest.raises(RpcClosed):
        await call
    assert len(ends.reasons) == 1 and reason in ends.reasons[0]


async def test_a_line_of_almost_a_mebibyte_arrives(ends: Ends) -> None:
    text = 'x' * 1_048_000
    await asyncio.to_thread(ends.say, method='long', params={'text': text})
    await eventually(lambda: ends.heard == [('long', {'text': text})])


async def test_a_flood_is_taken_at_a_thousand_a_second_and_answers_overtake_it(ends: Ends) -> None:
    line = json.dumps({'jsonrpc': '2.0', 'method': 'publish', 'params': {}}).encode() + b'\n'
    call = asyncio.create_task(ends.peer.call('ping', {}, 5))
    number = (await ends.next())['id']
    flood = asyncio.create_task(asyncio.to_thread(ends.sock.sendall, line * 2600))
    await eventually(lambda: ends.slowed)
    began, taken = time.monotonic(), len(ends.heard)
    assert 2000 <= taken < 2400
    await flood
    ends.say(id=number, result='pong')
    await eventually(lambda: len(ends.heard) == 2600)
    assert time.monotonic() - began > (2600 - taken) / 1000 - 0.1
    assert await call == 'pong'


async def test_answers_do_not_count(ends: Ends) -> None:
    async def echo() -> None:
        while True:
            ends.say(id=(await ends.next())['id'], result='pong')

    echoing = asyncio.create_task(echo())
    for _ in range(300):
        await ends.peer.call('ping', {}, 5)
    assert ends.peer._inbox._tokens == 2000
    echoing.cancel()
    await asyncio.gather(asyncio.to_thread(ends.sock.shutdown, socket.SHUT_RDWR), return_exceptions=True)


async def test_long_messages_count_as_many(ends: Ends) -> None:
    ends.sock.setblocking(True)
    line = json.dumps({'jsonrpc': '2.0', 'method': 'log', 'params': {'text': 'x' * 1_000_000}}).encode() + b'\n'
    flood = asyncio.create_task(asyncio.to_thread(ends.sock.sendall, line * 12))
    await eventually(lambda: ends.slowed)
    assert len(ends.heard) <= 9
    ends.peer.close()
    with pytest.raises(OSError):
        await flood


async def test_who_does_not_read_gets_the_newest_value_of_each_point_and_costs_no_memory(ends: Ends) -> None:
    values: dict[str, int] = {}
    made = 0

    def make(key: str) -> Message:
        nonlocal made
        made += 1
        return {'method': 'point', 'params': {'key': key, 'value': values[key], 'pad': 'x' * 1000}}

    for n in range(20_000):
        key = f'k{n % 500}'
        values[key] = n
        ends.peer.update(key, lambda key=key: make(key))
    outbox = ends.peer._outbox
    assert outbox.is_full and len(outbox._lines) <= 256 and made < 1000
    with pytest.raises(RpcError) as refused:
        await ends.peer.call('ping', {}, 5)
    assert refused.value.code == LIMIT
    newest: dict[str, list[int]] = {}
    while not outbox.is_empty or min(map(len, newest.values())) == 0 or newest.keys() != values.keys() \
            or any(seen[-1] != values[key] for key, seen in newest.items()):  # fmt: skip
        params = (await asyncio.wait_for(ends.next(), 5))['params']
        newest.setdefault(params['key'], []).append(params['value'])
    assert all(seen == sorted(seen) for seen in newest.values()), 'in order'


async def test_who_asks_and_never_reads_the_answers_is_not_read_any_more(ends: Ends) -> None:
    ends.sock.setblocking(True)
    line = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'echo', 'params': {'x': 'x' * 20_000}}).encode() + b'\n'
    flood = asyncio.create_task(asyncio.to_thread(ends.sock.sendall, line * 400))
    await eventually(lambda: ends.peer._outbox.is_full)
    await eventually(lambda: not ends.peer._inbox._is_reading)
    assert ends.peer._outbox._bytes < 2_000_000
    answers = [await ends.next() for _ in range(400)]
    assert len(answers) == 400, 'all come when it reads'
    await flood


async def test_more_than_64_unanswered_requests_are_refused_each_way(ends: Ends) -> None:
    for number in range(MOST_CALLS + 1):
        ends.say(id=number, method='wait')
    assert (await ends.next())['error']['code'] == LIMIT
    calls = [asyncio.create_task(ends.peer.call('ping', {}, 5)) for _ in range(MOST_CALLS)]
    await asyncio.sleep(0)
    with pytest.raises(RpcError, match='has not answered'):
        await ends.peer.call('ping', {}, 5)
    ends.peer.close()
    assert all(isinstance(result, RpcClosed) for result in await asyncio.gather(*calls, return_exceptions=True))


async def test_strange_answers_are_no_trouble(ends: Ends) -> None:
    call = asyncio.create_task(ends.peer.call('ping', {}, 5))
    number = (await ends.next())['id']
    ends.say(id=999, result=1)
    ends.say(id='x', error=5)
    ends.say(id=number, error='oops')
    with pytest.raises(RpcError):
        await call
    assert ends.reasons == []


@pytest.mark.parametrize('runner', [asyncio.run, uvloop.run], ids=['asyncio', 'uvloop'])
def test_back_pressure_works_on_both_event_loops(runner: Any) -> None:
    async def talk() -> None:
        ends = await Ends().open()
        for n in range(3000):
            ends.peer.update(n, lambda n=n: {'method': 'point', 'params': {'n': n, 'pad': 'x' * 1000}})
        assert ends.peer._outbox.is_full
        assert [(await ends.next())['params']['n'] for _ in range(3000)] == list(range(3000))
        assert ends.peer._outbox.is_empty
        line = json.dumps({'jsonrpc': '2.0', 'method': 'publish', 'params': {}}).encode() + b'\n'
        flood = asyncio.create_task(asyncio.to_thread(ends.sock.sendall, line * 2300))
        await eventually(lambda: len(ends.heard) == 2300)
        await flood
        assert ends.slowed
        ends.close()

    runner(talk())
