"""Work that is done to its end, also when whoever waits for it is cancelled: nobody may take its files away."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec('P')
T = TypeVar('T')


async def to_end(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As asyncio.to_thread, but a cancellation takes effect only when the work is done."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        with contextlib.suppress(Exception):  # whoever cancelled does not want to know
            task.result()
        raise cancelled
    return task.result()


async def whole(work: Coroutine[Any, Any, None]) -> None:
    """Nobody may close what a child is being given before it has it, also not because it is too late."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    finally:
        await asyncio.wait({task})
