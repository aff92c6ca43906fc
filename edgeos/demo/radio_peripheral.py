"""A `BleDevice` behind a simulated radio: what it offers as GATT, and its adverts while nobody is connected."""

import asyncio
from collections.abc import Callable

from bumble.att import ATT_Error, Attribute, ErrorCode
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import HCI_ErrorCode, OwnAddressType
from bumble.transport.common import AsyncPipeSink

from edgeos.demo.ble_device import BASE_UUID, BleDevice
from edgeos.demo.ble_device import Characteristic as Offered
from edgeos.demo.radio_adverts import adverts_of
from edgeos.demo.radio_air import Air, RadioController
from edgeos.demo.radio_host import SteadyHost

ADVERT_INTERVAL = 0.5  # s
_UNITS_PER_SECOND = 625  # bumble's controller takes the units of 0.625 ms for milliseconds

_PROPERTIES = {
    'read': Characteristic.Properties.READ,
    'write': Characteristic.Properties.WRITE,
    'write-without-response': Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
    'notify': Characteristic.Properties.NOTIFY,
    'indicate': Characteristic.Properties.INDICATE,
}


class Peripheral:
    """Start it once. `is_breaking_off`: it ends the link in the middle of each answer."""

    def __init__(self, air: Air, device: BleDevice) -> None:
        self.device = device
        self.is_breaking_off = False
        self._outgoing: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._characteristics: dict[str, Characteristic[bytes]] = {}
        self._controller = RadioController(device.name, air, device.address, device.rssi)
        self._host = SteadyHost(self._controller, AsyncPipeSink(self._controller))
        self._radio = Device(config=DeviceConfiguration(name=device.name), host=self._host)
        for service in device.services:
            made = [self._make(offered) for offered in service.characteristics]
            self._radio.add_service(Service(_short(service.uuid), made))
        self._radio.on(Device.EVENT_CONNECTION, self._connected)
        self._speaking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it advertises."""
        advert, response = adverts_of(self.device)
        interval = ADVERT_INTERVAL * _UNITS_PER_SECOND
        await self._radio.power_on()
        await self._radio.start_advertising(
            own_address_type=OwnAddressType.PUBLIC, auto_restart=True, advertising_data=advert,
            scan_response_data=response, advertising_interval_min=interval, advertising_interval_max=interval,
        )  # fmt: skip
        self._speaking = asyncio.create_task(self._speak(), name=f'notifications of {self.device.name}')

    def stop(self) -> None:
        if self._speaking:
            self._speaking.cancel()
        self._controller.unplug()
        self._host.on_transport_lost()

    @property
    def is_connected(self) -> bool:
        return bool(self._radio.connections)

    async def break_off(self) -> None:
        """End the link, if there is one; whoever is at the other end is told."""
        for connection in tuple(self._radio.connections.values()):
            await connection.disconnect(HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR)

    def _make(self, offered: Offered) -> 'Characteristic[bytes]':
        properties = Characteristic.Properties(0)
        for name in offered.properties:
            properties |= _PROPERTIES[name]
        permissions = Attribute.Permissions(0)
        if 'read' in offered.properties:
            permissions |= Attribute.READABLE
        if {'write', 'write-without-response'} & set(offered.properties):
            permissions |= Attribute.WRITEABLE
        value = CharacteristicValue(self._reader(offered.uuid), self._writer(offered))
        made: Characteristic[bytes] = Characteristic(_short(offered.uuid), properties, permissions, value)
        self._characteristics[offered.uuid] = made
        return made

    def _reader(self, uuid: str) -> Callable[[Connection], bytes]:
        def read(_connection: Connection) -> bytes:
            try:
                return self.device.read(uuid)
            except KeyError as error:
                raise ATT_Error(ErrorCode.READ_NOT_PERMITTED) from error

        return read

    def _writer(self, offered: Offered) -> Callable[[Connection, bytes], None]:
        def write(_connection: Connection, value: bytes) -> None:
            if not {'write', 'write-without-response'} & set(offered.properties):  # bumble does not look
                raise ATT_Error(ErrorCode.WRITE_NOT_PERMITTED)
            self.device.write(offered.uuid, bytes(value), self._notify)

        return write

    def _notify(self, uuid: str, data: bytes) -> None:
        self._outgoing.put_nowait((uuid, data))

    def _connected(self, connection: Connection) -> None:
        connection.on(Connection.EVENT_DISCONNECTION, self._disconnected)

    def _disconnected(self, _reason: int) -> None:
        while not self._outgoing.empty():
            self._outgoing.get_nowait()
        self.device.on_disconnect()

    async def _speak(self) -> None:
        """Notifications, in their order."""
        while True:
            uuid, data = await self._outgoing.get()
            await self._radio.notify_subscribers(self._characteristics[uuid], data)
            if self.is_breaking_off:
                await self.break_off()


def _short(uuid: str) -> str:
    """As bumble wants it: four hex digits where it is a short one."""
    return uuid[4:8] if BASE_UUID.format(uuid[4:8]) == uuid else uuid
