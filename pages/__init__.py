"""The pages: one route each, one `content` function behind it.

None of them is loaded at the start, but all of them in a thread when somebody looks at the first.
"""
import asyncio
import importlib
import secrets
from pathlib import Path

from fastapi import FastAPI
from nicegui import app as nicegui_app
from nicegui import ui

from edgeos import NAME
from edgeos.files import kept_secret
from edgeos.reporting.boundary import Boundary
from edgeos.system import System
from edgeos.web.app import Doors
from pages import assets
from pages.error_page import report_errors
from pages.feed import OverviewFeed
from pages.frame import House, frame
from pages.plugin_icons import add_icons
from pages.web_app import add_web_app

PAGES = ('overview_page', 'connection_page', 'settings_page', 'events_page', 'system_page', 'plugins_page',
         'plugin_page', 'demo_page', 'panel_bar')  # fmt: skip
RECONNECT_SECONDS = 30.0  # a slow panel may be busy that long; with less it would reload by itself
MOST_SECONDS = 30.0  # that a page may take; all have to be loaded first, on a slow device from a slow card


def add_pages(app: FastAPI, system: System, doors: Doors) -> None:
    """Put the pages into the app: the route table."""
    loading = Loading()
    house = House(system, doors, OverviewFeed(system.connections))
    system.connections.on_change(house.feed.reset)
    nicegui_app.add_static_files(assets.URL, assets.FOLDER, max_cache_age=assets.FOR_GOOD)
    nicegui_app.add_static_files('/assets', assets.FOLDER, max_cache_age=0)

    @ui.page('/', response_timeout=MOST_SECONDS)
    async def overview() -> None:
        await loading.done()
        from pages import overview_page

        with frame(house, 'Connections', '/'):
            overview_page.content(house)

    @ui.page('/connections/{connection_id}', response_timeout=MOST_SECONDS)
    async def connection(connection_id: str) -> None:
        await loading.done()
        from pages import connection_page

        with frame(house, 'Connection', '/'):
            await connection_page.content(house, connection_id)

    @ui.page('/settings', response_timeout=MOST_SECONDS)
    async def settings() -> None:
        await loading.done()
        from pages import settings_page

        with frame(house, 'Settings', '/settings'):
            settings_page.content(house)

    @ui.page('/events', response_timeout=MOST_SECONDS)
    async def events() -> None:
        await loading.done()
        from pages import events_page

        with frame(house, 'Events', '/events'):
            events_page.content(house)

    @ui.page('/system', response_timeout=MOST_SECONDS)
    async def machine() -> None:
        await loading.done()
        from pages import system_page

        with frame(house, 'System', '/system'):
            system_page.content(house)

    @ui.page('/plugins', response_timeout=MOST_SECONDS)
    async def plugins() -> None:
        await loading.done()
        from pages import plugins_page

        with frame(house, 'Plugins', '/plugins'):
            plugins_page.content(house)

    @ui.page('/plugins/{plugin_id}', response_timeout=MOST_SECONDS)
    async def plugin(plugin_id: str) -> None:
        await loading.done()
        from pages import plugin_page

        with frame(house, 'Plugin', '/plugins'):
            plugin_page.content(house, plugin_id)

    @ui.page('/demo', response_timeout=MOST_SECONDS)
    async def demo() -> None:
        await loading.done()
        from pages import demo_page

        with frame(house, 'Demo', '/demo'):
            demo_page.content(house)

    add_icons(app, system)
    add_web_app(app, system)
    report_errors(nicegui_app, house)
    ui.run_with(app, title=NAME, favicon=assets.FOLDER / 'favicon.svg', dark=None, language='en-US', tailwind=False,
                binding_refresh_interval=1.0, reconnect_timeout=RECONNECT_SECONDS, message_history_length=200,
                show_welcome_message=False, storage_secret=_storage_secret(system.paths.data))  # fmt: skip


class Loading:
    """Of all pages, before the first of them is built: components that come while a page is built would disturb it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def done(self) -> None:
        """Waits for it, without holding the loop; begins it the first time."""
        if self._task is None:
            self._task = asyncio.create_task(asyncio.to_thread(_load_all), name='load the pages')
        await asyncio.shield(self._task)


def _load_all() -> None:
    for name in PAGES:
        with Boundary(f'load {name}'):  # that page says so, too
            importlib.import_module(f'pages.{name}')


def _storage_secret(data: Path) -> str:
    """Made once per installation; signs the cookie that tells browsers apart."""
    return kept_secret(data / 'storage.key', lambda: secrets.token_urlsafe(32).encode()).decode('latin-1')
