"""The HTTP API over a real system: settings on disk, a real broker, requests through the whole app."""
import asyncio
import json
import logging
import re
import time
from functools import partial
from urllib.parse import quote

import httpx
import pytest

from edgeos.connections.kinds import config_models
from edgeos.connections.plc_udp import UDP_PORT
from edgeos.discovery import Discovery
from edgeos.settings import SettingsError, SettingsFile
from edgeos.system import System
from edgeos.web.app import make_app, make_doors
from pages import add_pages
from tests.broker import Broker
from tests.connections.fake_router import NET_ID, FakeRouter
from tests.helpers import eventually, free_port, patient
from tests.publisher import Publisher


@pytest.fixture
def broker(tmp_path):
    running = Broker(tmp_path).start()
    yield running
    running.stop()


class House:
    """A running system and a client for its API; `restart` is a stop and a start on the same files."""

    def __init__(self, folder, has_pages=False):
        self.folder = folder
        self.path = folder / 'settings.toml'
        self.has_pages = has_pages

    async def start(self):
        file = SettingsFile.load(self.path, config_models(), create=True)
        self.system = System(file, self.folder / 'data')
        await self.system.start()
        doors = make_doors(self.system)
        pages = partial(add_pages, system=self.system, doors=doors) if self.has_pages else None
        app = make_app(self.system, doors, '127.0.0.1', 8080, pages)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url='http://127.0.0.1:8080')
        return self

    async def stop(self):
        await self.http.aclose()
        await self.system.stop()

    async def restart(self):
        await self.stop()
        await self.start()

    async def add(self, broker_port, **more):
        config = {'host': '127.0.0.1', 'port': broker_port, **more.pop('config', {})}
        answer = await self.http.post('/api/connections', json={'type': 'mqtt', 'config': config, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def get(self, path):
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def status(self, connection_id, wanted):
        async def reached():
            found = await self.get(f'/api/connections/{connection_id}')
            return found if found['status'] == wanted else None

        return await eventually(reached)


@pytest.fixture(params=['headless', 'pages'])
async def house(tmp_path, request):
    """What holds for the API holds with and without pages; the other API files run without."""
    running = await House(tmp_path, request.param == 'pages').start()
    yield running
    await running.stop()


ISO = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z')


async def test_health_answers_without_anything(house):
    body = await house.get('/api/health')
    assert body['status'] == 'ok'
    assert body.keys() == {'status', 'version', 'uptime_s'}


async def test_a_connection_is_made_shown_and_saved(house, broker):
    made = await house.add(broker.port, id='home', name='Zuhause')
    assert made['id'] == 'home'
    found = await house.status('home', 'connected')
    assert found.keys() >= {
        'id', 'type', 'name', 'enabled', 'address', 'config', 'status', 'health', 'retriable', 'last_error',
        'last_seen', 'connected_at', 'next_retry_in_s', 'attempt', 'thinned_since', 'rates', 'errors'}  # fmt: skip
    assert (found['health'], found['last_error'], found['address']) == ('good', None, f'127.0.0.1:{broker.port}')
    assert ISO.fullmatch(found['connected_at'])
    assert ISO.fullmatch(found['last_seen'])
    assert found['rates'].keys() == {'packets_sent', 'packets_received', 'bytes_sent', 'bytes_received'}
    assert [c['id'] for c in await house.get('/api/connections')] == ['home']
    assert 'name = "Zuhause"' in house.path.read_text()
    await house.restart()
    assert (await house.status('home', 'connected'))['name'] == 'Zuhause'


async def test_create_answers_where_it_is_and_makes_an_id(house, broker):
    body = {'type': 'mqtt', 'name': 'Küche & Bad', 'config': {'host': '127.0.0.1', 'port': broker.port}}
    first = await house.http.post('/api/connections', json=body)
    second = await house.http.post('/api/connections', json=body)
    assert first.headers['location'] == f'/api/connections/{first.json()["id"]}'
    assert first.json()['id'] != second.json()['id']
    assert re.fullmatch(r'[a-z][a-z0-9_-]{0,62}', first.json()['id'])


async def test_an_id_in_use_is_a_conflict(house, broker):
    await house.add(broker.port, id='home')
    again = await house.http.post('/api/connections', json={'type': 'mqtt', 'id': 'home', 'config': {'host': 'x'}})
    assert again.status_code == 409
    assert 'home' in again.json()['detail']


@pytest.mark.parametrize(('body', 'loc'), [
    ({'type': 'mqtt', 'config': {}}, ['body', 'config', 'host']),
    ({'type': 'mqtt', 'config': {'host': 'h', 'port': 'x'}}, ['body', 'config', 'port']),
    ({'type': 'mqtt', 'config': {'host': 'h', 'port': 70000}}, ['body', 'config', 'port']),
    ({'type': 'mqtt', 'config': {'host': 'h', 'keepalive_s': 1}}, ['body', 'config', 'keepalive_s']),
    ({'type': 'mqtt', 'config': {'host': 'h', 'topics': ['a/#/b']}}, ['body', 'config', 'topics']),
    ({'type': 'mqtt', 'config': {'host': 'h', 'nonsense': 1}}, ['body', 'config', 'nonsense']),
    ({'type': 'fax', 'config': {}}, ['body', 'type']),
    ({'type': 'mqtt', 'config': {'host': 'h', 'qos': True}}, ['body', 'config', 'qos']),
    ({'type': 'mqtt', 'config': {'host': 'user:word@h'}}, ['body', 'config', 'host']),
    ({'type': 'mqtt', 'config': {'host': 'h\0'}}, ['body', 'config', 'host']),
    ({'type': 'mqtt', 'enabled': 'no', 'config': {'host': 'h'}}, ['body', 'enabled']),
    ({'type': 'mqtt', 'id': 'Not An Id', 'config': {'host': 'h'}}, ['body', 'id']),
    ({'config': {'host': 'h'}}, ['body', 'type']),
    ({'type': 'mqtt', 'config': {'host': 'h'}, 'colour': 'red'}, ['body', 'colour']),
])  # fmt: skip
async def test_bad_config_names_each_field_and_saves_nothing(house, body, loc):
    before = house.path.read_text()
    for path in ('/api/connections', '/api/connections/test'):
        answer = await house.http.post(path, json=body)
        assert answer.status_code == 422, answer.text
        assert loc in [problem['loc'] for problem in answer.json()['detail']]
    assert house.path.read_text() == before


async def test_changing_restarts_only_that_link_and_keeps_its_history(house, broker):
    await house.add(broker.port, id='one')
    await house.add(broker.port, id='two')
    await house.status('one', 'connected')
    untouched = (await house.status('two', 'connected'))['connected_at']
    with Publisher(broker.port) as publisher:
        publisher.send('t', '1')
        await eventually(lambda: house.system.connections.get('one').traffic.packets_received == 1)
    changed = await house.http.patch('/api/connections/one', json={'name': 'Neu', 'config': {'qos': 1}})
    assert changed.status_code == 200
    assert (changed.json()['name'], changed.json()['config']['qos']) == ('Neu', 1)
    assert changed.json()['config']['port'] == broker.port
    await house.status('one', 'connected')
    assert (await house.get('/api/connections/one/stats'))['totals']['packets_received'] == 1
    assert (await house.get('/api/connections/two'))['connected_at'] == untouched


async def test_a_bad_change_changes_nothing(house, broker):
    await house.add(broker.port, id='one')
    before = house.path.read_text()
    answer = await house.http.patch('/api/connections/one', json={'config': {'port': 'x'}})
    assert answer.status_code == 422
    assert answer.json()['detail'][0]['loc'] == ['body', 'config', 'port']
    assert house.path.read_text() == before
    assert (await house.get('/api/connections/one'))['config']['port'] == broker.port


async def test_deleting_leaves_nothing_behind(house, broker):
    await house.add(broker.port, id='gone', config={'username': 'u', 'password': 'secret-word'})
    await house.status('gone', 'connected')
    assert (await house.http.delete('/api/connections/gone')).status_code == 204
    assert (await house.http.get('/api/connections/gone')).status_code == 404
    assert 'gone' not in house.path.read_text()
    assert 'secret-word' not in (house.folder / 'data' / 'secrets.toml').read_text()
    assert await house.get('/api/connections') == []


async def test_connect_and_disconnect_are_idempotent_and_outlast_a_restart(house, broker):
    await house.add(broker.port, id='home')
    await house.status('home', 'connected')
    for _ in range(2):
        answer = await house.http.post('/api/connections/home/disconnect')
        assert answer.status_code == 202
        assert (answer.json()['status'], answer.json()['health']) == ('disconnected', 'unknown')
    await house.restart()
    assert (await house.get('/api/connections/home'))['status'] == 'disconnected'
    for _ in range(2):
        assert (await house.http.post('/api/connections/home/connect')).status_code == 202
    await house.status('home', 'connected')
    assert 'enabled = false' not in house.path.read_text()


async def test_trouble_is_told_with_code_message_hint_and_the_next_attempt(house):
    port = free_port()
    await house.add(port, id='dead')

    async def waiting():
        found = await house.get('/api/connections/dead')
        return found if found['status'] == 'error' and found['next_retry_in_s'] is not None else None

    found = await eventually(waiting)
    assert found['last_error'].keys() == {'code', 'message', 'hint', 'at'}
    assert found['last_error']['code'] == 'refused'
    assert f'127.0.0.1:{port}' in found['last_error']['message']
    assert found['last_error']['hint']
    assert 0 <= found['next_retry_in_s'] <= 1.2
    assert found['attempt'] >= 1
    assert (found['health'], found['retriable']) == ('bad', True)


async def test_testing_tells_how_it_went_and_saves_nothing(house, broker):
    with Publisher(broker.port) as publisher:
        publisher.send('t', '21', retain=True)
    before = house.path.read_text()
    good = await house.http.post('/api/connections/test', json={
        'type': 'mqtt', 'config': {'host': '127.0.0.1', 'port': broker.port}})  # fmt: skip
    assert good.status_code == 200
    assert good.json()['ok'] is True
    assert good.json()['round_trip_ms'] > 0
    assert [value['value'] for value in good.json()['values']] == [21]
    bad = await house.http.post('/api/connections/test', json={
        'type': 'mqtt', 'config': {'host': '127.0.0.1', 'port': free_port()}})  # fmt: skip
    assert bad.status_code == 200
    assert bad.json()['ok'] is False
    assert bad.json()['error']['code'] == 'refused'
    assert (bad.json()['steps'][0]['name'], bad.json()['steps'][0]['state']) == ('network', 'failed')
    assert bad.json()['steps'][0]['ms'] > 0
    assert house.path.read_text() == before
    assert await house.get('/api/connections') == []


async def test_secrets_are_masked_kept_by_the_mask_and_never_in_the_settings(house, broker):
    made = await house.add(broker.port, id='home', config={'username': 'anna', 'password': 'streng-geheim'})
    assert made['config']['password'] == '********'
    await house.http.patch('/api/connections/home', json={'config': {'password': '********', 'qos': 1}})
    assert house.system.secrets.get('home', 'password') == 'streng-geheim'
    assert 'streng-geheim' not in house.path.read_text()
    assert (house.folder / 'data' / 'secrets.toml').stat().st_mode & 0o777 == 0o600
    for path in ('/api/connections', '/api/connections/home', '/api/connections/home/stats'):
        assert 'streng-geheim' not in json.dumps(await house.get(path))
    await house.http.patch('/api/connections/home', json={'config': {'password': 'neu'}})
    assert house.system.secrets.get('home', 'password') == 'neu'
    cleared = await house.http.patch('/api/connections/home', json={'config': {'password': None}})
    assert 'password' not in cleared.json()['config']


async def test_a_password_may_come_from_the_environment(house, broker, monkeypatch):
    monkeypatch.delenv('EDGEOS_TEST_PASSWORD', raising=False)
    made = await house.add(broker.port, id='home', config={'username': 'anna', 'password': 'env:EDGEOS_TEST_PASSWORD'})
    assert made['config']['password'] == 'env:EDGEOS_TEST_PASSWORD'
    found = await house.status('home', 'error')
    assert found['last_error']['code'] == 'not_authorised'
    assert 'EDGEOS_TEST_PASSWORD' in found['last_error']['message']
    assert found['retriable'] is False
    monkeypatch.setenv('EDGEOS_TEST_PASSWORD', 'x')
    await house.http.post('/api/connections/home/connect')
    await house.status('home', 'connected')


async def test_points_are_listed_read_and_written_by_either_spelling_of_their_id(house, broker):
    await house.add(broker.port, id='home')
    await house.status('home', 'connected')
    with Publisher(broker.port) as publisher:
        publisher.send('house/kitchen', '{"a/b": 21.5, "50%": true}')
        publisher.send('/odd//topic/', 'x')
        points = house.system.connections.get('home').source.points
        await eventually(lambda: len(points) == 3)
    listed = {point['name']: point for point in await house.get('/api/connections/home/points')}
    assert listed.keys() == {'house/kitchen/a%2Fb', 'house/kitchen/50%25', '/odd//topic/'}
    assert listed['house/kitchen/a%2Fb'] == {
        'id': 'home/house/kitchen/a%2Fb', 'name': 'house/kitchen/a%2Fb', 'value': 21.5, 'unit': '', 'type': 'number',
        'quality': 'good', 'time': listed['house/kitchen/a%2Fb']['time'], 'writable': False}  # fmt: skip
    assert ISO.fullmatch(listed['house/kitchen/a%2Fb']['time'])
    assert (await house.get('/api/points/home%2Fhouse%2Fkitchen%2Fa%252Fb'))['value'] == 21.5
    assert (await house.get('/api/points/home/house/kitchen/50%2525'))['value'] is True
    assert (await house.get('/api/points/home%2F%2Fodd%2F%2Ftopic%2F'))['value'] == 'x'
    written = await house.http.put('/api/points/home/any/new/topic', json={'value': 3.5, 'qos': 1, 'retain': True})
    assert written.status_code == 200
    await eventually(lambda: 'any/new/topic' in points and points['any/new/topic'].value == 3.5)
    read_only = await house.http.put('/api/points/home%2Fhouse%2Fkitchen%2F50%2525', json={'value': False})
    assert read_only.status_code == 403


@pytest.mark.parametrize(('path', 'method', 'status'), [
    ('/api/connections/nobody', 'GET', 404), ('/api/connections/nobody', 'PATCH', 404),
    ('/api/connections/nobody', 'DELETE', 404), ('/api/connections/nobody/stats', 'GET', 404),
    ('/api/connections/nobody/points', 'GET', 404), ('/api/connections/nobody/browse', 'GET', 404),
    ('/api/connections/nobody/connect', 'POST', 404), ('/api/points/nobody%2Fx', 'GET', 404),
    ('/api/points/nobody%2Fx', 'PUT', 404), ('/api/history?point=nobody/x', 'GET', 404),
    ('/api/nothing', 'GET', 404), ('/api/connections/nobody/connect', 'GET', 405),
])  # fmt: skip
async def test_what_is_not_there_is_said_so(house, path, method, status):
    body = {'value': 1} if method == 'PUT' else {'name': 'x'} if method == 'PATCH' else None
    answer = await house.http.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()['detail']


async def test_writing_while_disconnected_is_a_conflict_and_odd_bodies_are_refused(house):
    await house.add(free_port(), id='dead', enabled=False)
    assert (await house.http.put('/api/points/dead%2Ft', json={'value': 1})).status_code == 409
    for body in ({}, {'value': 1, 'qos': 3}, {'value': 1, 'retain': 'perhaps'}, {'value': 1, 'more': 1},
                 {'value': 1, 'qos': True}, {'value': 1, 'retain': 'yes'}):
        assert (await house.http.put('/api/points/dead%2Ft', json=body)).status_code == 422


async def test_stats_have_totals_rates_round_trips_and_history(house, broker):
    await house.add(broker.port, id='home', config={'keepalive_s': 2})
    await house.status('home', 'connected')
    with Publisher(broker.port) as publisher:
        for n in range(20):
            publisher.send('t', str(n))
    connection = house.system.connections.get('home')
    await eventually(lambda: connection.traffic.packets_received == 20)
    await eventually(lambda: sum(sample.packets_received for sample in connection.traffic.history(60)) == 20)
    stats = await house.get('/api/connections/home/stats?seconds=60')
    assert stats.keys() >= {'id', 'status', 'health', 'connected_at', 'uptime_s', 'totals', 'rates', 'round_trip_ms',
                            'last_activity', 'history'}  # fmt: skip
    assert stats['totals'].keys() == {'packets_sent', 'packets_received', 'bytes_sent', 'bytes_received', 'errors',
                                      'reconnects'}  # fmt: skip
    assert stats['totals']['packets_received'] == 20
    assert stats['totals']['bytes_received'] == 20 + 10 + 2 * 10
    assert stats['rates'].keys() == {'1', '5', '30', '60'}
    assert stats['round_trip_ms'].keys() == {'last', 'p50', 'p99'}
    assert sum(sample['packets_received'] for sample in stats['history']) == 20
    assert stats['history'][0].keys() >= {'t', 'packets_sent', 'packets_received', 'bytes_sent', 'bytes_received',
                                          'errors'}  # fmt: skip
    week = await house.get('/api/connections/home/stats?seconds=604800')
    assert isinstance(week['history'], list)
    assert (await house.http.get('/api/connections/home/stats?seconds=0')).status_code == 422


async def test_the_last_hour_of_a_number_is_kept(house, broker):
    await house.add(broker.port, id='home')
    await house.status('home', 'connected')
    with Publisher(broker.port) as publisher:
        for n in range(3):
            publisher.send('t', str(n))
    await eventually(lambda: house.system.connections.get('home').traffic.packets_received == 3)
    found = await house.get('/api/history?point=home/t&seconds=600')
    assert [value['value'] for value in found['values']] == [0, 1, 2]


async def test_browsing_and_openapi(house, broker):
    await house.add(broker.port, id='home')
    await house.status('home', 'connected')
    with Publisher(broker.port) as publisher:
        publisher.send('house/kitchen/t', '1')
    await eventually(lambda: house.system.connections.get('home').source.points)
    top = await house.get('/api/connections/home/browse')
    assert top == [{'name': 'house', 'type': '', 'unit': '', 'comment': '', 'writable': False, 'children': 1}]
    leaf = (await house.get('/api/connections/home/browse?prefix=house/kitchen'))[0]
    assert (leaf['name'], leaf['type'], leaf['writable'], leaf['children']) == ('house/kitchen/t', 'number', True, 0)
    paths = (await house.get('/openapi.json'))['paths']
    assert {'/api/health', '/api/connections', '/api/connections/{connection_id}/stats', '/api/discover',
            '/api/points/{point_id}', '/api/connections/plc/route'} <= paths.keys()  # fmt: skip
    assert '{ok, error?: {code, message, hint}}' in paths['/api/connections/plc/route']['post']['description']


async def test_hand_written_comments_survive_what_the_api_changes(house, broker):
    house.path.write_text(f'# mine\n[app]\nport = 8080 # my port\n\n# my broker\n[[connections]]\nid = "a"  # first\n'
                          f'type = "mqtt"\n[connections.config]\nhost = "127.0.0.1" # here\nport = {broker.port}\n')
    await house.restart()
    await house.add(broker.port, id='b')
    await house.http.patch('/api/connections/a', json={'config': {'qos': 1}})
    await house.http.delete('/api/connections/b')
    text = house.path.read_text()
    for comment in ('# mine', '# my port', '# my broker', '# first', '# here'):
        assert comment in text
    assert 'qos = 1' in text
    assert '"b"' not in text


async def test_many_calls_side_by_side_leave_file_and_memory_in_step(house, broker):
    await asyncio.gather(*(house.add(broker.port, id=f'c{n}') for n in range(10)))
    await asyncio.gather(*(house.http.delete(f'/api/connections/c{n}') for n in range(0, 10, 2)))
    left = sorted(connection['id'] for connection in await house.get('/api/connections'))
    assert left == [f'c{n}' for n in range(1, 10, 2)]
    assert re.findall(r'id = "(c\d)"', house.path.read_text()) == left


async def test_a_password_typed_into_the_file_is_refused_and_never_logged(house, broker, caplog):
    await house.add(broker.port, id='home')
    text = house.path.read_text()
    start, _, end = text.rpartition('host =')
    house.path.write_text(f'{start}password = "hunter2"\nhost ={end}')
    answer = await house.http.post('/api/connections/home/disconnect')
    assert answer.status_code == 409
    assert 'password' in answer.json()['detail']
    assert 'hunter2' not in answer.text + caplog.text
    house.path.write_text(text)


async def test_a_secret_that_cannot_be_kept_leaves_no_half_a_connection(house, broker, monkeypatch):
    before = house.path.read_text()

    def full(owner, name, value):
        raise SettingsError('secrets.toml: expected room on the disk')

    monkeypatch.setattr(house.system.secrets, 'set', full)
    body = {'type': 'mqtt', 'id': 'home', 'config': {'host': '127.0.0.1', 'port': broker.port, 'password': 'x'}}
    assert (await house.http.post('/api/connections', json=body)).status_code == 409
    assert house.path.read_text() == before
    monkeypatch.undo()
    assert (await house.http.post('/api/connections', json=body)).status_code == 201


async def test_a_leaf_becomes_writable_when_a_topic_for_it_is_named(house, broker):
    await house.add(broker.port, id='home')
    await house.status('home', 'connected')
    points = house.system.connections.get('home').source.points
    with Publisher(broker.port) as publisher:
        publisher.send('lamp', '{"on": true}')
        await eventually(lambda: 'lamp/on' in points)
    assert (await house.get('/api/points/home/lamp/on'))['writable'] is False
    await house.http.patch('/api/connections/home', json={'config': {'write_topics': {'lamp/on': 'lamp/set'}}})
    assert (await house.get('/api/points/home/lamp/on'))['writable'] is True


async def test_testing_with_the_stored_password_needs_its_variable(house, broker, monkeypatch):
    monkeypatch.delenv('EDGEOS_TEST_PASSWORD', raising=False)
    await house.add(broker.port, id='home', config={'password': 'x'})
    house.system.secrets.set('home', 'password', 'env:EDGEOS_TEST_PASSWORD')
    answer = await house.http.post('/api/connections/test', json={
        'id': 'home', 'type': 'mqtt', 'config': {'host': '127.0.0.1', 'port': broker.port, 'password': '********'}})  # fmt: skip
    assert answer.status_code == 422
    assert answer.json()['detail'][0]['loc'] == ['body', 'config', 'password']


async def test_what_was_edited_by_hand_meanwhile_is_taken_over_not_reverted(house, broker):
    await house.add(broker.port, id='home')
    text = house.path.read_text()
    start, _, end = text.rpartition('host =')
    house.path.write_text(f'{start}keepalive_s = 33  # mine\nhost ={end}')
    changed = await house.http.patch('/api/connections/home', json={'name': 'Neu'})
    assert (changed.json()['name'], changed.json()['config']['keepalive_s']) == ('Neu', 33)
    await house.http.post('/api/connections/home/disconnect')
    assert 'keepalive_s = 33  # mine' in house.path.read_text()


async def test_an_entry_removed_by_hand_is_said_so_without_a_traceback(house, broker, caplog):
    await house.add(broker.port, id='home')
    house.path.write_text('schema_version = 1\n')
    answer = await house.http.patch('/api/connections/home', json={'name': 'Neu'})
    assert answer.status_code == 409
    assert 'home' in answer.json()['detail']
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize('topic', ['$SYS/x', '$share/g/x', 'tab\there', 'a\x85b', 'a\uffffb'])
async def test_topics_a_broker_would_hang_up_on_are_refused(house, broker, topic):
    await house.add(broker.port, id='home')
    await house.status('home', 'connected')
    answer = await house.http.put('/api/points/' + quote(f'home/{topic}', safe=''), json={'value': 1})
    assert answer.status_code == 422
    assert (await house.get('/api/connections/home'))['status'] == 'connected'


async def test_a_write_answers_what_the_device_reports_at_once(house, broker):
    await house.add(broker.port, id='home')
    await house.status('home', 'connected')
    answer = await house.http.put('/api/points/home/lamp', json={'value': True})
    assert (answer.json()['value'], answer.json()['quality']) == (True, 'good')


async def test_odd_questions_are_refused(house):
    assert (await house.http.get('/api/discover?type=fax')).status_code == 422
    assert (await house.http.head('/api/health')).status_code == 200


async def test_bodies_without_bounds_are_refused_before_they_are_read(house):
    async def endless():
        yield b'{"type": "mqtt"}'

    json_type = {'content-type': 'application/json'}
    assert (await house.http.post('/api/connections', content=endless(), headers=json_type)).status_code == 411
    large = await house.http.post('/api/connections', content=b'x', headers={**json_type, 'content-length': '9000000'})
    assert large.status_code == 413


PLC_HOST = '127.0.41.7'  # an address of this machine that nobody else uses


async def test_plcs_are_discovered_and_those_that_are_there_are_marked(house):
    async with FakeRouter() as router:
        house.system.discovery = Discovery(['127.0.0.1'], router.port)
        first = await house.get('/api/discover?type=plc')
        assert first == {'scanning': True, 'found': []}

        async def found():
            return (await house.get('/api/discover?type=plc'))['found']

        entry = (await eventually(found))[0]
        assert entry == {'type': 'plc', 'name': 'CX-12AB34', 'address': '127.0.0.1', 'rssi': None, 'already_added': False,
                         'config': {'host': '127.0.0.1', 'ams_net_id': NET_ID, 'ams_port': 851}}  # fmt: skip
        assert (await house.get('/api/discover?type=mqtt'))['found'] == []
        body = {'type': 'plc', 'enabled': False, 'config': {**entry['config'], 'host': '127.0.0.1:48898'}}
        made = await house.http.post('/api/connections', json=body)
        assert made.status_code == 201, made.text
        assert (await found())[0]['already_added'] is True


async def ask_for_route(house, **body):
    began = time.monotonic()
    answer = await house.http.post('/api/connections/plc/route',
                                   json={'host': PLC_HOST, 'username': 'Administrator', **body})  # fmt: skip
    assert time.monotonic() - began < patient(5, below=8)
    return answer


async def test_a_route_is_added_on_the_plc_and_its_password_is_nowhere(house, caplog):
    caplog.set_level(logging.DEBUG)
    async with FakeRouter(PLC_HOST, UDP_PORT) as router:
        assert (await ask_for_route(house, password='geheim')).json() == {'ok': True}
        more = {'source_net_id': '5.6.7.8.1.1', 'name': 'Küche'}
        assert (await ask_for_route(house, password='geheim', **more)).json() == {'ok': True}
        refused = await ask_for_route(house, password='hunter2')
    assert router.routes == [{'name': 'EdgeOS-127.0.0.1', 'net_id': '127.0.0.1.1.1', 'address': '127.0.0.1'},
                             {'name': 'Küche', 'net_id': '5.6.7.8.1.1', 'address': '127.0.0.1'}]  # fmt: skip
    assert (refused.status_code, refused.json()['ok']) == (200, False)
    assert refused.json()['error']['code'] == 'not_authorised'
    assert refused.json()['error']['hint']
    kept = caplog.text + ''.join(path.read_bytes().decode('latin-1') for path in house.folder.rglob('*') if path.is_file())
    for password in ('geheim', 'hunter2'):
        assert password not in kept + refused.text


async def test_a_plc_that_does_not_answer_is_told_in_time(house):
    async with FakeRouter(PLC_HOST, UDP_PORT) as router:
        router.answers = []
        silent = await ask_for_route(house, password='x')
    closed = await ask_for_route(house, password='x')
    unknown = await ask_for_route(house, password='x', host='no-such-name.invalid')
    assert [answer.json()['error']['code'] for answer in (silent, closed, unknown)] == [
        'timeout', 'refused', 'name_not_resolved']  # fmt: skip


@pytest.mark.parametrize(('wrong', 'field'), [
    ({'host': ''}, 'host'), ({'host': 'user@plc'}, 'host'), ({'host': 'plc:x'}, 'host'), ({'username': ''}, 'username'),
    ({'username': 'a\0'}, 'username'), ({'password': 'hunter2' * 50}, 'password'), ({'password': 'hunter2\0'}, 'password'),
    ({'password': None}, 'password'), ({'password': ['hunter2']}, 'password'), ({'name': 'n' * 256}, 'name'),
    ({'source_net_id': '1.2.3.4'}, 'source_net_id'), ({'colour': 'red'}, 'colour'),
])  # fmt: skip
async def test_a_route_that_cannot_be_asked_for_names_the_field_and_repeats_no_password(house, wrong, field):
    answer = await ask_for_route(house, **{'password': 'hunter2', **wrong})
    assert answer.status_code == 422
    assert [problem['loc'] for problem in answer.json()['detail']] == [['body', field]]
    assert 'hunter2' not in answer.text


async def test_unknown_paths_and_wrong_methods_are_answered_in_json(house):
    for method, path, status in (('GET', '/api/nothing', 404), ('GET', '/api/connections/a/nothing', 404),
                                 ('DELETE', '/api/health', 405), ('POST', '/api/points/a/b', 405)):  # fmt: skip
        answer = await house.http.request(method, path)
        assert answer.status_code == status, (method, path)
        assert path in answer.json()['detail']
    assert (await house.http.delete('/api/health')).headers['allow'] == 'GET, HEAD'
    answer = await house.http.get('/api/connections/?type=mqtt')
    assert answer.status_code == 307 and answer.headers['location'].endswith('/api/connections?type=mqtt')
