import json
import logging
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edgeos.reporting import log_error, log_event
from edgeos.reporting.report import TEST_MESSAGE
from edgeos.reporting.reporter import TEST_ID
from edgeos.reporting.sentry_link import BAD_DSN, SentryLink
from edgeos.settings_models import SentrySettings
from tests.helpers import FakeClock, eventually_sync, free_port, patient
from tests.reporting.ingest import KEY, Answer, Ingest
from tests.reporting.reporters import Oops, caught, make_reporter, reporting, settled, waited

Log = pytest.LogCaptureFixture


@pytest.fixture
def ingest() -> Any:
    with Ingest() as ingest:
        yield ingest


def first(ingest: Ingest) -> dict[str, Any]:
    return eventually_sync(lambda: ingest.events)[0]  # type: ignore[no-any-return]


# what is in an event


def test_an_event_says_what_where_and_when(tmp_path: Path, ingest: Ingest) -> None:
    with reporting(tmp_path, ingest.dsn, settings={'environment': 'cellar'}):
        log_event('warning', 'plc_001', 'the device does not answer')
        log_error(caught('no luck', list_of_three=[1, 2, 3]), operation='poll', connection_id='plc_001', type='plc', plugin='alarms', attempt=4)
        event = first(ingest)
    assert event['release'] == 'smarthome-edge-os@1.2.3'
    assert event['environment'] == 'cellar'
    assert event['platform'] == 'python' and event['level'] == 'error'
    assert event['tags'] == {'operation': 'poll', 'connection_id': 'plc_001', 'type': 'plc', 'plugin': 'alarms'}
    assert event['contexts']['module'] == {'name': 'tests.reporting.reporters', 'version': '1.2.3'}
    assert event['contexts']['additional'] == {'operation': 'poll', 'connection_id': 'plc_001', 'type': 'plc', 'plugin': 'alarms', 'attempt': 4, 'repeated': 0}
    [exception] = event['exception']['values']
    assert (exception['type'], exception['value'], exception['module']) == ('Oops', 'no luck', 'tests.reporting.reporters')
    frame = exception['stacktrace']['frames'][-1]
    assert (frame['filename'], frame['function'], frame['in_app']) == ('tests/reporting/reporters.py', 'fail', True)
    assert frame['vars'] == {'text': 'no luck', 'variables': {'list_of_three': [1, 2, 3]}}
    [crumb] = event['breadcrumbs']['values']
    assert (crumb['category'], crumb['level'], crumb['message']) == ('plc_001', 'warning', 'the device does not answer')
    assert abs(time.time() - ingest.accepted[0].t) < 5
    assert not {'user', 'request', 'modules', 'extra'} & set(event)
    assert event['server_name'] == '[host]'


def test_a_chain_of_errors_arrives_as_one(tmp_path: Path, ingest: Ingest) -> None:
    with reporting(tmp_path, ingest.dsn):
        try:
            try:
                raise Oops('below')
            except Oops as error:
                raise ValueError('above') from error
        except ValueError as error:
            log_error(error)
        assert [value['value'] for value in first(ingest)['exception']['values']] == ['below', 'above']


def test_nothing_of_one_report_is_on_the_next(tmp_path: Path, ingest: Ingest) -> None:
    with reporting(tmp_path, ingest.dsn):
        log_error(caught('one'), operation='one', plugin='alarms', only_here='yes')
        log_error(caught('two'), operation='two')
        eventually_sync(lambda: len(ingest.events) == 2)
    two = next(event for event in ingest.events if event['tags']['operation'] == 'two')
    assert two['tags'] == {'operation': 'two'}
    assert two['contexts']['additional'] == {'operation': 'two', 'repeated': 0}


def test_the_time_of_sending_is_said_beside_the_time_of_the_error(tmp_path: Path, ingest: Ingest) -> None:
    with reporting(tmp_path, ingest.dsn, clock=FakeClock(wall=1_700_000_000.0)):
        log_error(caught())
        event = first(ingest)
    assert event['timestamp'] == '2023-11-14T22:13:20.000Z'
    assert ingest.accepted[0].envelope['sent_at'] == '2023-11-14T22:13:20Z'


def test_the_preview_is_what_left(tmp_path: Path, ingest: Ingest) -> None:
    with reporting(tmp_path, ingest.dsn) as reporter:
        assert reporter.preview() is None
        log_error(caught('mqtt://a:b@c'), operation='poll')
        first(ingest)
        assert reporter.preview() is not None
        assert json.loads(reporter.preview() or '') == ingest.events[0]
        assert (reporter.preview() or '').encode() in ingest.accepted[0].raw


