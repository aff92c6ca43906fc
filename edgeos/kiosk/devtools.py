"""The remote control of Chromium (DevTools protocol) over its pipe: JSON messages, each ended by a zero byte."""
import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import orjson

MOST_BYTES = 16 * 1024 * 1024  # of one message; a page may make an answer long
ANSWER = 5.0  # s

OnEvent = Callable[[str, dict[str, Any]], None]


class DevToolsError(Exception):
    """Raised where Chromium answers that it did not do it."""


class DevToolsClosed(Exception):
    """Raised when Chromium has gone, or said what nobody can read."""


class DevTools(asyncio.Protocol):
    """Our end. `on_event(method, params)` is called on the loop and must not raise."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last_id = 0
        self._partial = bytearray()
        self.is_closed = False

    @classmethod
    async def over(cls, sock: socket.socket, on_event: OnEvent) -> 'DevTools':
        """Talk over a connected socket, which belongs to it from now on."""
        sock.setblocking(False)
        _transport, made = await asyncio.get_running_loop().create_connection(lambda: cls(on_event), sock=sock)
        return made

    async def call(self, method: str, session: str = '', limit: float = ANSWER, **params: object) -> dict[str, Any]:
        """Chromium's result; raises DevToolsError, DevToolsClosed, and TimeoutError after `limit` seconds."""
        number = self.tell(method, session, **params)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(limit):
                return await answer
        finally:
            self._waiting.pop(number, None)

    def tell(self, method: str, session: str = '', **params: object) -> int:
        """Say something without waiting; its number. Raises DevToolsClosed."""
        if self.is_closed or self._transport is None:
            raise DevToolsClosed(method)
        self._last_id += 1
        message: dict[str, object] = {'id': self._last_id, 'method': method, 'params': params}
        if session:
            message['sessionId'] = session
        self._transport.write(orjson.dumps(message) + b'\0')
        return self._last_id

    def close(self) -> None:
        """End the conversation; whoever waits gets DevToolsClosed."""
        if self._transport is not None:
            self._transport.abort()
        self._end()

    # the protocol's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestors

    def data_received(self, data: bytes) -> None:
        self._partial += data
        *messages, rest = self._partial.split(b'\0') if b'\0' in data else (self._partial,)
        self._partial = rest
        if len(rest) > MOST_BYTES:
            self.close()
        for message in messages:
            self._take(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _take(self, text: bytearray) -> None:
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            return self.close()
        answer = self._waiting.get(message.get('id', 0))
        if answer is not None and not answer.done():
            if 'error' in message:
                answer.set_exception(DevToolsError(str(message['error'].get('message'))[:200]))
            else:
                answer.set_result(message.get('result', {}))
        elif 'method' in message:
            self._on_event(message['method'], message.get('params', {}))
        return None

    def _end(self) -> None:
        self.is_closed = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(DevToolsClosed('Chromium has gone'))
                answer.exception()  # seen: nobody may be waiting
        self._waiting.clear()
