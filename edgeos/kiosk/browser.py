"""One life of Chromium, from its start to its end, with the one page it shows."""
import asyncio
import logging
import os
import re
import socket
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from edgeos.kiosk import pipe_shim
from edgeos.kiosk.command import make_argv, make_environment
from edgeos.kiosk.devtools import DevTools, DevToolsClosed, DevToolsError
from edgeos.kiosk.leftovers import sweep
from edgeos.processes import ChildProcess, ProcessError

APPEARS = 45.0  # s from the start until its page can be talked to, on a slow machine
POLITE, KILL_AFTER = 1.0, 2.0  # s after the order to close
NOISE = re.compile(r'dbus/|^#\d+ |unexpected operator')
STAMP = re.compile(r'^\[[\d:/.]+:(?=[A-Z]+:)')

# asks the page how it is, and listens from then on for the last touch
LOOK = """(() => {
  const page = window;
  if (page.__eoTouched === undefined) {
    const touched = () => { page.__eoTouched = performance.now(); };
    Object.defineProperty(page, '__eoTouched', {value: performance.now(), writable: true});
    for (const kind of ['pointerdown', 'keydown']) page.addEventListener(kind, touched, {capture: true, passive: true});
  }
  return [location.href, document.readyState, document.contentType, (performance.now() - page.__eoTouched) / 1000,
          page.did_handshake === true, document.documentElement.matches('html:hover')];
})()"""
SIZES = '[innerWidth, innerHeight, screen.width, screen.height]'

log = logging.getLogger('edgeos.kiosk')


class BrowserFailed(Exception):
    """Raised when this life is over or of no use; the text says why, for log and owner."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the page says of itself; `href` is '' when it had no moment for the question, `idle` s without a touch.

    `is_alive`: it has begun to talk to the program, as each of ours does once all of its parts are loaded.
    `has_pointer`: it knows where the mouse is.
    """

    href: str = ''
    is_loading: bool = True
    content_type: str = ''
    idle: float = 0.0
    is_alive: bool = False
    has_pointer: bool = False


