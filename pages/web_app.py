"""What makes a browser offer to install the pages as an app, and lets that app open where it was left.

The pictures in assets/app are drawn from favicon.svg; those without round corners are cut into shape by the system.
The manifest and the pictures are fetched without a login (PUBLIC in edgeos.web.guard): systems fetch them without
cookies, and they hold nothing of the owner's but the theme. `/start` needs one, as the pages it leads to do.
"""
import json

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from edgeos import NAME
from edgeos.colours import token
from edgeos.system import System
from edgeos.web.guard import APP_PICTURES, MANIFEST_PATH, START_PATH
from pages.assets import FOLDER, URL

SHORT_NAME = 'Edge OS'
DAY = 86_400


def add_web_app(app: FastAPI, system: System) -> None:
    """`/manifest.webmanifest`, `/start` and the pictures, before whatever takes every path."""

    async def manifest(_request: Request) -> Response:
        text = json.dumps(manifest_of(system.settings_file.settings.app.theme))
        return Response(text, media_type='application/manifest+json', headers={'Cache-Control': 'no-cache'})

    async def start(_request: Request) -> Response:
        return HTMLResponse(_start_page(), headers={'Cache-Control': 'no-cache'})

    async def picture(request: Request) -> Response:
        name = request.url.path.rpartition('/')[2]
        return FileResponse(FOLDER / 'app' / name, headers={'Cache-Control': f'public, max-age={DAY}'})

    app.router.routes[:0] = [Route(MANIFEST_PATH, manifest), Route(START_PATH, start),
                             *(Route(path, picture) for path in APP_PICTURES)]  # fmt: skip


def manifest_of(theme: str) -> dict[str, object]:
    """The web app manifest; `auto` has the light colours, and each page says the dark ones itself."""
    colour = token('bg', 'dark' if theme == 'dark' else 'light')
    return {
        'id': '/', 'name': NAME, 'short_name': SHORT_NAME, 'start_url': START_PATH, 'scope': '/',
        'display': 'standalone', 'theme_color': colour, 'background_color': colour,
        'icons': [
            {'src': '/icon-192.png', 'sizes': '192x192', 'type': 'image/png'},
            {'src': '/icon-512.png', 'sizes': '512x512', 'type': 'image/png'},
            {'src': '/icon-maskable.png', 'sizes': '512x512', 'type': 'image/png', 'purpose': 'maskable'},
            {'src': '/favicon.ico', 'sizes': 'any', 'type': 'image/svg+xml'},
        ],
    }  # fmt: skip


def head_of(theme: str) -> str:
    """For the head of every page: the manifest, the picture for a home screen, the colour of the bars around it."""
    themes = ('light', 'dark') if theme == 'auto' else (theme,)
    colours = ''.join(f'<meta name="theme-color" content="{token("bg", each)}"'
                      + (f' media="(prefers-color-scheme: {each})">' if theme == 'auto' else '>')
                      for each in themes)  # fmt: skip
    return (f'<link rel="manifest" href="{MANIFEST_PATH}">'
            f'<link rel="apple-touch-icon" href="/apple-touch-icon.png">{colours}')  # fmt: skip


def _start_page() -> str:
    head = (f'<meta charset="utf-8"><title>{NAME}</title><meta name="color-scheme" content="light dark">'
            f'<script src="{URL}/place.js" data-start></script>'
            '<noscript><meta http-equiv="refresh" content="0;url=/"></noscript>')  # fmt: skip
    return f'<!doctype html><html lang="en"><head>{head}</head><body></body></html>'
