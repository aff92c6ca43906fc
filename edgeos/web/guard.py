"""The guard in front of everything but the login page, once a password is set."""

from urllib.parse import quote

from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edgeos.web.access import Access, Ticket, key_of
from edgeos.web.security import JSON_PATHS, POLICY_VIOLATION, SAFE_METHODS, SOCKET_PATH, is_under, refuse

COOKIE = 'edgeos_session'
SCREEN_PATH = '/screen'  # for screens of our own, which bring a key
MANIFEST_PATH = '/manifest.webmanifest'
START_PATH = '/start'  # where an installed app begins
APP_PICTURES = ('/icon-192.png', '/icon-512.png', '/icon-maskable.png', '/apple-touch-icon.png')
# Method and path: with another method a path may fall through to a page that takes every path.
PUBLIC = frozenset((
    ('GET', '/api/health'), ('HEAD', '/api/health'), ('GET', '/favicon.ico'), ('HEAD', '/favicon.ico'),
    ('GET', '/login'), ('HEAD', '/login'), ('POST', '/login'), ('POST', '/logout'),
    ('GET', SCREEN_PATH), *(('GET', path) for path in (MANIFEST_PATH, *APP_PICTURES)),
))  # fmt: skip
GRACE = 3.0  # s a socket may outlive its ticket: the page that sets a password uses it to say so and to leave


def session_id_of(connection: HTTPConnection) -> str | None:
    """The session id a browser sent; also for pages, whose client keeps the request it was built for."""
    return connection.cookies.get(COOKIE)


def session_key_of(connection: HTTPConnection) -> str:
    """What `Access.password_changed(keep=…)` and `Pin` know a browser by; empty without a session."""
    session_id = session_id_of(connection)
    return key_of(session_id) if session_id else ''


class AccessGuard:
    """Lets in who has a session cookie or a bearer token, while a password is set.

    Pages are sent to the login, everything else is a 401; a socket whose ticket ends is closed. `has_pages=False` (no
    login page) answers 401 everywhere.
    """

    def __init__(self, app: ASGIApp, access: Access, has_pages: bool = True) -> None:
        self._app = app
        self._access = access
        self._has_pages = has_pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] == 'lifespan' or (scope.get('method'), scope['path']) in PUBLIC:
            return await self._app(scope, receive, send)
        ticket = self._ticket(scope)
        if ticket is not None:
            await self._access.save_if_due()
        elif self._access.is_needed:
            return await self._turn_away(scope, receive, send)
        if scope['type'] == 'websocket':
            socket = _WatchedSocket(self._access, ticket, receive, send)
            return await self._app(scope, socket.receive, socket.send)
        return await self._app(scope, receive, send)

    def _ticket(self, scope: Scope) -> Ticket | None:
        if not self._access.is_needed:
            return None
        connection = HTTPConnection(scope)
        kind, _, token = connection.headers.get('authorization', '').partition(' ')
        return self._access.admit(session_id_of(connection), token.strip() if kind.lower() == 'bearer' else None)

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] == 'http' and self._has_pages and _is_page(scope):
            target = _target(scope)
            where = '/login' if target == '/' else f'/login?next={quote(target, safe="/")}'
            response = RedirectResponse(where, 303, {'Cache-Control': 'no-store'})
            return await response(scope, receive, send)
        detail = 'Log in, or send an API token as "Authorization: Bearer <token>".'
        return await refuse(scope, receive, send, 401, detail, {'WWW-Authenticate': 'Bearer'})


def _target(scope: Scope) -> str:
    query = scope['query_string'].decode('latin-1')
    return quote(scope['path']) + (f'?{query}' if query else '')


def _is_page(scope: Scope) -> bool:
    return scope['method'] in SAFE_METHODS and not is_under(scope['path'], *JSON_PATHS, '/_nicegui', SOCKET_PATH)


class _WatchedSocket:
    """Passes a socket's messages on while its ticket holds, then closes it; what comes in counts as use."""

    def __init__(self, access: Access, ticket: Ticket | None, receive: Receive, send: Send) -> None:
        self._access = access
        self._ticket = ticket
        self._receive = receive
        self._send = send
        self._ended_at: float | None = None
        self._is_closed = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message['type'] == 'websocket.disconnect' or self._may_go_on():
            if self._ticket is not None:
                self._access.use(self._ticket)
                await self._access.save_if_due()
            return message
        await self._close()
        return {'type': 'websocket.disconnect', 'code': POLICY_VIOLATION}

    async def send(self, message: Message) -> None:
        if self._is_closed:
            return
        if self._may_go_on():
            await self._send(message)
        else:
            await self._close()

    def _may_go_on(self) -> bool:
        if self._access.holds(self._ticket):
            self._ended_at = None
            return True
        now = self._access.clock.monotonic()
        self._ended_at = now if self._ended_at is None else self._ended_at
        return now - self._ended_at < GRACE

    async def _close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._send({'type': 'websocket.close', 'code': POLICY_VIOLATION})
