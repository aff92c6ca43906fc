"""Everything that can be made to go wrong with a simulated PLC, and its rules about connections."""
import asyncio
import struct
import time
from collections.abc import AsyncIterator

import pytest

from edgeos.demo.plc_bench import make_bench_plc
from edgeos.demo.plc_device import ONLINE_CHANGES
from edgeos.demo.plc_server import PlcServer
from tests.demo.plc_peers.wire import AdsError, AmsError, Wire, frame
from tests.helpers import eventually, patient

NET_ID = '10.0.0.1.1.1'
LOST = (asyncio.IncompleteReadError, ConnectionError)


@pytest.fixture
async def server() -> AsyncIterator[PlcServer]:
    made = PlcServer(make_bench_plc(NET_ID, 50), '127.0.0.1', tick=0.02)
    await made.start()
    yield made
    await made.stop()


def connect(server: PlcServer) -> Wire:
    return Wire(server.host, server.port, NET_ID)


async def is_lost(wire: Wire, within: float = 3) -> bool:
    with pytest.raises(LOST):
        while True:
            await asyncio.wait_for(wire.receive(), within)
    return True


async def test_refuse_closes_what_is_open_and_lets_nobody_in(server: PlcServer) -> None:
    async with connect(server) as wire:
        assert await wire.state() == 5
        port = server.port
        await server.fault(refuse=True)
        assert await is_lost(wire)
    with pytest.raises(ConnectionRefusedError):
        await connect(server).__aenter__()
    await server.fault(refuse=False)
    assert server.port == port
    async with connect(server) as wire:
        assert await wire.state() == 5


async def test_silent_accepts_and_says_nothing_not_even_notifications(server: PlcServer) -> None:
    async with connect(server) as wire:
        await wire.notify(0x4040, 64, 2, mode=3)
        assert await wire.collect(0.2)
        server.silent = True
        assert await wire.collect(0.2) == []
        with pytest.raises(TimeoutError):
            await wire.command(4, b'', timeout=0.2)
        await server.fault(silent=False)
        assert await wire.collect(0.2)
        assert await wire.state() == 5
    assert server.requests == 3


async def test_drop_breaks_off_in_the_middle_of_every_answer(server: PlcServer) -> None:
    await server.fault(drop=True)
    for _ in range(3):
        async with connect(server) as wire:
            wire.writer.write(frame(wire.target, 851, 4, b''))
            assert len(await asyncio.wait_for(wire.reader.read(), 3)) == (38 + 8) // 2
    await server.fault(drop=False)
    async with connect(server) as wire:
        assert await wire.state() == 5


async def test_slow_answers_late_but_all_of_it(server: PlcServer) -> None:
    async with connect(server) as wire:
        await server.fault(slow=2.5)
        began = time.monotonic()
        assert await wire.state() == 5
        assert 2.49 < time.monotonic() - began < patient(5)
        await server.fault(slow=False)
        began = time.monotonic()
        assert await wire.state() == 5
        assert time.monotonic() - began < patient(0.75)
    await server.fault(slow=True)
    assert server.slow > 0.1


async def test_restart_is_away_for_a_while_and_forgets(server: PlcServer) -> None:
    server.plc.memory.set('GVL.nSetpoint', 30)
    async with connect(server) as wire:
        handle = await wire.handle('GVL.nSetpoint')
        await wire.notify(0xF005, handle, 2)
        await server.fault(restart=0.2)
        assert await is_lost(wire)
    with pytest.raises(ConnectionRefusedError):
        await connect(server).__aenter__()
    await eventually(lambda: server.answers)
    async with connect(server) as wire:
        with pytest.raises(AdsError, match='1808'):
            await wire.read(0xF005, handle, 2)
        assert await wire.collect(0.1) == []
        assert await wire.value('GVL.nSetpoint') == struct.pack('<h', 21)
    assert server.plc.restarts == 1


async def test_a_restart_does_not_undo_refuse(server: PlcServer) -> None:
    await server.fault(refuse=True, restart=0.05)
    await eventually(lambda: server.plc.restarts == 1)
    with pytest.raises(ConnectionRefusedError):
        await connect(server).__aenter__()


async def test_an_online_change_counts_and_makes_handles_invalid(server: PlcServer) -> None:
    async with connect(server) as wire:
        handle = await wire.handle('GVL.nSetpoint')
        group, offset, _ = struct.unpack('<III', await wire.read_write(0xF007, 0, 12, b'GVL.nSetpoint\0'))
        await server.fault(online_change=True)
        with pytest.raises(AdsError, match=str(0x711)):
            await wire.read(0xF005, handle, 2)
        assert await wire.read(0xF008, 0, 1) == b'\1'
        assert await wire.value(ONLINE_CHANGES) == struct.pack('<I', 1)
        assert await wire.read(group, offset, 2) != struct.pack('<h', 21), 'it has not moved'
        assert await wire.value('GVL.nSetpoint') == struct.pack('<h', 21)
        assert await wire.value('GVL.nNew') == struct.pack('<h', 7)
        with pytest.raises(AdsError, match='1808'):
            await wire.value('GVL.nOld')
        await server.fault(online_change=False)
        assert await wire.value(ONLINE_CHANGES) == struct.pack('<I', 2)
        assert await wire.value('GVL.nOld') == struct.pack('<h', 7)