def test_huge_variables_make_no_huge_event(tmp_path: Path, ingest: Ingest) -> None:
    def deep(level: int, text: str, data: bytes, many: dict[str, str]) -> None:
        if level:
            deep(level - 1, text, data, many)
        raise Oops('deep')

    with reporting(tmp_path, ingest.dsn):
        try:
            deep(300, 'x' * 10_000_000, b'\xff' * 10_000_000, {str(n): 'y' * 10_000 for n in range(10_000)})
        except Oops as error:
            assert waited(partial(log_error, error)) < 1
        event = first(ingest)
    assert len(ingest.accepted[0].raw) < 210 * 1024
    assert event['exception']['values'][0]['stacktrace']['frames'][-1]['vars']['level'] == 0


def test_nothing_is_cut_before_it_is_scrubbed(tmp_path: Path, ingest: Ingest) -> None:
    text = 'x' * 8 + 'sesame42-' * 400
    error = caught(text)
    for _ in range(6):
        below, error = error, caught(text)
        error.__cause__ = below
    with reporting(tmp_path, ingest.dsn, secrets=lambda: ['sesame42']) as reporter:
        log_event('info', 'app', text, detail=text)
        log_error(error, operation=text, detail=text)
        told = json.dumps(first(ingest)) + repr(reporter.store.query())
    [crumb] = ingest.events[0]['breadcrumbs']['values']
    assert '[secret]-[secret]' in told and len(crumb['message']) == 300 and len(ingest.events[0]['tags']['operation']) == 200
    assert 'sesa' not in told and 'me42' not in told


# how often


def test_equal_errors_are_sent_once_a_minute_with_a_count(tmp_path: Path, ingest: Ingest) -> None:
    clock = FakeClock()
    with reporting(tmp_path, ingest.dsn, clock=clock) as reporter:
        for _ in range(10):
            log_error(caught('again'), operation='poll')
        first(ingest)
        clock.advance(59)
        log_error(caught('again'), operation='poll')
        clock.advance(1)
        log_error(caught('again'), operation='poll')
        eventually_sync(lambda: len(ingest.events) == 2)
        assert [event['contexts']['additional']['repeated'] for event in ingest.events] == [0, 10]
        eventually_sync(lambda: reporter.store.query()[0].count == 12)
    assert len(ingest.requests) == 2
    assert len({tuple(event['fingerprint']) for event in ingest.events}) == 1


def test_the_log_is_not_flooded_either(tmp_path: Path, caplog: Log) -> None:
    clock = FakeClock()
    with reporting(tmp_path, clock=clock):
        for _ in range(10):
            log_error(caught('again'))
        clock.advance(60)
        log_error(caught('again'))
    lines = [record.getMessage() for record in caplog.records if record.name == 'edgeos.error']
    assert len(lines) == 2 and lines[1].startswith('Oops: again () [9 more since the last of these]\n')


def test_events_that_are_no_errors_are_never_sent(tmp_path: Path, ingest: Ingest) -> None:
    with reporting(tmp_path, ingest.dsn) as reporter:
        for level in ('debug', 'info', 'warning', 'error', 'critical'):
            log_event(level, 'app', f'only here: {level}')
        settled(reporter, ['only here: critical'])
        log_error(caught('this one'))
        first(ingest)
    assert len(ingest.requests) == 1


# the owner's say


def test_without_a_dsn_nothing_is_made_and_nothing_loaded(tmp_path: Path) -> None:
    with reporting(tmp_path) as reporter:
        log_error(caught())
        settled(reporter, ['Oops: oops'])
        assert (reporter.sending.on, reporter.sending.why) == (False, 'no_dsn')
        assert reporter.preview() is None and reporter.trouble is None and reporter.last_sent is None
        assert not (tmp_path / 'spool').exists()
        assert not any(event.sent for event in reporter.store.query())


def test_a_test_report_is_sent_and_shown(tmp_path: Path, ingest: Ingest) -> None:
    with reporting(tmp_path, ingest.dsn) as reporter:
        log_event('info', 'plc_001', 'connected')
        event_id = reporter.send_test()
        event = first(ingest)
        assert event['event_id'] == event_id and event['level'] == 'info'
        assert event['logentry']['formatted'] == TEST_MESSAGE
        assert event['contexts']['additional'] == {'operation': 'test report', 'repeated': 0}
        assert event['breadcrumbs']['values'][0]['message'] == 'connected'
        eventually_sync(lambda: getattr(reporter.store.get(TEST_ID), 'sent', '') == 'sent')
        assert abs((reporter.last_sent or 0) - time.time()) < 5
        assert json.loads(reporter.preview() or '') == event


