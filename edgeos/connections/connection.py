"""The life of a link, the same for every kind: open, serve, close, wait; and what it shows of itself.

One task per connection runs that loop, and only that loop changes `status`. "Connected" is said only after the device
has answered; health comes from the age of the last proof of life, never from what a library believes.
"""
import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace
from typing import Any, ClassVar, final

from pydantic import BaseModel

from edgeos.connections.backoff import STEADY_SECONDS, Backoff
from edgeos.connections.journal import Journal
from edgeos.connections.ladder import Ladder
from edgeos.connections.services import Browsed, Services
from edgeos.connections.state import ConnectionFailure, Failure, Health, Notice, Status
from edgeos.connections.traffic import Traffic
from edgeos.gateway import Source
from edgeos.reporting import log_error
from edgeos.secrets import MissingSecret
from edgeos.settings import ConnectionSettings

FLAP_WINDOW = 3600.0
TOO_MANY_ERRORS = 0.01
EAGER_OUTAGES = 30  # an hour

log = logging.getLogger(__name__)


class Connection(ABC):
    """A configured link to one device or broker. Subclasses add how to open, serve, close, browse and write."""

    KIND: ClassVar[str]
    CONFIG: ClassVar[type[BaseModel]]
    OPEN_LIMIT: ClassVar[float] = 15.0  # s; a driver's own limits are tighter and say why
    SECRETS: ClassVar[tuple[str, ...]] = ()
    IDENTITY: ClassVar[tuple[str, ...]] = ('host', 'port')  # other values of these make it another device

    def __init__(self, settings: ConnectionSettings, services: Services) -> None:
        self.services = services
        self.clock = services.clock
        self.settings = settings
        self.config = self.CONFIG.model_validate(settings.config)
        self.traffic = Traffic(self.clock)
        self.journal = Journal(settings.id, self.clock)
        self.source = self._make_source()
        self.ladder = Ladder()
        self.status = Status.DISCONNECTED
        self.last_error: Failure | None = None
        self.connected_at: float | None = None  # epoch s
        self.next_retry: float | None = None  # monotonic s
        self.last_proof: float | None = None  # monotonic s
        self.retriable = True
        self._connected_since = 0.0  # monotonic s
        self._was_connected = False  # since the owner last wanted the link
        self._backoff = Backoff()
        self._lost_at: deque[float] = deque(maxlen=200)
        self._failed_at: deque[float] = deque(maxlen=100)
        self._last_event = ('', '')
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # what a driver adds

    @classmethod
    def trial_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        """The config for trying it out beside a link that lives."""
        return config

    @abstractmethod
    async def _open(self) -> None:
        """Return once the device has answered; raises ConnectionFailure."""

    @abstractmethod
    async def _serve(self) -> None:
        """Run until the link is lost; raises ConnectionFailure."""

    @abstractmethod
    async def _close(self) -> None:
        """Undo `_open`, however far it came; never raises."""

    @abstractmethod
    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        """Write a point and return once the device accepted; raises WriteRefused."""

    @abstractmethod
    async def browse(self, prefix: str) -> list[Browsed]:
        """What lies directly below `prefix` in the device's tree."""

    async def search(self, query: str, limit: int) -> tuple[list[Browsed], int]:
        """The first names that contain the text, and how many there are; a driver may know more than the points."""
        wanted = query.casefold()
        points = self.source.points
        found = sorted(name for name in points if wanted in name.casefold())
        return [Browsed(name, points[name].type, points[name].unit, writable=points[name].writable)
                for name in found[:limit]], len(found)  # fmt: skip

    def adapt(self, config: BaseModel) -> bool:
        """Take new settings over while the link lives, where a driver can; answers whether it has."""
        return False

    @property
    @abstractmethod
    def address(self) -> str:
        """Where the device is, as an owner would say it."""

    @property
    def detail(self) -> str:
        """One or two words beside the address: a protocol version, a profile."""
        return ''

    @property
    @abstractmethod
    def expected_interval(self) -> float:
        """Seconds within which a living device proves itself."""

    @property
    def expects_values(self) -> bool:
        """Whether values are on their way once the link is open."""
        return True

    @property
    def is_impaired(self) -> bool:
        """Whether the device lives, but its values cannot be had at the moment."""
        return False

    # what it is

    @property
    def id(self) -> str:
        return self.settings.id

    @property
    def name(self) -> str:
        return self.settings.name or self.settings.id

    @property
    def enabled(self) -> bool:
        return self.settings.enabled

    @property
    def attempt(self) -> int:
        """Attempts of the present outage that have failed."""
        return self._backoff.attempt

    @property
    def health(self) -> Health:
        """From the age of the last proof of life; `degraded` also while errors or updates are too many."""
        if self.status is Status.DISCONNECTED:
            return Health.UNKNOWN
        if self.status is not Status.CONNECTED or self.last_proof is None:
            return Health.BAD
        age = self.clock.monotonic() - self.last_proof
        if age >= 5 * self.expected_interval:
            return Health.BAD
        if age >= 2 * self.expected_interval or self.source.thinned_since is not None or self.is_impaired:
            return Health.DEGRADED
        return Health.DEGRADED if self.error_share > TOO_MANY_ERRORS else Health.GOOD

    @property
    def error_share(self) -> float:
        """Errors among all packets of the last minute, 0 to 1; an outage that is over does not count as errors."""
        since = self.clock.monotonic() - 60
        return self.traffic.error_share(without=sum(1 for at in self._failed_at if at >= since))

    @property
    def last_seen(self) -> float | None:
        """Epoch seconds of the last proof of life."""
        if self.last_proof is None:
            return None
        return self.clock.wall() - (self.clock.monotonic() - self.last_proof)

    @property
    def uptime(self) -> float | None:
        """Seconds since the link was proven; None while it is not."""
        return self.clock.monotonic() - self._connected_since if self.status is Status.CONNECTED else None

    @property
    def next_retry_in(self) -> float | None:
        """Seconds until the next attempt; None when none is scheduled."""
        return None if self.next_retry is None else max(0.0, self.next_retry - self.clock.monotonic())

    @property
    def flaps(self) -> int:
        """How often the link was lost within the last hour."""
        since = self.clock.monotonic() - FLAP_WINDOW
        return sum(1 for at in self._lost_at if at >= since)

    def notices(self) -> list[Notice]:
        """What is limited at the moment, so that nothing is ever left out in silence."""
        source, found = self.source, []
        if source.thinned_since is not None:
            found.append(Notice('Too many updates: each value is shown at most 10 times a second, '
                                '{count} were skipped.', {'count': str(source.thinned_updates)}))  # fmt: skip
        if source.refused_points:
            found.append(Notice('More than {limit} values: {count} updates of further ones were not kept. '
                                'Choose fewer topics, or raise max_points.',
                                {'limit': str(source.max_points), 'count': str(source.refused_points)}))  # fmt: skip
        if trouble := self.services.history.trouble:
            found.append(Notice('The history cannot be written: {why}', {'why': trouble}))
        return found

    # verbs

    @final
    def start(self) -> None:
        """Want the link; does nothing if it is wanted already."""
        if self._task is None or self._task.done():
            self._backoff.reset()
            self._was_connected = False
            self.last_error = None
            self.retriable = True
            self.status = Status.CONNECTING
            self._task = asyncio.create_task(self._run(), name=f'connection {self.id}')

    @final
    async def stop(self) -> None:
        """Close the link and stay off."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        if self.status is not Status.DISCONNECTED:
            self.status = Status.DISCONNECTED
            self._log_event('disconnected', 'stopped')
        self.connected_at = self.next_retry = None

    @final
    def retry_now(self) -> None:
        """Try at once, also after a refusal that is not retried by itself."""
        if self._task is None or self._task.done():
            self.start()
        elif self.status is not Status.CONNECTED:
            self._wake.set()

    @final
    async def reconfigure(self, settings: ConnectionSettings) -> None:
        """Take new settings: restarts this link if they concern it and keeps its history."""
        config = self.CONFIG.model_validate(settings.config)
        if settings.config == self.settings.config and settings.enabled == self.settings.enabled:
            self.settings = settings
            return
        if settings.enabled and self.settings.enabled and self.adapt(config):
            self.settings, self.config = settings, config
            return
        await self.stop()
        moved = any(getattr(config, key, None) != getattr(self.config, key, None) for key in self.IDENTITY)
        self.settings, self.config = settings, config
        if moved:
            self.services.gateway.remove_source(self.id)
            self.last_proof = self.last_error = None
            self.source = self._make_source()
        self._configured()
        if settings.enabled:
            self.start()

    def _configured(self) -> None:  # noqa: B027 - most drivers keep nothing beside the config
        """Take over what the driver keeps beside the config."""

    def _make_source(self) -> Source:
        return self.services.gateway.add_source(self.id, self)

    # the loop

    async def _run(self) -> None:
        while True:
            try:
                failure = await self._live_once()
                self._leave(failure)  # before closing: a slow close must not look like a living link
                self.services.gateway.mark_stale(self.source)
            finally:
                await self._close()
                self.services.gateway.mark_stale(self.source)  # also what came while it was closed
            await self._wait(self.next_retry_in)
            self.next_retry = None
            self.status = Status.CONNECTING

    async def _live_once(self) -> Failure:
        """One attempt and, if it succeeds, the whole life of the link; answers why it ended."""
        self.ladder.begin(self.clock.monotonic())
        try:
            async with asyncio.timeout(self.OPEN_LIMIT):
                await self._open()
            self._record_connected()
            await self._serve()
        except ConnectionFailure as error:
            return error.failure
        except TimeoutError:
            return self.no_answer()
        except Exception as error:  # the task's boundary: a driver's mistake is shown and retried, never silent
            log_error(error, operation='connection loop', connection_id=self.id, type=self.KIND)
            return self._failure('internal', 'Something unexpected happened with {address}: {error}.',
                                 'It is tried again. If it stays, send us the diagnostics.',
                                 error=f'{type(error).__name__}: {error}')
        return self._failure('connection_lost', '{address} closed the connection.', 'It is tried again by itself.')

    def _leave(self, failure: Failure) -> None:
        """The attempt failed or the link was lost: say so, and when it is tried again."""
        now = self.clock.monotonic()
        was_connected = self.status is Status.CONNECTED
        self.status = Status.ERROR
        self.ladder.end(now)
        self._failed_at.append(now)
        if was_connected:
            self._lost_at.append(now)
            if self.flaps <= EAGER_OUTAGES:  # a link that flaps for ever gets no second tries for ever
                self._backoff.begin_outage()
            if now - self._connected_since >= STEADY_SECONDS:
                self._backoff.reset()
        self.connected_at = None
        self.retriable = failure.retriable
        self.note_failure(failure, kind='lost' if was_connected else 'failed')
        delay = self._backoff.next_delay(now, eager=failure.cheap)
        self.next_retry = now + delay if failure.retriable else None

    def secret(self, name: str) -> str | None:
        """The owner's secret: from the environment if the settings say so, else from the store.

        Raises ConnectionFailure when the environment lacks it.
        """
        reference = str(getattr(self.config, name, '') or '')
        try:
            if reference.startswith('env:'):
                return self.services.secrets.resolve(reference, self.id, name)
            return self.services.secrets.get(self.id, name)
        except MissingSecret as error:
            raise ConnectionFailure('not_authorised', 'The {name} for {address} is missing: {why}.',
                                    'Set the environment variable and start again, or enter it here.',
                                    retriable=False, name=name, address=self.address, why=error) from error  # fmt: skip

    def note_failure(self, failure: Failure, kind: str = 'failed') -> None:
        """Count, show and log a failure; a driver may note one that does not end the link."""
        self.last_error = replace(failure, at=self.clock.wall())
        self.traffic.errors += 1
        self.journal.warning(f'{failure.message} {failure.hint}')
        if (kind, failure.code) != self._last_event:  # an outage of many attempts is one line
            self.services.history.add_event(self.id, self.last_error.at, kind, failure.message)
        self._last_event = (kind, failure.code)

    def no_answer(self) -> Failure:
        """The device has let the time for opening pass."""
        return self._failure('timeout', '{address} did not answer in time.',
                             'Check that the device is on and reachable.')  # fmt: skip

    def _failure(self, code: str, text: str, hint: str, error: str = '') -> Failure:
        return ConnectionFailure(code, text, hint, address=self.address, error=error).failure

    async def _wait(self, delay: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._wake.wait()  # may be set already: somebody pressed Retry while the attempt was failing
        if self._wake.is_set():
            self._backoff.reset()
            self._wake.clear()

    def _record_connected(self) -> None:
        now = self.clock.monotonic()
        self.prove(now)
        self._connected_since = now
        self.connected_at = self.clock.wall()
        if self._was_connected:
            self.traffic.reconnects += 1
        self._was_connected = True
        self._wake.clear()
        self.last_error = None
        self.status = Status.CONNECTED
        self._log_event('connected', f'connected to {self.address}')

    def prove(self, now: float) -> None:
        """The device has just been heard, at this monotonic time."""
        self.last_proof = now

    def _log_event(self, kind: str, text: str) -> None:
        self._last_event = (kind, '')
        self.journal.info(text)
        self.services.history.add_event(self.id, self.clock.wall(), kind, text)
