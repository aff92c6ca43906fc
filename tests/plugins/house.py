"""Plugins for tests: a gateway, a limiter, and hand-written children, under users of their own as root."""
import asyncio
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.connections.kinds import config_models
from edgeos.gateway import Gateway
from edgeos.limiter import ResourceLimiter
from edgeos.limits import Limits
from edgeos.plugins.isolation import Folders, is_root
from edgeos.plugins.manifest import HealthCheck, Manifest
from edgeos.plugins.plugin import RunningPlugin
from edgeos.plugins.services import PluginServices
from edgeos.settings import SettingsFile

CHILD = Path(__file__).with_name('child.py')


def some_uid() -> int | None:
    """Not the first free one: other tests may run beside these, and what runs under it is swept."""
    return random.randrange(60_730, 61_080) if is_root() else None


def manifest(kind: str = 'good', plugin_id: str = 'demo', **changes: Any) -> Manifest:
    """Of a child that behaves like that; health checks may be quicker than authors can ask for."""
    health = changes.pop('health', None)
    changes['permissions'] = tuple(changes.get('permissions', ()))
    timeouts = {name: changes.pop(name) for name in ('start_timeout_s', 'stop_timeout_s') if name in changes}
    made = Manifest.model_validate({'schema': 1, 'id': plugin_id, 'name': 'Demo', 'version': '1.2.3', 'api': 1,
                                    'entry': {'module': f'child:{kind}'}, **changes})  # fmt: skip
    if health is not None:
        timeouts['health'] = HealthCheck.model_construct(interval_s=health[0], timeout_s=health[1], misses=health[2])
    return made.model_copy(update=timeouts)


def folders(root: Path, plugin_id: str = 'demo', shim: Path = CHILD) -> Folders:
    """With a virtual environment that has nothing in it."""
    code = root / plugin_id / '1.2.3'
    python = code / 'venv' / 'bin' / 'python'
    if not python.exists():
        python.parent.mkdir(parents=True)
        python.symlink_to(Path(sys.executable).resolve())
    return Folders(code, root / plugin_id / 'data', root / 'storage' / f'{plugin_id}.json', shim)


class House:
    """Makes plugins and ends them."""

    def __init__(self, root: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self.root = root
        self.clock = clock
        self.gateway = Gateway()
        self.plugins: list[RunningPlugin] = []
        self.limits: Limits | None = None
        self.config: dict[str, Any] = {}

    def hold(self, cpu: float = 50, memory: float = 150) -> Limits:
        """From now on plugins are held."""
        file = SettingsFile.load(self.root / 'settings.toml', config_models(), create=True)
        limiter = ResourceLimiter(cpu, 0.1, memory_limit_mb=memory, strays=self.root / 'processes.json')
        limiter.start_monitoring()
        self.limits = Limits(limiter, file)
        return self.limits

    def plugin(self, kind: str = 'good', plugin_id: str = 'demo', granted: Sequence[str] | None = None,
               **changes: Any) -> RunningPlugin:  # fmt: skip
        made = manifest(kind, plugin_id, **changes)
        services = PluginServices(self.gateway, self.limits, self.clock, lambda: 0.5)
        plugin = RunningPlugin(made, folders(self.root, plugin_id), services, lambda: self.config,
                               made.permissions if granted is None else granted, some_uid())  # fmt: skip
        self.plugins.append(plugin)
        return plugin

    async def run(self, kind: str = 'good', plugin_id: str = 'demo', **changes: Any) -> RunningPlugin:
        """One that has come up."""
        plugin = self.plugin(kind, plugin_id, **changes)
        await plugin.start()
        await plugin.came_up()
        return plugin

    async def close(self) -> None:
        await asyncio.gather(*(plugin.stop(term_after=0.1, kill_after=0.2) for plugin in self.plugins))
        if self.limits is not None:
            await asyncio.to_thread(self.limits.limiter.shutdown)


def said(plugin: RunningPlugin) -> str:
    """Its log as one text."""
    return '\n'.join(line.text for line in plugin.log.lines())


def value(house: House, point_id: str) -> Any:
    """Of a point; None when it is not there."""
    name = point_id.partition('/')[2]
    point = house.gateway.sources[point_id.partition('/')[0]].points.get(name)
    return None if point is None else point.value


def is_alive(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False


def name_of(pid: int) -> str:
    """Of the program it runs, '' when it has ended."""
    try:
        return Path(f'/proc/{pid}/comm').read_text().strip()
    except OSError:
        return ''


def living(uid: int | None) -> list[int]:
    """Processes of that user."""
    return [int(name) for name in os.listdir('/proc') if name.isdigit() and is_alive(int(name))
            and os.path.exists(f'/proc/{name}') and os.stat(f'/proc/{name}').st_uid == uid]  # fmt: skip
