"""What the browser tests of the overview share: fake rows, the page that shows them, and the server behind it."""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from tests.helpers import free_port

HERE = Path(__file__).parent
STATES = ('connected', 'off', 'error', 'connecting', 'degraded')
KIOSK, DESKTOP, PHONE = (1024, 600), (1440, 900), (390, 844)

Row = dict[str, Any]


def row(number: int, state: str = 'connected', **more: Any) -> Row:
    kind = ('mqtt', 'plc', 'bluetooth')[number % 3]
    up = state in ('connected', 'degraded')
    return {
        'id': f'link_{number}', 'name': f'Link {number:03}', 'type': kind, 'address': f'10.0.0.{number}:1883', 'detail': 'TLS',
        'state': state, 'word': state.title(), 'up': 3.1 if up else 0, 'down': 1400.0 if up else 0,
        'up_bytes': 240.0, 'down_bytes': 91_000.0, 'errors': 31 if state == 'error' else 0, 'last': time.time() - 120,
        'next': time.time() + 30 if state == 'error' else None, 'attempt': 3, 'rtt': 4.2 if up else None, 'points': 7,
        'why': 'It does not answer.' if state in ('error', 'degraded') else '', 'hint': 'Check the cable.',
        'enabled': state != 'off', 'retriable': True,
    } | more  # fmt: skip


def house() -> list[Row]:
    return [row(number, state) for number, state in enumerate(STATES)]


class Overview:
    """The page under test and the server behind it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    async def call(self, *call: Any) -> None:
        request = urllib.request.Request(
            f'{self.address}/call', json.dumps(call).encode(), {'Content-Type': 'application/json'}
        )
        await asyncio.to_thread(lambda: urllib.request.urlopen(request).close())

    async def actions(self) -> list[list[Any]]:
        return await self._take('actions')

    async def looks(self) -> list[list[Any]]:
        return await self._take('looks')

    async def _take(self, what: str) -> list[list[Any]]:
        def get() -> list[list[Any]]:
            with urllib.request.urlopen(f'{self.address}/{what}') as answer:
                return json.load(answer)

        return await asyncio.to_thread(get)

    async def names(self) -> list[str]:
        return await self.page.locator('.ov-item .ov-name').all_inner_texts()

    def item(self, number: int) -> Any:
        return self.page.locator(f'[data-id=link_{number}]')


class Server:
    def __init__(self, folder: Path) -> None:
        self.rows = folder / 'rows.json'
        port = free_port()
        self.address = f'http://127.0.0.1:{port}'
        self.rows.write_text('[]')
        env = {k: v for k, v in os.environ.items() if not k.startswith(('NICEGUI_', 'PYTEST_'))}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / 'overview_app.py'), str(port), str(self.rows)],
            env=env | {'NICEGUI_STORAGE_PATH': str(folder)}, cwd=HERE.parents[1],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def is_up(self) -> bool:
        try:
            urllib.request.urlopen(f'{self.address}/actions').close()
        except OSError:
            return False
        return True


class Pages:
    """Opens the page in a fresh browser context, and watches that it does not complain."""

    def __init__(self, server: Server, browser: Browser) -> None:
        self.server, self.browser = server, browser

    @asynccontextmanager
    async def open(
        self, rows: list[Row], size: tuple[int, int] = KIOSK, *, query: str = '', script: str = ''
    ) -> AsyncIterator[Overview]:
        self.server.rows.write_text(json.dumps(rows))
        context = await self.browser.new_context(viewport={'width': size[0], 'height': size[1]})
        page = await context.new_page()
        problems: list[str] = []
        page.on('pageerror', lambda error: problems.append(str(error)))
        page.on('console', lambda message: problems.append(message.text) if message.type == 'error' else None)
        if script:
            await page.add_init_script(script)
        await page.goto(f'{self.server.address}/{query}')
        await page.wait_for_selector('.ov')
        await page.wait_for_function('window.did_handshake')
        overview = Overview(page, self.server.address)
        await overview.actions()
        yield overview
        await context.close()
        assert problems == []


async def took(overview: Overview, action: list[Any]) -> bool:
    return action in await overview.actions()


async def text_differs(locator: Any, before: str) -> bool:
    return await locator.inner_text() != before
