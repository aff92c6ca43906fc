"""Where reports lead: the local log, the local store and, if the owner wants it, a Sentry server.

Who reports waits for nothing: it counts, writes a line and leaves the rest to a thread, which alone knows the secrets
that have to be hidden, makes events and waits for the disk.
"""
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgeos import reporting
from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.reporting.capture import KEPT, context_of, error_text, links_of, shortened, traceback_text, whole
from edgeos.reporting.environment import choose
from edgeos.reporting.event_row import number_of
from edgeos.reporting.event_store import EventStore
from edgeos.reporting.fingerprint import of_error, of_event, of_group
from edgeos.reporting.hider import Hider, Texts
from edgeos.reporting.hooks import Hooks
from edgeos.reporting.noise import NoiseGate
from edgeos.reporting.report import TEST_MESSAGE, Crumb, Report, Sample, source_of
from edgeos.reporting.scrub import Scrubber
from edgeos.reporting.sentry_link import LinkOptions, Queue, Sending, SentryLink
from edgeos.reporting.spool import Spool
from edgeos.reporting.traces import Samples
from edgeos.reporting.worker import Worker
from edgeos.settings_models import SentrySettings

MOST_CRUMBS = 40
MOST_EVENTS = (120, 160)  # new, and in all, in that time
EVENT_EVERY = 1.0  # s between two equal events that are written in full; others are counted
LINE_EVERY = 10.0  # s between two lines in the log about errors of one type that are told in a group
WARM_UP = 8.0  # s after the start in which sentry-sdk is not loaded, unless something is to be reported
STOP_SECONDS = 2.0
CONFIGURE_SECONDS = 3.0
TEST_GROUP = of_group('test')  # fingerprint of test reports
TEST_ID = number_of(TEST_GROUP)  # and their id in the store
ONE_OF_MANY = 'One of many that differ: '


