"""Plugins over the HTTP API of a real system: real packages, real environments, real processes."""
import io
import json
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from edgeos.plugins.pack import pack
from edgeos.plugins.registry_write import add_packages
from tests.helpers import eventually, free_port, patient
from tests.plugins.registries import serving
from tests.web.test_api import House

CODE = '''
import os
from edgeos_plugin import Plugin

class Demo(Plugin):
    async def start(self):
        if self.config.get('fails'):
            raise RuntimeError('the heater is not there')
        self.publish('version', VERSION)
        self.publish('word', self.config.get('word', ''), writable=True)
        self.log.info('the token has %d characters', len(self.config.get('token', '')))
        self.storage.set('starts', self.storage.get('starts', 0) + 1)
        self.publish('starts', self.storage.get('starts', 0))
    async def on_write(self, name, value):
        self.publish(name, value, writable=True)
    async def on_config(self, config):
        self.publish('word', config.get('word', ''), writable=True)
'''
SCHEMA = {'type': 'object', 'properties': {
    'word': {'type': 'string', 'maxLength': 10, 'default': 'hello'}, 'token': {'type': 'string', 'format': 'password'},
    'fails': {'type': 'boolean', 'default': False}}}  # fmt: skip


def package(folder: Path, version: str = '1.0.0', permissions: tuple[str, ...] = ('points.read:**',), code: str = CODE,
            **more: Any) -> Path:  # fmt: skip
    source = folder / f'source-{version}'
    (source / 'demo_plugin').mkdir(parents=True)
    (source / 'demo_plugin' / '__init__.py').write_text(f'VERSION = {version!r}\n{code}')
    manifest = {'schema': 1, 'id': 'demo', 'name': 'Demo', 'version': version, 'api': 1, 'permissions': permissions,
                'entry': {'module': 'demo_plugin:Demo'}, **more}  # fmt: skip
    (source / 'plugin.json').write_text(json.dumps(manifest))
    (source / 'config.schema.json').write_text(json.dumps(SCHEMA))
    (source / 'README.md').write_text('# Demo\n')
    (source / 'icon.svg').write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    return pack(source, folder)


