"""What the web tests share: a real uvicorn server, raw requests, a headless browser."""

import os
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import uvicorn
from playwright.async_api import Browser, async_playwright
from starlette.types import ASGIApp
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.helpers import eventually_sync


@contextmanager
def serve(app: ASGIApp) -> Iterator[int]:
    """Serve an app on a free loopback port from a thread; yields the port."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        config = uvicorn.Config(app, log_level='error', lifespan='off', timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={'sockets': [listener]})
        thread.start()
        try:
            eventually_sync(lambda: server.started)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


def raw_request(port: int, text: str) -> str:
    """Send bytes as no HTTP library would, and return the whole answer."""
    with socket.create_connection(('127.0.0.1', port), timeout=5) as sock:
        sock.sendall(text.replace('\n', '\r\n').encode())
        answer = b''
        while b'\r\n\r\n' not in answer and (chunk := sock.recv(65536)):
            answer += chunk
    return answer.decode()


def open_socket(port: int, path: str, origin: str | None = None, **headers: str) -> ClientConnection:
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return connect(
        f'ws://127.0.0.1:{port}{path}',
        origin=None if origin is None else Origin(origin),
        additional_headers=named,
        open_timeout=5,
    )


def refused_with(port: int, path: str, origin: str | None = None, **headers: str) -> int:
    """The status of a handshake that has to fail."""
    with pytest.raises(InvalidStatus) as refusal:
        open_socket(port, path, origin, **headers).close()
    return refusal.value.response.status_code


@asynccontextmanager
async def chromium(*arguments: str) -> AsyncIterator[Browser]:
    """A headless Chromium; without one the test is skipped, or fails where the full suite is asked for."""
    path = shutil.which('chromium') or shutil.which('chromium-browser')
    if path is None:
        message = 'needs Chromium: apt install chromium'
        pytest.fail(message) if os.environ.get('EDGEOS_TEST_ALL') else pytest.skip(message)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=['--no-sandbox', *arguments])
        try:
            yield browser
        finally:
            await browser.close()
