"""JSON lines between the app and a child: requests, answers, messages, and every way the other side can fail."""
import asyncio
import socket

import orjson
import pytest
import uvloop

from edgeos import rpc
from edgeos.rpc import Peer, RpcClosed, RpcError
from tests.helpers import eventually


class Other:
    """The other end, by hand."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.lines = sock.makefile('rb')
        self.messages: list[tuple[str, object]] = []
        self.closed = 0

    async def next(self) -> dict:
        return orjson.loads(await asyncio.to_thread(self.lines.readline))

    def say(self, message: object) -> None:
        self.sock.sendall(orjson.dumps(message) + b'\n')


@pytest.fixture
async def ends():
    ours, theirs = socket.socketpair()
    other = Other(theirs)

    def close() -> None:
        other.closed += 1

    peer = await Peer.over(ours, lambda *message: other.messages.append(message), close)
    yield peer, other
    peer.close()
    other.lines.close()
    theirs.close()


@pytest.mark.parametrize('runner', [asyncio.run, uvloop.run], ids=['asyncio', 'uvloop'])
def test_it_runs_on_both_event_loops(runner):
    async def talk() -> None:
        ours, theirs = socket.socketpair()
        peer = await Peer.over(ours, lambda *message: None, lambda: None)
        call = asyncio.create_task(peer.call('ask', {}, 2))
        with theirs, theirs.makefile('rb') as lines:
            number = orjson.loads(await asyncio.to_thread(lines.readline))['id']
            answer = orjson.dumps({'id': number, 'result': 'x' * 500_000}) + b'\n'
            await asyncio.to_thread(theirs.sendall, answer)
            assert await call == 'x' * 500_000
        peer.close()

    runner(talk())


async def test_answers_find_their_requests_in_any_order(ends):
    peer, other = ends
    first = asyncio.create_task(peer.call('double', {'n': 1}, 2))
    second = asyncio.create_task(peer.call('double', {'n': 2}, 2))
    requests = [await other.next(), await other.next()]
    for request in reversed(requests):
        other.say({'id': request['id'], 'result': 2 * request['params']['n']})
    assert await first == 2
    assert await second == 4


async def test_an_error_carries_its_code_and_data(ends):
    peer, other = ends
    call = asyncio.create_task(peer.call('write', {}, 2))
    request = await other.next()
    other.say({'id': request['id'], 'error': {'code': 422, 'message': 'too long', 'data': {'most': 80}}})
    with pytest.raises(RpcError, match='too long') as caught:
        await call
    assert (caught.value.code, caught.value.data) == (422, {'most': 80})


async def test_messages_arrive_whole_and_in_order_however_they_are_cut(ends):
    _peer, other = ends
    data = b''.join(orjson.dumps(['values', n, 'ü' * 100]) + b'\n' for n in range(200))
    data += orjson.dumps({'method': 'log', 'params': [1]}) + b'\n'
    for start in range(0, len(data), 777):
        other.sock.sendall(data[start:start + 777])
        await asyncio.sleep(0)
    await eventually(lambda: len(other.messages) == 201)
    assert [message[1][1] for message in other.messages[:200]] == list(range(200))
    assert other.messages[200] == ('log', [1])


async def test_no_answer_in_time_is_a_timeout_and_a_late_one_is_dropped(ends):
    peer, other = ends
    with pytest.raises(TimeoutError):
        await peer.call('slow', {}, 0.05)
    request = await other.next()
    other.say({'id': request['id'], 'result': 1})
    again = asyncio.create_task(peer.call('fast', {}, 2))
    other.say({'id': (await other.next())['id'], 'result': 2})
    assert await again == 2


@pytest.mark.parametrize('end', ['close', 'rubbish', 'endless line'])
async def test_whoever_waits_hears_that_the_other_side_is_gone(ends, end, monkeypatch):
    monkeypatch.setattr(rpc, 'LINE_BYTES', 1000)
    peer, other = ends
    call = asyncio.create_task(peer.call('ask', {}, 5))
    await other.next()
    if end == 'close':
        other.sock.shutdown(socket.SHUT_RDWR)
    else:
        other.sock.sendall(b'{"id": 1, nonsense}\n' if end == 'rubbish' else b'x' * 2000)
    with pytest.raises(RpcClosed):
        await call
    assert other.closed == 1
    with pytest.raises(RpcClosed):
        await peer.call('more', {}, 1)
