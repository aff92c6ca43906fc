"""Values of every type to a simulated PLC and back, by way of the real driver and its worker."""
import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from edgeos.connections.plc import PlcConnection
from edgeos.connections.state import WriteRefused
from edgeos.gateway import UnknownPoint
from tests.connections.plc_links import Links, points, polls, values
from tests.helpers import eventually
from tests.plc import Plc

SYMBOLS = ['Service.*', 'Boiler.pStatus', 'Boiler.rSetpoint', 'Plant.sName']


@pytest.fixture(scope='module')
def plc() -> Iterator[Plc]:
    running = Plc().start()
    yield running
    running.stop()


@pytest.fixture
async def connection(links: Links, plc: Plc) -> PlcConnection:
    return await links.open(plc.address, symbols=SYMBOLS)


WHOLE = {'Sint': (-128, 127), 'Usint': (0, 255), 'Byte': (0, 255), 'Int': (-32768, 32767), 'Uint': (0, 65535),
         'Word': (0, 65535), 'Dint': (-(2**31), 2**31 - 1), 'Udint': (0, 2**32 - 1), 'Dword': (0, 2**32 - 1),
         'Lint': (-(2**63), 2**63 - 1), 'Ulint': (0, 2**64 - 1), 'Lword': (0, 2**64 - 1)}  # fmt: skip

WRITTEN: dict[str, list[Any]] = {  # what is written; a pair where another value is read back
    'bBool': [False, True, (0, False), (1, True)],
    **{f'n{name}': [low, high, 1, (2.0, 2)] for name, (low, high) in WHOLE.items()},
    'fReal': [21.3, -0.1, 0.0, 3.4028235e38, 1e-45, (7, 7.0), (0.1 + 0.2, 0.3)],
    'fLreal': [3.141592653589793, 0.1 + 0.2, 1.7976931348623157e308, 5e-324, -0.0],
    'fAlias': [-12.25, 19.5],
    'sText': ['', 'Grüße aus Köln: 5 € – „ÄÖÜß“', 'x' * 80, 'ü' * 80, 'Küche 日本', 'Tür'],
    'sShort': ['ÄÖÜäö', '12345', ''],
    'sUtf8': ['Zoë – 日本 €', 'ü' * 40],
    'wsText': ['Grüße – 日本', '日' * 20, '😀' * 10, ''],
    'tTime': [0, 2**32 - 1, ('T#1d2h3m4s5ms', 93_784_005)],
    'ltTime': [0, 2**64 - 1, ('LTIME#1ms', 1_000_000)],
    'todTime': ['00:00:00', '23:59:59.999', ('07:30', '07:30:00'), (47_100_000, '13:05:00')],
    'dDate': ['1970-01-01', '2024-02-29', '2106-02-07'],
    'dtTime': ['2026-11-24T12:34:56', ('2000-01-01 00:00:00', '2000-01-01T00:00:00'), (0, '1970-01-01T00:00:00')],
    'ltodTime': ['23:59:59.999999999', '13:05:00.120'],
    'ldDate': ['2262-04-11', '1999-12-31'],
    'ldtTime': ['2026-11-24T12:34:56.123456789'],
    'eMode': ['Party', ('frostprotection', 'FrostProtection'), (0, 'Off'), ('COMFORT', 'Comfort')],
    'eMove': [(-1, 'Closing'), 'Opening'],
    'aInt[4]': [-5],
    'aBool[-2]': [False, True],
    'aText[2]': ['größer'],
    'aCube[1,0,2]': [-77],
    'aModes[1]': ['Comfort'],
    'aNested[1][2]': [12],
    'aStatus[2].bReady': [True, False, (1, True)],
    'aPump[2].stStatus.bManual': [True],
    'aPump[2].fFlow': [3.5],
    'stPeriod.todFrom': ['06:15:00'],
    'stPeriod.eMode': ['Eco'],
    'bMarker': [True, False],
    'nMarker': [-1],
    'bInput': [False],
    'bOutput': [True, False],
}

