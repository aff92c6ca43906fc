"""The program with plugins that are only told of: one line of JSON on its standard input is an order.

{"set": id, ...} changes what a plugin is said to be, {"say": id, "lines": [[level, text], ...]} writes to its log,
{"publish": id, "values": {...}}, {"fail": "reason" | null} for the jobs to come, {"hold": true} keeps jobs from going
on, {"problems": [...]} of the sources, {"empty": true} for nothing installed and nothing offered, {"pin": true}.
What it was asked to do is written to the file `asked` beside the settings, one JSON list a line.
"""
import asyncio
import json
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import main  # noqa: E402
from edgeos.connections.state import Failure  # noqa: E402
from edgeos.plugins.config import InvalidConfig  # noqa: E402
from edgeos.plugins.disk import Folders  # noqa: E402
from edgeos.system import System  # noqa: E402
from tests.e2e.plugins_told import CHANGELOG, ICON, INSTALLED, OFFERS, README, SCHEMA, VALUES  # noqa: E402

MASK = '********'


class Log:
    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.dropped = 0
        self.revision = 0

    def lines(self) -> list[dict[str, Any]]:
        return self.kept[-1000:]

    def write(self, level: str, text: str) -> None:
        self.kept.append({'t': time.strftime('%Y-%m-%dT%H:%M:%S+00:00', time.gmtime()), 'level': level, 'text': text})
        self.revision += 1


@dataclass
class Job:
    title: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: str = 'running'
    percent: float = 0
    log: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, str] | None = None
    can_cancel: bool = True
    cancelled: bool = False

    def cancel(self) -> bool:
        self.cancelled = True
        return True


class Told:
    """A plugin, an offer, settings or a source: whatever it is told to be."""

    def __init__(self, **what: Any) -> None:
        self.__dict__.update(what)

    @property
    def failure(self) -> Failure | None:
        told = self.last_error
        return Failure(told['code'], told['message'], told['hint']) if told else None


def plugin(**what: Any) -> Told:
    return Told(**{
        'version': '1.0.0', 'state': 'running', 'throttled': False, 'pid': 4711, 'cpu_percent': 3.2, 'cpu_limit': 50.0,
        'memory_mb': 24.0, 'memory_limit_mb': 150.0, 'restarts': 0, 'last_error': None, 'next_try_in': None,
        'permissions': [], 'granted': [], 'update': None, 'previous': None, 'description': '', 'author': '',
        'license': 'MIT', 'homepage': 'https://example.com/', 'busy': None, 'messages_per_s': 4.0, 'points': 0,
        'isolation': {'uid': True, 'landlock': 4, 'tcp': False, 'no_new_privs': True}, 'source': 'Built in', 'log': Log(), 'descriptions': {},
    } | what)  # fmt: skip


def offer(**what: Any) -> Told:
    return Told(**{
        'description': '', 'author': 'Somebody', 'icon': '', 'version': '1.0.0', 'size': 84_000, 'permissions': [],
        'resources': {'cpu_percent': 50, 'memory_mb': 150}, 'published': '2026-10-01T10:00:00Z', 'changelog': '',
        'keywords': [], 'category': '', 'installed': None, 'why_not': None, 'source': 'Built in', 'descriptions': {},
    } | what)  # fmt: skip


