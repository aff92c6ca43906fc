"""One event to one server, over HTTP or HTTPS, in bounded time. Blocks: for a thread of its own."""
import gzip
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from edgeos.reporting.dsn import Dsn

MOST_ANSWER = 64 * 1024  # bytes of an answer that are read
ADDRESSES = 3  # of one name that can be tried in the time there is
NO_CA_FILE = 'The CA file for Sentry cannot be used.'
NOT_TRUSTED = 'The certificate of the Sentry server is not trusted; ca_file in the settings can name its CA.'
UNREACHABLE = 'The Sentry server cannot be reached; reports wait on this device.'


class PostFailed(Exception):
    """Raised when there is no answer; the message is the trouble in one sentence, its cause says more."""


class Answer(NamedTuple):
    """Names of headers are in small letters; `body` is its beginning."""

    status: int
    headers: dict[str, str]
    body: bytes


def envelope(event_id: str, event: bytes, now: float, kind: str = 'event') -> bytes:
    """As the protocol wants it; `kind` is event or transaction, `now` in epoch s, so that the server
    can tell a wrong clock from an old event.
    """
    sent_at = datetime.fromtimestamp(now, UTC).isoformat().replace('+00:00', 'Z')
    head = json.dumps({'event_id': event_id, 'sent_at': sent_at})
    item = json.dumps({'type': kind, 'content_type': 'application/json', 'length': len(event)})
    return f'{head}\n{item}\n'.encode() + event + b'\n'


class Post:
    """Where events go. `post` is called by one thread, `abort` by any."""

    def __init__(self, dsn: Dsn, client: str, ca_file: str = '', timeout: float = 10.0) -> None:
        self._dsn = dsn
        self._client = client
        self._ca_file = ca_file
        self._timeout = timeout
        self._context: ssl.SSLContext | None = None
        self._link: _Link | None = None
        self._aborted = False

    def post(self, body: bytes, seconds: float) -> Answer:
        """The answer, within so many seconds. Raises PostFailed."""
        try:
            with self._open(min(self._timeout, seconds)) as link:
                link.request('POST', self._dsn.endpoint, gzip.compress(body, 6), self._headers())
                with link.getresponse() as answer:
                    headers = {name.lower(): value for name, value in answer.getheaders()}
                    return Answer(answer.status, headers, answer.read(MOST_ANSWER))
        except ssl.SSLCertVerificationError as error:
            raise PostFailed(NOT_TRUSTED) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise PostFailed(UNREACHABLE) from error

    @contextmanager
    def _open(self, limit: float) -> Iterator['_Link']:
        context = self._trust() if self._dsn.scheme == 'https' else None
        link = self._link = _Link(self._dsn.host, self._dsn.port, limit, context)
        watch = threading.Timer(limit, link.cut)  # a server may also hang by answering one byte at a time
        watch.daemon = True
        watch.start()
        try:
            if self._aborted:
                raise PostFailed(UNREACHABLE)
            yield link
        finally:
            watch.cancel()
            link.close()
            self._link = None

    def abort(self) -> None:
        """What is under way fails now, and all after it."""
        self._aborted = True
        link = self._link
        if link is not None:
            link.cut()

    def _headers(self) -> dict[str, str]:
        auth = f'Sentry sentry_version=7, sentry_client={self._client}, sentry_key={self._dsn.key}'
        return {'Content-Type': 'application/x-sentry-envelope', 'Content-Encoding': 'gzip',
                'User-Agent': self._client, 'X-Sentry-Auth': auth, 'Connection': 'close'}  # fmt: skip

    def _trust(self) -> ssl.SSLContext:
        """Read when it is first needed, and again until it can be read."""
        if self._context is None:
            try:
                self._context = trust(self._ca_file)
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                raise PostFailed(NO_CA_FILE) from error
        return self._context


def trust(ca_file: str) -> ssl.SSLContext:
    """Only the CA of that file; without one those of the system and of certifi. Raises OSError."""
    if not ca_file:
        import certifi

        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        return context
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags &= ~getattr(ssl, 'VERIFY_X509_STRICT', 0)  # private CAs are often made by hand
    return context


class _Link(http.client.HTTPConnection):
    """A connection that another thread can cut, also in the middle of a TLS handshake."""

    def __init__(self, host: str, port: int, limit: float, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=limit / ADDRESSES)  # of each address; some of them may be dead
        self._limit = limit
        self._context = context
        self._cut = False
        self._wire: socket.socket | None = None  # `sock` is forgotten as soon as the answer has begun
        self.default_port = 80 if context is None else 443

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self._limit)
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self._wire = self.sock
        if self._cut:
            raise TimeoutError
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    def cut(self) -> None:
        self._cut = True
        if self._wire is not None:
            try:
                socket.socket.shutdown(self._wire, socket.SHUT_RDWR)  # SSLSocket's would forget its state meanwhile
            except OSError:
                pass
