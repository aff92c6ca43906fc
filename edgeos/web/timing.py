"""How long answers take: a few are sent as samples, where the owner has reports sent."""
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edgeos.reporting.reporter import Reporter

ANYTHING = '/api/{path:path}'  # declared for what nobody has declared


def route_of(scope: Scope) -> str:
    """The path as it was declared, with names in braces: what was asked for may be private. '' if nothing matched."""
    path = str(getattr(scope.get('route'), 'path', ''))
    return '' if path == ANYTHING else path


class Timed:
    """The innermost layer: measures only what was let in, and only while samples are wanted."""

    def __init__(self, app: ASGIApp, reporter: Reporter) -> None:
        self._app = app
        self._reporter = reporter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http' or not self._reporter.sending.on:
            return await self._app(scope, receive, send)
        status = 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message['type'] == 'http.response.start':
                status = message['status']
            await send(message)

        began = time.monotonic()
        try:
            return await self._app(scope, receive, note_status)
        finally:
            if route := route_of(scope):
                self._reporter.served(scope['method'], route, status, time.monotonic() - began)