class Shop:
    """A house, and what one does with plugins in it."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.folder = folder

    async def upload(self, path: Path, *grant: str) -> httpx.Response:
        return await self.house.http.post('/api/plugins', files={'file': (path.name, path.read_bytes())},
                                          data={'grant': json.dumps(grant)})  # fmt: skip

    async def done(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 202, answer.text
        job = answer.json()['job']

        async def ended() -> dict[str, Any] | None:
            found = await self.house.get(f'/api/jobs/{job}')
            return found if found['state'] != 'running' else None

        found: dict[str, Any] = await eventually(ended, timeout=19)
        return found

    async def install(self, version: str = '1.0.0', *grant: str, **more: Any) -> None:
        found = await self.done(await self.upload(package(self.folder, version, **more), *grant or ('points.read:**',)))
        assert found['state'] == 'done', found

    async def act(self, action: str) -> None:
        answer = await self.house.http.post(f'/api/plugins/demo/{action}')
        assert answer.status_code == 202, answer.text

    async def state(self, wanted: str) -> dict[str, Any]:
        async def reached() -> dict[str, Any] | None:
            found = await self.house.get('/api/plugins/demo')
            return found if found['state'] == wanted else None

        found: dict[str, Any] = await eventually(reached, timeout=15)
        return found

    async def value(self, name: str) -> Any:
        answer = await self.house.http.get(f'/api/points/{quote(f"demo/{name}", safe="")}')
        return answer.json()['value'] if answer.status_code == 200 else None

    def left(self) -> list[str]:
        """What lies in the folder of plugins beside what is always there."""
        root = self.house.folder / 'data' / 'plugins'
        return sorted(str(path.relative_to(root)) for path in root.glob('*/*') if path.parent.name != 'cache')


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    (tmp_path / 'house').mkdir()
    house = await House(tmp_path / 'house').start()
    yield Shop(house, tmp_path)
    await house.stop()


async def test_a_plugin_is_installed_with_consent_started_used_and_removed(shop: Shop) -> None:
    path = package(shop.folder)
    refused = await shop.upload(path)
    assert refused.status_code == 409 and refused.json()['permissions'] == ['points.read:**']
    assert shop.left() == []
    job = await shop.done(await shop.upload(path, 'points.read:**'))
    assert (job['state'], job['percent']) == ('done', 100) and len(job['log']) > 4 and 'error' not in job
    found = await shop.state('installed')
    assert found.keys() >= {'id', 'name', 'version', 'state', 'throttled', 'pid', 'cpu_percent', 'memory_mb', 'restarts',
                            'last_error', 'permissions', 'update'}  # fmt: skip
    assert (found['pid'], found['version'], found['permissions']) == (None, '1.0.0', ['points.read:**'])

    await shop.act('start')
    found = await shop.state('running')
    assert found['pid'] and found['isolation']['no_new_privs']
    assert await eventually(lambda: shop.value('version')) == '1.0.0'
    answer = await shop.house.http.put('/api/points/demo%2Fword', json={'value': 'new'})
    assert answer.status_code == 200 and answer.json()['value'] == 'new'
    for name, status in (('nothing', 404), ('version', 403), ('', 404)):
        answer = await shop.house.http.put(f'/api/points/demo%2F{name}', json={'value': 'new'})
        assert answer.status_code == status, answer.text
    assert any('0 characters' in line['text'] and line['t'].endswith('Z') for line in await shop.house.get('/api/plugins/demo/log'))
    resources = await shop.house.get('/api/system/resources')
    assert resources['limiter']['processes'][str(found['pid'])]['name'] == 'demo'

    await shop.act('stop')
    assert (await shop.state('stopped'))['pid'] is None
    for name, status in (('word', 409), ('version', 403), ('nothing', 404)):
        answer = await shop.house.http.put(f'/api/points/demo%2F{name}', json={'value': 'new'})
        assert answer.status_code == status, answer.text
    answer = await shop.house.http.delete('/api/plugins/demo?data=drop')
    assert (await shop.house.http.get('/api/plugins/demo')).status_code == 404, 'at once'
    await shop.done(answer)
    assert await shop.house.get('/api/plugins') == [] and shop.left() == []
    assert (await shop.house.http.get('/api/points/demo%2Fversion')).status_code == 404


async def test_its_settings_are_checked_hold_at_once_and_keep_secrets(shop: Shop) -> None:
    await shop.install()
    await shop.act('start')
    assert await eventually(lambda: shop.value('word')) == 'hello'
    put = shop.house.http.put
    refused = await put('/api/plugins/demo/config', json={'word': 'much too long', 'fails': 'no', 'colour': 1})
    assert refused.status_code == 422
    assert {tuple(each['loc']) for each in refused.json()['detail']} >= {('body', 'word'), ('body', 'fails')}
    kept = await put('/api/plugins/demo/config', json={'word': 'hi', 'token': 's3cret-t0ken'})
    assert kept.status_code == 200 and kept.json()['values'] == {'word': 'hi', 'token': '********', 'fails': False}
    assert await eventually(lambda: shop.value('word')) == 'hi'
    await put('/api/plugins/demo/config', json={'word': 'ho', 'token': '********'})
    await shop.act('restart')

    async def told() -> bool:
        return any('12 characters' in line['text'] for line in await shop.house.get('/api/plugins/demo/log'))

    await eventually(told, timeout=10)
    for path in (shop.house.folder / 'data').rglob('*'):
        if path.is_file() and path.name != 'secrets.toml':
            assert b's3cret-t0ken' not in path.read_bytes(), path


async def test_what_ran_runs_again_with_the_app_and_what_was_killed_by_itself(shop: Shop) -> None:
    await shop.install()
    await shop.act('start')
    assert await eventually(lambda: shop.value('starts')) == 1
    await shop.house.restart()
    await shop.state('running')
    assert await eventually(lambda: shop.value('starts')) == 2
    await shop.act('kill')
    found = await eventually(lambda: restarted(shop), timeout=15)
    assert found['restarts'] == 1 and found['last_error']['code'] == 'killed'
    await shop.act('stop')
    await shop.house.restart()
    assert (await shop.house.get('/api/plugins/demo'))['state'] == 'stopped'


async def restarted(shop: Shop) -> dict[str, Any] | None:
    found = await shop.house.get('/api/plugins/demo')
    return found if found['state'] == 'running' and found['restarts'] else None


async def test_one_that_crashes_at_its_start_says_why(shop: Shop) -> None:
    await shop.install()
    await shop.house.http.put('/api/plugins/demo/config', json={'fails': True})
    await shop.act('start')
    found = await shop.state('backoff')
    assert found['last_error']['message'] == 'It failed at its start: RuntimeError: the heater is not there'
    assert found['next_try_in_s'] is not None
    await shop.act('stop')


async def test_a_registry_offers_installs_updates_and_goes_back(shop: Shop) -> None:
    first = package(shop.folder)
    second = package(shop.folder, '1.1.0', ('points.read:**', 'points.write:**'))
    third = package(shop.folder, '2.0.0', ('points.read:**',), 'class Demo:\n    pass\nimport nothing_of_the_kind\n')
    listing = shop.folder / 'registry.json'

    async def publish(*packages: Path) -> None:
        listing.unlink(missing_ok=True)
        add_packages(listing, packages, '', '2026-11-26')
        await shop.house.http.post('/api/plugins/refresh')

    await publish(first)
    answer = await shop.house.http.post('/api/plugins/sources', json={'url': str(listing)})
    assert answer.status_code == 201, answer.text
    [offer] = [each for each in await shop.house.get('/api/plugins/available') if each['id'] == 'demo']
    assert (offer['version'], offer['installed'], offer['permissions']) == ('1.0.0', None, ['points.read:**'])
    install = '/api/plugins/demo/install'
    assert (await shop.house.http.post(install)).status_code == 409
    await shop.done(await shop.house.http.post(install, json={'grant': ['points.read:**']}))
    await shop.act('start')
    await shop.state('running')

    await publish(first, second)
    assert (await shop.house.get('/api/plugins/demo'))['update'] == '1.1.0'
    refused = await shop.house.http.post(install, json={})
    assert refused.status_code == 409 and refused.json()['permissions'] == ['points.write:**'], 'only what is new'
    job = await shop.done(await shop.house.http.post(install, json={'grant': ['points.write:**']}))
    assert job['state'] == 'done', job
    found = await shop.state('running')
    assert (found['version'], found['previous'], found['update']) == ('1.1.0', '1.0.0', None)
    assert await eventually(lambda: shop.value('version')) == '1.1.0'

    await publish(first, second, third)
    job = await shop.done(await shop.house.http.post(install, json={}))
    assert job['state'] == 'failed' and job['step'] == 'trial'
    assert (await shop.state('running'))['version'] == '1.1.0'

    await shop.done(await shop.house.http.post('/api/plugins/demo/rollback'))
    found = await shop.state('running')
    assert (found['version'], found['previous'], found['permissions']) == ('1.0.0', None, ['points.read:**'])
    answer = await shop.house.http.delete('/api/plugins/sources', params={'url': str(listing)})
    assert answer.status_code == 200 and all(each['id'] != 'demo' for each in await shop.house.get('/api/plugins/available'))


@pytest.mark.parametrize('url', ['ftp://example.com/r.json', 'here/r.json', '/nowhere/r.json', 'http://example.com/r.json'])
async def test_what_is_no_source_is_said(shop: Shop, url: str) -> None:
    refused = await shop.house.http.post('/api/plugins/sources', json={'url': url})
    assert refused.status_code == 422 and 'expected' in refused.json()['detail'], refused.text


async def test_nobody_waits_long_for_a_source_that_does_not_answer(shop: Shop) -> None:
    async with serving() as server:
        server.pages['/registry.json'] = [20.0]
        url, http = f'{server.url}/registry.json', shop.house.http
        for method, path, more in (('POST', 'sources', {'json': {'url': url}}), ('POST', 'refresh', {}),
                                   ('GET', 'available', {}), ('DELETE', 'sources', {'params': {'url': url}})):
            began = time.monotonic()
            answer = await http.request(method, f'/api/plugins/{path}', **more)
            assert answer.status_code in (200, 201, 202) and time.monotonic() - began < patient(2), path


async def test_nobody_waits_long_for_a_plugin_that_is_slow_to_take_its_settings(shop: Shop) -> None:
    slow = CODE.replace('async def on_config(self, config):', 'async def on_config(self, config):\n        import asyncio; await asyncio.sleep(12)')
    await shop.install(code=slow)
    await shop.act('start')
    await shop.state('running')
    began = time.monotonic()
    answer = await shop.house.http.put('/api/plugins/demo/config', json={'word': 'late'})
    assert answer.status_code == 202 and answer.json()['values']['word'] == 'late'
    assert time.monotonic() - began < patient(2)


async def test_an_id_is_a_connections_or_a_plugins(shop: Shop) -> None:
    await shop.install()
    body = {'type': 'mqtt', 'id': 'demo', 'config': {'host': '127.0.0.1', 'port': free_port()}}
    assert (await shop.house.http.post('/api/connections', json=body)).status_code == 409
    await shop.house.http.put('/api/plugins/demo/config', json={'token': 's3cret-t0ken'})
    await shop.done(await shop.house.http.delete('/api/plugins/demo'))
    refused = await shop.house.http.post('/api/connections', json=body)
    assert refused.status_code == 409 and 'uninstall it with its data' in refused.json()['detail'], 'its secrets are kept'
    named = await shop.house.http.post('/api/connections', json={**body, 'id': None, 'name': 'Demo'})
    assert named.json()['id'] == 'demo_2'
    assert 's3cret-t0ken' in shop.house.system.secrets.values()
    await shop.install('1.0.1')
    await shop.done(await shop.house.http.delete('/api/plugins/demo?data=drop'))
    assert (await shop.house.http.post('/api/connections', json=body)).status_code == 201
    refused = await shop.upload(shop.folder / 'demo-1.0.0.zip', 'points.read:**')
    assert refused.status_code == 409 and 'connection' in refused.json()['detail']


async def test_a_plugin_whose_id_was_given_to_a_connection_stays_away_from_it(shop: Shop) -> None:
    await shop.install()
    await shop.act('start')
    await shop.state('running')
    await shop.house.stop()
    port = free_port()
    with shop.house.path.open('a') as file:
        file.write(f'\n[[connections]]\nid = "demo"\ntype = "mqtt"\nname = "Mine"\n'
                   f'[connections.config]\nhost = "127.0.0.1"\nport = {port}\nusername = "me"\n')
    await shop.house.start()
    system = shop.house.system
    system.secrets.set('demo', 'password', 'the-connections')
    assert system.gateway.sources['demo'] is system.connections.connections['demo'].source
    found = await shop.house.get('/api/plugins/demo')
    assert found['state'] == 'failed' and 'a connection has the id demo' in found['last_error']['message']
    assert (await shop.house.http.post('/api/plugins/demo/start')).status_code == 409

    async def told() -> bool:
        return any('a connection has the id demo' in each['message'] for each in await shop.house.get('/api/events'))

    await eventually(told)
    assert (await shop.done(await shop.house.http.delete('/api/plugins/demo?data=drop')))['state'] == 'done'
    assert shop.left() == [] and system.secrets.get('demo', 'password') == 'the-connections'
    assert system.gateway.sources['demo'] is system.connections.connections['demo'].source


async def test_a_plugin_that_cannot_be_loaded_is_shown_removed_and_installed_again(shop: Shop) -> None:
    await shop.install()
    await shop.act('start')
    await shop.state('running')
    await shop.house.stop()
    code = shop.house.folder / 'data' / 'plugins' / 'demo' / '1.0.0'
    (code / 'plugin.json').write_text('{}')
    (code / 'venv' / 'complete').unlink()
    await shop.house.start()
    [found] = await shop.house.get('/api/plugins')
    assert (found['id'], found['version'], found['state'], found['busy']) == ('demo', '1.0.0', 'failed', None)
    assert found['last_error']['message'].startswith('It cannot be loaded: plugin.json')
    for method, path in (('POST', 'start'), ('POST', 'kill'), ('GET', 'config')):
        answer = await shop.house.http.request(method, f'/api/plugins/demo/{path}')
        assert answer.status_code == 409 and 'cannot be loaded' in answer.json()['detail'], path
    assert any('cannot be loaded' in line['text'] for line in await shop.house.get('/api/plugins/demo/log'))
    removed = await shop.done(await shop.house.http.delete('/api/plugins/demo'))
    assert removed['state'] == 'done' and await shop.house.get('/api/plugins') == []
    again = await shop.done(await shop.upload(shop.folder / 'demo-1.0.0.zip', 'points.read:**'))
    assert again['state'] == 'done'
    await shop.act('start')
    await shop.state('running')


async def test_an_install_is_given_up_on_request_and_nothing_is_left(shop: Shop) -> None:
    job = (await shop.upload(package(shop.folder), 'points.read:**')).json()['job']
    given_up = await shop.house.http.post(f'/api/jobs/{job}/cancel')
    assert given_up.status_code == 200 and given_up.json()['state'] == 'failed'
    assert given_up.json()['error'].endswith(': cancelled')
    assert shop.left() == [] and await shop.house.get('/api/plugins') == []
    again = await shop.house.http.post(f'/api/jobs/{job}/cancel')
    assert again.status_code == 409 and 'given up' in again.json()['detail']


async def test_what_is_no_package_is_refused_and_nothing_is_left(shop: Shop) -> None:
    for content, said in ((b'no zip', 'zip'), (b'', 'zip')):
        path = shop.folder / 'bad.zip'
        path.write_bytes(content)
        answer = await shop.upload(path)
        assert answer.status_code == 422 and said in answer.json()['detail'], answer.text
    answer = await shop.house.http.post('/api/plugins', data={'grant': '[]'}, files={})
    assert answer.status_code in (415, 422)
    assert shop.left() == []


@pytest.mark.parametrize(('method', 'path'), [
    ('GET', 'plugins/nobody'), ('GET', 'plugins/nobody/log'), ('GET', 'plugins/nobody/config'),
    ('PUT', 'plugins/nobody/config'), ('POST', 'plugins/nobody/start'), ('POST', 'plugins/nobody/kill'),
    ('POST', 'plugins/nobody/install'), ('POST', 'plugins/nobody/rollback'), ('DELETE', 'plugins/nobody'),
    ('GET', 'jobs/nothing'), ('POST', 'jobs/nothing/cancel'), ('GET', 'plugins/..%2f..%2fsecrets/config'),
])  # fmt: skip
async def test_what_is_not_there_is_404(house: House, method: str, path: str) -> None:
    answer = await house.http.request(method, f'/api/{path}', **({'json': {}} if method in ('PUT', 'POST') else {}))
    assert answer.status_code == 404 and answer.json()['detail'], answer.text


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    running = await House(tmp_path).start()
    yield running
    await running.stop()


async def test_what_it_prints_is_in_the_log_at_once_and_without_an_end_of_line_too(shop: Shop) -> None:
    last = "        self.publish('starts', self.storage.get('starts', 0))\n"
    prints = '''        print('printed while it runs')
        try:
            self.publish('big', 10 ** 400)
        except ValueError as error:
            print(f'refused: {error}')
        os.write(1, b'A' * 300_000)
'''
    start = CODE.replace(last, last + prints)
    await shop.install(code=start)
    await shop.act('start')

    async def logged() -> list[str]:
        return [line['text'] for line in await shop.house.get('/api/plugins/demo/log')]

    async def has_all() -> bool:
        found = await logged()
        return all(any(text.startswith(start) for text in found) for start in ('printed while', 'AAAA', 'refused: a whole'))

    await eventually(has_all, timeout=15)
    assert sum(text.startswith('AAAA') for text in await logged()) == 1, 'one line, cut'
    await shop.state('running')


CARELESS = """
import json, sys
from edgeos_plugin import Plugin

