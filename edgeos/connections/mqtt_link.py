"""One paho client driven by the event loop: no thread of its own, except a short-lived one while connecting.

Facts that shape this file, found by reading and measuring paho 2.2: an exception in `on_message` repeats the packet for
ever; a TLS record may hold packets the selector cannot see; a mute server never answers CONNECT and paho never asks
why; a refused login is followed by a second, emptier reason. paho's own keep-alive (`loop_misc`) is not used: it drops
links whose answer waits behind data, and those whose broker sets the keep-alive to 0.
"""
import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from paho.mqtt.client import Client, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgeos.connections.mqtt_client import LeanClient

PACKETS_PER_WAKE = 16
SECONDS_PER_WAKE = 0.002
CONNECT_SECONDS = 5.0  # TCP, per address
ANSWER_SECONDS = 5.0  # CONNACK, SUBACK
DROP_AFTER = 1.75  # keep-alive periods without a sign of life

T = TypeVar('T')


class MqttLink:
    """One attempt and, if it succeeds, one link. Make a new one for each attempt."""

    def __init__(self, client: LeanClient, host: str, port: int, keepalive: int,
                 on_life: Callable[[float], None], on_read: Callable[[], None]) -> None:  # fmt: skip
        self.client = client
        self.round_trip: Callable[[float], None] = lambda ms: None
        self.published: Callable[[int, ReasonCode], None] = lambda mid, reason: None
        self._host, self._port, self._keepalive = host, port, keepalive
        self._on_life, self._on_read = on_life, on_read
        self._loop = asyncio.get_running_loop()
        self._sock: socket.socket | None = None
        self._tick_timer: asyncio.TimerHandle | None = None
        self._more: asyncio.Handle | None = None
        self._abandoned = False
        self._pinged_at = 0.0
        self._ping_open = False
        self._heard = time.monotonic()
        self.connack: asyncio.Future[ReasonCode] = self._loop.create_future()
        self.suback: asyncio.Future[list[ReasonCode]] = self._loop.create_future()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self.broker_said: ReasonCode | None = None  # the reason in a DISCONNECT the broker sent
        self._listen(client)

    def _listen(self, client: LeanClient) -> None:
        client.connect_timeout = CONNECT_SECONDS
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_pong = self._on_pong
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_want_write
        client.on_socket_unregister_write = self._on_no_write

    # opening

    async def connect(self, prepare: Callable[[LeanClient], None], limit: float) -> None:
        """Resolve, connect, TLS, send CONNECT, in a thread that is given up after `limit` seconds.

        Raises what `socket` and `ssl` raise, TimeoutError after the limit.
        """
        done: asyncio.Future[None] = self._loop.create_future()
        threading.Thread(target=self._connect_in_thread, args=(prepare, done), daemon=True,
                         name=f'connect {self._host}').start()  # fmt: skip
        try:
            async with asyncio.timeout(limit):
                await done
        except BaseException:
            self._abandoned = True
            raise
        self._attach()

    def _connect_in_thread(self, prepare: Callable[[LeanClient], None], done: asyncio.Future[None]) -> None:
        error: BaseException | None = None
        try:
            prepare(self.client)
            self.client.connect(self._host, self._port, self._keepalive)
        except Exception as caught:  # handed to the task that waits, which names it
            error = caught
        if self._abandoned:
            self._discard()
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(self._finish, done, error)

    def _finish(self, done: asyncio.Future[None], error: BaseException | None) -> None:
        if done.done():
            self._discard()
        elif error is not None:
            done.set_exception(error)
        else:
            done.set_result(None)

    def _discard(self) -> None:
        sock = self.client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()

    def _attach(self) -> None:
        sock = cast('socket.socket | None', self.client.socket())
        if sock is None:
            raise ConnectionResetError('closed right after connecting')
        self._sock = sock
        self._loop.add_reader(sock, self._read)
        if self.client.want_write():
            self._loop.add_writer(sock, self._write)
        self._tick_timer = self._loop.call_later(1, self._tick)
        self._read()  # TLS may already hold the answer; or the peer has closed, which ends the ticks

    # reading and writing, on the loop

    def _read(self) -> None:
        client = self.client
        stop = time.monotonic() + SECONDS_PER_WAKE
        first = before = self.packets()
        for _ in range(PACKETS_PER_WAKE):
            if not self._read_packet(client) or self.packets() == before or time.monotonic() > stop:
                break
            before = self.packets()
        if self.packets() != first:
            self.heard()
            self._on_read()
        sock = self._sock
        if isinstance(sock, ssl.SSLSocket) and self._more is None and sock.pending():
            self._more = self._loop.call_soon(self._read_more)

    def packets(self) -> int:
        """Messages received so far; replaced by whoever counts them."""
        return 0

    def _read_packet(self, client: LeanClient) -> bool:
        try:
            client.loop_read()
        except Exception as error:  # whatever a hostile peer makes paho's parser raise ends this link only
            self._lose(f'{type(error).__name__}: {error}')
            return False
        return self._sock is not None

    def _read_more(self) -> None:
        self._more = None
        if self._sock is not None:
            self._read()

    def _write(self) -> None:
        self.client.loop_write()

    def _on_want_write(self, client: Client, userdata: Any, sock: Any) -> None:
        if sock is self._sock and sock is not None:
            self._loop.add_writer(sock, self._write)

    def _on_no_write(self, client: Client, userdata: Any, sock: Any) -> None:
        if sock is self._sock and sock is not None:
            self._loop.remove_writer(sock)

    def _on_socket_close(self, client: Client, userdata: Any, sock: Any) -> None:
        if sock is self._sock and sock is not None:
            self._detach()

    def _detach(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None and sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
        for handle in (self._tick_timer, self._more):
            if handle is not None:
                handle.cancel()

    # signs of life

    def heard(self) -> None:
        """Something came from the broker just now."""
        self._heard = time.monotonic()
        self._on_life(self._heard)

    def _tick(self) -> None:
        self._tick_timer = self._loop.call_later(1, self._tick)
        now = time.monotonic()
        self._heard = max(self._heard, self.client.last_bytes_at)  # a message that is still coming in is life too
        quiet = now - self._heard
        if quiet < 1.5:
            self._on_life(self._heard)
        if quiet >= DROP_AFTER * self._keepalive:
            self._lose(f'nothing was heard for {quiet:.0f} s')
            return
        if now - self._pinged_at >= min(self._keepalive, self.client.keepalive or self._keepalive) / 2:
            self._ping(now)

    def _ping(self, now: float) -> None:
        self._pinged_at = now
        self._ping_open = True
        self.client.ping()

    def _on_pong(self) -> None:
        if self._ping_open:
            self._ping_open = False
            self.round_trip((time.monotonic() - self._pinged_at) * 1000)
        self.heard()

    def _on_connect(self, client: Client, userdata: Any, flags: Any, reason: ReasonCode,
                    properties: Properties | None) -> None:  # fmt: skip
        self.heard()
        if not self.connack.done():
            self.connack.set_result(reason)

    def _on_subscribe(self, client: Client, userdata: Any, mid: int, reasons: list[ReasonCode],
                      properties: Properties | None) -> None:  # fmt: skip
        self.heard()
        if not self.suback.done():
            self.suback.set_result(reasons)

    def _on_publish(self, client: Client, userdata: Any, mid: int, reason: ReasonCode,
                    properties: Properties | None) -> None:  # fmt: skip
        self.published(mid, reason)

    def _on_disconnect(self, client: Client, userdata: Any, flags: DisconnectFlags, reason: ReasonCode,
                       properties: Properties | None) -> None:  # fmt: skip
        if flags.is_disconnect_packet_from_server and self.broker_said is None:
            self.broker_said = reason
        self._lose(str(reason))

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)

    # waiting and closing

    async def answer(self, wanted: 'asyncio.Future[T]', limit: float = ANSWER_SECONDS) -> T | None:
        """The broker's answer, or None when the link went first; raises TimeoutError."""
        await asyncio.wait((wanted, self.lost), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            return wanted.result()
        if self.lost.done():
            return None
        raise TimeoutError

    def close(self) -> None:
        """Say good-bye if anybody listens, and let go of the socket."""
        self._abandoned = True
        self._lose('closed')
        if self._sock is None:
            return
        with contextlib.suppress(OSError, ValueError):
            self.client.disconnect()
            self.client.loop_write()
        if self._sock is not None:
            sock = self._sock
            self._detach()
            with contextlib.suppress(OSError):
                sock.close()
