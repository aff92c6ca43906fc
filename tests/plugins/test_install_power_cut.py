"""kill -9 before and after every step that changes the disk, then a start: what ran is wanted, nothing half is left."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeos.plugins.environment import make_environment
from edgeos.plugins.store import Store
from edgeos.processes import PROJECT
from edgeos.secrets import SecretStore
from tests.helpers import eventually_sync
from tests.plugins.installing import House, make_package

needs_fork = pytest.mark.skipif(not hasattr(os, 'fork'), reason='platform: needs fork')
STEPS = ('rename', 'replace', 'mkdir', 'rmdir', 'unlink', 'remove', 'symlink', 'fsync', 'chmod')
OLD, NEW = '1.1.0', '2.0.0'


@pytest.fixture
def ram_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a place: a hundred times some dozen waits for a busy disk are minutes."""
    if not os.access('/dev/shm', os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir='/dev/shm', prefix='edgeos-test-') as folder:
        yield Path(folder)


def prepared(folder: Path) -> House:
    """OLD runs and could go back to 1.0.0; it has data, storage, a configuration and a secret."""
    house = House(folder / 'data')

    async def fill() -> None:
        for version in ('1.0.0', OLD):
            assert (await house.install(make_package(folder, version))).state == 'done'

    asyncio.run(fill())
    house.store.change('heat-meter', wanted=True, config={'limit': 5}, uid=61110)
    house.folders.data('heat-meter').mkdir()
    (house.folders.data('heat-meter') / 'values.db').write_text('precious')
    house.folders.storage('heat-meter').parent.mkdir(exist_ok=True)
    house.folders.storage('heat-meter').write_text('{}')
    house.secrets.set('heat-meter', 'password', 'hunter2')
    return house


async def update(folder: Path) -> None:
    house = House(folder / 'data')
    await house.runner.switch('heat-meter')
    job = await house.install(folder / f'heat-meter-{NEW}.zip')
    assert job.error is None, job.error


async def failing_update(folder: Path) -> None:
    house = House(folder / 'data')
    await house.runner.switch('heat-meter')
    house.runner.bad.add(NEW)
    assert (await house.install(folder / f'heat-meter-{NEW}.zip')).error


async def roll_back(folder: Path) -> None:
    house = House(folder / 'data')
    job = house.switching.roll_back('heat-meter')
    await job.wait()
    assert job.error is None, job.error


async def remove(folder: Path, data: str) -> None:
    house = House(folder / 'data')
    job = house.uninstaller.uninstall('heat-meter', data)
    await job.wait()
    assert job.error is None, job.error


async def uninstall(folder: Path) -> None:
    await remove(folder, 'keep')


async def uninstall_with_data(folder: Path) -> None:
    await remove(folder, 'drop')


