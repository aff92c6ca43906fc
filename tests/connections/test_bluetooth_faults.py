"""Everything that can happen to a Bluetooth link: what the owner is told, how soon, and that it comes back by itself."""
import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgeos.bluetooth import radio as radio_module
from edgeos.bluetooth.radios import Radios
from edgeos.connections import bluetooth as driver
from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.state import Health, Status
from edgeos.demo.battery import JbdBattery
from tests.connections.bluetooth_links import POLL, BluetoothLinks, alive, code, fresh, is_stale, lost, values
from tests.devices.bluez.bus import Bus
from tests.devices.bluez.errors import BUSY, CANCELED, IN_PROGRESS, BlueZError, failed
from tests.devices.bluez.fake import FakeBlueZ
from tests.devices.bluez.fixtures import bluez as bluez
from tests.devices.bluez.fixtures import bus as bus
from tests.devices.bluez.peripheral import Peripheral
from tests.devices.samples import BTHomeSensor
from tests.helpers import eventually, patient
from tests.lag import Lag

NOTICED = 3 * POLL + 1.0  # s: the contract's three polls, and what a busy machine takes beside
BACK = 12.0  # s
ONE, OTHER = 'A4:C1:38:00:00:01', 'A4:C1:38:00:00:02'
HELD = 50.0  # ms: what a busy machine does to a loop; the bench holds 20


