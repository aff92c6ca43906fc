"""A virtual environment for each plugin: made from the wheels in its package, by their hashes, without network.

uv does the installing where it is present, the app's own pip otherwise; neither gets into the environment.
"""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import sys
import sysconfig
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from edgeos.plugins import disk
from edgeos.plugins.errors import PluginError
from edgeos.plugins.lock import FILE as LOCK
from edgeos.plugins.lock import Locked, read_lock
from edgeos.plugins.phrase import Phrase, phrase_of
from edgeos.processes import ChildProcess, ProcessError

TIME_LIMIT = 300.0  # s; an SD card and a package of 64 MB
NICENESS = 10  # what runs comes first
LAST_LINES = 20

# How each tool says what went wrong, and what that means.
REASONS = (
    (('do not match the hashes', 'hash mismatch'),
     Phrase('a wheel does not have the hash that {file} names', file=LOCK)),
    (('no space left', 'os error 28'), Phrase('the disk is full')),
    (('require-hashes', 'must have their versions pinned', 'requirements must be pinned'),
     Phrase('a wheel needs another package that {file} does not name', file=LOCK)),
    (('no matching distribution', 'no solution found', 'could not find a version'),
     Phrase('a package it needs is not among its wheels, or has none for this system')),
)  # fmt: skip

OnLine = Callable[[str], None]


class EnvironmentFailed(PluginError):
    """Raised when no environment could be made; the text says why."""


class Tool(NamedTuple):
    """What can install wheels into an environment it is not part of."""

    name: str
    argv: tuple[str, ...]


async def make_environment(folder: Path, temporary: Path, on_line: OnLine, tools: Sequence[Tool] | None = None,
                           limit: float = TIME_LIMIT) -> None:
    """Make `folder`/venv for the unpacked package in `folder`; `temporary` is for what the tools leave lying about.

    `on_line` gets what the tools say. Raises EnvironmentFailed, OSError; what is half made is for the caller to remove.
    """
    tools = find_tools() if tools is None else tools
    if not tools:
        raise EnvironmentFailed(Phrase('neither uv nor pip was found beside the app'))
    locked = await asyncio.to_thread(_prepare, folder, temporary)
    if locked:
        await _install(folder, temporary, on_line, tools, limit)
    await asyncio.to_thread(_finish, folder)


def find_tools() -> list[Tool]:
    """What there is, best first; each is the other's second opinion."""
    tools = []
    places = os.pathsep.join(filter(None, (os.path.dirname(sys.executable), os.environ.get('PATH', os.defpath))))
    if uv := shutil.which('uv', path=places):
        tools.append(Tool('uv', (uv,)))
    if importlib.util.find_spec('pip'):
        tools.append(Tool('pip', (sys.executable, '-I', '-m', 'pip')))
    return tools


def python_of(folder: Path) -> Path:
    """The interpreter of the plugin in `folder`."""
    return folder / 'venv' / ('Scripts/python.exe' if os.name == 'nt' else 'bin/python')


def is_ready(folder: Path) -> bool:
    """Whether the environment is whole and was made for the Python that runs now. Reads the disk."""
    try:
        return _mark(folder).read_text() == _made_for() and python_of(folder).exists()
    except (OSError, ValueError):
        return False


def _mark(folder: Path) -> Path:
    return folder / 'venv' / 'complete'


def _made_for() -> str:
    return f'{sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag} {_base_executable()}'


def _base_executable() -> str:
    """The interpreter that the app's own environment was made from."""
    return str(getattr(sys, '_base_executable', sys.executable))


class _Builder(venv.EnvBuilder):
    def setup_scripts(self, context: SimpleNamespace) -> None:
        """None: nobody activates it."""


def _prepare(folder: Path, temporary: Path) -> list[Locked]:
    """An empty environment, and a list for the tools that is written anew, so that it holds nothing but packages."""
    disk.remove(folder / 'venv')
    temporary.mkdir(parents=True)
    _Builder(symlinks=os.name != 'nt', with_pip=False).create(folder / 'venv')
    locked = list(read_lock((folder / LOCK).read_text('utf-8')))
    (temporary / 'requirements.txt').write_text(''.join(f'{item}\n' for item in locked), 'utf-8')
    return locked


