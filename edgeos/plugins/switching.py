"""From one version of a plugin to another, and back by itself when the other does not last."""

import asyncio
from collections.abc import Awaitable, Callable, Container, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.plugins import audit
from edgeos.plugins.disk import Folders, remove
from edgeos.plugins.environment import is_ready, make_environment
from edgeos.plugins.errors import PluginError
from edgeos.plugins.jobs import Job, Jobs
from edgeos.plugins.manifest import Manifest
from edgeos.plugins.phrase import Phrase, phrase_of
from edgeos.plugins.store import Entry, Store, UnknownPlugin
from edgeos.plugins.threads import to_end
from edgeos.reporting import log_event
from edgeos.reporting.boundary import Boundary

PROBATION = 60.0  # s in which a new version must not crash


Environment = Callable[[Path, Path, Callable[[str], None]], Awaitable[None]]


class DidNotStart(PluginError):
    """Raised by a `Runner` when a version does not come up; the text says why, `said` are the lines it wrote last.

    One that its owner has killed meanwhile (`was_killed`) need not be a bad one.
    """

    def __init__(self, why: str, said: Sequence[str] = (), *, was_killed: bool = False) -> None:
        super().__init__(why)
        self.said = said
        self.was_killed = was_killed


class NothingToRollBackTo(PluginError):
    """Raised when there is no previous version."""


class Runner(Protocol):
    """Whoever runs the plugins. Nothing here changes the store."""

    async def start_trial(self, manifest: Manifest, folder: Path) -> None:
        """Start the version in `folder` beside what runs, until its hello and a ping; end it. Raises DidNotStart."""

    async def switch(self, plugin_id: str) -> None:
        """Bring what runs in step with the store: end what is not its current version, start that if it is wanted.

        Answers when it runs; raises DidNotStart. Of a plugin that is not installed any more it forgets everything.
        """

    async def stop(self, plugin_id: str) -> None:
        """End it, for as long as nobody calls `switch`."""

    async def crashed(self, plugin_id: str) -> str:
        """Wait, for ever if need be, until it crashes or fails from now on; the reason."""


