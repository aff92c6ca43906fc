"""Frames in a stream: split, merged, broken."""
import asyncio
import struct
from collections.abc import AsyncIterator

import pytest

from edgeos.demo.plc_bench import make_bench_plc
from edgeos.demo.plc_frames import FrameError, FrameReader, net_id_bytes
from edgeos.demo.plc_server import PlcServer
from tests.demo.plc_peers.wire import AmsError, Wire, frame
from tests.helpers import eventually

NET_ID = '10.0.0.1.1.1'
TARGET = bytes((10, 0, 0, 1, 1, 1))
READ_STATE = frame(TARGET, 851, 4, b'')
READ = frame(TARGET, 851, 2, struct.pack('<III', 0xF100, 0, 4), invoke=2)


@pytest.fixture
async def server() -> AsyncIterator[PlcServer]:
    made = PlcServer(make_bench_plc(NET_ID, 20))
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize('size', [1, 5, 6, 7, 37, 38, 39, 10_000])
def test_a_stream_in_pieces_of_any_size_gives_the_same_frames(size: int) -> None:
    stream = READ_STATE + READ + READ_STATE
    reader = FrameReader()
    found = [request for at in range(0, len(stream), size) for request in reader.feed(stream[at:at + size])]
    assert [(each.command, each.invoke, len(each.data)) for each in found] == [(4, 1, 0), (2, 2, 12), (4, 1, 0)]
    assert (found[0].target, found[0].target_port, found[0].source_port) == (TARGET, 851, 33_000)


@pytest.mark.parametrize('broken', [
    struct.pack('<HI', 0, 31) + bytes(31),
    struct.pack('<HI', 0, 0xFFFFFFFF),
    READ[:26] + struct.pack('<I', 13) + READ[30:],
], ids=['too short for a header', 'far too long', 'lengths contradict'])  # fmt: skip
def test_what_is_no_frame_is_refused(broken: bytes) -> None:
    with pytest.raises(FrameError):
        FrameReader().feed(broken)


def test_frames_for_the_own_router_are_passed_over() -> None:
    found = FrameReader().feed(struct.pack('<HI', 0x1000, 2) + b'\0\0' + READ_STATE)
    assert [each.command for each in found] == [4]


@pytest.mark.parametrize('text', ['1.2.3.4.5', '1.2.3.4.5.256', '1.2.3.4.5.x', ''])
def test_what_is_no_net_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        net_id_bytes(text)


async def test_merged_and_split_requests_are_all_answered_in_order(server: PlcServer) -> None:
    async with Wire('127.0.0.1', server.port, NET_ID) as wire:
        stream = b''.join(frame(TARGET, 851, 4, b'', invoke=number) for number in range(1, 6))
        for piece in (stream[:50], stream[50:51], stream[51:]):
            wire.writer.write(piece)
            await wire.writer.drain()
            await asyncio.sleep(0.01)
        assert [(await wire.receive())[2] for _ in range(5)] == [1, 2, 3, 4, 5]
    assert server.requests == 5


async def test_rubbish_ends_the_connection_and_nothing_else(server: PlcServer) -> None:
    async with Wire('127.0.0.1', server.port, NET_ID) as wire:
        wire.writer.write(b'GET / HTTP/1.1\r\n\r\n')
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await asyncio.wait_for(wire.receive(), 3)
    await eventually(lambda: server.open_connections == 0)
    async with Wire('127.0.0.1', server.port, NET_ID) as wire:
        assert await wire.state() == 5


async def test_answers_and_notifications_sent_to_it_are_not_answered(server: PlcServer) -> None:
    async with Wire('127.0.0.1', server.port, NET_ID) as wire:
        wire.writer.write(frame(TARGET, 851, 4, b'', invoke=1, flags=5))
        wire.writer.write(frame(TARGET, 851, 4, b'', invoke=2))
        assert (await wire.receive())[2] == 2


async def test_the_router_tells_wrong_addresses_and_commands_apart(server: PlcServer) -> None:
    async with Wire('127.0.0.1', server.port, NET_ID) as wire:
        for target, ams_port, command, code in ((NET_ID, 852, 4, 6), ('1.2.3.4.5.6', 851, 4, 7), (NET_ID, 851, 77, 8),
                                                ('1.2.3.4.5.6', 852, 77, 7)):  # fmt: skip
            wire.target, wire.ams_port = bytes(map(int, target.split('.'))), ams_port
            with pytest.raises(AmsError) as caught:
                await wire.command(command, b'')
            assert caught.value.args[0] == code
