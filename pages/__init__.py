"""The pages: one route each, one `content` function behind it.

None of them is loaded at the start: the one that somebody looks at is loaded in a thread, and then all others.
"""
import asyncio
import importlib
import secrets
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from nicegui import app as nicegui_app
from nicegui import ui

from edgeos import NAME
from edgeos.files import kept_secret
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


def add_pages(app: FastAPI, system: System, doors: Doors) -> None:
    """Put the pages into the app: the route table."""
    house = House(system, doors, OverviewFeed(system.connections))
    system.connections.on_change(house.feed.reset)
    nicegui_app.add_static_files(assets.URL, assets.FOLDER, max_cache_age=assets.FOR_GOOD)
    nicegui_app.add_static_files('/assets', assets.FOLDER, max_cache_age=0)

    @ui.page('/')
    async def overview() -> None:
        await _load('overview_page')
        from pages import overview_page

        with frame(house, 'Connections', '/'):
            overview_page.content(house)

    @ui.page('/connections/{connection_id}')
    async def connection(connection_id: str) -> None:
        await _load('connection_page')
        from pages import connection_page

        with frame(house, 'Connection', '/'):
            await connection_page.content(house, connection_id)

    @ui.page('/settings')
    async def settings() -> None:
        await _load('settings_page')
        from pages import settings_page

        with frame(house, 'Settings', '/settings'):
            settings_page.content(house)

    @ui.page('/events')
    async def events() -> None:
        await _load('events_page')
        from pages import events_page

        with frame(house, 'Events', '/events'):
            events_page.content(house)

    @ui.page('/system')
    async def machine() -> None:
        await _load('system_page')
        from pages import system_page

        with frame(house, 'System', '/system'):
            system_page.content(house)

    @ui.page('/plugins')
    async def plugins() -> None:
        await _load('plugins_page')
        from pages import plugins_page

        with frame(house, 'Plugins', '/plugins'):
            plugins_page.content(house)

    @ui.page('/plugins/{plugin_id}')
    async def plugin(plugin_id: str) -> None:
        await _load('plugin_page')
        from pages import plugin_page

        with frame(house, 'Plugin', '/plugins'):
            plugin_page.content(house, plugin_id)

    @ui.page('/demo')
    async def demo() -> None:
        await _load('demo_page')
        from pages import demo_page

        with frame(house, 'Demo', '/demo'):
            demo_page.content(house)

    add_icons(app, system)
    add_web_app(app, system)
    report_errors(nicegui_app, house)
    nicegui_app.on_connect(partial(_load_the_rest, list(PAGES)))
    ui.run_with(app, title=NAME, favicon=assets.FOLDER / 'favicon.svg', dark=None, language='en-US', tailwind=False,
                binding_refresh_interval=1.0, reconnect_timeout=RECONNECT_SECONDS, message_history_length=200,
                show_welcome_message=False, storage_secret=_storage_secret(system.paths.data))  # fmt: skip


async def _load_the_rest(missing: list[str]) -> None:
    while missing:
        await _load(missing.pop(0))


async def _load(name: str) -> None:
    """A page's module, without holding the loop."""
    await asyncio.to_thread(importlib.import_module, f'pages.{name}')


def _storage_secret(data: Path) -> str:
    """Made once per installation; signs the cookie that tells browsers apart."""
    return kept_secret(data / 'storage.key', lambda: secrets.token_urlsafe(32).encode()).decode('latin-1')
