"""What pages and API see of plugins: plain shapes, made when they are asked for."""
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeos import NAME
from edgeos.connections.state import Failure
from edgeos.limiter.watched import iso_utc
from edgeos.plugins.config_check import Problem
from edgeos.plugins.jobs import CANCELLED, Job
from edgeos.plugins.manifest import descriptions_of
from edgeos.plugins.phrase import Phrase, at_place
from edgeos.plugins.plugin import RunningPlugin
from edgeos.plugins.plugin_log import PluginLog
from edgeos.plugins.registry import BUNDLED, Registry, Release, Source, source_name
from edgeos.plugins.store import Entry, Store
from edgeos.plugins.supervisor import State

Lines = Sequence[Mapping[str, Any]]  # {t: ISO 8601, level, text}
Problems = Sequence[tuple[Any, str]]  # path and what is wrong there

ANOTHER = Phrase('Tell its author, or choose another version.')
HINTS = {'space': Phrase('Make room on the disk.'), 'download': Phrase('Try again when the network is there.'),
         'check': ANOTHER, 'environment': ANOTHER, 'trial': ANOTHER,
         'switch': Phrase('What was there before runs on.')}  # fmt: skip
STEPS = {'space': Phrase('search for room'), 'download': Phrase('download'), 'check': Phrase('check of the package'),
         'environment': Phrase('making of its environment'), 'trial': Phrase('trial start'),
         'switch': Phrase('change of version'), 'stop': Phrase('stop'), 'remove': Phrase('removal')}  # fmt: skip
AGAIN = Phrase('Try again.')
STOPPED, UNCHANGED = Phrase('It was stopped.'), Phrase('Nothing was changed: what ran before goes on.')


class LogView:
    """`revision` grows with each line; `dropped` counts those that were too many."""

    def __init__(self, log: PluginLog) -> None:
        self._log = log

    @property
    def revision(self) -> int:
        return self._log.count

    @property
    def dropped(self) -> int:
        return self._log.left_out

    def lines(self) -> list[dict[str, Any]]:
        """[{t: ISO 8601, level, text}], oldest first."""
        return [{'t': iso_utc(line.t), 'level': line.level, 'text': line.text} for line in self._log.lines()]


class JobView:
    """A job as a page shows it; `title` is install, update, roll back, uninstall or repair."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.id = job.id
        self.title = job.action

    @property
    def state(self) -> str:
        return self._job.state

    @property
    def percent(self) -> int:
        return self._job.percent

    @property
    def log(self) -> list[dict[str, str]]:
        return list(self._job.log)

    @property
    def error(self) -> Mapping[str, str] | None:
        """Phrases: message and hint."""
        if self._job.error is None:
            return None
        if self._job.reason == CANCELLED:
            return {'message': STOPPED, 'hint': UNCHANGED}
        step = STEPS.get(self._job.step, self._job.step)
        message = Phrase('It failed at the {step}: {why}', step=step, why=self._job.reason)
        return {'message': message, 'hint': HINTS.get(self._job.step, AGAIN)}

    @property
    def can_cancel(self) -> bool:
        return self._job.can_cancel and self._job.state == 'running'

    def cancel(self) -> bool:
        """Whether it is given up."""
        return self._job.cancel()


@dataclass(frozen=True, slots=True)
class PluginView:
    """An installed plugin as it is now. CPU in per cent of one core, memory in MB; None where nothing runs.

    `failure` is what `last_error` tells in English, as templates.
    """

    id: str
    name: str
    version: str
    state: str
    throttled: bool
    pid: int | None
    cpu_percent: float | None
    cpu_limit: float | None
    memory_mb: float | None
    memory_limit_mb: float | None
    restarts: int
    last_error: Mapping[str, Any] | None
    failure: Failure | None
    next_try_in: float | None
    permissions: Sequence[str]
    granted: Sequence[str]
    update: str | None
    previous: str | None
    description: str
    author: str
    license: str
    homepage: str
    isolation: Mapping[str, Any] | None
    busy: JobView | None
    messages_per_s: float
    log: LogView
    points: int
    source: str
    descriptions: Mapping[str, str] = field(default_factory=dict)  # by language, other than English

    def shape(self) -> dict[str, Any]:
        """As the API answers it."""
        return {'id': self.id, 'name': self.name, 'version': self.version, 'state': self.state,
                'throttled': self.throttled, 'pid': self.pid, 'cpu_percent': self.cpu_percent,
                'memory_mb': self.memory_mb, 'restarts': self.restarts, 'last_error': self.last_error,
                'permissions': list(self.permissions), 'granted': list(self.granted), 'update': self.update,
                'previous': self.previous, 'next_try_in_s': self.next_try_in, 'isolation': self.isolation,
                'cpu_limit': self.cpu_limit, 'memory_limit_mb': self.memory_limit_mb, 'points': self.points,
                'busy': self.busy.id if self.busy is not None else None}  # fmt: skip


def plugin_view(plugin: RunningPlugin, entry: Entry, used: Mapping[str, Any], update: str | None,
                job: Job | None) -> PluginView:  # fmt: skip
    """`used` is the limiter's row of its process, empty when nothing runs."""
    manifest, error = plugin.manifest, plugin.last_error
    return PluginView(
        id=plugin.id, name=plugin.name, version=plugin.version, state=str(plugin.state),
        throttled=bool(used.get('throttled', False)), pid=plugin.pid,
        cpu_percent=used.get('average_cpu_percent'), cpu_limit=used.get('limit', manifest.resources.cpu_percent),
        memory_mb=used.get('memory_mb'), memory_limit_mb=used.get('memory_limit_mb', manifest.resources.memory_mb),
        restarts=plugin.restarts, last_error=_told(error), failure=error, next_try_in=plugin.next_try_in,
        permissions=manifest.permissions, granted=entry.granted, update=update, previous=entry.previous,
        description=manifest.description, author=manifest.author, license=manifest.license,
        homepage=manifest.homepage, isolation=plugin.isolation or None,
        busy=JobView(job) if job is not None else None, messages_per_s=plugin.messages_per_second,
        log=LogView(plugin.log), points=len(plugin.source.points), source=source_name(entry.source),
        descriptions=descriptions_of(manifest.translations),
    )  # fmt: skip