class Switching:
    """The only place that changes which version is current while the app runs."""

    def __init__(self, folders: Folders, store: Store, jobs: Jobs, runner: Runner, *,
                 environment: Environment = make_environment, clock: Clock = SYSTEM_CLOCK,
                 probation: float = PROBATION) -> None:
        self.folders = folders
        self.store = store
        self.jobs = jobs
        self.runner = runner
        self.environment = environment
        self._clock = clock
        self._probation = probation
        self._watches: dict[str, asyncio.Task[None]] = {}

    async def go_to(self, job: Job, plugin_id: str, changes: dict[str, Any], *, skip_if_bad: bool = False) -> None:
        """Write the changes to the store and start what is current then. Cannot be cancelled from here on.

        When that does not come up, all is as before (plus `skip`, if wanted) and what raised passes on.
        """
        job.can_cancel = False
        before = self.store.find(plugin_id)
        await to_end(self._write, plugin_id, changes)
        self.end_watch(plugin_id)
        try:
            await self.runner.switch(plugin_id)
        except Exception as error:
            job.say(Phrase('{version} does not come up: {why}', version=changes['current'], why=phrase_of(error)),
                    'error')  # fmt: skip
            was_killed = isinstance(error, DidNotStart) and error.was_killed
            await self._take_back(job, plugin_id, before, changes, skip_if_bad and not was_killed)
            raise

    def _write(self, plugin_id: str, changes: dict[str, Any]) -> None:
        if self.store.find(plugin_id) is None:
            self.store.put(plugin_id, Entry(**changes))
        else:
            self.store.change(plugin_id, **changes)

    async def _take_back(self, job: Job, plugin_id: str, before: Entry | None, changes: dict[str, Any],
                         skip: bool) -> None:
        if before is None:
            await to_end(self.store.drop, plugin_id)
        else:
            old = {name: getattr(before, name) for name in changes}
            if skip:
                old['skip'] = with_version(before.skip, changes['current'])
            await to_end(self.store.change, plugin_id, **old)
        try:
            await self.runner.switch(plugin_id)
        except DidNotStart as error:  # it did until now; whoever runs it tries on
            job.say(Phrase('The version before does not come up either: {why}', why=phrase_of(error)), 'error')
            return
        if before is not None and before.current is not None:
            job.say(Phrase('Back at version {version}.', version=before.current), 'warning')

    # by hand

    def roll_back(self, plugin_id: str, *, skip: bool = False) -> Job:
        """Back to the previous version; with `skip` the present one is not offered again.

        Raises UnknownPlugin, NothingToRollBackTo, Busy.
        """
        if self.store.get(plugin_id).previous is None:
            raise NothingToRollBackTo(Phrase('{plugin}: there is no previous version', plugin=plugin_id))
        return self.jobs.start(plugin_id, 'roll back', partial(self._roll_back, plugin_id=plugin_id, skip=skip))

    async def _roll_back(self, job: Job, plugin_id: str, skip: bool, reason: str = '') -> None:
        entry = self.store.get(plugin_id)
        if entry.current is None or entry.previous is None:
            raise NothingToRollBackTo(Phrase('{plugin}: there is no previous version', plugin=plugin_id))
        await self._renew(job, self.folders.version(plugin_id, entry.previous))
        job.begin('switch', 60, '{version} goes, {previous} comes back.', version=entry.current,
                  previous=entry.previous)  # fmt: skip
        changes = {'current': entry.previous, 'previous': entry.current, 'on_trial': False,
                   'granted': entry.granted_before, 'granted_before': entry.granted}  # fmt: skip
        if skip:
            changes['skip'] = with_version(entry.skip, entry.current)
        await self.go_to(job, plugin_id, changes)
        await to_end(self._forget_newer, plugin_id, entry.current, reason)

    def _forget_newer(self, plugin_id: str, newer: str, reason: str) -> None:
        now = self.store.change(plugin_id, previous=None, granted_before=())
        audit.note(self.folders.audit, self._clock.wall(), 'roll back', plugin_id, version=now.current, was=newer,
                   reason=reason)  # fmt: skip
        self.folders.discard(self.folders.version(plugin_id, newer))

    # what a new Python leaves behind

    def repair(self, plugin_id: str) -> Job:
        """Make the environment of the current version anew and start it if it is wanted. Raises UnknownPlugin, Busy."""
        self.store.get(plugin_id)
        return self.jobs.start(plugin_id, 'repair', partial(self._repair, plugin_id=plugin_id))

    async def _repair(self, job: Job, plugin_id: str) -> None:
        await self._renew(job, self.folders.version(plugin_id, self.store.get(plugin_id).current or ''))
        job.begin('switch', 90, 'It can run again.')
        await self.runner.switch(plugin_id)

    async def _renew(self, job: Job, folder: Path) -> None:
        if await to_end(is_ready, folder):
            return
        job.begin('environment', 10, 'Making its Python environment anew.')
        work = self.folders.new_work('repair')
        try:
            await self.environment(folder, work, job.say)
        finally:
            await to_end(remove, work)

    # by itself

    def watch_new(self, loaded: Container[str]) -> None:
        """Go on watching those that had not lasted yet when the app ended. Call it once they were started."""
        for plugin_id, entry in self.store.installed().items():
            if entry.on_trial and plugin_id in loaded:
                self.watch(plugin_id)

    def watch(self, plugin_id: str) -> None:
        """From now on for the time of probation: a crash brings the previous version back."""
        self.end_watch(plugin_id)
        self._watches[plugin_id] = asyncio.create_task(self._watch(plugin_id), name=f'probation of {plugin_id}')

    def end_watch(self, plugin_id: str) -> None:
        """Something else is decided."""
        if task := self._watches.pop(plugin_id, None):
            task.cancel()

    async def stop(self) -> None:
        """Those on trial go on at the next start."""
        tasks = list(self._watches.values())
        self._watches.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, plugin_id: str) -> None:
        with Boundary('watch a new version'):
            try:
                reason = await asyncio.wait_for(self.runner.crashed(plugin_id), self._probation)
            except TimeoutError:
                await to_end(self.store.change, plugin_id, on_trial=False)
                return
            version = self.store.get(plugin_id).current
            while job := self.jobs.of(plugin_id):
                await job.wait()
            await self._fall_back(plugin_id, version, reason)

    async def _fall_back(self, plugin_id: str, version: str | None, reason: str) -> None:
        try:
            entry = self.store.get(plugin_id)
        except UnknownPlugin:
            return
        if entry.current != version or entry.previous is None or not entry.on_trial:
            return
        log_event('warning', plugin_id, f'Version {version} crashed soon after the update ({reason}); '
                                        f'{entry.previous} takes over and {version} is not offered again.')
        self._watches.pop(plugin_id, None)  # this task, which the job must not end
        self.jobs.start(plugin_id, 'roll back',
                        partial(self._roll_back, plugin_id=plugin_id, skip=True, reason=reason))  # fmt: skip


def with_version(versions: tuple[str, ...], version: str) -> tuple[str, ...]:
    """Each once."""
    return (*(known for known in versions if known != version), version)
