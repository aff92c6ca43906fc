"""Which plugins there are: the registry that comes with the app, and those that the owner added."""
import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from edgeos import NAME
from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.plugins.disk import open_file
from edgeos.plugins.package import unfit
from edgeos.plugins.phrase import Phrase, phrase_of
from edgeos.plugins.registry_entries import MOST_BYTES, Listing, Problem, Release, is_web, read_registry
from edgeos.plugins.registry_fetch import FetchFailed, check_address, download, fetch
from edgeos.plugins.registry_kept import Kept, Source, check_signature
from edgeos.plugins.versions import Version
from edgeos.processes import PROJECT

__all__ = ['BUILT_IN', 'BUNDLED', 'NotOffered', 'Problem', 'Registry', 'Release', 'Source', 'UnknownRelease',
           'download', 'source_name']

MOST_SIGNATURE = 1024


class UnknownRelease(LookupError):
    """Raised when no registry has such a plugin, or not in this version."""


class NotOffered(NamedTuple):
    """A release that is not offered, and why, as the end of a sentence that begins with its name."""

    release: Release
    reason: str


BUNDLED = Source(str(PROJECT / 'assets' / 'plugin_registry.json'))
BUILT_IN = 'built-in'


def source_name(location: str) -> str:
    """What is kept and shown of where a release came from; the app may lie somewhere else tomorrow."""
    return BUILT_IN if location == BUNDLED.location else location


