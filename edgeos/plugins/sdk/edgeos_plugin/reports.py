"""Where exceptions go that nobody caught: each is reported to the app, none is lost."""

import asyncio
import logging
import re
import threading
import traceback
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

MESSAGE_LENGTH = 2000
TRACEBACK_LENGTH = 32_000
LINE_LENGTH = 8_000
UNSEEN = 1.0  # s in which somebody may still ask a failed task for its result

_BY_DESCRIPTOR = re.compile(r'"/proc/self/fd/\d+/')  # how the shim lets imports look there

Report = Callable[[BaseException, bool], None]
LEVELS = ((logging.ERROR, 'error'), (logging.WARNING, 'warning'), (logging.INFO, 'info'))


def described(error: BaseException, handled: bool) -> dict[str, Any]:
    """The parameters of the notification `error`; the newest end of a long traceback is kept."""
    return {
        'type': type(error).__qualname__,
        'message': _clean(str(error))[:MESSAGE_LENGTH],
        'traceback': _clean(''.join(traceback.format_exception(error)))[-TRACEBACK_LENGTH:],
        'handled': handled,
    }


def _clean(text: str) -> str:
    """Without the halves of characters that UTF-8 cannot say, and without the way to folders that are closed to us."""
    return _BY_DESCRIPTOR.sub('"', text.encode('utf-8', 'replace').decode())


class Watch:
    """While it is entered, exceptions of the loop, of its tasks and of threads are reported."""

    def __init__(self, loop: asyncio.AbstractEventLoop, report: Report) -> None:
        self._loop = loop
        self._report = report
        self._former = (loop.get_exception_handler(), loop.get_task_factory(), threading.excepthook)

    def __enter__(self) -> Self:
        self._loop.set_exception_handler(self._on_loop)
        self._loop.set_task_factory(self._make_task)  # type: ignore[arg-type]  # options differ by version
        threading.excepthook = self._on_thread
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        handler, factory, threading.excepthook = self._former
        self._loop.set_exception_handler(handler)
        self._loop.set_task_factory(factory)

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
    ) -> 'asyncio.Task[Any]':
        """A task that somebody keeps and nobody awaits would die without a word."""
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: 'asyncio.Task[Any]') -> None:
        if task._log_traceback:  # it failed, and nobody has looked yet
            self._loop.call_later(UNSEEN, self._look_again, task)

    def _look_again(self, task: 'asyncio.Task[Any]') -> None:
        if task._log_traceback and (error := task.exception()) is not None:
            self._report(error, False)

    def _on_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get('exception')
        self._report(error if isinstance(error, BaseException) else RuntimeError(context.get('message')), False)

    def _on_thread(self, what: Any) -> None:
        if what.exc_value is not None and not isinstance(what.exc_value, SystemExit):
            self._report(what.exc_value, False)


class AppLog(logging.Handler):
    """Hands log records to the app."""

    def __init__(self, notify: Callable[[str, dict[str, Any]], None]) -> None:
        super().__init__()
        self._notify = notify
        self.setFormatter(logging.Formatter('%(message)s'))

    def emit(self, record: logging.LogRecord) -> None:
        level = next((name for least, name in LEVELS if record.levelno >= least), 'debug')
        try:
            self._notify('log', {'level': level, 'text': _clean(self.format(record))[:LINE_LENGTH]})
        except Exception:  # as all handlers of the standard library do
            self.handleError(record)
