"""The virtual radio as bleak uses it: real scanner, real client, HCI over loopback to the battery's process."""
from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakError,
    BleakGATTProtocolError,
)
from bleak_retry_connector import establish_connection

from edgeos.demo.battery import ADDRESS, ANSWERS, NAME, REQUESTS, SERVICE
from edgeos.demo.ble_device import uuid16
from edgeos.demo.radio_neighbours import BEACON, THERMOMETER
from tests.demo.test_battery import BASIC, BOTH_ON, CELLS, CHARGE_OFF, VERSION, is_right
from tests.helpers import eventually, free_port, patient

if TYPE_CHECKING:
    from edgeos.demo.radio_backend import VirtualRadio

ROOT = Path(__file__).parents[2]
OFF, ABSENT = BleakBluetoothNotAvailableReason.POWERED_OFF, BleakBluetoothNotAvailableReason.NO_BLUETOOTH


def needs_bumble() -> None:
    """Skips, or fails where the full suite is wanted, when it is not installed."""
    if importlib.util.find_spec('bumble') is None:
        message = 'bumble is missing: pip install -r requirements-demo.txt'
        (pytest.fail if os.environ.get('EDGEOS_TEST_ALL') else pytest.skip)(message)


class Program:
    """The battery's process; its port stays the same."""

    def __init__(self) -> None:
        needs_bumble()
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Program:
        self.process = subprocess.Popen([sys.executable, '-m', 'edgeos.demo.battery_program', '--port', str(self.port)],
                                        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f'ready {self.port}\n'
        return self

    def fault(self, **switches: Any) -> None:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(json.dumps(switches) + '\n')
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()
            self.process = None


class Ear:
    """Scans until it is told to stop."""

    def __init__(self, radio: VirtualRadio, **options: Any) -> None:
        self.heard: dict[str, list[tuple[BLEDevice, AdvertisementData]]] = {}
        self.scanner = BleakScanner(self._detect, backend=radio.backends.scanner, **options)

    def _detect(self, device: BLEDevice, data: AdvertisementData) -> None:
        self.heard.setdefault(device.address, []).append((device, data))

    def count(self, address: str = ADDRESS) -> int:
        return len(self.heard.get(address, ()))

    async def __aenter__(self) -> Ear:
        await self.scanner.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.scanner.stop()


class Client:
    """A bleak client that collects what the battery sends."""

    def __init__(self, radio: VirtualRadio, device: BLEDevice | str = ADDRESS, timeout: float = 5) -> None:
        self.losses = 0
        self.pieces: list[bytes] = []
        self.bleak = BleakClient(device, self._lost, timeout=timeout, backend=radio.backends.client)

    def _lost(self, client: BleakClient) -> None:
        assert client is self.bleak
        self.losses += 1

    async def subscribe(self) -> None:
        await self.bleak.start_notify(ANSWERS, lambda _sender, data: self.pieces.append(bytes(data)))

    async def ask(self, request: bytes, size: int, *, response: bool = False) -> bytes:
        """An answer of at least so many bytes."""
        self.pieces.clear()
        await self.bleak.write_gatt_char(REQUESTS, request, response=response)
        await eventually(lambda: len(b''.join(self.pieces)) >= size, timeout=3)
        return b''.join(self.pieces)

    async def __aenter__(self) -> Client:
        await self.bleak.connect()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.bleak.disconnect()


@pytest.fixture(scope='module')
def one_program() -> Iterator[Program]:
    made = Program()
    yield made
    made.kill()


@pytest.fixture
async def program(one_program: Program) -> Program:
    """Running and in order; it is started anew only where a test has ended it."""
    if one_program.process is None or one_program.process.poll() is not None:
        one_program.kill()
        await asyncio.to_thread(one_program.start)
    one_program.fault(far=False, drop=False, silent=False, corrupt=False)
    return one_program


@pytest.fixture
async def radio(program: Program) -> AsyncIterator[VirtualRadio]:
    backend = await asyncio.to_thread(importlib.import_module, 'edgeos.demo.radio_backend')
    made = backend.VirtualRadio('127.0.0.1', program.port)
    await made.open()
    yield made
    await made.power(False)  # which ends links that a failed test has left
    await made.close()


async def find(radio: VirtualRadio, address: str = ADDRESS) -> BLEDevice:
    found = await BleakScanner.find_device_by_address(address, timeout=5, backend=radio.backends.scanner)
    assert found is not None
    return found


# hearing

async def test_everything_on_the_air_is_heard(radio: VirtualRadio) -> None:
    async with Ear(radio) as ear:
        await eventually(lambda: ear.count() > 3 and ear.count(THERMOMETER) > 1 and ear.count(BEACON), timeout=8)
        await eventually(lambda: any(address.startswith('5C:3E') for address in ear.heard))
    device, data = ear.heard[ADDRESS][-1]
    assert (device.address, device.name, data.local_name) == (ADDRESS, NAME, NAME)
    assert data.service_uuids == [SERVICE] and data.tx_power is None and not data.manufacturer_data
    assert all(-75 < said.rssi < -45 for _, said in ear.heard[ADDRESS])
    assert ear.heard[BEACON][-1][1].manufacturer_data.keys() == {0x0822} and ear.heard[BEACON][-1][0].name is None
    assert set(ear.scanner.discovered_devices_and_advertisement_data) == set(ear.heard)


async def test_the_strength_wanders(radio: VirtualRadio) -> None:
    async with Ear(radio) as ear:
        await eventually(lambda: len({data.rssi for _, data in ear.heard.get(ADDRESS, ())}) > 2, timeout=8)


async def test_the_thermometer_tells_what_changes(radio: VirtualRadio) -> None:
    async with Ear(radio) as ear:
        await eventually(lambda: ear.count(THERMOMETER) > 2, timeout=8)
    said = [data.service_data[uuid16('fcd2')] for _, data in ear.heard[THERMOMETER]]
    assert len(set(said)) == len(said), 'each packet has another number'
    assert all(each[0] == 0x40 and each[1] == 0x00 and each[3] == 0x01 and each[5] == 0x02 and each[8] == 0x03 for each in said)
    assert 0 < int.from_bytes(said[-1][6:8], 'little', signed=True) < 3000
    assert 2000 < int.from_bytes(said[-1][9:11], 'little') < 10_000


async def test_a_filter_lets_only_its_services_through(radio: VirtualRadio) -> None:
    async with Ear(radio, service_uuids=[SERVICE]) as ear:
        await eventually(lambda: ear.count() > 3, timeout=8)
    assert set(ear.heard) == {ADDRESS}


async def test_two_scans_at_once_do_not_disturb_each_other(radio: VirtualRadio) -> None:
    async with Ear(radio) as one:
        async with Ear(radio) as other:
            await eventually(lambda: one.count() and other.count())
        count = one.count()
        await eventually(lambda: one.count() > count + 1)
    total = one.count()
    async with Ear(radio) as fresh:
        await eventually(lambda: fresh.count() > 1)
    assert one.count() == total, 'a scan that was stopped hears nothing'


# asking

async def test_it_is_found_connected_to_and_asked(radio: VirtualRadio) -> None:
    device = await find(radio)
    bleak = await establish_connection(BleakClient, device, 'the battery', timeout=5, backend=radio.backends.client)
    assert bleak.is_connected and bleak.mtu_size == 247 and bleak.name == NAME and bleak.address == ADDRESS
    offered = {each.uuid: each.properties for each in bleak.services.characteristics.values()}
    assert offered[ANSWERS] == ['notify', 'read'] and offered[REQUESTS] == ['write', 'write-without-response']
    assert bleak.services.get_service(SERVICE) is not None
    assert await bleak.read_gatt_char('2a29') == b'JBD'
    assert bleak.services.get_characteristic(REQUESTS).max_write_without_response_size == 244
    await bleak.disconnect()
    assert not bleak.is_connected


async def test_every_register_answers_in_pieces_with_right_checksums(radio: VirtualRadio) -> None:
    async with Client(radio, await find(radio)) as client:
        await client.subscribe()
        for request, size in ((BASIC, 36), (CELLS, 23), (VERSION, 29)):
            for response in (True, False):
                frame = await client.ask(request, size, response=response)
                assert is_right(frame) and frame[1] == request[2] and len(frame) == size
                assert [len(piece) for piece in client.pieces] == [20, size - 20]
        assert (await client.ask(CHARGE_OFF, 7)).hex() == 'dde10000000077'
        assert (await client.ask(BASIC, 36))[24] == 2
        await client.ask(BOTH_ON, 7)


async def test_an_address_alone_is_enough_to_connect(radio: VirtualRadio) -> None:
    async with Client(radio, ADDRESS) as client:
        await client.subscribe()
        assert is_right(await client.ask(CELLS, 23))
    assert client.losses == 1 and client.bleak.name == ADDRESS.replace(':', '-')


async def test_while_connected_it_is_not_heard_and_nobody_else_gets_in(radio: VirtualRadio) -> None:
    device = await find(radio)
    async with Client(radio, device):
        async with Ear(radio) as ear:
            await eventually(lambda: ear.count(THERMOMETER) > 1, timeout=8)
        assert ear.count() == 0
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await Client(radio, device, timeout=0.5).bleak.connect()
        assert time.monotonic() - began < patient(1)
    await find(radio)


async def test_what_it_refuses_is_said_as_bleak_says_it(radio: VirtualRadio) -> None:
    async with Client(radio) as client:
        with pytest.raises(BleakGATTProtocolError, match='Read Not Permitted'):
            await client.bleak.read_gatt_char(REQUESTS)
        with pytest.raises(BleakGATTProtocolError, match='Write Not Permitted'):
            await client.bleak.write_gatt_char('2a29', b'x', response=True)
        with pytest.raises(BleakError, match='already connected'):
            await client.bleak.connect()
        assert client.bleak.is_connected
    with pytest.raises(BleakError):
        await client.bleak.read_gatt_char('2a29')


async def test_notifications_end_when_told_and_begin_again(radio: VirtualRadio) -> None:
    async with Client(radio) as client:
        await client.subscribe()
        with pytest.raises(BleakError, match='already'):
            await client.subscribe()
        await client.ask(CELLS, 23)
        await client.bleak.stop_notify(ANSWERS)
        client.pieces.clear()
        await client.bleak.write_gatt_char(REQUESTS, CELLS, response=True)
        await client.bleak.read_gatt_char('2a29')  # what would have come has come before this
        assert client.pieces == []
        await client.subscribe()
        assert len(await client.ask(CELLS, 23)) == 23, 'and not everything twice'


async def test_a_link_can_be_made_many_times(radio: VirtualRadio) -> None:
    device = await find(radio)
    for _ in range(5):
        async with Client(radio, device) as client:
            await client.subscribe()
            assert is_right(await client.ask(CELLS, 23))
        assert client.losses == 1


async def test_a_connect_that_is_given_up_leaves_the_way_free(radio: VirtualRadio) -> None:
    for limit in (0.2, 0.01):
        with pytest.raises(TimeoutError):
            await Client(radio, 'A4:C1:38:00:00:99', timeout=limit).bleak.connect()
    waiting = asyncio.create_task(Client(radio, 'A4:C1:38:00:00:99', timeout=20).bleak.connect())
    await asyncio.sleep(0)
    other = asyncio.create_task(Client(radio, 'A4:C1:38:00:00:98', timeout=0.3).bleak.connect())
    with pytest.raises(TimeoutError):
        await other  # it had to wait for its turn, and not for longer than it wanted
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with Client(radio) as client:
        assert client.bleak.is_connected


# faults

async def read_until_it_fails(client: Client) -> None:
    while True:
        await client.bleak.read_gatt_char('2a29')


async def test_out_of_range_the_link_dies_in_silence_and_comes_back(program: Program, radio: VirtualRadio) -> None:
    device = await find(radio)
    async with Client(radio, device, timeout=20) as client:
        await client.subscribe()
        await client.ask(CELLS, 23)
        program.fault(far=True)
        gone = time.monotonic()
        reading = asyncio.create_task(read_until_it_fails(client))
        await eventually(lambda: client.losses, timeout=9)
        with pytest.raises(BleakError, match='Not connected'):
            await reading
        assert 4 < time.monotonic() - gone < patient(8), 'only the missing signs of life tell'
        assert not client.bleak.is_connected
    async with Ear(radio) as ear:
        with pytest.raises(TimeoutError):
            await Client(radio, device, timeout=0.5).bleak.connect()
        await eventually(lambda: ear.count(THERMOMETER), timeout=5)
        assert ear.count() == 0
        program.fault(far=False)
        await eventually(ear.count)
    async with Client(radio, device) as client:
        await client.subscribe()
        assert is_right(await client.ask(CELLS, 23))


async def test_a_short_walk_out_of_range_is_survived(program: Program, radio: VirtualRadio) -> None:
    async with Client(radio) as client:
        await client.subscribe()
        program.fault(far=True)
        await asyncio.sleep(1)  # the time it is away is what is tested
        program.fault(far=False)
        assert client.bleak.is_connected
        await eventually(lambda: answers(client), timeout=3)
        assert client.losses == 0


async def answers(client: Client) -> bool:
    client.pieces.clear()
    await client.bleak.write_gatt_char(REQUESTS, CELLS, response=False)
    await asyncio.sleep(0.1)
    return len(b''.join(client.pieces)) == 23


async def test_it_breaks_off_in_the_middle_of_an_answer_until_repaired(program: Program, radio: VirtualRadio) -> None:
    device = await find(radio)
    program.fault(drop=True)
    for _ in range(2):
        async with Client(radio, device) as client:
            await client.subscribe()
            await client.bleak.write_gatt_char(REQUESTS, BASIC, response=False)
            await eventually(lambda: client.losses)
            assert [len(piece) for piece in client.pieces] == [20] and not client.bleak.is_connected
    program.fault(drop=False)
    async with Client(radio, device) as client:
        await client.subscribe()
        assert is_right(await client.ask(BASIC, 36))


async def test_silent_it_keeps_the_link_but_answers_nothing(program: Program, radio: VirtualRadio) -> None:
    async with Client(radio) as client:
        await client.subscribe()
        program.fault(silent=True)
        await eventually(lambda: is_silent(client))
        assert client.bleak.is_connected and await client.bleak.read_gatt_char('2a29') == b'JBD'
        program.fault(silent=False)
        await eventually(lambda: answers(client), timeout=3)


async def is_silent(client: Client) -> bool:
    return not await answers(client) and not client.pieces


async def test_corrupt_every_answer_is_wrong_until_repaired(program: Program, radio: VirtualRadio) -> None:
    async with Client(radio) as client:
        await client.subscribe()
        program.fault(corrupt=True)
        await eventually(lambda: is_wrong(client))
        assert all([await is_wrong(client) for _ in range(4)])
        program.fault(corrupt=False)
        await eventually(lambda: answers(client), timeout=3)


async def is_wrong(client: Client) -> bool:
    await answers(client)
    said = b''.join(client.pieces)
    return bool(said) and not is_right(said)


# the adapter

async def test_switched_off_everything_ends_and_nothing_begins(radio: VirtualRadio) -> None:
    device = await find(radio)
    async with Ear(radio) as ear:
        client = Client(radio, device)
        await client.bleak.connect()
        waiting = asyncio.create_task(Client(radio, 'A4:C1:38:00:00:99', timeout=20).bleak.connect())
        await eventually(lambda: ear.heard and radio.adapter().is_le_connecting)
        await radio.power(False)
        assert client.losses == 1 and not client.bleak.is_connected
        with pytest.raises(BleakBluetoothNotAvailableError) as ended:
            await waiting
        assert ended.value.reason is OFF
        heard = sum(len(each) for each in ear.heard.values())
        for begin in (client.bleak.connect, Ear(radio).scanner.start):
            with pytest.raises(BleakBluetoothNotAvailableError) as refused:
                await begin()
            assert refused.value.reason is OFF
        await radio.power(True)
        async with Ear(radio) as fresh:
            await eventually(fresh.count)
        assert sum(len(each) for each in ear.heard.values()) == heard, 'a scan does not resume by itself'
    async with Client(radio, device) as again:
        await again.subscribe()
        assert is_right(await again.ask(CELLS, 23))


async def test_a_restarted_process_is_found_again(program: Program, radio: VirtualRadio) -> None:
    device = await find(radio)
    async with Ear(radio) as ear, Client(radio, device) as client:
        await eventually(ear.heard.__len__)
        program.kill()
        await eventually(lambda: client.losses == 1)
        assert not client.bleak.is_connected and not radio.is_plugged
        for begin in (client.bleak.connect, Ear(radio).scanner.start):
            with pytest.raises(BleakBluetoothNotAvailableError) as refused:
                await begin()
            assert refused.value.reason is ABSENT
        await asyncio.to_thread(program.start)
        await radio.open(5)
    async with Ear(radio) as fresh:
        await eventually(fresh.count)
    async with Client(radio, device) as again:
        await again.subscribe()
        assert is_right(await again.ask(CELLS, 23))
    assert client.losses == 1


async def test_switched_off_it_stays_off_when_its_process_is_restarted(program: Program, radio: VirtualRadio) -> None:
    await radio.power(False)
    program.kill()
    await eventually(lambda: not radio.is_plugged)
    await asyncio.to_thread(program.start)
    await radio.open(5)
    with pytest.raises(BleakBluetoothNotAvailableError):
        await Ear(radio).scanner.start()
    await radio.power(True)
    await find(radio)


async def test_nothing_hangs_longer_than_the_client_wants(program: Program, radio: VirtualRadio) -> None:
    async with Client(radio, timeout=1) as client:
        program.signal(signal.SIGSTOP)
        for operation in (lambda: client.bleak.read_gatt_char('2a29'), client.subscribe):
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                await operation()
            assert time.monotonic() - began < patient(1.5)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await Client(radio, timeout=0.5).bleak.connect()
        assert time.monotonic() - began < patient(1)
        program.signal(signal.SIGCONT)
        await eventually(lambda: reads(client), timeout=5)


async def reads(client: Client) -> bool:
    try:
        return await client.bleak.read_gatt_char('2a29') == b'JBD'
    except (BleakError, TimeoutError):
        return False


async def test_a_radio_that_is_not_there_says_so_and_is_found_later() -> None:
    program = Program()
    backend = await asyncio.to_thread(importlib.import_module, 'edgeos.demo.radio_backend')
    radio = backend.VirtualRadio('127.0.0.1', program.port)
    with pytest.raises(TimeoutError):
        await radio.open(0.2)
    with pytest.raises(BleakBluetoothNotAvailableError) as refused:
        await Ear(radio).scanner.start()
    assert refused.value.reason is ABSENT
    try:
        await asyncio.to_thread(program.start)
        await radio.open(5)
        await find(radio)
    finally:
        await radio.close()
        program.kill()
    assert not [task for task in asyncio.all_tasks() if 'radio' in task.get_name()]


async def test_two_radios_know_nothing_of_each_other(radio: VirtualRadio) -> None:
    other_program = Program()
    await asyncio.to_thread(other_program.start)
    other = type(radio)('127.0.0.1', other_program.port)
    await other.open()
    try:
        await radio.power(False)
        async with Client(other) as client:
            assert client.bleak.is_connected
    finally:
        await other.close()
        other_program.kill()


# the process

@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_told(program: Program, number: int) -> None:
    assert program.process is not None
    program.signal(number)
    assert await asyncio.to_thread(program.process.wait, 5) == 0


async def test_it_ends_with_its_parent(program: Program) -> None:
    assert program.process is not None and program.process.stdin is not None
    program.process.stdin.close()
    assert await asyncio.to_thread(program.process.wait, 5) == 0


async def test_it_does_not_mind_nonsense(program: Program, radio: VirtualRadio) -> None:
    assert program.process is not None and program.process.stdin is not None
    program.process.stdin.write('nonsense\n[1]\n{"explode": true}\n')
    program.fault(silent=True)
    async with Client(radio) as client:
        await client.subscribe()
        await eventually(lambda: is_silent(client))
