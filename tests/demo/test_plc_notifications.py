"""Notifications of a simulated PLC, over the wire."""
import struct
from collections.abc import AsyncIterator

import pytest

from edgeos.demo.plc_bench import make_bench_plc
from edgeos.demo.plc_server import PlcServer
from tests.demo.plc_peers.wire import AdsError, Wire, notification

NET_ID = '10.0.0.1.1.1'


@pytest.fixture
async def server() -> AsyncIterator[PlcServer]:
    made = PlcServer(make_bench_plc(NET_ID, 50))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def wire(server: PlcServer) -> AsyncIterator[Wire]:
    async with Wire('127.0.0.1', server.port, NET_ID) as made:
        yield made


async def test_cyclic_notifications_come_in_every_cycle(server: PlcServer, wire: Wire) -> None:
    place = server.plc.memory.place('GVL.nSetpoint')
    handle = await wire.notify(place.group, place.offset, 2, mode=3, cycle_ms=20)
    got = await wire.collect(0.6)
    assert 15 <= len(got) <= 35
    assert set(got) == {(handle, struct.pack('<h', 21))}
    await wire.command(7, struct.pack('<I', handle))
    assert await wire.collect(0.1) == []
    assert await wire.command(7, struct.pack('<I', handle)) == struct.pack('<I', 0x714)


async def test_on_change_notifications_come_once_and_then_with_each_change(server: PlcServer, wire: Wire) -> None:
    place = server.plc.memory.place('GVL.nSetpoint')
    handle = await wire.notify(place.group, place.offset, 2, mode=4, cycle_ms=10)
    assert await wire.collect(0.15) == [(handle, struct.pack('<h', 21))]
    server.plc.memory.set('GVL.nSetpoint', 22)
    assert await wire.collect(0.15) == [(handle, struct.pack('<h', 22))]


async def test_notifications_of_several_cycles_and_by_handle(server: PlcServer, wire: Wire) -> None:
    symbol = await wire.handle('GVL.nSetpoint')
    slow = await wire.notify(0xF005, symbol, 2, mode=3, cycle_ms=100)
    quick = await wire.notify(0xF005, symbol, 2, mode=3, cycle_ms=20)
    got = [handle for handle, _ in await wire.collect(0.6)]
    assert got.count(quick) > 2 * got.count(slow) > 4
    for code, refused in ((0x710, wire.notify(0xF005, 9999, 2)), (0x713, wire.notify(0xF005, symbol, 2, mode=77))):
        with pytest.raises(AdsError, match=str(code)):
            await refused


async def test_notifications_many_in_one(server: PlcServer, wire: Wire) -> None:
    place = server.plc.memory.place('GVL.nSetpoint')
    items = notification(place.group, place.offset, 2) + notification(0x1234, 0, 2)
    answer = struct.unpack('<IIII', await wire.read_write(0xF085, 2, 100, items))
    assert (answer[0], answer[2]) == (0, 0x702)
    assert await wire.collect(0.1) == [(answer[1], struct.pack('<h', 21))]
    gone = await wire.read_write(0xF086, 2, 100, struct.pack('<II', answer[1], 77))
    assert struct.unpack('<II', gone) == (0, 0x714)
