"""Who runs which version of which plugin: keeps what runs in step with what is installed."""
import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from edgeos.connections.state import Failure
from edgeos.plugins import disk, faults
from edgeos.plugins.config import PluginConfig, load_schema
from edgeos.plugins.errors import PluginError
from edgeos.plugins.faults import PluginFailed
from edgeos.plugins.hidden import Hidden
from edgeos.plugins.isolation import Folders, NoIsolation, free_uid, is_root, is_usable
from edgeos.plugins.manifest import FILE, Manifest, read_manifest
from edgeos.plugins.phrase import Phrase, phrase_of
from edgeos.plugins.plugin import RunningPlugin
from edgeos.plugins.plugin_log import PluginLog
from edgeos.plugins.services import PluginServices
from edgeos.plugins.store import Entry, Store, UnknownPlugin
from edgeos.plugins.supervisor import State
from edgeos.plugins.switching import DidNotStart
from edgeos.plugins.threads import to_end
from edgeos.plugins.trial import try_out

LAST_WORDS = 20  # lines of a trial that failed


class IdTaken(PluginError):
    """Raised for a plugin whose id was given to a connection meanwhile, by hand."""

    def __init__(self, plugin_id: str) -> None:
        super().__init__(Phrase('a connection has the id {plugin}, too; give that one another, or uninstall the plugin',
                                plugin=plugin_id))  # fmt: skip


class NotLoaded(PluginError):
    """Raised for what is to be done with a plugin that is installed and cannot be loaded; the text says why."""


