"""A server that is away, slow, busy or wrong: the app goes on, the events arrive later, with the id they had."""
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeos.reporting import log_error
from edgeos.reporting.answers import BROKEN, BUSY, WRONG_ADDRESS, WRONG_DSN
from edgeos.reporting.post import UNREACHABLE, Post
from edgeos.reporting.sender import STUCK, pause_after
from tests.helpers import eventually_sync, free_port, patient
from tests.reporting.ingest import KEY, Answer, Ingest
from tests.reporting.reporters import FAST, caught, reporting, settled, waited

ROOT = Path(__file__).parents[2]
Log = pytest.LogCaptureFixture


@pytest.fixture
def ingest() -> Any:
    with Ingest() as ingest:
        yield ingest


def ids(folder: Path) -> list[str]:
    """Of what waits on the disk, oldest first."""
    return [path.name[-37:-5] for path in sorted((folder / 'spool' / 'sentry').glob('*.json'))]


# one answer after the other


AGAIN: dict[str, tuple[Answer, str]] = {
    '429': (Answer(429, {'Retry-After': '1'}), BUSY),
    '502 as a page': (Answer(502, {'Content-Type': 'text/html'}, b'<html>'), BROKEN),
    'cut': (Answer(cut=True), UNREACHABLE), 'hang': (Answer(hang=1.0), UNREACHABLE), 'drip': (Answer(drip=0.05), UNREACHABLE),
    'a proxy without a server': (Answer(404, body=b'404 page not found'), WRONG_ADDRESS), 'moved': (Answer(301, {'Location': '/elsewhere'}), WRONG_ADDRESS), 'a door of a hotel': (Answer(200, {'Content-Type': 'text/html'}, b'<html>pay</html>'), WRONG_ADDRESS),
}  # fmt: skip


@pytest.mark.parametrize('kind', AGAIN)
def test_what_failed_is_sent_again_with_its_id(tmp_path: Path, ingest: Ingest, caplog: Log, kind: str) -> None:
    answer, trouble = AGAIN[kind]
    ingest.answers = [answer]
    with reporting(tmp_path, ingest.dsn, options={**FAST, 'timeout': 0.4}) as reporter:
        log_error(caught())
        eventually_sync(lambda: reporter.trouble == trouble)
        assert reporter.queue.waiting == 1
        refused_at = time.monotonic()
        if answer.status == 200:
            ingest.accepted.clear()  # it said so, but nobody has read it
        eventually_sync(lambda: ingest.accepted and reporter.trouble is None)
        if answer.status == 429:
            assert time.monotonic() - refused_at > 0.5
        assert reporter.queue == type(reporter.queue)(0, 0)
    assert len({each.envelope['event_id'] for each in ingest.requests}) == 1 and len(ingest.requests) == 2
    assert ids(tmp_path) == []
    warnings = [record for record in caplog.records if record.levelname == 'WARNING']
    assert len(warnings) == 1 and trouble in warnings[0].getMessage()


@pytest.mark.parametrize('status', [400, 413])
def test_what_is_refused_is_dropped_with_a_warning_and_the_next_is_sent(tmp_path: Path, ingest: Ingest, caplog: Log, status: int) -> None:
    ingest.answers = [Answer(status, body=b'{"detail": "not like this"}')]
    with reporting(tmp_path, ingest.dsn) as reporter:
        log_error(caught('one'), operation='one')
        eventually_sync(lambda: reporter.queue.dropped == 1)
        log_error(caught('two'), operation='two')
        eventually_sync(lambda: ingest.events)
        eventually_sync(lambda: {event.message: event.sent for event in reporter.store.query()} == {'Oops: one': '', 'Oops: two': 'sent'})
    assert [each.event['tags']['operation'] for each in ingest.requests] == ['one', 'two']
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == 'WARNING']
    assert str(status) in warning and KEY not in caplog.text


@pytest.mark.parametrize('status', [401, 403, 404])
def test_while_the_dsn_is_not_accepted_reports_wait_with_one_warning(tmp_path: Path, ingest: Ingest, caplog: Log, status: int) -> None:
    ingest.answers = [Answer(status, body=b'{"detail": "no such project"}')] * 2
    with reporting(tmp_path, ingest.dsn) as reporter:
        log_error(caught('one'), operation='one')
        eventually_sync(lambda: reporter.trouble == WRONG_DSN)
        eventually_sync(lambda: ingest.events)
        eventually_sync(lambda: reporter.trouble is None)
        assert reporter.queue.dropped == 0
    assert len({each.envelope['event_id'] for each in ingest.requests}) == 1 and len(ingest.requests) == 3
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == 'WARNING']
    assert WRONG_DSN in warning and KEY not in caplog.text


