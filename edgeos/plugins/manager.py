"""Plugins as their owner knows them: what is installed and what can be, and everything that is done with them."""
import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.gateway import Gateway
from edgeos.limits import Limits
from edgeos.plugins.config import PluginConfig, load_schema
from edgeos.plugins.disk import Folders
from edgeos.plugins.install import Installer
from edgeos.plugins.isolation import hide_app
from edgeos.plugins.jobs import Jobs
from edgeos.plugins.manifest import Manifest
from edgeos.plugins.package import ICON, MOST_ICON, MOST_README, README
from edgeos.plugins.permissions import added
from edgeos.plugins.plugin import RunningPlugin
from edgeos.plugins.registry import Registry, Release, Source
from edgeos.plugins.returning import Returning
from edgeos.plugins.runner import NotLoaded, PluginRunner
from edgeos.plugins.services import PluginServices
from edgeos.plugins.sources import SourceList
from edgeos.plugins.store import Entry, Store, UnknownPlugin
from edgeos.plugins.switching import Switching, with_version
from edgeos.plugins.threads import to_end
from edgeos.plugins.uninstall import DROP, KEEP, Uninstaller
from edgeos.plugins.versions import Version
from edgeos.plugins.views import (
    ConfigView,
    JobView,
    Offers,
    PluginView,
    SourceView,
    offers_of,
    plugin_view,
    sources_of,
    text_of,
    unloaded_view,
)
from edgeos.reporting import log_event
from edgeos.reporting.boundary import Boundary
from edgeos.secrets import SecretStore

REFRESH_EVERY = 6 * 3600.0  # s
CHANGES = 'CHANGELOG.md'
TERM_AT_END, KILL_AT_END = 1.5, 2.5  # s; when the app ends


