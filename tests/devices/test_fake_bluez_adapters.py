"""What bleak makes of adapters that are off, blocked, pulled out, full or deaf."""

import pytest
from bleak import BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason
from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus

from tests.devices.bluez import FakeBlueZ, errors
from tests.devices.clients import Client, adverts, can_scan, connected, error_of, find, hearing, is_silent
from tests.devices.samples import ECHO_VALUE, EchoDevice
from tests.helpers import eventually


async def test_power_off_ends_links_and_scans_and_nothing_can_be_done(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    heard: list[tuple[str, int]] = []
    scanner = BleakScanner(lambda device, data: heard.append((device.address, data.rssi)))
    await scanner.start()
    bluez.adapter.power(False)
    await eventually(lambda: client.was_told)
    assert (await error_of(client.connect()))[0] == 'NotReady'
    with pytest.raises(BleakBluetoothNotAvailableError) as caught:
        await BleakScanner().start()
    assert caught.value.reason is BleakBluetoothNotAvailableReason.POWERED_OFF
    assert await is_silent(heard, peripheral)
    bluez.adapter.power(True)
    assert await is_silent(heard, peripheral)  # the scan does not come back
    assert await error_of(scanner.stop()) == ('Failed', 'No discovery started')
    await find(peripheral)
    await client.connect()
    await client.disconnect()


async def set_powered(on: bool) -> Message:
    """As another program does it."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    reply = await bus.call(Message(destination='org.bluez', path='/org/bluez/hci0', member='Set', signature='ssv',
                                   interface='org.freedesktop.DBus.Properties',
                                   body=['org.bluez.Adapter1', 'Powered', Variant('b', on)]))  # fmt: skip
    bus.disconnect()
    return reply


async def test_a_blocked_adapter_cannot_be_switched_on(bluez: FakeBlueZ) -> None:
    _peripheral, client = await connected(bluez, EchoDevice())
    bluez.adapter.block()
    await eventually(lambda: client.was_told)
    assert (await set_powered(True)).error_name == 'org.bluez.Error.Blocked'
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner().start()
    bluez.adapter.unblock()
    await client.connect()
    await client.disconnect()
    assert (await set_powered(False)).error_name is None
    assert not bluez.adapter.is_powered


async def test_no_adapter_is_said_so_and_one_can_be_plugged_in(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    bluez.remove_adapter('hci0')
    assert (await error_of(client.read_gatt_char(ECHO_VALUE)))[0] == 'UnknownObject'
    assert client.is_connected and not client.was_told
    with pytest.raises(BleakBluetoothNotAvailableError) as caught:
        await BleakScanner().start()
    assert caught.value.reason is BleakBluetoothNotAvailableReason.NO_BLUETOOTH
    bluez.add_adapter('hci1')
    await eventually(can_scan)
    assert (await find(peripheral)).details['path'].startswith('/org/bluez/hci1/')


@pytest.mark.parametrize('for_good', [False, True])
async def test_a_scan_dies_quietly(bluez: FakeBlueZ, for_good: bool) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.01)
    async with hearing() as heard:
        await eventually(lambda: heard)
        bluez.adapter.scan_dies(for_good)
        assert await is_silent(heard, peripheral)
    async with hearing() as heard:
        await adverts(peripheral)
        assert bool(heard) is not for_good
        bluez.adapter.scan_works()
        await eventually(lambda: heard)


async def test_a_scan_that_another_one_holds_up_is_refused(bluez: FakeBlueZ) -> None:
    bluez.adapter.faults.fail('StartDiscovery', errors.BUSY)
    assert (await error_of(BleakScanner().start()))[0] == 'InProgress'
    async with BleakScanner():
        bluez.adapter.faults.fail('StopDiscovery', errors.BUSY)  # bleak starts and stops again to mend that
    assert bluez.count('StopDiscovery') == 2 and not bluez.adapter.sessions


async def test_an_adapter_has_only_so_many_links(bluez: FakeBlueZ) -> None:
    bluez.adapter.most_links = 1
    bluez.adapter.connect_timeout = 0.1
    first = Client(await find(bluez.add(EchoDevice(), interval=0.02)))
    second = Client(await find(bluez.add(EchoDevice('C8:00:00:00:00:09'), interval=0.02)), timeout=0.3)
    await first.connect()
    with pytest.raises(TimeoutError):
        await second.connect()
    await first.disconnect()
    await second.connect()
    await second.disconnect()
