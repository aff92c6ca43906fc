"""Roll-back: by itself when a new version does not last, and by hand."""

import asyncio
from pathlib import Path

import pytest

from edgeos.plugins.store import Store, UnknownPlugin
from edgeos.plugins.switching import NothingToRollBackTo
from tests.helpers import eventually
from tests.plugins.installing import House, make_package

READ = 'points.read:plc_001/*'


async def updated(folder: Path, probation: float = 60.0) -> House:
    """1.0.0 ran, then 2.0.0 with a permission more."""
    house = House(folder / 'data', probation=probation)
    await house.install(make_package(folder))
    await house.run()
    job = await house.install(make_package(folder, '2.0.0', permissions=[READ]), [READ])
    assert job.error is None and house.runner.running == {'heat-meter': '2.0.0'}
    return house


async def test_a_version_that_does_not_come_up_goes_and_is_not_offered_again(tmp_path: Path) -> None:
    house = House(tmp_path / 'data')
    await house.install(make_package(tmp_path))
    await house.run()
    house.runner.bad.add('2.0.0')
    job = await house.install(make_package(tmp_path, '2.0.0'))
    assert job.error == 'switch: it ended with status 1'
    assert any(line['text'] == 'Back at version 1.0.0.' for line in job.log)
    assert house.runner.running == {'heat-meter': '1.0.0'}
    assert house.store.get('heat-meter').skip == ('2.0.0',)
    house.runner.bad.clear()
    await house.install(make_package(tmp_path, '2.0.0'))  # the owner insists
    assert [house.store.get('heat-meter').current, house.store.get('heat-meter').skip] == ['2.0.0', ()]


async def test_a_version_that_its_owner_kills_while_it_takes_over_stays_offered(tmp_path: Path) -> None:
    house = House(tmp_path / 'data')
    await house.install(make_package(tmp_path))
    await house.run()
    house.runner.killed.add('2.0.0')
    job = await house.install(make_package(tmp_path, '2.0.0'))
    assert job.error == 'switch: It was killed.'
    assert house.runner.running == {'heat-meter': '1.0.0'} and house.store.get('heat-meter').skip == ()


async def test_a_version_that_crashes_soon_after_the_update_goes_by_itself(tmp_path: Path) -> None:
    house = await updated(tmp_path)
    assert house.store.get('heat-meter').on_trial
    await eventually(lambda: house.runner.crashes)
    house.runner.crashes['heat-meter'].set_result('ended by signal 11')
    await eventually(lambda: house.jobs.all()[-1].action == 'roll back' and house.jobs.all()[-1].state == 'done')
    entry = house.store.get('heat-meter')
    assert [entry.current, entry.previous, entry.skip, entry.granted, entry.on_trial] == ['1.0.0', None, ('2.0.0',), (), False]
    assert house.runner.running == {'heat-meter': '1.0.0'} and house.versions() == {'1.0.0'}
    assert house.audit()[-1]['reason'] == 'ended by signal 11'


async def test_a_version_that_lasts_is_on_trial_no_more(tmp_path: Path) -> None:
    house = await updated(tmp_path, probation=0.05)
    await eventually(lambda: not Store(house.folders.state).get('heat-meter').on_trial)
    assert house.store.get('heat-meter').current == '2.0.0'


async def test_the_trial_goes_on_after_a_restart_of_the_app(tmp_path: Path) -> None:
    house = await updated(tmp_path)
    await house.switching.stop()
    house = House(tmp_path / 'data')
    await house.uninstaller.recover()
    await house.runner.switch('heat-meter')
    house.switching.watch_new(['heat-meter'])
    await eventually(lambda: house.runner.crashes)
    house.runner.crashes['heat-meter'].set_result('ended with status 1')
    await eventually(lambda: house.runner.running == {'heat-meter': '1.0.0'})


async def test_back_by_hand(tmp_path: Path) -> None:
    house = await updated(tmp_path)
    job = house.switching.roll_back('heat-meter')
    await job.wait()
    entry = house.store.get('heat-meter')
    assert [job.state, entry.current, entry.previous, entry.skip, entry.granted] == ['done', '1.0.0', None, (), ()]
    assert house.runner.running == {'heat-meter': '1.0.0'} and house.versions() == {'1.0.0'}
    with pytest.raises(NothingToRollBackTo):
        house.switching.roll_back('heat-meter')
    with pytest.raises(UnknownPlugin):
        house.switching.roll_back('other')


async def test_a_previous_version_that_does_not_come_up_either_changes_nothing(tmp_path: Path) -> None:
    house = await updated(tmp_path)
    house.runner.bad.add('1.0.0')
    before = house.store.get('heat-meter')
    job = house.switching.roll_back('heat-meter', skip=True)
    await job.wait()
    assert job.error == 'switch: it ended with status 1'
    assert house.store.get('heat-meter') == before
    assert house.runner.running == {'heat-meter': '2.0.0'} and house.versions() == {'1.0.0', '2.0.0'}


async def test_a_crash_while_something_else_is_done_waits_for_that(tmp_path: Path) -> None:
    house = await updated(tmp_path)
    await eventually(lambda: house.runner.crashes)
    house.runner.gate = asyncio.Event()
    house.runner.weak.add('3.0.0')
    job = await house.installer.install(make_package(tmp_path, '3.0.0'))
    await eventually(lambda: job.step == 'trial')
    house.runner.crashes['heat-meter'].set_result('ended with status 1')
    await asyncio.sleep(0)
    house.runner.gate.set()
    await eventually(lambda: house.runner.running == {'heat-meter': '1.0.0'})
    assert house.store.get('heat-meter').skip == ('2.0.0',)


async def test_an_environment_of_another_python_is_made_anew(tmp_path: Path) -> None:
    house = await updated(tmp_path)
    for version in ('1.0.0', '2.0.0'):
        (house.folders.version('heat-meter', version) / 'venv' / 'complete').write_text('cpython-39 /usr/bin/python3.9')
    assert (await house.uninstaller.recover()).broken == ['heat-meter']

    async def anew(folder: Path, temporary: Path, on_line: object) -> None:
        from edgeos.plugins import environment

        (folder / 'venv' / 'complete').write_text(environment._made_for())

    house.switching.environment = anew
    job = house.switching.repair('heat-meter')
    await job.wait()
    assert job.state == 'done' and (await house.uninstaller.recover()).broken == []
    await house.switching.roll_back('heat-meter').wait()  # which finds its own environment stale
    assert (await house.uninstaller.recover()).broken == [] and house.store.get('heat-meter').current == '1.0.0'
