"""What servers can do wrong."""
import asyncio
import gzip
import hashlib
import os
from pathlib import Path

import pytest

from edgeos.plugins import registry_fetch
from edgeos.plugins.registry_fetch import DownloadFailed, FetchFailed, check_address, download, fetch
from tests.helpers import eventually, free_port
from tests.plugins.registries import answer, release, serving

DATA = bytes(range(256)) * 4096  # 1 MiB


def release_of(url: str, data: bytes = DATA, **changes: object):
    return release(url=url, sha256=hashlib.sha256(data).hexdigest(), size=len(data), **changes)


@pytest.mark.parametrize(('url', 'message'), [
    ('ftp://example.org/x', 'expected an address that begins with https://'), ('file:///etc/passwd', 'expected an address that begins'), ('example.org', 'expected an address'),
    ('http://example.org/x', 'would be asked without encryption'), ('http://127.0.0.1.example.org/', 'without encryption'), ('https://a:b@example.org/', 'without a user name'), ('https://a@example.org/', 'without a user name'),
    ('https:///x', 'expected an address'), ('https://[1/', 'expected a web address'), ('https://x:99999/', 'expected a web address'), ('https://x:0/', 'expected an address'),
    ('https://x/\r\nHost: y', 'expected an address'), ('javascript:alert(1)', 'expected an address'),
])  # fmt: skip
def test_other_addresses_are_not_asked(url, message):
    with pytest.raises(FetchFailed, match=message):
        check_address(url)


@pytest.mark.parametrize('page', [
    answer(b'body'), answer(b'body', Content_Length=''), answer(b'2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n', Content_Length='', Transfer_Encoding='chunked'),
    [b'HTTP/1.1 200', b' OK\r\nContent-Le', b'ngth: 4\r\n\r\nb', 0.01, b'ody'], b'HTTP/1.0 200\r\n\r\nbody',
])  # fmt: skip
async def test_an_answer_is_read_however_it_comes(page):
    async with serving() as server:
        server.pages['/x'] = page
        assert await fetch(f'{server.url}/x', 10) == (b'body', '')


@pytest.mark.parametrize(('page', 'message'), [
    (answer(b'x' * 11), 'is 11 bytes, more than the 10 allowed'), (answer(b'x' * 11, Content_Length=''), 'is more than the 10 bytes allowed'),
    (answer(b'ff\r\n' + b'x' * 255, Content_Length='', Transfer_Encoding='chunked'), 'is more than the 10 bytes allowed'), (answer(b'x', Content_Length='9'), 'ended early'),
    (answer(b'9\r\nx', Content_Length='', Transfer_Encoding='chunked'), 'ended early'), (answer(b'zz\r\n', Content_Length='', Transfer_Encoding='chunked'), 'ended early'),
    (answer(b'x', Content_Length='-1'), 'no proper length'), (answer(gzip.compress(b'x' * 100), Content_Encoding='gzip'), 'compressed, which nobody asked for'),
    (answer(b'', '500 Oops'), 'answered 500'), (answer(b'', '304 Not Modified'), 'answered 304'), (b'SSH-2.0-x\r\n\r\n', 'does not speak HTTP'), (b'', 'cannot be reached'),
    (b'HTTP/1.1 200 OK\r\nX: ' + b'y' * 200_000, 'begins with too much'), (b'HTTP/1.1 200 OK\r\n' + b'x: y\r\n' * 200 + b'\r\n', 'cannot be reached'),
    (answer(b'', '302 Found', Location='ftp://example.org/'), 'expected an address that begins with https://'), (answer(b'', '302 Found', Location='https://127.0.0.1:1/x'), 'leads from http to https'),
    (answer(b'', '302 Found', Location='file:///etc/passwd'), 'expected an address'), (answer(b'', '302 Found', Location='http://example.org/'), 'without encryption'),
    (answer(b'', '307 X', Location='/x'), 'more than 5 redirections'), (answer(b'', '302 Found'), 'answered 302'),
])  # fmt: skip
async def test_what_a_server_does_wrong_is_said(page, message):
    async with serving() as server:
        server.pages['/x'] = page
        with pytest.raises(FetchFailed) as caught:
            await fetch(f'{server.url}/x', 10)
        assert message in str(caught.value)


async def test_a_redirection_within_the_scheme_is_followed():
    async with serving() as server:
        server.pages |= {'/x': answer(b'', '302 Found', Location='y?a=b%20c'), '/y?a=b%20c': answer(b'body')}
        assert (await fetch(f'{server.url}/x', 10))[0] == b'body'


async def test_a_certificate_that_nobody_knows_is_refused(tmp_path):
    import ssl

    from tests.reporting.test_trust import Authority

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Authority(tmp_path / 'ca').server())
    server = await asyncio.start_server(lambda reader, writer: writer.close(), '127.0.0.1', 0, ssl=context)
    with pytest.raises(FetchFailed, match=r'the certificate of localhost:[0-9]+ is not trusted'):
        await fetch(f'https://localhost:{server.sockets[0].getsockname()[1]}/x', 10)
    server.close()


