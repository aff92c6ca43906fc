"""Uninstall, and what every start does first: finish what was begun, remove what was never finished."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.plugins import audit, disk
from edgeos.plugins.disk import MARK, PLUGIN_ID
from edgeos.plugins.environment import is_ready
from edgeos.plugins.errors import PluginError
from edgeos.plugins.jobs import Job
from edgeos.plugins.manifest import RESERVED
from edgeos.plugins.phrase import Phrase
from edgeos.plugins.store import Entry
from edgeos.plugins.switching import Switching
from edgeos.plugins.threads import to_end
from edgeos.reporting import log_event
from edgeos.reporting.boundary import Boundary
from edgeos.secrets import SecretStore
from edgeos.settings import SettingsError

KEEP, DROP = 'keep', 'drop'


class CannotUninstall(PluginError):
    """Raised when its secrets cannot be removed; the text says why."""


class Recovered(NamedTuple):
    """What a start found: ids whose environment has to be made anew before they can run."""

    broken: list[str]
    problem: str | None


class Uninstaller:
    """Removes plugins, and finishes after a power cut. `secrets` are forgotten together with the data.

    `is_taken` says whether an id belongs to a connection, too: then the secrets are that one's.
    """

    def __init__(self, switching: Switching, secrets: SecretStore, *,
                 is_taken: Callable[[str], bool] = lambda _id: False, clock: Clock = SYSTEM_CLOCK) -> None:  # fmt: skip
        self._switching = switching
        self._folders = switching.folders
        self._store = switching.store
        self._secrets = secrets
        self._is_taken = is_taken
        self._clock = clock

    def uninstall(self, plugin_id: str, data: str = KEEP) -> Job:
        """Stop and remove it; `data` is keep or drop: its folder, configuration, secrets and storage.

        Raises UnknownPlugin, Busy, ValueError.
        """
        if data not in (KEEP, DROP):
            raise ValueError(f'expected keep or drop, got {data[:40]!r}')
        self._store.get(plugin_id)
        return self._switching.jobs.start(plugin_id, 'uninstall',
                                          partial(self._uninstall, plugin_id=plugin_id, data=data))  # fmt: skip

    async def _uninstall(self, job: Job, plugin_id: str, data: str) -> None:
        version = self._store.get(plugin_id).current
        job.begin('stop', 5, 'Stopping it.')
        job.can_cancel = False
        await self._switching.runner.stop(plugin_id)
        self._switching.end_watch(plugin_id)
        job.begin('remove', 40, 'Removing it and its data.' if data == DROP else 'Removing it; its data is kept.')
        try:
            await to_end(self._remove, plugin_id, data)
        finally:
            if not await to_end(self._folders.marks, plugin_id):  # else it is half removed
                await self._switching.runner.switch(plugin_id)
        await to_end(audit.note, self._folders.audit, self._clock.wall(), 'uninstall', plugin_id, version=version,
                     data=data)  # fmt: skip

    def _remove(self, plugin_id: str, data: str) -> None:
        """The rename decides: before it nothing has happened, after it the next start can finish alone.

        It is no entry in the store, because that needs room, and on a full disk one wants to uninstall.
        """
        mark = self._folders.mark(plugin_id, data)
        try:
            os.rename(self._folders.version(plugin_id, self._store.get(plugin_id).current or ''), mark)
        except FileNotFoundError:
            mark.mkdir(exist_ok=True)  # somebody else removed the folder
        disk.sync(self._folders.work)
        self._finish(mark)

    def _finish(self, mark: Path) -> None:
        """The mark goes last. Everything in here may have been done before."""
        data, _, plugin_id = mark.name.removeprefix(f'{MARK}-').partition('+')
        home = self._folders.plugin(plugin_id)
        kept = {home / 'data'} if data == KEEP else set()
        for path in (*mark.iterdir(), *(set(_inside(home)) - kept)):
            disk.remove(path)
        if self._store.find(plugin_id) is not None:
            self._store.forget_code(plugin_id)
        if data == DROP:
            self._folders.storage(plugin_id).unlink(missing_ok=True)
            try:
                if not self._is_taken(plugin_id):
                    self._secrets.forget(plugin_id)
            except SettingsError as error:
                raise CannotUninstall(Phrase('its passwords cannot be removed: {why}', why=str(error))) from error
            self._store.drop(plugin_id)
        self._folders.remove_if_empty(plugin_id)
        disk.sync(self._folders.root)
        mark.rmdir()

    # at every start

    async def recover(self) -> Recovered:
        """Bring the disk in step with the store. Call it before anything is started. Raises OSError."""
        return await to_end(self._recover)

    def _recover(self) -> Recovered:
        self._folders.prepare()
        for mark in self._folders.marks():
            with Boundary('finish an uninstall'):
                self._finish(mark)
        for plugin_id, entry in self._store.installed().items():
            if not self._is_there(plugin_id, entry.current):
                self._without_current(plugin_id, entry)
        self._sweep()
        broken = [plugin_id for plugin_id, entry in self._store.installed().items()
                  if not is_ready(self._folders.version(plugin_id, entry.current or ''))]  # fmt: skip
        return Recovered(broken, self._store.problem)

    def _is_there(self, plugin_id: str, version: str | None) -> bool:
        return version is not None and (self._folders.version(plugin_id, version) / 'plugin.json').is_file()

    def _without_current(self, plugin_id: str, entry: Entry) -> None:
        """A damaged disk, or somebody who cleaned up."""
        if self._is_there(plugin_id, entry.previous):
            log_event('warning', plugin_id, f'The files of version {entry.current} are gone; {entry.previous} is back.')
            self._store.change(plugin_id, current=entry.previous, previous=None, granted=entry.granted_before,
                               granted_before=(), on_trial=False)  # fmt: skip
        else:
            log_event('error', plugin_id, f'The files of version {entry.current} are gone; install it again.')
            self._store.forget_code(plugin_id)

    def _sweep(self) -> None:
        """Never any data, and nothing unknown while the store is not complete."""
        for path in self._folders.work.iterdir():
            if not path.name.startswith(f'{MARK}-'):
                disk.remove(path)
        for home in _inside(self._folders.root):
            entry = self._store.find(home.name)
            if not PLUGIN_ID.fullmatch(home.name) or home.name in RESERVED or not home.is_dir():
                continue
            if entry is None and not self._store.is_complete:
                continue
            known = {'data', entry and entry.current, entry and entry.previous}
            for path in _inside(home):
                if path.name not in known:
                    self._folders.discard(path)
            if entry is None:
                self._folders.remove_if_empty(home.name)


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
