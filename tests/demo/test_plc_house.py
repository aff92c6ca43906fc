"""The heating house and the cellar live: time is stepped through, nothing waits."""
from collections.abc import Callable

import pytest

from edgeos.demo.plc_device import SimulatedPlc
from edgeos.demo.plc_house import make_house3
from edgeos.demo.plc_house2 import make_house2
from edgeos.demo.plc_house_source import ROOMS


def live(plc: SimulatedPlc, seconds: float, step: float = 0.1) -> None:
    for _ in range(round(seconds / step)):
        plc.step(step)


@pytest.fixture
def house() -> SimulatedPlc:
    made = make_house3('10.0.0.3.1.1', seed=1, clock=lambda: 1_700_000_000.0)
    live(made, 30)
    return made


def test_it_has_about_200_symbols_of_every_type(house: SimulatedPlc) -> None:
    assert 180 < len(house.memory.symbols) < 260
    used = {symbol.place.type.name for symbol in house.memory.symbols.values()}
    assert used >= {'BOOL', 'BYTE', 'WORD', 'DWORD', 'LWORD', 'SINT', 'USINT', 'INT', 'UINT', 'DINT', 'UDINT', 'LINT',
                    'ULINT', 'REAL', 'LREAL', 'TIME', 'LTIME', 'DATE', 'TIME_OF_DAY', 'DATE_AND_TIME', 'STRING(80)',
                    'WSTRING(20)', 'E_Mode', 'T_Setpoint', 'FB_Pump', 'ST_Status', 'POINTER TO INT',
                    'REFERENCE TO REAL', 'ARRAY [0..1,0..1,1..2] OF INT', 'ARRAY [1..5] OF ST_Alarm'}  # fmt: skip
    comments = [symbol.place.comment for symbol in house.memory.symbols.values()]
    assert 'supply temperature [°C]' in comments and sum('[' in comment for comment in comments) > 60


def test_a_set_point_changes_the_temperature_within_a_minute(house: SimulatedPlc) -> None:
    before = house.memory.get('Kitchen.fTemperature')
    assert abs(before - 20.5) < 1.5
    house.memory.set('Kitchen.fSetpoint', 24.0)
    live(house, 5)
    assert house.memory.get('Kitchen.fTemperature') < 22.5, 'no room is that quick'
    live(house, 60)
    assert abs(house.memory.get('Kitchen.fTemperature') - 24.0) < 1
    house.memory.set('Kitchen.eMode', 'Off')
    live(house, 60)
    assert house.memory.get('Kitchen.fTemperature') < 22
    assert house.memory.get('Kitchen.fValve') < 1


def test_a_day_passes_without_anything_out_of_bounds(house: SimulatedPlc) -> None:
    states, seen = set(), set()
    for _ in range(800):
        live(house, 1, 0.25)
        states.add(house.memory.get('Boiler.eState'))
        seen.add(round(house.memory.get('Weather.fOutside'), 1))
        assert 25 < house.memory.get('Boiler.fTemperature') < 95
        assert all(20 < layer < 90 for layer in house.memory.get('Buffer.aTemperature'))
        assert all(12 < house.memory.get(f'{room}.fTemperature') < 30 for room in ROOMS)
        assert 35 < house.memory.get('HotWater.fTemperature') < 60
    assert states == {'Standby', 'Purge', 'Ignition', 'Burning', 'AfterRun'}
    assert len(seen) > 30


def test_faults_and_windows_are_alarms(house: SimulatedPlc) -> None:
    house.memory.set('Boiler.eState', 'Fault')
    house.memory.set('Office.bWindow', True)
    live(house, 1)
    assert house.memory.get('Alarms.nActive') >= 2 and house.memory.get('Alarms.bHorn')
    assert 'Büro' in house.memory.get('Alarms.aAlarm[3].sText')
    assert house.memory.get('Boiler.stStatus.bFault') and house.memory.get('Boiler.stStatus.nCode') == 133
    assert house.memory.get('System.sStatus') == 'Störung'
    house.memory.set('Alarms.bAcknowledge', True)
    house.memory.set('Boiler.bReset', True)
    live(house, 1)
    assert not house.memory.get('Alarms.bHorn') and house.memory.get('Boiler.eState') != 'Fault'


def test_the_heating_curve_follows_what_is_written(house: SimulatedPlc) -> None:
    house.memory.set('System.eMode', 'Comfort')
    before = house.memory.get('Radiators.stCurve.aPoints[1].fSupply')
    house.memory.set('Radiators.stCurve.fSlope', 1.8)
    live(house, 1)
    assert house.memory.get('Radiators.stCurve.aPoints[1].fSupply') > before + 10
    assert house.memory.get('Radiators.fSupplySetpoint') <= house.memory.get('Radiators.nLimit')


def test_it_goes_on_after_an_online_change_and_a_download(house: SimulatedPlc) -> None:
    house.memory.set('Kitchen.fSetpoint', 22.5)
    house.online_change()
    live(house, 1)
    assert house.memory.get('Kitchen.fSetpoint') == 22.5
    assert house.memory.get('System.sServicePartner') == 'Fa. Krüger & Söhne'
    house.download()
    live(house, 1)
    assert 'garage.ftemperature' in house.memory.symbols and 'hotwater.ftemperature' not in house.memory.symbols
    house.restart()
    live(house, 1)
    assert 'garage.ftemperature' in house.memory.symbols


@pytest.mark.parametrize('make', [make_house3, make_house2])
@pytest.mark.parametrize('byte', [0xFF, 0x7F, 0x00, 0xA5])
def test_rubbish_written_by_somebody_does_not_stop_it(make: Callable[..., SimulatedPlc], byte: int) -> None:
    plc = make('10.0.0.3.1.1', seed=1)
    for area in plc.memory.areas.values():
        area[:] = bytes([byte]) * len(area)
    live(plc, 40)
    for symbol in plc.memory.symbols:
        assert plc.memory.get(symbol) is not None


def test_the_cellar_lives_and_obeys() -> None:
    plc = make_house2('10.0.0.2.1.1', seed=1)
    live(plc, 200)
    memory = plc.memory
    assert memory.get('.nVisits') > 2 and memory.get('.nWater') > 90321
    assert memory.get('.aPumps[2].sName') == 'Gartenspülung'
    memory.set('.aPumps[1].eMode', 'Hand')
    live(plc, 10)
    assert memory.get('.aPumps[1].bOn') and memory.get('.aPumps[1].fFlow') > 20
    memory.set('.eVentilation', 'Aus')
    live(plc, 120)
    assert memory.get('.fHumidity') > 60
    for change in (plc.online_change, plc.download):
        change()
        live(plc, 1)