class Manager:
    may_run, pids = False, ()
    def __init__(self, system: System) -> None:
        self._system = system
        self.folders = Folders(system.settings_file.path.parent / 'plugins')
        self.folders.prepare()
        self.plugins = {what['id']: plugin(**what) for what in INSTALLED}
        self.offers = [offer(**what) for what in OFFERS]
        self.problems: list[str] = []
        self.as_of: float | None = time.time()
        self.values: dict[str, Any] = json.loads(json.dumps(VALUES))
        self.sources = [Told(url='builtin', name='Built in', key=True, problem=None, plugins=3, is_read=True)]
        self.fail: str | None = None
        self.hold = False
        self.jobs: dict[str, Job] = {}

    def asked(self, *what: Any) -> None:
        with (self._system.settings_file.path.parent / 'asked').open('a') as file:
            file.write(json.dumps(what) + '\n')

    @property
    def coming(self) -> dict[str, Job]:
        return {name: job for name, job in self.jobs.items() if job.state == 'running' and name not in self.plugins}

    async def icon(self, plugin_id: str) -> bytes | None:
        return ICON if plugin_id in ('alarms', 'home-assistant') else None

    async def readme(self, plugin_id: str) -> str:
        return README if plugin_id == 'alarms' else ''

    async def changelog(self, plugin_id: str) -> str:
        return CHANGELOG

    async def available(self) -> Any:
        for each in self.offers:
            each.installed = self.plugins[each.id].version if each.id in self.plugins else None
        return Told(list=self.offers, problems=self.problems, as_of=self.as_of)

    async def refresh(self) -> None:
        self.asked('refresh')
        while self.hold:
            await asyncio.sleep(0.05)
        self.sources = [Told(**vars(each) | {'is_read': True, 'plugins': 3}) for each in self.sources]
        self.problems, self.as_of = [], time.time()

    def new_permissions(self, plugin_id: str, version: str | None = None) -> list[str]:
        granted = self.plugins[plugin_id].granted if plugin_id in self.plugins else []
        wanted = next(each.permissions for each in self.offers if each.id == plugin_id)
        return [each for each in wanted if each not in granted]

    async def install_plugin(self, plugin_id: str, version: str | None = None, grant: Any = None) -> Job:
        self.asked('install', plugin_id, version, grant)
        offered = next(each for each in self.offers if each.id == plugin_id)
        there = self.plugins.get(plugin_id)

        def switch() -> None:
            self.plugins[plugin_id] = plugin(id=plugin_id, name=offered.name, version=offered.version,
                                             state='running' if there else 'installed', description=offered.description,
                                             pid=1 if there else None, permissions=offered.permissions,
                                             granted=offered.permissions, previous=there.version if there else None)

        return self._begin(plugin_id, 'update' if there else 'install', switch)

    async def look_into(self, path: Path) -> Any:
        manifest = json.loads(path.read_bytes())
        return Told(translations={}, **manifest), manifest['permissions']

    async def install_file(self, path: Path, grant: Any = None) -> Job:
        manifest = json.loads(path.read_bytes())
        self.asked('install file', manifest['id'], grant)
        return self._begin(manifest['id'], 'install', lambda: self.plugins.update(
            {manifest['id']: plugin(id=manifest['id'], name=manifest['name'], state='installed', pid=None)}))

    async def roll_back(self, plugin_id: str) -> Job:
        self.asked('roll_back', plugin_id)
        there = self.plugins[plugin_id]

        def back() -> None:
            there.version, there.previous = there.previous, None

        return self._begin(plugin_id, 'roll back', back)

    async def do_not_offer(self, plugin_id: str, version: str) -> None:
        self.asked('do_not_offer', plugin_id, version)
        self.plugins[plugin_id].update = None

    async def uninstall_plugin(self, plugin_id: str, drop_data: bool = False) -> Job:
        self.asked('uninstall', plugin_id, drop_data)
        return self._begin(plugin_id, 'uninstall', lambda: self.plugins.pop(plugin_id))

    def _begin(self, plugin_id: str, title: str, done: Any) -> Job:
        job = self.jobs[plugin_id] = Job(title)
        if plugin_id in self.plugins:
            self.plugins[plugin_id].busy = job
        self.task = asyncio.ensure_future(self._work(job, done))
        return job

    async def _work(self, job: Job, done: Any) -> None:
        for percent, text in ((5, 'Checking the space'), (30, 'Downloading'), (55, 'Unpacking'), (80, 'Trial start')):
            job.percent = percent
            job.log.append({'t': '2026-11-26T10:00:00Z', 'level': 'info', 'text': text})
            await asyncio.sleep(0.15)
            while self.hold and percent == 55 and not job.cancelled:
                await asyncio.sleep(0.05)
            if job.cancelled or (self.fail and percent == 80):
                why = 'Cancelled.' if job.cancelled else str(self.fail)
                job.error = {'message': why, 'hint': 'Try again, or ask its author.'}
                job.log.append({'t': '2026-11-26T10:00:00Z', 'level': 'error', 'text': why})
                job.state = 'failed'
                return
        done()
        job.percent, job.state = 100, 'done'

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def start_plugin(self, plugin_id: str) -> None:
        self._switch('start', plugin_id, state='running', pid=99, last_error=None, next_try_in=None)

    async def stop_plugin(self, plugin_id: str) -> None:
        self._switch('stop', plugin_id, state='stopped', pid=None, cpu_percent=None, memory_mb=None)

    async def restart_plugin(self, plugin_id: str) -> None:
        self._switch('restart', plugin_id, state='running')

    async def kill_plugin(self, plugin_id: str) -> None:
        self._switch('kill', plugin_id, state='backoff', pid=None, next_try_in=4.0,
                     last_error={'code': 'killed', 'message': 'It was killed.', 'hint': '', 'at': ''})

    def _switch(self, what: str, plugin_id: str, **now: Any) -> None:
        self.asked(what, plugin_id)
        self.plugins[plugin_id].__dict__.update(now)

    async def config(self, plugin_id: str) -> Any:
        await asyncio.sleep(0.05)
        has_form = plugin_id == 'alarms'
        return Told(schema=SCHEMA if has_form else {'type': 'object', 'properties': {}}, problems=[],
                    values=self.values if has_form else {})

    async def set_config(self, plugin_id: str, values: Any) -> None:
        if values.get('topic') == 'refused/by/manager':
            raise InvalidConfig([('rules.0.limit', 'The limit is out of range.'), (('topic',), 'This topic is taken.')])
        self.asked('set_config', plugin_id, values)
        self.values = values

    async def add_source(self, url: str, key: str = '', *, wait: bool = True) -> None:
        self.asked('add_source', url, key)
        self.sources.append(Told(url=url, name='', key=key, problem=None, plugins=0, is_read=False))

    async def remove_source(self, url: str, *, wait: bool = True) -> Any:
        removed = next(each for each in self.sources if each.url == url)
        self.sources = [each for each in self.sources if each.url != url]
        return Told(location=removed.url, key=removed.key)


