"""The app's end of the conversation with a plugin, which is not trusted: what it sends and leaves unread is bounded."""

import asyncio
import socket
from collections.abc import Awaitable, Coroutine, Hashable
from typing import Any, Protocol, cast

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.gateway import RateWindow
from edgeos.plugins.inbox import Inbox
from edgeos.plugins.messages import (
    BAD_PARAMS,
    INTERNAL,
    INVALID,
    LIMIT,
    LINE_BYTES,
    BadLine,
    Make,
    Message,
    decoded,
    encoded,
    error_in,
    too_long,
)
from edgeos.plugins.outbox import Outbox
from edgeos.reporting import log_error
from edgeos.rpc import RpcClosed, RpcError

MOST_CALLS = 64  # unanswered, each way
CALL_LIMIT = 10.0  # s

_CHUNK = 64 * 1024
_MOST_ID = 64  # characters


class Handler(Protocol):
    """Whoever answers the plugin; called on the loop."""

    def on_request(self, method: str, params: Message) -> Any | Awaitable[Any]:
        """The result, or a coroutine for it; raises RpcError."""

    def on_notification(self, method: str, params: Message) -> None:
        """What needs no answer."""

    def on_slow(self) -> None:
        """It sends more than it may, and has to wait; called again and again."""

    def on_close(self, reason: str) -> None:
        """The conversation is over, once; `reason` is what it did against the protocol, '' when it just went."""


