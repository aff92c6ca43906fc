"""What a PLC connection does while all is well: choosing, polling, writing."""
import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from edgeos.connections.plc import PlcConnection
from edgeos.connections.state import Health, Status
from edgeos.demo.plc_bench import make_bare_plc
from edgeos.demo.plc_device import SimulatedPlc
from edgeos.demo.plc_frames import Request
from edgeos.demo.plc_house import make_house3
from edgeos.demo.plc_services import SUM_READ
from tests.connections.plc_links import (
    VARIABLES,
    misplace,
    notices,
    points,
    polls,
    settings_for,
    small_plc,
    values,
    watched,
)
from tests.helpers import eventually
from tests.plc import Plc


@pytest.fixture(scope='module')
def house() -> Iterator[Plc]:
    running = Plc().start()
    yield running
    running.stop()


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
        await eventually(lambda: (values(connection)['GVL.n3'], values(connection)['GVL.z']) == (5, 6))


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
        assert shown in ([True, False], [False]), 'read back (before the program took it back, or later), then as it left it'


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
        await eventually(lambda: values(connection)['GVL.n3'] == 5)
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
