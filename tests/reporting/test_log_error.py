import asyncio
import gc
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edgeos.reporting import log_error, log_event
from tests.helpers import eventually, eventually_sync
from tests.reporting.reporters import Oops, caught, make_reporter, messages, reporting, settled

Log = pytest.LogCaptureFixture


def lines(caplog: Log) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == 'edgeos.error']


# before and after a reporter is attached


def test_an_error_is_logged_with_traceback_and_context_before_anything_is_attached(caplog: Log) -> None:
    log_error(caught('no luck'), operation='poll', connection_id='plc_001')
    [line] = lines(caplog)
    assert line.startswith('Oops: no luck (operation=poll, connection_id=plc_001)\nTraceback')
    assert 'reporters.py", line' in line and 'raise Oops(text)' in line


def test_what_stands_under_a_secret_name_is_not_even_logged(caplog: Log) -> None:
    log_error(caught('no luck'), operation='login', password='sesame', apiKey='sesame', user='bob')
    assert lines(caplog)[0].startswith('Oops: no luck (operation=login, password=[secret], apiKey=[secret], user=bob)\n')
    assert 'sesame' not in caplog.text


def test_an_error_passed_up_is_reported_once(caplog: Log) -> None:
    error = caught()
    for _ in range(3):
        log_error(error)
    assert len(lines(caplog)) == 1


def test_an_error_leads_to_the_store_while_attached_and_to_the_log_always(tmp_path: Path, caplog: Log) -> None:
    log_error(caught('before'))
    with reporting(tmp_path) as reporter:
        log_error(caught('during'), connection_id='plc_001', operation='poll')
        settled(reporter, ['Oops: during'])
        [event] = reporter.store.query()
        assert (event.level, event.source, event.count) == ('error', 'plc_001', 1)
        assert event.context == {'connection_id': 'plc_001', 'operation': 'poll'}
        assert event.traceback.endswith('Oops: during') and 'raise Oops(text)' in event.traceback
    log_error(caught('after'))
    assert messages(reporter) == ['Oops: during']
    assert [line.partition(' (')[0] for line in lines(caplog)] == ['Oops: before', 'Oops: during', 'Oops: after']


def test_what_is_reported_before_the_start_is_kept(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    reporter.attach()
    log_error(caught('early'))
    reporter.start()
    settled(reporter, ['Oops: early'])
    reporter.detach()
    reporter.stop()


def test_what_is_reported_after_the_stop_is_seen_while_the_program_lives(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    reporter.attach()
    reporter.start()
    reporter.stop()
    log_error(caught('late'))
    assert messages(reporter) == ['Oops: late']
    reporter.detach()


def test_a_second_reporter_is_not_detached_by_the_first(tmp_path: Path) -> None:
    first, second = make_reporter(tmp_path / '1'), make_reporter(tmp_path / '2')
    first.attach()
    second.attach()
    first.detach()
    second.start()
    log_error(caught('second'))
    settled(second, ['Oops: second'])
    second.detach()
    second.stop()


# from everywhere


def test_errors_of_many_threads_are_all_counted(tmp_path: Path) -> None:
    with reporting(tmp_path) as reporter:
        def work() -> None:
            for _ in range(200):
                log_error(caught('busy'))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        eventually_sync(lambda: reporter.store.query() and reporter.store.query()[0].count == 1600)


async def test_one_error_reported_by_two_threads_is_one(tmp_path: Path) -> None:
    with reporting(tmp_path) as reporter:
        for round in range(50):
            error, barrier = caught('shared'), threading.Barrier(2)

            def report(error: Oops = error, barrier: threading.Barrier = barrier) -> None:
                barrier.wait()
                log_error(error)

            await asyncio.gather(*(asyncio.to_thread(report) for _ in range(2)))
            await eventually(lambda round=round: reporter.store.query() and reporter.store.query()[0].count == round + 1)


@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
def test_an_object_that_fails_while_it_is_collected_does_not_block_who_reports(tmp_path: Path) -> None:
    class Falls:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            raise Oops('cleared away')

    done = threading.Event()

    def work() -> None:
        for _ in range(300):
            Falls()
            log_error(caught('meanwhile'))
            log_event('info', 'app', 'meanwhile')
            reporter.store.query()
        done.set()

    with reporting(tmp_path) as reporter:
        thresholds = gc.get_threshold()
        gc.set_threshold(5)
        try:
            threading.Thread(target=work, daemon=True).start()
            assert done.wait(15)
        finally:
            gc.set_threshold(*thresholds)
        settled(reporter, ['Oops: cleared away', 'Oops: meanwhile'])


# what is no error


def test_an_event_is_kept_and_not_logged(tmp_path: Path, caplog: Log) -> None:
    with caplog.at_level(logging.DEBUG), reporting(tmp_path) as reporter:
        log_event('info', 'plc_001', 'the device is off', attempt=3)
        settled(reporter, ['the device is off'])
        [event] = reporter.store.query()
        assert (event.level, event.source, event.context, event.traceback) == ('info', 'plc_001', {'attempt': 3}, '')
        assert reporter.store.unseen == 0
    assert 'the device is off' not in caplog.text


def test_events_that_differ_in_numbers_are_one(tmp_path: Path) -> None:
    with reporting(tmp_path) as reporter:
        for attempt in range(5):
            log_event('warning', 'plc_001', f'no answer, next attempt in {attempt} s')
        log_event('warning', 'plc_002', 'no answer, next attempt in 1 s')
        eventually_sync(lambda: sorted(event.count for event in reporter.store.query()) == [1, 5])


def test_secrets_are_not_even_kept_here(tmp_path: Path) -> None:
    with reporting(tmp_path, secrets=lambda: ['tomato soup']) as reporter:
        log_error(caught('mqtt://bob:pw123@192.168.1.7 tomato soup'), password='x', address='192.168.1.7')
        log_event('info', 'app', 'token=abc tomato soup', pin=1234)
        eventually_sync(lambda: len(reporter.store.query()) == 2)
        told = repr(reporter.store.query())
    assert not any(each in told for each in ('tomato', 'pw123', 'abc', "'x'", '1234'))
    assert '192.168.1.7' in told


def test_log_error_is_cheap(tmp_path: Path) -> None:
    import time

    with reporting(tmp_path, dsn='http://k@127.0.0.1:9/1'):
        log_error(caught('a'))
        errors = [caught('a') for _ in range(2000)]
        start = time.process_time()
        for error in errors:
            log_error(error)
        each = (time.process_time() - start) / 2000
    assert each < 0.003, f'{each * 1e6:.0f} µs'


def test_the_app_can_report_without_loading_what_only_reports_need(tmp_path: Path) -> None:
    code = ('import sys; from edgeos.reporting import log_error; log_error(ValueError("x"));'
            'sys.exit(any(n in sys.modules for n in ("sqlite3", "sentry_sdk", "ssl", "http.client", "pydantic")))')  # fmt: skip
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])}
    assert subprocess.run([sys.executable, '-c', code], cwd=tmp_path, env=environment, capture_output=True).returncode == 0
