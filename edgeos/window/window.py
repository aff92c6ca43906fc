"""The program's own window as a screen: there is one, and when it goes the program does not stay behind unseen."""
import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeos import NAME
from edgeos.processes import PROJECT
from edgeos.reporting import log_event
from edgeos.screens import CannotShow, entry, load_secret
from edgeos.window import failures
from edgeos.window.life import Life
from edgeos.window.one_window import OneWindow

ICON = PROJECT / 'assets' / 'favicon.svg'
START = '/start'  # leads to where the window was left
POLITE = (signal.SIGTERM, signal.SIGINT, getattr(signal, 'SIGHUP', signal.SIGTERM))  # as good as closing it
AGAIN_AFTER = 600.0  # s without a crash; then the next one counts as the first


class Window:
    """A `Screen`. It is closed by its owner, or killed: both end it. A crash of its own opens it once more."""

    def __init__(self, data: Path, *, language: str = 'auto', theme: str = 'auto', ends_program: bool = True,
                 on_closed: Callable[[], None], right: OneWindow | None = None) -> None:  # fmt: skip
        """`ends_program`: whether whoever closes it has to be told that the program ends, too. `right` is taken
        already, or is taken at the start.
        """
        self._data = data.resolve()
        self._look = {'title': NAME, 'icon': str(ICON), 'data': str(self._data), 'language': language, 'theme': theme,
                      'ends': ends_program}  # fmt: skip
        self._on_closed = on_closed
        self._right = right or OneWindow(self._data)
        self._life: Life | None = None

    async def start(self, url: str) -> None:
        """Show it until it is closed; raises CannotShow."""
        await self._begin_to_be_the_one()
        loop, crashed_at = asyncio.get_running_loop(), -AGAIN_AFTER
        while True:
            life = self._life = Life(url)
            try:
                await life.begin(await self._order(url))
                status = await life.wait()
            finally:
                await asyncio.shield(life.end())
            if life.was_closed or status == 0 or -status in POLITE:
                self._on_closed()
                return
            how = failures.ending(status)
            if not failures.is_crash(status) or loop.time() - crashed_at < AGAIN_AFTER:
                raise CannotShow(f'the window is gone: its process {how}')
            log_event('error', 'window', f'The window has crashed (its process {how}) and is opened again')
            crashed_at = loop.time()

    async def stop(self) -> None:
        """Close it without a question; bounded, never raises."""
        if self._life is not None:
            await self._life.end()
        self._right.close()

    async def _begin_to_be_the_one(self) -> None:
        try:
            if not self._right.take():
                raise CannotShow('another window of this program is open already: close it first')
            await self._right.listen(lambda: self._life is not None and self._life.bring_forward())
        except OSError as error:
            raise CannotShow(f'{error.filename or self._data}: expected a folder to write to: {error.strerror}') \
                from error  # fmt: skip

    async def _order(self, url: str) -> dict[str, Any]:
        try:
            secret = await asyncio.to_thread(load_secret, self._data)
        except OSError as error:
            raise CannotShow(f'{error.filename}: expected a file to read: {error.strerror}') from error
        return {**self._look, 'url': entry(url, secret, 'window', START), 'origin': url}
