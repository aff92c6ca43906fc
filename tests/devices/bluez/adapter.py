"""A Bluetooth adapter as BlueZ shows it: org.bluez.Adapter1 (src/adapter.c)."""
import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tests.devices.bluez.device import Device
from tests.devices.bluez.errors import (
    BLOCKED,
    BUSY,
    DOES_NOT_EXIST,
    NOT_READY,
    UNKNOWN_METHOD,
    BlueZError,
    failed,
)
from tests.devices.bluez.faults import Faults
from tests.devices.bluez.objects import ADAPTER, Objects
from tests.devices.bluez.peripheral import Peripheral
from tests.devices.bluez.reply import EMPTY, Reply

Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class Adapter:
    """The hardware and what BlueZ keeps of it. The attributes may be changed at any time; times are in s.

    `most_links` is how many devices it can be connected to at once. `tells_every_advert` is False for what BlueZ
    really does: it tells of an advert only if the device's data or its strength (by 8 dB) have changed.
    """

    def __init__(self, name: str, address: str, objects: Objects, spawn: Spawn) -> None:
        self.name = name
        self.address = address
        self.path = f'/org/bluez/{name}'
        self.objects = objects
        self.spawn = spawn
        self.faults = Faults()
        self.devices: dict[str, Device] = {}  # by address
        self.sessions: set[str] = set()  # the unique names of those who scan
        self.most_links: int | None = None
        self.tells_every_advert = True
        self.listens_while_connecting = False
        self.temporary_timeout = 30.0  # after which a device that is not heard any more is removed
        self.connect_timeout = 20.0  # the kernel's
        self.att_timeout = 30.0  # without an answer: the link is ended (Bluetooth Core 5.4, volume 3, part F, 3.3.3)
        self.disconnect_delay = 0.0  # BlueZ takes 2 s
        self.off_error = NOT_READY  # to Connect while it is off
        self._filters: dict[str, dict[str, Any]] = {}
        self._is_blocked = False
        self._is_deaf = False
        self._stays_deaf = False
        self._values: dict[str, Any] = {'Powered': False, 'Discovering': False}
        self._calls = {'StartDiscovery': self._start_discovery, 'StopDiscovery': self._stop_discovery,
                       'SetDiscoveryFilter': self._set_filter, 'RemoveDevice': self._remove_device}  # fmt: skip

    @property
    def is_powered(self) -> bool:
        return bool(self._values['Powered'])

    @property
    def is_full(self) -> bool:
        return self.most_links is not None and sum(each.is_linked for each in self.devices.values()) >= self.most_links

    @property
    def is_listening(self) -> bool:
        """Whether it hears adverts, whatever BlueZ says of scanning."""
        return (self.is_powered and bool(self.sessions) and not self._is_deaf
                and (self.listens_while_connecting or not any(each.is_reaching for each in self.devices.values())))  # fmt: skip

    # plugged in and out

    def appear(self) -> None:
        """Known to BlueZ, and switched on if it can be."""
        power = not self._is_blocked
        self._values = self.objects.add(self.path, ADAPTER, {
            'Address': self.address, 'AddressType': 'public', 'Name': 'edge', 'Alias': 'edge', 'Class': 0,
            'Powered': power, 'PowerState': 'on' if power else 'off-blocked', 'Discoverable': False, 'Pairable': True,
            'Discovering': False, 'UUIDs': [], 'Roles': ['central', 'peripheral']})  # fmt: skip

    def disappear(self) -> None:
        """Pulled out: all objects go, and nothing is said of the links."""
        for device in list(self.devices.values()):
            self.remove(device)
        self.objects.remove(self.path)
        self.reset()

    def reset(self) -> None:
        """Nothing is known any more, without a word."""
        for device in list(self.devices.values()):
            device.forget()
        self.devices.clear()
        self.sessions.clear()
        self._filters.clear()
        self._values = {'Powered': False, 'Discovering': False}
        self._is_deaf = self._is_deaf and self._stays_deaf

    # power

    def power(self, on: bool) -> None:
        """As by `bluetoothctl power`; raises BlueZError if a switch forbids it."""
        if on == self.is_powered:
            return
        if on and self._is_blocked:
            raise BLOCKED
        if on:
            self._is_deaf = self._is_deaf and self._stays_deaf
            self._change(Powered=True, PowerState='on')
            return
        for device in [each for each in self.devices.values() if each.is_temporary]:
            self.remove(device)
        self._go_off('off')

    def block(self) -> None:
        """As by `rfkill block bluetooth`, or a switch."""
        self._is_blocked = True
        self._go_off('off-blocked')

    def unblock(self) -> None:
        """BlueZ switches it on again."""
        self._is_blocked = False
        self.power(True)

    def _go_off(self, state: str) -> None:
        self.sessions.clear()
        self._filters.clear()
        for device in self.devices.values():
            device.drop()
            device.unheard()
        self._change(Powered=False, Discovering=False, PowerState=state)

    # scanning

    def scan_dies(self, for_good: bool = False) -> None:
        """No more adverts, and BlueZ goes on to say that it scans: until a scan is begun anew, or even then."""
        self._is_deaf = True
        self._stays_deaf = for_good

    def scan_works(self) -> None:
        """Adverts are heard again."""
        self._is_deaf = self._stays_deaf = False

    def hear(self, peripheral: Peripheral) -> None:
        """An advert is on the air."""
        if not self.is_listening or not self._wants(peripheral):
            return
        if (device := self.devices.get(peripheral.address)) is None:
            self.devices[peripheral.address] = Device(self, peripheral)
            return
        device.heard(self.tells_every_advert, any(self._filter(each).get('DuplicateData') for each in self.sessions))

    def _filter(self, sender: str) -> dict[str, Any]:
        return self._filters.get(sender, {})

    def _wants(self, peripheral: Peripheral) -> bool:
        """Whether a filter of those who scan lets it through (is_filter_match)."""
        offered = {*peripheral.device.service_uuids, *peripheral.device.service_data}
        return any(('UUIDs' not in each or offered.intersection(each['UUIDs']))
                   and peripheral.device.rssi >= each.get('RSSI', -127)
                   for each in map(self._filter, self.sessions))  # fmt: skip

    async def _start_discovery(self, _body: list[Any], sender: str) -> Reply:
        if sender in self.sessions:
            raise BUSY
        await self.faults.strike('StartDiscovery')
        if not self.sessions:
            self._is_deaf = self._is_deaf and self._stays_deaf
        self.sessions.add(sender)
        if not self._values['Discovering']:
            self._change(Discovering=True)
        return EMPTY

    async def _stop_discovery(self, _body: list[Any], sender: str) -> Reply:
        if sender not in self.sessions:
            raise failed('No discovery started')
        self._end_session(sender)  # also where an error follows (BlueZ issue 807)
        await self.faults.strike('StopDiscovery')
        return EMPTY

    def _end_session(self, sender: str) -> None:
        self.sessions.discard(sender)
        if self.sessions:
            return
        for device in list(self.devices.values()):
            device.unheard()
            if device.is_temporary and not device.peripheral.device.connectable:
                self.remove(device)
        if self._values['Discovering']:
            self._change(Discovering=False)

    async def _set_filter(self, body: list[Any], sender: str) -> Reply:
        wanted = {name: variant.value for name, variant in body[0].items()}
        await self.faults.strike('SetDiscoveryFilter')
        if wanted:
            self._filters[sender] = wanted
        else:
            self._filters.pop(sender, None)
        return EMPTY

    # devices

    def remove(self, device: Device) -> None:
        """Its objects go."""
        device.forget()
        self.devices.pop(device.peripheral.address, None)

    async def _remove_device(self, body: list[Any], _sender: str) -> Reply:
        device = next((each for each in self.devices.values() if each.path == body[0]), None)
        if device is None:
            raise DOES_NOT_EXIST
        await self.faults.strike('RemoveDevice')
        device.drop()
        device.peripheral.stuck = None
        self.remove(device)
        return EMPTY

    # D-Bus

    async def call(self, member: str, body: list[Any], sender: str) -> Reply:
        """One D-Bus call to it."""
        if member not in self._calls:
            raise BlueZError(UNKNOWN_METHOD, f'no {member} at {self.path}')
        if not self.is_powered:
            raise NOT_READY
        return await self._calls[member](body, sender)

    async def set(self, name: str, value: Any) -> None:
        """Properties.Set."""
        if name == 'Powered':
            await self.faults.strike('Set')
            self.power(bool(value))
        else:
            self._change(**{name: value})

    def left(self, sender: str) -> None:
        """A client has left the bus: its scan ends, its links do not."""
        self._filters.pop(sender, None)
        if sender in self.sessions:
            self._end_session(sender)
        for device in self.devices.values():
            device.gatt.left(sender)

    def _change(self, **values: Any) -> None:
        self.objects.change(self.path, ADAPTER, values)
