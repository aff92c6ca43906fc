"""Errors nobody has caught: in tasks and callbacks of the event loop, in threads, at the end of the program."""
import asyncio
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from edgeos.reporting import log_error, log_event
from edgeos.reporting.capture import one_line, whole
from edgeos.reporting.library_noise import noise_of

LoopHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]


class Hooks:
    """Chained to what was there before; Python's own hooks only print, which the log does."""

    def __init__(self) -> None:
        self._loop: tuple[asyncio.AbstractEventLoop, LoopHandler | None, LoopHandler] | None = None
        self._installed = False

    def install(self) -> None:
        """For the whole process; for the loop that runs, if one does."""
        if self._installed:
            return
        self._installed = True
        self._thread_before, threading.excepthook = threading.excepthook, self._thread
        self._exit_before, sys.excepthook = sys.excepthook, self._exit
        self._unraisable_before, sys.unraisablehook = sys.unraisablehook, self._unraisable
        try:
            self._watch(asyncio.get_running_loop())
        except RuntimeError:
            pass

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        before = loop.get_exception_handler()

        def handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            _from_loop(loop, context, before, self._installed)

        self._loop = loop, before, handler
        loop.set_exception_handler(handler)

    def uninstall(self) -> None:
        """Put back what was there; where somebody has hooked in above us, ours only passes on from now on."""
        if not self._installed:
            return
        self._installed = False
        if threading.excepthook == self._thread:
            threading.excepthook = self._thread_before
        if sys.excepthook == self._exit:
            sys.excepthook = self._exit_before
        if sys.unraisablehook == self._unraisable:
            sys.unraisablehook = self._unraisable_before
        if self._loop is not None:
            loop, before, handler = self._loop
            if loop.get_exception_handler() is handler:
                loop.set_exception_handler(before)
            self._loop = None

    def _thread(self, args: threading.ExceptHookArgs) -> None:
        if self._installed and not issubclass(args.exc_type, SystemExit | KeyboardInterrupt):
            name = args.thread.name if args.thread else '?'
            _report(args.exc_value or args.exc_type(), operation=f'thread {whole(name)}')
            if self._thread_before is threading.__excepthook__:
                return
        self._thread_before(args)

    def _exit(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if self._installed and issubclass(kind, Exception):
            _report(error, operation='main program')
            if self._exit_before is sys.__excepthook__:
                return
        self._exit_before(kind, error, traceback)

    def _unraisable(self, args: 'sys.UnraisableHookArgs') -> None:
        if self._installed and isinstance(args.exc_value, Exception):
            _report(args.exc_value, operation=f'clearing away {type(args.object).__name__}')
            if self._unraisable_before is sys.__unraisablehook__:
                return
        self._unraisable_before(args)


def _from_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any], before: LoopHandler | None,
               installed: bool) -> None:  # fmt: skip
    error = context.get('exception')
    if installed and isinstance(error, Exception):
        _report(error, str(context.get('message', '')), operation=_operation(context))
        if before is None:
            return
    elif installed:
        log_event('warning', 'asyncio', one_line(whole(str(context.get('message', '')))))
    if before is None:
        loop.default_exception_handler(context)
    else:
        before(loop, context)


def _operation(context: dict[str, Any]) -> str:
    """Which task or callback it was, without anything that changes from run to run."""
    task = context.get('task') or context.get('future')
    coroutine = task.get_coro() if isinstance(task, asyncio.Task) else None
    if coroutine is not None:
        return f'task {getattr(coroutine, "__qualname__", "?")}'
    return 'future' if task is not None else 'callback'


def _report(error: BaseException, message: str = '', *, operation: str) -> None:
    noise = noise_of(error, message)
    if noise is None:
        log_error(error, operation=operation, handled=False)
    else:
        log_event('debug', noise.source, f'{noise.meaning} ({type(error).__name__})')
