"""A BlueZ look-alike on a private bus: enough of org.bluez for the unmodified bleak, and everything that goes wrong.

It does what BlueZ 5.66 to 5.87 do as far as bleak and its users can see; the names of BlueZ' own source files are
beside what was read there. Times are shorter where waiting would prove nothing.
"""
import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from dbus_fast import Message, MessageFlag

from edgeos.demo.ble_device import BleDevice
from tests.devices.bluez.adapter import Adapter
from tests.devices.bluez.device import Device
from tests.devices.bluez.errors import UNKNOWN_METHOD, UNKNOWN_OBJECT, BlueZError
from tests.devices.bluez.objects import ADAPTER, OBJECT_MANAGER, PROPERTIES, Objects, typed
from tests.devices.bluez.peripheral import Peripheral
from tests.devices.bluez.reply import EMPTY, Reply
from tests.devices.bluez.wire import Wire

NAME = 'org.bluez'

log = logging.getLogger(__name__)


class Handler(Protocol):
    """An object on the bus that can be called."""

    async def call(self, member: str, body: list[Any], sender: str) -> Reply: ...


@dataclass(slots=True)
class Call:
    """One method call; times are monotonic. `ended` is None while it is not answered, `error` is D-Bus' name for it."""

    path: str
    member: str
    sender: str
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    error: str = ''