def test_a_limit_that_comes_with_an_acceptance_is_kept(tmp_path: Path, ingest: Ingest) -> None:
    ingest.answers = [Answer(200, {'X-Sentry-Rate-Limits': '600::organization'})]
    with reporting(tmp_path, ingest.dsn) as reporter:
        log_error(caught('one'), operation='one')
        log_error(caught('two'), operation='two')
        eventually_sync(lambda: reporter.trouble == BUSY and reporter.queue.waiting == 1)
        sender = reporter._link.sender
        assert sender is not None and 500 < sender._not_before - time.monotonic() <= 600
        assert len(ingest.requests) == 1
        sender._not_before = 0.0
        sender.wake()
        eventually_sync(lambda: len(ingest.events) == 2)


def test_pauses_grow_while_a_server_is_broken(tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, float, float]] = []
    monkeypatch.setattr('edgeos.reporting.sender.pause_after', lambda *args: asked.append(args) or 0.1)
    ingest.answer.status = 500
    with reporting(tmp_path, ingest.dsn):
        log_error(caught())
        eventually_sync(lambda: len(ingest.requests) >= 4, timeout=15)
        ingest.answer.status = 200
        eventually_sync(lambda: ingest.events, timeout=15)
        ingest.answer.status = 500
        log_error(caught('again'), operation='again')
        eventually_sync(lambda: asked and asked[-1][0] == 1)
    first, most = FAST['first_pause'], FAST['most_pause']
    assert asked[:3] == [(1, first, most), (2, first, most), (3, first, most)]
    assert all(after.t - before.t >= 0.1 for before, after in zip(ingest.requests, ingest.requests[1:4], strict=False))


def test_a_pause_doubles_up_to_the_longest_and_differs_from_device_to_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(1.6 <= pause_after(1, 2, 300) <= 2.4 for _ in range(100)) and len({pause_after(1, 2, 300) for _ in range(10)}) > 1
    monkeypatch.setattr('random.uniform', lambda low, high: 1.0)
    assert [pause_after(failures, 2, 300) for failures in (1, 2, 3, 8, 9, 10_000)] == [2, 4, 8, 256, 300, 300]


def test_nothing_that_fails_ends_the_thread(tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch, caplog: Log) -> None:
    monkeypatch.setattr(Post, 'post', lambda *_: 1 / 0)
    with reporting(tmp_path, ingest.dsn) as reporter:
        log_error(caught())
        eventually_sync(lambda: reporter.trouble == STUCK and reporter.queue.waiting == 1)
        monkeypatch.undo()
        eventually_sync(lambda: ingest.events and reporter.trouble is None)
    assert caplog.text.count('ZeroDivisionError') == 1


# long outages


def test_events_wait_in_order_until_the_network_returns(tmp_path: Path, caplog: Log) -> None:
    port = free_port()
    with reporting(tmp_path, f'http://{KEY}@127.0.0.1:{port}/42') as reporter:
        for name in ('one', 'two', 'three'):
            log_error(caught(name), operation=name)
        eventually_sync(lambda: len(ids(tmp_path)) == 3 and reporter.trouble == UNREACHABLE)
        assert {event.sent for event in reporter.store.query()} == {'waiting'}
        waiting = ids(tmp_path)
        with Ingest(port) as ingest:
            eventually_sync(lambda: len(ingest.events) == 3 and reporter.queue.waiting == 0)
        assert [event['event_id'] for event in ingest.events] == waiting
        assert [event['tags']['operation'] for event in ingest.events] == ['one', 'two', 'three']
        eventually_sync(lambda: {event.sent for event in reporter.store.query()} == {'sent'})
    assert caplog.text.count(UNREACHABLE) == 1


def test_a_name_that_cannot_be_found_is_an_outage(tmp_path: Path) -> None:
    with reporting(tmp_path, f'https://{KEY}@does-not-exist.invalid/42') as reporter:
        log_error(caught())
        eventually_sync(lambda: reporter.trouble == UNREACHABLE and reporter.queue.waiting == 1)


