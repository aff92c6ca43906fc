"""What org.bluez shows on the bus: objects, their interfaces and properties. Every change goes out as a signal."""
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dbus_fast import Message, MessageType, Variant

ADAPTER = 'org.bluez.Adapter1'
DEVICE = 'org.bluez.Device1'
SERVICE = 'org.bluez.GattService1'
CHARACTERISTIC = 'org.bluez.GattCharacteristic1'
DESCRIPTOR = 'org.bluez.GattDescriptor1'
OBJECT_MANAGER = 'org.freedesktop.DBus.ObjectManager'
PROPERTIES = 'org.freedesktop.DBus.Properties'

# doc/org.bluez.*.rst; a name means the same type in every interface
SIGNATURES = {
    'Adapter': 'o', 'Address': 's', 'AddressType': 's', 'AdvertisingFlags': 'ay', 'Alias': 's', 'Blocked': 'b',
    'Bonded': 'b', 'Characteristic': 'o', 'Class': 'u', 'Connected': 'b', 'Device': 'o', 'Discoverable': 'b',
    'Discovering': 'b', 'Flags': 'as', 'LegacyPairing': 'b', 'MTU': 'q', 'ManufacturerData': 'a{qv}', 'Name': 's',
    'NotifyAcquired': 'b', 'Notifying': 'b', 'Pairable': 'b', 'Paired': 'b', 'PowerState': 's', 'Powered': 'b',
    'Primary': 'b', 'RSSI': 'n', 'Roles': 'as', 'Service': 'o', 'ServiceData': 'a{sv}', 'ServicesResolved': 'b',
    'Trusted': 'b', 'UUID': 's', 'UUIDs': 'as', 'Value': 'ay', 'WriteAcquired': 'b',
}  # fmt: skip

Values = dict[str, Any]


class Objects:
    """A tree by path; values are plain, and get their D-Bus type on the way out."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._objects: dict[str, dict[str, Values]] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._objects

    def add(self, path: str, interface: str, values: Values) -> Values:
        """Answers the values, which `change` keeps up to date."""
        self._objects[path] = {interface: values}
        self._signal('/', OBJECT_MANAGER, 'InterfacesAdded', 'oa{sa{sv}}', [path, {interface: typed(values)}])
        return values

    def remove(self, path: str) -> None:
        """With everything below, the lowest first."""
        for each in sorted((known for known in self._objects if f'{known}/'.startswith(f'{path}/')), reverse=True):
            self._signal('/', OBJECT_MANAGER, 'InterfacesRemoved', 'oas', [each, list(self._objects.pop(each))])

    def change(self, path: str, interface: str, values: Values, invalidated: Iterable[str] = ()) -> None:
        """Tells the bus even where nothing differs; nothing happens to an object that is gone."""
        if (known := self._objects.get(path, {}).get(interface)) is None:
            return
        gone = [name for name in invalidated if known.pop(name, None) is not None]
        known.update(values)
        if values or gone:
            self._signal(path, PROPERTIES, 'PropertiesChanged', 'sa{sv}as', [interface, typed(values), gone])

    def interfaces(self, path: str) -> Mapping[str, Values]:
        """What there is at a path."""
        return self._objects.get(path, {})

    def managed(self) -> dict[str, dict[str, dict[str, Variant]]]:
        """The answer to GetManagedObjects."""
        return {path: {interface: typed(values) for interface, values in interfaces.items()}
                for path, interfaces in self._objects.items()}  # fmt: skip

    def clear(self) -> None:
        """All forgotten, and nobody told."""
        self._objects.clear()

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._send(Message(message_type=MessageType.SIGNAL, path=path, interface=interface, member=member,
                           signature=signature, body=body))  # fmt: skip


def typed(values: Mapping[str, Any]) -> dict[str, Variant]:
    """Properties as D-Bus wants them."""
    return {name: Variant(SIGNATURES[name], _inner(SIGNATURES[name], value)) for name, value in values.items()}


def _inner(signature: str, value: Any) -> Any:
    if signature.startswith('a{'):
        return {key: Variant('ay', bytes(data)) for key, data in value.items()}
    return value
