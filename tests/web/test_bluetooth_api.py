"""Bluetooth connections over the HTTP API: real settings, the real library, a fake BlueZ."""
import asyncio
from pathlib import Path
from urllib.parse import quote

import pytest

from edgeos.connections import bluetooth as driver
from edgeos.demo.battery import JbdBattery
from tests.devices.bluez.bus import Bus
from tests.devices.bluez.fixtures import bluez as bluez
from tests.devices.bluez.fixtures import bus as bus
from tests.devices.samples import BatteryServiceDevice, BTHomeSensor
from tests.helpers import eventually
from tests.web.test_api import ISO, House

BATTERY = 'A4:C1:38:00:00:01'
KEY = '231d39c1d7cc1ab1aee224cd096db932'


@pytest.fixture
async def house(tmp_path: Path, bus: Bus, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(driver, 'FIND_LIMIT', 3.0)
    running = await House(tmp_path).start()
    yield running
    await running.stop()


async def add(house, status=201, **config):
    body = {'type': 'bluetooth', 'id': 'bms', 'name': 'Akku', 'config': {'address': BATTERY, 'poll_s': 1, **config}}
    answer = await house.http.post('/api/connections', json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def put(house, point_id, value, status=200):
    answer = await house.http.put('/api/points/' + quote(point_id, safe=''), json={'value': value})
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_battery_is_made_shown_saved_and_read(house, bluez):
    bluez.add(JbdBattery(BATTERY))
    await add(house)
    found = await house.status('bms', 'connected')
    assert (found['type'], found['address'], found['errors']) == ('bluetooth', BATTERY, 0)
    assert ISO.fullmatch(found['last_seen'])
    points = {point['name']: point for point in await house.get('/api/connections/bms/points')}
    assert points['voltage']['unit'] == 'V' and points['voltage']['quality'] == 'good'
    assert points['state_of_charge']['id'] == 'bms/state_of_charge'
    assert 'address = "A4:C1:38:00:00:01"' in house.system.settings_file.path.read_text()


async def test_a_mosfet_is_switched_only_when_that_is_allowed(house, bluez):
    battery = JbdBattery(BATTERY)
    bluez.add(battery)
    await add(house)
    await house.status('bms', 'connected')
    await put(house, 'bms/discharge_mosfet', False, status=403)
    answer = await house.http.patch('/api/connections/bms', json={'config': {'allow_writes': True}})
    assert answer.status_code == 200
    assert (await put_when_allowed(house))['value'] is False
    assert battery.basic_info().mosfets == 1
    await put(house, 'bms/discharge_mosfet', 'on', status=422)
    await put(house, 'bms/nonsense', 1, status=404)


async def put_when_allowed(house):
    await eventually(lambda: house.system.connections.get('bms').source.points['discharge_mosfet'].writable)
    return await put(house, 'bms/discharge_mosfet', False)


async def test_the_tree_is_browsed(house, bluez):
    bluez.add(BatteryServiceDevice(BATTERY))
    await add(house)
    await house.status('bms', 'connected')
    services = {each['name']: each for each in await house.get('/api/connections/bms/browse')}
    assert services['180f']['comment'] == 'Battery' and services['180f']['children'] == 1
    assert [each['name'] for each in await house.get('/api/connections/bms/browse?prefix=180f')] == ['180f/2a19']


async def test_what_is_near_is_discovered_with_what_it_seems_to_be(house, bluez):
    bluez.add(JbdBattery(BATTERY))
    sensor = BTHomeSensor()
    bluez.add(sensor)

    async def found():
        answer = await house.get('/api/discover?type=bluetooth')
        return len(answer['found']) == 2 and answer

    answer = await eventually(found)
    assert answer['scanning'] is True
    by_address = {each['address']: each for each in answer['found']}
    assert by_address[BATTERY]['rssi'] == -61 and by_address[BATTERY]['already_added'] is False
    assert by_address[sensor.address]['config'] == {'address': sensor.address, 'profile': 'bthome', 'poll_s': 60}
    await add(house, **by_address[BATTERY]['config'])

    async def is_marked():
        answer = await house.get('/api/discover?type=bluetooth')
        return any(each['already_added'] for each in answer['found'] if each['address'] == BATTERY)

    await eventually(is_marked)


async def test_a_test_proves_itself_and_lets_the_device_go(house, bluez):
    peripheral = bluez.add(JbdBattery(BATTERY))
    body = {'type': 'bluetooth', 'config': {'address': BATTERY}}
    answer = (await house.http.post('/api/connections/test', json=body, timeout=35)).json()
    assert answer['ok'] is True and answer['round_trip_ms'] > 0
    assert [step['state'] for step in answer['steps']] == ['passed'] * 4 and answer['values']
    await eventually(lambda: peripheral.link is None)
    assert await house.get('/api/connections') == []


async def test_a_test_of_what_is_connected_has_the_link_step_aside(house, bluez):
    bluez.add(JbdBattery(BATTERY))
    await add(house)
    await house.status('bms', 'connected')
    body = {'id': 'bms', 'type': 'bluetooth', 'config': {'address': BATTERY, 'profile': 'jbd_bms'}}
    answer = (await house.http.post('/api/connections/test', json=body, timeout=35)).json()
    assert answer['ok'] is True
    await house.status('bms', 'connected')


async def test_a_test_without_a_device_says_what_failed(house, bluez):
    body = {'type': 'bluetooth', 'config': {'address': BATTERY}}
    answer = (await house.http.post('/api/connections/test', json=body, timeout=35)).json()
    assert answer['ok'] is False and answer['error']['code'] == 'device_not_found'
    assert answer['steps'][0]['state'] == 'failed'


async def test_a_test_without_bluetooth_says_what_to_do(house, bus):
    bus.kill()
    body = {'type': 'bluetooth', 'config': {'address': BATTERY}}
    answer = (await house.http.post('/api/connections/test', json=body, timeout=35)).json()
    assert answer['ok'] is False and answer['error']['code'] == 'adapter_missing'
    assert 'systemctl start bluetooth' in answer['error']['hint']


async def test_a_pause_lets_the_device_go_and_connect_ends_it(house, bluez):
    peripheral = bluez.add(JbdBattery(BATTERY))
    await add(house)
    await house.status('bms', 'connected')
    answer = await house.http.post('/api/connections/bms/pause', json={'seconds': 600})
    assert answer.status_code == 202
    paused = answer.json()
    assert (paused['status'], paused['health'], paused['enabled']) == ('disconnected', 'unknown', True)
    assert 598 < paused['next_retry_in_s'] <= 600
    assert peripheral.link is None
    assert (await house.http.post('/api/connections/bms/pause', json={'seconds': 0})).status_code == 422
    assert (await house.http.post('/api/connections/nobody/pause')).status_code == 404
    assert (await house.http.post('/api/connections/bms/connect')).status_code == 202
    await house.status('bms', 'connected')


async def test_a_key_is_kept_apart_and_never_shown(house, bluez):
    added = await add(house, profile='bthome', key=KEY)
    assert added['config']['key'] == '********'
    assert KEY not in house.system.settings_file.path.read_text()
    kept = await house.http.patch('/api/connections/bms', json={'config': {'key': '********', 'poll_s': 60}})
    assert kept.json()['config']['key'] == '********'
    assert house.system.secrets.get('bms', 'key') == KEY


@pytest.mark.parametrize(('config', 'where'), [
    ({'address': 'nowhere'}, 'address'), ({'profile': 'nonsense'}, 'profile'), ({'key': 'short'}, 'key'),
    ({'poll_s': 0}, 'poll_s'), ({'characteristics': [{'uuid': 'x', 'name': 'a'}]}, 'characteristics'),
    ({'host': 'a'}, 'host')])  # fmt: skip
async def test_what_cannot_be_meant_is_refused_with_the_field(house, config, where):
    detail = (await add(house, status=422, **config))['detail']
    assert any(where in item['loc'] for item in detail)


async def test_a_pause_outlasts_other_changes_and_ends_with_the_connection(house, bluez):
    peripheral = bluez.add(JbdBattery(BATTERY))
    await add(house)
    await house.status('bms', 'connected')
    await house.http.post('/api/connections/bms/pause', json={'seconds': 600})
    changed = (await house.http.patch('/api/connections/bms', json={'config': {'poll_s': 2}})).json()
    assert changed['status'] == 'disconnected' and changed['next_retry_in_s'] > 590
    assert (await house.http.delete('/api/connections/bms')).status_code == 204
    await asyncio.sleep(0.3)
    assert peripheral.link is None


@pytest.mark.parametrize('end', ['delete', 'disconnect'])
async def test_what_was_ended_while_it_was_tested_stays_ended(house, bluez, end):
    peripheral = bluez.add(JbdBattery(BATTERY))
    await add(house)
    await house.status('bms', 'connected')
    known = house.system.connections.get('bms')
    peripheral.connect_delay = 1.0
    body = {'id': 'bms', 'type': 'bluetooth', 'config': {'address': BATTERY}}
    testing = asyncio.create_task(house.http.post('/api/connections/test', json=body, timeout=35))
    await eventually(lambda: known.is_paused)
    call = house.http.delete('/api/connections/bms') if end == 'delete' else house.http.post('/api/connections/bms/disconnect')
    assert (await call).status_code in (202, 204)
    assert (await testing).json()['ok'] is True
    await eventually(lambda: peripheral.link is None)
    await asyncio.sleep(0.3)
    assert known.status.value == 'disconnected' and not known.is_paused and peripheral.link is None


async def test_a_pause_outlasts_a_restart_until_it_is_ended(house, bluez):
    peripheral = bluez.add(JbdBattery(BATTERY))
    await add(house)
    await house.status('bms', 'connected')
    await house.http.post('/api/connections/bms/pause', json={'seconds': 600})
    await house.restart()
    found = await house.get('/api/connections/bms')
    assert (found['status'], found['enabled']) == ('disconnected', True) and 500 < found['next_retry_in_s'] <= 600
    assert peripheral.link is None
    await house.http.post('/api/connections/bms/connect')
    await house.status('bms', 'connected')
    await house.restart()
    await house.status('bms', 'connected')


async def test_a_damaged_memory_of_pauses_costs_nothing_else(house, bluez):
    bluez.add(JbdBattery(BATTERY))
    await add(house)
    await house.status('bms', 'connected')
    (house.folder / 'data' / 'pauses.json').write_text('{"bms": "later"}')
    await house.restart()
    await house.status('bms', 'connected')
