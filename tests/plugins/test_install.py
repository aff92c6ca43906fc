"""Install and update: what worked is there, what failed left nothing behind and what ran still runs."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgeos.plugins import install as install_module
from edgeos.plugins.errors import BadPackage, PluginError
from edgeos.plugins.install import NeedsConsent
from edgeos.plugins.jobs import Busy
from edgeos.plugins.lock import sha256
from edgeos.plugins.package import open_package
from edgeos.plugins.registry import Release
from tests.helpers import eventually
from tests.plugins.installing import House, make_package, quick_environment

READ = 'points.read:plc_001/*'
WRITE = 'points.write:plc_001/*'


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / 'data')


async def test_an_installed_plugin_is_there_and_does_not_run_yet(house: House, tmp_path: Path) -> None:
    job = await house.install(make_package(tmp_path))
    assert [job.state, job.percent, job.error] == ['done', 100, None], job.error
    entry = house.store.get('heat-meter')
    assert [entry.current, entry.previous, entry.wanted, entry.source] == ['1.0.0', None, False, 'file']
    assert house.versions() == {'1.0.0'} and house.work() == []
    assert house.runner.said == ['trial 1.0.0 while None runs', 'switch to 1.0.0']
    assert house.audit()[0] | {'t': '', 'sha256': ''} == {
        't': '', 'action': 'install', 'plugin': 'heat-meter', 'version': '1.0.0', 'was': None, 'source': 'file', 'sha256': '', 'granted': []}  # fmt: skip
    assert job.shown()['log'][-1] | {'t': ''} == {'t': '', 'level': 'info', 'text': 'Done.'}


async def test_an_update_is_tried_while_the_old_version_runs_and_keeps_it_for_the_way_back(house: House, tmp_path: Path) -> None:
    for version in ('1.0.0', '1.1.0', '1.2.0'):
        job = await house.install(make_package(tmp_path, version))
        assert job.error is None
        await house.run()
    assert 'trial 1.2.0 while 1.1.0 runs' in house.runner.said
    assert house.runner.running == {'heat-meter': '1.2.0'}
    assert house.versions() == {'1.1.0', '1.2.0'}
    assert [house.store.get('heat-meter').current, house.store.get('heat-meter').previous] == ['1.2.0', '1.1.0']


async def test_nothing_is_begun_before_the_owner_agreed_and_an_update_asks_only_for_what_is_new(house: House, tmp_path: Path) -> None:
    package = make_package(tmp_path, permissions=[READ])
    with pytest.raises(NeedsConsent) as asked:
        await house.installer.install(package)
    assert asked.value.permissions == [READ]
    assert house.jobs.all() == [] and house.versions() == set()
    await house.install(package, [READ])
    with pytest.raises(NeedsConsent) as asked:
        await house.installer.install(make_package(tmp_path, '2.0.0', permissions=[READ, WRITE]))
    assert asked.value.permissions == [WRITE]
    job = await house.install(make_package(tmp_path, '2.0.0', permissions=[READ, WRITE]), [WRITE])
    assert job.error is None
    assert house.store.get('heat-meter').granted == (READ, WRITE)


@pytest.mark.parametrize('step', ['space', 'check', 'environment', 'trial', 'switch', 'start'])
@pytest.mark.parametrize('is_update', [False, True])
async def test_a_failure_at_any_step_names_it_and_leaves_what_was_there(tmp_path: Path, step: str, is_update: bool) -> None:
    spoilt = {'now': False}

    async def environment(folder: Path, temporary: Path, on_line: object) -> None:
        await quick_environment(folder, temporary, lambda _line: None)
        if spoilt['now'] and step == 'environment':
            raise PluginError('no wheel fits')

    house = House(tmp_path / 'data', environment, free=lambda _folder: 0 if spoilt['now'] and step == 'space' else 1 << 40)
    if is_update:
        await house.install(make_package(tmp_path))
        await house.run()
    before = house.store.all(), house.versions(), dict(house.runner.running)
    spoilt['now'] = True
    package = make_package(tmp_path, '2.0.0', files={'evil.exe': b''} if step == 'check' else {})
    if step == 'trial':
        house.runner.weak.add('2.0.0')
    if step == 'switch':
        house.folders.state.with_name('gone').mkdir()
        real, house.store._path = house.store._path, tmp_path / 'nowhere' / 'x' / 'state.json'
        (tmp_path / 'nowhere').write_text('a file')
    if step == 'start':
        house.runner.bad.add('2.0.0')
    job = await house.install(package)
    if step == 'switch':
        house.store._path = real
        house.folders.state.with_name('gone').rmdir()
    if step == 'start' and not is_update:
        assert job.state == 'done'  # it is not started
        return
    assert job.state == 'failed'
    assert job.error and job.error.startswith('switch' if step == 'start' else step), job.error
    entries = house.store.all()
    if step == 'start':
        assert entries['heat-meter'].skip == ('2.0.0',)
        entries['heat-meter'] = entries['heat-meter'].model_copy(update={'skip': ()})
    assert (entries, house.versions(), house.runner.running) == before
    assert house.work() == []
    assert type(house.store)(house.folders.state).all() == house.store.all()


async def test_a_cancelled_install_leaves_nothing(house: House, tmp_path: Path) -> None:
    house.runner.gate = asyncio.Event()
    job = await house.installer.install(make_package(tmp_path))
    await eventually(lambda: house.runner.said)
    assert house.versions() == {'1.0.0'}
    assert job.cancel()
    await job.wait()
    assert [job.state, job.error] == ['failed', 'trial: cancelled']
    assert house.versions() == set() and house.work() == [] and house.store.all() == {}
    assert not (house.folders.root / 'heat-meter').exists()


async def test_one_thing_at_a_time_for_a_plugin_and_two_installs_for_the_house(house: House, tmp_path: Path) -> None:
    house.runner.gate = asyncio.Event()
    jobs = [await house.installer.install(make_package(tmp_path, plugin_id=name)) for name in ('one', 'two', 'three')]
    with pytest.raises(Busy):
        await house.installer.install(make_package(tmp_path, '2.0.0', plugin_id='one'))
    await eventually(lambda: len(house.runner.said) == 2)
    assert [job.step for job in jobs] == ['trial', 'trial', 'prepare']
    assert 'Waiting for other installs.' in [line['text'] for line in jobs[2].log]
    house.runner.gate.set()
    for job in jobs:
        await job.wait()
    assert [job.state for job in jobs] == ['done'] * 3


async def test_the_same_version_a_taken_id_and_a_reserved_one_are_refused_at_once(tmp_path: Path) -> None:
    house = House(tmp_path / 'data', is_taken=lambda plugin_id: plugin_id == 'plc-001')
    await house.install(make_package(tmp_path))
    for package, words in ((make_package(tmp_path), 'installed already'), (make_package(tmp_path, plugin_id='plc-001'), 'id of a connection'),
                           (make_package(tmp_path, plugin_id='storage'), 'reserved')):  # fmt: skip
        with pytest.raises(PluginError, match=words):
            await house.installer.install(package)
    (tmp_path / 'no.zip').write_bytes(b'PK nonsense')
    with pytest.raises(BadPackage):
        await house.installer.install(tmp_path / 'no.zip')
    assert len(house.jobs.all()) == 1


async def test_an_upload_is_removed_when_its_job_ends(house: House, tmp_path: Path) -> None:
    for package, state in ((make_package(tmp_path), 'done'), (make_package(tmp_path, '2.0.0', files={'evil.exe': b''}), 'failed')):
        upload = house.folders.work / 'upload.zip'
        upload.write_bytes(package.read_bytes())
        assert (await house.install(upload)).state == state
        assert not upload.exists() and package.exists()


async def test_a_file_that_is_exchanged_after_the_owner_agreed_is_refused(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = make_package(tmp_path)

    def exchanged(path: Path, folder: Path) -> object:
        make_package(tmp_path, permissions=[WRITE])
        return open_package(path, folder)

    monkeypatch.setattr(install_module, 'open_package', exchanged)
    job = await house.install(package)
    assert job.error == 'check: the file was changed while it was installed'


async def test_wheels_that_unpack_to_too_much_are_refused(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_module, 'MOST_UNPACKED', 100)
    job = await house.install(make_package(tmp_path))
    assert job.error and job.error.startswith('environment: its wheels unpack to')
    assert house.versions() == set()


def told(package: Path, folder: Path, **changes: object) -> Release:
    """What a registry on this device says of a package."""
    manifest = open_package(package, folder / 'opened')
    release = Release(
        id=manifest.id, name=manifest.name, description='', icon='', version=manifest.version, url=str(package), sha256=sha256(package),
        size=package.stat().st_size, unpacked_size=9999, files=6, requires=manifest.requires, permissions=manifest.permissions,
        resources=manifest.resources, published='', yanked='', changelog='', source='the shop')  # fmt: skip
    return replace(release, **changes)  # type: ignore[arg-type]


async def test_a_release_is_fetched_and_its_hash_is_noted(house: House, tmp_path: Path) -> None:
    release = told(make_package(tmp_path), tmp_path)
    job = await house.install(release)
    assert job.state == 'done', job.error
    assert house.store.get('heat-meter').source == 'the shop'
    assert house.audit()[-1]['sha256'] == release.sha256 and Path(release.url).exists()


@pytest.mark.parametrize(('changes', 'words'), [
    ({'permissions': (READ,)}, 'check: the package is not what the registry says: plugin.json: permissions'),
    ({'version': '1.0.1'}, 'check: the package is not what the registry says: plugin.json: version'),
    ({'id': 'other'}, 'check: the package is not what the registry says: plugin.json: id'),
    ({'sha256': 'ab' * 32}, 'download: Heat meter 1.0.0: is not the file that the registry has the hash of'),
    ({'size': 99}, 'download: Heat meter 1.0.0: is more than the 99 bytes'),
])  # fmt: skip
async def test_a_package_that_is_not_what_the_registry_says_is_refused(house: House, tmp_path: Path, changes: dict[str, object], words: str) -> None:
    job = await house.install(told(make_package(tmp_path), tmp_path, **changes), [READ])
    assert job.error and job.error.startswith(words), job.error
    assert house.store.all() == {} and house.work() == [] and house.versions() == house.versions('other') == set()


async def test_changes_of_the_owner_during_an_update_are_kept(house: House, tmp_path: Path) -> None:
    await house.install(make_package(tmp_path))
    await house.run()
    house.runner.gate = asyncio.Event()
    job = await house.installer.install(make_package(tmp_path, '2.0.0'))
    await eventually(lambda: job.step == 'trial')
    house.store.change('heat-meter', config={'limit': 5}, uid=61110)
    house.runner.gate.set()
    await job.wait()
    entry = house.store.get('heat-meter')
    assert [entry.current, entry.config, entry.uid, entry.wanted] == ['2.0.0', {'limit': 5}, 61110, True]


async def test_the_app_ends_while_something_is_installed(house: House, tmp_path: Path) -> None:
    house.runner.gate = asyncio.Event()
    job = await house.installer.install(make_package(tmp_path))
    await eventually(lambda: job.step == 'trial')
    await house.jobs.stop()
    assert job.state == 'failed' and house.versions() == set()


def test_no_id_or_version_is_a_path(house: House) -> None:
    for plugin_id in ('../x', 'a/b', '', '.', 'A', 'work'):
        with pytest.raises(ValueError):
            house.folders.plugin(plugin_id)
    for version in ('..', '1/2', '', 'data'):
        with pytest.raises(ValueError):
            house.folders.version('heat-meter', version)
    house.folders.state.write_text(json.dumps({'schema': 1, 'plugins': {'heat-meter': {'current': '../../etc'}}}))
    assert type(house.store)(house.folders.state).all() == {}

