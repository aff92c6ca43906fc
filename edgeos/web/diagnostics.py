"""What somebody who helps needs to know of this installation: texts with everything private taken out.

The same scrubbing as for reports. Nothing leaves the device by itself: the owner looks at the files and hands them on.
"""
import asyncio
import io
import json
import platform
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil

from edgeos import NAME, __version__
from edgeos.connections.connection import Connection
from edgeos.connections.journal import Entry
from edgeos.reporting import log_error
from edgeos.reporting.scrub import Scrubber
from edgeos.settings import SettingsError
from edgeos.settings_file import parse_toml, read_text
from edgeos.system import System
from edgeos.web.shapes import connection_shape, event_shape, iso, stats_shape, step_shape

LOG_BYTES = 192 * 1024  # of the app's log, the newest
SETTINGS_CHARACTERS = 192 * 1024
JOURNAL_LINES = 100  # of each connection
JOURNAL_CHARACTERS = 128 * 1024  # of all of them
MOST_EVENTS = 200
MOST_CONNECTIONS = 40  # in full, those in trouble first; the others in a line each
AT_ONCE = 5  # connections looked at before the loop gets its turn
BREATHER = 0.002  # s in which the thread leaves the loop alone

ABOUT = f"""\
{NAME}: diagnostics

Passwords, tokens, user names, addresses and names of machines were taken out; [secret], [user], [address],
[host] and [mac] stand in their place. Look at the files before you hand them on: names that you gave
to connections and points are in them.

about.json        versions, this machine, reporting
settings.toml     the settings
connections.json  state, last error, steps, statistics of each connection
events.json       what went wrong or happened, newest first, with tracebacks
app.log           the end of the app's log
connections.log   the newest lines of the log of each connection
processes.json    this program and its child processes
tasks.txt         what the program is doing at the moment
"""

OWN_MODULE = re.compile(r'edgeos(\.[a-z_]+)+|main\.py')

Files = dict[str, str]


async def collect(system: System) -> Files:
    """File names and their texts, within about a second; the loop is never held up for long."""
    connections = _most_telling(system)
    states: list[dict[str, Any]] = []
    for number, connection in enumerate(connections):
        states.append(_state(system, connection) if number < MOST_CONNECTIONS else _short_state(connection))
        if number % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
    journals = [(connection.id, connection.journal.entries(JOURNAL_LINES)) for connection in connections]
    tasks = '\n'.join(sorted(_task_line(task) for task in asyncio.all_tasks()))
    return await asyncio.to_thread(_write_up, system, states, journals, tasks)


def pack(files: Files) -> bytes:
    """The zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


# on the loop


def _most_telling(system: System) -> list[Connection]:
    return sorted(system.connections.connections.values(), key=lambda connection: connection.last_error is None)


def _state(system: System, connection: Connection) -> dict[str, Any]:
    """What is wrong with one must not cost the rest."""
    try:
        return _full_state(system, connection)
    except Exception as error:
        log_error(error, operation='diagnostics', connection_id=connection.id, type=connection.KIND)
        return {'id': connection.id, 'type': connection.KIND, 'unknown': type(error).__name__}


def _full_state(system: System, connection: Connection) -> dict[str, Any]:
    ladder = connection.ladder.steps(failed=connection.last_error is not None)
    return {**connection_shape(connection, system.connections), 'points': len(connection.source.points),
            'steps': [step_shape(step) for step in ladder],
            'statistics': stats_shape(connection, [])}  # fmt: skip


def _short_state(connection: Connection) -> dict[str, Any]:
    code = connection.last_error.code if connection.last_error is not None else None
    return {'id': connection.id, 'type': connection.KIND, 'status': connection.status.value,
            'health': connection.health.value, 'last_error': code}  # fmt: skip


def _task_line(task: 'asyncio.Task[Any]') -> str:
    frames = task.get_stack(limit=1)
    where = f'{frames[-1].f_code.co_qualname}, line {frames[-1].f_lineno}' if frames else 'between two steps'
    return f'{task.get_name()}: {where}'


# in a thread


def _write_up(system: System, states: list[dict[str, Any]], journals: list[tuple[str, list[Entry]]],
              tasks: str) -> Files:  # fmt: skip
    scrubber = system.reporter.scrubber()
    settings = _attempt(lambda: _settings_text(system, scrubber))
    events = [event_shape(event, full=True) for event in system.reporter.store.query(limit=MOST_EVENTS)]
    return {
        'README.txt': ABOUT,
        'about.json': _json(_about(system), scrubber),
        'settings.toml': scrubber.text(settings),
        'connections.json': _many(states, scrubber),
        'events.json': _json(events, scrubber),
        'app.log': scrubber.text(_attempt(lambda: _end_of(system.paths.data / 'logs' / 'edgeos.log'))),
        'connections.log': scrubber.text(_journal_text(journals)),
        'processes.json': _json(_processes(), scrubber),
        'tasks.txt': scrubber.text(tasks),
    }


def _json(value: object, scrubber: Scrubber) -> str:
    return json.dumps(scrubber.value(value), indent=1, ensure_ascii=False)


def _many(values: list[dict[str, Any]], scrubber: Scrubber) -> str:
    """One a line: a list of hundreds must not keep the loop from its turn."""
    lines = []
    for value in values:
        lines.append(json.dumps(scrubber.value(value), ensure_ascii=False))
        time.sleep(BREATHER)
    return '[\n' + ',\n'.join(lines) + '\n]\n'


def _settings_text(system: System, scrubber: Scrubber) -> str:
    """Without the owner's comments: who knows what is in them."""
    path = system.settings_file.path
    hidden = scrubber.value(parse_toml(path, read_text(path)))
    import tomlkit  # not loaded before somebody needs it

    return tomlkit.dumps(hidden if isinstance(hidden, dict) else {})[:SETTINGS_CHARACTERS]


