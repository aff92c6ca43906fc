"""The only place that knows bleak: its scanner, its client, and its errors in our words."""
import asyncio
import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, cast

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)
from bleak_retry_connector import (
    BleakNotFoundError,
    BleakOutOfConnectionSlotsError,
    clear_cache,
    close_stale_connections,
    establish_connection,
    get_device,
    get_device_by_adapter,
)

from edgeos.bluetooth.adverts import NAME_BYTES, Advert
from edgeos.bluetooth.errors import (
    BluetoothError,
    Busy,
    DeviceError,
    LinkLost,
    NeedsPairing,
    NoAnswer,
    NotFound,
    RadioError,
    Refused,
    Why,
)
from edgeos.bluetooth.rfkill import is_blocked
from edgeos.bluetooth.stack import GattCharacteristic

if sys.platform == 'linux':
    from dbus_fast.errors import AuthError, DBusError, InvalidAddressError, InvalidMessageError

    _BUS_ERRORS: tuple[type[Exception], ...] = (AuthError, DBusError, InvalidAddressError, InvalidMessageError)
else:
    _BUS_ERRORS = ()

# what bleak and its parts are known to raise: also mistakes of their own when the ground moves under them
FAULTS: tuple[type[Exception], ...] = (BleakError, TimeoutError, OSError, EOFError, AttributeError, KeyError,
                                       AssertionError, *_BUS_ERRORS)  # fmt: skip

Backends = tuple[type[BaseBleakScanner], type[BaseBleakClient]]  # another radio than the system's

_NO_RSSI = -127  # what bleak says where BlueZ says nothing

ATTEMPTS = 2  # of one connect; what BlueZ calls transient is tried nine times beside them
CLOSE_LIMIT = 12.0  # s; bleak itself waits 10 for the link to end
FREE_LIMIT = 5.0

_REASONS = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: Why.NO_ADAPTER,
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: Why.NO_ADAPTER,
    BleakBluetoothNotAvailableReason.POWERED_OFF: Why.OFF,
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: Why.DENIED,
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: Why.DENIED,
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: Why.DENIED,
}
_PAIRING = frozenset((BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
                      BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION, 0x0F))  # fmt: skip

_OUTDATED = frozenset((BleakGATTProtocolErrorCode.INVALID_HANDLE, BleakGATTProtocolErrorCode.DATABASE_OUT_OF_SYNC))

# the end of a D-Bus error's name
_SERVICE_ERRORS = ('ServiceUnknown', 'NameHasNoOwner', 'Disconnected', 'NoServer')
_GONE_ERRORS = ('UnknownObject', 'DoesNotExist')
_DENIED_ERRORS = ('AccessDenied',)
_PAIRING_ERRORS = ('NotAuthorized', 'AuthenticationFailed', 'AuthenticationCanceled', 'AuthenticationRejected',
                   'AuthenticationTimeout')  # fmt: skip
_BUSY_ERRORS = ('InProgress',)


@contextlib.contextmanager
def our_errors() -> Iterator[None]:
    """Whatever the library raises becomes one of our errors."""
    try:
        yield
    except BluetoothError:
        raise
    except FAULTS as error:
        raise translate(error) from error