class Registry:
    """All sources as one. An id belongs to the first source that names it: no other can take it over.

    All of it is for the event loop.
    """

    def __init__(self, cache: Path, sources: Iterable[Source] = (BUNDLED,), *, clock: Clock = SYSTEM_CLOCK) -> None:
        """`cache` is a folder of our own, made when it is needed."""
        self.sources = tuple(sources)
        self.problems: list[Problem] = []
        self.refreshed_at: float | None = None  # epoch s
        self._cache = cache
        self._clock = clock
        self._offered: dict[str, Release] = {}
        self._hidden: list[NotOffered] = []
        self._all: dict[str, dict[str, Release]] = {}
        self._running: asyncio.Task[None] | None = None
        self._is_near = asyncio.Event()  # what is on this device was read

    async def refresh(self) -> None:
        """Read all sources, side by side. Never raises for one of them: what is wrong is in `problems`.

        One that is under way counts; if `sources` have become others meanwhile, it begins anew with those.
        """
        await asyncio.shield(self.begin())

    async def look(self) -> None:
        """Returns when what is on this device is known; the rest is read then."""
        if self.refreshed_at is None and not self._is_near.is_set():
            near = asyncio.ensure_future(self._is_near.wait())
            await asyncio.wait({near, self.begin()}, return_when=asyncio.FIRST_COMPLETED)
            near.cancel()

    def begin(self) -> asyncio.Task[None]:
        """The same without waiting for it."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._refresh(), name='refresh plugin registries')
        return self._running

    @property
    def is_reading(self) -> bool:
        """Whether the sources are being asked just now."""
        return self._running is not None and not self._running.done()

    def close(self) -> None:
        """Give up what is being read."""
        if self._running is not None:
            self._running.cancel()

    def available(self) -> list[Release]:
        """Of each plugin the newest release that runs here and was not taken back, by name."""
        return sorted(self._offered.values(), key=lambda release: (release.name.casefold(), release.id))

    def hidden(self) -> list[NotOffered]:
        """Newer releases than the one offered, and plugins of which none is."""
        return list(self._hidden)

    def release(self, plugin_id: str, version: str | None = None) -> Release:
        """The one that is offered, or that version, even if it is not offered. Raises UnknownRelease."""
        found = self._offered.get(plugin_id) if version is None else self._all.get(plugin_id, {}).get(version)
        if found is not None:
            return found
        reasons = [hidden.reason for hidden in self._hidden if hidden.release.id == plugin_id]
        if version is None and reasons:
            raise UnknownRelease(Phrase('{plugin} {why}', plugin=plugin_id, why=reasons[0]))
        wanted = f'{plugin_id} {version}' if version else plugin_id
        raise UnknownRelease(Phrase('no registry has the plugin {plugin}', plugin=wanted))

    def best(self, plugin_id: str, version: str) -> Release | None:
        """That version, if it runs here and was not taken back, else the one that is offered."""
        exact = self._all.get(plugin_id, {}).get(version)
        return exact if exact is not None and _reason(exact, unfit) is None else self._offered.get(plugin_id)

    def count(self) -> Counter[str]:
        """How many plugins each source has, by its location."""
        return Counter(next(iter(versions.values())).source for versions in self._all.values() if versions)

    def versions(self, plugin_id: str) -> list[Release]:
        """All that its registry lists, newest first."""
        return sorted(self._all.get(plugin_id, {}).values(), key=_rank, reverse=True)

    async def _refresh(self) -> None:
        sources: tuple[Source, ...] | None = None
        while sources != self.sources:
            sources = self.sources
            if self.refreshed_at is None:  # without network the others may take long to fail
                await self._show(await asyncio.gather(*(asyncio.to_thread(self._near, source) for source in sources)))
                self._is_near.set()
            await self._show(await asyncio.gather(*(self._load(source) for source in sources)))
            self.refreshed_at = self._clock.wall()

    async def _show(self, listings: list[Listing]) -> None:
        self._all, self._offered, self._hidden, taken = await asyncio.to_thread(_choose, listings)
        self.problems = [*(problem for listing in listings for problem in listing.problems), *taken]

    def _near(self, source: Source) -> Listing:
        """What is on this device. Blocks."""
        if not is_web(source.location):
            return _read_file(source)
        kept = Kept.read(self._kept_at(source), source)
        return kept.listing if kept is not None else Listing()

    def _kept_at(self, source: Source) -> Path:
        return self._cache / hashlib.sha256(source.location.encode()).hexdigest()[:24]

    async def _load(self, source: Source) -> Listing:
        return await (self._load_web(source) if is_web(source.location) else asyncio.to_thread(_read_file, source))

    async def _load_web(self, source: Source) -> Listing:
        """The newest; while it cannot be had, or is no good, what was had last."""
        path = self._kept_at(source)
        kept = await asyncio.to_thread(Kept.read, path, source)
        try:
            check_address(source.location)
            body, etag = await fetch(source.location, MOST_BYTES, etag=kept.etag if kept else '')
            if body is None and kept is not None:
                return kept.listing
            signature = (await fetch(f'{source.location}.sig', MOST_SIGNATURE))[0] if source.key else b''
            fresh = await asyncio.to_thread(Kept.make, source, body or b'', signature or b'', etag)
        except FetchFailed as error:
            return _old(kept, Problem(source.location, '', phrase_of(error)))
        if not fresh.listing.releases and fresh.listing.problems and kept is not None:
            return _old(kept, *fresh.listing.problems)
        try:
            await asyncio.to_thread(fresh.write, path)
        except OSError as error:
            why = Phrase('is not kept for times without network: {why}', why=phrase_of(error))
            fresh.listing.problems.append(Problem(source.location, '', why))
        return fresh.listing


Chosen = tuple[dict[str, dict[str, Release]], dict[str, Release], list[NotOffered], list[Problem]]


def _choose(listings: Iterable[Listing], unfit: Callable[..., str | None] = unfit) -> Chosen:
    known: dict[str, dict[str, Release]] = {}
    problems: list[Problem] = []
    for listing in listings:
        own: dict[str, dict[str, Release]] = {}
        for release in listing.releases:
            own.setdefault(release.id, {})[release.version] = release
        for plugin_id, versions in own.items():
            if plugin_id in known:
                first, second = next(iter(known[plugin_id].values())), next(iter(versions.values()))
                owner = NAME if first.source == BUNDLED.location else first.source
                why = Phrase('is passed over: {source} has this id', source=owner)
                problems.append(Problem(second.source, plugin_id, why))
            else:
                known[plugin_id] = versions
    offered: dict[str, Release] = {}
    hidden: list[NotOffered] = []
    for plugin_id, versions in known.items():
        for release in sorted(versions.values(), key=_rank, reverse=True):
            if (reason := _reason(release, unfit)) is None:
                offered[plugin_id] = release
                break
            hidden.append(NotOffered(release, reason))
    return known, offered, hidden, problems


def _reason(release: Release, unfit: Callable[..., str | None]) -> str | None:
    if release.yanked:
        return Phrase('was withdrawn: {why}', why=release.yanked)
    if Version.parse(release.version).prerelease and not release.is_latest:
        return Phrase('is a version for testing')
    return unfit(release.requires)


def _rank(release: Release) -> Version:
    return Version.parse(release.version)


def _old(kept: Kept | None, *problems: Problem) -> Listing:
    if kept is None:
        return Listing(problems=list(problems))
    first = [problem._replace(message=Phrase('{why}; what was read last is shown', why=problem.message))
             for problem in problems[:1]]  # fmt: skip
    return Listing(kept.listing.releases, [*first, *problems[1:], *kept.listing.problems])


def _read_file(source: Source) -> Listing:
    path = Path(source.location)
    try:
        with open_file(path) as file:
            data = file.read(MOST_BYTES + 1)
        if source.key:
            with open_file(path.with_name(f'{path.name}.sig')) as file:
                check_signature(source.key, data, file.read(MOST_SIGNATURE))
    except (FetchFailed, OSError) as error:
        return Listing(problems=[Problem(source.location, '', phrase_of(error))])
    return read_registry(data, source.location)
