"""PLC connections with notifications, and what is counted with and without them."""
import asyncio
from itertools import pairwise
from typing import Any

import pytest

from edgeos.connections.state import Health, Status
from edgeos.demo.plc_bench import make_bench_plc
from edgeos.demo.plc_device import SimulatedPlc
from edgeos.demo.plc_house import make_house3
from edgeos.demo.plc_services import SUM_READ
from tests.connections.plc_links import (
    points,
    polls,
    settings_for,
    small_plc,
    values,
    watched,
)
from tests.helpers import eventually
from tests.plc import Plc

STATE = -1  # is asked for without an index group


async def test_values_come_by_notifications(links):
    def count(plc: SimulatedPlc, _seconds: float) -> None:
        plc.memory.set('GVL.nFast', plc.memory.get('GVL.nFast') + 1)

    plc = small_plc('  nZero : INT;\n  bOff : BOOL;\n  sEmpty : STRING(10);\n  nFast : DINT;\n  fSet : REAL := 1.5;', count)
    async with watched(plc, tick=0.05) as server:
        connection = await links.open(server.address, symbols=['GVL.*'], notifications=True, poll_ms=100)
        assert values(connection) | {'GVL.nFast': 0} == {'GVL.nZero': 0, 'GVL.bOff': False, 'GVL.sEmpty': '',
                                                         'GVL.nFast': 0, 'GVL.fSet': 1.5}  # fmt: skip
        assert server.kept[0] == 5
        times: list[float] = []
        links.services.gateway.subscribe('plc/GVL.nFast', lambda point: times.append(point.time))
        await eventually(lambda: len(times) >= 8)
        gaps = sorted(after - before for before, after in pairwise(times))
        assert 0.05 < gaps[len(gaps) // 2] < 0.9, 'told in the pace that was asked for, not when somebody looks'
        await connection.write('GVL.fSet', 7.25)
        assert values(connection)['GVL.fSet'] == 7.25
        plc.memory.set('GVL.fSet', 8.5)
        await eventually(lambda: values(connection)['GVL.fSet'] == 8.5)


async def test_notifications_spare_the_plc_the_polls(links):
    async with watched(small_plc('  nStill : INT := 3;')) as server:
        connection = await links.open(server.address, symbols=['GVL.*'], notifications=True, poll_ms=50)
        server.asked.clear()
        watches = connection.traffic.packets_received
        await eventually(lambda: server.asked[STATE] >= 2)
        assert server.asked[SUM_READ] <= 3, 'the guards that are looked at with the state, and nothing else'
        assert connection.traffic.packets_received > watches
        assert connection.health is Health.GOOD


async def test_notifications_are_no_proof_of_life(links):
    def count(plc: SimulatedPlc, _seconds: float) -> None:
        plc.memory.set('GVL.n', plc.memory.get('GVL.n') + 1)

    async with watched(small_plc('  n : DINT;', count), tick=0.05) as server:
        connection = await links.open(server.address, symbols=['GVL.*'], notifications=True, poll_ms=50)
        for visitor in list(server._open):
            visitor.session.answer = lambda request: b''  # notifications go on
        since = connection.clock.monotonic()
        await eventually(lambda: connection.status is not Status.CONNECTED, timeout=5)
        assert connection.last_error.code == 'timeout'
        assert connection.last_proof <= since + 0.1


async def test_at_most_500_notifications_and_the_rest_is_polled(links):
    async with watched(make_bench_plc('127.0.0.1.1.1', 600)) as server:
        connection = await links.open(server.address, symbols=['GVL.*'], notifications=True, poll_ms=100)
        assert server.kept[0] == 500
        assert len(points(connection)) == 603
        before = {point.name: point.time for point in points(connection)}
        await eventually(lambda: all(point.time > before[point.name] for point in points(connection)
                                     if point.name[-1].isdigit() and point.type != 'BOOL'))  # fmt: skip


@pytest.mark.parametrize('notifications', [False, True])
async def test_a_plc_is_left_without_anything_of_ours(links, notifications):
    async with watched() as server:
        first = await links.open(server.address, 'first', symbols=['Kitchen.*'], notifications=notifications)
        second = await links.open(server.address, 'second', symbols=['Bath.*'], notifications=notifications)
        await second.write('Bath.bLight', True)
        assert server.kept == (24 if notifications else 0, 2), 'a handle each for the count of online changes'
        await second.reconfigure(settings_for(server.address, symbols=['Bath.f*'], notifications=notifications))
        await eventually(lambda: len(points(second)) == 4)
        assert server.kept == (16 if notifications else 0, 2)
        await second.stop()
        await eventually(lambda: server.kept == (12 if notifications else 0, 1))
        await first.stop()
        await eventually(lambda: server.open_connections == 0)
        assert server.left == [(0, 0), (0, 0)], 'after the probe, and after all'


async def test_an_online_change_while_notified_tells_no_value_of_another_place(links):
    plc = make_bench_plc('127.0.0.1.1.1', 100)
    async with watched(plc, tick=0.03) as server:
        connection = await links.open(server.address, symbols=['GVL.fVal*', 'GVL.fExa*'], notifications=True, poll_ms=50)
        wrong: list[Any] = []
        fraction = {'GVL.fVal': 0.5, 'GVL.fExa': 0.25}
        links.services.gateway.subscribe('plc/**', lambda point: wrong.append((point.name, point.value)) if (
            point.quality == 'good' and point.value and point.value % 1 != fraction[point.name[:8]]) else None)  # fmt: skip
        for on in (True, False, True):
            generation = connection._points._generation
            await server.fault(online_change=on)
            await eventually(lambda generation=generation: connection._points._generation > generation)
            await eventually(lambda: all(point.quality == 'good' for point in points(connection)))
        assert wrong == []


# counting


class Meter:
    """A way to a PLC on which the bytes are counted."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.sent = self.received = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> 'Meter':
        self._server = await asyncio.start_server(self._pass_on, '127.0.0.1', 0)
        self.address = f'127.0.0.1:{self._server.sockets[0].getsockname()[1]}'
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, on = await asyncio.open_connection('127.0.0.1', self._target)
        for source, target, is_request in ((reader, on, True), (there, writer, False)):
            task = asyncio.create_task(self._count(source, target, is_request))
            self._tasks.add(task)

    async def _count(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, is_request: bool) -> None:
        while data := await source.read(65536):
            if is_request:
                self.sent += len(data)
            else:
                self.received += len(data)
            target.write(data)
        target.close()


@pytest.mark.parametrize('notifications', [False, True])
async def test_requests_answers_and_their_bytes_are_counted_as_on_the_wire(links, notifications):
    async with watched(make_house3('127.0.0.1.1.1'), tick=0.5) as server, Meter(server.port) as meter:
        connection = await links.open(meter.address, symbols=['**'], notifications=notifications, poll_ms=170)  # never in step with the tick
        await connection.write('Bath.bLight', True)
        traffic = connection.traffic
        await polls(connection, 5)

        def agrees() -> bool:
            return (traffic.packets_sent, traffic.bytes_sent, traffic.bytes_received) == (
                server.requests, meter.sent, meter.received)  # fmt: skip

        await eventually(agrees, timeout=12, interval=0.001)  # between two polls
        if notifications:
            assert traffic.packets_received > traffic.packets_sent
        else:
            assert traffic.packets_received == traffic.packets_sent
        assert traffic.errors == 0, 'finding out what a PLC knows is no error'
        assert connection.health is Health.GOOD


@pytest.mark.parametrize(('profile', 'config'), [
    ('house2', {'ams_port': 801, 'symbols': ['**']}),
    ('bare', {'ams_port': 800, 'variables': [{'name': 'n', 'group': 0x4020, 'offset': 20, 'type': 'INT'}]}),
])  # fmt: skip
async def test_asking_old_controllers_for_what_they_do_not_know_is_no_error(links, profile, config):
    plc = Plc(profile).start()
    try:
        connection = await links.open(plc.address, **config)
        await polls(connection, 5)
        assert connection.traffic.errors == 0
        assert connection.health is Health.GOOD
        assert connection.traffic.round_trips.last > 0
    finally:
        plc.stop()