async def test_a_download_has_another_symbol_version(server: PlcServer) -> None:
    async with connect(server) as wire:
        handle = await wire.handle('GVL.nSetpoint')
        await wire.notify(0x4040, 64, 2, mode=3)
        await server.fault(download=True)
        assert await wire.read(0xF008, 0, 1) == b'\2'
        with pytest.raises(AdsError, match='1808'):
            await wire.read(0xF005, handle, 2)
        with pytest.raises(AdsError, match='1808'):
            await wire.value('GVL.nValue41')
        assert await wire.value('GVL.nOther') == struct.pack('<h', 7)
        assert await wire.collect(0.1) == []
        await server.fault(download=False)
        assert await wire.read(0xF008, 0, 1) == b'\3'


async def test_stop_is_a_state_and_the_program_stands_still(server: PlcServer) -> None:
    async with connect(server) as wire:
        await server.fault(stop=True)
        assert await wire.state() == 6
        before = await wire.value('MAIN.nTick')
        await asyncio.sleep(0.1)
        assert await wire.value('MAIN.nTick') == before
        await server.fault(stop=False)
        assert await wire.state() == 5
        await eventually(lambda: server.plc.memory.get('MAIN.nTick') > int.from_bytes(before, 'little'))


async def test_in_config_only_the_system_service_answers(server: PlcServer) -> None:
    async with connect(server) as wire:
        await wire.notify(0x4040, 64, 2, mode=3)
        await server.fault(config=True)
        with pytest.raises(AmsError, match='6'):
            await wire.state()
        wire.ams_port = 10_000
        assert await wire.state() == 15
        assert await wire.collect(0.1) == []
        await wire.command(5, struct.pack('<HHI', 2, 0, 0))
        assert await wire.state() == 5
        wire.ams_port = 851
        assert await wire.state() == 5


async def test_a_wrong_symbol_version_is_another_one_each_time(server: PlcServer) -> None:
    await server.fault(wrong_symbol_version=True)
    async with connect(server) as wire:
        seen = [await wire.read(0xF008, 0, 1) for _ in range(5)]
        assert len(set(seen)) == 5
        await server.fault(wrong_symbol_version=False)
        assert await wire.read(0xF008, 0, 1) == await wire.read(0xF008, 0, 1)


async def test_what_is_no_fault_is_said(server: PlcServer) -> None:
    with pytest.raises(ValueError, match='explode'):
        await server.fault(explode=True)


async def test_a_new_connection_from_an_address_ends_the_older_one(server: PlcServer) -> None:
    async with connect(server) as first:
        assert await first.state() == 5
        async with connect(server) as second:
            assert await is_lost(first)
            assert await second.state() == 5
            assert (server.connections, server.open_connections) == (2, 1)
    server.one_connection = False
    async with connect(server) as first, connect(server) as second:
        assert await first.state() == await second.state() == 5


async def test_other_addresses_have_a_connection_of_their_own(server: PlcServer) -> None:
    async with connect(server) as first:
        reader, writer = await asyncio.open_connection('127.0.0.1', server.port, local_addr=('127.0.0.2', 0))
        second = connect(server)
        second.reader, second.writer = reader, writer
        assert await first.state() == await second.state() == 5
        writer.close()


async def test_without_a_route_there_is_silence(server: PlcServer) -> None:
    await server.fault(routes_only=True)
    async with connect(server) as wire:
        with pytest.raises(TimeoutError):
            await wire.command(4, b'', timeout=0.2)
        server.routes.add(bytes((10, 9, 8, 7, 1, 1)))
        assert await wire.state() == 5


async def test_a_client_that_does_not_read_loses_samples_and_costs_little_memory(server: PlcServer) -> None:
    async with connect(server) as wire:
        wire.writer.transport.pause_reading()
        attributes = struct.pack('<IIIIII16x', 0x4020, 0, 1024, 3, 0, 10_000)
        wire.writer.write(frame(wire.target, 851, 6, attributes) * 200)
        await eventually(lambda: server.requests == 200)
        session = next(iter(server._open)).session
        await eventually(lambda: session.notifications._waiting() > 900_000)
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert session.notifications._waiting() < 2_000_000
        assert server.open_connections == 1


async def test_many_in_one_process(server: PlcServer) -> None:
    servers = [PlcServer(make_bench_plc(f'127.0.55.{n}.1.1', 10), f'127.0.55.{n}', server.port) for n in range(1, 21)]
    await asyncio.gather(*(each.start() for each in servers))
    try:
        for each in servers:
            async with Wire(each.host, each.port) as wire:
                assert await wire.state() == 5
    finally:
        await asyncio.gather(*(each.stop() for each in servers))
