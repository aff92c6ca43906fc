"""`/screen`: where a screen of this device's own comes in, and how pages know it afterwards."""
import asyncio
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edgeos.screens import KINDS, ScreenKeys, load_secret
from edgeos.web.access import Access
from edgeos.web.guard import SCREEN_PATH, session_id_of
from edgeos.web.login import COOKIE_LASTS, local_path, set_session

COOKIE = 'edgeos_screen'


def screen_of(connection: HTTPConnection | None) -> str:
    """`panel` or `window` for a screen of our own, '' for every other browser.

    It changes how pages look and feel, and is no permission: any browser may call itself so.
    """
    kind = connection.cookies.get(COOKIE, '') if connection is not None else ''
    return kind if kind in KINDS else ''


def add_door(app: FastAPI, access: Access, data: Path) -> None:
    """Put `GET /screen?key=…&next=…` into the app; a key that is not good leads to the ordinary way in."""
    keys = ScreenKeys()

    async def come_in(request: Request) -> Response:
        target = local_path(request.query_params.get('next', '/'))
        response = RedirectResponse(target, 303, {'Cache-Control': 'no-store'})
        kind = keys.take(request.query_params.get('key', ''), await asyncio.to_thread(load_secret, data))
        if not kind:
            return response
        if access.is_needed and not access.admit(session_id_of(request), None):
            set_session(request, response, await access.let_in(), COOKIE_LASTS)
        response.set_cookie(COOKIE, kind, COOKIE_LASTS, path='/', httponly=True, samesite='lax')
        return response

    app.router.routes.insert(0, Route(SCREEN_PATH, come_in, methods=['GET']))