def unloaded_view(plugin_id: str, entry: Entry, failure: Failure, update: str | None, job: Job | None) -> PluginView:
    """Of one that is installed and cannot be loaded: only what the store knows, and why."""
    log = PluginLog()
    log.note('error', f'({failure.message})')
    return PluginView(
        id=plugin_id, name=plugin_id, version=entry.current or '', state=str(State.FAILED), throttled=False, pid=None,
        cpu_percent=None, cpu_limit=None, memory_mb=None, memory_limit_mb=None, restarts=0, last_error=_told(failure),
        failure=failure, next_try_in=None, permissions=entry.granted, granted=entry.granted, update=update,
        previous=entry.previous, description='', author='', license='', homepage='', isolation=None,
        busy=JobView(job) if job is not None else None, messages_per_s=0.0, log=LogView(log), points=0,
        source=source_name(entry.source),
    )  # fmt: skip


def _told(error: Failure | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {'code': error.code, 'message': error.message, 'hint': error.hint,
            'at': iso_utc(error.at) if error.at else None}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offer:
    """A plugin that a source has, in its newest version that fits; `why_not` where none does. Size in bytes."""

    id: str
    name: str
    description: str
    author: str
    icon: str
    version: str
    size: int
    permissions: Sequence[str]
    resources: Mapping[str, Any]
    published: str
    changelog: str
    keywords: Sequence[str]
    category: str
    installed: str | None
    why_not: str | None
    source: str
    descriptions: Mapping[str, str] = field(default_factory=dict)  # by language, other than English


def offer_of(release: Release, installed: str | None, why_not: str | None = None) -> Offer:
    """Of a release in a registry."""
    return Offer(release.id, release.name, release.description, release.author, release.icon, release.version,
                 release.size, release.permissions, release.resources.model_dump(), release.published,
                 release.changelog, release.keywords, release.category, installed, why_not,
                 source_name(release.source), release.descriptions)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offers:
    """`as_of` is when the sources were last read, epoch s."""

    list: list[Offer]
    problems: Sequence[str]
    as_of: float | None


def offers_of(registry: Registry, store: Store) -> Offers:
    """Of each plugin one: what is offered, else the newest of those that are not, and why."""

    def installed(plugin_id: str) -> str | None:
        return (store.find(plugin_id) or Entry()).current

    found = {release.id: offer_of(release, installed(release.id)) for release in registry.available()}
    for hidden in registry.hidden():
        plugin_id = hidden.release.id
        found.setdefault(plugin_id, offer_of(hidden.release, installed(plugin_id), hidden.reason))
    return Offers(list(found.values()), [problem.phrase for problem in registry.problems], registry.refreshed_at)


@dataclass(frozen=True, slots=True)
class ConfigView:
    """Values with masked secrets; `problems` is what is still wrong with them."""

    schema: Mapping[str, Any]
    values: dict[str, Any]
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class SourceView:
    """Where plugins come from. `problem` and `plugins`, how many it has, are of when it was last read."""

    url: str
    name: str
    key: bool
    problem: str | None
    plugins: int
    is_read: bool  # not being read just now


def sources_of(sources: Iterable[Source], registry: Registry) -> list[SourceView]:
    """Each with the first of its problems."""
    problems = {problem.source: at_place(problem.message, problem.entry) for problem in reversed(registry.problems)}
    count = registry.count()
    return [SourceView(source.location, NAME if source == BUNDLED else '', bool(source.key),
                       problems.get(source.location), count[source.location], not registry.is_reading)
            for source in sources]  # fmt: skip


def text_of(path: Path, most: int) -> str:
    """A text file of a package; '' where there is none."""
    try:
        with path.open('rb') as file:
            return file.read(most).decode('utf-8', 'replace')
    except OSError:
        return ''
