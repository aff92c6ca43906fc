"""Screens of this device's own: the panel on the wall and the program's own window.

They are browsers that the program starts itself, so they need no password: each comes with a key that opens the door
once. A key is made by whoever can read the data folder, also by another process, and needs no conversation.
"""
import asyncio
import hashlib
import hmac
import secrets
import signal
import time
from collections import OrderedDict
from pathlib import Path
from typing import Literal, Protocol, get_args
from urllib.parse import quote

from edgeos.files import kept_secret
from edgeos.reporting import log_error

ScreenKind = Literal['panel', 'window']
KINDS: tuple[str, ...] = get_args(ScreenKind)
LASTS = 60.0  # s between the making of a key and its use
ROUNDED = 0.001  # s; a key says when it was made no more exactly
MOST_REMEMBERED = 1000


class CannotShow(Exception):
    """Raised when a screen cannot be opened; the text names what to install."""


class Screen(Protocol):
    """What shows the pages on this device, from the moment they can be opened until the program ends."""

    async def start(self, url: str) -> None:
        """Show the program that serves at this URL; raises CannotShow."""

    async def stop(self) -> None:
        """Take it away; bounded, never raises."""


class Showing:
    """Opens the screen once the pages can be seen, and takes it away with them."""

    def __init__(self, screen: Screen | None, url: str) -> None:
        self.failure = ''  # why it could not be opened
        self._screen = screen
        self._url = url
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """The program serves: open the screen. If that fails for good, the program ends."""
        self._task = asyncio.create_task(self._show(), name='screen')

    async def _show(self) -> None:
        if self._screen is None:
            return
        try:
            await self._screen.start(self._url)
        except CannotShow as error:
            self.failure = str(error)
            end_program()
        except Exception as error:
            log_error(error, operation='open the screen')
            self.failure = f'the screen could not be opened: {error}'
            end_program()

    async def stop(self) -> None:
        """Bounded; also while it is still being opened."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._screen is not None:
            await self._screen.stop()


def end_program() -> None:
    """As if the program had been told to end from outside."""
    signal.raise_signal(signal.SIGTERM)


def local_url(host: str, port: int) -> str:
    """Where a browser on this device finds a program that listens at `host`."""
    nearest = {'0.0.0.0': '127.0.0.1', '': '127.0.0.1', '::': '::1'}.get(host, host)
    return f'http://[{nearest}]:{port}' if ':' in nearest else f'http://{nearest}:{port}'


def load_secret(data: Path) -> bytes:
    """What keys of this installation are signed with: 32 bytes. Raises OSError."""
    return kept_secret(data / 'screens.key', lambda: secrets.token_bytes(32))


def entry(url: str, secret: bytes, kind: ScreenKind, target: str = '/start') -> str:
    """The address a screen opens first: `<url>/screen?key=…`; good for one visit within 60 s.

    `/start` leads on to where the last such window was left.
    """
    return f'{url}/screen?key={_make_key(secret, kind, time.monotonic())}&next={quote(target, safe="")}'


def _make_key(secret: bytes, kind: str, now: float) -> str:
    body = f'{kind}.{now:.3f}.{secrets.token_urlsafe(12)}'
    return f'{body}.{_sign(secret, body)}'


def _sign(secret: bytes, body: str) -> str:
    return hmac.new(secret, body.encode(), hashlib.sha256).hexdigest()


class ScreenKeys:
    """The door's side: which keys are good. Clocks are compared, so maker and door are on one machine."""

    def __init__(self) -> None:
        self._opened = time.monotonic()
        self._used: OrderedDict[str, None] = OrderedDict()

    def take(self, key: str, secret: bytes) -> str:
        """The kind of screen this key is for, once; '' when it is not good or was used before.

        One from before this door is not good: nobody knows any more whether it was used.
        """
        body, _, signature = key.rpartition('.')
        if not key.isascii() or not hmac.compare_digest(signature, _sign(secret, body)):
            return ''
        kind, _, rest = body.partition('.')
        made, now = float(rest.rpartition('.')[0]), time.monotonic()
        if not max(self._opened, now - LASTS) - ROUNDED <= made <= now + ROUNDED or key in self._used:
            return ''
        self._used[key] = None
        if len(self._used) > MOST_REMEMBERED:
            self._used.popitem(last=False)
        return kind