@pytest.fixture
async def links(tmp_path: Path, bus: Bus) -> AsyncIterator[BluetoothLinks]:
    made = BluetoothLinks(tmp_path)
    yield made
    await made.stop()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter waits where waiting would prove nothing."""
    monkeypatch.setattr(radio_module, 'SILENCE', (1.5, 1.5))
    monkeypatch.setattr(radio_module, 'RETRY', (0.5, 0.5))
    monkeypatch.setattr(radio_module, 'CONNECT_LIMIT', 4.0)
    monkeypatch.setattr(radio_module, 'POLITE_LIMIT', 2.0)
    monkeypatch.setattr(driver, 'FIND_LIMIT', 3.0)


@pytest.fixture
async def battery(bluez: FakeBlueZ) -> Peripheral:
    return bluez.add(JbdBattery(ONE))


async def goes(connection: BluetoothConnection, within: float = NOTICED) -> float:
    """Wait until it is lost, with values stale; answers after how long, which is within the contract."""
    began = time.monotonic()
    await eventually(lambda: lost(connection) and is_stale(connection), timeout=within + 5)
    took = time.monotonic() - began
    assert took <= within, f'noticed after {took:.1f} s'
    assert connection.health is Health.BAD
    return took


async def comes_back(connection: BluetoothConnection, within: float = BACK) -> float:
    began = time.monotonic()
    await eventually(lambda: alive(connection), timeout=within)
    await fresh(connection)
    return time.monotonic() - began


# the link


async def test_a_lost_link_is_noticed_at_once_and_opened_again(links, bluez, battery):
    connection = await links.open(ONE)
    battery.lose_link()
    assert await goes(connection, within=1.0) < 1.0
    assert code(connection) == 'connection_lost'
    await comes_back(connection)
    assert connection.traffic.reconnects == 1


async def test_a_device_that_vanishes_without_a_word_is_lost_within_three_polls(links, bluez, battery):
    connection = await links.open(ONE)
    battery.vanish()
    await goes(connection)
    assert code(connection) in ('timeout', 'connection_lost')
    battery.come_back()
    await comes_back(connection)


async def test_a_device_out_of_range_is_not_found_and_tried_again_as_soon_as_it_is_heard(links, bluez, battery):
    connection = await links.open(ONE)
    battery.leave()
    await goes(connection, within=1.0)
    await eventually(lambda: code(connection) == 'device_not_found', timeout=10)
    assert 'not heard' in connection.last_error.message
    await eventually(lambda: connection.next_retry_in and connection.next_retry_in > 0.5, timeout=10)
    battery.come_back()
    assert await comes_back(connection) < 5 * POLL


async def test_a_connect_that_hangs_is_given_up(links, bluez, battery):
    battery.faults.hang('Connect')
    connection = links.start(ONE)
    await eventually(lambda: code(connection) == 'timeout', timeout=10)
    assert connection.status is Status.ERROR
    battery.faults.heal()
    await comes_back(connection)


async def test_a_discovery_of_services_that_hangs_is_given_up(links, bluez, battery):
    battery.faults.hang('discovery')
    connection = links.start(ONE)
    await eventually(lambda: code(connection) == 'timeout', timeout=10)
    battery.faults.heal()
    await comes_back(connection)


async def test_a_link_that_is_aborted_at_first_and_then_made_is_taken(links, bluez, battery):
    battery.faults.fail('Connect', failed('le-connection-abort-by-local'))
    connection = await links.open(ONE)
    assert [attempt.outcome for attempt in connection.attempts] == ['connected']
    await fresh(connection)
    assert connection.traffic.reconnects == 0 and battery.links == 1


async def test_attempts_become_rare_also_when_the_device_is_heard_all_the_time(links, bluez, battery):
    battery.faults.fail_always('Connect', BlueZError('org.freedesktop.DBus.Error.ServiceUnknown', 'not now'))
    battery.interval = 0.05
    connection = links.start(ONE)
    await eventually(lambda: len(connection.attempts) >= 3, timeout=15)
    first, last = connection.attempts[0], connection.attempts[2]
    assert last.t - first.t > 1.4, 'a second between attempts, and a fifth of it less at most'


@pytest.mark.parametrize('error', [BUSY, IN_PROGRESS, CANCELED, failed('br-connection-canceled'),
                                   failed('Software caused connection abort'), failed('le-connection-abort-by-local')],
                         ids=lambda error: error.text)  # fmt: skip
async def test_errors_of_connect_are_survived(links, bluez, battery, error):
    battery.faults.fail('Connect', *[error] * 2)
    connection = links.start(ONE)
    await comes_back(connection, within=18)


async def test_a_connect_that_is_in_progress_for_ever_is_cured_by_forgetting_the_device(links, bluez, battery):
    battery.get_stuck(IN_PROGRESS)
    connection = links.start(ONE)
    await eventually(lambda: code(connection) == 'device_busy', timeout=10)
    await comes_back(connection, within=18)
    assert bluez.count('RemoveDevice') == 1


async def test_a_link_left_over_from_an_earlier_life_is_ended(links, bluez, battery):
    await links.radios.get().find(ONE, 3)
    bluez.device(ONE)._linked()  # as an app that was killed leaves it
    links.services.radios = Radios()
    connection = await links.open(ONE)
    assert bluez.count('Disconnect') >= 1
    await fresh(connection)


async def test_a_phantom_connection_is_seen_through(links, bluez, battery):
    await links.radios.get().find(ONE, 3)
    bluez.device(ONE).pretend_connected()
    links.services.radios = Radios()
    connection = links.start(ONE)
    await comes_back(connection, within=18)


async def test_objects_that_vanish_while_the_library_believes_in_the_link(links, bluez, battery):
    connection = await links.open(ONE)
    bluez.forget(ONE)
    await goes(connection)
    await comes_back(connection)


async def test_a_write_that_hangs_is_no_life(links, bluez, battery):
    connection = await links.open(ONE)
    battery.faults.hang('WriteValue')
    await goes(connection)
    battery.faults.heal()
    await comes_back(connection)


# the adapter, the service, the bus


async def test_the_adapter_goes_off_and_on_while_connected(links, bluez, battery):
    connection = await links.open(ONE)
    bluez.adapter.power(False)
    await goes(connection, within=1.5)
    await eventually(lambda: code(connection) == 'adapter_off', timeout=10)
    assert 'bluetoothctl power on' in connection.last_error.hint
    bluez.adapter.power(True)
    await comes_back(connection)


async def test_the_adapter_goes_off_and_on_while_scanning(links, bluez):
    connection = links.start(ONE)
    await eventually(lambda: connection.radio.is_scanning)
    bluez.adapter.power(False)
    await eventually(lambda: code(connection) == 'adapter_off', timeout=12)
    bluez.adapter.power(True)
    bluez.add(JbdBattery(ONE))
    await comes_back(connection)


async def test_a_blocked_adapter_is_off(links, bluez, battery):
    bluez.adapter.block()
    connection = links.start(ONE)
    await eventually(lambda: code(connection) == 'adapter_off', timeout=10)
    bluez.adapter.unblock()
    await comes_back(connection)


async def test_the_adapter_is_pulled_out_and_put_back(links, bluez, battery):
    connection = await links.open(ONE)
    bluez.remove_adapter()
    await goes(connection)
    await eventually(lambda: code(connection) == 'adapter_missing', timeout=10)
    bluez.add_adapter()
    await comes_back(connection)


async def test_the_service_is_killed_and_started_again(links, bluez, battery):
    connection = await links.open(ONE)
    await bluez.kill()
    await goes(connection)
    await eventually(lambda: code(connection) == 'adapter_missing', timeout=10)
    assert 'systemctl start bluetooth' in connection.last_error.hint
    await bluez.start()
    await comes_back(connection)


async def test_the_service_is_killed_and_at_once_started_again(links, bluez, battery):
    connection = await links.open(ONE)
    await bluez.kill()
    await bluez.start()
    await goes(connection)
    await comes_back(connection)


async def test_the_service_hangs(links, bluez, battery):
    connection = await links.open(ONE)
    bluez.freeze()
    await goes(connection)
    bluez.thaw()
    await comes_back(connection, within=18)


async def test_the_bus_is_killed_and_started_again(links, bus, bluez, battery):
    connection = await links.open(ONE)
    bus.kill()
    await goes(connection)
    await eventually(lambda: code(connection) == 'adapter_missing', timeout=10)
    bus.start()
    await bluez.start()
    await comes_back(connection)


async def test_there_is_no_bus_at_first(links, bus, bluez):
    await bluez.kill()
    bus.kill()
    connection = links.start(ONE)
    await eventually(lambda: code(connection) == 'adapter_missing', timeout=10)
    bus.start()
    await bluez.start()
    bluez.add(JbdBattery(ONE))
    await comes_back(connection)


async def test_a_scan_that_dies_quietly_is_started_anew(links, bluez):
    connection = links.start(ONE)
    await eventually(lambda: bluez.adapter.is_listening)
    bluez.adapter.scan_dies()
    bluez.add(JbdBattery(ONE))
    await comes_back(connection)
    assert connection.radio.restarts >= 1


async def test_a_scan_of_another_life_is_in_the_way(links, bluez, battery):
    bluez.adapter.faults.fail('StartDiscovery', *[BUSY] * 3)
    connection = links.start(ONE)
    await comes_back(connection)


async def test_an_adapter_that_is_back_is_not_said_to_be_off(links, bluez, battery):
    bluez.adapter.power(False)
    connection = links.start(ONE)
    await eventually(lambda: code(connection) == 'adapter_off', timeout=10)
    await connection.stop()
    bluez.adapter.power(True)
    await eventually(lambda: connection.radio.trouble is None)
    later = links.start(ONE, 'later')
    await eventually(lambda: alive(later), timeout=8)
    assert [attempt.outcome for attempt in later.attempts] == ['connected']


async def test_a_sensor_that_is_only_heard_survives_the_adapter_and_the_service(links, bluez):
    sensor = bluez.add(BTHomeSensor())
    connection = await links.open(sensor.address)
    bluez.adapter.power(False)
    await goes(connection)
    bluez.adapter.power(True)
    await comes_back(connection)
    await bluez.kill()
    await goes(connection)
    await bluez.start()
    await comes_back(connection)


async def test_one_adapter_has_one_scanner_by_whatever_name(links, bluez, battery):
    bluez.add(JbdBattery(OTHER))
    first, second = links.start(ONE, 'first'), links.start(OTHER, 'second', adapter='hci0')
    await eventually(lambda: alive(first) and alive(second), timeout=15)
    assert first.radio is second.radio
    assert not any(call.error for call in bluez.calls if call.member == 'StartDiscovery')
    third = links.start(ONE, 'third', adapter='hci0')
    await eventually(lambda: code(third) == 'device_busy', timeout=10)


# several devices


async def test_one_device_that_hangs_does_not_disturb_another(links, bluez, battery):
    hanging = bluez.add(JbdBattery(OTHER))
    healthy = await links.open(ONE, 'healthy')
    hanging.faults.hang('Connect')
    before = healthy.traffic.errors
    async with Lag() as lag:
        stuck = links.start(OTHER, 'stuck')
        await eventually(lambda: code(stuck) == 'timeout', timeout=12)
        await fresh(healthy, 2)
    assert alive(healthy) and healthy.traffic.errors == before
    assert healthy.health is Health.GOOD
    assert lag.p99 <= max(HELD, 2 * lag.empty_p99)


async def test_a_battery_that_hangs_after_it_was_connected_does_not_disturb_another(links, bluez, battery):
    hanging = bluez.add(JbdBattery(OTHER))
    healthy, other = await links.open(ONE, 'healthy'), await links.open(OTHER, 'other')
    hanging.faults.hang('WriteValue')
    await goes(other)
    await fresh(healthy, 2)
    assert healthy.health is Health.GOOD and healthy.traffic.errors == 0
    hanging.faults.heal()
    await comes_back(other)


async def test_a_device_that_hangs_gives_way_to_one_that_comes_back(links, bluez, battery, monkeypatch):
    monkeypatch.setattr(radio_module, 'CONNECT_LIMIT', 60.0)
    hanging = bluez.add(JbdBattery(OTHER))
    healthy = await links.open(ONE, 'healthy')
    hanging.faults.hang('Connect')
    links.start(OTHER, 'stuck')
    await eventually(lambda: any(call.member == 'Connect' and call.ended is None for call in bluez.calls), timeout=5)
    battery.lose_link()
    await eventually(lambda: lost(healthy))
    await comes_back(healthy, within=10)


async def test_four_devices_that_hang_hold_up_a_healthy_one_only_for_a_moment(links, bluez, battery):
    healthy = await links.open(ONE, 'healthy')
    for number in range(4):
        hanging = bluez.add(JbdBattery(f'A4:C1:38:00:02:{number:02X}'))
        hanging.faults.hang('Connect')
        links.start(hanging.address, f'stuck{number}')
    await eventually(lambda: links.radios.get('hci0')._turns.waiting >= 3, timeout=8)
    battery.lose_link()
    await eventually(lambda: lost(healthy))
    await comes_back(healthy, within=radio_module.POLITE_LIMIT + radio_module.IN_BETWEEN + BACK)


async def test_connects_come_one_after_another(links, bluez):
    addresses = [f'A4:C1:38:00:01:{number:02X}' for number in range(5)]
    for address in addresses:
        bluez.add(JbdBattery(address)).connect_delay = 0.1
    made = [links.start(address, f'ble{number}') for number, address in enumerate(addresses)]
    await eventually(lambda: all(alive(each) for each in made), timeout=18)
    assert bluez.most_at_once('Connect') == 1


async def test_two_connections_to_one_device_are_said_to_be_in_each_others_way(links, bluez, battery):
    await links.open(ONE, 'first')
    second = links.start(ONE, 'second')
    await eventually(lambda: code(second) == 'device_busy', timeout=10)
    assert 'first' in second.last_error.message


# frames


async def test_corrupt_frames_are_counted_and_never_shown(links, bluez, battery):
    connection = await links.open(ONE)
    seen: set[object] = set()
    links.services.gateway.subscribe('ble/voltage', lambda point: seen.add(point.value))
    battery.device.corrupt = True
    await eventually(lambda: connection.traffic.errors >= 1, timeout=5)
    await eventually(lambda: lost(connection), timeout=8)
    assert 'damaged' in connection.last_error.message
    battery.device.corrupt = False
    await comes_back(connection)
    assert seen and all(24.0 < value < 30.0 for value in seen), 'eight cells of 3.0 to 3.65 V'


async def test_a_battery_that_needs_a_second_question_is_read(links, bluez, battery):
    battery.device.silent = True
    connection = links.start(ONE)
    asked = battery.device.asked
    await eventually(lambda: asked.get(3, 0) + asked.get(5, 0) >= 1, timeout=5)
    battery.device.silent = False
    await eventually(lambda: alive(connection), timeout=10)
    assert values(connection)['voltage'] > 20


# ending


async def test_stopping_lets_the_device_go_at_once(links, bluez, battery):
    connection = await links.open(ONE)
    began = time.monotonic()
    await connection.stop()
    assert time.monotonic() - began < patient(2, below=4)
    assert connection.status is Status.DISCONNECTED
    await eventually(lambda: battery.link is None)


async def test_stopping_while_the_service_hangs_takes_not_long(links, bluez, battery):
    connection = await links.open(ONE)
    bluez.freeze()
    began = time.monotonic()
    await asyncio.wait_for(connection.stop(), 10)
    assert time.monotonic() - began < patient(3, below=4.5)
    bluez.thaw()


async def test_a_pause_lets_the_device_go_and_ends_by_itself(links, bluez, battery):
    connection = await links.open(ONE)
    await connection.pause(1.5)
    assert connection.status is Status.DISCONNECTED and connection.is_paused and connection.enabled
    assert connection.health is Health.UNKNOWN and is_stale(connection)
    assert 0 < connection.next_retry_in <= 1.5
    await eventually(lambda: battery.is_advertising)
    await comes_back(connection)


async def test_a_pause_is_ended_by_connect(links, bluez, battery):
    connection = await links.open(ONE)
    await connection.pause(600)
    connection.retry_now()
    await comes_back(connection)
    assert not connection.is_paused