def translate(error: BaseException) -> BluetoothError:
    """What an exception of the library means."""
    for cause in _causes(error):
        if isinstance(cause, BleakBluetoothNotAvailableError):
            return RadioError(_REASONS.get(cause.reason, Why.OTHER), str(cause.args[0]))
        if isinstance(cause, BleakGATTProtocolError):
            return _of_device(cause)
        if isinstance(cause, BleakDBusError):
            return _of_bus(cause)
        if isinstance(cause, BleakOutOfConnectionSlotsError):
            return Busy(_text(cause))
        if isinstance(cause, (BleakDeviceNotFoundError, BleakNotFoundError)):
            return NoAnswer(_text(cause)) if isinstance(cause.__cause__, TimeoutError) else NotFound(_text(cause))
    return _of_other(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what caused it, the innermost first: bleak-retry-connector wraps what it could not mend."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and len(chain) < 8:
        chain.append(cause)
    return reversed(chain)


def _of_device(error: BleakGATTProtocolError) -> BluetoothError:
    text = str(error.args[1]).removeprefix('GATT Protocol Error: ').lower()
    if error.code in _PAIRING:
        return NeedsPairing(text)
    return DeviceError('its services have changed') if error.code in _OUTDATED else Refused(text)


def _of_bus(error: BleakDBusError) -> BluetoothError:
    name = error.dbus_error.rpartition('.')[2]
    text = _text(error)
    if name in _SERVICE_ERRORS:
        return RadioError(Why.NO_SERVICE, text)
    if name in _DENIED_ERRORS:
        return RadioError(Why.DENIED, text)
    if name == 'NotReady':
        return RadioError(Why.OFF, text)
    if name in _GONE_ERRORS:
        return NotFound(text)
    if name in _PAIRING_ERRORS or 'Not paired' in text:
        return NeedsPairing(text)
    if name in _BUSY_ERRORS:
        return Busy(text)
    if name == 'NoReply':
        return NoAnswer(text)
    if name in ('NotPermitted', 'NotSupported', 'InvalidArguments', 'InvalidValueLength', 'InvalidOffset'):
        return Refused(text)
    return LinkLost(text) if 'Not connected' in text else DeviceError(text)


def _of_other(error: BaseException) -> BluetoothError:
    if isinstance(error, TimeoutError):
        return NoAnswer(_text(error))
    if isinstance(error, (OSError, EOFError, *_BUS_ERRORS)):
        denied = isinstance(error, PermissionError) or type(error).__name__ == 'AuthError'
        return RadioError(Why.DENIED if denied else Why.NO_SERVICE, _text(error))
    text = _text(error)
    if isinstance(error, BleakError) and re.fullmatch(r"adapter '.*' not found", text):
        return RadioError(Why.NO_ADAPTER, text)
    if isinstance(error, BleakError) and ('onnected' in text or 'Service Discovery' in text):
        return LinkLost(text)
    return DeviceError(text)


def _text(error: BaseException) -> str:
    """What the system says, without the names of its errors."""
    if isinstance(error, BleakDBusError) and error.dbus_error_details:
        return error.dbus_error_details[:300]
    return (str(error) or type(error).__name__)[:300]


class BleakStack:
    """One adapter through bleak; the system's own radio unless backends are given."""

    def __init__(self, adapter: str = '', backends: Backends | None = None) -> None:
        self._adapter = adapter
        self._backends = backends
        self._scanner: BleakScanner | None = None
        self._is_system = backends is None and sys.platform == 'linux'

    async def start_scan(self, hear: Callable[[Advert], None]) -> None:
        await self.stop_scan()

        def detected(device: BLEDevice, data: AdvertisementData) -> None:
            if data.rssi != _NO_RSSI or not self._is_system:  # BlueZ calls also when something else has changed
                hear(_advert(device, data))

        options: dict[str, Any] = {'backend': self._backends[0]} if self._backends is not None else {}
        if self._is_system:
            options['bluez'] = {'filters': {'DuplicateData': True}}  # else what does not change is not heard
            if self._adapter:
                options['bluez']['adapter'] = self._adapter
        with our_errors():
            scanner = BleakScanner(detected, **options)
            try:
                await scanner.start()
            except FAULTS as error:
                if self._is_system and await _is_blocked(error):
                    raise RadioError(Why.BLOCKED, _text(error)) from error
                raise
            self._scanner = scanner

    async def stop_scan(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            with contextlib.suppress(*FAULTS):
                await scanner.stop()

    async def connect(self, advert: Advert, on_lost: Callable[[], None]) -> 'BleakLink':
        device = cast(BLEDevice, advert.handle)
        options: dict[str, Any] = {'backend': self._backends[1]} if self._backends is not None else {}
        link: BleakLink | None = None

        def ended(_client: BleakClient) -> None:
            if link is not None:  # not for a link that was aborted while bleak went on to try
                on_lost()

        with our_errors():
            if self._is_system:
                await _check_version()
            client = await establish_connection(BleakClient, device, advert.name or advert.address,
                                                disconnected_callback=ended,
                                                max_attempts=ATTEMPTS, use_services_cache=False, **options)  # fmt: skip
            link = BleakLink(client)
        if not client.is_connected:
            raise LinkLost('at once')
        return link

    async def free(self, address: str) -> bool:
        """Only where the system keeps links that no program holds, which is BlueZ."""
        if not self._is_system:
            return False
        with our_errors():
            async with asyncio.timeout(FREE_LIMIT):
                device = await self._known(address)
                if device is None or not device.details['props'].get('Connected'):
                    return False
                await close_stale_connections(device)
        return True

    async def _known(self, address: str) -> BLEDevice | None:
        """What BlueZ knows of a device, on this adapter if it has a name."""
        return await (get_device_by_adapter(address, self._adapter) if self._adapter else get_device(address))

    async def forget(self, address: str) -> bool:
        """A device that is paired keeps its keys, and so what is believed of it."""
        if not self._is_system:
            return False
        with our_errors():
            async with asyncio.timeout(FREE_LIMIT):
                device = await self._known(address)
                if device is None or device.details['props'].get('Paired'):
                    return False
                await clear_cache(address)
                await BleakClient(device).unpair()  # which is what BlueZ' RemoveDevice is called there
        return True


class BleakLink:
    """One connected client."""

    def __init__(self, client: BleakClient) -> None:
        self._client = client
        self._known: dict[int, BleakGATTCharacteristic] = {}
        for service in client.services:
            for characteristic in service.characteristics:
                self._known[characteristic.handle] = characteristic
        self.characteristics = [GattCharacteristic(each.uuid, each.handle, frozenset(each.properties),
                                                   each.service_uuid, each.service_handle)
                                for _handle, each in sorted(self._known.items())]  # fmt: skip

    @property
    def native_services(self) -> object:
        return self._client.services

    async def read(self, characteristic: GattCharacteristic) -> bytes:
        with our_errors():
            return bytes(await self._client.read_gatt_char(self._known[characteristic.handle]))

    async def write(self, characteristic: GattCharacteristic, data: bytes, *, response: bool) -> None:
        with our_errors():
            await self._client.write_gatt_char(self._known[characteristic.handle], data, response=response)

    async def subscribe(self, characteristic: GattCharacteristic, callback: Callable[[bytes], None]) -> None:
        def notified(_sender: BleakGATTCharacteristic, data: bytearray) -> None:
            callback(bytes(data))

        with our_errors():
            await self._client.start_notify(self._known[characteristic.handle], notified)

    async def unsubscribe(self, characteristic: GattCharacteristic) -> None:
        with our_errors():
            await self._client.stop_notify(self._known[characteristic.handle])

    async def close(self) -> None:
        with contextlib.suppress(*FAULTS):
            async with asyncio.timeout(CLOSE_LIMIT):
                await self._client.disconnect()


def placeholder(address: str) -> BLEDevice:
    """A device for a library that insists on one, but is never to connect to it."""
    return BLEDevice(address, None, {'path': '', 'props': {}})


def _advert(device: BLEDevice, data: AdvertisementData) -> Advert:
    name = (data.local_name or device.name or '')[:NAME_BYTES]
    if name.replace('-', ':').upper() == device.address.upper():  # BlueZ' stand-in for a name
        name = ''
    rssi = data.rssi if _NO_RSSI < data.rssi <= 20 else None
    return Advert(device.address.upper(), name, rssi, data.tx_power, frozenset(data.service_uuids),
                  data.manufacturer_data, data.service_data, device)  # fmt: skip


_version_check: asyncio.Task[None] | None = None


async def _check_version() -> None:
    """bleak asks bluetoothctl for its version with the first connect; if that were cancelled, none would ever end."""
    global _version_check
    from bleak.backends.bluezdbus.version import BlueZFeatures

    if BlueZFeatures.checked_bluez_version:
        return
    if _version_check is None or _version_check.done():
        _version_check = asyncio.create_task(BlueZFeatures.check_bluez_version(), name='version of BlueZ')
    await asyncio.shield(_version_check)


async def default_adapter() -> str:
    """The name of the system's adapter, as hci0; '' where there is none, or where the system does not tell."""
    if sys.platform != 'linux':
        return ''
    from bleak.backends.bluezdbus.manager import get_global_bluez_manager

    try:
        async with asyncio.timeout(FREE_LIMIT):
            manager = await get_global_bluez_manager()
            return str(manager.get_default_adapter()).rpartition('/')[2]
    except FAULTS:
        return ''


async def _is_blocked(error: BaseException) -> bool:
    cause = translate(error)
    if not isinstance(cause, RadioError) or cause.why not in (Why.OFF, Why.NO_ADAPTER):
        return False
    return await asyncio.to_thread(is_blocked)
