"""What bleak and bleak-retry-connector make of each fault the fake can have."""
import asyncio
from collections.abc import Callable

import pytest
from bleak.exc import BleakError
from bleak_retry_connector import (
    BleakAbortedError,
    BleakConnectionError,
    clear_cache,
    close_stale_connections_by_address,
    establish_connection,
    get_device,
)

from tests.devices.bluez import FakeBlueZ, Peripheral, errors
from tests.devices.bluez.errors import BlueZError
from tests.devices.clients import Client, connected, error_of, find, hangs, hearing, is_silent
from tests.devices.samples import (
    BATTERY_LEVEL,
    ECHO_NOTIFY,
    ECHO_VALUE,
    ECHO_WRITE,
    BatteryServiceDevice,
    BTHomeSensor,
    EchoDevice,
)
from tests.helpers import eventually


def ignore(_sender: object, _data: bytearray) -> None:
    """A notification."""


async def test_a_lost_link_is_told_and_can_be_made_again(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.lose_link()
    await eventually(lambda: client.was_told)
    assert not client.is_connected
    with pytest.raises(BleakError, match='Service Discovery has not been performed yet'):
        await client.read_gatt_char(ECHO_VALUE)
    await client.disconnect()
    await client.connect()
    assert await client.read_gatt_char(ECHO_VALUE) == b'nothing yet'
    assert peripheral.links == 2
    await client.disconnect()


async def test_a_read_under_way_fails_when_the_link_is_lost(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.faults.hang('ReadValue')
    read = asyncio.create_task(client.read_gatt_char(ECHO_VALUE))
    await eventually(lambda: bluez.count('ReadValue'))
    peripheral.lose_link()
    with pytest.raises(BleakError, match='Unlikely Error'):
        await asyncio.wait_for(read, 5)


async def test_a_device_that_vanishes_stays_connected_and_answers_nothing(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.vanish()
    assert await hangs(client.read_gatt_char(ECHO_VALUE))
    await client.write_gatt_char(ECHO_WRITE, b'!', response=False)  # nobody is asked whether it arrives
    assert await hangs(client.write_gatt_char(ECHO_WRITE, b'?', response=True))
    assert client.is_connected and not client.was_told
    assert peripheral.device.read(ECHO_VALUE) == b'nothing yet'
    await client.disconnect()
    assert client.was_told


async def test_an_answer_that_does_not_come_ends_the_link(bluez: FakeBlueZ) -> None:
    bluez.adapter.att_timeout = 0.1
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.vanish()
    with pytest.raises(BleakError, match='Unlikely Error'):
        await asyncio.wait_for(client.read_gatt_char(ECHO_VALUE), 5)
    await eventually(lambda: client.was_told)
    assert peripheral.link is None


async def test_a_vanished_device_is_lost_after_the_supervision_timeout(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.vanish(supervision=0.1)
    with pytest.raises(BleakError, match='Unlikely Error'):
        await asyncio.wait_for(client.read_gatt_char(ECHO_VALUE), 5)
    await eventually(lambda: client.was_told)
    assert not client.is_connected
    assert await is_unheard(bluez, peripheral)
    peripheral.come_back()
    await find(peripheral)


async def test_a_device_back_in_time_goes_on(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.vanish(supervision=5)
    read = asyncio.create_task(client.read_gatt_char(ECHO_VALUE))
    await eventually(lambda: bluez.count('ReadValue'))
    peripheral.come_back()
    assert await read == b'nothing yet'
    await client.disconnect()


async def is_unheard(fake: FakeBlueZ, peripheral: Peripheral) -> bool:
    """Whether it is not among those that are heard."""
    other = fake.add(BTHomeSensor(), interval=0.01)
    async with hearing() as heard:
        await eventually(lambda: len(heard) > 5)
    return {address for address, _rssi in heard} == {other.address}


Happens = Callable[[Peripheral], None]


@pytest.mark.parametrize('happens', [Peripheral.leave, Peripheral.vanish, Peripheral.take],
                         ids=['out of range', 'vanished', 'taken by somebody else'])  # fmt: skip
async def test_a_device_that_is_not_there_is_not_heard_and_cannot_be_connected_to(bluez: FakeBlueZ, happens: Happens) -> None:
    bluez.adapter.connect_timeout = 0.1
    peripheral = bluez.add(EchoDevice(), interval=0.02)
    client = Client(await find(peripheral), timeout=0.5)
    happens(peripheral)
    assert await is_unheard(bluez, peripheral)
    with pytest.raises(TimeoutError):  # bleak waits for a link that BlueZ has never had
        await client.connect()
    assert [call.error for call in bluez.calls_of('Connect')] == ['org.bluez.Error.Failed']
    peripheral.come_back()
    peripheral.release()
    await find(peripheral)
    await client.connect()
    await client.disconnect()


async def test_a_connect_that_hangs_ends_with_bleaks_patience(bluez: FakeBlueZ) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.02)
    client = Client(await find(peripheral), timeout=0.2)
    peripheral.faults.hang('Connect')
    with pytest.raises(TimeoutError):
        await client.connect()
    await eventually(lambda: bluez.calls_of('Connect')[0].ended)
    assert bluez.calls_of('Connect')[0].error == 'org.bluez.Error.Failed'  # Disconnect has cancelled it
    peripheral.faults.heal()
    await client.connect()
    await client.disconnect()


async def test_nothing_is_heard_while_a_connection_is_being_made(bluez: FakeBlueZ) -> None:
    peripheral, other = bluez.add(EchoDevice(), interval=0.01), bluez.add(BTHomeSensor(), interval=0.01)
    peripheral.faults.hang('Connect')
    async with hearing() as heard:
        await eventually(lambda: peripheral.address in bluez.adapter.devices and (other.address, -66) in heard)
        device = await get_device(peripheral.address)
        assert device is not None
        client = Client(device)
        connect = asyncio.create_task(client.connect())
        await eventually(lambda: bluez.count('Connect'))
        assert await is_silent(heard, other)
        count = len(heard)
        peripheral.faults.heal()
        await connect
        await eventually(lambda: len(heard) > count + 3)
    await client.disconnect()


async def test_a_discovery_that_hangs_ends_with_bleaks_patience(bluez: FakeBlueZ) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.02)
    client = Client(await find(peripheral), timeout=0.2)
    peripheral.faults.hang('discovery')
    with pytest.raises(TimeoutError):
        await client.connect()
    assert peripheral.links == 1
    await eventually(lambda: peripheral.link is None)
    peripheral.faults.heal()
    await client.connect()
    await client.disconnect()


@pytest.mark.parametrize('error', [errors.IN_PROGRESS, errors.BUSY, errors.CANCELED, errors.ABORTED, errors.NO_REPLY,
                                   errors.ALREADY, errors.NOT_AUTHORIZED, errors.AUTHENTICATION_FAILED])  # fmt: skip
async def test_an_error_to_connect_reaches_the_caller_at_once(bluez: FakeBlueZ, error: BlueZError) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.02)
    client = Client(await find(peripheral))
    peripheral.faults.fail('Connect', error)
    assert await error_of(client.connect()) == (error.name.rpartition('.')[2], error.text)
    await client.connect()
    await client.disconnect()


async def test_a_connection_aborted_by_local_is_tried_again_by_bleak_itself(bluez: FakeBlueZ) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.02)
    client = Client(await find(peripheral), timeout=5)
    peripheral.faults.fail('Connect', errors.ABORTED_BY_LOCAL, errors.ABORTED_BY_LOCAL)
    await client.connect()
    assert [bool(call.error) for call in bluez.calls_of('Connect')] == [True, True, False]
    assert await client.read_gatt_char(ECHO_VALUE) == b'nothing yet'
    await client.disconnect()


async def test_retries_overcome_what_passes_and_give_up_what_stays(bluez: FakeBlueZ) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.02)
    device = await find(peripheral)
    peripheral.faults.fail('Connect', errors.CANCELED, errors.CANCELED)
    client = await establish_connection(Client, device, 'echo')
    assert bluez.count('Connect') == 3
    await client.disconnect()
    peripheral.faults.fail_always('Connect', errors.CANCELED)
    with pytest.raises(BleakAbortedError):
        await establish_connection(Client, device, 'echo')
    assert bluez.count('Connect') == 3 + 9


