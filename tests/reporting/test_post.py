"""One request: how long it may take, whatever the network and the server do."""
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from edgeos.reporting.dsn import parse_dsn
from edgeos.reporting.post import Post, PostFailed, envelope
from tests.helpers import patient
from tests.reporting.ingest import Answer, Ingest

EVENT = envelope('0' * 32, b'{"event_id": "00000000000000000000000000000000"}', 0.0)


@pytest.fixture
def ingest() -> Any:
    with Ingest() as ingest:
        yield ingest


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that answers nothing at all: its queue is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(('127.0.0.1', 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def test_a_dead_address_leaves_time_for_the_next(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    with black_hole() as dead:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, '', ('127.0.0.1', port)) for port in (dead, ingest.port)]
        monkeypatch.setattr(socket, 'getaddrinfo', lambda *_, **__: found)
        start = time.monotonic()
        answer = Post(parse_dsn(ingest.dsn), 'test/1', timeout=6).post(EVENT, 60)
        assert answer.status == 200 and b'"id"' in answer.body
        assert 1.8 < time.monotonic() - start < patient(5.5)


@pytest.mark.parametrize('headers', [{}, {'Connection': 'close'}])
@pytest.mark.parametrize('how', ['limit', 'abort'])
def test_an_answer_that_drips_is_cut_off(ingest: Ingest, headers: dict[str, str], how: str) -> None:
    ingest.answer = Answer(503, headers, b'x' * 10_000, drip=0.002)  # some 20 s, and nearly all of it body
    post = Post(parse_dsn(ingest.dsn), 'test/1', timeout=0.8 if how == 'limit' else 30)
    start = time.monotonic()
    if how == 'abort':
        threading.Timer(0.8, post.abort).start()
    try:
        post.post(EVENT, 60)
    except PostFailed:
        pass  # as it had not even begun
    assert 0.75 < time.monotonic() - start < patient(2.5), 'and not 20 s'
    if how == 'abort':
        with pytest.raises(PostFailed):
            post.post(EVENT, 60)
        assert len(ingest.requests) == 1


def test_what_is_aborted_while_it_connects_sends_nothing(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post(parse_dsn(ingest.dsn), 'test/1')
    real = socket.create_connection

    def connect(*args: Any, **more: Any) -> socket.socket:
        post.abort()
        return real(*args, **more)

    monkeypatch.setattr(socket, 'create_connection', connect)
    with pytest.raises(PostFailed):
        post.post(EVENT, 60)
    assert ingest.requests == []


def test_a_host_that_no_request_can_name_is_an_outage() -> None:
    with pytest.raises(PostFailed):
        Post(parse_dsn('http://key@%zz:1/1'), 'test/1').post(EVENT, 1)
