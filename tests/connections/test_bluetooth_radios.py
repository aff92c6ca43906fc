"""The same battery, read by the same code, over BlueZ and over the virtual radio; and by another library's parser."""
import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgeos.bluetooth.radios import SIMULATED, LateStack
from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.bluetooth_config import library_profiles
from edgeos.demo.battery import ADDRESS, JbdBattery
from edgeos.demo.battery_part import BatteryPart
from tests.connections.bluetooth_links import BluetoothLinks, alive, code, fresh, lost, values
from tests.demo.test_radio import needs_bumble
from tests.devices.bluez.fixtures import bluez as bluez
from tests.devices.bluez.fixtures import bus as bus
from tests.helpers import eventually

STEADY = ('full_capacity', 'cycles', 'production_date', 'software_version', 'hardware_version', 'charge_mosfet',
          'discharge_mosfet')  # fmt: skip
THE_SAME = {'voltage': 0.05, 'current': 0.5, 'state_of_charge': 1.5, 'remaining_capacity': 1.0, 'cycles': 0,
            'temperature_1': 0.3, 'cell_1': 0.02, 'cell_8': 0.02, 'cell_spread': 0.01}  # fmt: skip

needs_new_python = pytest.mark.skipif(sys.version_info < (3, 12), reason='platform: aiobmsble needs Python 3.12')


@pytest.fixture
async def links(tmp_path: Path) -> AsyncIterator[BluetoothLinks]:
    made = BluetoothLinks(tmp_path)
    yield made
    await made.stop()


@pytest.fixture
async def part() -> AsyncIterator[BatteryPart]:
    needs_bumble()
    made = BatteryPart(asyncio.Lock())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def virtual(links: BluetoothLinks, part: BatteryPart) -> BluetoothLinks:
    assert part.radio is not None
    backends = part.radio.backends
    links.radios.register(SIMULATED, lambda: LateStack(SIMULATED, backends))
    return links


async def switch(part: BatteryPart, name: str, on: bool) -> None:
    await next(each for each in part.switches if each.id == f'demo_battery_{name}').set(on)


async def test_both_radios_give_the_same_battery(virtual, bluez):
    bluez.add(JbdBattery())
    over_bluez = await virtual.open(ADDRESS, 'bluez')
    over_bumble = await virtual.open(ADDRESS, 'bumble', adapter=SIMULATED)
    first, second = over_bluez.source.points, over_bumble.source.points
    assert first.keys() == second.keys()
    assert {name: point.unit for name, point in first.items()} == {name: point.unit for name, point in second.items()}
    for name in STEADY:
        assert first[name].value == second[name].value
    assert over_bluez.detail == over_bumble.detail == 'JBD BMS'


@pytest.mark.parametrize('fault', ['far', 'silent', 'adapter_off'])
async def test_each_fault_of_the_demo_is_noticed_and_over_when_it_ends(virtual, part, fault):
    connection = await virtual.open(ADDRESS, adapter=SIMULATED)
    await switch(part, fault, True)
    await eventually(lambda: lost(connection), timeout=8)
    await switch(part, fault, False)
    await eventually(lambda: alive(connection), timeout=18)
    await fresh(connection)


async def test_a_link_that_is_dropped_again_and_again_never_shows_half_an_answer(virtual, part):
    connection = await virtual.open(ADDRESS, adapter=SIMULATED)
    seen: set[float] = set()
    virtual.services.gateway.subscribe('ble/cell_1', lambda point: seen.add(point.value))
    await switch(part, 'drop', True)
    await eventually(lambda: code(connection) in ('connection_lost', 'timeout'), timeout=10)
    await switch(part, 'drop', False)
    await eventually(lambda: alive(connection), timeout=18)
    await fresh(connection)
    assert all(2.4 < volts < 3.8 for volts in seen)


async def test_writing_over_the_virtual_radio_switches_the_battery(virtual):
    connection = await virtual.open(ADDRESS, adapter=SIMULATED, allow_writes=True)
    await connection.write('discharge_mosfet', False)
    assert values(connection)['discharge_mosfet'] is False
    await connection.write('discharge_mosfet', True)
    assert values(connection)['discharge_mosfet'] is True


async def test_a_radio_that_was_not_brought_is_a_trouble_that_is_said(links):
    connection = links.start(ADDRESS, adapter=SIMULATED)
    await eventually(lambda: code(connection) == 'adapter_missing')
    assert 'simulated devices are not running' in connection.last_error.message


# the library of battery families


@needs_new_python
def test_the_families_of_the_library_are_profiles():
    assert {'daly_bms', 'jikong_bms', 'seplos_bms'} <= library_profiles()
    assert 'jbd_bms' not in library_profiles(), 'ours writes, too'


@needs_new_python
@pytest.mark.parametrize('radio', ['', SIMULATED])
async def test_the_library_reads_the_same_battery_over_our_link(virtual, bluez, monkeypatch, radio):
    bluez.add(JbdBattery())
    ours = await virtual.open(ADDRESS, 'ours', adapter=radio)
    expected = values(ours)
    await ours.stop()
    theirs = await open_with_the_library(virtual, monkeypatch, radio)
    found = values(theirs)
    for name, tolerance in THE_SAME.items():
        assert found[name] == pytest.approx(expected[name], abs=tolerance), name
        assert theirs.source.points[name].unit == ours.source.points[name].unit
    assert (found['charge_mosfet'], found['discharge_mosfet'], found['problem']) == (True, True, False)
    sent = theirs.traffic.packets_sent
    await fresh(theirs)
    assert theirs.traffic.packets_sent > sent, 'counted on our link'


@needs_new_python
async def test_the_library_loses_and_regains_the_battery(virtual, bluez, monkeypatch):
    peripheral = bluez.add(JbdBattery())
    theirs = await open_with_the_library(virtual, monkeypatch, '')
    peripheral.lose_link()
    await eventually(lambda: lost(theirs))
    await eventually(lambda: alive(theirs), timeout=10)
    peripheral.device.silent = True
    await eventually(lambda: lost(theirs), timeout=8)
    peripheral.device.silent = False
    await eventually(lambda: alive(theirs), timeout=15)


async def open_with_the_library(links: BluetoothLinks, monkeypatch: pytest.MonkeyPatch, radio: str) -> BluetoothConnection:
    """With the library's family for the same battery, which the settings leave to our own profile."""
    from edgeos.connections import bluetooth_link

    monkeypatch.setattr(bluetooth_link, 'library_profiles', lambda: {'jbd_bms'})
    return await links.open(ADDRESS, 'theirs', profile='jbd_bms', adapter=radio)
