"""One event to one server, over HTTP or HTTPS, in bounded time. Blocks: for a thread of its own."""
import gzip
import http.client
import json
import socket
import ssl
import threading
from datetime import UTC, datetime
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from edgeos.reporting.dsn import Dsn

MOST_ANSWER = 64 * 1024  # bytes of an answer that are read
NO_CA_FILE = 'The CA file for Sentry cannot be used.'
NOT_TRUSTED = 'The certificate of the Sentry server is not trusted; ca_file in the settings can name its CA.'
UNREACHABLE = 'The Sentry server cannot be reached; reports wait on this device.'


class PostFailed(Exception):
    """Raised when there is no answer; the message is the trouble in one sentence, its cause says more."""


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

    def post(self, body: bytes, seconds: float) -> tuple[int, dict[str, str]]:
        """Status and headers (in small letters) of the answer, within so many seconds. Raises PostFailed."""
        limit = min(self._timeout, seconds)
        link = self._link = self._connection(limit)
        watch = threading.Timer(limit, link.cut)  # a server may also hang by answering one byte at a time
        watch.daemon = True
        watch.start()
        try:
            if self._aborted:
                raise PostFailed(UNREACHABLE)
            link.request('POST', self._selector(), gzip.compress(body, 6), self._headers())
            answer = link.getresponse()
            answer.read(MOST_ANSWER)
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}
        except ssl.SSLCertVerificationError as error:
            raise PostFailed(NOT_TRUSTED) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise PostFailed(UNREACHABLE) from error
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

    def _selector(self) -> str:
        if self._proxy() and self._dsn.scheme == 'http':
            return f'http://{self._dsn.host}:{self._dsn.port}{self._dsn.endpoint}'
        return self._dsn.endpoint

    def _headers(self) -> dict[str, str]:
        auth = f'Sentry sentry_version=7, sentry_client={self._client}, sentry_key={self._dsn.key}'
        return {'Content-Type': 'application/x-sentry-envelope', 'Content-Encoding': 'gzip',
                'User-Agent': self._client, 'X-Sentry-Auth': auth, 'Connection': 'close'}  # fmt: skip

    def _connection(self, timeout: float) -> '_Link':
        context = self._trust() if self._dsn.scheme == 'https' else None
        proxy = self._proxy()
        if proxy is None:
            return _Link(self._dsn.host, self._dsn.port, timeout, context)
        link = _Link(proxy[0], proxy[1], timeout, context, self._dsn.host)
        if context is not None:
            link.set_tunnel(self._dsn.host, self._dsn.port)
        return link

    def _proxy(self) -> tuple[str, int] | None:
        """What HTTPS_PROXY and NO_PROXY say."""
        address = getproxies().get(self._dsn.scheme)
        if not address or proxy_bypass(self._dsn.host):
            return None
        url = urlsplit(address if '://' in address else f'http://{address}')
        return (url.hostname, url.port or 80) if url.scheme == 'http' and url.hostname else None

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

    def __init__(self, host: str, port: int, timeout: float, context: ssl.SSLContext | None,
                 server: str | None = None) -> None:  # fmt: skip
        super().__init__(host, port, timeout=timeout)
        self._context = context
        self._server = server or host
        self._cut = False
        self.default_port = 80 if context is None else 443

    def connect(self) -> None:
        super().connect()
        if self._context is not None:
            sock = self._context.wrap_socket(self.sock, server_hostname=self._server, do_handshake_on_connect=False)
            self.sock = sock
            if self._cut:
                raise TimeoutError
            sock.do_handshake()

    def cut(self) -> None:
        self._cut = True
        sock = self.sock
        if sock is not None:
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not SSLSocket's, which forgets its state meanwhile
            except OSError:
                pass
