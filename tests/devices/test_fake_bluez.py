"""The fake BlueZ through unmodified bleak, as long as nothing is wrong."""
import asyncio
from typing import Any

import pytest
from bleak import BleakScanner
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError, BleakGATTProtocolError
from bleak_retry_connector import establish_connection

from edgeos.demo.ble_device import BleDevice, Characteristic, Service, uuid16
from tests.devices.bluez import FakeBlueZ
from tests.devices.clients import Client, adverts, connected, error_of, find, hearing
from tests.devices.samples import (
    BATTERY_LEVEL,
    BTHOME,
    ECHO_NOTIFY,
    ECHO_SERVICE,
    ECHO_VALUE,
    ECHO_WRITE,
    MANUFACTURER,
    PRESSURE,
    TEMPERATURE,
    BatteryServiceDevice,
    BTHomeSensor,
    EchoDevice,
    EnvironmentDevice,
)
from tests.helpers import eventually


async def test_a_scan_hears_everything_that_is_advertised(bluez: FakeBlueZ) -> None:
    echo, sensor = EchoDevice(), BTHomeSensor(name='')
    bluez.add(echo, interval=0.02, address_type='random')
    bluez.add(sensor, interval=0.02)
    async with BleakScanner() as scanner:
        await eventually(lambda: len(scanner.discovered_devices) == 2)
        found = scanner.discovered_devices_and_advertisement_data
    device, data = found[echo.address]
    assert (device.name, data.local_name, data.rssi) == ('Echo', 'Echo', -60)
    assert data.manufacturer_data == {0xFFFF: b'\1\2'} and data.service_uuids == [ECHO_SERVICE]
    assert device.details['props']['AddressType'] == 'random'
    device, data = found[sensor.address]
    assert (device.name, data.local_name) == (None, None)
    assert data.service_data == sensor.service_data and data.service_uuids == [BTHOME]


async def test_nothing_is_heard_before_and_after_a_scan(bluez: FakeBlueZ) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.01)
    await eventually(lambda: peripheral.adverts > 3)
    assert not bluez.adapter.devices
    async with hearing() as heard:
        await eventually(lambda: len(heard) > 3)
    count, sent = len(heard), peripheral.adverts
    await eventually(lambda: peripheral.adverts > sent + 3)
    assert len(heard) == count
    assert 'RSSI' not in bluez.device(peripheral.address).values


async def test_adverts_come_in_the_interval_of_each_device(bluez: FakeBlueZ) -> None:
    fast, slow = bluez.add(EchoDevice(), interval=0.02), bluez.add(BTHomeSensor(), interval=0.2)
    async with hearing() as heard:
        await eventually(lambda: [address for address, _rssi in heard].count(slow.address) >= 2)
    assert [address for address, _rssi in heard].count(fast.address) >= 6
    fast.interval = 10.0


async def test_new_data_and_strength_are_heard(bluez: FakeBlueZ) -> None:
    sensor = BTHomeSensor()
    bluez.add(sensor, interval=0.02)
    got: list[bytes] = []
    async with BleakScanner(lambda _device, data: got.append(data.service_data[BTHOME])):
        await eventually(lambda: got)
        sensor.measure(42, -3.5)
        await eventually(lambda: got[-1] == sensor.service_data[BTHOME])
    assert got[0] != got[-1]


async def test_a_real_bluez_keeps_unchanged_adverts_to_itself(bluez: FakeBlueZ) -> None:
    bluez.adapter.tells_every_advert = False
    echo = EchoDevice(rssi=-60)
    peripheral = bluez.add(echo, interval=0.01)
    async with hearing() as heard:
        await eventually(lambda: peripheral.adverts > 10)
        assert len(heard) == 1
        echo.rssi = -67
        sent = peripheral.adverts
        await eventually(lambda: peripheral.adverts > sent + 5)
        assert len(heard) == 1
        echo.rssi = -68
        await eventually(lambda: heard[-1] == (echo.address, -68))
        echo.manufacturer_data = {0xFFFF: b'\3'}
        await eventually(lambda: len(heard) == 3)
    count = len(heard)
    async with hearing(bluez={'filters': {'DuplicateData': True}}) as every:
        await eventually(lambda: len(every) > 5)
    assert len(heard) == count


