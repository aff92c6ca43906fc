"""A Sentry server on loopback: takes envelopes as the protocol says, over HTTP or HTTPS, and misbehaves when told."""
import gzip
import json
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

KEY = 'c0ffee00c0ffee00c0ffee00c0ffee00'
PROJECT = 42


@dataclass
class Received:
    """One request: `raw` is the envelope as it was sent, unpacked; `event` its first item."""

    headers: dict[str, str]
    raw: bytes
    envelope: dict[str, Any]
    items: list[tuple[dict[str, Any], Any]]
    t: float

    @property
    def event(self) -> dict[str, Any]:
        return next(payload for header, payload in self.items if header['type'] in ('event', 'transaction'))


@dataclass
class Answer:
    """`hang`: seconds of silence first; `drip`: seconds between two bytes of the answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    hang: float = 0.0
    drip: float = 0.0
    cut: bool = False


def parse_envelope(body: bytes) -> tuple[dict[str, Any], list[tuple[dict[str, Any], Any]]]:
    """https://develop.sentry.dev/sdk/data-model/envelopes/: raises ValueError or AssertionError for anything else."""
    head, rest = body.split(b'\n', 1)
    items = []
    while rest.strip(b'\n'):
        line, rest = rest.split(b'\n', 1)
        header = json.loads(line)
        length = header.get('length')
        payload, rest = (rest[:length], rest[length:]) if length is not None else rest.split(b'\n', 1)
        assert length is None or len(payload) == length
        assert rest[:1] in (b'', b'\n')
        rest = rest[1:]
        items.append((header, json.loads(payload)))
    return json.loads(head), items


class Ingest:
    """Answers what `answers` says, one after the other, then `answer`. Every accepted event is in `accepted`."""

    def __init__(self, port: int = 0, certificate: Path | None = None) -> None:
        self.answer = Answer()
        self.answers: list[Answer] = []
        self.requests: list[Received] = []
        self.accepted: list[Received] = []
        self.problems: list[str] = []
        self._certificate = certificate
        self._lock = threading.Lock()
        ingest = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self) -> None:
                ingest._serve(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that hung up

        self._server = Server(('127.0.0.1', port), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def dsn(self) -> str:
        scheme = 'http' if self._certificate is None else 'https'
        return f'{scheme}://{KEY}@localhost:{self.port}/{PROJECT}'

    @property
    def events(self) -> list[dict[str, Any]]:
        """Accepted, each once."""
        return list({each.event['event_id']: each.event for each in self.accepted}.values())

    def __enter__(self) -> 'Ingest':
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:  # fmt: skip
        self.close()
        assert self.problems == []

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers['Content-Length']))
        try:
            received = self._read(handler, body)
        except (AssertionError, ValueError, KeyError, OSError) as error:
            self.problems.append(f'{type(error).__name__}: {error}')
            self._reply(handler, Answer(400))
            return
        with self._lock:
            answer = self.answers.pop(0) if self.answers else self.answer
            self.requests.append(received)
        time.sleep(answer.hang)
        if answer.cut:
            handler.close_connection = True
            return
        if answer.status == 200:
            self.accepted.append(received)
        self._reply(handler, answer, received.envelope['event_id'])

    def _read(self, handler: BaseHTTPRequestHandler, body: bytes) -> Received:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        assert handler.path == f'/api/{PROJECT}/envelope/', handler.path
        assert headers['content-type'] == 'application/x-sentry-envelope'
        assert headers['content-encoding'] == 'gzip'
        auth = headers['x-sentry-auth']
        assert re.fullmatch(rf'Sentry sentry_version=7, sentry_client=[\w./-]+, sentry_key={KEY}', auth), auth
        raw = gzip.decompress(body)
        envelope, items = parse_envelope(raw)
        assert re.fullmatch('[0-9a-f]{32}', envelope['event_id'])
        for header, payload in items:
            assert header['type'] in ('event', 'transaction') and payload['event_id'] == envelope['event_id']
        return Received(headers, raw, envelope, items, time.time())

    def _reply(self, handler: BaseHTTPRequestHandler, answer: Answer, event_id: str = '') -> None:
        body = json.dumps({'id': event_id}).encode() if answer.body is None else answer.body
        handler.send_response(answer.status)
        for name, value in {'Content-Type': 'application/json', **answer.headers}.items():
            handler.send_header(name, value)
        handler.send_header('Content-Length', str(len(body)))
        if answer.drip:
            head = b''.join(handler._headers_buffer) + b'\r\n'  # type: ignore[attr-defined]
            for byte in head + body:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(answer.drip)
            return
        handler.end_headers()
        handler.wfile.write(body)
