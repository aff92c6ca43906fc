"""Registries and packages from the web, from servers that may be anybody's: bounded in size, time and redirections.

Written on asyncio's streams, so that a wait can be cancelled and no thread hangs in one.
"""
import asyncio
import contextlib
import hashlib
import http.client
import io
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from edgeos import __version__
from edgeos.plugins.disk import open_file
from edgeos.plugins.errors import PluginError
from edgeos.plugins.phrase import Phrase, at_place, phrase_of
from edgeos.reporting.post import trust
from edgeos.settings import is_loopback

if TYPE_CHECKING:
    from edgeos.plugins.registry_entries import Release

IDLE = 20.0  # s without a byte
REGISTRY_TIME = 30.0  # s for all of it
DOWNLOAD_TIME = 1800.0
MOST_REDIRECTS = 5
_MOST_HEAD = 64 * 1024
_CHUNK = 64 * 1024
_STATUS = re.compile(rb'HTTP/1\.[01] (\d{3})( [^\r\n]*)?\r\n')
_REDIRECTS = (301, 302, 303, 307, 308)

Progress = Callable[[int, int], None]


class FetchFailed(PluginError):
    """Raised when a server is not asked, does not answer, or not with what was expected."""


class DownloadFailed(PluginError):
    """Raised when a package could not be had as the registry describes it; nothing is left of it."""


@dataclass(slots=True)
class Answer:
    """`chunks` ends with the body, or raises FetchFailed when it is more than it may be or is cut off."""

    status: int
    headers: http.client.HTTPMessage
    chunks: AsyncGenerator[bytes, None]