TOO_LONG = 'The text needs {} bytes; STRING(80) holds 80.'
REFUSED: dict[str, list[tuple[Any, str]]] = {
    'bBool': [(2, 'BOOL takes true or false, not 2.'), ('true', "BOOL takes true or false, not 'true'."), (None, 'None')],
    **{f'n{name}': [(low - 1, 'does not fit' if low - 1 >= -(2**63) else 'cannot take this value'),
                    (high + 1, 'does not fit' if high + 1 < 2**64 else 'cannot take this value'),
                    (True, 'takes a whole number, not True'), ('5', "not '5'"), (0.5, 'not 0.5'), ([1], '[1]')]
       for name, (low, high) in WHOLE.items()},
    'nInt': [(32768, '32768 does not fit INT: -32768 to 32767.')],
    'fReal': [(1e39, 'does not fit REAL'), ('1', "REAL takes a number, not '1'."), (True, 'not True')],
    'fLreal': [(float('nan'), 'LREAL takes a number'), (float('inf'), 'LREAL takes a number')],
    'sText': [('x' * 81, TOO_LONG.format(81)), ('x' * 90, TOO_LONG.format(90)), ('a\0b', 'NUL'), (5, 'takes text, not 5'),
              ('\ud800', 'cannot take this value')],
    'sShort': [('ÄÖÜäöü', 'The text needs 6 bytes; STRING(5) holds 5.')],
    'sUtf8': [('ü' * 41, TOO_LONG.format(82))],
    'wsText': [('日' * 21, 'The text needs 21 characters; WSTRING(20) holds 20.'), ('😀' * 11, '22 characters')],
    'tTime': [(-1, 'does not fit TIME'), ('soon', "'soon' is not written as TIME: T#1h30m or a number.")],
    'todTime': [('24:00', 'is not written as'), (86_400_000, 'does not fit')],
    'dDate': [('2023-02-29', 'YYYY-MM-DD'), ('2200-01-01', 'does not fit DATE')],
    'dtTime': [('gestern', 'YYYY-MM-DDTHH:MM:SS')],
    'eMode': [('Fiesta', "E_Mode has no value 'Fiesta', but: Off, Comfort"), (7, 'E_Mode has no value 7')],
    'aStatus[2].bReady': [(2, 'BIT takes true or false')],
}  # fmt: skip


async def test_every_type_is_written_read_back_and_shown(connection):
    wrong = []
    kinds = set()
    for name, cases in WRITTEN.items():
        point = connection.source.points[f'Service.{name}']
        kinds.add(point.type.partition('(')[0])
        for case in cases:
            value, expected = case if isinstance(case, tuple) else (case, case)
            await connection.write(point.name, value)
            if (point.value, point.quality, type(point.value)) != (expected, 'good', type(expected)):
                wrong.append((name, value, point.value, point.quality))
    assert wrong == []
    assert len(kinds) == 29, 'types'
    written = values(connection)
    await polls(connection, 3)
    assert values(connection) == written, 'the polls, which read the same memory another way, agree'
    last = {name: cases[-1][1] if isinstance(cases[-1], tuple) else cases[-1] for name, cases in WRITTEN.items()}
    assert {name: written[f'Service.{name}'] for name in last} == last, 'and no write has touched a neighbour'


async def test_what_does_not_fit_is_refused_in_words_and_touches_nothing(connection):
    before, wrong = values(connection), []
    for name, cases in REFUSED.items():
        for value, words in cases:
            try:
                await connection.write(f'Service.{name}', value)
            except WriteRefused as refusal:
                if refusal.status == 422 and words in str(refusal):
                    continue
                wrong.append((name, value, refusal.status, str(refusal)))
            else:
                wrong.append((name, value, 'taken'))
    assert wrong == []
    await polls(connection, 3)
    assert values(connection) == before
    assert connection.traffic.errors == 0, 'what was refused here never reached the PLC'


async def test_a_text_that_is_too_long_leaves_the_variables_behind_it_alone(connection):
    await connection.write('Service.sText', 'Küche')
    await connection.write('Service.sShort', 'Tür')
    with pytest.raises(WriteRefused, match='needs 90 bytes'):
        await connection.write('Service.sText', 'x' * 90)
    await connection.write('Service.sText', 'y' * 80)
    await polls(connection, 3)
    assert values(connection)['Service.sText'] == 'y' * 80
    assert (values(connection)['Service.sShort'], values(connection)['Service.fLreal'] is None) == ('Tür', False)


async def test_bits_of_one_byte_are_read_and_written_one_by_one(connection, plc):
    names = [f'Service.aStatus[1].{bit}' for bit in ('bOn', 'bReady', 'bFault', 'bManual')]
    for wanted in ((True, False, True, False), (False, True, True, True), (False, False, False, False)):
        for name, value in zip(names, wanted, strict=True):
            await connection.write(name, value)
        await polls(connection, 3)
        assert tuple(values(connection)[name] for name in names) == wanted
    for wanted in ((False, True, False, True), (True, True, False, False)):
        plc.fault(set=dict(zip(names, wanted, strict=True)))
        await eventually(lambda wanted=wanted: tuple(values(connection)[name] for name in names) == wanted)
    assert values(connection)['Service.aStatus[1].nCode'] == 0


