"""Events and diagnostics over the HTTP API of a real system; what leaves it arrives at a real Sentry server."""
import io
import json
import logging
import time
import tomllib
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edgeos.connections.mqtt import MqttConnection
from edgeos.gateway import Gateway
from edgeos.reporting import log_error, log_event
from edgeos.reporting.dsn import BadDsn
from edgeos.settings import SettingsError
from tests.broker import Broker
from tests.helpers import eventually, free_port, patient
from tests.reporting.ingest import Ingest
from tests.web.test_api import ISO, House


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ingest]:
    with Ingest() as running:
        monkeypatch.setenv('SENTRY_DSN', running.dsn)
        yield running


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.chdir(tmp_path)
    running = await House(tmp_path).start()
    yield running
    await running.stop()


def fail(text='oops'):
    try:
        raise ValueError(text)
    except ValueError as error:
        log_error(error, operation='a test')


def reports(ingest):
    """Without the samples of requests."""
    return [event for event in ingest.events if 'exception' in event]


async def events(house, query='', wanted=1):
    async def there():
        found = await house.get(f'/api/events{query}')
        return found if len(found) >= wanted else None

    return await eventually(there)


async def test_a_device_that_is_off_is_one_event_and_is_not_sent(house: House, ingest: Ingest) -> None:
    await house.restart()
    port = free_port()
    made = await house.add(port, id='cellar')
    await eventually(lambda: house.system.connections.get('cellar').attempt >= 2)
    (event,) = await events(house, '?source=cellar')
    assert event['level'] == 'warning' and event['count'] == 1
    assert event['message'] == f'127.0.0.1:{port} refused the connection.'
    assert event['context']['code'] == 'refused' and event['context']['type'] == 'mqtt'
    assert ISO.fullmatch(event['first']) and ISO.fullmatch(event['last'])
    fail()  # and it went before that
    await eventually(lambda: reports(ingest))
    assert [found['exception']['values'][0]['type'] for found in reports(ingest)] == ['ValueError']
    crumbs = reports(ingest)[0]['breadcrumbs']['values']
    assert [crumb['category'] for crumb in crumbs] == [made['id']]


async def test_trying_settings_out_leaves_no_event(house: House) -> None:
    body = {'type': 'mqtt', 'config': {'host': '127.0.0.1', 'port': free_port()}}
    assert not (await house.http.post('/api/connections/test', json=body)).json()['ok']
    log_event('info', 'marker', 'after it')
    assert [event['source'] for event in await events(house)] == ['marker']


async def test_events_are_filtered_by_level_and_source_and_limited(house: House) -> None:
    for number in range(5):
        log_event('info', 'kitchen', f'kettle {"on" * number}')
    log_event('warning', 'cellar', 'damp')
    fail()
    assert [e['level'] for e in await events(house, wanted=7)][:2] == ['error', 'warning']
    assert [e['message'] for e in await events(house, '?level=warning')] == ['damp']
    assert len(await events(house, '?level=info&source=kitchen')) == 5
    assert len(await events(house, '?limit=2')) == 2
    assert await house.get('/api/events?source=nobody') == []


@pytest.mark.parametrize('query', ['level=loud', 'limit=0', 'limit=99999', 'limit=x'])
async def test_bad_filters_are_refused_and_named(house: House, query: str) -> None:
    answer = await house.http.get(f'/api/events?{query}')
    assert answer.status_code == 422 and query.partition('=')[0] in answer.text


async def test_equal_errors_are_one_event_with_a_count_and_a_traceback(house: House) -> None:
    for _ in range(3):
        fail()

    async def counted():
        (found,) = await events(house, '?level=error')
        return found if found['count'] == 3 else None

    event = await eventually(counted)
    assert event['message'] == 'ValueError: oops' and event['context'] == {'operation': 'a test'}
    full = await house.get(f'/api/events/{event["id"]}')
    assert 'raise ValueError(text)' in full['traceback'] and full['count'] == 3
    assert (await house.http.get('/api/events/1')).status_code == 404