async def test_a_stuck_device_works_after_its_removal(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())  # services known: else clear_cache would do nothing
    await client.disconnect()
    device = await find(peripheral)
    peripheral.get_stuck(errors.BUSY)
    with pytest.raises(BleakConnectionError, match='InProgress'):
        await establish_connection(Client, device, 'echo', max_attempts=2)
    assert await clear_cache(peripheral.address)
    await eventually(lambda: peripheral.address not in bluez.adapter.devices)
    client = await establish_connection(Client, await find(peripheral), 'echo')
    await client.disconnect()


async def test_a_phantom_is_taken_over_and_does_nothing(bluez: FakeBlueZ) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.02)
    device = await find(peripheral)
    bluez.device(peripheral.address).pretend_connected()
    client = await establish_connection(Client, device, 'echo')
    assert bluez.count('Connect') == 0 and client.is_connected and peripheral.link is None
    assert await error_of(client.read_gatt_char(ECHO_VALUE)) == ('Failed', 'Not connected')
    assert await error_of(client.start_notify(ECHO_NOTIFY, ignore)) == ('Failed', 'Not connected')
    await client.disconnect()
    client = await establish_connection(Client, device, 'echo')
    assert await client.read_gatt_char(ECHO_VALUE) == b'nothing yet'
    await client.disconnect()


