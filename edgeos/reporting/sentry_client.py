"""All there is of sentry-sdk. Imported by a thread, for the first report or a while after the start: it takes long."""
from collections.abc import Callable
from datetime import UTC, datetime

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.scrubber import EventScrubber
from sentry_sdk.transport import Transport

from edgeos.reporting.marks import HOST
from edgeos.reporting.report import APP, Json, Report, Sample, contexts_of, event_of, tags_of


class Hand(Transport):
    """Hands events on instead of sending them: they wait on the disk and another thread sends them."""

    def __init__(self, take: Callable[[Json], None]) -> None:
        super().__init__()
        self._take = take

    def capture_envelope(self, envelope: Envelope) -> None:
        for item in envelope.items:
            event = item.get_event() or item.get_transaction_event()
            if event is not None:
                self._take(dict(event))


class Client:
    """Set up once, with what is wanted and nothing else; `take` is called for each report with its event."""

    def __init__(self, dsn: str, version: str, environment: str, sample_rate: float,
                 take: Callable[[Json], None]) -> None:  # fmt: skip
        """An empty DSN makes events that are only looked at."""
        self._version = version
        sentry_sdk.init(
            dsn=dsn, release=f'{APP}@{version}', environment=environment, transport=Hand(take), server_name=HOST,
            default_integrations=False, auto_enabling_integrations=False, auto_session_tracking=False,
            send_client_reports=False, enable_backpressure_handling=False, spotlight=False, debug=False,
            include_local_variables=False, include_source_context=False,
            max_request_body_size='never', attach_stacktrace=False, shutdown_timeout=0,
            event_scrubber=EventScrubber(denylist=[], pii_denylist=[]),  # ours is behind it, and hides more
            traces_sample_rate=sample_rate,
        )  # fmt: skip

    def report(self, report: Report) -> None:
        """In a scope of its own, so that nothing of it is on the next."""
        with sentry_sdk.isolation_scope() as scope:
            scope.clear()
            for name, context in contexts_of(report, self._version).items():
                scope.set_context(name, context)
            for tag, value in tags_of(report).items():
                scope.set_tag(tag, value)
            sentry_sdk.capture_event(event_of(report))  # type: ignore[arg-type]  # its shape is ours, a plain dict

    def sample(self, sample: Sample) -> None:
        """How long a request took."""
        with sentry_sdk.isolation_scope() as scope:
            scope.clear()
            begin, end = (datetime.fromtimestamp(t, UTC) for t in (sample.t - sample.seconds, sample.t))
            transaction = sentry_sdk.start_transaction(name=sample.name, op='http.server', source='route',
                                                       start_timestamp=begin)  # fmt: skip
            transaction.set_http_status(sample.status)
            transaction.finish(end_timestamp=end)

    def close(self) -> None:
        sentry_sdk.get_global_scope().set_client(None)
