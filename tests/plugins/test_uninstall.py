"""Uninstall with and without the data, and what a start finds and puts in order."""

from pathlib import Path

import pytest

from edgeos.plugins import disk
from edgeos.plugins.store import Entry, Store, UnknownPlugin
from tests.plugins.installing import House, make_package


async def used(folder: Path) -> House:
    """A plugin with everything one can have: two versions, data, storage, configuration, a secret."""
    house = House(folder / 'data')
    await house.install(make_package(folder))
    await house.install(make_package(folder, '1.1.0'))
    house.store.change('heat-meter', config={'limit': 5}, uid=61110)
    data = house.folders.data('heat-meter')
    (data / 'tmp').mkdir(parents=True)
    (data / 'values.db').write_text('precious')
    house.folders.storage('heat-meter').parent.mkdir(exist_ok=True)
    house.folders.storage('heat-meter').write_text('{}')
    house.secrets.set('heat-meter', 'password', 'hunter2')
    await house.run()
    return house


async def test_the_data_is_kept_and_found_again(tmp_path: Path) -> None:
    house = await used(tmp_path)
    job = house.uninstaller.uninstall('heat-meter')
    await job.wait()
    assert job.state == 'done' and house.runner.running == {}
    assert house.store.installed() == {} and house.versions() == {'data'} and house.work() == []
    assert house.secrets.get('heat-meter', 'password') == 'hunter2'
    assert house.folders.storage('heat-meter').exists()
    await house.uninstaller.recover()
    assert (house.folders.data('heat-meter') / 'values.db').read_text() == 'precious'
    await house.install(make_package(tmp_path))
    entry = house.store.get('heat-meter')
    assert [entry.config, entry.uid, entry.wanted, entry.granted] == [{'limit': 5}, 61110, False, ()]


async def test_nothing_is_left_when_the_data_goes_too(tmp_path: Path) -> None:
    house = await used(tmp_path)
    job = house.uninstaller.uninstall('heat-meter', 'drop')
    await job.wait()
    assert job.state == 'done', job.error
    assert house.runner.said[-2:] == ['stop', 'switch to None']
    assert not (house.folders.root / 'heat-meter').exists() and house.work() == []
    assert house.store.all() == {} and not house.folders.storage('heat-meter').exists()
    assert 'heat-meter' not in (tmp_path / 'data' / 'secrets.toml').read_text()
    assert [line['action'] for line in house.audit()] == ['install', 'update', 'uninstall']


async def test_what_is_not_installed_cannot_be_removed(tmp_path: Path) -> None:
    house = await used(tmp_path)
    with pytest.raises(UnknownPlugin):
        house.uninstaller.uninstall('other')
    with pytest.raises(ValueError):
        house.uninstaller.uninstall('heat-meter', 'perhaps')


async def test_a_removal_that_fails_at_once_lets_it_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = await used(tmp_path)
    house.folders.work.rename(tmp_path / 'elsewhere')
    (house.folders.work).write_text('not a folder')
    job = house.uninstaller.uninstall('heat-meter')
    await job.wait()
    assert job.state == 'failed' and job.error and job.error.startswith('remove: ')
    assert house.runner.running == {'heat-meter': '1.1.0'}
    assert house.store.get('heat-meter').current == '1.1.0'


async def test_secrets_that_cannot_be_removed_are_removed_at_the_next_start(tmp_path: Path) -> None:
    house = await used(tmp_path)
    secrets = tmp_path / 'data' / 'secrets.toml'
    text = secrets.read_text()
    secrets.write_text('no toml [')
    job = house.uninstaller.uninstall('heat-meter', 'drop')
    await job.wait()
    assert job.error and 'secrets.toml' in job.error
    job = await house.install(make_package(tmp_path, '3.0.0'))
    assert job.error and 'half removed' in job.error  # or the next start would remove the new one
    secrets.write_text(text)
    house = House(tmp_path / 'data')
    await house.uninstaller.recover()
    assert house.store.all() == {} and house.work() == [] and 'hunter2' not in secrets.read_text()


async def test_what_is_half_removed_is_not_started_again(tmp_path: Path) -> None:
    house = await used(tmp_path)
    real, house.store._path = house.store._path, house.folders.state / 'below-a-file'
    job = house.uninstaller.uninstall('heat-meter')
    await job.wait()
    assert job.error == 'remove: File exists' and house.runner.running == {} and house.runner.said[-1] == 'stop'
    house.store._path = real
    await house.uninstaller.recover()
    assert house.store.installed() == {} and house.versions() == {'data'}


async def test_a_start_removes_what_nobody_knows_and_never_data(tmp_path: Path) -> None:
    house = await used(tmp_path)
    for folder in ('heat-meter/9.9.9/venv', 'ghost/1.0.0', 'ghost/data', 'rich/1.0.0', 'rich/data', 'work/install-1/package'):
        (house.folders.root / folder).mkdir(parents=True)
    (house.folders.root / 'rich' / 'data' / 'values.db').touch()
    found = await house.uninstaller.recover()
    assert found == ([], None)
    assert house.versions() == {'1.0.0', '1.1.0', 'data'} and house.work() == []
    assert not (house.folders.root / 'ghost').exists() and house.versions('rich') == {'data'}


async def test_a_version_whose_files_are_gone_gives_way_to_the_previous(tmp_path: Path) -> None:
    house = await used(tmp_path)
    disk.remove(house.folders.version('heat-meter', '1.1.0'))
    await house.uninstaller.recover()
    assert [house.store.get('heat-meter').current, house.store.get('heat-meter').wanted] == ['1.0.0', True]
    disk.remove(house.folders.version('heat-meter', '1.0.0'))
    await house.uninstaller.recover()
    assert house.store.installed() == {} and house.versions() == {'data'}


@pytest.mark.parametrize('text', ['', '{', '[]', '{"schema": 2, "plugins": {}}', '{"schema": 1}', '{"schema": 1, "plugins": {"../x": {}}}',
                                  '{"schema": 1, "plugins": {"heat-meter": 5}}', '{"schema": 1, "plugins": [1]}', '[' * 100_000, '\xff'])  # fmt: skip
async def test_a_damaged_list_costs_no_plugin_its_files(tmp_path: Path, text: str) -> None:
    house = await used(tmp_path)
    versions = house.versions()
    house.folders.state.write_text(text, 'latin-1')
    for _start in range(2):
        house = House(tmp_path / 'data')
        found = await house.uninstaller.recover()
        assert house.versions() == versions and house.store.all() == {}
        if not _start:
            assert found.problem and 'damaged' in found.problem
        house.store.put('other', Entry())
        house.store.drop('other')
    assert (tmp_path / 'data' / 'plugins' / 'state.damaged.json').exists()
    assert (await house.install(make_package(tmp_path))).state == 'done'


def test_the_list_is_for_its_owner_only_and_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / 'state.json')
    store.put('heat-meter', Entry(current='1.0.0'))
    assert (tmp_path / 'state.json').stat().st_mode & 0o777 == 0o600
    store._path = tmp_path / 'state.json' / 'below-a-file'
    with pytest.raises(OSError):
        store.change('heat-meter', wanted=True)
    assert not store.get('heat-meter').wanted
    with pytest.raises(UnknownPlugin):
        store.change('other', wanted=True)
