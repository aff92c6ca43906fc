"""What the tests of the fake do with bleak, unmodified."""
import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError

from edgeos.demo.ble_device import BleDevice
from tests.devices.bluez import FakeBlueZ, Peripheral
from tests.helpers import eventually


class Client(BleakClient):
    """Remembers whether it has been told that the link is lost."""

    def __init__(self, device: BLEDevice, disconnected_callback: object = None, timeout: float = 5.0, **more: Any) -> None:
        super().__init__(device, disconnected_callback=self._told, timeout=timeout, **more)
        self.was_told = 0

    def _told(self, _client: BleakClient) -> None:
        self.was_told += 1


async def find(peripheral: Peripheral, **options: Any) -> BLEDevice:
    """Scan until it is heard."""
    found = await BleakScanner.find_device_by_address(peripheral.address, timeout=5.0, **options)
    assert found is not None, f'{peripheral.address} is not heard'
    return found


async def connected(fake: FakeBlueZ, device: BleDevice) -> tuple[Peripheral, Client]:
    """A device that is on and connected to."""
    peripheral = fake.peripherals.get(device.address) or fake.add(device, interval=0.02)
    client = Client(await find(peripheral))
    await client.connect()
    return peripheral, client


@asynccontextmanager
async def hearing(**options: Any) -> AsyncIterator[list[tuple[str, int]]]:
    """Scan meanwhile, and collect the addresses and strengths of what is told."""
    heard: list[tuple[str, int]] = []
    async with BleakScanner(lambda device, data: heard.append((device.address, data.rssi)), **options):
        yield heard


async def adverts(peripheral: Peripheral, count: int = 4) -> None:
    """Returns after so many more have been sent, heard or not."""
    wanted = peripheral.adverts + count
    await eventually(lambda: peripheral.adverts >= wanted)


async def is_silent(heard: list[tuple[str, int]], peripheral: Peripheral) -> bool:
    """Whether nothing more is heard although it advertises, once what is under way has arrived."""
    await adverts(peripheral)
    count = len(heard)
    await adverts(peripheral)
    return len(heard) == count


async def can_scan() -> bool:
    """Whether bleak has heard of an adapter that is on."""
    try:
        async with BleakScanner():
            return True
    except BleakBluetoothNotAvailableError:
        return False


async def error_of(work: Awaitable[object]) -> tuple[str, str]:
    """The end of the D-Bus error's name, and its text."""
    try:
        await asyncio.wait_for(work, 5)
    except BleakDBusError as error:
        return error.dbus_error.rpartition('.')[2], error.dbus_error_details or ''
    raise AssertionError('no error')


async def hangs(work: Awaitable[object], seconds: float = 0.3) -> bool:
    """Whether it does not come back for so long; it is given up then."""
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        return True
    return False

