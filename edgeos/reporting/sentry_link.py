"""From a report to a Sentry server: makes the event, keeps it in the spool, has it sent. Used by one thread."""
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeos.clock import Clock
from edgeos.reporting.dsn import BadDsn, Dsn, parse_dsn
from edgeos.reporting.post import Post
from edgeos.reporting.report import APP, Json, Report, Sample, finished
from edgeos.reporting.scrub import Scrubber
from edgeos.reporting.sender import FIRST_PAUSE, MOST_PAUSE, Sender
from edgeos.reporting.spool import Spool, Waiting

if TYPE_CHECKING:
    from edgeos.reporting.sentry_client import Client

BAD_DSN = 'The DSN for Sentry is not valid; nothing is sent.'
NO_SDK = 'Reports cannot be made: the package sentry-sdk cannot be loaded.'

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Pauses and the limit of one request are in s."""

    dsn: str
    environment: str
    version: str
    ca_file: str = ''
    sample_rate: float = 1.0
    first_pause: float = FIRST_PAUSE
    most_pause: float = MOST_PAUSE
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Sending:
    """Whether reports leave this device; `why` is on, no_dsn, bad_dsn or switched_off."""

    on: bool
    why: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Reports that wait to be sent, and those that were dropped since the start."""

    waiting: int
    dropped: int


class SentryLink:
    """Without a usable DSN it can still make events, to be looked at."""

    def __init__(self, spool: Spool, options: LinkOptions, clock: Clock, told: Callable[[str, str], None]) -> None:
        """`told` hears what becomes of a fingerprint: 'waiting' or 'sent'."""
        self._spool = spool
        self.last: str | None = None  # JSON of the newest event
        self.trouble: str | None = None
        self.sender: Sender | None = None
        self._options = options
        self._told = told
        self._client: Client | None = None
        self._is_away = False
        self._made: Json | None = None
        self.dsn = self._parse(options.dsn)
        if self.dsn is not None:
            post = Post(self.dsn, f'{APP}/{options.version}', options.ca_file, options.timeout)
            self.sender = Sender(spool, post, clock, self._hear, first_pause=options.first_pause,
                                 most_pause=options.most_pause)  # fmt: skip

    def _parse(self, text: str) -> Dsn | None:
        """The text itself is never shown: who has the key can send events."""
        try:
            return parse_dsn(text) if text else None
        except BadDsn as error:
            log.warning('%s (%s)', BAD_DSN, error)
            self.trouble = BAD_DSN
            return None

    def open(self) -> None:
        """Ready to send, but paused at first."""
        if self.sender is None:
            return
        newest = self._spool.newest()
        self.last = None if newest is None else newest.decode()
        self.sender.start()

    def warm_up(self) -> bool:
        """Load and set up the SDK, once. False, and trouble, when it cannot be."""
        if self._client is not None or self._is_away:
            return not self._is_away
        try:
            from edgeos.reporting.sentry_client import Client
        except ImportError as error:
            if self.trouble is None:
                log.warning('%s (%s)', NO_SDK, error)
            self.trouble = NO_SDK
            return False
        options = self._options
        dsn = options.dsn if self.dsn is not None else ''
        self._client = Client(dsn, options.version, options.environment, options.sample_rate, self._take)
        return True

    def report(self, report: Report, scrubber: Scrubber, send: bool) -> None:
        """Make its event; keep it and have it sent if it is to be sent. Blocks while the disk works."""
        self._made = None
        if not self.warm_up():
            return
        assert self._client is not None
        self._client.report(report)
        if self._made is None:
            log.warning('sentry-sdk made no event of the report %s', report.event_id)
            return
        event = finished(self._made, scrubber)
        self.last = event.decode()
        if send and self.sender is not None:
            self._told(report.fingerprint, 'waiting')
            self._spool.add(report.fingerprint, report.event_id, event)
            self.sender.wake()

    def sample(self, sample: Sample, scrubber: Scrubber) -> None:
        """Send how long a request took, if the server can be reached just now."""
        self._made = None
        if self.sender is None or not self.warm_up():
            return
        assert self._client is not None
        self._client.sample(sample)
        if self._made is not None:
            self.sender.offer(str(self._made['event_id']), finished(self._made, scrubber))

    def _take(self, event: Json) -> None:
        self._made = event

    def _hear(self, waiting: Waiting) -> None:
        self._told(waiting.fingerprint, 'sent')

    def pause(self, paused: bool) -> None:
        """Nothing leaves while paused. From any thread."""
        if self.sender is not None:
            self.sender.pause(paused)

    def close(self, seconds: float) -> None:
        """Send what can be sent in that time; the rest waits for the next start. From any thread."""
        if self.sender is not None:
            self.sender.stop(seconds)

    def put_away(self) -> None:
        """The SDK; no event is made any more."""
        client, self._client, self._is_away = self._client, None, True
        if client is not None:
            client.close()