async def test_what_was_acknowledged_needs_attention_only_when_it_happens_again(house: House) -> None:
    fail()
    (event,) = await events(house)
    assert house.system.reporter.store.unseen == 1
    answer = await house.http.post('/api/events/acknowledge', json={'ids': [event['id']]})
    assert answer.status_code == 204 and house.system.reporter.store.unseen == 0
    fail()
    await eventually(lambda: house.system.reporter.store.unseen == 1)
    assert (await house.http.post('/api/events/acknowledge')).status_code == 204
    assert house.system.reporter.store.unseen == 0
    assert (await house.http.post('/api/events/acknowledge', json={'ids': 'all'})).status_code == 422


async def test_events_are_there_after_a_restart(house: House) -> None:
    fail()
    (before,) = await events(house)
    await house.restart()
    (after,) = await events(house, f'?level={before["level"]}')
    assert (after['id'], after['message'], after['first']) == (before['id'], before['message'], before['first'])


async def test_a_drivers_mistake_arrives_with_its_tags(house: House, ingest: Ingest, monkeypatch: pytest.MonkeyPatch,
                                                       tmp_path: Path) -> None:  # fmt: skip
    async def break_down(self: MqttConnection) -> None:
        raise RuntimeError('a driver has a mistake')

    monkeypatch.setattr(MqttConnection, '_serve', break_down)
    await house.restart()
    broker = Broker(tmp_path).start()
    try:
        await house.add(broker.port, id='attic')
        await eventually(lambda: reports(ingest))
    finally:
        broker.stop()
    event = reports(ingest)[0]
    assert event['tags']['connection_id'] == 'attic' and event['tags']['type'] == 'mqtt'
    assert event['tags']['operation'] == 'connection loop'
    assert event['contexts']['additional']['connection_id'] == 'attic'
    assert event['release'].startswith('smarthome-edge-os@') and event['environment'] == 'production'
    assert (await events(house, '?level=error'))[0]['source'] == 'attic'


