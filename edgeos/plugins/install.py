"""Install and update: everything is made and proven beside what runs, one write switches over, any failure leaves
what was there."""

import asyncio
import os
import shutil
import zipfile
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.plugins import audit, disk
from edgeos.plugins.archive import open_zip, read_entry
from edgeos.plugins.errors import BadPackage, PluginError
from edgeos.plugins.jobs import Job
from edgeos.plugins.lock import sha256
from edgeos.plugins.manifest import FILE, MOST_BYTES, Manifest, read_manifest
from edgeos.plugins.package import differs, open_package
from edgeos.plugins.permissions import added
from edgeos.plugins.phrase import Phrase
from edgeos.plugins.registry import Release, download, source_name
from edgeos.plugins.store import Entry
from edgeos.plugins.switching import DidNotStart, Switching
from edgeos.plugins.threads import to_end
from edgeos.reporting.report import iso

AT_ONCE = 2  # installs
MOST_UNPACKED = 512 * 1024 * 1024  # bytes of all its wheels together
BYTECODE_TIMES = 2  # so much more is needed with their bytecode
SPARE = 32 * 1024 * 1024  # bytes that must be left to the rest of the house
TRIAL_LIMIT = 30.0  # s around the Runner's own, so that no job hangs

Download = Callable[[Release, Path, Callable[[int, int], None]], Awaitable[None]]


class NeedsConsent(PluginError):
    """Raised when the owner has not agreed to these permissions yet."""

    def __init__(self, permissions: list[str]) -> None:
        super().__init__(Phrase('asks for {permissions}', permissions=', '.join(permissions)))
        self.permissions = permissions


class CannotInstall(PluginError):
    """Raised when it is there already, its id is taken, or there is no room; the text says which."""


@dataclass(frozen=True)
class Wanted:
    """What is to be installed. `file` is the zip it comes in, or None for a release of the registry."""

    id: str
    version: str
    permissions: tuple[str, ...]
    size: int  # bytes
    unpacked_size: int
    file: Path | None = None
    manifest: Manifest | None = None  # of the file, as agreed to
    release: Release | None = None


