"""Waiting for a library that may never come back: bounded, and what hangs is left behind rather than waited for."""
import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

GRACE = 1.0  # s that what was cancelled may take to tidy up

T = TypeVar('T')


class Strays:
    """What was given up and has not ended yet; kept so that it is not collected, and that its number can be seen."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, task: asyncio.Task[T], late: Callable[[T], Coroutine[Any, Any, None]] | None = None) -> None:
        """`late` is called with what the task brings after all."""
        self._tasks.add(task)

        def ended(done: asyncio.Task[T]) -> None:
            self._tasks.discard(done)
            if done.cancelled() or done.exception() is not None or late is None:
                return
            self.add(asyncio.get_running_loop().create_task(late(done.result()), name='late result'))

        task.add_done_callback(ended)


async def bounded(work: Coroutine[Any, Any, T], limit: float, strays: Strays,
                  late: Callable[[T], Coroutine[Any, Any, None]] | None = None, *,
                  has_to_go: Callable[[], bool] = lambda: False) -> T:  # fmt: skip
    """The result of the work; raises TimeoutError after `limit` seconds, or as soon as `has_to_go()` after that is so.

    Unlike asyncio.timeout this also comes back when the work does not take its cancellation.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    deadline = loop.time() + limit
    is_used = False
    try:
        while not task.done() and (left := deadline - loop.time()) > 0 and not has_to_go():
            await asyncio.wait((task,), timeout=min(left, 0.25))
        is_used = task.done()
        if is_used and not task.cancelled():
            return task.result()
        raise TimeoutError  # also where the library cancels its own work
    finally:
        if not is_used:
            task.cancel()
            strays.add(task, late)  # it may have ended in the very moment in which it was given up
            await asyncio.wait((task,), timeout=GRACE)