def _attempt(read: Callable[[], str]) -> str:
    """What cannot be read is said in its place: the rest is wanted all the more."""
    try:
        return read()
    except (OSError, SettingsError) as error:
        return f'cannot be read: {error}\n'


def _end_of(path: Path) -> str:
    with path.open('rb') as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - LOG_BYTES))
        text = file.read().decode('utf-8', 'replace')
    return text if size <= LOG_BYTES else text.partition('\n')[2]  # the first line may be half of one


def _journal_text(journals: Iterable[tuple[str, list[Entry]]]) -> str:
    parts, left = [], JOURNAL_CHARACTERS
    for name, entries in journals:
        lines = [f'{iso(entry.t)} {entry.level:7} {entry.text}' + (f' ({entry.count}x)' if entry.count > 1 else '')
                 for entry in entries]  # fmt: skip
        part = f'--- {name} ---\n' + '\n'.join(lines) + '\n\n'
        if len(part) > left:
            parts.append('[the rest is left out]\n')
            break
        parts.append(part)
        left -= len(part)
    return ''.join(parts)


def _about(system: System) -> dict[str, Any]:
    reporter, store = system.reporter, system.reporter.store
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(system.paths.data)
    return {
        'program': NAME, 'version': __version__, 'now': iso(system.services.clock.wall()),
        'uptime_s': round(system.uptime), 'demo': system.demo is not None,
        'python': platform.python_version(), 'platform': platform.platform(), 'machine': platform.machine(),
        'cores': psutil.cpu_count(), 'load': list(psutil.getloadavg()),
        'memory_mb': {'total': memory.total >> 20, 'available': memory.available >> 20},
        'disk_mb': {'total': disk.total >> 20, 'free': disk.free >> 20},
        'connections': len(system.connections.connections),
        'points': sum(len(source.points) for source in list(system.gateway.sources.values())),
        'troubles': [text for text in (reporter.trouble, store.trouble, system.history.trouble) if text],
        'reporting': {'sending': asdict(reporter.sending), 'environment': reporter.environment,
                      'queue': asdict(reporter.queue), 'last_sent': iso(reporter.last_sent)},
        'packages': sorted(f'{found.name}=={found.version}' for found in distributions()),
    }  # fmt: skip


def _processes() -> list[dict[str, Any]]:
    """This program and all below it; of command lines only a module of ours: secrets stand there too."""
    me = psutil.Process()
    return [found for process in [me, *me.children(recursive=True)] if (found := _process(process))]


def _process(process: psutil.Process) -> dict[str, Any]:
    try:
        with process.oneshot():
            times = process.cpu_times()
            return {'pid': process.pid, 'parent': process.ppid(), 'name': process.name(),
                    'runs': next(filter(OWN_MODULE.fullmatch, process.cmdline()), ''), 'status': process.status(),
                    'started': iso(process.create_time()), 'cpu_s': round(times.user + times.system, 1),
                    'memory_mb': round(process.memory_info().rss / 2**20, 1), 'threads': process.num_threads(),
                    'nice': process.nice()}  # fmt: skip
    except psutil.Error:  # it has just ended, or is not ours to look at
        return {}
