"""Registries made in code, and a web server that answers as it is told, also wrongly."""
import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from edgeos.plugins.manifest import Requires, Resources
from edgeos.plugins.registry_entries import Release

SHA = 'ab' * 32


def release(**changes: Any) -> Release:
    """Of the demo package."""
    return Release(**{'id': 'demo', 'name': 'Demo', 'description': '', 'icon': '', 'version': '1.0.0', 'url': 'demo.zip', 'sha256': SHA,
                      'size': 1, 'unpacked_size': 1, 'files': 1, 'requires': Requires(), 'permissions': (), 'resources': Resources(),
                      'published': '', 'yanked': '', 'changelog': '', 'source': 'test', **changes})


def entry(data: bytes = b'package', url: str = 'demo-1.0.0.zip', **changes: Any) -> dict[str, Any]:
    return {'dist': {'url': url, 'sha256': hashlib.sha256(data).hexdigest(), 'size': len(data)}, **changes}


def registry_data(**packages: Any) -> bytes:
    """`id=versions`, with _ for -."""
    return json.dumps({'registryVersion': 1, 'generated': '2026-11-26', 'packages': {
        plugin_id.replace('_', '-'): {'name': plugin_id.capitalize(), 'versions': versions} for plugin_id, versions in packages.items()}}).encode()


def answer(body: bytes = b'', status: str = '200 OK', **headers: str) -> bytes:
    """With a length, unless it is told otherwise by a header."""
    named = {'Content-Length': str(len(body)), **{key.replace('_', '-'): value for key, value in headers.items()}}
    return f'HTTP/1.1 {status}\r\n'.encode() + b''.join(f'{key}: {value}\r\n'.encode() for key, value in named.items() if value) + b'\r\n' + body


class Server:
    """`pages`: path to raw bytes, or to a function of the request's headers; bytes in a list come one by one."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | list[bytes | float] | Callable[[dict[str, str]], bytes]] = {}
        self.asked: list[str] = []
        self.url = ''

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            lines = (await reader.readuntil(b'\r\n\r\n')).decode().split('\r\n')
            path = lines[0].split(' ')[1]
            self.asked.append(path)
            page = self.pages.get(path, answer(b'', '404 Not Found'))
            if callable(page):
                page = page(dict(line.lower().split(': ', 1) for line in lines[1:] if line))
            for part in page if isinstance(page, list) else [page]:
                if isinstance(part, float):
                    await asyncio.sleep(part)
                else:
                    writer.write(part)
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.handle, '127.0.0.1', 0)
    server.url = f'http://127.0.0.1:{listening.sockets[0].getsockname()[1]}'
    try:
        yield server
    finally:
        listening.close()
