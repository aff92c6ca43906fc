"""The guards in a real browser: our page works, other sites' pages get nowhere."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.async_api import Page

from tests.helpers import eventually, eventually_sync, free_port
from tests.web.serving import chromium, serve


@contextmanager
def page_process(folder: Path, mode: str = 'guarded') -> Iterator[int]:
    port = free_port()
    env = {key: value for key, value in os.environ.items() if not key.startswith(('NICEGUI', 'PYTEST'))}
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, '-m', 'tests.web.guarded_page', str(port), mode],
        cwd=root,
        env=env | {'NICEGUI_STORAGE_PATH': str(folder)},
    )
    try:
        eventually_sync(lambda: process.poll() is not None or _answers(port), timeout=15)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f'http://127.0.0.1:{port}/').status_code == 200
    except httpx.HTTPError:
        return False


def collect_complaints(page: Page) -> list[str]:
    complaints: list[str] = []
    page.on(
        'console', lambda message: complaints.append(message.text) if message.type in ('error', 'warning') else None
    )
    page.on('pageerror', lambda error: complaints.append(str(error)))
    return complaints


async def use_page(page: Page, port: int) -> None:
    await page.goto(f'http://127.0.0.1:{port}/')
    await page.get_by_role('button', name='Count').click()
    await page.locator('.clicks', has_text='1').wait_for(timeout=5000)
    await page.get_by_role('button', name='Script').click()
    await page.wait_for_function('document.title === "2 scripts"')
    await page.locator('.plotly .scatterlayer').wait_for(state='attached')


# What a page of another site tries: the socket by both transports, and a change by a form.
ATTACK = """async (port) => {
  const base = `127.0.0.1:${port}/_nicegui_ws/socket.io/?EIO=4`;
  const socket = await new Promise((resolve) => {
    const ws = new WebSocket(`ws://${base}&transport=websocket`);
    ws.onopen = () => resolve('open');
    ws.onerror = () => resolve('refused');
  });
  const polling = await fetch(`http://${base}&transport=polling`).then((answer) => answer.status, () => 'unreadable');
  return {socket, polling};
}"""


def strange_site() -> FastAPI:
    """Another site, with no policy that would stop its scripts."""
    app = FastAPI()
    app.get('/')(lambda: HTMLResponse('<h1>Win a prize</h1>'))
    return app


@pytest.mark.parametrize(
    ('mode', 'seen'),
    [
        ('guarded', {'socket': 'refused', 'polling': 'unreadable'}),
        ('socket-only', {'socket': 'refused', 'polling': 'unreadable'}),
        ('open', {'socket': 'open', 'polling': 200}),  # the attack is real: without guards it gets through
    ],
)
async def test_page_works_in_a_browser_and_its_socket_is_closed_to_other_sites(
    tmp_path: Path, mode: str, seen: dict[str, object]
) -> None:
    with page_process(tmp_path, mode) as port, serve(strange_site()) as other_port:
        async with chromium() as browser:
            page = await browser.new_page()
            complaints = collect_complaints(page)
            await use_page(page, port)
            assert complaints == []
            stranger = await browser.new_page()
            await stranger.goto(f'http://localhost:{other_port}/')
            assert await stranger.evaluate(ATTACK, port) == seen


async def test_rebound_name_gets_no_page_in_a_browser(tmp_path: Path) -> None:
    with page_process(tmp_path) as port:
        async with chromium('--host-resolver-rules=MAP evil.test 127.0.0.1') as browser:
            page = await browser.new_page()
            answer = await page.goto(f'http://evil.test:{port}/')
            assert answer is not None and answer.status == 400
            assert 'client_id' not in await page.content()


async def test_page_cannot_be_framed_and_sends_nothing_elsewhere(tmp_path: Path) -> None:
    with page_process(tmp_path) as port, serve(strange_site()) as other_port:
        async with chromium() as browser:
            stranger = await browser.new_page()
            await stranger.goto(f'http://localhost:{other_port}/')
            complaints = collect_complaints(stranger)
            await stranger.evaluate(
                'port => document.body.append(Object.assign(document.createElement("iframe"), '
                '{src: `http://127.0.0.1:${port}/`}))',
                port,
            )
            await eventually(lambda: any('frame' in complaint.lower() for complaint in complaints))
            page = await browser.new_page()
            await page.goto(f'http://127.0.0.1:{port}/')
            url = f'http://localhost:{other_port}/'
            fetch = 'url => fetch(url, {mode: "no-cors"}).then(() => "sent", () => "stopped")'
            assert await page.evaluate(fetch, url) == 'stopped'
