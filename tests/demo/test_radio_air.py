"""What the virtual air adds to bumble, with radios in this process."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from bleak import BleakClient
from bleak.exc import BleakError

from edgeos.demo.battery import ADDRESS, JbdBattery
from tests.demo.test_battery import BASIC
from tests.demo.test_radio import Client, Ear, needs_bumble
from tests.helpers import FakeClock, eventually

if TYPE_CHECKING:
    from edgeos.demo.battery_program import Surroundings
    from edgeos.demo.radio_backend import VirtualRadio

LONG_NAME = 'JBD battery in the boat'


class Bench:
    """The surroundings and the adapter to them on one loop, so that both ends can be looked at."""

    def __init__(self, surroundings: Surroundings, radio: VirtualRadio) -> None:
        self.surroundings = surroundings
        self.radio = radio

    @property
    def battery(self) -> JbdBattery:
        return self.surroundings.battery


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    needs_bumble()
    from edgeos.demo.battery_program import Surroundings
    from edgeos.demo.radio_backend import VirtualRadio

    surroundings = Surroundings(JbdBattery(clock=FakeClock().monotonic, name=LONG_NAME))
    radio = VirtualRadio('127.0.0.1', await surroundings.start('127.0.0.1', 0))
    await radio.open()
    yield Bench(surroundings, radio)
    await radio.close()
    surroundings.stop()
    await eventually(lambda: asyncio.all_tasks() == {asyncio.current_task()}, timeout=2)


async def test_a_name_that_does_not_fit_comes_with_the_scan_response(bench: Bench) -> None:
    async with Ear(bench.radio) as ear:
        await eventually(ear.count)
    assert ear.heard[ADDRESS][-1][1].local_name == LONG_NAME


async def test_who_only_listens_does_not_get_it(bench: Bench) -> None:
    async with Ear(bench.radio, scanning_mode='passive', **PASSIVE) as ear:
        await eventually(lambda: ear.count() > 1)
    assert ear.heard[ADDRESS][-1][1].local_name is None and ear.heard[ADDRESS][-1][1].service_uuids


PASSIVE: dict[str, Any] = {'bluez': {'or_patterns': [(0, 0x01, b'\x06')]}}  # bleak wants it for BlueZ' sake


async def test_both_ends_notice_that_the_other_is_gone(bench: Bench) -> None:
    async with Client(bench.radio) as client:
        assert bench.surroundings.peripheral.is_connected
        await client.bleak.write_gatt_char('ff02', BASIC[:3], response=True)
        bench.surroundings.fault(far=True)
        await eventually(lambda: client.losses, timeout=9)
        await eventually(lambda: not bench.surroundings.peripheral.is_connected, timeout=3)
        bench.surroundings.fault(far=False)
        async with Ear(bench.radio) as ear:
            await eventually(ear.count)
    async with Client(bench.radio) as client:
        await client.subscribe()
        assert len(await client.ask(BASIC, 36)) == 36, 'the half request from before is forgotten'


async def test_a_connect_that_the_other_does_not_hear_fails(bench: Bench) -> None:
    air = bench.surroundings.air
    heard = air.send_advertising_pdu

    def lose_connects(sender: Any, packet: Any) -> None:
        if type(packet).__name__ != 'ConnectInd':
            heard(sender, packet)

    air.send_advertising_pdu = lose_connects  # type: ignore[method-assign]
    client = Client(bench.radio)
    with pytest.raises(BleakError):
        await client.bleak.connect()
    assert not client.bleak.is_connected and client.losses == 0
    air.send_advertising_pdu = heard  # type: ignore[method-assign]
    async with Client(bench.radio) as again:
        assert again.bleak.is_connected


async def test_an_adapter_that_is_pulled_out_leaves_a_silent_link(bench: Bench) -> None:
    client = Client(bench.radio)
    await client.bleak.connect()
    await bench.radio.close()
    assert client.losses == 1 and bench.surroundings.peripheral.is_connected
    await eventually(lambda: not bench.surroundings.peripheral.is_connected, timeout=9)
    await bench.radio.open()
    async with Client(bench.radio) as again:
        assert again.bleak.is_connected


async def test_the_newest_adapter_takes_the_place_of_the_one_before(bench: Bench) -> None:
    client = Client(bench.radio)
    await client.bleak.connect()
    other = type(bench.radio)('127.0.0.1', int(bench.surroundings._server.sockets[0].getsockname()[1]))  # type: ignore
    await other.open()
    try:
        await eventually(lambda: client.losses)
    finally:
        await other.close()


async def test_adverts_that_make_no_sense_hurt_nobody(bench: Bench) -> None:
    from bumble.hci import Address

    from edgeos.demo.radio_air import Advert

    nonsense = [b'\x03\x03\x00', b'\xff\xff', b'\x02\x16\x01', b'\x01\xff', b'\x00', b'\x05\x09\xff\xfe\xfd\xfc', b'\x02\x0a\xf4']
    async with Ear(bench.radio) as ear:
        for number, data in enumerate(nonsense):
            address = Address(f'AA:00:00:00:00:{number:02X}', Address.PUBLIC_DEVICE_ADDRESS)
            bench.surroundings.air.send_advertising_pdu(None, Advert(address, data, is_connectable=False, rssi=-90))
        await eventually(lambda: len([each for each in ear.heard if each.startswith('AA:')]) == len(nonsense))
        await eventually(ear.count)
    assert ear.heard['AA:00:00:00:00:06'][0][1].tx_power == -12
    assert not ear.heard['AA:00:00:00:00:03'][0][1].manufacturer_data


async def test_a_link_that_comes_at_the_moment_it_is_given_up_is_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    device = bench.radio.adapter()
    connect = device.connect

    async def connect_too_late(*arguments: Any, **options: Any) -> Any:
        connection = await connect(*arguments, **options)
        connecting.cancel()
        return connection

    monkeypatch.setattr(device, 'connect', connect_too_late)
    connecting = asyncio.create_task(BleakClient(ADDRESS, backend=bench.radio.backends.client).connect())
    await asyncio.wait((connecting,))
    assert connecting.cancelled()
    await eventually(lambda: not bench.surroundings.peripheral.is_connected)


async def test_a_client_that_is_cancelled_in_the_middle_leaves_nothing_open(bench: Bench) -> None:
    connecting = asyncio.create_task(BleakClient(ADDRESS, backend=bench.radio.backends.client).connect())
    await eventually(lambda: bench.surroundings.peripheral.is_connected, interval=0.001)
    connecting.cancel()
    await asyncio.wait((connecting,))
    await eventually(lambda: not bench.surroundings.peripheral.is_connected)
