"""Old controllers, those without symbols, and trying settings out."""
import asyncio
import time
from collections.abc import Iterator

import pytest

from edgeos.connections.state import Status
from edgeos.connections.trial import try_out
from tests.connections.plc_links import (
    VARIABLES,
    notices,
    points,
    polls,
    settings_for,
    values,
    watched,
)
from tests.connections.test_plc_faults import black_hole, workers
from tests.helpers import eventually, free_port, patient
from tests.plc import Plc


@pytest.fixture(scope='module')
def house() -> Iterator[Plc]:
    running = Plc().start()
    yield running
    running.stop()


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
        assert time.monotonic() - began < patient(10, below=14)
        assert [result.error.code for result in results] == list(cases.values())
        assert not any(result.ok for result in results)
    server.close()
    await eventually(lambda: workers() == [])
