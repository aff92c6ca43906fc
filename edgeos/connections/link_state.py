"""What a link is like at the moment: plain attributes that its own loop writes, and what follows from them.

Health comes from the age of the last proof of life, never from what a library believes.
"""
import asyncio
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace
from typing import ClassVar

from pydantic import BaseModel

from edgeos.connections.backoff import Backoff
from edgeos.connections.journal import Journal
from edgeos.connections.ladder import Ladder
from edgeos.connections.services import Services
from edgeos.connections.state import ConnectionFailure, Failure, Health, Notice, Status
from edgeos.connections.traffic import Traffic
from edgeos.gateway import Owner, Source
from edgeos.secrets import MissingSecret
from edgeos.settings import ConnectionSettings

FLAP_WINDOW = 3600.0
TOO_MANY_ERRORS = 0.01


class LinkState(Owner, ABC):
    """What is known of one configured link. Its driver says where the device is and how often it proves itself."""

    KIND: ClassVar[str]
    CONFIG: ClassVar[type[BaseModel]]
    SECRETS: ClassVar[tuple[str, ...]] = ()

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
        self._task: asyncio.Task[None] | None = None

    # what a driver says

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

    @property
    def is_paused(self) -> bool:
        """Whether the device has been let go for a while; `next_retry_in` says for how long."""
        return self.status is Status.DISCONNECTED and self._task is not None and not self._task.done()

    def _make_source(self) -> Source:
        return self.services.gateway.add_source(self.id, self)

    # what happens to it

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
            self.services.tell('warning', self.id, failure.message, type=self.KIND, code=failure.code,
                               hint=failure.hint)  # fmt: skip
        self._last_event = (kind, failure.code)

    def no_answer(self) -> Failure:
        """The device has let the time for opening pass."""
        return self._failure('timeout', '{address} did not answer in time.',
                             'Check that the device is on and reachable.')  # fmt: skip

    def _failure(self, code: str, text: str, hint: str, error: str = '') -> Failure:
        return ConnectionFailure(code, text, hint, address=self.address, error=error).failure

    def prove(self, now: float) -> None:
        """The device has just been heard, at this monotonic time."""
        self.last_proof = now

    def _log_event(self, kind: str, text: str) -> None:
        self._last_event = (kind, '')
        self.journal.info(text)
        self.services.history.add_event(self.id, self.clock.wall(), kind, text)
        self.services.tell('info', self.id, text, type=self.KIND)
