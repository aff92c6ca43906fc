"""Values a plugin keeps over restarts. They live in the app; here is a copy, so that both ways are plain calls."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from .errors import Disconnected, PluginError
from .link import to_text

STORAGE_BYTES = 960 << 10  # as the app counts: each key and value in UTF-8, and ENTRY_BYTES
KEY_LENGTH = 256
ENTRY_BYTES = 16

Send = Callable[[dict[str, Any]], Awaitable[Any]]


class Storage:
    """From any thread. What `get` answers is a copy: changing it changes nothing here."""

    def __init__(self, values: dict[str, Any], wake: Callable[[], None]) -> None:
        """`wake` is called when there is something to send."""
        self._texts = {key: to_text(value) for key, value in values.items()}
        self._kept = dict(self._texts)  # by the app
        self._unsent: dict[str, str] = {}
        self._lock = threading.Lock()
        self._wake = wake
        self.is_sending = False
        self.is_settled = asyncio.Event()
        self.is_settled.set()

    def get(self, key: str, default: Any = None) -> Any:
        """The value kept under this key, or the default."""
        text = self._texts.get(key)
        return default if text is None else json.loads(text)

    def set(self, key: str, value: Any) -> None:
        """Keep a value; raises ValueError when it has no form in JSON, or all together would be more than 960 KiB.

        Should the app refuse it after all, that is logged, and `get` answers what was kept before.
        """
        if not isinstance(key, str) or not 0 < len(key) <= KEY_LENGTH:
            raise ValueError(f'a key is a text of 1 to {KEY_LENGTH} characters')
        text = to_text(value)
        with self._lock:
            size = _cost(key, text) + sum(_cost(k, t) for k, t in self._texts.items() if k != key)
            if size > STORAGE_BYTES:
                raise ValueError(f'the storage would take {size} bytes, more than the {STORAGE_BYTES} it may')
            self._texts[key] = self._unsent[key] = text
            self.is_settled.clear()
        self._wake()

    async def send_all(self, send: Send) -> None:
        """Send what is unsent, one after the other: a plugin may not have many calls open at a time.

        Raises PluginError, ValueError for the first that is refused, which is not kept then, and Disconnected; what is
        not accepted in time is sent again.
        """
        self.is_sending = True
        try:
            while unsent := self._next():
                key, text = unsent
                try:
                    await send({'key': key, 'value': json.loads(text)})
                except TimeoutError:
                    continue
                except Disconnected:
                    raise
                except (PluginError, ValueError):
                    self._take_back(key, text)
                    raise
                self._accepted(key, text)
        finally:
            self.is_sending = False

    def _next(self) -> tuple[str, str] | None:
        with self._lock:
            if self._unsent:
                return next(iter(self._unsent.items()))
            self.is_settled.set()
            return None

    def _accepted(self, key: str, text: str) -> None:
        with self._lock:
            self._kept[key] = text
            if self._unsent.get(key) == text:  # else there is a newer value by now
                del self._unsent[key]

    def _take_back(self, key: str, text: str) -> None:
        with self._lock:
            if self._unsent.get(key) != text:
                return
            del self._unsent[key]
            if key in self._kept:
                self._texts[key] = self._kept[key]
            else:
                del self._texts[key]


def _cost(key: str, text: str) -> int:
    return len(key.encode()) + len(text.encode()) + ENTRY_BYTES