async def test_a_filter_lets_only_some_through(bluez: FakeBlueZ) -> None:
    near, other = bluez.add(EchoDevice(rssi=-50), interval=0.01), bluez.add(BatteryServiceDevice(), interval=0.01)
    async with hearing(service_uuids=[ECHO_SERVICE]) as heard:
        await eventually(lambda: len(heard) > 3)
    assert other.address not in bluez.adapter.devices
    near.device.rssi = -90
    async with hearing(bluez={'filters': {'RSSI': -75}}) as heard:
        await eventually(lambda: len(heard) > 3)
    assert {address for address, _rssi in heard} == {other.address}


async def test_a_device_that_falls_silent_is_forgotten_unless_it_has_been_connected(bluez: FakeBlueZ) -> None:
    bluez.adapter.temporary_timeout = 0.2
    known, other = bluez.add(EchoDevice(), interval=0.02), bluez.add(BatteryServiceDevice(), interval=0.02)
    client = Client(await find(known))
    await client.connect()
    await client.disconnect()
    async with BleakScanner() as scanner:
        await eventually(lambda: len(scanner.discovered_devices) == 2)
        known.leave()
        other.leave()
        await eventually(lambda: len(scanner.discovered_devices) == 1)
    assert set(bluez.adapter.devices) == {known.address}


async def test_a_device_that_cannot_be_connected_to_is_forgotten_with_the_scan(bluez: FakeBlueZ) -> None:
    peripheral = bluez.add(BTHomeSensor(), interval=0.02)
    await find(peripheral)
    await eventually(lambda: not bluez.adapter.devices)


async def test_two_scans_of_one_program_are_in_each_others_way(bluez: FakeBlueZ) -> None:
    async with BleakScanner():
        assert await error_of(BleakScanner().start()) == ('InProgress', 'Operation already in progress')
    async with BleakScanner():
        assert bluez.count('StartDiscovery') == 3


async def test_services_and_descriptors_are_discovered(bluez: FakeBlueZ) -> None:
    device = EchoDevice()
    device.services = [*device.services, Service(uuid16('1800'), (Characteristic(uuid16('2a00'), ('read',)),))]
    _peripheral, client = await connected(bluez, device)
    assert [service.uuid for service in client.services] == [ECHO_SERVICE]  # BlueZ hides 1800
    found = {each.uuid: each for each in client.services.characteristics.values()}
    assert {uuid: set(each.properties) for uuid, each in found.items()} == {
        ECHO_NOTIFY: {'notify'}, ECHO_WRITE: {'write', 'write-without-response'}, ECHO_VALUE: {'read'}}  # fmt: skip
    assert [each.uuid for each in found[ECHO_NOTIFY].descriptors] == [uuid16('2902')]
    assert found[ECHO_WRITE].max_write_without_response_size == 244
    await client.disconnect()


async def test_values_are_read(bluez: FakeBlueZ) -> None:
    _lock, client = await connected(bluez, BatteryServiceDevice())
    assert await client.read_gatt_char(BATTERY_LEVEL) == bytes((87,))
    assert await client.read_gatt_char(MANUFACTURER) == b'Edge'
    await client.disconnect()
    _cellar, client = await connected(bluez, EnvironmentDevice())
    assert int.from_bytes(await client.read_gatt_char(TEMPERATURE), 'little', signed=True) == 2137
    assert int.from_bytes(await client.read_gatt_char(PRESSURE), 'little') == 1_013_250
    await client.disconnect()


@pytest.mark.parametrize('through_socket', [False, True], ids=['StartNotify', 'AcquireNotify'])
async def test_a_write_is_answered_by_notifications(bluez: FakeBlueZ, through_socket: bool) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    got: list[bytes] = []
    await client.start_notify(ECHO_NOTIFY, lambda _sender, data: got.append(bytes(data)),
                              bluez={'use_start_notify': not through_socket})  # fmt: skip
    await client.write_gatt_char(ECHO_WRITE, b'with', response=True)
    await client.write_gatt_char(ECHO_WRITE, b'without', response=False)
    await eventually(lambda: got == [b'with', b'without'])
    await client.stop_notify(ECHO_NOTIFY)
    await eventually(lambda: not bluez.device(peripheral.address).gatt.is_subscribed(ECHO_NOTIFY))
    await client.write_gatt_char(ECHO_WRITE, b'unheard', response=True)
    assert await client.read_gatt_char(ECHO_VALUE) == b'unheard'
    assert got == [b'with', b'without']
    assert bluez.count('AcquireNotify' if through_socket else 'StartNotify') == 1
    await client.disconnect()