async def test_a_left_over_link_can_be_closed_from_outside(bluez: FakeBlueZ) -> None:
    peripheral, _client = await connected(bluez, EchoDevice())
    await close_stale_connections_by_address(peripheral.address)
    assert peripheral.link is None
    await find(peripheral)


async def test_services_known_from_before_are_believed_until_the_device_is_removed(bluez: FakeBlueZ) -> None:
    device = EchoDevice()
    peripheral, client = await connected(bluez, device)
    await client.disconnect()
    device.services = BatteryServiceDevice().services  # as after an update of its firmware
    await client.connect()
    assert client.services.get_characteristic(ECHO_VALUE)
    assert client.services.get_characteristic(BATTERY_LEVEL) is None
    with pytest.raises(BleakError, match='Invalid Handle'):
        await client.read_gatt_char(ECHO_VALUE)
    await client.disconnect()
    assert await clear_cache(peripheral.address)
    _peripheral, client = await connected(bluez, device)
    assert client.services.get_characteristic(ECHO_VALUE) is None
    assert client.services.get_characteristic(BATTERY_LEVEL)
    await client.disconnect()


async def test_objects_that_go_without_a_word_leave_bleak_believing(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    bluez.forget(peripheral.address)
    await eventually(lambda: peripheral.address not in bluez.adapter.devices)
    assert (await error_of(client.read_gatt_char(ECHO_VALUE)))[0] == 'UnknownObject'
    assert client.is_connected and not client.was_told
    assert (await error_of(client.disconnect()))[0] == 'UnknownObject'
    assert client.was_told and not client.is_connected
    client = Client(await find(peripheral))
    await client.connect()
    await client.disconnect()


async def test_a_removed_device_has_to_be_found_again(bluez: FakeBlueZ) -> None:
    device = await find(peripheral := bluez.add(EchoDevice(), interval=0.02))
    client = Client(device)
    await client.connect()
    await client.unpair()  # RemoveDevice
    await eventually(lambda: client.was_told)
    with pytest.raises(BleakError, match='not found'):
        await Client(device).connect()
    client = Client(await find(peripheral))
    await client.connect()
    await client.disconnect()


# reading, writing, subscribing

@pytest.mark.parametrize(('error', 'text'), [
    (errors.NOT_AUTHORIZED, 'Insufficient Authorization'), (errors.NOT_PAIRED, 'Not paired'),
    (errors.AUTHENTICATION_FAILED, 'Authentication'), (errors.att_error(0x05), 'Not paired'),
    (errors.att_error(0x80), '128|0x80'), (errors.NOT_SUPPORTED, 'Request Not Supported')])  # fmt: skip
async def test_an_error_to_a_read_reaches_the_caller(bluez: FakeBlueZ, error: BlueZError, text: str) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.faults.fail('ReadValue', error)
    with pytest.raises((BleakError, ValueError), match=text):
        await client.read_gatt_char(ECHO_VALUE)
    assert await client.read_gatt_char(ECHO_VALUE) == b'nothing yet'
    await client.disconnect()


async def test_a_device_that_needs_pairing_works_when_paired(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.needs_pairing = True
    assert await error_of(client.read_gatt_char(ECHO_VALUE)) == ('NotPermitted', 'Not paired')
    peripheral.faults.fail('Pair', errors.AUTHENTICATION_FAILED)
    assert (await error_of(client.pair()))[0] == 'AuthenticationFailed'
    await client.pair()
    assert await client.read_gatt_char(ECHO_VALUE) == b'nothing yet'
    await client.disconnect()


async def test_one_characteristic_can_hang_alone(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.faults.hang('WriteValue', uuid=ECHO_WRITE)
    peripheral.faults.hang('StartNotify')
    assert await hangs(client.write_gatt_char(ECHO_WRITE, b'?', response=True))
    assert await hangs(client.write_gatt_char(ECHO_WRITE, b'?', response=False))
    assert await hangs(client.start_notify(ECHO_NOTIFY, ignore))
    assert await client.read_gatt_char(ECHO_VALUE) == b'nothing yet'
    peripheral.faults.heal()
    await client.start_notify(ECHO_NOTIFY, ignore)
    await client.write_gatt_char(ECHO_WRITE, b'!', response=True)
    await client.disconnect()
