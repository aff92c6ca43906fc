"""Plugins in a backup, from one house into another: real packages, environments and processes."""
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edgeos.backup import BackupError, make_backup, read_backup
from edgeos.plugins.registry_write import add_packages
from tests.helpers import eventually
from tests.plugins.conftest import Heard
from tests.plugins.conftest import heard as heard
from tests.web.test_api import House
from tests.web.test_plugins_api import Shop, package

CONFIG = {'word': 'hi', 'token': 's3cret-t0ken'}


@pytest.fixture
async def houses(tmp_path: Path) -> AsyncIterator[tuple[Shop, Shop]]:
    """One with the plugin from a registry, running; and a new one."""
    made = []
    for name in ('old', 'new'):
        (tmp_path / name).mkdir()
        made.append(Shop(await House(tmp_path / name).start(), tmp_path))
    old, new = made
    add_packages(tmp_path / 'registry.json', [package(tmp_path)], '', '2026-11-26')
    await add_source(old)
    answer = await old.house.http.post('/api/plugins/demo/install', json={'grant': ['points.read:**']})
    assert (await old.done(answer))['state'] == 'done'
    await old.house.http.put('/api/plugins/demo/config', json=CONFIG)
    await old.act('start')
    await old.state('running')
    yield old, new
    await new.house.stop()
    await old.house.stop()


async def add_source(shop: Shop) -> None:
    answer = await shop.house.http.post('/api/plugins/sources', json={'url': str(shop.folder / 'registry.json')})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize('with_secrets', [True, False])
async def test_a_restored_house_has_its_plugins_again(houses: tuple[Shop, Shop], heard: Heard,
                                                      with_secrets: bool) -> None:  # fmt: skip
    old, new = houses
    data = make_backup(old.house.system, with_secrets=with_secrets)
    assert with_secrets is (b's3cret-t0ken' in zipfile.ZipFile(io.BytesIO(data)).read('plugins.json'))
    backup = read_backup(data)
    assert await old.house.system.plugins.returning.plan(backup.plugins) == [], 'it is there'
    returning = new.house.system.plugins.returning
    [unknown] = await returning.plan(backup.plugins)
    assert unknown.release is None and unknown.why_not
    assert unknown.why_not.text == f'It came from {new.folder / "registry.json"}: add this source first.'
    await add_source(new)
    [wanted] = await returning.plan(backup.plugins)
    assert wanted.release and wanted.release.permissions == ('points.read:**',)
    returning.bring_back([wanted])
    await eventually(lambda: shown(new), timeout=15)
    found = await new.state('running')
    assert (found['version'], found['granted']) == ('1.0.0', ['points.read:**'])
    config = (await new.house.get('/api/plugins/demo/config'))['values']
    assert config == {'word': 'hi', 'fails': False, **({'token': '********'} if with_secrets else {})}
    assert await eventually(lambda: new.value('word')) == 'hi'
    assert heard.has('warning', 'Enter these again: token') is not with_secrets
    log = await new.house.get('/api/plugins/demo/log')
    assert any(f'{12 if with_secrets else 0} characters' in line['text'] for line in log)


async def shown(shop: Shop) -> bool:
    return (await shop.house.http.get('/api/plugins/demo')).status_code == 200


async def test_one_from_a_file_is_named_and_one_that_fails_is_an_event(houses: tuple[Shop, Shop], heard: Heard) -> None:
    old, new = houses
    [kept] = read_backup(make_backup(old.house.system)).plugins
    returning = new.house.system.plugins.returning
    [named] = await returning.plan([kept.model_copy(update={'source': 'file'})])
    assert named.release is None and named.why_not and 'from a file' in named.why_not.text
    await add_source(new)
    [wanted] = await returning.plan([kept.model_copy(update={'config': {'word': 'much too long for it'}})])
    (new.folder / 'demo-1.0.0.zip').rename(new.folder / 'away.zip')
    returning.bring_back([wanted])
    await eventually(lambda: heard.has('error', 'It could not be restored from the backup: download'))
    (new.folder / 'away.zip').rename(new.folder / 'demo-1.0.0.zip')
    returning.bring_back([wanted])
    await eventually(lambda: heard.has('error', 'It could not be restored from the backup: word: '), timeout=15)
    assert (await new.state('installed'))['pid'] is None, 'with what it may be is for its owner to say'


@pytest.mark.parametrize('change', [
    {'id': '../../etc'}, {'version': '../1'}, {'config': []}, {'name': 'x' * 101}, {'wanted': 'perhaps'},
    {'source': None},
])  # fmt: skip
def test_a_hostile_list_is_refused(change: dict[str, Any]) -> None:
    row = {'id': 'demo', 'name': 'Demo', 'version': '1.0.0', 'source': 'built-in', 'wanted': True, 'config': {}}
    for plugins in ([{**row, **change}], [row, row], [{**row, 'id': f'demo-{n}'} for n in range(201)], '[' * 100_000):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, 'w') as archive:
            archive.writestr('manifest.json', json.dumps({'schema_version': 1, 'version': '1', 'created': ''}))
            archive.writestr('settings.toml', '')
            archive.writestr('plugins.json', plugins if isinstance(plugins, str) else json.dumps({'plugins': plugins}))
        with pytest.raises(BackupError, match=r'damaged: plugins\.json'):
            read_backup(packed.getvalue())
