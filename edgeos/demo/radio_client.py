"""bleak's client on the virtual radio."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble.att import ATT_DEFAULT_MTU, ATT_Error
from bumble.core import BaseBumbleError
from bumble.core import TimeoutError as BumbleTimeout
from bumble.device import Connection, Peer
from bumble.gatt_client import ServiceProxy
from bumble.hci import Address

from edgeos.demo.radio_scanner import uuid_text

WANTED_MTU = 247
CLOSE_LIMIT = 5.0  # s for the adapter to end a link

Result = TypeVar('Result')
log = logging.getLogger(__name__)


class Mouth(Protocol):
    """What a client needs of a radio."""

    async def connect(self, address: Address) -> Connection:
        """A link as soon as the device is heard; waits for ever. Raises BleakError."""

    def dismiss(self, connection: Connection) -> None:
        """End a link that nobody wants, without waiting for it."""


class Link:
    """An open link; `lost` is done once it is not."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.peer = Peer(connection)
        self.is_ready = False  # before that nobody has been told of it, and nobody is told of its end
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if connection.device.connections.get(connection.handle) is not connection:
            self.lost.set_result(None)  # before anybody could listen

    async def do(self, operation: Coroutine[Any, Any, Result], limit: float) -> Result:
        """Within that many s and while the link lives. Raises BleakError, TimeoutError."""
        task = asyncio.create_task(operation)
        try:
            await asyncio.wait((task, self.lost), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not task.cancelled():  # bumble cancels what waits on a link that is gone
                return task.result()
        except ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except BumbleTimeout as error:
            raise TimeoutError from error
        except BaseBumbleError as error:
            raise BleakError(f'{type(error).__name__}: {error}') from error
        finally:
            task.cancel()
        if self.lost.done() or task.cancelled():
            raise BleakError('Not connected')
        raise TimeoutError


class RadioClient(BaseBleakClient):
    """One client of the radio it belongs to."""

    radio: Mouth

    def __init__(
        self, address_or_ble_device: BLEDevice | str, *, services: set[str] | None = None, **options: Any
    ) -> None:
        super().__init__(address_or_ble_device, **options)
        known = address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        self._name = known.name if known else None
        self._to = known.details['address'] if known else Address(self.address, Address.PUBLIC_DEVICE_ADDRESS)
        self._wanted_services = services
        self._link: Link | None = None
        self._callbacks: dict[int, NotifyCallback] = {}

    @property
    def name(self) -> str:
        return self._name or self.address.replace(':', '-')

    @property
    def mtu_size(self) -> int:
        return self._link.connection.att_mtu if self._link else ATT_DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        return self._link is not None

    async def connect(self, pair: bool, **options: Any) -> None:
        """Raises BleakError, TimeoutError; nothing is left open then."""
        if self._link is not None:
            raise BleakError('Client is already connected')
        limit = options.get('timeout', self._timeout)
        async with asyncio.timeout(limit):
            connection = await self.radio.connect(self._to)
            link = self._link = Link(connection)
            connection.on(Connection.EVENT_DISCONNECTION, lambda _reason: self._lose(link))
            try:
                await link.do(link.peer.request_mtu(WANTED_MTU), limit)
                self.services = await link.do(self._discover(link), limit)
                link.is_ready = True
            except BaseException:
                self._link = None
                self.radio.dismiss(connection)
                raise

    async def disconnect(self) -> None:
        """Does not raise: what cannot be ended properly is as good as gone."""
        if (link := self._link) is not None:
            try:
                async with asyncio.timeout(min(CLOSE_LIMIT, self._timeout)):
                    await link.connection.disconnect()
            except (BaseBumbleError, TimeoutError) as error:
                log.debug('a link was not ended properly: %r', error)
            self._lose(link)

    async def pair(self, *_arguments: Any, **_options: Any) -> None:
        raise BleakError('The virtual radio does not pair')

    async def unpair(self) -> None:
        raise BleakError('The virtual radio does not pair')

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **options: Any
    ) -> bytearray:
        return bytearray(await self._open.do(self._open.peer.gatt_client.read_value(characteristic.obj), self._timeout))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **options: Any
    ) -> bytearray:
        return bytearray(await self._open.do(self._open.peer.gatt_client.read_value(descriptor.obj), self._timeout))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool) -> None:
        writing = self._open.peer.gatt_client.write_value(characteristic.obj, bytes(data), with_response=response)
        await self._open.do(writing, self._timeout)

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        writing = self._open.peer.gatt_client.write_value(descriptor.obj, bytes(data), with_response=True)
        await self._open.do(writing, self._timeout)

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **options: Any
    ) -> None:
        handle = characteristic.handle
        if handle in self._callbacks:
            raise BleakError('Characteristic notifications already started')
        link = self._open

        def notified(value: bytes) -> None:
            callback(bytearray(value))

        self._callbacks[handle] = callback
        try:
            await link.do(link.peer.gatt_client.subscribe(characteristic.obj, notified), self._timeout)
        except BaseException:
            self._callbacks.pop(handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        link = self._open
        self._callbacks.pop(characteristic.handle, None)
        await link.do(link.peer.gatt_client.unsubscribe(characteristic.obj), self._timeout)

    @property
    def _open(self) -> Link:
        if self._link is None:
            raise BleakError('Not connected')
        return self._link

    def _lose(self, link: Link) -> None:
        """The link is gone, whoever ended it; the callback is called once, also for `disconnect`, as with BlueZ."""
        if not link.lost.done():
            link.lost.set_result(None)
        if link is not self._link:
            return
        self._link = self.services = None
        self._callbacks.clear()
        if link.is_ready and self._disconnected_callback is not None:
            self._disconnected_callback()

    async def _discover(self, link: Link) -> BleakGATTServiceCollection:
        found = BleakGATTServiceCollection()
        for service in await link.peer.discover_services():
            uuid = uuid_text(bytes(service.uuid))
            if self._wanted_services is None or uuid in self._wanted_services:
                await self._discover_in(link, service, found)
        return found

    async def _discover_in(self, link: Link, service: ServiceProxy, found: BleakGATTServiceCollection) -> None:
        made = BleakGATTService(service, service.handle, uuid_text(bytes(service.uuid)))
        found.add_service(made)
        for characteristic in await link.peer.discover_characteristics(service=service):
            uuid, properties = uuid_text(bytes(characteristic.uuid)), int(characteristic.properties)
            known = BleakGATTCharacteristic(characteristic, characteristic.handle, uuid,
                                            sorted(gatt_char_props_to_strs(properties)),
                                            lambda: self.mtu_size - 3, made)  # fmt: skip
            found.add_characteristic(known)
            for descriptor in await link.peer.discover_descriptors(characteristic):
                uuid = uuid_text(bytes(descriptor.type))
                found.add_descriptor(BleakGATTDescriptor(descriptor, descriptor.handle, uuid, known))


def make_client(of: Mouth) -> type[BaseBleakClient]:
    """A class, because bleak wants to make the objects."""

    class VirtualClient(RadioClient):
        radio = of

    return VirtualClient