async def test_the_mtu_limits_what_fits(bluez: FakeBlueZ) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.02)
    peripheral.mtu = 23
    _peripheral, client = await connected(bluez, EchoDevice())
    got: list[bytes] = []
    await client.start_notify(ECHO_NOTIFY, lambda _sender, data: got.append(bytes(data)))
    await client.write_gatt_char(ECHO_WRITE, bytes(30), response=True)
    await eventually(lambda: got == [bytes(20)])
    assert await error_of(client.write_gatt_char(ECHO_WRITE, bytes(30), response=False)) == (
        'Failed', 'Failed to initiate write')  # fmt: skip
    assert peripheral.device.read(ECHO_VALUE) == bytes(30)
    await client.disconnect()


async def test_a_read_looks_like_a_notification_to_who_has_subscribed(bluez: FakeBlueZ) -> None:
    _peripheral, client = await connected(bluez, BatteryServiceDevice())
    got: list[bytes] = []
    await client.start_notify(BATTERY_LEVEL, lambda _sender, data: got.append(bytes(data)))
    await client.read_gatt_char(BATTERY_LEVEL)
    await eventually(lambda: got == [bytes((87,))])
    await client.disconnect()


async def test_what_is_not_permitted_is_refused_in_bluez_words(bluez: FakeBlueZ) -> None:
    _peripheral, client = await connected(bluez, EchoDevice())
    with pytest.raises(BleakGATTProtocolError, match=r'(?i)read not permitted'):
        await client.read_gatt_char(ECHO_WRITE)
    with pytest.raises(BleakGATTProtocolError, match=r'(?i)write not permitted'):
        await client.write_gatt_char(ECHO_VALUE, b'', response=True)
    with pytest.raises(BleakDBusError, match='NotSupported'):
        await client.start_notify(ECHO_VALUE, lambda _sender, _data: None)
    await client.disconnect()


async def test_a_connected_device_does_not_advertise_and_does_so_again_afterwards(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    device = peripheral.device
    assert isinstance(device, EchoDevice)
    other = bluez.add(BTHomeSensor(), interval=0.01)
    async with hearing() as heard:
        await eventually(lambda: len(heard) > 5)
        assert {address for address, _rssi in heard} == {other.address}
        await client.disconnect()
        assert device.disconnects == 1 and client.was_told == 1
        await eventually(lambda: (peripheral.address, -60) in heard)


def leave_the_bus(client: Client) -> None:
    """As a program that has crashed."""
    backend: Any = client._backend
    backend._bus.disconnect()


async def test_a_link_outlives_a_program_that_does_not_end_it(bluez: FakeBlueZ) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.02)
    device = await find(peripheral)
    client = Client(device)
    await client.connect()
    await client.start_notify(ECHO_NOTIFY, lambda _sender, _data: None)
    leave_the_bus(client)
    await eventually(lambda: not bluez.device(peripheral.address).gatt.is_subscribed(ECHO_NOTIFY))
    assert bluez.device(peripheral.address).is_connected and peripheral.link is not None
    again = await establish_connection(Client, device, 'echo')
    assert bluez.count('Connect') == 1
    assert await again.read_gatt_char(ECHO_VALUE) == b'nothing yet'
    await again.disconnect()
    assert peripheral.link is None


async def test_a_client_that_is_not_closed_after_a_loss_doubles_what_the_next_one_hears(bluez: FakeBlueZ) -> None:
    peripheral, first = await connected(bluez, EchoDevice())
    await first.start_notify(ECHO_NOTIFY, lambda _sender, _data: None)
    peripheral.lose_link()
    await eventually(lambda: first.was_told)
    _peripheral, second = await connected(bluez, EchoDevice())
    got: list[bytes] = []
    await second.start_notify(ECHO_NOTIFY, lambda _sender, data: got.append(bytes(data)))
    peripheral.notify(ECHO_NOTIFY, b'1')
    await eventually(lambda: got == [b'1', b'1'])
    await first.disconnect()
    await eventually(lambda: len(bluez.device(peripheral.address).gatt.subscribers(ECHO_NOTIFY)) == 1)
    peripheral.notify(ECHO_NOTIFY, b'2')
    await eventually(lambda: got == [b'1', b'1', b'2'])
    await second.disconnect()


