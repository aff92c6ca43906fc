"""The simulated PLC as a process."""
import asyncio
import signal
import struct
from collections.abc import AsyncIterator

import pytest

from tests.demo.plc_peers.wire import Wire
from tests.helpers import eventually
from tests.plc import Plc


@pytest.fixture
async def plc() -> AsyncIterator[Plc]:
    made = Plc('bench', '--symbols', '20')
    await asyncio.to_thread(made.start)
    yield made
    made.stop()


async def test_it_serves_when_it_says_so_and_ends_with_its_parent(plc: Plc) -> None:
    async with Wire(plc.host, plc.port) as wire:
        assert await wire.state() == 5
    assert plc.process is not None and plc.process.stdin is not None
    plc.process.stdin.close()
    assert await asyncio.to_thread(plc.process.wait, 5) == 0


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_told(plc: Plc, number: int) -> None:
    assert plc.process is not None
    plc.process.send_signal(number)
    assert await asyncio.to_thread(plc.process.wait, 5) == 0


async def test_faults_and_values_come_by_stdin(plc: Plc) -> None:
    async with Wire(plc.host, plc.port) as wire:
        plc.fault(set={'GVL.nSetpoint': 33}, stop=True)
        await eventually(lambda: is_state(wire, 6))
        assert await wire.value('GVL.nSetpoint') == struct.pack('<h', 33)
        plc.fault(explode=True)
        assert plc.process is not None and plc.process.stdin is not None
        plc.process.stdin.write('nonsense\n[1]\n')
        plc.fault(stop=False)
        await eventually(lambda: is_state(wire, 5))


async def is_state(wire: Wire, state: int) -> bool:
    return await wire.state() == state


async def test_refuse_and_back(plc: Plc) -> None:
    plc.fault(refuse=True)
    await eventually(lambda: is_refused(plc))
    plc.fault(refuse=False)
    await eventually(lambda: is_served(plc))


async def is_refused(plc: Plc) -> bool:
    return not await is_served(plc)


async def is_served(plc: Plc) -> bool:
    try:
        async with Wire(plc.host, plc.port) as wire:
            return await wire.state() == 5
    except OSError:
        return False


@pytest.mark.parametrize(('profile', 'ams_port', 'name'), [
    ('house3', 851, 'LivingRoom.fTemperature'), ('house2', 801, '.fTemperature'), ('bare', 800, ''), ('bench', 851, 'MAIN.nTick'),
])  # fmt: skip
async def test_every_profile_lives(profile: str, ams_port: int, name: str) -> None:
    plc = Plc(profile, '--net-id', '10.1.2.3.1.1')
    await asyncio.to_thread(plc.start)
    try:
        async with Wire(plc.host, plc.port, '10.1.2.3.1.1', ams_port) as wire:
            assert await wire.state() == 5
            first = await wire.value(name) if name else await wire.read(0x4020, 0, 4)
            await eventually(lambda: has_changed(wire, name, first))
    finally:
        plc.stop()


async def has_changed(wire: Wire, name: str, first: bytes) -> bool:
    return (await wire.value(name) if name else await wire.read(0x4020, 0, 4)) != first


async def test_several_on_consecutive_addresses() -> None:
    plc = Plc('bench', '--count', '3', '--symbols', '5', host='127.0.66.254')
    await asyncio.to_thread(plc.start)
    try:
        for host in ('127.0.66.254', '127.0.66.255', '127.0.67.0'):
            async with Wire(host, plc.port) as wire:
                assert await wire.state() == 5
        plc.fault(plc=1, stop=True)
        async with Wire('127.0.66.255', plc.port) as wire:
            await eventually(lambda: is_state(wire, 6))
        async with Wire('127.0.66.254', plc.port) as wire:
            assert await wire.state() == 5
    finally:
        plc.stop()