def test_without_a_dsn_a_test_report_is_shown_and_stays_here(tmp_path: Path) -> None:
    with reporting(tmp_path) as reporter:
        event_id = reporter.send_test()
        preview = json.loads(eventually_sync(reporter.preview))
        assert preview['event_id'] == event_id and preview['release'] == 'smarthome-edge-os@1.2.3'
        assert reporter.queue.waiting == 0
    assert not (tmp_path / 'spool').exists()


def test_a_dsn_that_is_taken_away_takes_what_waits_with_it(tmp_path: Path, ingest: Ingest) -> None:
    ingest.answer.status = 503
    with reporting(tmp_path, ingest.dsn) as reporter:
        log_error(caught())
        eventually_sync(lambda: ingest.requests and reporter.queue.waiting == 1)
        assert reporter.configure(SentrySettings())
        assert reporter.queue.waiting == 0 and reporter.sending.why == 'no_dsn' and list((tmp_path / 'spool' / 'sentry').iterdir()) == []
        assert [event.sent for event in reporter.store.query()] == ['']


def test_what_is_left_without_a_dsn_is_counted_and_dropped_when_switched_off(tmp_path: Path, ingest: Ingest) -> None:
    ingest.answer.status = 503
    with reporting(tmp_path, ingest.dsn):
        log_error(caught())
        eventually_sync(lambda: ingest.requests)
    with reporting(tmp_path) as reporter:
        eventually_sync(lambda: reporter.queue.waiting == 1 and [event.sent for event in reporter.store.query()] == ['waiting'])
        reporter.set_enabled(False)
        eventually_sync(lambda: reporter.queue.waiting == 0)
        assert [event.sent for event in reporter.store.query()] == [''] and list((tmp_path / 'spool' / 'sentry').iterdir()) == []