class PluginManager:
    """Everything is called on the event loop. `is_taken` says whether an id belongs to a connection."""

    def __init__(self, data: Path, gateway: Gateway, limits: Limits, secrets: SecretStore, *,
                 is_taken: Callable[[str], bool] = lambda _id: False, clock: Clock = SYSTEM_CLOCK) -> None:  # fmt: skip
        """`data` is the app's data folder. Raises OSError."""
        self.folders = Folders((data / 'plugins').absolute())
        self.jobs = Jobs(clock)
        self._store = Store(self.folders.state)
        self._limits = limits
        self._config = PluginConfig(self._store, secrets)
        self._runner = PluginRunner(self.folders, self._store, self._config, PluginServices(gateway, limits, clock),
                                    is_taken=is_taken)  # fmt: skip
        self._switching = Switching(self.folders, self._store, self.jobs, self._runner, clock=clock)
        self._installer = Installer(self._switching, is_taken=is_taken, clock=clock)
        self._uninstaller = Uninstaller(self._switching, secrets, is_taken=is_taken, clock=clock)
        self._sources = SourceList(self.folders.root / 'sources.json')
        self._registry = Registry(self.folders.cache, self._sources.all, clock=clock)
        self.returning = Returning(self, self._store, self._config, self._registry)
        self._tasks: list[asyncio.Task[None]] = []

    # the app's life

    async def start(self) -> None:
        """Finish what was begun before, start again what ran; returns before they run."""
        hide_app()
        with Boundary('recover the plugins'):
            found = await self._uninstaller.recover()
            if found.problem:
                log_event('error', 'plugins', found.problem)
            for plugin_id in self._store.installed():
                await self._load(plugin_id)
            for plugin_id in found.broken:
                if plugin_id in self._runner.plugins:
                    log_event('warning', plugin_id, 'Its environment does not fit this Python and is made anew.')
                    self._switching.repair(plugin_id)
            await asyncio.gather(*(plugin.start() for plugin_id, plugin in self._runner.plugins.items()
                                   if self._store.get(plugin_id).wanted and plugin_id not in found.broken))
            self._switching.watch_new(self._runner.plugins)
        self._tasks.append(asyncio.create_task(self._refresh_for_ever(), name='refresh plugin registries'))

    async def stop(self) -> None:
        """End all of them side by side, within 3 s."""
        for task in self._tasks:
            task.cancel()
        self._registry.close()
        await self.returning.stop()
        await self._switching.stop()
        await self.jobs.stop(1.0)
        stops = [plugin.close(term_after=TERM_AT_END, kill_after=KILL_AT_END)
                 for plugin in self._runner.plugins.values()]  # fmt: skip
        await asyncio.gather(*stops)

    async def _load(self, plugin_id: str) -> None:
        try:
            await self._runner.load(plugin_id)
        except NotLoaded as error:
            log_event('error', plugin_id, str(error))

    async def _refresh_for_ever(self) -> None:
        boundary = Boundary('refresh plugin registries')
        while True:
            with boundary:
                await self._registry.refresh()
            await asyncio.sleep(REFRESH_EVERY)

    # what there is

    @property
    def plugins(self) -> dict[str, PluginView]:
        """Those installed, by id, as they are now."""
        rows = self._limits.limiter.get_stats()['processes']
        return {plugin_id: self._view(plugin_id, entry, rows)
                for plugin_id, entry in sorted(self._store.installed().items()) if self._runner.knows(plugin_id)}

    @property
    def coming(self) -> dict[str, JobView]:
        """What is being installed and is not there yet, by id."""
        return {job.plugin_id: JobView(job) for job in self.jobs.all()
                if job.state == 'running' and job.action == 'install' and not self._runner.knows(job.plugin_id)}

    def has_id(self, name: str) -> bool:
        """Whether a plugin has this id, also one of which only data and secrets were kept."""
        return self._store.find(name) is not None

    @property
    def may_run(self) -> bool:
        """Whether code of a plugin may be running now, also for a trial."""
        return bool(self._runner.plugins) or any(job.state == 'running' for job in self.jobs.all())

    @property
    def pids(self) -> list[int]:
        """Of those that run."""
        return [plugin.pid for plugin in self._runner.plugins.values() if plugin.pid is not None]

    def get(self, plugin_id: str) -> PluginView:
        """Raises UnknownPlugin."""
        entry = self._store.get(plugin_id)
        if not self._runner.knows(plugin_id):  # at this moment it comes or goes
            raise UnknownPlugin(plugin_id)
        return self._view(plugin_id, entry, self._limits.limiter.get_stats()['processes'])

    def _view(self, plugin_id: str, entry: Entry, rows: Mapping[int, Mapping[str, Any]]) -> PluginView:
        update, job = self._update_of(plugin_id, entry), self.jobs.of(plugin_id)
        if (running := self._runner.plugins.get(plugin_id)) is None:
            return unloaded_view(plugin_id, entry, self._runner.unloaded[plugin_id], update, job)
        return plugin_view(running, entry, rows.get(running.pid or 0, {}), update, job)

    def _running(self, plugin_id: str) -> RunningPlugin:
        """Raises UnknownPlugin, NotLoaded."""
        self._store.get(plugin_id)
        return self._runner.get(plugin_id)

    def _update_of(self, plugin_id: str, entry: Entry) -> str | None:
        offered = next((each for each in self._registry.available() if each.id == plugin_id), None)
        if offered is None or entry.current is None or offered.version in entry.skip:
            return None
        return offered.version if Version.parse(offered.version) > Version.parse(entry.current) else None

    async def available(self) -> Offers:
        """What the sources have, as last read; the first time what is on this device, while the rest is read."""
        await self._registry.look()
        return offers_of(self._registry, self._store)

    async def refresh(self) -> None:
        """Read the sources now."""
        await self._registry.refresh()

    async def icon(self, plugin_id: str) -> bytes | None:
        """SVG, of an installed plugin."""
        path = self._code(plugin_id) / ICON
        return (await asyncio.to_thread(text_of, path, MOST_ICON)).encode() or None

    async def readme(self, plugin_id: str) -> str:
        """Markdown by the author, who may be anybody."""
        return await asyncio.to_thread(text_of, self._code(plugin_id) / README, MOST_README)

    async def changelog(self, plugin_id: str) -> str:
        """What changed, newest first: of the offered version, else of the installed one."""
        offered = next((each for each in self._registry.available() if each.id == plugin_id), None)
        if offered is not None and offered.changelog:
            return offered.changelog
        if self._store.find(plugin_id) is None:
            return ''
        return await asyncio.to_thread(text_of, self._code(plugin_id) / CHANGES, MOST_README)

    def _code(self, plugin_id: str) -> Path:
        return self.folders.version(plugin_id, self._store.get(plugin_id).current or '')

    # install, update, remove

    def new_permissions(self, plugin_id: str, version: str | None = None) -> list[str]:
        """What the owner has to grant before it can be installed or updated. Raises UnknownRelease."""
        entry = self._store.find(plugin_id) or Entry()
        return added(entry.granted, self._registry.release(plugin_id, version).permissions)

    async def install_plugin(self, plugin_id: str, version: str | None = None,
                             grant: Collection[str] | None = None) -> JobView:  # fmt: skip
        """Install or update. Raises NeedsConsent, UnknownRelease, CannotInstall, Busy."""
        release: Release = self._registry.release(plugin_id, version)
        return JobView(await self._installer.install(release, grant or ()))

    async def look_into(self, path: Path) -> tuple[Manifest, list[str]]:
        """Who a zip says it is, and what has to be granted first. Raises BadPackage, OSError."""
        return await self._installer.look_into(path)

    async def install_file(self, path: Path, grant: Collection[str] | None = None) -> JobView:
        """The same from a zip; one in the work folder goes with the job. Raises as above, and BadPackage."""
        return JobView(await self._installer.install(path, grant or ()))

    async def uninstall_plugin(self, plugin_id: str, drop_data: bool = False) -> JobView:
        """Raises UnknownPlugin, Busy."""
        return JobView(self._uninstaller.uninstall(plugin_id, DROP if drop_data else KEEP))

    async def roll_back(self, plugin_id: str) -> JobView:
        """Raises UnknownPlugin, NothingToRollBackTo, Busy."""
        return JobView(self._switching.roll_back(plugin_id, skip=True))

    async def do_not_offer(self, plugin_id: str, version: str) -> None:
        """This version is no update any more. Raises UnknownPlugin, OSError."""
        skip = with_version(self._store.get(plugin_id).skip, str(Version.parse(version)))
        await to_end(self._store.change, plugin_id, skip=skip)

    # run

    async def start_plugin(self, plugin_id: str) -> None:
        """It runs, and runs again with the app. Raises UnknownPlugin, NotLoaded, Busy, OSError."""
        if plugin_id in self._runner.unloaded:  # what was in the way may be gone
            self.jobs.check_free(plugin_id)
            await self._runner.load(plugin_id)
        await self._want(plugin_id, True)
        await self._running(plugin_id).start()

    async def stop_plugin(self, plugin_id: str) -> None:
        """It does not run until it is started. Raises UnknownPlugin, Busy, OSError."""
        await self._want(plugin_id, False)
        await self._running(plugin_id).stop()

    async def restart_plugin(self, plugin_id: str) -> None:
        """Raises UnknownPlugin, Busy, OSError."""
        await self._want(plugin_id, True)
        await self._running(plugin_id).restart()

    async def kill_plugin(self, plugin_id: str) -> None:
        """End it at once, as a crash would. Raises UnknownPlugin."""
        self._running(plugin_id).kill()

    async def _want(self, plugin_id: str, wanted: bool) -> None:
        self._running(plugin_id)
        self.jobs.check_free(plugin_id)
        changes = {'wanted': wanted}
        if not wanted:
            self._switching.end_watch(plugin_id)
            changes['on_trial'] = False
        await to_end(self._store.change, plugin_id, was_started=True, **changes)

    # configuration

    async def config(self, plugin_id: str) -> ConfigView:
        """With its schema, to make a form of. Raises UnknownPlugin."""
        return await asyncio.to_thread(self._read_config, plugin_id)

    def _read_config(self, plugin_id: str) -> ConfigView:
        schema = load_schema(self._code(plugin_id), self._running(plugin_id).manifest)
        return ConfigView(schema, self._config.shown(plugin_id, schema), self._config.problems(plugin_id, schema))

    async def set_config(self, plugin_id: str, values: dict[str, Any]) -> None:
        """Keep it, hand it over if it runs. Raises UnknownPlugin, Busy, InvalidConfig, SettingsError, OSError."""
        running = self._running(plugin_id)
        self.jobs.check_free(plugin_id)
        effective = await to_end(self._keep_config, plugin_id, running, values)
        await running.config_changed(effective)

    def _keep_config(self, plugin_id: str, running: RunningPlugin, values: dict[str, Any]) -> dict[str, Any]:
        schema = load_schema(self._code(plugin_id), running.manifest)
        self._config.set(plugin_id, schema, values)
        running.hidden.learn(self._config.secrets(plugin_id, schema))
        return self._config.effective(plugin_id, schema)

    # sources

    @property
    def sources(self) -> list[SourceView]:
        """The bundled one first."""
        return sources_of(self._sources.all, self._registry)

    async def add_source(self, url: str, key: str = '', *, wait: bool = True) -> None:
        """Without `wait` it answers when the source is kept, and reads it then. Raises BadSource, OSError."""
        await to_end(self._sources.add, url, key)
        await self._read_sources(wait)

    async def remove_source(self, url: str, *, wait: bool = True) -> Source:
        """Plugins from there stay; answers what it was, with its key. Raises BadSource, OSError."""
        removed = await to_end(self._sources.remove, url)
        await self._read_sources(wait)
        return removed

    async def _read_sources(self, wait: bool) -> None:
        self._registry.sources = self._sources.all
        self._registry.begin()
        if wait:
            with contextlib.suppress(asyncio.CancelledError):
                await self._registry.refresh()

    # the names of the contract

    async def get_installed_plugins(self) -> list[dict[str, Any]]:
        """As the API answers them."""
        return [view.shape() for view in self.plugins.values()]

    async def get_available_plugins(self) -> list[dict[str, Any]]:
        """As the API answers them: each with the newest version that runs here."""
        return [asdict(offer) for offer in (await self.available()).list]