def _finish(folder: Path) -> None:
    """The mark comes last and after all else is on the disk."""
    disk.make_readable(folder)
    disk.sync(folder)
    mark = _mark(folder)
    mark.write_text(_made_for())
    mark.chmod(0o644)
    disk.sync(folder)


async def _install(folder: Path, temporary: Path, on_line: OnLine, tools: Sequence[Tool], limit: float) -> None:
    for number, tool in enumerate(tools):
        try:
            await _run_tool(tool, folder, temporary, on_line, limit)
            return
        except EnvironmentFailed as error:
            if number == len(tools) - 1:
                raise
            on_line(Phrase('{tool} could not do it ({why}); trying {other}.', tool=tool.name, why=phrase_of(error),
                           other=tools[number + 1].name))  # fmt: skip


async def _run_tool(tool: Tool, folder: Path, temporary: Path, on_line: OnLine, limit: float) -> None:
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        del said[:-LAST_LINES]
        on_line(line)

    child = ChildProcess(f'{tool.name} for {folder.parent.name}', _argv(tool, folder, temporary),
                         env=_variables(temporary), cwd=temporary, on_line=hear)  # fmt: skip
    try:
        await child.start()
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, child.pid or 0, NICENESS)
        status = await asyncio.wait_for(child.wait(), limit)
    except TimeoutError:
        raise EnvironmentFailed(Phrase('{tool} took longer than {seconds} s', tool=tool.name,
                                       seconds=f'{limit:.0f}')) from None  # fmt: skip
    except ProcessError as error:
        raise EnvironmentFailed(str(error)) from error
    finally:
        child.kill()
        if child.is_running:
            await child.wait()
    if status != 0:
        raise EnvironmentFailed(_reason(tool, said, status))


def _argv(tool: Tool, folder: Path, temporary: Path) -> list[str]:
    python = str(python_of(folder))
    source = ['--no-index', '--find-links', str(folder / 'wheels'), '--require-hashes', '--only-binary', ':all:',
              '-r', str(temporary / 'requirements.txt')]  # fmt: skip
    if tool.name == 'uv':
        # copies and no cache: files shared with other plugins could be changed by one of them
        return [*tool.argv, 'pip', 'install', '--python', python, '--offline', '--no-config', '--no-cache',
                '--link-mode', 'copy', '--compile-bytecode', '--no-progress', '--color', 'never', *source]  # fmt: skip
    return [*_pip(tool, python), 'install', '--isolated', '--no-input', '--no-cache-dir', '--compile',
            '--disable-pip-version-check', '--no-warn-script-location', '--progress-bar', 'off', *source]  # fmt: skip


def _pip(tool: Tool, python: str) -> list[str]:
    """In the process of `python` itself, as pip does it with --python in one more, which would outlive an app that is
    killed and go on writing into a folder that the next start removes."""
    spec = importlib.util.find_spec('pip')
    for folder in spec.submodule_search_locations or () if spec else ():
        if tool.argv[-2:] == ('-m', 'pip') and (runner := Path(folder) / '__pip-runner__.py').is_file():
            return [python, '-I', str(runner)]
    return [*tool.argv, '--python', python]


def _variables(temporary: Path) -> dict[str, str]:
    """Nothing of the app's, and no configuration of pip or uv that could name another source."""
    return {'PATH': os.defpath, 'LANG': 'C.UTF-8', 'HOME': str(temporary), 'TMPDIR': str(temporary),
            'PIP_CONFIG_FILE': os.devnull, 'PIP_ROOT_USER_ACTION': 'ignore', 'UV_PYTHON_DOWNLOADS': 'never',
            **{name: os.environ[name] for name in ('SYSTEMROOT', 'TEMP', 'TMP') if name in os.environ}}  # fmt: skip


def _reason(tool: Tool, said: Sequence[str], status: int) -> str:
    everything = '\n'.join(said).lower()
    for signs, reason in REASONS:
        if any(sign in everything for sign in signs):
            return reason
    errors = [line.strip() for line in said if line.lower().startswith(('error', 'fatal'))] or [*said, '']
    return Phrase('{tool} ended with status {status}: {error}', tool=tool.name, status=status,
                  error=errors[-1].strip()[:300])  # fmt: skip
