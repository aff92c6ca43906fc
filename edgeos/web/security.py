"""Which requests may reach the app at all, whoever sends them: host names, origins, body types, answer headers.

The attacks this stands against: a page on the internet that reaches this server through the owner's browser (cross-site
requests and sockets), the same with a name of its own that resolves to this machine (DNS rebinding), and framing.
Programs send neither `Origin` nor `Sec-Fetch-Site` and pass.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = frozenset(('GET', 'HEAD', 'OPTIONS'))
SOCKET_PATH = '/_nicegui_ws'
LARGEST_BODY = 8 * 1024 * 1024  # bytes
LARGEST_PACKAGE = 65 * 1024 * 1024  # of a plugin, with what is around it in a form
POLICY_VIOLATION = 1008  # RFC 6455; before the handshake is answered the server turns it into a 403
JSON_PATHS = ('/api', '/metrics', '/openapi.json')

# The page framework compiles templates and event handlers in the browser, hence inline and eval. What remains:
# no script, style, font, picture, socket or form leaves this server, and injected markup finds nowhere to send to.
CONTENT_POLICY = '; '.join((
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "worker-src 'self' blob:",
    "form-action 'self'",
    "object-src 'none'",
    "base-uri 'self'",
    "frame-ancestors 'none'",
))  # fmt: skip

_HOST_HEADER = re.compile(r'(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?', re.ASCII)


def host_name(header: str) -> str | None:
    """The name or address in a `Host` header, lower case and without port or brackets; None when it is malformed."""
    match = _HOST_HEADER.fullmatch(header.lower())
    return (match['v6'] or match['name'].removesuffix('.')) if match else None


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(name)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@dataclass(frozen=True)
class AllowedHosts:
    """What may stand in a `Host` header.

    The port is not compared: container port mappings and SSH tunnels change it, and it protects from nothing.
    """

    names: frozenset[str]
    addresses: frozenset[IPv4Address | IPv6Address]
    any_address: bool
    url: str

    def accept(self, header: str) -> bool:
        """Whether a `Host` header with this value is for us."""
        name = host_name(header)
        if name is None:
            return False
        address = _address(name)
        if address is None:
            return name in self.names
        return address.is_loopback or self.any_address or address in self.addresses


def allowed_hosts(host: str, port: int, extra: Sequence[str]) -> AllowedHosts:
    """What a server bound to `host` answers to; `extra` is `security.allowed_hosts` of the settings.

    Bound to every address, any address literal passes, also one that is not this machine's own (it may be reached
    through a container or a router): rebinding needs a name, since a page loaded from an address literal came from
    whoever answers there.
    """
    listed = {host_name(entry) or entry.lower() for entry in (*extra, host, 'localhost') if entry}
    addresses = {name: _address(name) for name in listed}
    known = frozenset(address for address in addresses.values() if address is not None)
    names = frozenset(name for name, address in addresses.items() if address is None)
    bound = _address(host)
    wildcard = not host or (bound is not None and bound.is_unspecified)
    shown = '127.0.0.1' if wildcard else f'[{host}]' if ':' in host else host
    return AllowedHosts(names, known, wildcard, f'http://{shown}:{port}')


def header_values(scope: Scope, name: bytes) -> list[str]:
    """Every value of a header (lower-case name) of a request, in order."""
    return [value.decode('latin-1') for key, value in scope['headers'] if key == name]


def is_under(path: str, *roots: str) -> bool:
    """Whether a path is one of the roots or below one."""
    return any(path == root or path.startswith(f'{root}/') for root in roots)


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, detail: str, headers: dict[str, str] | None = None
) -> None:
    """Answer a request with a JSON error, a socket by closing it before it is open."""
    if scope['type'] == 'websocket':
        await receive()  # the handshake
        await send({'type': 'websocket.close', 'code': POLICY_VIOLATION, 'reason': ''})
        return
    await JSONResponse({'detail': detail}, status, headers)(scope, receive, send)


class HostGuard:
    """Stops DNS rebinding: only requests that name this server pass, everything else is a 400."""

    def __init__(self, app: ASGIApp, hosts: AllowedHosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] == 'lifespan':
            return await self._app(scope, receive, send)
        named = header_values(scope, b'host')
        if len(named) == 1 and self._hosts.accept(named[0]):
            return await self._app(scope, receive, send)
        return await refuse(scope, receive, send, 400, self._reason(named))

    def _reason(self, named: list[str]) -> str:
        name = host_name(named[0]) if len(named) == 1 else None
        if name is None:
            return 'The request needs one valid Host header.'
        return (
            f'This server does not answer to the name {name[:100]}. Open {self._hosts.url}, or add the name to '
            'allowed_hosts under [security] in settings.toml.'
        )


class OriginGuard:
    """Stops other sites' pages from acting through the owner's browser: their sockets and changes are a 403.

    The polling transport of the page socket carries messages on GET, so everything under its path counts as a change.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'lifespan' and _can_act(scope) and _is_foreign(scope):
            return await refuse(scope, receive, send, 403, 'Requests from pages of other sites are refused.')
        return await self._app(scope, receive, send)


