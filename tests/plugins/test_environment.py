"""Environments from real wheels with the real uv and pip: what is locked gets in, and nothing else, from nowhere else."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from edgeos.plugins.environment import EnvironmentFailed, Tool, find_tools, is_ready, make_environment, python_of
from edgeos.plugins.package import open_package
from tests.helpers import eventually, patient
from tests.plugins.installing import House, make_package, make_wheel

TOOLS = {tool.name: tool for tool in find_tools()}
LIMITS = {'pip': 3.0, 'uv': 0.5}  # s, on a quiet machine

both_tools = pytest.mark.parametrize('name', ['pip', 'uv'])


def unpacked(folder: Path, **options: object) -> Path:
    package = make_package(folder / 'packages', **options)  # type: ignore[arg-type]
    open_package(package, folder / '1.0.0')
    return folder / '1.0.0'


def size_of(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in [folder, *folder.rglob('*')])


@both_tools
async def test_the_plugin_and_its_dependency_can_be_imported_compiled_and_read_by_everybody(tmp_path: Path, name: str) -> None:
    said: list[str] = []
    old = os.umask(0o077)
    try:
        folder = unpacked(tmp_path)
        started = time.perf_counter()
        await make_environment(folder, tmp_path / 'tools', said.append, [TOOLS[name]])
        took = time.perf_counter() - started
    finally:
        os.umask(old)
    print(f'{name}: {took:.2f} s, {size_of(folder) >> 10} kB')
    assert took < patient(5 * LIMITS[name])  # the machine is shared; the bench holds the figure
    assert list(folder.glob('venv/lib/*/site-packages/helper_dep/__pycache__/*.pyc'))
    code = 'import heat_meter, helper_dep, sys; print(helper_dep.ANSWER, helper_dep.__cached__, sys.prefix, sys.path)'
    out = subprocess.run([python_of(folder), '-I', '-c', code], capture_output=True, text=True, check=True).stdout
    assert out.startswith('42 ') and str(folder / 'venv') in out
    assert not list(folder.glob('venv/lib/*/site-packages/pip*'))
    for path in [folder, *folder.rglob('*')]:
        if not path.is_symlink():
            assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644), path
            assert not path.is_dir() or path.stat().st_mode & 0o777 == 0o755
    assert is_ready(folder) and said
    assert size_of(folder) < 200 * 1024


@both_tools
async def test_a_wheel_with_another_hash_is_refused(tmp_path: Path, name: str) -> None:
    folder = unpacked(tmp_path)
    make_wheel(folder / 'wheels', 'helper_dep', '2.0', {'helper_dep/__init__.py': 'ANSWER = "evil"\n'})
    with pytest.raises(EnvironmentFailed, match='does not have the hash'):
        await make_environment(folder, tmp_path / 'tools', print, [TOOLS[name]])
    assert not is_ready(folder)


@both_tools
async def test_what_the_lock_does_not_name_is_not_installed_even_if_it_lies_about(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dependency confusion: another place has a newer one, and the environment of the app says where."""
    shop = tmp_path / 'shop'
    shop.mkdir()
    make_wheel(shop, 'helper_dep', '9.0', {'helper_dep/__init__.py': 'ANSWER = "evil"\n'})
    make_wheel(shop, 'stranger', '1.0', {'stranger.py': ''})
    for variable in ('PIP_FIND_LINKS', 'UV_FIND_LINKS', 'PIP_EXTRA_INDEX_URL'):
        monkeypatch.setenv(variable, str(shop))
    folder = unpacked(tmp_path, requires=('helper_dep',))
    await make_environment(folder, tmp_path / 'tools', print, [TOOLS[name]])
    out = subprocess.run([python_of(folder), '-I', '-c', 'import helper_dep; print(helper_dep.ANSWER)'], capture_output=True, text=True, check=True)
    assert out.stdout == '42\n'
    shutil.rmtree(folder)
    folder = unpacked(tmp_path, requires=('helper_dep', 'stranger'))
    with pytest.raises(EnvironmentFailed, match='not among its wheels'):
        await make_environment(folder, tmp_path / 'tools2', print, [TOOLS[name]])


@both_tools
async def test_a_wheel_for_another_system_says_so(tmp_path: Path, name: str) -> None:
    folder = unpacked(tmp_path)
    wheel = next((folder / 'wheels').glob('helper_dep*'))
    wheel.rename(wheel.with_name('helper_dep-2.0-cp39-cp39-win32.whl'))
    with pytest.raises(EnvironmentFailed, match='none for this system'):
        await make_environment(folder, tmp_path / 'tools', print, [TOOLS[name]])


async def test_a_tool_that_hangs_is_ended_and_so_is_a_cancelled_one(tmp_path: Path) -> None:
    folder = unpacked(tmp_path)
    hanging = Tool('pip', ('/bin/sh', '-c', 'echo here $$; sleep 60'))
    said: list[str] = []
    with pytest.raises(EnvironmentFailed, match='took longer'):
        await make_environment(folder, tmp_path / 'tools', said.append, [hanging], limit=0.3)
    task = asyncio.create_task(make_environment(folder, tmp_path / 'tools2', said.append, [hanging]))
    await eventually(lambda: len(said) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [line for line in said if Path(f'/proc/{line.split()[1]}').exists()]


@pytest.mark.skipif(sys.platform != 'linux', reason='platform: a child dies with the app there only')
async def test_pip_has_no_process_of_its_own_that_would_outlive_a_killed_app(tmp_path: Path) -> None:
    task = asyncio.create_task(make_environment(unpacked(tmp_path), tmp_path / 'tools', print, [TOOLS['pip']]))
    parents: dict[int, int] = {}  # of those that run pip; what it forks for small programs looks like itself for a moment
    while not task.done():
        for child in await asyncio.to_thread(psutil.Process().children, True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if 'pip' in ' '.join(command := child.cmdline()) and command != psutil.Process(child.ppid()).cmdline():
                    parents[child.pid] = child.ppid()
        await asyncio.sleep(0.01)
    await task
    assert parents and set(parents.values()) == {os.getpid()}


async def test_pip_is_asked_when_uv_cannot_do_it(tmp_path: Path) -> None:
    said: list[str] = []
    await make_environment(unpacked(tmp_path), tmp_path / 'tools', said.append, [Tool('uv', ('/bin/false',)), TOOLS['pip']])
    assert said[0] == 'uv could not do it (uv ended with status 1: ); trying pip.'
    with pytest.raises(EnvironmentFailed, match='neither uv nor pip'):
        await make_environment(tmp_path / '1.0.0', tmp_path / 'tools3', said.append, [])
    assert 'pip' in [tool.name for tool in find_tools()]


async def test_a_whole_install_with_the_real_thing(tmp_path: Path) -> None:
    house = House(tmp_path / 'data', make_environment)
    started = time.perf_counter()
    job = await house.install(make_package(tmp_path))
    print(f'install: {time.perf_counter() - started:.2f} s')
    assert job.state == 'done', [line['text'] for line in job.log]
    assert any('helper' in line['text'] for line in job.log)  # what the tool said
    assert (await house.uninstaller.recover()).broken == []
    assert house.work() == []
