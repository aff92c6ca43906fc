"""The drawings that plugins bring: shown as pictures only, and harmless also when somebody opens their address."""
from fastapi import FastAPI, Response

from edgeos.system import System

HEADERS = {'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
           'Cache-Control': 'private, max-age=3600', 'X-Content-Type-Options': 'nosniff'}  # fmt: skip
MOST_BYTES = 64 * 1024


def add_icons(app: FastAPI, system: System) -> None:
    """`GET /plugin-icons/{id}`; without content where there is none, which pages take for a letter."""

    @app.get('/plugin-icons/{plugin_id}', include_in_schema=False)
    async def icon(plugin_id: str) -> Response:
        data = await system.plugins.icon(plugin_id)
        if data is None or len(data) > MOST_BYTES:
            return Response(status_code=204, headers=HEADERS)
        return Response(data, media_type='image/svg+xml', headers=HEADERS)
