"""What stands where the pages would be when the program runs without any: a sentence, and a login for programs."""
import math

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from edgeos import NAME
from edgeos.web.access import Access, TooManyAttempts, WrongSecret
from edgeos.web.guard import session_id_of
from edgeos.web.login import COOKIE_LASTS, address_of, read_form, set_session

SENTENCE = f'{NAME} runs without pages here. Its API is under /api and described in /openapi.json.'


def add_sign(app: FastAPI, access: Access) -> None:
    """Put the sentence at every address that is nobody's else, and the login before it; call it last.

    The status stays 404, since no page is there.
    """
    app.router.routes += [
        Route('/login', _Login(access).log_in, methods=['POST']),
        Route('/logout', _Login(access).log_out, methods=['POST']),
        Route('/{path:path}', _say_it),
    ]


async def _say_it(request: Request) -> Response:
    if 'text/' in request.headers.get('accept', ''):  # a browser
        return PlainTextResponse(f'{SENTENCE}\n', 404)
    return JSONResponse({'detail': SENTENCE}, 404)


class _Login:
    """The same as behind the login page, answered with a status instead of a page."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def log_in(self, request: Request) -> Response:
        form = await read_form(request)
        if form is None:
            return JSONResponse({'detail': 'The form is too large.'}, 413)
        if not self._access.is_needed:
            return Response(status_code=204)
        try:
            session_id = await self._access.log_in(address_of(request), form.get('password', ''),
                                                   session_id_of(request))  # fmt: skip
        except TooManyAttempts as refusal:
            seconds = math.ceil(refusal.wait)
            return JSONResponse({'detail': f'Too many attempts. You can try again in {seconds} s.'}, 429,
                                {'Retry-After': str(seconds)})  # fmt: skip
        except WrongSecret:
            return JSONResponse({'detail': 'The password is wrong.'}, 401)
        response = Response(status_code=204, headers={'Cache-Control': 'no-store'})
        set_session(request, response, session_id, COOKIE_LASTS)
        return response

    async def log_out(self, request: Request) -> Response:
        if session_id := session_id_of(request):
            await self._access.log_out(session_id)
        response = Response(status_code=204)
        set_session(request, response, '', 0)
        return response