class Reporter:
    """Owns the store, the noise gates and the way to Sentry. Every method may be called from the event loop, except
    `scrubber`, which may read the disk, and `configure` and `stop`, which wait. It starts once.
    """

    def __init__(self, data: Path, settings: SentrySettings, version: str, *, secrets: Texts = tuple,
                 hosts: Texts = tuple, users: Texts = tuple, clock: Clock = SYSTEM_CLOCK,
                 environ: Mapping[str, str] = os.environ, env_file: Path | None = Path('.env'),
                 options: Mapping[str, float] | None = None) -> None:  # fmt: skip
        """`secrets`, `hosts` and `users` say what has to be hidden; they are called by the thread and may
        read the disk.

        `options` are first_pause, most_pause and timeout of sending (s).
        """
        self.store = EventStore(data / 'events.sqlite', clock)
        self._clock = clock
        self._hider = Hider(secrets, hosts, users)
        self._enabled = settings.enabled
        self._environ, self._env_file = environ, env_file
        self._version, self._options = version, options or {}
        self._spool = Spool(data / 'spool' / 'sentry', lambda dropped: self.store.mark(dropped.fingerprint, ''))
        self._chosen = choose(settings, environ, env_file)
        self._link = self._make_link(settings)
        self._hooks = Hooks()
        self._crumbs: deque[Crumb] = deque(maxlen=MOST_CRUMBS)
        self._lock = threading.RLock()  # one that may be entered again: an object that is collected may report
        self._gate = NoiseGate(clock)
        self._line_gate = NoiseGate(clock, LINE_EVERY)
        self._event_gate = NoiseGate(clock, EVENT_EVERY, *MOST_EVENTS)
        self._samples = Samples(clock, settings.traces_sample_rate)
        self._early: dict[str, int] = {}  # how often they came again before the first was kept
        self._worker = Worker('reports', self._begin, lambda: self._link.put_away())

    def _make_link(self, settings: SentrySettings) -> SentryLink:
        options = LinkOptions(self._chosen.dsn, self._chosen.environment, self._version, settings.ca_file,
                              settings.traces_sample_rate, **self._options)  # fmt: skip
        return SentryLink(self._spool, options, self._clock, self.store.mark)

    # life

    def attach(self) -> None:
        """`log_error` and `log_event` lead here from now on."""
        reporting.attach(self)

    def detach(self) -> None:
        reporting.detach(self)

    def start(self) -> None:
        """Begin to keep and to send, and catch what nobody catches, also in the loop that runs, if one does.
        Raises RuntimeError after a stop.
        """
        self._worker.start()
        self._hooks.install()
        self.store.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Write and send what can be in that time. Errors after this are in the log and in memory only."""
        until = time.monotonic() + seconds
        self._hooks.uninstall()
        self._worker.stop(0.85 * seconds)  # what waits is sent meanwhile
        self._link.close(max(0.1, until - time.monotonic() - seconds / 5))
        self.store.stop(max(0.1, until - time.monotonic()))

    # in

    def error(self, error: BaseException, context: dict[str, object]) -> None:
        """From any thread; costs a look at the traceback when an equal one was told in the last minute."""
        fine, kind = of_error(error, context), of_group(type(error).__qualname__)
        with self._lock:
            fingerprint = self._gate.choose(fine, kind, of_group())
            repeated = self._gate.admit(fingerprint)
            is_named = repeated is None and fingerprint != fine and self._line_gate.admit(kind) is not None
        if is_named:
            reporting.write_log(error, context, (), ' [one of many that differ]')
        if repeated is None:
            self._count(fingerprint)
            return
        sends, some = self._sends, ONE_OF_MANY if fingerprint != fine else ''
        links = links_of(error, with_variables=sends)
        note = f' [{repeated} more since the last of these]' if repeated else ''
        reporting.write_log(error, context, links, note)
        report = Report(uuid.uuid4().hex, self._clock.wall(), fingerprint, error_text(error), links,
                        context_of(context), tuple(self._crumbs), repeated)  # fmt: skip
        if not self._worker.later(partial(self._keep_error, report, some, sends)) and sends:
            self._spool.dropped += 1

    def event(self, level: str, source: str, message: str, context: dict[str, object]) -> None:
        """From any thread; what happens many times a second is counted."""
        level, source, message = whole(str(level)), whole(str(source)), whole(str(message))
        self._crumbs.append(Crumb(self._clock.wall(), level, source, message))
        fine = of_event(level, source, message)
        with self._lock:
            fingerprint = self._event_gate.choose(fine, of_group(level, source), of_group())
            repeated = self._event_gate.admit(fingerprint)
        message = message if fingerprint == fine else ONE_OF_MANY + message
        if repeated is None:
            self._count(fingerprint)
        else:
            self._worker.later(partial(self._keep_event, level, source, message, fingerprint, context_of(context)))

    def served(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered: now and then one is sent, to see what is slow. `route` is as declared, with names
        in braces, never what was asked for. Costs nothing where nothing is sent.
        """
        if not self._sends:
            return
        with self._lock:
            wanted = self._samples.take(method, route)
        if wanted:
            sample = Sample(f'{method} {route}', self._clock.wall(), seconds, status)
            self._worker.later(partial(self._send_sample, sample))

    def _count(self, fingerprint: str) -> None:
        with self._lock:
            if not self.store.repeat(fingerprint):  # the first of them still waits for the thread
                self._early[fingerprint] = self._early.get(fingerprint, 0) + 1

    # for the page

    @property
    def _wanted(self) -> bool:
        return self._enabled and self._link.dsn is not None

    @property
    def _sends(self) -> bool:
        return self._wanted and not self._worker.stopped

    @property
    def sending(self) -> Sending:
        """Whether reports leave this device, and why not."""
        if self._link.dsn is None:
            return Sending(False, 'bad_dsn' if self._chosen.dsn else 'no_dsn')
        return Sending(self._enabled, 'on' if self._enabled else 'switched_off')

    @property
    def server(self) -> str:
        """Where reports go, without the key: "sentry.example.com, project 42"; '' for nowhere."""
        dsn = self._link.dsn
        return '' if dsn is None else f'{dsn.host}, project {dsn.project}'

    @property
    def dsn_from(self) -> str:
        """Who says so: environment, .env, settings, or '' for nobody."""
        return self._chosen.source

    @property
    def environment(self) -> str:
        return self._chosen.environment

    @property
    def last_sent(self) -> float | None:
        """Epoch s."""
        return self._link.sender.last_sent if self._link.sender is not None else None

    @property
    def queue(self) -> Queue:
        return Queue(self._spool.waiting, self._spool.dropped)

    @property
    def trouble(self) -> str | None:
        """One sentence, one of a fixed set, or None while all is well."""
        sender = self._link.sender.trouble if self._link.sender is not None and self._enabled else None
        return self._link.trouble or sender or self._spool.trouble or self.store.trouble

    def preview(self) -> str | None:
        """The JSON of the newest report, as it left, waits, or would leave; None when none was made since the start."""
        return self._link.last

    def send_test(self) -> str:
        """Make a report and send it, if reports are sent; `preview` shows it a moment later. Its event id."""
        event_id = uuid.uuid4().hex
        report = Report(event_id, self._clock.wall(), TEST_GROUP, TEST_MESSAGE, (),
                        {'operation': 'test report'}, tuple(self._crumbs), level='info')  # fmt: skip
        self._worker.later(partial(self._make_test, report))
        return event_id

    def set_enabled(self, enabled: bool) -> None:
        """The owner's switch. Turned off, nothing leaves from now on, and what waits is dropped: it must not leave
        later.
        """
        with self._lock:
            self._enabled = enabled
            if not enabled:
                self._link.pause(True)
        self._worker.later(partial(self._switch, enabled), always=True)

    def configure(self, settings: SentrySettings) -> bool:
        """Take other settings over; what waits goes to the new server, or is dropped when there is none any more.

        Waits for a moment: for a thread. False when it has not happened yet, as much is to be done before, or never
        will, after the stop.
        """
        if self._worker.stopped:
            return False
        self._enabled = settings.enabled
        done = threading.Event()
        if self._worker.is_running:
            self._worker.later(partial(self._relink, settings, done), always=True)
        else:
            self._relink(settings, done)
        return done.wait(CONFIGURE_SECONDS)

    # the thread

    def _switch(self, enabled: bool) -> None:
        if not enabled:
            self._spool.clear()
        self._resume()

    def _resume(self) -> None:
        with self._lock:  # it may just be switched off
            self._link.pause(not self._enabled)

    def _relink(self, settings: SentrySettings, done: threading.Event) -> None:
        self._link.close(0.1)
        self._link.put_away()
        self._chosen = choose(settings, self._environ, self._env_file)
        self._samples = Samples(self._clock, settings.traces_sample_rate)
        self._link = self._make_link(settings)
        if self._worker.is_running:
            self._link.open()
            self._resume()
        if not self._chosen.dsn:
            self._spool.clear()
        done.set()

    def _begin(self) -> None:
        self._spool.load()
        self._link.open()
        self._resume()
        self._worker.when_idle(WARM_UP, self._warm_up)

    def _warm_up(self) -> None:
        if self._sends:
            self._link.warm_up()

    def _keep_error(self, report: Report, some: str, sends: bool) -> None:
        """`some` is said before it; `sends` whether it was to leave when it happened, which may be just before the
        end.
        """
        scrubber, trusted = self._scrubber_now()
        links = [replace(link, text=scrubber.secrets_only(link.text, KEPT)) for link in report.links]
        text = f'{some}{links[0].type}: {links[0].text}'
        self._store('error', scrubber.secrets_only(source_of(report), KEPT), text, report.fingerprint,
                    scrubber.secrets_only_value(report.context, KEPT),
                    shortened(scrubber.secrets_only(traceback_text(links))))  # fmt: skip
        if sends and trusted and self._wanted:
            self._link.report(report, scrubber, send=True)

    def _keep_event(self, level: str, source: str, message: str, fingerprint: str, context: dict[str, object]) -> None:
        scrubber, _ = self._scrubber_now()
        source, message = scrubber.secrets_only(source, KEPT), scrubber.secrets_only(message, KEPT)
        self._store(level, source, message, fingerprint, scrubber.secrets_only_value(context, KEPT))

    def _store(self, level: str, source: str, text: str, fingerprint: str, context: object,
               traceback: str = '') -> None:  # fmt: skip
        assert isinstance(context, dict)
        with self._lock:
            self.store.add(level, source, text, fingerprint, context=context, traceback=traceback)
            again = self._early.pop(fingerprint, 0)
            if again:
                self.store.repeat(fingerprint, again)

    def _scrubber_now(self) -> tuple[Scrubber, bool]:
        return self._hider.scrubber_now(self._chosen.hidden)

    def _send_sample(self, sample: Sample) -> None:
        scrubber, trusted = self._scrubber_now()
        if trusted and self._sends:
            self._link.sample(sample, scrubber)

    def _make_test(self, report: Report) -> None:
        if self._sends:
            self.store.add('info', 'reporting', TEST_MESSAGE, report.fingerprint, context=report.context)
        scrubber, trusted = self._scrubber_now()
        if trusted:
            self._link.report(report, scrubber, send=self._sends)

    def scrubber(self) -> Scrubber:
        """Hides what has to be hidden at present. May read the disk. Raises what `secrets` and `hosts` raise."""
        return self._hider.scrubber(self._chosen.hidden)
