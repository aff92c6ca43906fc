"""Work in a thread that is never left alone with files somebody else is about to remove."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import ParamSpec, TypeVar

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
