import time
from pathlib import Path
from typing import Any

import pytest

from edgeos.reporting import log_error
from edgeos.reporting.traces import Samples, rate_of
from tests.helpers import FakeClock, eventually_sync, free_port, patient
from tests.reporting.ingest import KEY, Answer, Ingest
from tests.reporting.reporters import caught, reporting


@pytest.fixture
def ingest() -> Any:
    with Ingest() as ingest:
        yield ingest


@pytest.mark.parametrize('path', ['/api/health', '/metrics', '/_nicegui/3.18.0/static/x.js', '/_nicegui_ws/socket.io', '/socket.io/', '/assets/app.css', '/static/x', '/favicon.ico', '/openapi.json'])
def test_health_checks_static_files_and_sockets_are_left_out(path: str) -> None:
    assert rate_of(path, 1.0) == 0.0
    assert not Samples(FakeClock(), 1.0).take('GET', path)


def test_other_requests_have_the_rate_of_the_settings() -> None:
    for path in ('/api/connections', '/api/healthy', '/assets-of-mine', '/', '/api/points/{point_id}'):
        assert rate_of(path, 0.25) == 0.25
        assert Samples(FakeClock(), 0.25).take('GET', path)


def test_a_sample_says_which_route_took_how_long_and_nothing_else(tmp_path: Path, ingest: Ingest) -> None:
    with reporting(tmp_path, ingest.dsn, secrets=lambda: ['hunter2x']) as reporter:
        reporter.served('GET', '/api/points/{point_id}', 200, 0.125)
        reporter.served('GET', '/api/health', 200, 0.1)
        [received] = eventually_sync(lambda: ingest.accepted)
        assert reporter.queue.waiting == 0 and reporter.preview() is None
    [(header, event)] = received.items
    assert header['type'] == 'transaction' and event['type'] == 'transaction'
    assert event['transaction'] == 'GET /api/points/{point_id}'
    assert set(event['contexts']) == {'trace'} and event['contexts']['trace']['op'] == 'http.server'
    assert event['contexts']['trace']['status'] == 'ok' and len(event['contexts']['trace']['trace_id']) == 32
    assert event['release'] == 'smarthome-edge-os@1.2.3' and event['start_timestamp'] < event['timestamp']
    assert not {'request', 'user', 'extra', 'spans'} & set(event)
    assert not (tmp_path / 'spool').exists() or not list((tmp_path / 'spool' / 'sentry').iterdir())


def test_a_route_is_sampled_once_a_minute(tmp_path: Path, ingest: Ingest) -> None:
    clock = FakeClock()
    with reporting(tmp_path, ingest.dsn, clock=clock) as reporter:
        for _ in range(100):
            reporter.served('GET', '/api/points', 200, 0.1)
            reporter.served('PUT', '/api/points', 200, 0.1)
        eventually_sync(lambda: len(ingest.accepted) == 2)
        clock.advance(60)
        reporter.served('GET', '/api/points', 200, 0.1)
        eventually_sync(lambda: len(ingest.accepted) == 3)
    assert len(ingest.requests) == 3


@pytest.mark.parametrize('why', ['rate', 'no dsn', 'off'])
def test_nothing_is_sampled_that_is_not_wanted(tmp_path: Path, ingest: Ingest, why: str) -> None:
    settings = {'traces_sample_rate': 0.0} if why == 'rate' else {}
    with reporting(tmp_path, '' if why == 'no dsn' else ingest.dsn, settings={**settings, 'enabled': why != 'off'}) as reporter:
        start = time.process_time()
        for _ in range(1000):
            reporter.served('GET', '/api/points', 200, 0.1)
        assert time.process_time() - start < patient(0.25)
        if why == 'rate':
            log_error(caught())
            eventually_sync(lambda: ingest.accepted)
    assert [each.items[0][0]['type'] for each in ingest.requests] == (['event'] if why == 'rate' else [])


def test_samples_do_not_wait_for_a_network_and_do_no_harm(tmp_path: Path, ingest: Ingest) -> None:
    with reporting(tmp_path, f'http://{KEY}@127.0.0.1:{free_port()}/42') as reporter:
        for number in range(30):
            reporter.served('GET', f'/api/{"abcdefghijklmnopqrstuvwxyzabcdef"[number:]}', 200, 0.1)
        log_error(caught())
        eventually_sync(lambda: reporter.queue.waiting == 1 and reporter.trouble)
        assert len(reporter._link.sender._offered) <= 20  # type: ignore[union-attr]
    ingest.answers = [Answer(500)]
    with reporting(tmp_path / 'other', ingest.dsn) as reporter:
        reporter.served('GET', '/api/a', 200, 0.1)
        reporter.served('GET', '/api/b', 200, 0.1)
        eventually_sync(lambda: ingest.requests)
        log_error(caught())
        eventually_sync(lambda: [event for event in ingest.events if 'exception' in event])
        assert reporter.trouble is None
