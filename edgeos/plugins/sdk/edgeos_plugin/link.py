"""The conversation with the app: JSON-RPC 2.0, one object per line, over a socket.

Nothing here waits for the socket. What the app does not read is kept up to a limit, published values as the newest of
each point.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from .backlog import Backlog
from .errors import Disconnected, error_of

LINE_BYTES = 1 << 20
VALUE_BYTES = 64 << 10
CALLS = 64  # waiting for an answer at a time
PATIENCE = 10.0  # s for an answer
CHUNK = 256 << 10
FULL = 64 << 10  # bytes on the way beyond which published values wait
WORDS = 1 << 20  # bytes on the way beyond which what can be missed is left out
WAITING = 256  # published values that wait in order
WAITING_BYTES = 8 << 20  # of those values

Message = dict[str, Any]
Answered = Callable[[Message], None]

_to_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(',', ':')).encode


def encoded(message: Message) -> bytes:
    """One line; raises ValueError when it is longer than a line may be or has no form in JSON, as NaN."""
    return as_line(to_text(message))


def to_text(value: Any) -> str:
    """JSON; raises ValueError for what has no form in it."""
    check_numbers(value)
    try:
        return _to_text(value)
    except (TypeError, RecursionError) as error:
        raise ValueError(f'this cannot be sent: {error}') from error


def check_numbers(value: Any) -> None:
    """Raises ValueError for whole numbers beyond 64 bits, which others could not read exactly."""
    if type(value) is int and not -(1 << 63) <= value < 1 << 63:
        raise ValueError('a whole number must fit into 64 bits')
    if type(value) in (dict, list, tuple):
        for item in value.values() if type(value) is dict else value:
            check_numbers(item)


def as_line(text: str) -> bytes:
    """Raises ValueError when it is longer than a line may be."""
    line = text.encode() + b'\n'
    if len(line) > LINE_BYTES:
        raise ValueError(f'{len(line)} bytes are more than the {LINE_BYTES} of a message')
    return line


class Link:
    """One end of the conversation. `say` and `publish` may be called from any thread, all else on the loop.

    `on_message` gets requests and notifications, on the loop, and must not raise; so does `on_end`, once, when the
    other side is gone or says what is no message.
    """

    def __init__(self, sock: socket.socket, on_message: Callable[[Message], None], on_end: Callable[[], None]) -> None:
        sock.setblocking(False)
        self.is_closed = False
        self.left_out = 0  # messages the other side will never see
        self._sock = sock
        self._on_message = on_message
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._out = bytearray()
        self._late: Backlog[bytes] = Backlog(WAITING)
        self._late_bytes = 0
        self._is_due = False
        self._is_stuck = False
        self._partial = b''
        self._waiting: dict[int, Answered] = {}
        self._last_number = 0
        self._window = asyncio.Semaphore(CALLS)
        self._loop.add_reader(sock, self._read)

    # any thread

    def say(self, line: bytes, *, can_be_missed: bool = False) -> None:
        """A line as `encoded` makes it; one that can be missed is left out when the other side has long not read."""
        with self._lock:
            if self.is_closed:
                return
            if can_be_missed and len(self._out) + len(line) > WORDS:
                self.left_out += 1
                return
            self._out += line
            self._flush_soon()

    def publish(self, name: str, line: bytes) -> None:
        """The same for a value: while the other side does not read, newer ones of the same name take its place."""
        with self._lock:
            if self.is_closed:
                return
            if not self._late and not self._is_stuck and len(self._out) < FULL:
                self._out += line
            else:
                self._put_late(name, line)
            self._flush_soon()

    def _put_late(self, name: str, line: bytes) -> None:
        replaced = self._late.put(name, line)
        self._late_bytes += len(line) - len(replaced or b'')
        while self._late_bytes > WAITING_BYTES:
            self._late_bytes -= len(self._late.take())
            self.left_out += 1

    def _flush_soon(self) -> None:
        if self._is_due or self._is_stuck:
            return
        self._is_due = True
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._flush)
        else:
            self._loop.call_soon_threadsafe(self._flush)

    # on the loop

    def request(self, method: str, params: Message, on_answer: Answered) -> int:
        """Ask, and have `on_answer` called with {result} or {error} before anything later is looked at."""
        self._last_number += 1
        number = self._last_number
        line = encoded({'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params})
        if self.is_closed:
            raise Disconnected('the app is gone')
        self._waiting[number] = on_answer
        self.say(line)
        return number

    async def call(self, method: str, params: Message, limit: float = PATIENCE) -> Any:
        """The other side's result; raises PluginError, ValueError, TimeoutError after `limit` seconds."""
        answer: asyncio.Future[Message] = self._loop.create_future()
        async with asyncio.timeout(limit), self._window:
            number = self.request(method, params, partial(_settle, answer))
            try:
                message = await answer
            finally:
                self._waiting.pop(number, None)
        if 'error' in message:
            raise error_of(message['error'])
        return message.get('result')

    def answer(self, number: Any, result: Any) -> None:
        """Raises ValueError as `encoded` does."""
        self.say(encoded({'jsonrpc': '2.0', 'id': number, 'result': result}))

    def refuse(self, number: Any, code: int, message: str) -> None:
        self.say(encoded({'jsonrpc': '2.0', 'id': number, 'error': {'code': code, 'message': message[:2000]}}))

    async def drain(self, limit: float) -> None:
        """Wait until the other side has been given everything, at most `limit` seconds."""
        end = self._loop.time() + limit
        while (self._out or self._late) and not self.is_closed and self._loop.time() < end:
            await asyncio.sleep(0.005)

    def close(self) -> None:
        """End the conversation; whoever waits gets Disconnected."""
        with self._lock:
            if self.is_closed:
                return
            self.is_closed = True
            self._out.clear()
            self._late = Backlog(0)
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        for on_answer in list(self._waiting.values()):
            on_answer({'error': {'code': Disconnected.code, 'message': 'the app is gone'}})

    def _flush(self) -> None:
        with self._lock:
            self._is_due = False
            while not self.is_closed and (self._out or self._late):
                while self._late and len(self._out) < FULL:
                    line = self._late.take()
                    self._late_bytes -= len(line)
                    self._out += line
                try:
                    sent = self._sock.send(self._out)
                except BlockingIOError:
                    self._set_stuck(True)
                    return
                except OSError:
                    return  # the reader sees the end
                del self._out[:sent]
            self._set_stuck(False)

    def _set_stuck(self, is_stuck: bool) -> None:
        if is_stuck != self._is_stuck and not self.is_closed:
            self._is_stuck = is_stuck
            if is_stuck:
                self._loop.add_writer(self._sock, self._flush)
            else:
                self._loop.remove_writer(self._sock)
                self._loop.call_soon(self._tell_left_out)

    def _tell_left_out(self) -> None:
        if count := self.left_out:
            self.left_out = 0
            text = f'{count} messages were left out while the app did not read'
            params = {'level': 'warning', 'text': text}
            self.say(encoded({'jsonrpc': '2.0', 'method': 'log', 'params': params}))

    def _read(self) -> None:
        try:
            chunk = self._sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b''
        *lines, self._partial = (self._partial + chunk).split(b'\n')
        try:
            messages = [json.loads(line) for line in lines]
        except ValueError:
            messages = [None]
        for message in messages:
            self._take(message)
        if not chunk or len(self._partial) > LINE_BYTES:
            self._hang_up()

    def _take(self, message: Any) -> None:
        if type(message) is not dict:
            self._hang_up()
        elif 'method' in message:
            self._on_message(message)
        elif (on_answer := self._waiting.pop(message.get('id', 0), None)) is not None:
            on_answer(message)

    def _hang_up(self) -> None:
        if not self.is_closed:
            self.close()
            self._on_end()


def _settle(answer: 'asyncio.Future[Message]', message: Message) -> None:
    if not answer.done():
        answer.set_result(message)