async def test_nobody_there_is_said():
    with pytest.raises(FetchFailed, match='cannot be reached'):
        await fetch(f'http://127.0.0.1:{free_port()}/x', 10)


@pytest.mark.parametrize('page', [[60.0], [b'HTTP/1.1 200 OK\r\n', 60.0], [answer(b'x', Content_Length='10'), 60.0], [b'HTTP/1.1 200 OK\r\n\r\n'] + [b'x', 0.05] * 1000])
async def test_a_slow_server_is_given_up(page):
    async with serving() as server:
        server.pages['/x'] = page
        with pytest.raises(FetchFailed, match='did not answer in time'):
            await fetch(f'{server.url}/x', 10_000, 0.3)


async def test_silence_is_given_up_before_all_the_time_is_over(monkeypatch):
    monkeypatch.setattr(registry_fetch, 'IDLE', 0.2)
    async with serving() as server:
        server.pages['/x'] = [answer(b'x', Content_Length='10'), 60.0]
        with pytest.raises(FetchFailed, match='did not answer in time'):
            await fetch(f'{server.url}/x', 10, 30)


@pytest.mark.parametrize('kind', ['web', 'file'])
async def test_a_package_is_downloaded_with_progress(tmp_path, kind):
    seen: list[tuple[int, int]] = []
    (tmp_path / 'here.zip').write_bytes(DATA * 3)
    async with serving() as server:
        server.pages['/p.zip'] = answer(DATA * 3)
        url = f'{server.url}/p.zip' if kind == 'web' else str(tmp_path / 'here.zip')
        await download(release_of(url, DATA * 3), tmp_path / 'p.zip', lambda done, total: seen.append((done, total)))
    assert (tmp_path / 'p.zip').read_bytes() == DATA * 3
    assert len(seen) >= 3
    assert seen[-1] == (len(DATA) * 3, len(DATA) * 3)


@pytest.mark.parametrize('kind', ['web', 'file'])
@pytest.mark.parametrize(('sent', 'message'), [
    (DATA[:-1], 'has 1048575 bytes, not the 1048576'), (DATA[:-1] + b'!', 'is not the file that the registry has the hash of'), (DATA + b'!', 'more than the 1048576'),
])  # fmt: skip
async def test_what_is_not_the_package_is_refused_and_removed(tmp_path: Path, kind, sent, message):
    (tmp_path / 'here.zip').write_bytes(sent)
    async with serving() as server:
        server.pages['/p.zip'] = answer(sent)
        url = f'{server.url}/p.zip' if kind == 'web' else str(tmp_path / 'here.zip')
        with pytest.raises(DownloadFailed, match=f'^Demo 1.0.0: .*{message}'):
            await download(release_of(url), tmp_path / 'p.zip')
    assert not (tmp_path / 'p.zip').exists()


async def test_a_missing_package_is_said(tmp_path):
    async with serving() as server:
        with pytest.raises(DownloadFailed, match='answered 404'):
            await download(release_of(f'{server.url}/p.zip'), tmp_path / 'p.zip')
    with pytest.raises(DownloadFailed, match='No such file'):
        await download(release_of(str(tmp_path / 'none.zip')), tmp_path / 'p.zip')
    os.mkfifo(tmp_path / 'pipe.zip')
    with pytest.raises(DownloadFailed, match='is not a file'):
        await download(release_of(str(tmp_path / 'pipe.zip')), tmp_path / 'p.zip')
    with pytest.raises(DownloadFailed, match='cannot be written'):
        await download(release_of(str(tmp_path / 'none.zip')), tmp_path / 'no/p.zip')
    assert not (tmp_path / 'p.zip').exists()


async def test_a_file_that_is_there_is_not_overwritten(tmp_path):
    (tmp_path / 'p.zip').write_bytes(b'mine')
    with pytest.raises(DownloadFailed, match='cannot be written'):
        await download(release_of(str(tmp_path / 'x.zip')), tmp_path / 'p.zip')
    assert (tmp_path / 'p.zip').read_bytes() == b'mine'


async def test_a_download_that_drips_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(registry_fetch, 'DOWNLOAD_TIME', 0.3)
    async with serving() as server:
        server.pages['/p.zip'] = [answer(DATA[:9], Content_Length=str(len(DATA))), *[b'x', 0.02] * 1000]
        with pytest.raises(DownloadFailed, match='did not arrive in time'):
            await download(release_of(f'{server.url}/p.zip'), tmp_path / 'p.zip')
    assert not (tmp_path / 'p.zip').exists()


async def test_a_cancelled_download_leaves_nothing(tmp_path):
    async with serving() as server:
        server.pages['/p.zip'] = [answer(DATA[:-1], Content_Length=str(len(DATA))), 60.0]
        task = asyncio.create_task(download(release_of(f'{server.url}/p.zip'), tmp_path / 'p.zip'))
        await eventually(lambda: server.asked and (tmp_path / 'p.zip').exists())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not (tmp_path / 'p.zip').exists()