def test_dropped_reports_are_counted_over_a_change_of_the_dsn_and_events_are_not(tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest.answer.status = 400
    with Ingest() as another, reporting(tmp_path, ingest.dsn) as reporter:
        log_error(caught())
        eventually_sync(lambda: reporter.queue.dropped == 1)
        reporter.configure(SentrySettings(dsn=another.dsn))
        monkeypatch.setattr('edgeos.reporting.worker.MOST_WAITING', 0)
        log_event('info', 'app', 'too much')
        reporter.served('GET', '/api/points', 200, 0.1)
        assert reporter.queue.dropped == 1
        log_error(caught('lost'), operation='lost')
        assert reporter.queue.dropped == 2


def test_settings_are_taken_over_before_the_start_and_not_after_the_stop(tmp_path: Path, ingest: Ingest) -> None:
    reporter = make_reporter(tmp_path)
    assert waited(lambda: reporter.configure(SentrySettings(dsn=ingest.dsn))) < 2.5 and reporter.sending.on
    reporter.attach()
    log_error(caught())
    assert ingest.requests == [] and not any(thread.name == 'sentry' for thread in threading.enumerate())
    reporter.start()
    eventually_sync(lambda: ingest.events)
    reporter.detach()
    reporter.stop()
    assert waited(lambda: reporter.configure(SentrySettings())) < 2.5
    assert not reporter.configure(SentrySettings()) and reporter.server
    assert not any(thread.name == 'sentry' for thread in threading.enumerate())
    with pytest.raises(RuntimeError):
        reporter.start()


def test_settings_that_have_to_wait_are_said_to(tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('edgeos.reporting.reporter.CONFIGURE_SECONDS', 0.05)
    busy = threading.Event()
    with reporting(tmp_path) as reporter:
        reporter._worker.later(lambda: busy.wait(5) and None)
        assert not reporter.configure(SentrySettings(dsn=ingest.dsn))
        busy.set()
        eventually_sync(lambda: reporter.sending.on)


def test_another_dsn_takes_over_what_waits(tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest.answer.status = 503
    with Ingest() as another, reporting(tmp_path, ingest.dsn) as reporter:
        log_error(caught())
        eventually_sync(lambda: ingest.requests)
        reporter.configure(SentrySettings(dsn=another.dsn))
        eventually_sync(lambda: another.events)
        another.answer.status = 503
        log_error(caught('waits'), operation='waits')
        eventually_sync(lambda: len(another.requests) > 1 and reporter.queue.waiting == 1)
        ingest.answer.status = 200
        busy = threading.Event()
        reporter._worker.later(lambda: busy.wait(5) and None)
        monkeypatch.setattr('edgeos.reporting.reporter.CONFIGURE_SECONDS', 0)
        reporter.configure(SentrySettings(dsn=ingest.dsn))
        reporter.set_enabled(False)
        busy.set()
        eventually_sync(lambda: reporter.queue.waiting == 0 and not list((tmp_path / 'spool' / 'sentry').iterdir()))
        assert reporter.sending.why == 'switched_off' and ingest.events == []
    assert another.events[0]['event_id'] == ingest.requests[0].envelope['event_id']


def test_switched_off_nothing_leaves_and_what_waited_never_does(tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest.answer.status = 503
    with reporting(tmp_path, ingest.dsn) as reporter:
        log_error(caught('before'))
        eventually_sync(lambda: ingest.requests and reporter.queue.waiting == 1)
        monkeypatch.setattr('edgeos.reporting.worker.MOST_WAITING', 0)  # the switch counts however much is to be done
        reporter.set_enabled(False)
        monkeypatch.undo()
        eventually_sync(lambda: reporter.queue.waiting == 0 and not any(event.sent for event in reporter.store.query()))
        assert reporter.sending.why == 'switched_off' and reporter.trouble is None
        log_error(caught('off'), operation='off')
        settled(reporter, ['Oops: off'])
        ingest.answer.status = 200
        reporter.set_enabled(True)
        log_error(caught('on'), operation='on')
        assert first(ingest)['tags'] == {'operation': 'on'}
        assert reporter.sending.on
    assert len(ingest.events) == 1


@pytest.mark.parametrize('on_again', [False, True])
def test_switched_off_nothing_leaves_from_that_moment_on_however_much_is_to_be_done(tmp_path: Path, ingest: Ingest, on_again: bool) -> None:
    ingest.answer = Answer(429, {'Retry-After': '0.4'})
    busy = threading.Event()
    with reporting(tmp_path, ingest.dsn) as reporter:
        for name in 'abcdef':
            log_error(caught(name), operation=name)
        eventually_sync(lambda: ingest.requests and reporter.queue.waiting == 6)
        reporter._worker.later(lambda: busy.wait(5) and None)
        reporter.set_enabled(False)
        if on_again:
            reporter.set_enabled(True)
        ingest.answer = Answer()
        time.sleep(0.7)  # longer than what the server has asked for
        assert reporter.queue.waiting == 6 and ingest.events == []
        busy.set()
        eventually_sync(lambda: reporter.queue.waiting == 0)
        if on_again:
            log_error(caught('after'), operation='after')
            eventually_sync(lambda: ingest.events)
    assert [event['tags']['operation'] for event in ingest.events] == (['after'] if on_again else [])


def test_started_switched_off_what_waits_stays(tmp_path: Path, ingest: Ingest) -> None:
    ingest.answer.status = 503
    with reporting(tmp_path, ingest.dsn):
        log_error(caught())
        eventually_sync(lambda: ingest.requests)
    ingest.answer.status = 200
    requests = len(ingest.requests)
    with reporting(tmp_path, ingest.dsn, settings={'enabled': False}) as reporter:
        log_error(caught('off'), operation='off')
        settled(reporter, ['Oops: off'])
    assert len(ingest.requests) == requests


@pytest.mark.parametrize('dsn', ['nonsense', 'http://', f'https://{KEY}@/42', f'https://{KEY}@localhost/project', 'https://localhost/42', f'ftp://{KEY}@localhost/1',
                                 f'https://{KEY}@localhost:port/1', f'https://{KEY}@[bad/1', 'https://a b@localhost/1'])  # fmt: skip
def test_a_bad_dsn_is_one_warning_that_does_not_show_it(tmp_path: Path, caplog: Log, dsn: str) -> None:
    with caplog.at_level(logging.INFO), reporting(tmp_path, dsn) as reporter:
        log_error(caught('goes on'))
        settled(reporter, ['Oops: goes on'])
        assert reporter.trouble == BAD_DSN
        assert (reporter.sending.on, reporter.sending.why) == (False, 'bad_dsn')
    warnings = [record.getMessage() for record in caplog.records if record.levelname == 'WARNING']
    assert len(warnings) == 1 and warnings[0].startswith(BAD_DSN)
    assert KEY not in caplog.text and dsn not in caplog.text


def test_secrets_that_cannot_be_known_keep_the_report_here(tmp_path: Path, ingest: Ingest, caplog: Log) -> None:
    broken = True

    def secrets() -> list[str]:
        if broken:
            raise OSError('the secrets cannot be read')
        return []

    with reporting(tmp_path, ingest.dsn, secrets=secrets) as reporter:
        log_error(caught('one'), operation='one', token='abc')
        settled(reporter, ['Oops: one'])
        assert reporter.store.query()[0].context['token'] == '[secret]'
        assert reporter.queue.waiting == 0 and reporter.preview() is None
        broken = False
        log_error(caught('two'), operation='two')
        assert first(ingest)['tags'] == {'operation': 'two'}
    assert 'the secrets in it are not known' in caplog.text


def test_the_loop_never_waits(tmp_path: Path, ingest: Ingest) -> None:
    reporter = make_reporter(tmp_path, ingest.dsn)
    reporter.attach()
    reporter.start()
    new = (f'{letter}' for letter in 'abcdefghijkl')
    for act in (lambda: log_error(caught(), operation=next(new)), lambda: log_event('info', next(new), 'b'), reporter.send_test, lambda: reporter.set_enabled(True), reporter.preview,
                lambda: reporter.sending, lambda: reporter.queue, lambda: reporter.trouble, lambda: reporter.store.query()):  # fmt: skip
        assert min(waited(act) for _ in range(3)) < patient(0.1)
    reporter.detach()
    reporter.stop()


def test_stopping_sends_what_waits(tmp_path: Path, ingest: Ingest) -> None:
    reporter = make_reporter(tmp_path, ingest.dsn)
    reporter.attach()
    reporter.start()
    for number in range(20):
        log_error(caught(str(number)), operation='abcdefghijklmnopqrst'[number])
    reporter.detach()
    start = time.monotonic()
    reporter.stop()
    assert time.monotonic() - start < patient(2.1)
    assert len(ingest.events) == 20 and reporter.queue.waiting == 0


def test_after_the_stop_the_sdk_is_put_away(tmp_path: Path, ingest: Ingest) -> None:
    import sentry_sdk

    with reporting(tmp_path, ingest.dsn):
        log_error(caught())
        first(ingest)
        assert sentry_sdk.is_initialized()
    assert not sentry_sdk.is_initialized()


def test_the_sdk_is_put_away_also_when_the_stop_could_not_wait_for_it(tmp_path: Path, ingest: Ingest) -> None:
    import sentry_sdk

    busy = threading.Event()
    reporter = make_reporter(tmp_path, ingest.dsn)
    reporter.attach()
    reporter.start()
    log_error(caught())
    first(ingest)
    reporter._worker.later(lambda: busy.wait(10) and None)
    log_error(caught('late'), operation='late')
    reporter.detach()
    reporter.stop(0.3)
    assert sentry_sdk.is_initialized()
    busy.set()
    eventually_sync(lambda: not sentry_sdk.is_initialized())
    assert reporter.queue.waiting == 1, 'and what was reported before the stop waits on the disk'
    assert len(list((tmp_path / 'spool' / 'sentry').iterdir())) == 1


def test_the_first_error_just_before_the_end_waits_for_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = SentryLink.warm_up

    def slow(link: SentryLink) -> bool:
        time.sleep(1.5)  # sentry-sdk is loaded, on a small machine
        return real(link)

    monkeypatch.setattr(SentryLink, 'warm_up', slow)
    reporter = make_reporter(tmp_path, f'http://{KEY}@127.0.0.1:{free_port()}/42')
    reporter.attach()
    reporter.start()
    log_error(caught())
    reporter.detach()
    assert waited(reporter.stop) < 2.3
    assert len(list((tmp_path / 'spool' / 'sentry').iterdir())) == 1


# too many that differ


def test_errors_that_are_told_in_groups_are_still_named_in_the_log(tmp_path: Path, ingest: Ingest, caplog: Log) -> None:
    clock = FakeClock()
    with reporting(tmp_path, ingest.dsn, clock=clock) as reporter:
        for number in range(60):
            log_error(caught('many'), operation=f'do {chr(97 + number // 26)}{chr(97 + number % 26)}')
        for _ in range(5):
            try:
                raise KeyError('rare')
            except KeyError as error:
                log_error(error, operation='look up')
        [group] = eventually_sync(lambda: [event for event in reporter.store.query(limit=1000) if event.count > 1])
        assert group.message == "One of many that differ: Oops: many" and group.count == 25
    told = [record.getMessage() for record in caplog.records if record.name == 'edgeos.error']
    assert [line for line in told if 'KeyError' in line] == ["KeyError: 'rare' (operation=look up) [one of many that differ]"]
    assert len(told) == 43


def test_events_that_are_told_in_groups_say_so(tmp_path: Path) -> None:
    with reporting(tmp_path) as reporter:
        for number in range(300):
            log_event('info', 'app', f'message {chr(97 + number // 26)}{chr(97 + number % 26)}')
        [group] = eventually_sync(lambda: [event for event in reporter.store.query(limit=1000) if event.count > 1])
        assert group.message.startswith('One of many that differ: message ')