class Mute:
    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        pass


ready = threading.Event()
house: list[tuple[System, Manager, asyncio.AbstractEventLoop]] = []
make_system, start_system = System.__init__, System.start


def make(system: System, *arguments: Any, **more: Any) -> None:
    make_system(system, *arguments, **more)
    system.plugins = Manager(system)  # type: ignore[attr-defined]


async def start(system: System) -> None:
    await start_system(system)
    house.append((system, system.plugins, asyncio.get_running_loop()))  # type: ignore[attr-defined]
    ready.set()


def do(command: dict[str, Any]) -> None:
    system, manager, _loop = house[0]
    if plugin_id := command.pop('set', None):
        manager.plugins[plugin_id].__dict__.update(command)
    elif plugin_id := command.get('say'):
        log = manager.plugins[plugin_id].log
        log.dropped = command.get('dropped', log.dropped)
        for level, text in command['lines']:
            log.write(level, text)
    elif plugin_id := command.get('publish'):
        source = system.gateway.sources.get(plugin_id) or system.gateway.add_source(plugin_id, Mute())
        for name, value in command['values'].items():
            if point := system.gateway.point(source, name, unit=command.get('unit', ''), writable=True):
                system.gateway.publish(point, value, time.time())
    elif command.get('empty'):
        manager.plugins, manager.offers = {}, []
    elif more := command.get('more'):
        manager.plugins |= {f'copy-{n}': plugin(id=f'copy-{n}', name=f'Copy number {n}') for n in range(more)}
        manager.offers += [offer(id=f'offer-{n}', name=f'Offer number {n}', description='One of many') for n in range(more * 10)]
    else:
        for key, value in command.items():
            setattr(manager, key, value)


def obey() -> None:
    ready.wait()
    for line in sys.stdin:
        house[0][2].call_soon_threadsafe(do, json.loads(line))


if __name__ == '__main__':
    System.__init__ = make  # type: ignore[method-assign]
    System.start = start  # type: ignore[method-assign]
    threading.Thread(target=obey, daemon=True).start()
    sys.exit(main.main())