async def test_a_mistake_in_a_call_is_a_500_that_says_nothing_and_one_event(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError('a route has a mistake')

    await house.add(free_port(), id='cellar')
    monkeypatch.setattr(Gateway, 'find', break_down)
    answer = await house.http.get('/api/points/cellar/door')
    assert answer.status_code == 500 and 'mistake' not in answer.text
    (event,) = await events(house, '?level=error')
    assert event['count'] == 1 and event['source'] == 'cellar'
    assert event['context'] == {'operation': 'GET /api/points/{point_id:path}', 'connection_id': 'cellar', 'type': 'mqtt'}


async def test_a_subscribers_mistake_is_reported_and_others_hear_the_value(house: House, tmp_path: Path) -> None:
    heard = []

    def break_down(point: object) -> None:
        raise RuntimeError('a subscriber has a mistake')

    gateway = house.system.gateway
    gateway.subscribe('a/*', break_down)
    gateway.subscribe('a/*', lambda point: heard.append(point.value))
    source = gateway.add_source('a', None)
    gateway.publish(gateway.point(source, 'b'), 1.5, time.time())
    (event,) = await events(house, '?level=error')
    assert heard == [1.5] and event['source'] == 'a' and event['context']['point'] == 'a/b'


async def test_a_slow_answer_can_be_seen_at_sentry_by_its_route_only(house: House, ingest: Ingest) -> None:
    await house.restart()
    await eventually(lambda: house.system.reporter.sending.on)
    for path in ('/api/health', '/api/nothing-there', '/api/connections/nobody-special'):
        await house.http.get(path)
    await eventually(lambda: ingest.accepted)
    assert [each.event['transaction'] for each in ingest.accepted] == ['GET /api/connections/{connection_id}']
    assert b'nobody-special' not in ingest.accepted[0].raw


async def test_the_switch_and_the_dsn_apply_at_once_and_are_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    system, reporter = house.system, house.system.reporter
    monkeypatch.delenv('SENTRY_DSN', raising=False)
    with Ingest() as ingest:
        await system.set_dsn(ingest.dsn)
        await eventually(lambda: reporter.sending.on)
        assert reporter.server == 'localhost, project 42' and reporter.dsn_from == 'settings'
        fail()
        await eventually(lambda: reports(ingest))
        await system.set_sending(False)
        assert reporter.sending.why == 'switched_off'
        await house.restart()
        assert house.system.reporter.sending.why == 'switched_off'
        await house.system.set_sending(True)
        await house.system.set_dsn('')
        await eventually(lambda: house.system.reporter.sending.why == 'no_dsn')
        with pytest.raises(BadDsn):
            await house.system.set_dsn('https://not-a-dsn')
    assert 'enabled = true' in house.path.read_text() and ingest.dsn not in house.path.read_text()


async def test_a_dsn_that_was_entered_is_kept_with_the_secrets_and_replaces_one_in_the_file(house: House) -> None:
    await house.stop()
    house.path.write_text('[sentry]\ndsn = "http://old@127.0.0.1:9/1"\n')
    await house.start()
    assert house.system.reporter.server == '127.0.0.1, project 1'
    await house.system.set_dsn('http://secretkey@127.0.0.1:9/2')
    assert 'secretkey' not in house.path.read_text() and 'old' not in house.path.read_text()
    await house.restart()
    assert house.system.reporter.server == '127.0.0.1, project 2' and house.system.reporter.dsn_from == 'settings'
    await house.system.set_dsn('')
    assert house.system.reporter.sending.why == 'no_dsn' and 'secretkey' not in (house.folder / 'data' / 'secrets.toml').read_text()


# diagnostics


async def diagnostics(house):
    began = time.monotonic()
    answer = await house.http.get('/api/diagnostics')
    assert answer.status_code == 200 and answer.headers['content-type'] == 'application/zip'
    assert time.monotonic() - began < patient(4), 'within 2 s, and what a busy machine takes beside it'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


async def test_diagnostics_say_what_helps(house: House) -> None:
    port = free_port()
    await house.add(port, id='cellar')
    fail('something unheard of')
    await events(house, wanted=2)
    files = await diagnostics(house)
    about = json.loads(files['about.json'])
    assert about['version'] and about['python'] and any(each.startswith('nicegui==') for each in about['packages']) and about['reporting']['sending']
    (state,) = json.loads(files['connections.json'])
    assert state['last_error']['code'] == 'refused' and state['statistics']['totals']['errors'] >= 1
    assert state['config']['port'] == port and state['steps'][0]['state'] == 'failed'
    assert {'ValueError: something unheard of'} <= {e['message'] for e in json.loads(files['events.json'])}
    assert 'in fail' in files['events.json'] and 'refused the connection' in files['connections.log']
    assert 'id = "cellar"' in files['settings.toml'] and 'connection cellar' in files['tasks.txt']
    assert json.loads(files['processes.json'])[0]['memory_mb'] > 10
    assert 'hand them on' in files['README.txt']


async def test_diagnostics_give_nothing_private_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    private = {'host': 'keller-sps.example.org', 'user': 'herr.mueller', 'password': 'w4rmes-Wasser!7',
               'address': '192.168.77.31', 'mac': 'A4:C1:38:77:66:55', 'token': 'ab12cd34ef56ab12cd34ef56'}  # fmt: skip
    config = {'host': private['host'], 'port': 1, 'username': private['user'], 'password': private['password']}
    answer = await house.http.post('/api/connections', json={'type': 'mqtt', 'id': 'cellar', 'config': config})
    assert answer.status_code == 201
    house.path.write_text(house.path.read_text() + f'\n# the old one was {private["address"]}, password={private["password"]}\n')
    journal = house.system.connections.get('cellar').journal
    journal.info(f'from {private["mac"]} to {private["host"]}: {private["password"]}')
    fail(f'http://{private["user"]}:{private["password"]}@{private["address"]}/x?key=1 Bearer {private["token"]}')
    await events(house, '?level=error')
    logs = house.folder / 'data' / 'logs'
    logs.mkdir(exist_ok=True)
    (logs / 'edgeos.log').write_text('\n'.join(f'2026-01-01 {value}' for value in private.values() if value != private['token']))
    files = await diagnostics(house)
    found = [(kind, name) for kind, value in private.items() for name, text in files.items()
             if value.casefold() in text.casefold()]  # fmt: skip
    assert found == []
    assert '[mac]' in files['connections.log'] and '[address]' in files['app.log']


async def test_diagnostics_are_made_also_when_files_cannot_be_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.path.unlink()
    house.path.mkdir()
    files = await diagnostics(house)
    assert 'cannot be read' in files['settings.toml'] and 'cannot be read' in files['app.log']
    assert json.loads(files['about.json'])['version']


async def test_a_switch_that_cannot_be_kept_says_so_and_changes_nothing(house: House) -> None:
    house.path.write_text('this is = no [toml')
    with pytest.raises(SettingsError):
        await house.system.set_sending(False)
    assert house.system.reporter.sending.why == 'no_dsn'


async def test_settings_that_cannot_be_written_are_an_error_with_what_was_tried(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('edgeos.settings.write_atomically', full)
    answer = await house.http.post('/api/connections', json={'type': 'mqtt', 'config': {'host': '127.0.0.1'}})
    assert answer.status_code == 409 and 'No space left' in answer.text
    (event,) = await events(house, '?level=error')
    assert event['context']['operation'] == 'add a connection' and 'No space left' in event['message']


async def test_settings_that_were_damaged_by_hand_are_an_event(house: House) -> None:
    house.path.write_text('this is = no [toml')
    answer = await house.http.post('/api/connections', json={'type': 'mqtt', 'config': {'host': '127.0.0.1'}})
    assert answer.status_code == 409
    (event,) = await events(house, '?source=settings')
    assert event['level'] == 'warning' and 'settings.toml' in event['message']


async def test_a_name_that_was_corrected_or_only_tried_stays_hidden(house: House, ingest: Ingest) -> None:
    await house.restart()
    wrong, tried = 'typo-keller.example.invalid', 'probe-keller.example.invalid'
    body = {'type': 'mqtt', 'id': 'cellar', 'config': {'host': wrong}}
    assert (await house.http.post('/api/connections', json=body)).status_code == 201
    await events(house, '?source=cellar')
    await house.http.post('/api/connections/test', json={'type': 'mqtt', 'config': {'host': tried}})
    await house.http.patch('/api/connections/cellar', json={'config': {'host': '127.0.0.1', 'port': free_port()}})
    logging.getLogger('edgeos').warning('nothing is known of %s', tried)
    fail(f'{tried} is not there')
    await eventually(lambda: reports(ingest))
    assert reports(ingest)[0]['breadcrumbs']['values'], 'the wrong name was told there'
    for each in ingest.accepted:
        assert b'keller.example' not in each.raw
    assert [name for name, text in (await diagnostics(house)).items() if 'keller.example' in text] == []


async def test_diagnostics_of_two_hundred_connections_come_in_time_and_are_short(house: House) -> None:
    text = ''.join(f'[[connections]]\nid = "c{n}"\ntype = "mqtt"\nenabled = false\n[connections.config]\nhost = "127.0.0.1"\n'
                   for n in range(200))  # fmt: skip
    await house.stop()
    house.path.write_text(text)
    await house.start()
    files = await diagnostics(house)
    states = json.loads(files['connections.json'])
    assert len(states) == 200 and 'statistics' in states[0] and 'statistics' not in states[199]
    assert len(files['connections.json']) < 300_000
    assert len(tomllib.loads(files['settings.toml'])['connections']) == 200