class PluginRunner:
    """The `Runner` of installs and updates. Everything is called on the loop."""

    def __init__(self, folders: disk.Folders, store: Store, config: PluginConfig, services: PluginServices, *,
                 is_taken: Callable[[str], bool] = lambda _id: False) -> None:  # fmt: skip
        """`is_taken` says whether an id belongs to a connection."""
        self.plugins: dict[str, RunningPlugin] = {}
        self.unloaded: dict[str, Failure] = {}  # installed, but not in `plugins`: why
        self._folders = folders
        self._store = store
        self._config = config
        self._services = services
        self._is_taken = is_taken
        self._trial_uids: set[int] = set()
        self._choosing = asyncio.Lock()  # of a uid

    def knows(self, plugin_id: str) -> bool:
        """Whether it is loaded, or could not be."""
        return plugin_id in self.plugins or plugin_id in self.unloaded

    def get(self, plugin_id: str) -> RunningPlugin:
        """Raises UnknownPlugin, NotLoaded."""
        if (found := self.plugins.get(plugin_id)) is not None:
            return found
        if (why := self.unloaded.get(plugin_id)) is not None:
            raise NotLoaded(faults.phrase(why))
        raise UnknownPlugin(plugin_id)

    async def load(self, plugin_id: str) -> RunningPlugin:
        """The current version of it, made and not started. Raises UnknownPlugin, NotLoaded."""
        try:
            made = await self._load(plugin_id)
        except (PluginError, OSError, NoIsolation) as error:
            if (former := self.plugins.pop(plugin_id, None)) is not None:
                former.points.remove()
            fault = faults.cannot_load(phrase_of(error))
            why = self.unloaded[plugin_id] = faults.at(fault, self._services.clock.wall())
            raise NotLoaded(faults.phrase(why)) from error
        self.unloaded.pop(plugin_id, None)
        return made

    async def _load(self, plugin_id: str) -> RunningPlugin:
        entry = self._store.get(plugin_id)
        if self._is_taken(plugin_id):  # its points would take the place of the connection's
            raise IdTaken(plugin_id)
        code = self._folders.version(plugin_id, entry.current or '')
        manifest = await asyncio.to_thread(_manifest_in, code)
        uid = await self._uid_of(plugin_id, entry)
        folders = Folders(code, self._folders.data(plugin_id), self._folders.storage(plugin_id))
        hidden = Hidden()
        made = RunningPlugin(manifest, folders, self._services, partial(self._config_of, manifest, code, hidden),
                             entry.granted, uid, hidden)  # fmt: skip
        if entry.was_started:
            made.state = State.STOPPED
        self.plugins[plugin_id] = made
        return made

    async def start_trial(self, manifest: Manifest, folder: Path) -> None:
        """Start the version in `folder` beside what runs, until its hello and a ping; end it. Raises DidNotStart."""
        work = self._folders.new_work('trial')
        log = PluginLog(self._services.clock)
        uid: int | None = None
        try:
            uid = await self._trial_uid()
            await asyncio.to_thread(work.mkdir, 0o700)
            await try_out(manifest, Folders(folder, work / 'data', work / 'storage.json'), uid, log,
                          self._services.clock, self._services.limits)  # fmt: skip
        except NoIsolation as error:
            raise DidNotStart(phrase_of(error)) from error
        except PluginFailed as error:
            why, said = phrase_of(error), [line.text for line in log.lines()[-LAST_WORDS:] if line.text.strip()]
            text = Phrase('{why} It said last: {line}', why=why, line=said[-1].strip()) if said else why
            raise DidNotStart(text, said) from error
        finally:
            self._trial_uids.discard(uid or 0)
            await to_end(disk.remove, work)

    async def switch(self, plugin_id: str) -> None:
        """Bring what runs in step with the store. Answers when it runs; raises DidNotStart."""
        entry = self._store.find(plugin_id)
        is_installed = entry is not None and entry.current is not None
        running = self.plugins.get(plugin_id)
        is_other = running is not None and (running.is_closed or entry is None or running.version != entry.current)
        if running is not None and is_other:
            await (running.close() if is_installed else running.remove())
            running = None  # and is shown until the other one is there
        if entry is None or not is_installed:
            self.plugins.pop(plugin_id, None)
            self.unloaded.pop(plugin_id, None)
            return
        if running is None:
            try:
                running = await self.load(plugin_id)
            except NotLoaded as error:
                raise DidNotStart(phrase_of(error)) from error
        if entry.wanted:
            try:
                await running.start()
                await running.came_up()
            except PluginFailed as error:
                raise DidNotStart(phrase_of(error), was_killed=error.failure.code == faults.KILLED) from error

    async def stop(self, plugin_id: str) -> None:
        """End it, for as long as nobody calls `switch`."""
        if (running := self.plugins.get(plugin_id)) is not None:
            await running.close()

    async def crashed(self, plugin_id: str) -> str:
        """Wait, for ever if need be, until it crashes or fails from now on; the reason."""
        running = self.plugins[plugin_id]
        await running.went_down()
        return running.last_error.message if running.last_error is not None else 'it ended'

    def _config_of(self, manifest: Manifest, code: Path, hidden: Hidden) -> dict[str, Any]:
        schema = load_schema(code, manifest)
        hidden.learn(self._config.secrets(manifest.id, schema))
        return self._config.effective(manifest.id, schema)

    async def _uid_of(self, plugin_id: str, entry: Entry) -> int | None:
        """Its user, given once: its data belongs to that one."""
        if not is_root() or (entry.uid is not None and await asyncio.to_thread(is_usable, entry.uid)):
            return entry.uid  # else it has become somebody else's
        async with self._choosing:
            uid = await asyncio.to_thread(free_uid, self._taken(), str(self._folders.root))
            await to_end(self._store.change, plugin_id, uid=uid)
        return uid

    async def _trial_uid(self) -> int | None:
        if not is_root():
            return None
        async with self._choosing:
            uid = await asyncio.to_thread(free_uid, self._taken(), str(self._folders.root))
            self._trial_uids.add(uid)
        return uid

    def _taken(self) -> set[int]:
        return self._trial_uids | {entry.uid for entry in self._store.all().values() if entry.uid is not None}


def _manifest_in(code: Path) -> Manifest:
    return read_manifest((code / FILE).read_bytes())