class Installer:
    """Installs and updates. `is_taken` says whether an id belongs to somebody else, `free` how many bytes there are."""

    def __init__(self, switching: Switching, *, is_taken: Callable[[str], bool] = lambda _id: False,
                 download: Download = download, clock: Clock = SYSTEM_CLOCK,
                 free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free) -> None:
        self._switching = switching
        self._folders = switching.folders
        self._store = switching.store
        self._runner = switching.runner
        self._download = download
        self._is_taken = is_taken
        self._clock = clock
        self._free = free
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def install(self, what: Release | Path, granted: Collection[str] = ()) -> Job:
        """Install or update from a release or a zip; `granted` is what the owner agrees to now.

        A zip in the work folder is removed when the job ends; when this raises it is the caller's. Raises NeedsConsent,
        CannotInstall, Busy, and BadPackage for a zip that does not look like a plugin.
        """
        wanted = await asyncio.to_thread(_look_into, what) if isinstance(what, Path) else _of_release(what)
        self._folders.version(wanted.id, wanted.version)
        entry = self._store.find(wanted.id) or Entry()
        if entry.current == wanted.version:
            raise CannotInstall(Phrase('{plugin} {version} is installed already', plugin=wanted.id,
                                       version=wanted.version))  # fmt: skip
        if self._is_taken(wanted.id):
            raise CannotInstall(Phrase('{plugin} is the id of a connection', plugin=wanted.id))
        missing = [name for name in added(entry.granted, wanted.permissions) if name not in granted]
        if missing:
            raise NeedsConsent(missing)
        action = 'install' if entry.current is None else 'update'
        return self._switching.jobs.start(wanted.id, action, partial(self._install, wanted=wanted))

    async def look_into(self, path: Path) -> tuple[Manifest, list[str]]:
        """Who a zip says it is, and what the owner has to grant before it is installed. Raises BadPackage, OSError."""
        wanted = await asyncio.to_thread(_look_into, path)
        assert wanted.manifest is not None
        entry = self._store.find(wanted.id) or Entry()
        return wanted.manifest, added(entry.granted, wanted.permissions)

    async def _install(self, job: Job, wanted: Wanted) -> None:
        if self._slots.locked():
            job.say(Phrase('Waiting for other installs.'))
        work = self._folders.new_work('install')
        try:
            async with self._slots:
                await to_end(work.mkdir)
                manifest = await self._fetch(job, wanted, work)
                folder = await self._build(job, manifest, work)
                await self._try_out(job, manifest, folder)
                await self._switch(job, wanted)
        finally:
            await to_end(self._clean, wanted, work)

    async def _fetch(self, job: Job, wanted: Wanted, work: Path) -> Manifest:
        """The package in work/package, checked."""
        job.begin('space', 1, 'Is there room?')
        await to_end(self._check_space, wanted)
        package = wanted.file or work / 'package.zip'
        if wanted.release:
            job.begin('download', 3, 'Fetching {size} kB.', size=max(1, wanted.size >> 10))
            await self._download(wanted.release, package, partial(_show_progress, job))
        job.begin('check', 35, 'Checking and unpacking the package.')
        manifest = await to_end(open_package, package, work / 'package')
        if wanted.manifest and manifest != wanted.manifest:
            raise BadPackage(Phrase('the file was changed while it was installed'))
        if wanted.release and (difference := differs(manifest, wanted.release)):
            raise BadPackage(Phrase('the package is not what the registry says: {difference}', difference=difference))
        return manifest

    def _check_space(self, wanted: Wanted) -> None:
        if self._folders.marks(wanted.id):
            raise CannotInstall(Phrase('it is half removed: restart the app, which finishes that'))
        self._check_free(wanted.size + wanted.unpacked_size)

    def _check_free(self, size: int) -> None:
        if (free := self._free(self._folders.root)) < size + SPARE:
            raise CannotInstall(Phrase('{needed} MB have to be free, and {free} MB are', needed=size + SPARE >> 20,
                                       free=free >> 20))  # fmt: skip

    async def _build(self, job: Job, manifest: Manifest, work: Path) -> Path:
        """The package at its final place, because environments cannot be moved, and its environment in it."""
        folder = self._folders.version(manifest.id, manifest.version)
        await to_end(self._place, manifest, work / 'package', folder)
        job.begin('environment', 45, 'Making its Python environment.')
        await to_end(self._check_wheels, folder)
        await self._switching.environment(folder, work / 'tools', job.say)
        return folder

    def _place(self, manifest: Manifest, package: Path, folder: Path) -> None:
        entry = self._store.find(manifest.id)
        if entry and entry.previous == manifest.version:  # it is made anew; till then there is no way back
            self._store.change(manifest.id, previous=None, granted_before=())
        folder.parent.mkdir(mode=0o755, exist_ok=True)
        folder.parent.chmod(0o755)
        self._folders.discard(folder)
        os.rename(package, folder)

    def _check_wheels(self, folder: Path) -> None:
        """How big they get is known only now."""
        size = sum(_unpacked_size(wheel) for wheel in (folder / 'wheels').glob('*.whl'))
        if size > MOST_UNPACKED:
            raise CannotInstall(Phrase('its wheels unpack to {size} MB; {most} MB are allowed', size=size >> 20,
                                       most=MOST_UNPACKED >> 20))  # fmt: skip
        self._check_free(BYTECODE_TIMES * size)

    async def _try_out(self, job: Job, manifest: Manifest, folder: Path) -> None:
        job.begin('trial', 75, 'Starting it once to see that it comes up.')
        try:
            await asyncio.wait_for(self._runner.start_trial(manifest, folder), manifest.start_timeout_s + TRIAL_LIMIT)
        except TimeoutError:
            raise DidNotStart(Phrase('it did not come up in time')) from None
        except DidNotStart as error:
            for line in error.said:
                job.say(line)
            raise

    async def _switch(self, job: Job, wanted: Wanted) -> None:
        before = self._store.find(wanted.id) or Entry()
        job.begin('switch', 90, '{version} takes over.' if before.current else '{version} is ready.',
                  version=wanted.version)  # fmt: skip
        is_update = before.current is not None
        changes: dict[str, Any] = {
            'current': wanted.version, 'previous': before.current, 'on_trial': is_update and before.wanted,
            'granted': wanted.permissions, 'granted_before': before.granted if is_update else (),
            'skip': tuple(version for version in before.skip if version != wanted.version),
            'source': source_name(wanted.release.source) if wanted.release else 'file',
            'installed_at': iso(self._clock.wall()),
        }  # fmt: skip
        digest = wanted.release.sha256 if wanted.release else await to_end(sha256, wanted.file or Path())
        await self._switching.go_to(job, wanted.id, changes, skip_if_bad=is_update)
        await to_end(audit.note, self._folders.audit, self._clock.wall(), job.action, wanted.id,
                     version=wanted.version, was=before.current, source=changes['source'], sha256=digest,
                     granted=list(wanted.permissions))  # fmt: skip
        if before.previous:
            await to_end(self._folders.discard, self._folders.version(wanted.id, before.previous))
        if changes['on_trial']:
            self._switching.watch(wanted.id)

    def _clean(self, wanted: Wanted, work: Path) -> None:
        """What is not in the store now has not become part of the house."""
        entry = self._store.find(wanted.id) or Entry()
        folder = self._folders.version(wanted.id, wanted.version)
        if wanted.version not in (entry.current, entry.previous):
            self._folders.discard(folder)
            self._folders.remove_if_empty(wanted.id)
        disk.remove(work)
        if wanted.file and wanted.file.parent == self._folders.work:
            disk.remove(wanted.file)


def _show_progress(job: Job, done: int, total: int) -> None:
    job.percent = max(job.percent, min(34, 3 + 31 * done // max(1, total)))


def _of_release(release: Release) -> Wanted:
    return Wanted(release.id, release.version, tuple(release.permissions), release.size, release.unpacked_size,
                  release=release)  # fmt: skip


def _look_into(path: Path) -> Wanted:
    """Only who it says it is; all else is checked when it is unpacked. Raises BadPackage, OSError."""
    with open_zip(path) as archive:
        entry = next((entry for entry in archive.infolist() if entry.filename == FILE), None)
        if entry is None or entry.file_size > MOST_BYTES:
            raise BadPackage(Phrase('{file}: is missing' if entry is None else '{file}: is too long', file=FILE))
        manifest = read_manifest(read_entry(archive, entry))
    unpacked = _unpacked_size(path)
    return Wanted(manifest.id, manifest.version, manifest.permissions, path.stat().st_size, unpacked, path, manifest)


def _unpacked_size(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:  # looked at before
        return sum(entry.file_size for entry in archive.infolist())
