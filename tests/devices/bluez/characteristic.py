"""One characteristic of a device on D-Bus: reading, writing and subscribing (src/gatt-client.c)."""
import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgeos.demo.ble_device import Characteristic
from tests.devices.bluez.errors import (
    IN_PROGRESS,
    NOT_CONNECTED,
    NOT_PAIRED,
    NOT_SUPPORTED,
    UNKNOWN_METHOD,
    BlueZError,
    att_error,
    bluez,
    failed,
)
from tests.devices.bluez.objects import CHARACTERISTIC
from tests.devices.bluez.reply import EMPTY, Reply

if TYPE_CHECKING:
    from tests.devices.bluez.device import Device

INVALID_HANDLE, READ_NOT_PERMITTED, WRITE_NOT_PERMITTED, NOT_FOUND, UNLIKELY = 0x01, 0x02, 0x03, 0x0A, 0x0E
HEADER = 3  # bytes of a write that are not its value
NOTIFYING = frozenset(('notify', 'indicate'))


class RemoteCharacteristic:
    """One characteristic of the device, on D-Bus."""

    def __init__(self, device: 'Device', path: str, characteristic: Characteristic) -> None:
        self._device = device
        self._path = path
        self.uuid = characteristic.uuid
        self._properties = characteristic.properties
        self._is_writing = False
        self.subscribers: set[str] = set()
        self._socket: socket.socket | None = None
        self._calls = {'ReadValue': self._read, 'WriteValue': self._write, 'StartNotify': self._start_notify,
                       'StopNotify': self._stop_notify, 'AcquireNotify': self._acquire_notify,
                       'AcquireWrite': self._acquire_write}  # fmt: skip

    @property
    def notifies(self) -> bool:
        return not NOTIFYING.isdisjoint(self._properties)

    @property
    def is_subscribed(self) -> bool:
        return bool(self.subscribers) or self._socket is not None

    def values(self, service: str) -> dict[str, Any]:
        """Its properties on D-Bus."""
        values: dict[str, Any] = {'UUID': self.uuid, 'Service': service, 'Flags': list(self._properties),
                                  'MTU': self._device.peripheral.mtu}  # fmt: skip
        if self.notifies:
            values.update(Notifying=False, NotifyAcquired=False)
        if 'write-without-response' in self._properties:
            values.update(WriteAcquired=False)
        return values

    async def call(self, member: str, body: list[Any], sender: str) -> Reply:
        """One D-Bus call to it."""
        if member not in self._calls:
            raise BlueZError(UNKNOWN_METHOD, f'no {member} at {self._path}')
        return await self._calls[member](body, sender)

    async def _read(self, _body: list[Any], _sender: str) -> Reply:
        value = await self._asked('ReadValue', self._read_now)
        self._change(Value=value)  # BlueZ tells everybody what one has read: it looks like a notification
        return Reply('ay', [value])

    def _read_now(self) -> bytes:
        if 'read' not in self._properties:
            raise att_error(READ_NOT_PERMITTED)
        try:
            return bytes(self._device.peripheral.device.read(self.uuid))
        except KeyError:
            raise att_error(NOT_FOUND) from None

    async def _write(self, body: list[Any], _sender: str) -> Reply:
        self._check_link()
        if self._is_writing:
            raise IN_PROGRESS
        self._is_writing = True
        try:
            return await self._write_now(body)
        finally:
            self._is_writing = False

    async def _write_now(self, body: list[Any]) -> Reply:
        data = bytes(body[0])
        kind = body[1]['type'].value if 'type' in body[1] else 'request' if 'write' in self._properties else 'command'
        if kind == 'command':
            return await self._write_command(data)

        def write() -> bytes:
            if 'write' not in self._properties:
                raise att_error(WRITE_NOT_PERMITTED)
            self._deliver(data)
            return b''

        await self._asked('WriteValue', write)
        return EMPTY

    async def _write_command(self, data: bytes) -> Reply:
        """Nobody answers it: it succeeds once it has been sent, whoever hears it."""
        self._check_link()
        await self._device.peripheral.faults.strike('WriteValue', self.uuid)
        if len(data) > self._device.peripheral.mtu - HEADER:
            raise failed('Failed to initiate write')
        if self._device.peripheral.is_reachable and self._device.is_linked and self._may_be_used():
            self._deliver(data)
        return EMPTY

    def _deliver(self, data: bytes) -> None:
        peripheral = self._device.peripheral
        peripheral.device.write(self.uuid, data, peripheral.notify_soon)

    async def _start_notify(self, _body: list[Any], sender: str) -> Reply:
        if self._socket is not None:
            raise bluez('NotPermitted', 'Notify acquired')
        if not self.notifies:
            raise NOT_SUPPORTED
        await self._asked('StartNotify', lambda: b'')
        self.subscribers.add(sender)
        self._change(Notifying=True)
        return EMPTY

    async def _stop_notify(self, _body: list[Any], sender: str) -> Reply:
        if self._socket is not None:
            self.close_socket()
        elif sender not in self.subscribers:
            raise failed('No notify session started')
        else:
            await self._device.peripheral.faults.strike('StopNotify', self.uuid)
            self.unsubscribe(sender)
        return EMPTY

    async def _acquire_notify(self, _body: list[Any], _sender: str) -> Reply:
        if self._socket is not None:
            raise bluez('NotPermitted', 'Notify acquired')
        if self.subscribers:
            raise IN_PROGRESS
        if not self.notifies:
            raise NOT_SUPPORTED
        await self._asked('AcquireNotify', lambda: b'')
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._hung_up)
        self._change(NotifyAcquired=True)
        return Reply('hq', [0, self._device.peripheral.mtu], theirs.detach())

    async def _acquire_write(self, _body: list[Any], _sender: str) -> Reply:
        """Only good for learning the MTU: what is written goes nowhere."""
        if 'write-without-response' not in self._properties:
            raise NOT_SUPPORTED
        self._check_link()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.close()
        return Reply('hq', [0, self._device.peripheral.mtu], theirs.detach())

    async def _asked(self, member: str, answer: Callable[[], bytes]) -> bytes:
        """Ask the device, which answers, refuses, or does neither."""
        self._check_link()
        await self._device.unless_lost(self._device.peripheral.faults.strike(member, self.uuid))
        self._check_link()
        if not self._device.is_linked:  # BlueZ believes what is not so
            raise NOT_CONNECTED
        try:
            await asyncio.wait_for(self._device.unless_lost(self._device.peripheral.answers()),
                                   self._device.adapter.att_timeout)  # fmt: skip
        except TimeoutError:
            self._device.drop()
            raise att_error(UNLIKELY) from None
        if not self._device.peripheral.has(self.uuid):
            raise att_error(INVALID_HANDLE)
        if not self._may_be_used():
            raise NOT_PAIRED
        return answer()

    def _check_link(self) -> None:
        if not self._device.is_connected:
            raise NOT_CONNECTED

    def _may_be_used(self) -> bool:
        return not self._device.peripheral.needs_pairing or self._device.is_paired

    # notifications

    def notified(self, data: bytes) -> None:
        """One has come in: into the socket, or to all on the bus, once for each who subscribed."""
        if self._socket is not None:
            try:
                self._socket.send(data)
            except BlockingIOError:
                self._device.dropped += 1  # as BlueZ does when nobody reads
            except OSError:
                self.close_socket()
        for _subscriber in self.subscribers:
            self._change(Value=data)

    def unsubscribe(self, sender: str) -> None:
        """Also when a client is simply gone."""
        if sender in self.subscribers:
            self.subscribers.discard(sender)
            if not self.subscribers:
                self._change(Notifying=False)

    def close_socket(self) -> None:
        """No more through it."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            self._change(NotifyAcquired=False)

    def _hung_up(self) -> None:
        assert self._socket is not None
        try:
            if self._socket.recv(1):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.close_socket()

    def _change(self, **values: Any) -> None:
        self._device.objects.change(self._path, CHARACTERISTIC, values)


class RemoteDescriptor:
    """The configuration of a characteristic's notifications: only for looking at."""

    def __init__(self, characteristic: RemoteCharacteristic) -> None:
        self._characteristic = characteristic

    async def call(self, member: str, _body: list[Any], _sender: str) -> Reply:
        """One D-Bus call to it."""
        if member == 'ReadValue':
            return Reply('ay', [bytes((self._characteristic.is_subscribed, 0))])
        raise att_error(WRITE_NOT_PERMITTED)

