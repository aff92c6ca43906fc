"""PLC connections over the HTTP API and in the whole program: real settings, a real worker, a simulated PLC."""
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from edgeos.demo.plc_house import make_house3
from edgeos.demo.plc_server import PlcServer
from edgeos.discovery import Discovery
from tests.connections.test_plc_faults import black_hole
from tests.helpers import eventually, eventually_sync, free_port, patient
from tests.plc import Plc
from tests.web.test_api import ISO, House

MAIN = Path(__file__).parents[2] / 'main.py'
SYMBOLS = ['Service.*', 'Boiler.pStatus', 'Kitchen.*']
OWN_ADDRESS = '127.0.43.5'  # of this machine, that nobody else uses


@pytest.fixture(scope='module')
def plc() -> Iterator[Plc]:
    running = Plc().start()
    yield running
    running.stop()


@pytest.fixture
async def house(tmp_path):
    running = await House(tmp_path).start()
    yield running
    await running.stop()


async def add(house, plc, **config):
    body = {'type': 'plc', 'id': 'plc', 'name': 'Heizung',
            'config': {'host': plc.address, 'poll_ms': 50, 'symbols': SYMBOLS, **config}}  # fmt: skip
    answer = await house.http.post('/api/connections', json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers['location'] == '/api/connections/plc'
    return answer.json()


@pytest.fixture
async def connected(house, plc):
    await add(house, plc)
    await house.status('plc', 'connected')

    async def values_are_there():
        found = await house.get('/api/connections/plc/points')
        return found and all(point['quality'] == 'good' for point in found)

    await eventually(values_are_there)
    return house


async def put(house, point_id, value, status=200):
    answer = await house.http.put('/api/points/' + quote(point_id, safe=''), json={'value': value})
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_plc_is_made_shown_and_saved(connected, plc):
    found = await connected.get('/api/connections/plc')
    assert found.keys() >= {
        'id', 'type', 'name', 'enabled', 'address', 'config', 'status', 'health', 'retriable', 'last_error',
        'last_seen', 'connected_at', 'next_retry_in_s', 'attempt', 'thinned_since', 'rates', 'errors'}  # fmt: skip
    assert (found['type'], found['name'], found['health'], found['errors']) == ('plc', 'Heizung', 'good', 0)
    assert plc.address in found['address']
    assert found['config']['symbols'] == SYMBOLS
    assert (found['config']['ams_port'], found['config']['timeout_ms'], found['config']['encoding']) == (851, 2000, 'auto')
    text = connected.path.read_text()
    assert 'symbols = ["Service.*", "Boiler.pStatus", "Kitchen.*"]' in re.sub(r'\s+', ' ', text)
    stats = await connected.get('/api/connections/plc/stats?seconds=60')
    assert stats['totals']['packets_sent'] > 5
    assert stats['totals']['bytes_received'] > stats['totals']['packets_received'] * 38
    assert stats['round_trip_ms']['last'] > 0
    await connected.restart()
    await connected.status('plc', 'connected')

    async def is_back():
        return (await connected.http.get('/api/points/plc/Kitchen.fSetpoint')).status_code == 200

    await eventually(is_back)


VARIABLE = {'name': 'lamp', 'group': 0x4021, 'offset': 3, 'type': 'BOOL'}


@pytest.mark.parametrize(('config', 'place'), [
    ({'ams_net_id': '1.2.3.4'}, ['ams_net_id']), ({'ams_net_id': '1.2.3.4.5.256'}, ['ams_net_id']),
    ({'source_net_id': 'me'}, ['source_net_id']), ({'ams_port': 0}, ['ams_port']), ({'poll_ms': 5}, ['poll_ms']),
    ({'timeout_ms': 50}, ['timeout_ms']), ({'symbols': 'MAIN.*'}, ['symbols']), ({'symbols': ['']}, ['symbols', '0']),
    ({'encoding': 'latin-1'}, ['encoding']), ({'host': 'http://plc'}, ['host']), ({'host': ''}, ['host']),
    ({'colour': 'red'}, ['colour']), ({'variables': [{**VARIABLE, 'type': 'LAMP'}]}, ['variables', '0', 'type']),
    ({'variables': [VARIABLE, VARIABLE]}, ['variables']),
])  # fmt: skip
async def test_bad_settings_are_refused_by_name_and_not_saved(house, config, place):
    before = house.path.read_text()
    body = {'type': 'plc', 'config': {'host': '127.0.0.1', **config}}
    for path in ('/api/connections', '/api/connections/test'):
        answer = await house.http.post(path, json=body)
        assert answer.status_code == 422, answer.text
        assert [problem['loc'] for problem in answer.json()['detail']] == [['body', 'config', *place]]
        assert answer.json()['detail'][0]['msg']
    assert house.path.read_text() == before
    assert await house.get('/api/connections') == []


async def test_points_are_shown_with_type_unit_quality_and_time(connected):
    found = await connected.get('/api/points/' + quote('plc/Service.fReal', safe=''))
    assert found.keys() == {'id', 'name', 'value', 'unit', 'type', 'quality', 'time', 'writable'}
    assert found | {'time': ''} == {'id': 'plc/Service.fReal', 'name': 'Service.fReal', 'value': 21.3, 'unit': '°C',
                                    'type': 'REAL', 'quality': 'good', 'time': '', 'writable': True}  # fmt: skip
    assert ISO.fullmatch(found['time'])
    assert (await connected.get('/api/points/plc/SERVICE.FREAL'))['id'] == 'plc/Service.fReal'
    assert (await connected.http.get('/api/points/plc/Service.fNothing')).status_code == 404


@pytest.mark.parametrize(('name', 'value'), [
    ('Service.aCube[1,0,2]', -77), ('Service.aBool[-2]', False), ('Service.aNested[1][2]', 9), ('Service.sText', 'Grüße'),
    ('Service.aStatus[2].bReady', True), ('Service.eMode', 'Party'), ('Service.nUlint', 2**64 - 1),
    ('Service.fReal', 21.4), ('Service.todTime', '06:30:00'),
])  # fmt: skip
async def test_a_write_answers_what_the_plc_says_then(connected, name, value):
    written = await put(connected, f'plc/{name}', value)
    assert (written['id'], written['value'], written['quality']) == (f'plc/{name}', value, 'good')
    raw = await connected.http.get(f'/api/points/plc/{name}')  # not encoded
    assert (raw.status_code, raw.json()['value']) == (200, value)
    assert (await put(connected, f'plc/{name.upper()}', value))['id'] == f'plc/{name}'


@pytest.mark.parametrize(('name', 'value', 'status', 'words'), [
    ('Service.nInt', 32768, 422, '32768 does not fit INT: -32768 to 32767.'), ('Service.nInt', '5', 422, 'whole number'),
    ('Service.sText', 'x' * 90, 422, 'The text needs 90 bytes; STRING(80) holds 80.'), ('Service.bBool', 2, 422, 'true or'),
    ('Service.nLint', 2**70, 422, 'Service.nLint'), ('Service.sText', '\ud800', 422, 'Service.sText'),
    ('Service.sText', [['x']], 422, 'takes text'), ('Service.eMode', 'Fiesta', 422, 'Comfort'),
    ('Boiler.pStatus', 1, 403, 'read-only'), ('Boiler.rSetpoint', 1, 403, 'read-only'),
    ('Plant.sName', 'x', 403, 'read-only'), ('Service.nNothing', 1, 404, 'Service.nNothing'),
    ('Service.aCube', 1, 404, 'Service.aCube'), ('Service.aCube[2,0,1]', 1, 404, 'aCube[2,0,1]'),
])  # fmt: skip
async def test_what_cannot_be_written_is_refused_in_words(connected, name, value, status, words):
    answer = await connected.http.put('/api/points/' + quote(f'plc/{name}', safe=''), content=json.dumps({'value': value}),
                                      headers={'content-type': 'application/json'})  # fmt: skip
    assert answer.status_code == status, answer.text
    assert words in answer.json()['detail']
    assert (await connected.get('/api/connections/plc'))['errors'] == 0


async def test_writing_while_it_is_not_connected_is_a_conflict(connected):
    await connected.http.post('/api/connections/plc/disconnect')
    assert (await put(connected, 'plc/Service.nInt', 1, 409))['detail']
    points = await connected.get('/api/connections/plc/points')
    assert {point['quality'] for point in points} == {'stale'}


async def test_symbols_are_browsed_level_by_level(connected):
    top = await connected.get('/api/connections/plc/browse')
    assert all(entry.keys() == {'name', 'type', 'unit', 'comment', 'writable', 'children'} for entry in top)
    assert {'Boiler', 'Kitchen', 'MAIN', 'Service'} <= {entry['name'] for entry in top}
    boiler = {e['name']: e for e in await connected.get('/api/connections/plc/browse?prefix=Boiler')}
    assert boiler['Boiler.fSetpoint'] == {'name': 'Boiler.fSetpoint', 'type': 'T_Setpoint', 'unit': '°C', 'writable': True,
                                          'comment': 'boiler set-point [°C]', 'children': 0}  # fmt: skip
    assert (boiler['Boiler.fbPump']['type'], boiler['Boiler.fbPump']['children'] > 3) == ('FB_Pump', True)
    assert boiler['Boiler.pStatus']['writable'] is False
    for prefix in ('Service.aCube', 'service.acube'):
        names = [e['name'] for e in await connected.get(f'/api/connections/plc/browse?prefix={prefix}')]
        assert names[:2] == ['Service.aCube[0,0,1]', 'Service.aCube[0,0,2]']
    for prefix in ('Service.aStatus[1]', quote('Service.aStatus[1]', safe='')):
        assert len(await connected.get(f'/api/connections/plc/browse?prefix={prefix}')) == 5
    assert await connected.get('/api/connections/plc/browse?prefix=Nothing') == []


async def test_choosing_other_symbols_keeps_the_link_and_is_saved(connected):
    connected.path.write_text(connected.path.read_text().replace('symbols =', '# what I want to see\nsymbols ='))
    before = await connected.get('/api/connections/plc')
    changed = await connected.http.patch('/api/connections/plc', json={'config': {'symbols': ['Service.nInt', 'Bath.f*',
                                                                                             'Bath.nGone']}})  # fmt: skip
    assert changed.status_code == 200, changed.text

    async def chosen():
        found = {point['name']: point['quality'] for point in await connected.get('/api/connections/plc/points')}
        return found.keys() == {'Service.nInt', 'Bath.fTemperature', 'Bath.fSetpoint', 'Bath.fHumidity',
                                'Bath.fValve'} and set(found.values()) == {'good'}  # fmt: skip

    await eventually(chosen)
    after = await connected.get('/api/connections/plc')
    assert after['connected_at'] == before['connected_at']
    assert [notice.endswith(': Bath.nGone.') for notice in after['notices']] == [True]
    assert (await connected.http.get('/api/points/plc/Kitchen.fTemperature')).status_code == 404
    assert (await connected.get('/api/history?point=plc/Service.nInt&seconds=600'))['values']
    text = re.sub(r'\s+', ' ', connected.path.read_text())
    assert '"Bath.f*"' in text
    assert '# what I want to see' in text
    assert 'Kitchen' not in text


async def test_deleting_ends_the_process(connected):
    pid = connected.system.connections.get('plc').worker_pid
    assert psutil.pid_exists(pid)
    assert (await connected.http.delete('/api/connections/plc')).status_code == 204
    assert not psutil.pid_exists(pid)
    assert (await connected.http.get('/api/points/plc/Service.nInt')).status_code == 404
    assert 'plc' not in connected.path.read_text()


async def test_testing_a_plc_that_is_connected_disturbs_nothing(connected, plc):
    before = await connected.get('/api/connections/plc')
    pid = connected.system.connections.get('plc').worker_pid
    saved = connected.path.read_text()
    answer = await connected.http.post('/api/connections/test', json={
        'type': 'plc', 'config': {'host': plc.address, 'symbols': ['Plant.*']}})  # fmt: skip
    assert answer.status_code == 200
    body = answer.json()
    assert (body['ok'], 'error' in body, body['round_trip_ms'] > 0) == (True, False, True)
    assert {value['name']: value['value'] for value in body['values']}['Plant.nRooms'] == 6
    wrong = await connected.http.post('/api/connections/test', json={
        'type': 'plc', 'config': {'host': plc.address, 'ams_port': 801}})  # fmt: skip
    assert (wrong.json()['ok'], wrong.json()['error']['code']) == (False, 'wrong_ams_port')
    after = await connected.get('/api/connections/plc')
    assert [after[key] for key in ('status', 'health', 'connected_at', 'errors')] == ['connected', 'good',
                                                                                     before['connected_at'], 0]  # fmt: skip
    assert connected.system.connections.get('plc').worker_pid == pid
    assert connected.path.read_text() == saved


async def test_testing_what_does_not_answer_says_why_in_time(house):
    with black_hole() as hole:
        for port, code in ((free_port(), 'refused'), (hole, 'timeout')):
            began = time.monotonic()
            answer = await house.http.post('/api/connections/test', json={
                'type': 'plc', 'config': {'host': f'127.0.0.1:{port}'}})  # fmt: skip
            assert time.monotonic() - began < patient(10, below=14)
            assert answer.status_code == 200
            error = answer.json()['error']
            assert (answer.json()['ok'], error['code']) == (False, code)
            assert f'127.0.0.1:{port}' in error['message']
            assert error['hint']
            assert answer.json()['steps'][0] | {'ms': 0} == {'name': 'network', 'state': 'failed', 'ms': 0}


async def test_a_plc_is_found_added_as_found_and_then_known(house):
    server = PlcServer(make_house3(f'{OWN_ADDRESS}.1.1'), OWN_ADDRESS, 48898, udp=True)
    await server.start()
    try:
        house.system.discovery = Discovery([OWN_ADDRESS])

        async def found():
            return (await house.get('/api/discover?type=plc'))['found']

        entry = (await eventually(found))[0]
        assert entry.keys() == {'type', 'name', 'address', 'rssi', 'config', 'already_added'}
        assert (entry['type'], entry['name'], entry['already_added']) == ('plc', 'CX-HEIZUNG', False)
        assert entry['config'] == {'host': OWN_ADDRESS, 'ams_net_id': f'{OWN_ADDRESS}.1.1', 'ams_port': 851}
        made = await house.http.post('/api/connections', json={'type': 'plc', 'id': 'found', 'config': entry['config']})
        assert made.status_code == 201
        await house.status('found', 'connected')
        assert (await found())[0]['already_added'] is True
        await house.http.delete('/api/connections/found')
    finally:
        await server.stop()


# the whole program


@contextmanager
def program(folder: Path, *plcs: Plc) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """main.py with a connection to each; yields the process and its URL."""
    lines = [f'[[connections]]\nid = "plc{n}"\ntype = "plc"\n[connections.config]\nhost = "{plc.address}"\n'
             'symbols = ["**"]\npoll_ms = 100\n' for n, plc in enumerate(plcs)]  # fmt: skip
    (folder / 'settings.toml').write_text('\n'.join(lines))
    clean = {key: value for key, value in os.environ.items() if not key.startswith(('PYTEST', 'NICEGUI'))}
    process = subprocess.Popen([sys.executable, str(MAIN), '--headless', '--port', '0'], cwd=folder, text=True, env=clean,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[-1]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def statuses(url: str) -> dict[str, str]:
    with urllib.request.urlopen(f'{url}/api/connections', timeout=5) as answer:
        return {each['id']: each['status'] for each in json.load(answer)}


@pytest.mark.parametrize('moment', ['all are well', 'one is frozen', 'one is lost'])
def test_the_program_ends_in_time_and_leaves_no_child(tmp_path, moment):
    plcs = [Plc().start(), Plc(host='127.0.0.2').start()]
    try:
        with program(tmp_path, *plcs) as (process, url):
            eventually_sync(lambda: set(statuses(url).values()) == {'connected'}, timeout=10)
            if moment != 'all are well':
                plcs[1].freeze()
            if moment == 'one is lost':
                eventually_sync(lambda: statuses(url)['plc1'] == 'error', timeout=8)
            children = psutil.Process(process.pid).children(recursive=True)
            assert children
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _out, err = process.communicate(timeout=15)
            assert (process.returncode, 'Traceback' in err) == (0, False), err
            assert time.monotonic() - began < (5 if moment != 'all are well' else 3)
            assert [child for child in children if child.is_running() and child.status() != 'zombie'] == []
    finally:
        for plc in plcs:
            plc.stop()