class PluginPeer(asyncio.BufferedProtocol):
    """One conversation; everything is called on the loop. Answers overtake what has to wait its turn."""

    def __init__(self, handler: Handler, clock: Clock = SYSTEM_CLOCK) -> None:
        self.is_closed = False
        self.closed = asyncio.Event()
        self._handler = handler
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._chunk = bytearray(_CHUNK)
        self._partial = bytearray()
        self._inbox = Inbox(self._handle, lambda: self._outbox.is_full, handler.on_slow)
        self._outbox = Outbox(self._inbox.work)
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._serving: set[asyncio.Task[None]] = set()
        self._window = RateWindow()

    @classmethod
    async def over(cls, sock: socket.socket, handler: Handler, clock: Clock = SYSTEM_CLOCK) -> 'PluginPeer':
        """Talk over a connected socket, which belongs to the peer from now on."""
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        _transport, peer = await loop.create_connection(lambda: cls(handler, clock), sock=sock)
        return peer

    @property
    def rate(self) -> int:
        """Messages in both directions in the last second."""
        return self._window.add(0, self._clock.monotonic())

    async def call(self, method: str, params: Message, limit: float = CALL_LIMIT) -> Any:
        """Its result; raises RpcError (LIMIT: it does not read), RpcClosed, TimeoutError after `limit` s."""
        if self.is_closed:
            raise RpcClosed(method)
        if self._outbox.is_full or len(self._calls) >= MOST_CALLS:
            raise RpcError(LIMIT, 'it has not answered what it was asked before')
        self._last_id += 1
        number = self._last_id
        line = encoded({'id': number, 'method': method, 'params': params})
        answer = self._calls[number] = asyncio.get_running_loop().create_future()
        self._send(line)
        try:
            async with asyncio.timeout(limit):
                return await answer
        finally:
            self._calls.pop(number, None)

    def update(self, key: Hashable, make: Make) -> None:
        """Send what `make()` gives (None: nothing), at once or, if it reads too slowly, what it gives by then."""
        if not self.is_closed:
            self._window.add(1, self._clock.monotonic())
            self._outbox.update(key, make)

    def handle_rest(self) -> None:
        """Take what has been read but had to wait: it was said before the answer that has overtaken it."""
        self._inbox.work_all()

    def close(self, reason: str = '') -> None:
        """End the conversation; whoever waits gets RpcClosed."""
        if self._transport is not None:
            self._transport.abort()
        self._end(reason)

    # the protocol's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestors
        self._inbox.open(self._transport)
        self._outbox.open(self._transport)

    def pause_writing(self) -> None:
        self._outbox.pause()

    def resume_writing(self) -> None:
        self._outbox.resume()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._chunk

    def buffer_updated(self, nbytes: int) -> None:
        before = len(self._partial)
        self._partial += memoryview(self._chunk)[:nbytes]
        end = self._partial.rfind(b'\n', before)
        try:
            if end >= 0:
                lines = bytes(memoryview(self._partial)[:end]).split(b'\n')
                del self._partial[: end + 1]
                for line in lines:
                    self._take(line)
            if len(self._partial) > LINE_BYTES:
                raise too_long()
        except BadLine as error:
            self.close(str(error))
        else:
            self._inbox.work()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end('')

    # in

    def _take(self, line: bytes) -> None:
        message = decoded(line)
        answer = self._awaited(message) if type(message) is dict and 'method' not in message else None
        if answer is None:
            self._inbox.add(message, len(line))
            return
        self._window.add(1, self._clock.monotonic())
        if (error := error_in(message)) is not None:
            answer.set_exception(error)
        else:
            answer.set_result(message.get('result'))

    def _awaited(self, message: Message) -> asyncio.Future[Any] | None:
        number = message.get('id')
        answer = self._calls.get(number) if type(number) is int else None
        return answer if answer is not None and not answer.done() else None

    def _handle(self, message: Any) -> None:
        self._window.add(1, self._clock.monotonic())
        if type(message) is not dict or message.get('jsonrpc') != '2.0':
            self._answer_error(None, RpcError(INVALID, 'expected a JSON-RPC 2.0 object'))
            return
        if 'method' not in message:
            return  # an answer that nobody waits for any more
        number, method, params = message.get('id'), message['method'], message.get('params', {})
        is_request = 'id' in message
        if type(method) is not str or (is_request and not _is_id(number)):
            self._answer_error(None, RpcError(INVALID, 'expected a method by name and an id of a number or text'))
        elif is_request:
            self._serve(number, method, params)
        elif type(params) is dict:
            self._hear(method, params)

    def _hear(self, method: str, params: Message) -> None:
        try:
            self._handler.on_notification(method, params)
        except Exception as error:  # must not cost the loop its protocol
            log_error(error, operation='serve a plugin', method=method[:100])

    def _serve(self, number: Any, method: str, params: Any) -> None:
        if type(params) is not dict:
            self._answer_error(number, RpcError(BAD_PARAMS, f'{method[:100]}: expected named params'))
            return
        if len(self._serving) >= MOST_CALLS:
            self._answer_error(number, RpcError(LIMIT, f'more than {MOST_CALLS} requests are waiting for an answer'))
            return
        result = self._attempt(number, method, params)
        if asyncio.iscoroutine(result):
            task = asyncio.create_task(self._serve_later(number, method, result), name=f'serve {method[:100]}')
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
            task.add_done_callback(lambda _done: result.close())  # it may be cancelled before it begins

    def _attempt(self, number: int | str, method: str, params: Message) -> Any:
        """Answer at once, or return the coroutine that has the answer."""
        try:
            result = self._handler.on_request(method, params)
            if asyncio.iscoroutine(result):
                return result
            self._answer(number, result)
        except RpcError as error:
            self._answer_error(number, error)
        except Exception as error:  # must not cost the loop its protocol
            self._answer_mistake(number, method, error)
        return None

    async def _serve_later(self, number: int | str, method: str, work: Coroutine[Any, Any, Any]) -> None:
        try:
            self._answer(number, await work)
        except RpcError as error:
            self._answer_error(number, error)
        except Exception as error:  # the task's boundary
            self._answer_mistake(number, method, error)

    # out

    def _send(self, line: bytes) -> None:
        if not self.is_closed:
            self._window.add(1, self._clock.monotonic())
            self._outbox.send(line)

    def _answer(self, number: int | str, result: Any) -> None:
        """Raises RpcError for what cannot be sent."""
        self._send(encoded({'id': number, 'result': result}))

    def _answer_error(self, number: int | str | None, error: RpcError) -> None:
        problem: Message = {'code': error.code, 'message': str(error)}
        if error.data is not None:
            problem['data'] = error.data
        self._send(encoded({'id': number, 'error': problem}))

    def _answer_mistake(self, number: int | str, method: str, error: Exception) -> None:
        log_error(error, operation='serve a plugin', method=method[:100])
        self._answer_error(number, RpcError(INTERNAL, 'it failed here; the app has noted why'))

    def _end(self, reason: str) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        self.closed.set()
        self._inbox.close()
        self._outbox.close()
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(RpcClosed('the plugin is gone'))
                answer.exception()  # seen: nobody may be waiting
        self._calls.clear()
        for task in self._serving:
            task.cancel()
        self._handler.on_close(reason)


def _is_id(number: Any) -> bool:
    return type(number) is int or (type(number) is str and len(number) <= _MOST_ID)
