"""The style without asyncio: the same names, and each call waits."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from .errors import WriteFailed
from .plugin import Common
from .point import Point
from .subscriptions import Subscription

WORKERS = 32  # handlers that may run side by side

T = TypeVar('T')


class ThreadPlugin(Common):
    """A plugin whose methods run in threads and may block. `stopping` tells threads of your own to end."""

    stopping: threading.Event
    _loop: asyncio.AbstractEventLoop
    _pool: ThreadPoolExecutor

    def start(self) -> None:
        """Set up; the plugin counts as running when it returns (10 s). What goes on belongs into a thread."""

    def stop(self) -> None:
        """Let go of what start took; called once, 5 s, after `stopping` is set."""

    def on_write(self, name: str, value: Any) -> None:
        """Somebody writes one of your writable points. Return when it is done, raise WriteFailed when it cannot be."""
        raise WriteFailed(f'{name} cannot be written')

    def on_config(self, config: dict[str, Any]) -> None:
        """The owner has changed the configuration; `self.config` is the new one already."""

    def read(self, point_id: str) -> Point:
        """A point of any source; raises PermissionDenied, UnknownPoint, TimeoutError."""
        return self._wait(self._read(point_id))

    def write(self, point_id: str, value: Any, qos: int | None = None, retain: bool | None = None) -> None:
        """Write to a device; returns when it has accepted. Raises PermissionDenied or WriteFailed.

        `qos` and `retain` are for points of MQTT connections; None leaves them as the connection is set up.
        """
        self._wait(self._write(point_id, value, qos, retain))

    def subscribe(self, glob: str, handler: Callable[[Point], Any]) -> Subscription:
        """Have `handler(point)` called with the present values and each change, one call at a time.

        Raises PermissionDenied.
        """

        async def agreed() -> Subscription:
            return await self._runtime.subscriptions.add(glob, handler)

        return self._wait(agreed())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        work.close()
        raise RuntimeError('this waits, so it cannot be called on the event loop')

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        result = await self._loop.run_in_executor(self._pool, partial(function, *arguments))
        if asyncio.iscoroutine(result):
            result.close()
            raise TypeError(f'{function.__qualname__} is async, so it needs a Plugin; this is a ThreadPlugin')
        return result

    def _prepare(self) -> None:
        self.stopping = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix='plugin')