async def test_two_adapters_hear_the_same_device_and_one_is_connected(bluez: FakeBlueZ) -> None:
    bluez.add_adapter('hci1')
    peripheral = bluez.add(EchoDevice(), interval=0.02)
    first = await find(peripheral, bluez={'adapter': 'hci0'})
    second = await find(peripheral, bluez={'adapter': 'hci1'})
    client = Client(second)
    await client.connect()
    assert first.details['path'].startswith('/org/bluez/hci0/')
    assert peripheral.link is bluez.device(peripheral.address, 'hci1')
    assert not bluez.device(peripheral.address, 'hci0').is_connected
    await client.disconnect()


async def test_calls_are_counted_with_how_many_there_were_at_once(bluez: FakeBlueZ) -> None:
    devices = [bluez.add(BleDevice(f'C8:00:00:00:01:0{number}', f'device {number}'), interval=0.02) for number in range(3)]
    for peripheral in devices:
        peripheral.connect_delay = 0.05
    clients = [Client(await find(peripheral)) for peripheral in devices]
    await clients[0].connect()
    await clients[1].connect()
    assert (bluez.count('Connect'), bluez.most_at_once('Connect')) == (2, 1)
    await asyncio.gather(*(client.disconnect() for client in clients))
    await asyncio.gather(*(client.connect() for client in clients))
    assert (bluez.count('Connect'), bluez.most_at_once('Connect')) == (5, 3)
    assert all(call.ended is not None and call.ended - call.began >= 0.05 for call in bluez.calls_of('Connect'))
    await asyncio.gather(*(client.disconnect() for client in clients))


async def test_data_of_other_companies_is_kept_unless_duplicates_are_asked_for(bluez: FakeBlueZ) -> None:
    echo = EchoDevice()
    bluez.add(echo, interval=0.01)
    got: list[dict[int, bytes]] = []

    def detected(_device: object, data: AdvertisementData) -> None:
        got.append(data.manufacturer_data)

    async with BleakScanner(detected):
        await eventually(lambda: got)
        echo.manufacturer_data = {0x004C: b'\3'}
        await eventually(lambda: got[-1] == {0xFFFF: b'\1\2', 0x004C: b'\3'})
    async with BleakScanner(detected, bluez={'filters': {'DuplicateData': True}}):
        await eventually(lambda: got[-1] == {0x004C: b'\3'})


async def test_a_device_takes_its_time_to_answer(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.answer_delay = 0.05
    await client.read_gatt_char(ECHO_VALUE)
    read = bluez.calls_of('ReadValue')[0]
    assert read.ended is not None and read.ended - read.began >= 0.05
    write = asyncio.create_task(client.write_gatt_char(ECHO_WRITE, b'1', response=True))
    await eventually(lambda: bluez.count('WriteValue'))
    await client.write_gatt_char(ECHO_WRITE, b'2', response=True)  # in progress until the first one is done
    await write
    assert await client.read_gatt_char(ECHO_VALUE) == b'2'
    assert {call.error for call in bluez.calls_of('WriteValue')} == {'', 'org.bluez.Error.InProgress'}
    bluez.forget_calls()
    assert not bluez.calls and bluez.count('WriteValue') == bluez.most_at_once('WriteValue') == 0
    await client.disconnect()


async def test_a_device_can_be_switched_off_for_good(bluez: FakeBlueZ) -> None:
    echo, other = bluez.add(EchoDevice(), interval=0.01), bluez.add(BTHomeSensor(), interval=0.01)
    async with hearing() as heard:
        await eventually(lambda: {address for address, _rssi in heard} == {echo.address, other.address})
        bluez.remove(echo.address)
        await adverts(other)
        heard.clear()
        await eventually(lambda: len(heard) > 3)
    assert {address for address, _rssi in heard} == {other.address}
