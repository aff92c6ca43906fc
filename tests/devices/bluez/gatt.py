"""The services of one device as BlueZ shows them (src/gatt-client.c)."""
from typing import TYPE_CHECKING, Any

from edgeos.demo.ble_device import Characteristic, uuid16
from tests.devices.bluez.characteristic import NOTIFYING, RemoteCharacteristic, RemoteDescriptor
from tests.devices.bluez.objects import CHARACTERISTIC, DESCRIPTOR, SERVICE

if TYPE_CHECKING:
    from tests.devices.bluez.device import Device

HIDDEN = uuid16('1800')  # generic access, which BlueZ keeps to itself
CONFIGURATION = uuid16('2902')  # the client characteristic configuration, which BlueZ writes itself


class Gatt:
    """What has been discovered of a device. It is kept when the link ends, until the device object is removed."""

    def __init__(self, device: 'Device') -> None:
        self._device = device
        self.characteristics: dict[str, RemoteCharacteristic] = {}  # by path
        self.handlers: dict[str, Any] = {}  # by path

    def export(self) -> None:
        """Show what the device offers, unless something is known from before: that is believed, right or wrong."""
        if self.characteristics:
            return
        handle = 1
        objects = self._device.objects
        for service in self._device.peripheral.device.services:
            start = f'{self._device.path}/service{handle:04x}'
            handle += 1
            is_hidden = service.uuid == HIDDEN
            if not is_hidden:
                objects.add(start, SERVICE, {'UUID': service.uuid, 'Primary': True, 'Device': self._device.path})
            for characteristic in service.characteristics:
                if not is_hidden:
                    self._export(f'{start}/char{handle:04x}', start, characteristic, handle)
                handle += 3 if NOTIFYING.intersection(characteristic.properties) else 2

    def _export(self, path: str, service: str, characteristic: Characteristic, handle: int) -> None:
        remote = RemoteCharacteristic(self._device, path, characteristic)
        self.characteristics[path] = self.handlers[path] = remote
        self._device.objects.add(path, CHARACTERISTIC, remote.values(service))
        if remote.notifies:
            below = f'{path}/desc{handle + 2:04x}'
            self.handlers[below] = RemoteDescriptor(remote)
            self._device.objects.add(below, DESCRIPTOR, {'UUID': CONFIGURATION, 'Characteristic': path, 'Flags': []})

    def notify(self, uuid: str, data: bytes) -> None:
        """A notification has come in."""
        for characteristic in self.characteristics.values():
            if characteristic.uuid == uuid:
                characteristic.notified(data)

    def is_subscribed(self, uuid: str) -> bool:
        """Whether anybody has asked for the notifications of a characteristic."""
        return any(each.is_subscribed for each in self.characteristics.values() if each.uuid == uuid)

    def subscribers(self, uuid: str) -> set[str]:
        """The unique names of those who have, through StartNotify."""
        return {name for each in self.characteristics.values() if each.uuid == uuid for name in each.subscribers}

    def left(self, sender: str) -> None:
        """A client has left the bus."""
        for characteristic in self.characteristics.values():
            characteristic.unsubscribe(sender)

    def disconnected(self) -> None:
        """The sockets end with the link; subscriptions wait for the next one, a quirk bleak has to work round."""
        for characteristic in self.characteristics.values():
            characteristic.close_socket()

    def forget(self) -> None:
        """What has been discovered is not believed any more."""
        self.disconnected()
        self.characteristics.clear()
        self.handlers.clear()
