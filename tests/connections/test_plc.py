"""What a PLC connection does while all is well: choosing, polling, notifications, counting, writing, trying out."""
import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edgeos.connections.plc import PlcConnection
from edgeos.connections.state import Health, Status
from edgeos.connections.trial import try_out
from edgeos.demo.plc_bench import make_bare_plc, make_bench_plc
from edgeos.demo.plc_device import TWINCAT_3, Program, SimulatedPlc
from edgeos.demo.plc_frames import Request
from edgeos.demo.plc_house import make_house3
from edgeos.demo.plc_services import SUM_READ
from tests.connections.plc_links import Links, Watched, misplace, notices, points, polls, settings_for, values
from tests.connections.test_plc_faults import black_hole, workers
from tests.helpers import eventually, free_port
from tests.plc import Plc

STATE = -1  # is asked for without an index group


@pytest.fixture(scope='module')
def house() -> Iterator[Plc]:
    running = Plc().start()
    yield running
    running.stop()


@pytest.fixture
async def links(tmp_path: Path) -> AsyncIterator[Links]:
    made = Links(tmp_path)
    yield made
    await made.stop()


@asynccontextmanager
async def watched(plc: SimulatedPlc | None = None, **options: Any) -> AsyncIterator[Watched]:
    server = Watched(plc or make_house3('127.0.0.1.1.1'), **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def small_plc(declarations: str, life: Any = None, types: str = '') -> SimulatedPlc:
    source = f'{types}\nVAR_GLOBAL GVL\n{declarations}\nEND'
    return SimulatedPlc('127.0.0.1.1.1', Program(source, source, source), traits=TWINCAT_3, life=life)


# choosing


async def test_globs_names_and_structures_choose(links, house):
    connection = await links.open(house.address, symbols=['Kitchen.f*', 'BOILER.STSTATUS', 'Buffer.aTemperature[2]',
                                                          'kitchen.fsetpoint', '*.nLimit'])  # fmt: skip
    assert sorted(values(connection)) == [
        'Boiler.stStatus.bFault', 'Boiler.stStatus.bManual', 'Boiler.stStatus.bOn', 'Boiler.stStatus.bReady',
        'Boiler.stStatus.nCode', 'Buffer.aTemperature[2]', 'Floor.nLimit', 'Kitchen.fHumidity', 'Kitchen.fSetpoint',
        'Kitchen.fTemperature', 'Kitchen.fValve', 'Radiators.nLimit']  # fmt: skip
    assert notices(connection) == ''


async def test_without_symbols_it_is_connected_and_says_what_to_do(links, house):
    connection = await links.open(house.address, symbols=[])
    assert (connection.status, points(connection)) == (Status.CONNECTED, [])
    assert 'No symbols are chosen yet' in notices(connection)
    assert len(await connection.browse('')) > 15
    found, total = await connection.search('set-point', 3)
    assert (len(found), total > 8) == (3, True)
    assert 'Plc30 App 3.1.4024' in connection.detail
    await polls(connection)
    assert connection.health is Health.GOOD


async def test_choosing_while_connected_keeps_the_link_and_the_rings_of_what_stays(links, house):
    connection = await links.open(house.address, symbols=['Kitchen.fTemperature', 'Bath.*', 'MAIN.nCounter'])
    since, kept = connection.connected_at, connection.source.points['Kitchen.fTemperature']
    await eventually(lambda: len(kept.ring.values(0)) >= 3)
    ring = list(kept.ring.values(0))
    gateway, gone = connection.services.gateway, connection.source.points['Bath.fTemperature']
    await connection.reconfigure(settings_for(house.address, symbols=['Kitchen.*', 'Office.bLight'], poll_ms=40))
    await eventually(lambda: len(points(connection)) == 13 and all(p.quality == 'good' for p in points(connection)))
    assert connection.source.points['Kitchen.fTemperature'] is kept
    assert list(kept.ring.values(0))[:len(ring)] == ring
    assert not any(name.startswith(('Bath', 'MAIN')) for name in values(connection))
    with pytest.raises(LookupError):
        gateway.find('plc/Bath.fTemperature')
    told = gone.time
    await connection.reconfigure(settings_for(house.address, symbols=[]))
    await eventually(lambda: not points(connection))
    assert 'No symbols are chosen' in notices(connection)
    await polls(connection, 1)
    assert (connection.connected_at, connection.traffic.reconnects, gone.time) == (since, 0, told)


async def test_other_settings_do_reconnect(links, house):
    connection = await links.open(house.address, symbols=['Kitchen.*'])
    since = connection.connected_at
    await connection.reconfigure(settings_for(house.address, symbols=['Kitchen.*'], timeout_ms=900))
    await eventually(lambda: connection.status is Status.CONNECTED and connection.connected_at != since)


async def test_values_that_come_together_with_the_choice_are_not_lost(links, house):
    """The loop is busy while the worker answers the choice and sends the first values: both lie in one chunk."""
    connection = await links.open(house.address, symbols=['Plant.nRooms'])
    await connection.reconfigure(settings_for(house.address, symbols=['Plant.*', 'Service.n*']))
    for _ in range(3):
        await asyncio.sleep(0)  # the request goes out
    time.sleep(0.4)
    await eventually(lambda: len(points(connection)) > 10)
    await polls(connection, 2)
    assert {name for name, point in connection.source.points.items() if point.quality != 'good'} == set()


def named_as_gone(connection: PlcConnection) -> str:
    return next((notice.values['names'] for notice in connection.notices() if 'Not on the PLC' in notice.text), '')


async def test_symbols_that_vanish_are_named_and_their_points_bad(links):
    async with watched() as server:
        connection = await links.open(server.address, symbols=['System.sInstaller', 'System.bSummer', 'Kitchen.nGone'])
        point = connection.source.points['System.sInstaller']
        assert named_as_gone(connection) == 'Kitchen.nGone'
        await server.fault(online_change=True)
        await eventually(lambda: named_as_gone(connection) == 'System.sInstaller, Kitchen.nGone')
        await eventually(lambda: connection.source.points['System.bSummer'].quality == 'good')
        assert (point.quality, point.value) == ('bad', None)
        await server.fault(online_change=False)
        await eventually(lambda: point.quality == 'good')
        assert named_as_gone(connection) == 'Kitchen.nGone'
        assert connection.traffic.reconnects == 0


async def test_more_than_ten_thousand_values_are_left_out_and_counted(links):
    plc = Plc('bench', '--symbols', '10100', '--tick', '60').start()
    try:
        connection = await links.open(plc.address, symbols=['GVL.*'], poll_ms=500)
        assert len(points(connection)) == 10_000
        assert notices(connection) == '103 further values were left out: 10000 is the most.'
        await connection.reconfigure(settings_for(plc.address, symbols=['GVL.nSetpoint', 'GVL.*'], poll_ms=500))
        await eventually(lambda: 'GVL.nSetpoint' in values(connection))
        assert len(points(connection)) == 10_000
    finally:
        plc.stop()


async def test_a_symbol_that_cannot_be_read_costs_only_itself(links):
    plc = make_house3('127.0.0.1.1.1')
    misplace(plc, 'Kitchen.fHumidity')
    async with watched(plc) as server:
        connection = await links.open(server.address, symbols=['Kitchen.*', 'Bath.fHumidity'])
        assert [point.name for point in points(connection) if point.quality != 'good'] == ['Kitchen.fHumidity']
        assert connection.source.points['Kitchen.fHumidity'].value is None
        assert notices(connection) == 'Cannot be read: Kitchen.fHumidity.'
        assert (connection.status, connection.health) == (Status.CONNECTED, Health.GOOD)
        plc.memory.set('Kitchen.fSetpoint', 33.5)
        await eventually(lambda: values(connection)['Kitchen.fSetpoint'] == 33.5)


# polling


async def test_one_message_a_poll_with_what_has_changed(links):
    def count(plc: SimulatedPlc, _seconds: float) -> None:
        plc.memory.set('GVL.a', plc.memory.get('GVL.a') + 1)

    lines = '\n'.join(f'  n{number} : DINT;' for number in range(700))  # two sum reads
    async with watched(small_plc(f'  a : DINT;\n{lines}\n  z : DINT;', count), tick=0.1) as server:
        connection = await links.open(server.address, symbols=['GVL.*'], poll_ms=20)
        messages: list[Any] = []
        connection._link.on_message = lambda message: (messages.append(message), connection._points.take(message))
        asked = server.asked[SUM_READ]
        await eventually(lambda: len([m for m in messages if m[5]]) >= 10)
        polled = (server.asked[SUM_READ] - asked) // 2
        assert all(len(message[5]) == 1 for message in messages if message[5])
        assert len(messages) < polled / 2, 'a poll in which nothing has changed is not told'
        server.plc.memory.set('GVL.n3', 5)
        server.plc.memory.set('GVL.z', 6)
        await eventually(lambda: values(connection)['GVL.z'] == 6)
        assert values(connection)['GVL.n3'] == 5


async def test_an_answer_in_time_is_proof_also_where_nothing_changes(links):
    async with watched(small_plc('  n : INT;')) as server:
        connection = await links.open(server.address, symbols=['GVL.n'], poll_ms=3_600_000)
        proof = connection.last_proof
        await eventually(lambda: connection.last_proof > proof)
        assert connection.health is Health.GOOD


@pytest.mark.parametrize('notifications', [False, True])
@pytest.mark.parametrize('name', ['GVL.bStart', 'GVL.stBits.bReset'])
async def test_a_value_that_the_program_takes_back_at_once_is_not_shown_for_ever(links, name, notifications):
    def take_back(plc: SimulatedPlc, _seconds: float) -> None:
        plc.memory.set('GVL.bStart', False)
        plc.memory.set('GVL.stBits.bReset', False)

    types = 'STRUCT ST_Bits\n  bOther : BIT;\n  bReset : BIT;\nEND'
    plc = small_plc('  bStart : BOOL;\n  stBits : ST_Bits;', take_back, types)
    async with watched(plc, tick=0.05) as server:
        connection = await links.open(server.address, symbols=['GVL.*'], poll_ms=300, notifications=notifications)
        shown: list[Any] = []
        links.services.gateway.subscribe(f'plc/{name}', lambda point: shown.append(point.value))
        await connection.write(name, True)
        await eventually(lambda: values(connection)[name] is False)
        assert shown == [True, False], 'read back, then as the program left it'


async def test_a_change_in_a_round_that_a_timeout_breaks_off_is_told_with_the_next(links):
    lines = '\n'.join(f'  n{number} : DINT;' for number in range(700))  # two sum reads
    async with watched(small_plc(lines)) as server:
        connection = await links.open(server.address, symbols=['GVL.*'], timeout_ms=300)
        asked: list[str] = []

        def second_is_lost(group: int, request: Request) -> bool:
            if group != SUM_READ or len(request.data) < 1000 or asked == ['first', 'second']:
                return False
            if len(request.data) > 12 * 450:
                asked[:] = ['first']
                server.plc.memory.set('GVL.n3', 5)
            elif asked:
                asked.append('second')
            return len(asked) == 2

        server.is_lost = second_is_lost
        await eventually(lambda: len(asked) == 2)
        await eventually(lambda: values(connection)['GVL.n3'] == 5, timeout=2)
        assert connection.traffic.reconnects == 0


async def test_a_controller_without_sum_reads_is_asked_one_by_one(links):
    async with watched(make_bare_plc('127.0.0.1.1.1')) as server:
        server.has_sum_reads = False
        connection = await links.open(server.address, ams_port=800, variables=VARIABLES)
        assert {point.name for point in points(connection) if point.quality != 'good'} == {'beyond'}
        found = values(connection)
        assert (found['lamp'], found['values[1]'], found['text']) == (False, 0, 'Küche'), 'also what is zero'
        server.plc.memory.set('GVL.sText', 'Bad')
        await eventually(lambda: values(connection)['text'] == 'Bad')
        await connection.write('temperature', 2.5)
        await eventually(lambda: values(connection)['tick'] > found['tick'])
        assert values(connection)['temperature'] == 2.5


# notifications


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
        assert 0.05 < gaps[len(gaps) // 2] < 0.2, 'told in the pace that was asked for'
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
        connection = await links.open(meter.address, symbols=['**'], notifications=notifications, poll_ms=200)
        await connection.write('Bath.bLight', True)
        traffic = connection.traffic
        await polls(connection, 10)

        def agrees() -> bool:
            return (traffic.packets_sent, traffic.bytes_sent, traffic.bytes_received) == (
                server.requests, meter.sent, meter.received)  # fmt: skip

        await eventually(agrees, interval=0.001)
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


# old controllers


async def test_twincat_2_with_globals_that_begin_with_a_dot(links):
    plc = Plc('house2').start()
    try:
        connection = await links.open(plc.address, ams_port=801, symbols=['.*', 'MAIN.bAuto'])
        found = await eventually(lambda: values(connection)['.aPumps[2].sName'] and values(connection))
        assert (found['.sHint'], found['.eVentilation'], found['.aPumps[2].sName']) == (
            'Bitte Tür schließen', 2, 'Gartenspülung'), 'it has no names for numbers'  # fmt: skip
        assert connection.source.points['.dtService'].type == 'DATE_AND_TIME'
        assert connection.source.points['.fLevel'].unit == '%'
        await connection.write('.SHINT', 'Grüße')
        await connection.write('.eVentilation', 1)
        await connection.write('.bLamp', True)
        await connection.write('.aPumps[1].eMode', 1)
        await polls(connection, 3)
        found = values(connection)
        assert [found[name] for name in ('.sHint', '.eVentilation', '.bLamp', '.bLampStairs', '.aPumps[1].eMode')] == [
            'Grüße', 1, True, False, 1]  # fmt: skip
        assert {'.bLamp', 'MAIN'} <= {entry.name for entry in await connection.browse('')}
        assert 'TCatPlcCtrl 2.11.2605' in connection.detail
        plc.fault(online_change=True)
        await eventually(lambda: '.nSpare' in values(connection))
        await eventually(lambda: all(point.quality == 'good' for point in points(connection)))
        assert ('.sHint' in values(connection), '.sNotice' in values(connection)) == (False, True)
    finally:
        plc.stop()


VARIABLES = [
    {'name': 'tick', 'group': 0x4020, 'offset': 0, 'type': 'UDINT'},
    {'name': 'temperature', 'group': 0x4020, 'offset': 4, 'type': 'REAL'},
    {'name': 'lamp', 'group': 0x4021, 'offset': 8 * 12 + 3, 'type': 'BOOL'},
    {'name': 'values', 'group': 0x4020, 'offset': 20, 'type': 'ARRAY [0..4] OF INT'},
    {'name': 'text', 'group': 0x4020, 'offset': 64, 'type': 'STRING(20)'},
    {'name': 'beyond', 'group': 0x4020, 'offset': 0xFFFF_0000, 'type': 'INT'},
]  # fmt: skip


async def test_a_controller_without_symbols_by_group_and_offset(links):
    plc = Plc('bare').start()
    try:
        connection = await links.open(plc.address, ams_port=800, variables=VARIABLES)
        found = values(connection)
        assert (found['temperature'], found['lamp'], found['text'], found['values[1]']) == (21.5, False, 'Küche', 0)
        await eventually(lambda: values(connection)['tick'] > found['tick'])
        await eventually(lambda: values(connection)['values[0]'] > 0)
        assert {p.name: p.quality for p in points(connection) if p.quality != 'good'} == {'beyond': 'bad'}
        assert notices(connection) == 'Cannot be read: beyond.'
        for name, value in (('temperature', -3.25), ('LAMP', True), ('values[4]', -7), ('text', 'Bäder')):
            await connection.write(name, value)
        await polls(connection, 4)
        found = values(connection)
        assert (found['temperature'], found['lamp'], found['values[4]'], found['text']) == (-3.25, True, -7, 'Bäder')
        assert found['values[3]'] == 0
        await connection.reconfigure(settings_for(plc.address, ams_port=800, variables=VARIABLES[:2]))
        await eventually(lambda: len(points(connection)) == 2)
        assert connection.traffic.reconnects == 0
    finally:
        plc.stop()


async def test_symbols_of_a_controller_without_symbols_are_said_to_be_impossible(links):
    plc = Plc('bare').start()
    try:
        connection = await links.open(plc.address, ams_port=800, symbols=['MAIN.*'])
        assert 'offers no symbols' in notices(connection)
        assert await connection.browse('') == []
    finally:
        plc.stop()


# trying out


async def test_trying_a_plc_out_that_is_connected_shares_its_worker_and_leaves_it_in_peace(links):
    async with watched() as server:
        living = await links.open(server.address, symbols=['Kitchen.*'])
        since, pids, shown = living.connected_at, workers(), len(points(living))
        for config in ({}, {'symbols': ['Bath.*']}, {'ams_port': 852}, {'ams_net_id': '9.9.9.9.1.1'}):
            result = await try_out(settings_for(server.address, 'test', **config), {}, links.services)
            assert result.ok is ('symbols' in config or not config)
            assert workers() == pids
        assert server.connections == 2, 'a probe, and the one that all share'
        await polls(living, 3)
        assert (living.status, living.connected_at, living.traffic.errors) == (Status.CONNECTED, since, 0)
        assert len(points(living)) == shown
        await eventually(lambda: server.kept == (0, 1))


async def test_a_trial_shows_values(links, house):
    result = await try_out(settings_for(house.address, symbols=['Plant.*']), {}, links.services)
    assert result.ok
    assert 'Plc30 App 3.1.4024' in result.detail
    assert {point.name: (point.value, point.quality) for point in result.values}['Plant.nRooms'] == (6, 'good')
    assert [step.state for step in result.steps] == ['passed'] * 4
    await eventually(lambda: workers() == [])


async def test_a_trial_answers_within_ten_seconds_whatever_is_there(links):
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silence, '127.0.0.1', 0)
    with black_hole() as hole:
        cases = {free_port(): 'refused', hole: 'timeout', server.sockets[0].getsockname()[1]: 'no_route'}
        began = time.monotonic()
        results = await asyncio.gather(*(try_out(settings_for(f'127.0.0.1:{port}'), {}, links.services)
                                         for port in cases))  # fmt: skip
        assert time.monotonic() - began < 10
        assert [result.error.code for result in results] == list(cases.values())
        assert not any(result.ok for result in results)
    server.close()
    await eventually(lambda: workers() == [])


def test_the_driver_does_without_the_library() -> None:
    import sys

    assert PlcConnection.KIND == 'plc'
    assert 'pyads' not in sys.modules, 'it can hang, and take its process down'
