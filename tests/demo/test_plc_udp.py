"""Discovery of simulated PLCs, and adding a route to them, with the app's own datagrams."""
import asyncio
from collections.abc import AsyncIterator

import pytest

from edgeos.connections.plc_udp import add_route_request, identify_request, parse_identity, parse_route_answer
from edgeos.demo.plc_bench import make_bench_plc
from edgeos.demo.plc_house2 import make_house2
from edgeos.demo.plc_server import PlcServer
from tests.demo.plc_peers.wire import Wire

SOURCE = '10.9.8.7.1.1'


@pytest.fixture
async def server() -> AsyncIterator[PlcServer]:
    made = PlcServer(make_bench_plc('10.0.0.1.1.1', 10), udp=True, udp_port=0)
    await made.start()
    yield made
    await made.stop()


class Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.put_nowait(data)


async def ask(server: PlcServer, datagram: bytes, timeout: float = 2) -> bytes:
    assert server.udp is not None
    transport, ear = await asyncio.get_running_loop().create_datagram_endpoint(
        Ear, remote_addr=(server.host, server.udp.port))  # fmt: skip
    try:
        transport.sendto(datagram)
        return await asyncio.wait_for(ear.heard.get(), timeout)
    finally:
        transport.close()


async def test_it_says_who_it_is(server: PlcServer) -> None:
    answer = await ask(server, identify_request())
    identity = parse_identity(answer)
    assert (identity.net_id, identity.host_name, identity.version) == ('10.0.0.1.1.1', 'Bench 10.0.0.1.1.1', '3.1.4024')
    assert identity.ams_port == 851 and identity.system.startswith('Windows 10')


async def test_an_old_one_says_twincat_2() -> None:
    server = PlcServer(make_house2('10.0.0.2.1.1'), udp=True, udp_port=0)
    await server.start()
    identity = parse_identity(await ask(server, identify_request()))
    await server.stop()
    assert (identity.ams_port, identity.host_name, identity.version) == (801, 'CX-KELLER', '2.11.2605')


@pytest.mark.parametrize(('user', 'password', 'status'), [('Administrator', '1', 0), ('Administrator', '2', 0x704),
                                                          ('somebody', '1', 0x704), ('', '', 0x704)])  # fmt: skip
async def test_a_route_needs_user_and_password(server: PlcServer, user: str, password: str, status: int) -> None:
    await server.fault(routes_only=True)
    answer = await ask(server, add_route_request(SOURCE, '127.0.0.1', user, password, 'edge'))
    assert parse_route_answer(answer) == status
    async with Wire('127.0.0.1', server.port, '10.0.0.1.1.1') as wire:
        if status:
            with pytest.raises(TimeoutError):
                await wire.command(4, b'', timeout=0.2)
        else:
            assert await wire.state() == 5


@pytest.mark.parametrize('datagram', [b'', b'\x03\x66\x14\x71', bytes(24), identify_request()[:23],
                                      identify_request().replace(b'\x01\0\0\0', b'\x63\0\0\0', 1)])  # fmt: skip
async def test_anything_else_is_not_answered(server: PlcServer, datagram: bytes) -> None:
    with pytest.raises(TimeoutError):
        await ask(server, datagram, timeout=0.1)
    assert await ask(server, identify_request())


async def test_a_route_request_that_is_cut_off_is_refused(server: PlcServer) -> None:
    whole = add_route_request(SOURCE, '127.0.0.1', 'Administrator', '1', 'edge')
    for size in (24, 30, 60, len(whole) - 1):
        assert parse_route_answer(await ask(server, whole[:size])) != 0
    assert server.routes == set()


async def test_it_is_not_found_while_it_is_silent_or_away(server: PlcServer) -> None:
    for fault in ('silent', 'refuse'):
        await server.fault(**{fault: True})
        with pytest.raises(TimeoutError):
            await ask(server, identify_request(), timeout=0.1)
        await server.fault(**{fault: False})
        assert await ask(server, identify_request())


async def test_a_taken_udp_port_only_hides_it(server: PlcServer) -> None:
    assert server.udp is not None
    other = PlcServer(make_bench_plc('10.0.0.9.1.1', 10), udp=True, udp_port=server.udp.port)
    await other.start()
    async with Wire('127.0.0.1', other.port, '10.0.0.9.1.1') as wire:
        assert await wire.state() == 5
    await other.stop()
