"""An HTTP POST that can be given up at any moment: one deadline for all of it, no threads, no redirections."""

import asyncio
import hashlib
import os
import re
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LIMIT = 10.0  # s for all of it
AGAIN = (408, 425, 429)  # and all from 500 on
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


class Unreachable(Exception):
    """Raised when it may work later; the message says why."""


class Rejected(Exception):
    """Raised when the receiver will never take it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to post; `shown` is without what may be secret in the address."""

    scheme: str
    host: str
    port: int
    path: str
    header: str = ''
    secret: str = field(default='', repr=False)

    @property
    def shown(self) -> str:
        return f'{self.scheme}://{self._authority}'

    @property
    def key(self) -> str:
        told = f'{self.shown}{self.path}\n{self.header}'
        return 'webhook:' + hashlib.sha256(told.encode()).hexdigest()[:16]

    @property
    def _authority(self) -> str:
        host = f'[{self.host}]' if ':' in self.host else self.host
        return host if self.port == (443 if self.scheme == 'https' else 80) else f'{host}:{self.port}'

    def request(self, body: bytes) -> bytes:
        """The whole message."""
        lines = [f'POST {self.path} HTTP/1.1', f'Host: {self._authority}', 'Content-Type: application/json',
                 f'Content-Length: {len(body)}', 'User-Agent: edgeos-alarms/1', 'Connection: close']  # fmt: skip
        if self.header and self.secret:
            lines.append(f'{self.header}: {self.secret}')
        return '\r\n'.join((*lines, '', '')).encode('latin-1') + body


def target_of(url: str, header: str = '', secret: str = '') -> Target:
    """Raises ValueError, whose text is for the owner and does not show the address."""
    if not url.isascii() or not url.isprintable() or ' ' in url:
        raise ValueError('the address of the webhook has characters that have to be percent-encoded')
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError('the address of the webhook is none') from None
    if parts.scheme not in ('http', 'https') or not parts.hostname:
        raise ValueError('the address of the webhook has to begin with http:// or https://')
    if parts.username or parts.password:
        raise ValueError('put user and password of the webhook into the header')
    if header and not _TOKEN.fullmatch(header):
        raise ValueError('the header of the webhook has a name that no header can have')
    if not secret.isprintable() or not secret.encode('utf-8').isascii():
        raise ValueError('the content of the header has characters that no header can have')
    path = (parts.path or '/') + (f'?{parts.query}' if parts.query else '')
    return Target(parts.scheme, parts.hostname, port or (443 if parts.scheme == 'https' else 80), path, header, secret)


async def post(target: Target, body: bytes) -> None:
    """Returns when the receiver has taken it (2xx). Raises Unreachable, Rejected."""
    try:
        async with asyncio.timeout(LIMIT):
            status = await _status(target, body)
    except TimeoutError:
        raise Unreachable(f'no answer within {LIMIT:g} s') from None
    except (OSError, EOFError, UnicodeError) as error:
        raise Unreachable(_words(error)) from error
    except ValueError:
        raise Unreachable('it does not answer as a web server does') from None
    if status in AGAIN or status >= 500:
        raise Unreachable(f'it answered {status}')
    if not 200 <= status < 300:
        raise Rejected(f'it answered {status}')


def _words(error: Exception) -> str:
    """What the system says, without its numbers."""
    if isinstance(error, socket.gaierror | UnicodeError):  # or one that cannot be a name
        return 'its name is not known'
    if isinstance(error, ssl.SSLCertVerificationError):
        return f'its certificate is not trusted: {error.verify_message}'
    if isinstance(error, ssl.SSLError):
        return f'TLS failed: {error.reason}'
    if isinstance(error, EOFError):
        return 'it closed the connection without an answer'
    number = getattr(error, 'errno', None)
    return os.strerror(number) if number else 'it cannot be connected to'  # at none of its addresses


async def _status(target: Target, body: bytes) -> int:
    context = await asyncio.to_thread(ssl.create_default_context) if target.scheme == 'https' else None
    reader, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
    try:
        writer.write(target.request(body))
        await writer.drain()
        while True:
            version, status = (await reader.readuntil(b'\n')).decode('latin-1').split(None, 2)[:2]
            if not version.startswith('HTTP/'):
                raise ValueError(version)
            if int(status) >= 200:
                return int(status)
            while await reader.readuntil(b'\n') not in (b'\r\n', b'\n'):
                pass  # 100 Continue and the like: the real answer follows
    except asyncio.LimitOverrunError as error:
        raise ValueError('a line without end') from error
    finally:
        writer.close()
