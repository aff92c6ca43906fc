"""The fake's connection to the bus: calls come in, replies and signals go out, and no flood breaks it."""
import asyncio
import contextlib
import functools
import os
import select
from collections import deque
from collections.abc import Callable
from typing import Any

from dbus_fast import Message, MessageType, NameFlag, RequestNameReply
from dbus_fast.aio import MessageBus

DBUS = 'org.freedesktop.DBus'
LEFT = f"type='signal',sender='{DBUS}',interface='{DBUS}',member='NameOwnerChanged',arg2=''"
OWN_BUSINESS = (f'{DBUS}.Introspectable', f'{DBUS}.Peer')  # of the library


class Wire:
    """Owns a name on the bus.

    `on_call` is called with each method call, `on_left` with the unique name of each client that leaves the bus,
    `on_death` once if the connection breaks without `close`.
    """

    def __init__(self, address: str, name: str, on_call: Callable[[Message], None], on_left: Callable[[str], None],
                 on_death: Callable[[], None]) -> None:  # fmt: skip
        self._address = address
        self._name = name
        self._on_call = on_call
        self._on_left = on_left
        self._on_death = on_death
        self._bus: MessageBus | None = None
        self._outgoing: deque[tuple[Message, int | None]] = deque()
        self._incoming: deque[Message] = deque()
        self._is_frozen = False
        self._is_sending = False
        self._writable_fd = -1
        self._watch: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._bus is not None and self._bus.connected

    @property
    def waiting(self) -> int:
        """Messages that have not gone out yet."""
        return len(self._outgoing) + self._is_sending

    async def open(self) -> None:
        """Connect and take the name; raises OSError if there is no bus."""
        bus = MessageBus(bus_address=self._address, negotiate_unix_fd=True)
        try:
            await bus.connect()
            bus.add_message_handler(self._receive)
            await bus.call(Message(destination=DBUS, path='/org/freedesktop/DBus', interface=DBUS, member='AddMatch',
                                   signature='s', body=[LEFT]))  # fmt: skip
            self._bus = bus
            # a second descriptor, because an event loop has one writer for each and the library has taken the first
            assert bus._sock is not None
            self._writable_fd = os.dup(bus._sock.fileno())
            answer = await bus.request_name(self._name, NameFlag.DO_NOT_QUEUE)
            assert answer is RequestNameReply.PRIMARY_OWNER, f'somebody else is {self._name} on this bus'
        except BaseException:
            self.cut()
            bus.disconnect()
            raise
        self._watch = asyncio.create_task(self._wait_for_death(bus), name='fake BlueZ: bus')

    async def _wait_for_death(self, bus: MessageBus) -> None:
        with contextlib.suppress(OSError, EOFError):
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        if self._bus is bus:
            self.cut()
            self._on_death()

    def cut(self) -> None:
        """Without a word, as if the process had been killed."""
        bus, self._bus = self._bus, None
        for _message, fd in self._outgoing:
            _close(fd)
        self._outgoing.clear()
        self._incoming.clear()
        self._is_frozen = self._is_sending = False
        if self._writable_fd >= 0:
            asyncio.get_running_loop().remove_writer(self._writable_fd)
            os.close(self._writable_fd)
            self._writable_fd = -1
        if bus is not None:
            bus.disconnect()
        if self._watch is not None and self._watch is not asyncio.current_task():
            self._watch.cancel()
        self._watch = None

    async def close(self) -> None:
        """After everything has gone out."""
        while self.is_open and self.waiting:
            await asyncio.sleep(0.001)
        self.cut()

    def freeze(self) -> None:
        """Neither take nor give anything, as a stopped process."""
        self._is_frozen = True

    def thaw(self) -> None:
        """On with it, with what has come in meanwhile."""
        self._is_frozen = False
        while self._incoming and not self._is_frozen:
            self._take(self._incoming.popleft())
        self._flush()

    # in

    def _receive(self, message: Message) -> bool | None:
        if message.interface in OWN_BUSINESS:
            return None
        if message.message_type is MessageType.METHOD_CALL:
            (self._incoming.append if self._is_frozen else self._take)(message)
            return True
        if message.message_type is MessageType.SIGNAL and message.member == 'NameOwnerChanged':
            (self._incoming.append if self._is_frozen else self._take)(message)
        return None

    def _take(self, message: Message) -> None:
        if message.message_type is MessageType.METHOD_CALL:
            self._on_call(message)
        elif message.body[2] == '':
            self._on_left(message.body[0])

    # out

    def send(self, message: Message, fd: int | None = None) -> None:
        """Send a reply or signal, with a file descriptor which is closed here afterwards; dropped if there is no bus."""
        if self._bus is None:
            _close(fd)
            return
        self._outgoing.append((message, fd))
        self._flush()

    def _flush(self) -> None:
        """One message at a time, and only into a free socket: the library takes EAGAIN for the end of the bus."""
        while self._outgoing and not self._is_sending and not self._is_frozen and self._bus is not None:
            if not _is_writable(self._writable_fd):
                asyncio.get_running_loop().add_writer(self._writable_fd, self._became_writable)
                return
            message, fd = self._outgoing.popleft()
            sent = self._bus.send(message)
            if sent.done():
                _close(fd)
            else:
                self._is_sending = True
                sent.add_done_callback(functools.partial(self._has_sent, fd))

    def _became_writable(self) -> None:
        asyncio.get_running_loop().remove_writer(self._writable_fd)
        self._flush()

    def _has_sent(self, fd: int | None, _sent: asyncio.Future[Any]) -> None:
        _close(fd)
        self._is_sending = False
        self._flush()


def _is_writable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))


def _close(fd: int | None) -> None:
    if fd is not None:
        os.close(fd)
