"""A screen that nobody sees, a program that shows a few pages, and a panel in front of both."""
import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from edgeos.kiosk.browser import Browser
from edgeos.kiosk.command import find_browser
from edgeos.kiosk.devtools import DevToolsError
from edgeos.kiosk.panel import Limits, Panel
from tests.helpers import eventually
from tests.web.serving import serve

SIZE = (1024, 600)
QUICK = Limits(look_every=0.3, answers_within=2.0, longest_wait=2.0, ask_again=0.3)


def needs(found: object, package: str) -> None:
    """Skips, or fails where the full suite is wanted."""
    if not found:
        why = f'install {package} (apt install {package}) for the tests of the panel'
        (pytest.fail if os.environ.get('EDGEOS_TEST_ALL') == '1' else pytest.skip)(why)


@pytest.fixture(scope='session')
def display() -> Iterator[str]:
    """The name of an X server with nothing on it, not even a window manager."""
    needs(shutil.which('Xvfb'), 'xvfb')
    needs(find_browser(), 'chromium')
    reader, writer = os.pipe()
    server = subprocess.Popen(['Xvfb', '-displayfd', str(writer), '-screen', '0', f'{SIZE[0]}x{SIZE[1]}x24', '-nolisten',
                               'tcp'], pass_fds=[writer], stderr=subprocess.DEVNULL)  # fmt: skip
    os.close(writer)
    with open(reader, encoding='ascii') as told:  # the whole line: it ends if it cannot write that
        number = told.readline().strip()
    assert number, 'Xvfb did not start'
    yield f':{number}'
    server.terminate()
    server.wait(10)


class Site:
    """A program with some pages; `visits` are the paths that were opened."""

    def __init__(self) -> None:
        self.visits: list[str] = []
        self.port = 0
        self.is_alive = True  # its pages talk to it
        self.app = Starlette(routes=[Route('/{path:path}', self._answer)])

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}'

    def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path == '/api/health':
            return JSONResponse({'status': 'ok'})
        self.visits.append(path)
        if path == '/screen':
            return RedirectResponse(request.query_params['next'], 303)
        if path == '/start':
            return HTMLResponse('<script>location.replace("/")</script>')
        if path == '/plain.json':
            return JSONResponse({})
        alive = '<script>window.did_handshake = true</script>' if self.is_alive else ''
        return HTMLResponse(f'<title>{path}</title>{alive}<body>{path}')


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    with serve(made.app) as made.port:
        yield made


Show = Callable[..., Any]


@pytest.fixture
async def show(display: str, tmp_path: Path) -> AsyncIterator[Show]:
    """Shows a URL on a panel, and waits until its page is there; all panels are gone in the end."""
    panels: list[Panel] = []

    async def start(url: str, limits: Limits = QUICK, **more: object) -> Panel:
        panel = Panel(tmp_path, limits=limits, environment={**os.environ, 'DISPLAY': display}, **more)  # type: ignore[arg-type]
        panels.append(panel)
        began = time.monotonic()
        await panel.start(url)
        await eventually(lambda: panel.is_shown, timeout=40)
        panel.took = time.monotonic() - began  # type: ignore[attr-defined]
        return panel

    yield start
    await asyncio.gather(*(panel.stop() for panel in panels))


async def ask(panel: Panel, expression: str) -> Any:
    """What the page answers; None while it is left for another."""
    assert panel.browser is not None
    with suppress(DevToolsError):
        return await _ask(panel.browser, expression)
    return None


async def _ask(browser: Browser, expression: str) -> Any:
    answer = await browser._call('Runtime.evaluate', browser._session, 5.0, expression=expression,
                                 returnByValue=True, awaitPromise=True)  # fmt: skip
    return answer['result'].get('value')


def lives(process: psutil.Process) -> bool:
    """Not gone, and not dead with nobody to bury it either."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def family(panel: Panel) -> list[psutil.Process]:
    """Chromium and all that came from it: its children, and crash reporters, which are nobody's child."""
    assert panel.browser is not None and panel.browser._child is not None and panel.browser.pid is not None
    name, _, value = panel.browser._child.marker.decode().partition('=')
    found = set(psutil.Process(panel.browser.pid).children(recursive=True))
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(name) == value:
                found.add(process)
    return list(found)


def renderer(panel: Panel) -> psutil.Process:
    """The process that runs the page."""
    found = [process for process in family(panel) if '--type=renderer' in (line := process.cmdline())
             and '--top-chrome-webui' not in line]  # fmt: skip
    return max(found, key=lambda process: process.cpu_times().user)