def cut(work: Callable[[Path], object], folder: Path, deadly: int, moment: str) -> bool:
    """Run the work in a child that is killed at a step; whether it was."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), (folder / 'trouble').read_text()
        return status != 0
    code = 1
    signal.alarm(30)  # or a child that hangs is left for ever
    try:
        _arm(deadly, moment)
        asyncio.run(work(folder))  # type: ignore[arg-type]
        code = 0
    except BaseException:
        import traceback

        (folder / 'trouble').write_text(traceback.format_exc())
    finally:
        os._exit(code)


def _arm(deadly: int, moment: str) -> None:
    seen = [0]

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def step(*args: object, **kwargs: object) -> object:
            number, seen[0] = seen[0], seen[0] + 1
            if number == deadly and moment == 'before':
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return real(*args, **kwargs)
            finally:
                if number == deadly:
                    os.kill(os.getpid(), signal.SIGKILL)

        setattr(os, name, step)

    for name in STEPS:
        wrap(name)


def whole(folder: Path) -> tuple[str | None, str | None]:
    """What is current and previous after the next start; fails unless everything fits together."""
    house = House(folder / 'data')
    found = asyncio.run(house.uninstaller.recover())
    assert found == ([], None)
    store = Store(house.folders.state)
    assert store.all() == house.store.all()
    entry = store.find('heat-meter')
    current, previous = (entry.current, entry.previous) if entry else (None, None)
    assert house.work() == []
    kept = {'data'} if house.folders.data('heat-meter').exists() else set()
    assert house.versions() == kept | {version for version in (current, previous) if version}
    for version in (current, previous):
        assert version is None or json.loads((house.folders.version('heat-meter', version) / 'plugin.json').read_text())['version'] == version
    secret = SecretStore(folder / 'data' / 'secrets.toml', {}).get('heat-meter', 'password')
    if entry is not None:  # it was not removed with its data
        assert [entry.config, entry.uid, entry.wanted] == [{'limit': 5}, 61110, current is not None]
        assert secret == 'hunter2' and house.folders.storage('heat-meter').exists()
        assert (house.folders.data('heat-meter') / 'values.db').read_text() == 'precious'
    else:
        assert secret is None and not house.folders.storage('heat-meter').exists() and not kept
    for line in house.folders.audit.read_text().splitlines():
        json.loads(line)
    again = House(folder / 'data')
    asyncio.run(again.uninstaller.recover())
    assert again.store.all() == store.all()
    return current, previous


@needs_fork
@pytest.mark.parametrize('moment', ['before', 'after'])
@pytest.mark.parametrize(('work', 'allowed'), [
    (update, [(OLD, '1.0.0'), (NEW, OLD)]),
    (failing_update, [(OLD, '1.0.0'), (NEW, OLD), (OLD, '1.0.0')]),
    (roll_back, [(OLD, '1.0.0'), ('1.0.0', OLD), ('1.0.0', None)]),
    (uninstall, [(OLD, '1.0.0'), (None, None)]),
    (uninstall_with_data, [(OLD, '1.0.0'), (None, None)]),
], ids=lambda value: getattr(value, '__name__', ''))  # fmt: skip
def test_a_cut_at_any_step_is_mended_by_the_next_start(
    ram_path: Path, work: Callable[[Path], object], allowed: list[tuple[str | None, str | None]], moment: str
) -> None:
    prepared(ram_path)
    make_package(ram_path, NEW)
    template = ram_path / 'template'
    os.rename(ram_path / 'data', template)
    seen: list[tuple[str | None, str | None]] = []
    for step in range(300):
        folder = ram_path / f'{step}'
        folder.mkdir()
        os.link(ram_path / f'heat-meter-{NEW}.zip', folder / f'heat-meter-{NEW}.zip')
        shutil.copytree(template, folder / 'data', symlinks=True)
        is_cut = cut(work, folder, step, moment)
        seen.append(whole(folder))
        assert seen[-1] in allowed, f'step {step}'
        if not is_cut:
            break
        if step % 8 == 0:  # and everything can be done again
            asyncio.run(_again(folder))
    assert seen[-1] == allowed[-1] and not is_cut
    assert seen[0] == allowed[0]
    places = [allowed.index(state) for state in seen]
    assert work is failing_update or places == sorted(places)  # never back from new to old
    assert len(seen) > 10


async def _again(folder: Path) -> None:
    house = House(folder / 'data')
    entry = house.store.find('heat-meter')
    if entry is None or entry.current != NEW:
        assert (await house.install(folder / f'heat-meter-{NEW}.zip')).state == 'done'
    job = house.uninstaller.uninstall('heat-meter', 'drop')
    await job.wait()
    assert job.state == 'done' and house.store.all() == {} and house.versions() == set()


def install_for_real(folder: str) -> None:
    """In a process of its own: the thread that starts children does not survive a fork."""

    async def environment(version: Path, temporary: Path, say: Callable[[str], None]) -> None:
        await make_environment(version, temporary, lambda line: print(line, flush=True))

    asyncio.run(House(Path(folder) / 'data', environment).install(Path(folder) / f'heat-meter-{NEW}.zip'))


def test_a_cut_while_pip_works_leaves_no_pip_and_no_folder(tmp_path: Path) -> None:
    prepared(tmp_path)
    make_package(tmp_path, NEW)
    code = f'from tests.plugins.test_install_power_cut import install_for_real; install_for_real({str(tmp_path)!r})'
    with subprocess.Popen([sys.executable, '-c', code], cwd=PROJECT, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.readline()
        child.kill()
    eventually_sync(lambda: not _running_below(tmp_path))
    assert (tmp_path / 'data' / 'plugins' / 'heat-meter' / NEW).exists()
    assert whole(tmp_path) == (OLD, '1.0.0')


def _running_below(folder: Path) -> list[str]:
    import psutil

    return [' '.join(process.info['cmdline']) for process in psutil.process_iter(['cmdline']) if str(folder) in ' '.join(process.info['cmdline'] or [])]


@pytest.mark.skipif(sys.platform != 'linux' or os.geteuid() != 0, reason='platform: needs root and tmpfs')
async def test_a_full_disk_leaves_everything_as_it_was_and_uninstall_makes_room(tmp_path: Path) -> None:
    disk = tmp_path / 'disk'
    disk.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], capture_output=True).returncode:
        pytest.skip('platform: tmpfs cannot be mounted here')
    try:
        house = House(disk, free=lambda _folder: 1 << 40)
        await house.install(make_package(tmp_path))
        await house.run()
        house.store.change('heat-meter', config={'limit': 5})
        package = make_package(tmp_path, NEW, files={'CHANGELOG.md': os.urandom(300_000)})
        state = house.folders.state.read_bytes()
        for left in (0, 4096, 100_000, 300_000):
            stuff = disk / 'stuff'
            _fill(stuff, left)
            job = await house.install(package)
            assert job.state == 'failed' and job.error and 'No space left' in job.error, job.error
            assert house.folders.state.read_bytes() == state and house.versions() == {'1.0.0'} and house.work() == []
            assert house.runner.running == {'heat-meter': '1.0.0'}
            stuff.unlink()
        _fill(disk / 'stuff', 0)
        job = house.uninstaller.uninstall('heat-meter', 'drop')
        await job.wait()
        assert job.state == 'done', job.error
        assert house.store.all() == {} and house.versions() == set()
    finally:
        subprocess.run(['umount', '-l', disk], check=True)


def _fill(path: Path, left: int) -> None:
    """Take all the room there is but so many bytes."""
    with path.open('wb', buffering=0) as file:
        try:
            while True:
                file.write(b'x' * 4096)
        except OSError:
            pass
        file.truncate(max(0, file.tell() - left))
