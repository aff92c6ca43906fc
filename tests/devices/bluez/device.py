"""What one adapter's BlueZ believes of a peripheral: org.bluez.Device1 (src/device.c)."""
import asyncio
import contextlib
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from tests.devices.bluez.characteristic import UNLIKELY
from tests.devices.bluez.errors import (
    ABORTED_BY_LOCAL,
    ALREADY_EXISTS,
    AUTHENTICATION_FAILED,
    CANCELED,
    IN_PROGRESS,
    UNKNOWN_METHOD,
    BlueZError,
    att_error,
)
from tests.devices.bluez.gatt import Gatt
from tests.devices.bluez.objects import DEVICE
from tests.devices.bluez.peripheral import Peripheral
from tests.devices.bluez.reply import EMPTY, Reply

if TYPE_CHECKING:
    from tests.devices.bluez.adapter import Adapter

RSSI_THRESHOLD = 8  # dB a device has to come nearer or go away for BlueZ to say so
ABORTED_LINK = 0.01  # s that an aborted connection is shown as connected
WATCH = 0.02  # s between looks whether a device that is being connected to has come into range


class Device:
    """Made by the first advert that is heard, gone when BlueZ removes it; the peripheral outlives it."""

    def __init__(self, adapter: 'Adapter', peripheral: Peripheral) -> None:
        self.adapter = adapter
        self.peripheral = peripheral
        self.objects = adapter.objects
        self.path = f'{adapter.path}/dev_{peripheral.address.replace(":", "_")}'
        self.is_temporary = True  # removed if not heard for a while; no longer so once it has been connected
        self.dropped = 0  # notifications nobody has read in time
        self.values = self.objects.add(self.path, DEVICE, self._advertised() | {'RSSI': peripheral.device.rssi})
        self.gatt = Gatt(self)
        self._calls = {'Connect': self._connect, 'Disconnect': self._disconnect, 'Pair': self._pair}
        self._attempt: asyncio.Task[None] | None = None
        self._resolving: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._lost = asyncio.Event()
        self._expect()

    @property
    def is_connected(self) -> bool:
        """What BlueZ says."""
        return bool(self.values['Connected'])

    @property
    def is_linked(self) -> bool:
        """Whether it is so."""
        return self.peripheral.link is self

    @property
    def is_paired(self) -> bool:
        return bool(self.values['Paired'])

    @property
    def is_reaching(self) -> bool:
        """Whether a connection is being made to a device that is there: meanwhile the radio does not listen."""
        return self._attempt is not None and self.peripheral.is_connectable

    async def call(self, member: str, _body: list[Any], _sender: str) -> Reply:
        """One D-Bus call to it."""
        if member not in self._calls:
            raise BlueZError(UNKNOWN_METHOD, f'no {member} at {self.path}')
        return await self._calls[member]()

    # hearing

    def _advertised(self) -> dict[str, Any]:
        device = self.peripheral.device
        values = {
            'Address': self.peripheral.address, 'AddressType': self.peripheral.address_type, 'Adapter': self.adapter.path,
            'Alias': device.name or self.peripheral.address.replace(':', '-'), 'Paired': False, 'Bonded': False,
            'Trusted': False, 'Blocked': False, 'LegacyPairing': False, 'Connected': False, 'ServicesResolved': False,
            'UUIDs': self._uuids(), 'AdvertisingFlags': b'\x06',
        }  # fmt: skip
        return values | self._payload() | ({'Name': device.name} if device.name else {})

    def _uuids(self) -> list[str]:
        return sorted({*self.peripheral.device.service_uuids, *self.peripheral.device.service_data})

    def _payload(self) -> dict[str, Any]:
        device = self.peripheral.device
        values: dict[str, Any] = {}
        if device.manufacturer_data:
            values['ManufacturerData'] = dict(device.manufacturer_data)
        if device.service_data:
            values['ServiceData'] = dict(device.service_data)
        return values

    def heard(self, every: bool, duplicates: bool) -> None:
        """An advert. BlueZ tells of a change only: of the signal from 8 dB on, of the data if it is another.

        `every` makes it tell of each advert, `duplicates` of the data even if it is the same.
        """
        rssi = self.peripheral.device.rssi
        known = self.values.get('RSSI')
        changes: dict[str, Any] = {}
        for kind, data in self._payload().items():
            known_data = self.values.get(kind, {})
            if duplicates or known_data != known_data | data:
                changes[kind] = data if duplicates else known_data | data  # what was advertised before stays
        if every or known is None or abs(known - rssi) >= RSSI_THRESHOLD:
            changes['RSSI'] = rssi
        if new := set(self._uuids()).difference(self.values['UUIDs']):
            changes['UUIDs'] = sorted(new.union(self.values['UUIDs']))
        if (name := self.peripheral.device.name) and self.values.get('Name') != name:
            changes |= {'Name': name, 'Alias': name}
        if changes:
            self._change(**changes)
        self._expect()

    def unheard(self) -> None:
        """The scan has ended: how strong it is is not known any more."""
        self.objects.change(self.path, DEVICE, {}, invalidated=('RSSI',))

    def _expect(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = None
        if self.is_temporary and not self.is_connected:
            loop = asyncio.get_running_loop()
            self._expiry = loop.call_later(self.adapter.temporary_timeout, self.adapter.remove, self)

    # connecting

    async def _connect(self) -> Reply:
        if not self.adapter.is_powered:
            raise self.adapter.off_error
        if self._attempt is not None:
            raise IN_PROGRESS
        if self.is_connected:
            return EMPTY
        self.is_temporary = False
        self._expect()
        self._attempt = attempt = asyncio.create_task(self._reach(), name=f'connect {self.path}')
        try:
            await asyncio.wait((attempt,))
            if attempt.cancelled():
                raise CANCELED
            attempt.result()
        finally:
            attempt.cancel()
            if self._attempt is attempt:
                self._attempt = None
        return EMPTY

    async def _reach(self) -> None:
        if self.peripheral.stuck is not None:
            raise self.peripheral.stuck
        try:
            await self.peripheral.faults.strike('Connect')
        except BlueZError as error:
            if error.text == ABORTED_BY_LOCAL.text:
                self._flash()
            raise
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.adapter.connect_timeout
        while not self.peripheral.is_connectable or self.adapter.is_full:
            if loop.time() >= deadline:
                raise ABORTED_BY_LOCAL
            await asyncio.sleep(WATCH)
        await asyncio.sleep(self.peripheral.connect_delay)
        if not self.peripheral.is_connectable:
            raise ABORTED_BY_LOCAL
        self._linked()

    def _flash(self) -> None:
        """A connection that is made and aborted at once is shown as both, the latter after Connect has failed."""
        self._change(Connected=True)
        asyncio.get_running_loop().call_later(ABORTED_LINK, lambda: self._change(Connected=False))

    def _linked(self) -> None:
        self._lost = asyncio.Event()
        self.peripheral.linked(self)
        self._change(Connected=True)
        self._resolving = self.adapter.spawn(self._resolve(), f'discovery of {self.path}')

    async def _resolve(self) -> None:
        await asyncio.sleep(self.peripheral.discovery_delay)
        with contextlib.suppress(BlueZError):  # an error in between: they stay unresolved
            await self.peripheral.faults.strike('discovery')
            await self.peripheral.answers()
            self._show_services()

    def _show_services(self) -> None:
        self.gatt.export()
        offered = {service.uuid for service in self.peripheral.device.services}
        self._change(UUIDs=sorted({*self.values['UUIDs'], *offered}), ServicesResolved=True)

    def drop(self) -> None:
        """The link ends, and BlueZ knows and says so."""
        for task in (self._attempt, self._resolving):
            if task is not None:
                task.cancel()
        self._resolving = None
        self._lost.set()
        if self.is_linked:
            self.peripheral.unlinked()
        self.gatt.disconnected()
        if self.values['ServicesResolved']:
            self._change(ServicesResolved=False)
        if self.is_connected:
            self._change(Connected=False)
            self._expect()

    async def unless_lost(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work; raises what BlueZ answers to all that is open when the link ends, if that comes first."""
        task = asyncio.ensure_future(work)
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait((task, lost), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise att_error(UNLIKELY)
            task.result()
        finally:
            task.cancel()
            lost.cancel()

    async def _disconnect(self) -> Reply:
        if self._attempt is not None:
            self._attempt.cancel()
        await self.peripheral.faults.strike('Disconnect')
        if self.is_connected:
            await asyncio.sleep(self.adapter.disconnect_delay)
            self.drop()
        return EMPTY

    async def _pair(self) -> Reply:
        if self.is_paired:
            raise ALREADY_EXISTS
        await self._connect()
        try:
            await self.unless_lost(self.peripheral.faults.strike('Pair'))
            await self.unless_lost(self.peripheral.answers())
        except BlueZError:
            raise AUTHENTICATION_FAILED from None
        self._change(Paired=True, Bonded=True)
        return EMPTY

    # what BlueZ may be wrong about

    def pretend_connected(self, resolved: bool = True) -> None:
        """A phantom: shown as connected, with the services known from before, and there is no link."""
        if resolved:
            self.gatt.export()
        self._change(Connected=True, ServicesResolved=resolved)

    def forget(self) -> None:
        """The objects go and nothing is said of the link: as when a stick is pulled out."""
        if self._expiry is not None:
            self._expiry.cancel()
        self.gatt.forget()
        self.objects.remove(self.path)
        self.drop()

    def _change(self, **values: Any) -> None:
        self.objects.change(self.path, DEVICE, values)