def test_events_wait_over_a_restart(tmp_path: Path, ingest: Ingest) -> None:
    ingest.answer.status = 503
    with reporting(tmp_path, ingest.dsn) as reporter:
        for name in ('one', 'two'):
            log_error(caught(name), operation=name)
        eventually_sync(lambda: ingest.requests and reporter.queue.waiting == 2)
        preview = reporter.preview()
    waiting = ids(tmp_path)
    assert len(waiting) == 2
    ingest.answer.status = 200
    with reporting(tmp_path, ingest.dsn) as reporter:
        log_error(caught('three'), operation='three')
        eventually_sync(lambda: len(ingest.events) == 3)
        assert preview is not None
        eventually_sync(lambda: sum(event.sent == 'sent' for event in reporter.store.query()) == 3)
    assert [event['event_id'] for event in ingest.events][:2] == waiting
    assert [event['tags']['operation'] for event in ingest.events] == ['one', 'two', 'three']


def test_what_waits_can_be_looked_at_after_a_restart(tmp_path: Path) -> None:
    dsn = f'http://{KEY}@127.0.0.1:{free_port()}/42'
    with reporting(tmp_path, dsn) as reporter:
        log_error(caught('one'))
        before = eventually_sync(reporter.preview)
    with reporting(tmp_path, dsn) as reporter:
        assert eventually_sync(reporter.preview) == before


@pytest.mark.parametrize('behave', [lambda ingest: setattr(ingest.answer, 'hang', 30), lambda ingest: setattr(ingest.answer, 'status', 500)])
def test_a_bad_server_slows_nobody_and_does_not_hold_up_the_end(tmp_path: Path, ingest: Ingest, behave: Callable[[Ingest], None]) -> None:
    behave(ingest)
    with reporting(tmp_path, ingest.dsn) as reporter:
        for name in ('one', 'two', 'three'):
            log_error(caught(name), operation=name)
        eventually_sync(lambda: ingest.requests)
        assert max(waited(lambda number=number: log_error(caught(str(number)), operation='other')) for number in range(1000)) < patient(1)
        settled(reporter, ['Oops: 0'])
        eventually_sync(lambda: reporter.queue.waiting == 4)
        start = time.monotonic()
    assert time.monotonic() - start < patient(4)
    assert len(ids(tmp_path)) == 4


CHILD = """
import sys, time
from pathlib import Path
from edgeos.reporting import log_error
from edgeos.reporting import noise
from edgeos.reporting.reporter import Reporter
from edgeos.settings_models import SentrySettings
noise.NoiseGate.__init__.__defaults__ = (noise.EVERY, 10_000, 10_000)
reporter = Reporter(Path(sys.argv[1]), SentrySettings(dsn=sys.argv[2]), '1', environ={}, env_file=None,
                    options={'first_pause': 0.05, 'most_pause': 0.1})
reporter.attach()
reporter.start()
print('READY', flush=True)
number = 0
while True:
    number += 1
    word = ''.join(chr(97 + int(digit)) for digit in str(number))
    try:
        raise ValueError(word)
    except ValueError as error:
        log_error(error, operation=word)
    time.sleep(0.01)
"""


def child(data: Path, dsn: str) -> 'subprocess.Popen[bytes]':
    return subprocess.Popen([sys.executable, '-c', CHILD, str(data), dsn], cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def kill(process: 'subprocess.Popen[bytes]') -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_what_waits_survives_kill_9_and_is_sent_with_its_id(tmp_path: Path, ingest: Ingest) -> None:
    ingest.answer.status = 503
    process = child(tmp_path, ingest.dsn)
    try:
        eventually_sync(lambda: len(ids(tmp_path)) > 20, timeout=15)
    finally:
        kill(process)
    waiting = ids(tmp_path)
    ingest.answer.status = 200
    with reporting(tmp_path, ingest.dsn):
        eventually_sync(lambda: len(ingest.events) == len(waiting), timeout=15)
    assert [event['event_id'] for event in ingest.events] == waiting
    assert list((tmp_path / 'spool' / 'sentry').iterdir()) == []


def test_nothing_is_lost_when_it_is_killed_while_it_sends(tmp_path: Path, ingest: Ingest) -> None:
    seen: set[str] = set()
    for _ in range(3):
        process = child(tmp_path, ingest.dsn)
        try:
            before = len(ingest.events)
            eventually_sync(lambda before=before: len(ingest.events) > before + 15, timeout=15)
        finally:
            kill(process)
        seen |= set(ids(tmp_path))
    with reporting(tmp_path, ingest.dsn):
        eventually_sync(lambda: seen <= {event['event_id'] for event in ingest.events} and not ids(tmp_path))
    by_id: dict[str, str] = {}
    for each in ingest.accepted:  # at least once, and then the same
        assert by_id.setdefault(each.envelope['event_id'], each.event['tags']['operation']) == each.event['tags']['operation']
