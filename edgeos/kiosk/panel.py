"""Keeps the panel showing the pages: starts Chromium, watches it, and starts it again as long as the program runs."""
import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edgeos.folder_lock import FolderInUse, lock_folder
from edgeos.kiosk.browser import Browser, BrowserFailed, Look, is_root
from edgeos.kiosk.command import INSTALL, find_browser, find_display
from edgeos.kiosk.leftovers import memory_mb
from edgeos.kiosk.page import Place, is_serving, place_of, waiting_page
from edgeos.kiosk.patience import Patience
from edgeos.kiosk.profile import forget, prepare
from edgeos.reporting import log_error, log_event
from edgeos.screens import entry, load_secret

log = logging.getLogger('edgeos.kiosk')


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, unless it says otherwise. Frozen, a page is noticed after `look_every + answers_within` at most."""

    look_every: float = 3.0
    answers_within: float = 15.0
    loads_within: float = 60.0  # without our pages, or with one that does not come alive; on a slow machine
    steady_after: float = 60.0  # it has shown something that long: the next trouble is a new one
    longest_wait: float = 30.0  # between two starts
    ask_again: float = 15.0  # whether somebody has installed Chromium, or turned on a display
    weigh_every: float = 60.0
    most_mb: float = 1000.0  # then it starts anew as soon as nobody uses it
    unused_after: float = 600.0


class NotYet(Exception):
    """Raised when there is nothing to start; the text says what is missing and what to do."""


class Panel:
    """A Screen that never gives up: what fails is told, and tried again ever more rarely.

    `where` answers where the program serves, when that may change; `say` gets what whoever started it must do.
    """

    def __init__(self, data: Path, *, where: Callable[[], str] | None = None, say: Callable[[str], None] = print,
                 limits: Limits = Limits(), environment: Mapping[str, str] = os.environ) -> None:  # fmt: skip
        self._data = data
        self._folder = Path(os.path.abspath(data / 'panel'))
        self._profile = self._folder / 'chromium'
        self._say = say
        self._limits = limits
        self._environment = environment
        self._patience = Patience(limits.longest_wait, limits.steady_after)
        self._url = ''
        self._where = where or (lambda: self._url)
        self._said = ''
        self._lock: IO[str] | None = None
        self._task: asyncio.Task[None] | None = None
        self.browser: Browser | None = None
        self.is_shown = False  # the pages are on the panel
        self._has_pointer = False  # and know where the mouse is
        self._held = 0.0  # s of this life in which they, or the waiting page, were there
        self._seen = self._alive = 0.0  # when they were last, and when a page was last that talks to the program

    async def start(self, url: str) -> None:
        """Returns at once; the rest happens by itself."""
        self._url = url
        if is_root():
            log.warning('as root, Chromium runs without its sandbox; better let the program run as a user of its own')
        self._task = asyncio.create_task(self._run(), name='panel')

    async def stop(self) -> None:
        """Chromium is gone within 2 s; never raises."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._lock is not None:
            self._lock.close()

    async def _run(self) -> None:
        while True:
            self._held = 0.0
            wait = self._limits.ask_again
            try:
                await self._live()
            except NotYet as error:
                self._say_once(str(error))
            except BrowserFailed as error:
                wait = await self._take_stock(str(error))
            except Exception as error:
                log_error(error, operation='watch the panel')
                wait = self._limits.longest_wait
            await asyncio.sleep(wait)

    async def _live(self) -> None:
        """One life of Chromium; never returns but raises what ended it."""
        program, display = await asyncio.to_thread(self._get_ready)
        self._said = ''
        browser = self.browser = Browser(program, self._profile, display)
        try:
            await browser.start()
            await self._watch(browser)
        except BrowserFailed:
            await browser.kill()
            raise
        finally:
            self.is_shown = False
            await browser.close()

    def _get_ready(self) -> tuple[str, dict[str, str]]:
        """What to start, and where it shows itself; raises NotYet."""
        program = find_browser(self._environment.get('PATH'))
        if not program:
            raise NotYet(f'The panel needs Chromium: {INSTALL}. Until then, open {self._url} in any browser.')
        display = find_display(self._environment)
        if not display:
            raise NotYet('The panel has no display: start a desktop, or the service for the panel. It is shown as soon '
                         f'as there is one. Until then, open {self._url} in any browser.')  # fmt: skip
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = self._lock or lock_folder(self._folder)
            prepare(self._profile)
        except FolderInUse as error:
            raise NotYet(f'The panel is shown by another program already. {error}') from error
        except OSError as error:
            raise NotYet(f'The panel cannot write to {error.filename or self._folder}: {error.strerror}') from error
        return program, display

    def _say_once(self, text: str) -> None:
        if text != self._said:
            self._said = text
            log.info('%s', text)
            log_event('warning', 'panel', text)
            with suppress(OSError):  # nobody listens any more
                self._say(text)

    async def _take_stock(self, why: str) -> float:
        """Tell why it ended, once; how long to wait before the next start."""
        wait = self._patience.next(self._held)
        log.info('Chromium is started again in %.0f s: %s', wait, why)
        if self._patience.times == 1:
            log_event('warning', 'panel', f'The panel was started again: {why}')
        if self._patience.times == 3:
            log_event('error', 'panel', f'The panel keeps failing and is tried ever more rarely: {why}')
            await asyncio.to_thread(forget, self._profile)
        return wait

    # while it lives

    async def _watch(self, browser: Browser) -> None:
        way_back = Patience(self._limits.longest_wait, self._limits.steady_after)
        weighed = time.monotonic()
        led = await self._lead(browser)
        while True:
            await self._pause(browser, self._limits.look_every)
            look = await browser.look(self._patience_for(led))
            place = place_of(look, self._url)
            if place is Place.OURS and not look.is_loading:
                self._note_shown(look)
                if not self._has_pointer and not look.has_pointer:
                    browser.take_pointer()
                self._has_pointer |= look.has_pointer
            if place is Place.ASTRAY or await self._is_lifeless(place, led):
                log.info('the panel is led back to the pages')
                await asyncio.sleep(way_back.next(time.monotonic() - led))
                led = await self._lead(browser)
            elif time.monotonic() - max(led, self._seen) > self._limits.loads_within:
                raise BrowserFailed(f'the pages did not appear within {self._limits.loads_within:g} s')
            if time.monotonic() - weighed > self._limits.weigh_every:
                weighed = time.monotonic()
                await self._weigh(browser, look)

    async def _lead(self, browser: Browser) -> float:
        """To the pages, once the program serves them; when."""
        self.is_shown = self._has_pointer = False
        self._url = await asyncio.to_thread(self._where)
        if not await is_serving(self._url):
            await self._wait_for_program(browser)
        secret = await asyncio.to_thread(load_secret, self._data)
        await browser.show(entry(self._url, secret, 'panel'))
        return time.monotonic()

    async def _wait_for_program(self, browser: Browser) -> None:
        shown, began = '', time.monotonic()
        while not await is_serving(self._url):
            if shown != self._url:
                await browser.write(waiting_page(self._url))
                shown = self._url
            await browser.look(self._limits.answers_within)
            self._held, began = self._held + time.monotonic() - began, time.monotonic()
            await asyncio.sleep(min(1.0, self._limits.look_every))
            self._url = await asyncio.to_thread(self._where)

    def _patience_for(self, led: float) -> float:
        """How long the page may take to answer: the first one of a life is still being loaded."""
        loading = 0.0 if self.is_shown else self._limits.loads_within - (time.monotonic() - led)
        return max(self._limits.answers_within, loading)

    def _note_shown(self, look: Look) -> None:
        now = time.monotonic()
        if self.is_shown:
            self._held += now - self._seen
        else:
            self.is_shown = True
            log.info('the panel shows the pages')
        self._seen = now
        if look.is_alive:
            self._alive = now

    async def _is_lifeless(self, place: Place, led: float) -> bool:
        """Whether a page is there that never came alive, though the program answers: a part of it was not to be had."""
        since = time.monotonic() - max(led, self._alive)
        return place is Place.OURS and since > self._limits.loads_within and await is_serving(self._url)

    async def _weigh(self, browser: Browser, look: Look) -> None:
        if browser.pid is None or look.idle < self._limits.unused_after:
            return
        weight = await asyncio.to_thread(memory_mb, browser.pid)
        if weight > self._limits.most_mb:
            raise BrowserFailed(f'it took {weight:.0f} MB')

    async def _pause(self, browser: Browser, seconds: float) -> None:
        """Until the next look; shorter when something happens."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await browser.news.wait()
        browser.news.clear()
