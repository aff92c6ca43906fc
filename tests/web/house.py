"""A served app with a login, for the tests of the login."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI, WebSocket
from fastapi.responses import HTMLResponse
from starlette.middleware import Middleware

from edgeos.web.access import Access, LoginGate, Sessions, Tokens, hash_password
from edgeos.web.login import AccessGuard, add_pages
from edgeos.web.security import allowed_hosts, install
from tests.helpers import FakeClock

PASSWORD = 'correct horse'
HASH = hash_password(PASSWORD)


class House:
    """A served app with a login; tests change the password and move the clock."""

    def __init__(self, folder: Path, has_pages: bool = True) -> None:
        self.clock = FakeClock()
        self.password_hash = HASH
        self.language = 'auto'
        self.port = 0
        sessions, tokens = Sessions(folder / 'sessions.json', self.clock), Tokens(folder / 'tokens.json', self.clock)
        self.access = Access(lambda: self.password_hash, sessions, tokens, LoginGate(self.clock), self.clock)
        self.app = self._app(has_pages)

    def _app(self, has_pages: bool) -> FastAPI:
        app = FastAPI()
        for path in ('/api/health', '/api/points', '/metrics', '/_nicegui/3/static.js'):
            app.get(path)(lambda: {'open': True})
        app.get('/api/health/secret')(lambda: {'open': True})

        @app.websocket('/socket')
        async def echo(socket: WebSocket) -> None:
            await socket.accept()
            async for text in socket.iter_text():
                await socket.send_text(text)

        app.get('/{path:path}')(lambda path: HTMLResponse(f'<title>Inside</title>{path}'))
        if has_pages:
            add_pages(app, self.access, lambda: self.language)
        install(
            app,
            allowed_hosts('127.0.0.1', 8080, []),
            [Middleware(AccessGuard, access=self.access, has_pages=has_pages)],
        )
        return app

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A browser without redirects, so that tests see them."""
        with httpx.Client(base_url=f'http://127.0.0.1:{self.port}') as client:
            yield client

    def log_in(self, client: httpx.Client, password: str = PASSWORD, **form: str) -> httpx.Response:
        return client.post('/login', data={'password': password, **form})

    def session(self) -> str:
        with self.client() as client:
            return self.log_in(client).cookies['edgeos_session']


class Folder:
    """An Access with its files, whose password a test can change."""

    def __init__(self, path: Path, clock: FakeClock, password_hash: str) -> None:
        self.path = path
        self.clock = clock
        self.password_hash = password_hash
        self.access = self.restarted()

    def restarted(self) -> Access:
        sessions = Sessions(self.path / 'sessions.json', self.clock)
        tokens = Tokens(self.path / 'tokens.json', self.clock)
        self.access = Access(lambda: self.password_hash, sessions, tokens, LoginGate(self.clock), self.clock)
        return self.access