class Browser:
    """Start it once, then `show` and `look`; `close` always."""

    def __init__(self, program: str, profile: Path, display: Mapping[str, str]) -> None:
        self._is_x11 = 'WAYLAND_DISPLAY' not in display
        self._argv = make_argv(program, profile, display, is_root())
        self._environment = make_environment(os.environ, display)
        self._said: deque[str] = deque(maxlen=30)
        self._child: ChildProcess | None = None
        self._devtools: DevTools | None = None
        self._unused: tuple[socket.socket, ...] = ()
        self._page = self._session = ''
        self._crash = ''
        self.news = asyncio.Event()  # something happened that is worth a look

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Returns when its page can be talked to; raises BrowserFailed."""
        ours, theirs = self._unused = socket.socketpair()
        shim = [sys.executable, '-I', '-S', pipe_shim.__file__, str(theirs.fileno())]
        self._child = ChildProcess('Chromium', [*shim, *self._argv], env=self._environment,
                                   pass_fds=(theirs.fileno(),), on_line=self._hear)  # fmt: skip
        try:
            await self._child.start()
        except ProcessError as error:
            raise BrowserFailed(str(error)) from error
        self._child.after_end = self.news.set
        theirs.close()
        self._unused = ()
        self._devtools = await DevTools.over(ours, self._take)
        try:
            async with asyncio.timeout(APPEARS):
                await self._take_hold()
        except TimeoutError as error:
            raise BrowserFailed(f'it did not show a window within {APPEARS:g} s') from error
        except DevToolsClosed as error:
            raise BrowserFailed(await self._last_words()) from error
        except DevToolsError as error:
            raise BrowserFailed(f'it cannot be controlled: {error}') from error

    async def show(self, url: str) -> None:
        """Begin to load it; returns when there is something to see. Raises BrowserFailed."""
        answer = await self._call('Page.navigate', self._session, APPEARS, url=url)
        if answer.get('errorText'):
            log.debug('%s', answer['errorText'])  # without the address: it carries a key

    async def write(self, html: str) -> None:
        """Show this page, which comes from nowhere. Raises BrowserFailed."""
        await self.show('about:blank')
        with suppress(DevToolsError):
            await self._call('Page.setDocumentContent', self._session, APPEARS, frameId=self._page, html=html)

    def take_pointer(self) -> None:
        """Tell the page that the mouse is in its corner; waits for nothing. Raises BrowserFailed.

        Until a mouse has moved, what X shows in the middle of the screen is its own arrow, whatever the page says.
        """
        self._tell('Input.dispatchMouseEvent', self._session, type='mouseMoved', x=0, y=0)

    async def look(self, limit: float) -> Look:
        """How the page is. Raises BrowserFailed when it has crashed, or does not answer within `limit` seconds."""
        if self.pid is None:
            raise BrowserFailed(await self._last_words())
        if self._crash:
            raise BrowserFailed(self._crash)
        try:
            answer = await self._call('Runtime.evaluate', self._session, limit, expression=LOOK, returnByValue=True)
        except DevToolsError:  # between two pages
            return Look()
        value = answer.get('result', {}).get('value')
        if not isinstance(value, list) or len(value) != 6 or not isinstance(value[0], str):
            return Look()
        idle = value[3] if isinstance(value[3], int | float) else 0.0
        return Look(value[0], value[1] == 'loading', str(value[2]), idle, value[4] is True, value[5] is True)

    async def close(self) -> None:
        """Gone within 2 s, with all it has started; never raises."""
        if self._devtools is not None:
            with suppress(DevToolsClosed):
                self._devtools.tell('Browser.close')
        if self._child is not None:
            await self._child.stop(POLITE, KILL_AFTER)
            await asyncio.to_thread(sweep, self._child.marker)
        if self._devtools is not None:
            self._devtools.close()
        for each in self._unused:  # not earlier: a thread may be starting a child with it
            each.close()

    async def kill(self) -> None:
        """For one that does not answer."""
        if self._child is not None and self._child.is_running:
            self._child.kill()
            await self._child.wait()
        await self.close()

    # what it says by itself

    def _hear(self, line: str) -> None:
        log.debug('Chromium: %s', line)
        self._said.append(line)

    def _take(self, method: str, params: dict[str, Any]) -> None:
        if method == 'Target.targetCreated':
            self._meet(params['targetInfo'])
        elif method == 'Target.targetCrashed' and params.get('targetId') == self._page:
            self._note_crash('its page crashed')
        elif method in ('Target.targetDestroyed', 'Target.detachedFromTarget') and params.get('targetId') == self._page:
            self._note_crash('its window was closed')
        elif method == 'Page.javascriptDialogOpening':
            self._tell('Page.handleJavaScriptDialog', self._session, accept=True)
        elif method == 'Page.frameNavigated' and 'parentId' not in params['frame']:
            self.news.set()

    def _note_crash(self, why: str) -> None:
        self._crash = self._crash or why
        self.news.set()

    def _meet(self, target: dict[str, Any]) -> None:
        """There is one page on a panel, and nothing beside it that one could not come back from."""
        is_another = target['type'] == 'page' and target['targetId'] != self._page
        if self._page and (is_another or target['url'].startswith('devtools:')):
            self._tell('Target.closeTarget', targetId=target['targetId'])

    def _tell(self, method: str, session: str = '', **params: object) -> None:
        assert self._devtools is not None
        with suppress(DevToolsClosed):
            self._devtools.tell(method, session, **params)

    # the beginning

    async def _take_hold(self) -> None:
        assert self._devtools is not None
        call = self._devtools.call
        self._page = await self._find_page()
        attached = await call('Target.attachToTarget', targetId=self._page, flatten=True)
        self._session = attached['sessionId']
        await call('Target.setDiscoverTargets', discover=True)
        await call('Page.enable', self._session, APPEARS)
        await call('Browser.setDownloadBehavior', behavior='deny')
        await call('Page.setInterceptFileChooserDialog', self._session, enabled=True)
        if self._is_x11:
            await self._cover_screen()

    async def _find_page(self) -> str:
        assert self._devtools is not None
        while True:
            found = await self._devtools.call('Target.getTargets', limit=APPEARS)
            for target in found['targetInfos']:
                if target['type'] == 'page':
                    return cast(str, target['targetId'])
            await asyncio.sleep(0.05)

    async def _cover_screen(self) -> None:
        """Without a window manager nobody makes a full-screen window as large as the screen."""
        width, height, of_screen = await self._sizes()
        if (width, height) == of_screen:
            return
        assert self._devtools is not None
        window = (await self._devtools.call('Browser.getWindowForTarget', targetId=self._page))['windowId']
        steps: tuple[dict[str, object], ...] = (
            {'windowState': 'normal'},
            # Chromium makes a window that is exactly as large as the screen one point smaller
            {'left': 0, 'top': 0, 'width': of_screen[0], 'height': of_screen[1] + 1},
            {'windowState': 'fullscreen'})  # fmt: skip
        for bounds in steps:
            await self._devtools.call('Browser.setWindowBounds', windowId=window, bounds=bounds)
            await asyncio.sleep(0.1)  # for the X server to say it has been done

    async def _sizes(self) -> tuple[int, int, tuple[int, int]]:
        """Of the page and of the screen, once the window has settled."""
        before: list[int] = []
        for _ in range(10):
            answer = await self._call('Runtime.evaluate', self._session, APPEARS, expression=SIZES, returnByValue=True)
            sizes = answer['result']['value']
            if sizes == before and sizes[0] and sizes[1]:
                break
            before = sizes
            await asyncio.sleep(0.1)
        return sizes[0], sizes[1], (sizes[2], sizes[3])

    # questions

    async def _call(self, method: str, session: str, limit: float, **params: object) -> dict[str, Any]:
        assert self._devtools is not None
        try:
            return await self._devtools.call(method, session, limit, **params)
        except TimeoutError as error:
            raise BrowserFailed(f'its page has not answered for {limit:g} s') from error
        except DevToolsClosed as error:
            raise BrowserFailed(await self._last_words()) from error

    async def _last_words(self) -> str:
        """Why it is gone, as far as it said so."""
        assert self._child is not None
        try:
            async with asyncio.timeout(KILL_AFTER):
                status = await self._child.wait()
        except TimeoutError:
            return 'it closed its remote control'
        said = reason_in(self._said)
        return f'it ended with status {status}' + (f': {said}' if said and not self._child.was_killed else '')


def reason_in(lines: Iterable[str]) -> str:
    """What Chromium complained of last, without the time in front; it also complains where nothing is wrong."""
    said = [line for line in lines if line.strip() and not NOISE.search(line)]
    fatal = [line for line in said if 'FATAL' in line]
    return STAMP.sub('', (fatal or said or [''])[-1])[:200]


def is_root() -> bool:
    """Whether Chromium will refuse its sandbox."""
    return hasattr(os, 'geteuid') and os.geteuid() == 0
