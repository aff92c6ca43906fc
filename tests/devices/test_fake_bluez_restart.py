"""The fake and its bus going away and coming back, as bleak and everybody else see it; and the fake as a process."""
import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from bleak import BleakScanner
from bleak.exc import BleakError

from tests.devices.bluez import BlueZProcess, Bus, FakeBlueZ
from tests.devices.bluez.process import ROOT
from tests.devices.bluez.program import battery_address, sensor_address
from tests.devices.clients import Client, can_scan, connected, error_of, hangs, is_silent
from tests.devices.samples import ECHO_NOTIFY, ECHO_VALUE, EchoDevice
from tests.helpers import eventually, eventually_sync


async def reads(fake: FakeBlueZ) -> bool:
    """Whether a new scan and a new client come through."""
    await eventually(can_scan)
    peripheral, client = await connected(fake, EchoDevice())
    value = await client.read_gatt_char(ECHO_VALUE)
    await client.disconnect()
    return value == b'nothing yet' and peripheral.link is None


async def test_a_clean_stop_ends_links_and_takes_the_objects_away(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    await bluez.stop()
    await eventually(lambda: client.was_told)
    with pytest.raises(BleakError):
        await BleakScanner().start()
    await bluez.start()
    assert await reads(bluez) and peripheral.links == 2


async def test_a_killed_daemon_tells_nobody(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    device = peripheral.device
    await bluez.kill()
    assert peripheral.link is None and isinstance(device, EchoDevice) and device.disconnects == 1
    assert (await error_of(client.read_gatt_char(ECHO_VALUE)))[0] == 'ServiceUnknown'
    assert client.is_connected and not client.was_told
    assert (await error_of(client.disconnect()))[0] == 'ServiceUnknown'
    assert client.was_told and not client.is_connected


async def test_after_a_restart_old_clients_find_nothing_and_new_ones_everything(bluez: FakeBlueZ) -> None:
    _peripheral, client = await connected(bluez, EchoDevice())
    await bluez.kill()
    await bluez.start()
    assert (await error_of(client.read_gatt_char(ECHO_VALUE)))[0] == 'UnknownObject'
    assert client.is_connected and not client.was_told
    assert await reads(bluez)


async def test_a_call_under_way_is_answered_by_the_bus_when_the_daemon_is_killed(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    peripheral.faults.hang('ReadValue')
    read = asyncio.create_task(error_of(client.read_gatt_char(ECHO_VALUE)))
    await eventually(lambda: bluez.count('ReadValue'))
    await bluez.kill()
    assert (await read)[0] == 'NoReply'


async def test_a_scan_hears_nothing_of_a_new_daemon(bluez: FakeBlueZ) -> None:
    peripheral = bluez.add(EchoDevice(), interval=0.01)
    heard: list[tuple[str, int]] = []
    scanner = BleakScanner(lambda device, data: heard.append((device.address, data.rssi)))
    await scanner.start()
    await eventually(lambda: heard)
    await bluez.kill()
    await bluez.start()
    assert await is_silent(heard, peripheral)
    assert await error_of(scanner.stop()) == ('Failed', 'No discovery started')
    assert await reads(bluez)


async def test_a_frozen_daemon_answers_later(bluez: FakeBlueZ) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    bluez.freeze()
    read = asyncio.create_task(client.read_gatt_char(ECHO_VALUE))
    assert await hangs(asyncio.shield(read))
    peripheral.lose_link()
    bluez.thaw()
    with pytest.raises(BleakError, match='Not connected'):
        await read
    await eventually(lambda: client.was_told)
    assert await reads(bluez)


async def test_without_its_bus_everything_is_lost_and_all_comes_back_on_the_same_address(bus: Bus, bluez: FakeBlueZ) -> None:
    _peripheral, client = await connected(bluez, EchoDevice())
    bus.kill()
    await eventually(lambda: client.was_told)
    assert not client.is_connected
    await eventually(lambda: not bluez.is_running)
    with pytest.raises(ConnectionRefusedError):
        await BleakScanner().start()
    bus.start()
    assert (await error_of(BleakScanner().start()))[0] == 'ServiceUnknown'
    await bluez.start()
    assert await reads(bluez)


async def test_a_frozen_bus_holds_everything_up(bus: Bus, bluez: FakeBlueZ) -> None:
    _peripheral, client = await connected(bluez, EchoDevice())
    bus.freeze()
    read = asyncio.create_task(client.read_gatt_char(ECHO_VALUE))
    assert await hangs(asyncio.shield(read))
    bus.thaw()
    assert await read == b'nothing yet'
    await client.disconnect()


async def test_many_restarts_leave_nothing_open(bus: Bus, bluez: FakeBlueZ) -> None:
    await bluez.kill()
    before = len(os.listdir('/proc/self/fd'))
    for _each in range(20):
        await bluez.start()
        await bluez.kill()
    for _each in range(20):
        await bluez.start()
        await bluez.stop()
    await eventually(lambda: len(os.listdir('/proc/self/fd')) <= before)


@pytest.mark.parametrize('through_socket', [False, True], ids=['StartNotify', 'AcquireNotify'])
async def test_a_flood_reaches_a_client_that_was_away(bluez: FakeBlueZ, through_socket: bool) -> None:
    peripheral, client = await connected(bluez, EchoDevice())
    got: list[bytes] = []
    await client.start_notify(ECHO_NOTIFY, lambda _sender, data: got.append(bytes(data)),
                              bluez={'use_start_notify': not through_socket})  # fmt: skip
    for number in range(20_000):  # far more than a socket takes, and the event loop is not let in
        peripheral.notify(ECHO_NOTIFY, number.to_bytes(4, 'little') + bytes(200))
    dropped = bluez.device(peripheral.address).dropped
    assert bool(dropped) is through_socket  # as BlueZ: what is on the bus waits, what is in a socket does not
    await eventually(lambda: len(got) == 20_000 - dropped, timeout=15)
    assert [data[:4] for data in got] == sorted((data[:4] for data in got), key=lambda each: int.from_bytes(each, 'little'))
    assert await client.read_gatt_char(ECHO_VALUE) == b'nothing yet'
    assert bluez.is_running
    await client.disconnect()


# as a process

async def test_the_program_shows_batteries_and_sensors_and_does_as_it_is_told(bus: Bus) -> None:
    process = BlueZProcess(bus.address, '--batteries', '1', '--sensors', '3', '--interval', '0.05', '--measure', '0.05')
    process.start()
    battery, sensor = battery_address(0), sensor_address(2)
    data = set()
    async with BleakScanner(lambda device, advert: data.add((device.address, str(advert.service_data)))) as scanner:
        await eventually(lambda: len(scanner.discovered_devices) == 4)
        await eventually(lambda: len([each for each in data if each[0] == sensor]) > 2)
    device = await BleakScanner.find_device_by_address(battery, timeout=5)
    assert device is not None
    process.tell('faults.fail', 'Connect', 'IN_PROGRESS', device=battery)
    client = Client(device)
    assert await error_of(client.connect()) == ('InProgress', 'In Progress')
    await client.connect()
    assert (process.tell('count', 'Connect'), process.tell('most_at_once', 'Connect')) == (2, 1)
    process.tell('lose_link', device=battery)
    await eventually(lambda: client.was_told)
    process.tell('power', False, adapter='hci0')
    with pytest.raises(BleakError):
        await BleakScanner().start()
    process.tell(adapter='hci0', most_links=3)
    with pytest.raises(AssertionError, match='no nonsense'):
        process.tell(device=battery, nonsense=1)
    assert process.stop() == 0


async def test_a_killed_program_is_as_a_killed_daemon(bus: Bus) -> None:
    process = BlueZProcess(bus.address, '--sensors', '1', '--interval', '0.05').start()
    async with BleakScanner() as scanner:
        await eventually(lambda: scanner.discovered_devices)
    process.kill()
    assert (await error_of(BleakScanner().start()))[0] == 'ServiceUnknown'
    process.start()
    async with BleakScanner() as scanner:
        await eventually(lambda: scanner.discovered_devices)
    process.stop()


def test_the_bus_ends_with_a_test_that_is_killed() -> None:
    test = subprocess.Popen([sys.executable, '-c', 'import time\nfrom tests.devices.bluez.bus import Bus\n'
                             'bus = Bus().start()\nprint(bus.process.pid, bus.address, flush=True)\ntime.sleep(60)'],
                            cwd=ROOT, stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert test.stdout is not None
    pid, address = test.stdout.readline().split()
    daemon = int(pid)
    assert psutil.pid_exists(daemon)
    test.kill()
    test.wait()
    test.stdout.close()
    eventually_sync(lambda: not psutil.pid_exists(daemon) or psutil.Process(daemon).status() == psutil.STATUS_ZOMBIE)
    shutil.rmtree(Path(address.removeprefix('unix:path=')).parent)
