"""What `--native` does where the program runs already: its window comes forward, or it gets one."""
import asyncio
import signal
import time
from pathlib import Path
from typing import Literal

from edgeos.folder_lock import Holder, holder_of
from edgeos.screens import CannotShow
from edgeos.window.one_window import OneWindow, bring_forward
from edgeos.window.window import Window

PATIENCE = 15.0  # s for a window that is about to open
PAUSE = 0.2


def join(data: Path, language: str, theme: str) -> Literal['not running', 'done']:
    """`done` once its window is before all others, or the window that was opened for it is closed.

    Raises CannotShow. `not running` also means: it ran, and has ended meanwhile.
    """
    deadline = time.monotonic() + PATIENCE
    while (holder := holder_of(data)) is not None:
        if bring_forward(data):
            return 'done'
        right = OneWindow(data)
        shows_itself = holder.screen in ('', 'window')  # or is about to
        if holder.url and not shows_itself and _take(right):
            try:
                asyncio.run(_show(data, holder.url, language, theme, right))
            finally:
                right.close()
            return 'done'
        if time.monotonic() > deadline or (not holder.url and not shows_itself):
            raise CannotShow(_say(data, holder))
        time.sleep(PAUSE)
    return 'not running'


def _take(right: OneWindow) -> bool:
    try:
        return right.take()
    except OSError:
        return False


def _say(data: Path, holder: Holder) -> str:
    if holder.screen == 'window':
        return f'{data}: process {holder.pid} uses it, and its window does not come forward'
    if not holder.url:
        return f'{data}: process {holder.pid} uses it, and has no pages to show'
    return f'{data}: process {holder.pid} uses it already; open {holder.url} in a browser'


async def _show(data: Path, url: str, language: str, theme: str, right: OneWindow) -> None:
    """Only a window: whatever ends it, the program that runs goes on."""
    window = Window(data, language=language, theme=theme, ends_program=False, on_closed=lambda: None, right=right)
    showing = asyncio.current_task()
    assert showing is not None
    is_told = False

    def leave() -> None:
        nonlocal is_told
        is_told = True
        showing.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)
    try:
        await window.start(url)
    except asyncio.CancelledError:
        if not is_told:
            raise
    finally:
        await window.stop()