def _can_act(scope: Scope) -> bool:
    return scope['type'] == 'websocket' or scope['method'] not in SAFE_METHODS or is_under(scope['path'], SOCKET_PATH)


def _is_foreign(scope: Scope) -> bool:
    if any(site in ('cross-site', 'same-site') for site in header_values(scope, b'sec-fetch-site')):
        return True
    origins = header_values(scope, b'origin')
    return bool(origins) and [origin.lower() for origin in origins] != [own_origin(scope)]


def own_origin(scope: Scope) -> str:
    """The origin a page of this server has; valid behind the HostGuard, which leaves exactly one `Host`."""
    scheme = {'ws': 'http', 'wss': 'https'}.get(scope['scheme'], scope['scheme'])
    return f'{scheme}://{header_values(scope, b"host")[0].lower()}'


class BodyGuard:
    """Lets only JSON and multipart bodies of bounded length into the API.

    Plain forms and text are what a browser sends unasked.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http' or not is_under(scope['path'], '/api'):
            return await self._app(scope, receive, send)
        if _has_wrong_body(scope):
            return await refuse(scope, receive, send, 415, 'Send the body as application/json or multipart/form-data.')
        if header_values(scope, b'transfer-encoding'):
            return await refuse(scope, receive, send, 411, 'Say how long the body is: Content-Length is needed.')
        most = LARGEST_PACKAGE if scope['path'] == '/api/plugins' else LARGEST_BODY
        if any(length.isdecimal() and int(length) > most for length in header_values(scope, b'content-length')):
            return await refuse(scope, receive, send, 413, f'Send at most {most} bytes.')
        return await self._app(scope, receive, send)


def _has_wrong_body(scope: Scope) -> bool:
    lengths = header_values(scope, b'content-length')
    has_body = bool(header_values(scope, b'transfer-encoding')) or any(length.strip('0 ') for length in lengths)
    if scope['method'] in SAFE_METHODS or not has_body:
        return False
    kinds = [value.partition(';')[0].strip().lower() for value in header_values(scope, b'content-type')]
    return kinds not in (['application/json'], ['multipart/form-data'])


class Headers:
    """Adds to every answer what tells browsers not to frame, sniff, leak or keep it.

    An answer's own Content-Security-Policy and Cache-Control win: the login page has a stricter policy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http':
            return await self._app(scope, receive, send)
        keep_out_of_caches = is_under(scope['path'], *JSON_PATHS)

        async def send_with_headers(message: Message) -> None:
            if message['type'] == 'http.response.start':
                _add_headers(message, keep_out_of_caches)
            await send(message)

        return await self._app(scope, receive, send_with_headers)


def _add_headers(message: Message, keep_out_of_caches: bool) -> None:
    message.setdefault('headers', [])
    headers = MutableHeaders(scope=message)
    headers['X-Content-Type-Options'] = 'nosniff'
    headers['X-Frame-Options'] = 'DENY'
    headers['Referrer-Policy'] = 'same-origin'
    headers['Cross-Origin-Resource-Policy'] = 'same-origin'
    headers.setdefault('Content-Security-Policy', CONTENT_POLICY)
    if keep_out_of_caches:
        headers.setdefault('Cache-Control', 'no-store')


def install(app: FastAPI, hosts: AllowedHosts, inside: Sequence[Middleware] = ()) -> None:
    """Put the guards around an app, host check first; `inside` (the login, outermost first) sees only what passed.

    Call it once, after everything else that adds middleware, `ui.run_with` included: what is added last is asked first.
    """
    layers = (
        Middleware(Headers),
        Middleware(HostGuard, hosts=hosts),
        Middleware(OriginGuard),
        *inside,
        Middleware(BodyGuard),
    )
    for layer in reversed(layers):
        app.add_middleware(layer.cls, *layer.args, **layer.kwargs)


def restrict_socket(hosts: AllowedHosts) -> None:
    """Make the page socket itself refuse foreign origins too; it is built to accept all of them.

    `core.sio` is internal to the page framework: a browser test holds this to its behaviour. Not for headless runs,
    since it loads the framework.
    """
    from nicegui import core

    def is_own(origin: str | None, environ: dict[str, Any]) -> bool:
        host = str(environ.get('HTTP_HOST', '')).lower()
        return hosts.accept(host) and (origin or '').lower() in (f'http://{host}', f'https://{host}')

    core.sio.eio.cors_allowed_origins = is_own