class Demo(Plugin):
    async def start(self):
        token = self.config.get('token', '')
        print('login with', token)
        sys.stderr.write(json.dumps({'sent': json.dumps({'token': token})}) + '\\n')
        self.log.warning('x' * 7996 + token)
        self.event('warning', f'{token} was refused', **{'answer': f'no {token}', token: 1})
        raise RuntimeError(f'https://user:{token}@broker refused')
"""
TOKEN = 's3cret"t0ken'


async def test_a_plugin_that_shows_its_secret_is_not_repeated(shop: Shop) -> None:
    await shop.install(code=CARELESS)
    answer = await shop.house.http.put('/api/plugins/demo/config', json={'token': TOKEN})
    assert answer.status_code == 200, answer.text
    await shop.act('start')
    found = await shop.state('backoff')
    assert found['last_error']['message'].endswith('RuntimeError: https://user:[secret]@broker refused')
    log = await shop.house.http.get('/api/plugins/demo/log')
    assert 'login with [secret]' in log.text and 'xxx[sec' in log.text
    events = await shop.house.http.get('/api/events')
    assert '[secret] was refused' in events.text
    told = await shop.house.http.get('/api/diagnostics')
    assert told.status_code == 200
    files = zipfile.ZipFile(io.BytesIO(told.content))
    for text in (log.text, events.text, *(files.read(name).decode() for name in files.namelist())):
        assert 's3cr' not in text and 't0ken' not in text
    for path in (shop.house.folder / 'data').rglob('*'):
        if path.is_file() and path.name != 'secrets.toml':
            assert b't0ken' not in path.read_bytes(), path


async def test_it_is_there_all_through_an_update_and_the_way_back(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.install()
    await shop.act('start')
    await shop.state('running')
    runner = shop.house.system.plugins._runner
    load, seen = runner._load, []

    async def watched(plugin_id: str) -> Any:
        for path in ('/api/plugins/demo', '/api/plugins/demo/log', '/api/plugins'):
            answer = await shop.house.http.get(path)
            seen.append((path, answer.status_code, answer.json()))
        return await load(plugin_id)

    monkeypatch.setattr(runner, '_load', watched)
    await shop.install('1.1.0')
    await shop.state('running')
    await shop.done(await shop.house.http.post('/api/plugins/demo/rollback'))
    assert (await shop.state('running'))['version'] == '1.0.0'
    assert len(seen) == 6 and all(status == 200 and answer for _path, status, answer in seen), seen
    assert all(answer['busy'] for path, _status, answer in seen if path == '/api/plugins/demo')


async def test_its_points_stay_while_an_update_takes_over_and_those_it_has_no_more_go(
        shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr('edgeos.plugins.points.GRACE', 0.5)
    await shop.install()
    await shop.act('start')
    await shop.state('running')
    slow = CODE.replace('async def start(self):', 'async def start(self):\n        import asyncio; await asyncio.sleep(2)')
    path = package(shop.folder, '1.1.0', code=slow.replace("publish('word'", "publish('other'"))
    update = await shop.upload(path, 'points.read:**')
    await shop.state('starting')
    old = (await shop.house.http.get('/api/points/demo%2Fword')).json()
    assert (old['value'], old['quality']) == ('hello', 'stale')
    refused = await shop.house.http.put('/api/points/demo%2Fword', json={'value': 'x'})
    assert refused.status_code == 409, refused.text
    assert (await shop.done(update))['state'] == 'done'
    assert await eventually(lambda: shop.value('version')) == '1.1.0'
    await eventually(lambda: 'word' not in shop.house.system.gateway.sources['demo'].points)
    assert (await shop.house.http.put('/api/points/demo%2Fother', json={'value': 'x'})).status_code == 200


async def test_a_kill_while_an_update_takes_over_brings_the_version_before_back_and_condemns_nothing(shop: Shop) -> None:
    await shop.install()
    await shop.act('start')
    await shop.state('running')
    hangs = CODE.replace('    async def start(self):', '    async def start(self):\n        import asyncio; await asyncio.sleep(60)')
    path = package(shop.folder, '1.1.0', code=hangs, start_timeout_s=60)
    update = await shop.upload(path, 'points.read:**')
    await shop.state('starting')
    await eventually(lambda: shop.house.system.plugins.get('demo').pid)
    await shop.act('kill')
    job = await shop.done(update)
    assert job['state'] == 'failed' and 'killed' in job['error']
    found = await shop.state('running')
    assert found['version'] == '1.0.0' and shop.house.system.plugins._store.get('demo').skip == ()
    assert await shop.value('version') == '1.0.0'