def check_address(url: str, scheme: str = '') -> SplitResult:
    """Raises FetchFailed for what is not asked: only https, and http on this device; `scheme` is the only one taken."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise FetchFailed(Phrase('expected a web address, got {text}', text=repr(url[:80]))) from None
    if parts.scheme not in ('https', 'http') or not parts.hostname or port == 0 or not url.isprintable():
        raise FetchFailed(Phrase('expected an address that begins with https://, got {text}', text=repr(url[:80])))
    if parts.scheme == 'http' and not is_loopback(parts.hostname):
        raise FetchFailed(Phrase('expected https://; {host} would be asked without encryption', host=parts.hostname))
    if scheme and parts.scheme != scheme:
        raise FetchFailed(Phrase('leads from {scheme} to {other}, which is refused', scheme=scheme, other=parts.scheme))
    if parts.username is not None or parts.password is not None:
        raise FetchFailed(Phrase('expected an address without a user name and password in it'))
    return parts


@asynccontextmanager
async def open_url(url: str, most: int, seconds: float | None, etag: str = '') -> AsyncIterator[Answer]:
    """The answer, after redirections within one scheme; its body is at most `most` bytes. Raises FetchFailed.

    With `seconds` for all of it, nothing but the answer may be waited for inside.
    """
    try:
        async with asyncio.timeout(seconds):
            scheme = check_address(url).scheme
            for _ in range(MOST_REDIRECTS + 1):
                async with _ask(check_address(url, scheme), most, etag) as answer:
                    target = answer.headers.get('location') if answer.status in _REDIRECTS else None
                    if target is None:
                        yield answer
                        return
                    url = urljoin(url, target)
            raise FetchFailed(Phrase('more than {count} redirections', count=MOST_REDIRECTS))
    except TimeoutError:
        raise FetchFailed(Phrase('{host} did not answer in time', host=_host(url))) from None
    except ssl.SSLCertVerificationError as error:
        raise FetchFailed(Phrase('the certificate of {host} is not trusted: {why}', host=_host(url),
                                 why=error.verify_message)) from error  # fmt: skip
    except (OSError, EOFError, ValueError, http.client.HTTPException) as error:  # LimitOverrunError is an Exception
        raise FetchFailed(Phrase('{host} cannot be reached: {why}', host=_host(url), why=_why(error))) from error


async def fetch(url: str, most: int, seconds: float = REGISTRY_TIME, etag: str = '') -> tuple[bytes | None, str]:
    """The body and its ETag; None where it is still the one of `etag`. Raises FetchFailed."""
    async with open_url(url, most, seconds, etag) as answer:
        if answer.status == 304 and etag:
            return None, etag
        if answer.status != 200:
            raise FetchFailed(Phrase('{host} answered {status}', host=_host(url), status=answer.status))
        body = b''.join([chunk async for chunk in answer.chunks])
        return body, (answer.headers.get('etag') or '')[:200]


async def download(release: 'Release', target: Path, on_progress: Progress = lambda _done, _total: None) -> None:
    """Put the package of a release into a new file. `on_progress` gets bytes: done and total.

    Raises DownloadFailed; then, and when it is cancelled, the file is removed.
    """
    try:
        file = await asyncio.to_thread(target.open, 'xb')
    except OSError as error:
        why = phrase_of(error)
        raise DownloadFailed(Phrase('{file} cannot be written: {why}', file=target.name, why=why)) from error
    try:
        with file:
            async with asyncio.timeout(DOWNLOAD_TIME):
                await _fill(release, file, on_progress)
    except (FetchFailed, OSError) as error:
        await asyncio.to_thread(target.unlink, missing_ok=True)
        why = Phrase('did not arrive in time') if isinstance(error, TimeoutError) else _why(error)
        raise DownloadFailed(at_place(why, f'{release.name} {release.version}')) from error
    except BaseException:
        target.unlink(missing_ok=True)  # noqa: ASYNC240 - nothing can be waited for while this is cancelled
        raise


async def _fill(release: 'Release', file: BinaryIO, on_progress: Progress) -> None:
    digest = hashlib.sha256()
    done = 0
    async with contextlib.aclosing(_chunks(release)) as chunks:
        async for chunk in chunks:
            done += len(chunk)
            if done > release.size:
                raise FetchFailed(Phrase('is more than the {size} bytes that the registry says', size=release.size))
            await asyncio.to_thread(_keep, file, digest, chunk)
            on_progress(done, release.size)
    if done != release.size:
        raise FetchFailed(Phrase('has {count} bytes, not the {size} that the registry says', count=done,
                                 size=release.size))  # fmt: skip
    if digest.hexdigest() != release.sha256:
        raise FetchFailed(Phrase('is not the file that {file} has the hash of', file=Phrase('the registry')))


async def _chunks(release: 'Release') -> AsyncGenerator[bytes, None]:
    if not release.url.lower().startswith(('https://', 'http://')):
        with await asyncio.to_thread(open_file, Path(release.url)) as file:
            while chunk := await asyncio.to_thread(file.read, 1024 * 1024):
                yield chunk
        return
    async with open_url(release.url, release.size, None) as answer:
        if answer.status != 200:
            raise FetchFailed(Phrase('{host} answered {status}', host=_host(release.url), status=answer.status))
        waiting = bytearray()
        async for chunk in answer.chunks:
            waiting += chunk
            if len(waiting) >= 1024 * 1024:
                yield bytes(waiting)
                waiting.clear()
        yield bytes(waiting)


def _keep(file: BinaryIO, digest: 'hashlib._Hash', chunk: bytes) -> None:
    digest.update(chunk)
    file.write(chunk)


@asynccontextmanager
async def _ask(parts: SplitResult, most: int, etag: str) -> AsyncIterator[Answer]:
    context = await asyncio.to_thread(trust, '') if parts.scheme == 'https' else None
    async with asyncio.timeout(IDLE):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if context else 80),
                                                       ssl=context, limit=_MOST_HEAD)  # fmt: skip
    try:
        writer.write(_request(parts, etag))
        async with asyncio.timeout(IDLE):
            head = await _read_head(reader)
        found = _STATUS.match(head)
        if found is None:
            raise FetchFailed(Phrase('{host} does not speak HTTP', host=parts.hostname))
        headers = http.client.parse_headers(io.BytesIO(head[found.end() :]))
        yield Answer(int(found[1]), headers, _body(reader, headers, most))
    finally:
        writer.transport.abort()


def _request(parts: SplitResult, etag: str) -> bytes:
    path = quote(parts.path or '/', safe="/%:@!$&'()*+,;=~") + (f'?{quote(parts.query, safe="/%:@!$&()*+,;=~?")}'
                                                               if parts.query else '')  # fmt: skip
    lines = [f'GET {path} HTTP/1.1', f'Host: {parts.netloc}', f'User-Agent: smarthome-edge-os/{__version__}',
             'Accept: */*', 'Accept-Encoding: identity', 'Connection: close']  # fmt: skip
    if etag and etag.isascii() and etag.isprintable():
        lines.append(f'If-None-Match: {etag}')
    return ''.join(f'{line}\r\n' for line in (*lines, '')).encode('latin-1')


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b'\r\n\r\n')
    except asyncio.LimitOverrunError:
        raise FetchFailed(Phrase('the answer begins with too much')) from None


async def _body(reader: asyncio.StreamReader, headers: http.client.HTTPMessage,
                most: int) -> AsyncGenerator[bytes, None]:  # fmt: skip
    if headers.get('content-encoding', 'identity') != 'identity':
        raise FetchFailed(Phrase('the answer is compressed, which nobody asked for'))
    if headers.get('transfer-encoding', '').lower() == 'chunked':
        pieces = _chunked(reader)
    else:
        length = headers.get('content-length')
        if length is not None and not re.fullmatch(r'\d{1,15}', length, re.ASCII):
            raise FetchFailed(Phrase('the answer has no proper length'))
        if length is not None and int(length) > most:
            raise FetchFailed(Phrase('is {count} bytes, more than the {most} allowed', count=length, most=most))
        pieces = _plain(reader, None if length is None else int(length))
    total = 0
    async with contextlib.aclosing(pieces) as all_pieces:
        async for piece in all_pieces:
            total += len(piece)
            if total > most:
                raise FetchFailed(Phrase('is more than the {most} bytes allowed', most=most))
            yield piece


async def _plain(reader: asyncio.StreamReader, length: int | None) -> AsyncGenerator[bytes, None]:
    """`length` None is until the end."""
    left = length
    while left is None or left > 0:
        async with asyncio.timeout(IDLE):
            piece = await reader.read(_CHUNK if left is None else min(_CHUNK, left))
        if not piece:
            if left is None:
                return
            raise FetchFailed(Phrase('the answer ended early'))
        left = None if left is None else left - len(piece)
        yield piece


async def _chunked(reader: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    while True:
        async with asyncio.timeout(IDLE):
            line = await reader.readline()
        size = line.partition(b';')[0].strip()
        if not re.fullmatch(rb'[0-9A-Fa-f]{1,8}', size):
            raise FetchFailed(Phrase('the answer ended early'))
        if not (left := int(size, 16)):
            return
        async for piece in _plain(reader, left):
            yield piece
        async with asyncio.timeout(IDLE):
            await reader.readexactly(2)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition('@')[2] or url[:80]


def _why(error: BaseException) -> str:
    return phrase_of(error) or type(error).__name__
