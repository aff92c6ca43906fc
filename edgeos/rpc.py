"""Requests, answers and messages between the app and its child processes: one JSON object per line over a socket.

The shapes are those of JSON-RPC 2.0 without its version key. A request is `{"id", "method", "params"}`, its answer
`{"id", "result"}` or `{"id", "error": {"code", "message", "data"}}`; a message without an answer has no id. A list of
plain values as a whole line is a message too, the leanest one: its first entry is the method.
"""
import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import orjson

LINE_BYTES = 32 * 1024 * 1024  # a line beyond this ends the conversation
CHUNK = 256 * 1024
NOT_JSON = -32600  # JSON-RPC: invalid request

Handler = Callable[[str, Any], None]


class RpcError(Exception):
    """Raised where a request was answered with an error; `code` and `data` are the other side's."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.code = code
        self.data = data
        super().__init__(message)


class RpcClosed(Exception):
    """Raised when the other side is gone."""


def encoded(message: dict[str, Any]) -> bytes:
    """One line; raises RpcError for what JSON cannot carry."""
    try:
        return orjson.dumps(message) + b'\n'
    except TypeError as error:
        raise RpcError(NOT_JSON, f'this cannot be sent: {error}') from error


class Peer(asyncio.BufferedProtocol):
    """The app's end. `on_message(method, params)` gets what needs no answer, on the loop; it must not raise."""

    def __init__(self, on_message: Handler, on_close: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_close = on_close
        self._transport: asyncio.Transport | None = None
        self._chunk = bytearray(CHUNK)
        self._partial = bytearray()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self.is_closed = False

    @classmethod
    async def over(cls, sock: socket.socket, on_message: Handler, on_close: Callable[[], None]) -> 'Peer':
        """Talk over a connected socket, which belongs to the peer from now on."""
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        _transport, peer = await loop.create_connection(lambda: cls(on_message, on_close), sock=sock)
        return peer

    async def call(self, method: str, params: Any, limit: float) -> Any:
        """The other side's result; raises RpcError, RpcClosed, TimeoutError after `limit` seconds."""
        if self.is_closed:
            raise RpcClosed(method)
        self._last_id += 1
        number = self._last_id
        line = encoded({'id': number, 'method': method, 'params': params})
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._write(line)
        try:
            async with asyncio.timeout(limit):
                return await answer
        finally:
            self._waiting.pop(number, None)

    def notify(self, method: str, params: Any) -> None:
        """Say something that needs no answer."""
        if not self.is_closed:
            self._write(encoded({'method': method, 'params': params}))

    def close(self) -> None:
        """End the conversation; whoever waits gets RpcClosed."""
        if self._transport is not None:
            self._transport.abort()
        self._end()

    def _write(self, line: bytes) -> None:
        if self._transport is not None:
            self._transport.write(line)

    # the protocol's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestors

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._chunk

    def buffer_updated(self, nbytes: int) -> None:
        self._partial += memoryview(self._chunk)[:nbytes]
        end = self._partial.rfind(b'\n')
        if end < 0:
            if len(self._partial) > LINE_BYTES:
                self.close()
            return
        lines = bytes(memoryview(self._partial)[:end]).split(b'\n')
        del self._partial[:end + 1]
        for line in lines:
            self._take(line)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _take(self, line: bytes) -> None:
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            message = None
        if type(message) is list and message and type(message[0]) is str:
            self._on_message(message[0], message)
        elif type(message) is dict and type(message.get('method')) is str:
            self._on_message(message['method'], message.get('params'))
        elif type(message) is dict and type(message.get('id')) is int and type(message.get('error', {})) is dict:
            self._settle(message)
        else:
            self.close()  # whoever writes broken lines cannot be trusted with values

    def _settle(self, message: dict[str, Any]) -> None:
        answer = self._waiting.get(message['id'])
        if answer is None or answer.done():
            return  # nobody waits any more
        if 'error' in message:
            error = message['error']
            answer.set_exception(RpcError(error.get('code', 0), error.get('message', ''), error.get('data')))
        else:
            answer.set_result(message.get('result'))

    def _end(self) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(RpcClosed('the other side is gone'))
                answer.exception()  # seen: nobody may be waiting
        self._waiting.clear()
        self._on_close()