class FakeBlueZ:
    """The daemon. Adapters and peripherals are hardware: they survive `stop` and `kill`, what is known of them does not.

    `calls` are the last ten thousand; `mistakes` are exceptions of the fake or of a simulated device, which a test has
    to find empty.
    """

    def __init__(self, address: str, adapters: tuple[str, ...] = ('hci0',)) -> None:
        self.calls: deque[Call] = deque(maxlen=10_000)
        self.mistakes: list[BaseException] = []
        self.adapters: dict[str, Adapter] = {}
        self.peripherals: dict[str, Peripheral] = {}
        self._wire = Wire(address, NAME, self._receive, self._left, self._died)
        self._objects = Objects(self._wire.send)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._air: dict[str, asyncio.Task[None]] = {}
        self._is_frozen = False
        self._counts: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._peaks: Counter[str] = Counter()
        for name in adapters:
            self.add_adapter(name)

    # the daemon

    @property
    def is_running(self) -> bool:
        return self._wire.is_open

    async def start(self) -> 'FakeBlueZ':
        """Take the name org.bluez and show the adapters; raises OSError if there is no bus."""
        await self._wire.open()
        for adapter in self.adapters.values():
            adapter.appear()
        for address in self.peripherals:
            self._advertise(address)
        return self

    async def stop(self) -> None:
        """As `systemctl stop bluetooth`: links end, objects go, then the name."""
        if self.is_running:
            for adapter in self.adapters.values():
                if adapter.is_powered:
                    adapter.power(False)
                adapter.disappear()
            await self._wire.close()
        await self._end()

    async def kill(self) -> None:
        """As SIGKILL: the bus knows, and nobody is told anything. The kernel ends the links."""
        self._wire.cut()
        await self._end()

    def freeze(self) -> None:
        """As SIGSTOP: calls are not answered, adverts not told."""
        self._is_frozen = True
        self._wire.freeze()

    def thaw(self) -> None:
        """As SIGCONT."""
        self._is_frozen = False
        self._wire.thaw()

    def _died(self) -> None:
        """The bus is gone: bluetoothd exits."""
        self._forget()

    async def _end(self) -> None:
        tasks = self._forget()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self) -> list[asyncio.Task[Any]]:
        self._objects.clear()
        for adapter in self.adapters.values():
            adapter.reset()
        tasks = [*self._tasks, *self._air.values()]
        for task in tasks:
            task.cancel()
        self._air.clear()
        self._is_frozen = False
        return tasks

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.mistakes.append(error)
            log.error('%s', task.get_name(), exc_info=error)

    # hardware

    def add_adapter(self, name: str = 'hci0') -> Adapter:
        """Plug one in."""
        adapter = Adapter(name, f'00:1A:7D:DA:71:{len(self.adapters):02X}', self._objects, self._spawn)
        self.adapters[name] = adapter
        if self.is_running:
            adapter.appear()
        return adapter

    def remove_adapter(self, name: str = 'hci0') -> None:
        """Pull one out."""
        self.adapters.pop(name).disappear()

    @property
    def adapter(self) -> Adapter:
        """The first one."""
        return next(iter(self.adapters.values()))

    def add(self, device: BleDevice, interval: float = 0.1, address_type: str = 'public') -> Peripheral:
        """Switch a device on; it advertises every `interval` seconds."""
        peripheral = Peripheral(device, interval, address_type)
        self.peripherals[peripheral.address] = peripheral
        if self.is_running:
            self._advertise(peripheral.address)
        return peripheral

    def remove(self, address: str) -> None:
        """Switch a device off for good; what BlueZ knows of it remains."""
        self.peripherals.pop(address.upper()).leave()
        self._be_quiet(address.upper())

    def device(self, address: str, adapter: str = '') -> Device:
        """What BlueZ believes of a device; raises KeyError if it does not know it."""
        return (self.adapters[adapter] if adapter else self.adapter).devices[address.upper()]

    def forget(self, address: str, adapter: str = '') -> None:
        """Remove a device's objects and say nothing of the link."""
        device = self.device(address, adapter)
        device.adapter.remove(device)

    def _be_quiet(self, address: str) -> None:
        if (adverts := self._air.pop(address, None)) is not None:
            adverts.cancel()

    def _advertise(self, address: str) -> None:
        self._be_quiet(address)
        self._air[address] = self._spawn(self._send_adverts(self.peripherals[address]), f'adverts of {address}')

    async def _send_adverts(self, peripheral: Peripheral) -> None:
        while True:
            await asyncio.sleep(peripheral.interval)
            if not peripheral.is_advertising:
                continue
            peripheral.adverts += 1
            if not self._is_frozen:
                for adapter in self.adapters.values():
                    adapter.hear(peripheral)

    # calls

    def calls_of(self, member: str) -> list[Call]:
        """Those of one kind."""
        return [call for call in self.calls if call.member == member]

    def count(self, member: str) -> int:
        """How often something has been called."""
        return self._counts[member]

    def most_at_once(self, member: str = 'Connect') -> int:
        """How many calls of one kind have been under way at the same time."""
        return self._peaks[member]

    def forget_calls(self) -> None:
        """Count anew."""
        self.calls.clear()
        self._counts.clear()
        self._peaks = Counter(self._under_way)

    def _receive(self, message: Message) -> None:
        self._spawn(self._answer(message), f'{message.member} at {message.path}')

    async def _answer(self, message: Message) -> None:
        with self._counted(Call(str(message.path), str(message.member), str(message.sender))) as call:
            await self._reply(message, call)

    @contextlib.contextmanager
    def _counted(self, call: Call) -> Iterator[Call]:
        self.calls.append(call)
        self._counts[call.member] += 1
        self._under_way[call.member] += 1
        self._peaks[call.member] = max(self._peaks[call.member], self._under_way[call.member])
        try:
            yield call
        finally:
            self._under_way[call.member] -= 1
            call.ended = time.monotonic()

    async def _reply(self, message: Message, call: Call) -> None:
        reply = None
        try:
            reply = await self._handle(message)
            answer = Message.new_method_return(message, reply.signature, reply.body,
                                               [] if reply.fd is None else [reply.fd])  # fmt: skip
        except BlueZError as error:
            call.error = error.name
            error.__traceback__ = error.__context__ = None  # most are constants, raised over and over
            answer = Message.new_error(message, error.name, error.text)
        if not message.flags & MessageFlag.NO_REPLY_EXPECTED:
            self._wire.send(answer, reply.fd if reply is not None else None)

    async def _handle(self, message: Message) -> Reply:
        path, member = str(message.path), str(message.member)
        if member == 'GetManagedObjects' and message.interface == OBJECT_MANAGER:
            return Reply('a{oa{sa{sv}}}', [self._objects.managed()])
        if path not in self._objects:
            raise BlueZError(UNKNOWN_OBJECT, f'Method "{member}" on interface "{message.interface}" doesn\'t exist')
        if message.interface == PROPERTIES:
            return await self._property(path, member, message.body)
        if message.interface not in self._objects.interfaces(path):
            raise BlueZError(UNKNOWN_METHOD, f'Method "{member}" on interface "{message.interface}" doesn\'t exist')
        return await self._handler(path).call(member, message.body, str(message.sender))

    def _handler(self, path: str) -> Handler:
        for adapter in self.adapters.values():
            if path == adapter.path:
                return adapter
            for device in adapter.devices.values():
                if path == device.path:
                    return device
                if path in device.gatt.handlers:
                    handler: Handler = device.gatt.handlers[path]
                    return handler
        raise BlueZError(UNKNOWN_METHOD, f'nothing to call at {path}')

    async def _property(self, path: str, member: str, body: list[Any]) -> Reply:
        values = self._objects.interfaces(path).get(body[0], {})
        if member == 'GetAll':
            return Reply('a{sv}', [typed(values)])
        if body[1] not in values:
            raise BlueZError('org.freedesktop.DBus.Error.InvalidArgs', f'No such property {body[1]!r}')
        if member == 'Get':
            return Reply('v', [typed({body[1]: values[body[1]]})[body[1]]])
        if body[0] == ADAPTER:
            handler = self._handler(path)
            assert isinstance(handler, Adapter)
            await handler.set(body[1], body[2].value)
        else:
            self._objects.change(path, body[0], {body[1]: body[2].value})
        return EMPTY

    def _left(self, sender: str) -> None:
        for adapter in self.adapters.values():
            adapter.left(sender)
