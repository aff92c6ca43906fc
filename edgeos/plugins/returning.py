"""Plugins in a backup: which there were, and how they come again from where they came.

Their code is not in it, and neither is what they have kept for themselves.
"""

import asyncio
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgeos.connections.state import Notice
from edgeos.plugins.config import PluginConfig, load_schema
from edgeos.plugins.disk import PLUGIN_ID
from edgeos.plugins.errors import PluginError
from edgeos.plugins.manifest import FILE, read_manifest
from edgeos.plugins.registry import BUILT_IN, Registry, Release, source_name
from edgeos.plugins.store import Entry, Store, VersionText
from edgeos.plugins.threads import to_end
from edgeos.reporting import log_event
from edgeos.reporting.boundary import Boundary
from edgeos.settings import SettingsError

if TYPE_CHECKING:
    from edgeos.plugins.manager import PluginManager

MOST = 200
FROM_FILE = 'file'  # the source of what was installed from one


class BadPlugins(ValueError):
    """Raised for what is no list of plugins."""


class KeptPlugin(BaseModel):
    """One as it stands in a backup. In `config` secrets are as they were entered, or masked."""

    model_config = ConfigDict(frozen=True, extra='ignore', defer_build=True)

    id: Annotated[str, Field(pattern=f'^{PLUGIN_ID.pattern}$')]
    name: Annotated[str, Field(max_length=100)]
    version: VersionText
    source: Annotated[str, Field(max_length=2000)]
    wanted: bool
    config: dict[str, Any] = {}


class Kept(BaseModel):
    """All of them."""

    model_config = ConfigDict(frozen=True, extra='ignore', defer_build=True)

    plugins: Annotated[tuple[KeptPlugin, ...], Field(max_length=MOST)]


class Return(NamedTuple):
    """What a restore does with one: it is installed as `release`, or `why_not`."""

    plugin: KeptPlugin
    release: Release | None = None
    why_not: Notice | None = None


def write_kept(plugins: Iterable[KeptPlugin]) -> str:
    """As JSON; '' for none."""
    kept = Kept(plugins=tuple(plugins))
    return json.dumps(kept.model_dump(mode='json'), indent=1) if kept.plugins else ''


def read_kept(data: bytes) -> tuple[KeptPlugin, ...]:
    """Raises BadPlugins."""
    try:
        found = Kept.model_validate(json.loads(data)).plugins
    except (ValueError, RecursionError, ValidationError) as error:
        raise BadPlugins('no list of plugins') from error
    if len({plugin.id for plugin in found}) < len(found):
        raise BadPlugins('a plugin that is there twice')
    return found


class Returning:
    """Of one manager. `take` reads the disk: for a thread; all else is called on the loop."""

    def __init__(self, manager: 'PluginManager', store: Store, config: PluginConfig, registry: Registry) -> None:
        self._manager = manager
        self._store = store
        self._config = config
        self._registry = registry
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, *, with_secrets: bool) -> list[KeptPlugin]:
        """What is installed here. Raises SettingsError."""
        return [self._kept(plugin_id, entry, with_secrets)
                for plugin_id, entry in sorted(self._store.installed().items())]  # fmt: skip

    def _kept(self, plugin_id: str, entry: Entry, with_secrets: bool) -> KeptPlugin:
        name, config = plugin_id, dict[str, Any]()
        code = self._manager.folders.version(plugin_id, entry.current or '')
        try:
            manifest = read_manifest((code / FILE).read_bytes())
            name = manifest.name
            config = self._config.taken(plugin_id, load_schema(code, manifest), with_secrets=with_secrets)
        except (PluginError, OSError) as error:  # one whose files are damaged is worth its name at least
            log_event('warning', plugin_id, f'Its configuration is not in the backup: {error}')
        return KeptPlugin(id=plugin_id, name=name, version=entry.current or '', source=entry.source,
                          wanted=entry.wanted, config=config)  # fmt: skip

    async def plan(self, plugins: Iterable[KeptPlugin]) -> list[Return]:
        """What would be done with those that are not installed here."""
        await self._registry.look()
        here = self._store.installed()
        return [self._planned(plugin) for plugin in plugins if plugin.id not in here]

    def _planned(self, plugin: KeptPlugin) -> Return:
        release = self._registry.best(plugin.id, plugin.version)
        if plugin.source == FROM_FILE:
            why_not = Notice('It came from a file: install it from that file again.')
        elif release is None and plugin.source not in (BUILT_IN, *(each.location for each in self._registry.sources)):
            why_not = Notice('It came from {source}: add this source first.', {'source': plugin.source})
        elif release is None:
            why_not = Notice('Its source has no version for this device.')
        elif source_name(release.source) != plugin.source:
            why_not = Notice('It came from {source}, and here another plugin has its id.', {'source': plugin.source})
        else:
            return Return(plugin, release)
        return Return(plugin, why_not=why_not)

    def bring_back(self, wanted: Iterable[Return]) -> None:
        """Begin to install them one after the other, with the permissions they ask for, and to start those that ran."""
        task = asyncio.create_task(self._bring_all(list(wanted)), name='plugins of a backup')
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Begin no other."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _bring_all(self, wanted: list[Return]) -> None:
        """What goes wrong with one keeps back no other."""
        boundary = Boundary('restore the plugins of a backup')
        for each in wanted:
            with boundary:
                try:
                    if each.release is not None:
                        await self._bring(each.plugin, each.release)
                except (PluginError, LookupError, SettingsError, OSError) as error:
                    log_event('error', each.plugin.id, f'It could not be restored from the backup: {error}')

    async def _bring(self, plugin: KeptPlugin, release: Release) -> None:
        manager = self._manager
        begun = await manager.install_plugin(plugin.id, release.version, release.permissions)
        job = manager.jobs.get(begun.id)
        await job.wait()
        if job.state != 'done':
            raise PluginError(job.error or job.state)
        schema = dict((await manager.config(plugin.id)).schema)
        missing = await to_end(self._config.bring, plugin.id, schema, plugin.config)
        if missing:
            places = ', '.join('.'.join(map(str, place)) for place, _message in missing)
            log_event('warning', plugin.id, f'The backup has no passwords. Enter these again: {places}')
        if plugin.wanted:
            await manager.start_plugin(plugin.id)