@pytest.mark.parametrize('name', ['Boiler.pStatus', 'boiler.rsetpoint', 'Service.pInt', 'Plant.sName',
                                  'Plant.nRooms'])  # fmt: skip
async def test_addresses_and_constants_are_shown_and_read_only(connection, name):
    point = next((each for each in points(connection) if each.name.casefold() == name.casefold()), None)
    if name != 'Plant.nRooms':  # which is not chosen
        assert (point.writable, point.quality) == (False, 'good')
        assert point.value == ('16#0000000000000000' if name != 'Plant.sName' else 'Heizung Müller, Keller')
    with pytest.raises(WriteRefused, match='read-only') as refusal:
        await connection.write(name, 1)
    assert refusal.value.status == 403


async def test_names_are_known_in_any_case_and_unknown_ones_are_named(connection):
    await connection.write('SERVICE.ACUBE[0,1,2]', 41)
    await connection.write('service.astatus[1].bon', True)
    assert values(connection)['Service.aCube[0,1,2]'] == 41
    assert values(connection)['Service.aStatus[1].bOn'] is True
    for name in ('Service.nNothing', 'Service.aCube[0,1,3]', 'Service.aCube', 'Service.stPeriod', 'Service.*', '', '.',
                 'Service.sText.x', 'Größe', '\ud800'):  # fmt: skip
        with pytest.raises((UnknownPoint, WriteRefused)) as unknown:
            await connection.write(name, 1)
        assert unknown.type is UnknownPoint or name == '\ud800'
    assert connection.traffic.errors == 0


async def test_what_is_not_chosen_can_be_written_too_and_becomes_no_point(connection):
    await connection.write('Floor.nLimit', 41)
    assert 'Floor.nLimit' not in values(connection)
    with pytest.raises(WriteRefused, match='does not fit INT'):
        await connection.write('Floor.nLimit', 40_000)


async def test_points_say_type_unit_quality_and_time(connection, plc):
    point = connection.source.points['Service.fReal']
    clock = connection.clock
    assert (point.type, point.unit, point.writable, point.quality) == ('REAL', '°C', True, 'good')
    assert connection.source.points['Service.tTime'].unit == 'ms'
    assert connection.source.points['Service.ltTime'].unit == 'ns'
    assert connection.source.points['Service.fAlias'].type == 'T_Setpoint'
    before = clock.wall()
    plc.fault(set={'Service.fReal': 33.25})
    await eventually(lambda: point.value == 33.25)
    assert before <= point.time <= clock.wall()
    kept = point.time
    await polls(connection, 3)
    assert point.time == kept, 'what has not changed is not told again'


async def test_what_is_no_number_is_bad_until_it_is_one_again(connection, plc):
    for name, number in (('Service.fReal', float('nan')), ('Service.fLreal', float('-inf'))):
        point = connection.source.points[name]
        plc.fault(set={name: number})
        await eventually(lambda point=point: point.quality == 'bad')
        assert point.value is None
        plc.fault(set={name: 2.5})
        await eventually(lambda point=point: point.quality == 'good' and point.value == 2.5)


async def test_a_number_without_a_name_is_shown_as_a_number(connection, plc):
    plc.fault(set={'Service.eMode': 77})
    await eventually(lambda: values(connection)['Service.eMode'] == 77)
    assert connection.source.points['Service.eMode'].quality == 'good'


async def test_texts_come_in_the_encoding_that_is_configured(links, plc):
    plain, wide = await asyncio.gather(
        links.open(plc.address, 'old', symbols=['Service.s*', 'System.sInstaller'], encoding='cp1252'),
        links.open(plc.address, 'new', symbols=['Service.s*', 'System.sInstaller'], encoding='utf-8'))  # fmt: skip
    await wide.write('Service.sText', 'Zoë')
    await eventually(lambda: values(plain)['Service.sText'] == 'ZoÃ«')
    await plain.write('Service.sText', 'Zoë')
    await eventually(lambda: values(wide)['Service.sText'] == 'Zo\ufffd')
    with pytest.raises(WriteRefused, match='characters that'):
        await plain.write('Service.sText', '日本')
    await plain.write('Service.sText', '5 €')
    assert values(plain)['Service.sText'] == '5 €'
    assert values(plain)['System.sInstaller'] == 'Fa. Krüger & Söhne'
    for connection in (plain, wide):  # the PLC says of this one what it is written in
        await connection.write('Service.sUtf8', '日本 – ü')
        assert values(connection)['Service.sUtf8'] == '日本 – ü'
