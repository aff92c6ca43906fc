"""The one way errors are reported, and what is no error but worth to be seen.

Where no `Reporter` was ever attached, the first error brings one if the environment names a Sentry server; after one
was detached errors go to the local log only.
"""
import logging
import os
import sys
import threading
from collections.abc import Sequence
from typing import Protocol

from edgeos.reporting.capture import Link, error_line, error_text, links_of, one_line, shortened, traceback_text

__all__ = ['Sink', 'attach', 'detach', 'log_error', 'log_event', 'write_log']

log = logging.getLogger('edgeos.error')

_MARK = '__edgeos_reported__'
_dict_of = BaseException.__dict__['__dict__'].__get__  # also of a class that lets nobody see it
_inside = threading.local()  # its attribute `active` is set while this thread reports


class Sink(Protocol):
    """Where reports lead while it is attached."""

    def error(self, error: BaseException, context: dict[str, object]) -> None: ...

    def event(self, level: str, source: str, message: str, context: dict[str, object]) -> None: ...


_sink: Sink | None = None
_is_settled = False  # somebody was attached, or nobody will be


def attach(sink: Sink) -> None:
    """Reports lead there from now on."""
    global _sink, _is_settled
    _sink, _is_settled = sink, True


def detach(sink: Sink) -> None:
    """Back to the local log, if reports still lead there."""
    global _sink
    if _sink is sink:
        _sink = None


def _find_sink() -> Sink | None:
    global _is_settled
    if _is_settled:
        return _sink
    _is_settled = True
    if not os.environ.get('SENTRY_DSN') and not os.path.exists('.env'):  # all else takes a while to load
        return None
    from edgeos.reporting import alone  # needs this module

    return alone.begin()


def log_error(error: BaseException, **context: object) -> None:
    """Report an error with its traceback and context (operation, connection_id, type, plugin, ...).

    From any thread or task, at any time; never raises. An exception that is passed up and reported again is one report.
    """
    try:
        if not _is_new(error):
            return
        sink = None if getattr(_inside, 'active', False) else _find_sink()
        if sink is None:  # or what goes wrong in here must not go round and round
            write_log(error, context, links_of(error))
            return
        _inside.active = True
        try:
            sink.error(error, context)
        finally:
            _inside.active = False
    except Exception as trouble:
        _last_resort(error, trouble)


def log_event(level: str, source: str, message: str, /, **context: object) -> None:
    """Note for the owner what is no error: a device that is off, a link that is back. It is never sent by itself.

    `level` is debug, info, warning, error or critical; `source` says who tells: a connection's id, a part of the app.
    """
    sink = _sink
    if sink is None:
        return
    try:
        sink.event(level, source, message, context)
    except Exception as trouble:
        _last_resort(None, trouble)


def write_log(error: BaseException, context: dict[str, object], links: Sequence[Link], note: str = '') -> None:
    """The local log: one line, and the traceback below it, if there is one."""
    below = f'\n{shortened(traceback_text(links))}' if links else ''
    log.error('%s%s%s', error_line(error, context), note, below)


def _is_new(error: BaseException) -> bool:
    """The first who puts the mark on it reports it; one step, so that two threads cannot both be first."""
    mine = object()
    return dict.setdefault(_dict_of(error), _MARK, mine) is mine


def _last_resort(error: BaseException | None, trouble: BaseException) -> None:
    """Reporting failed; nobody else is left to tell."""
    try:
        about = '' if error is None else f' of {type(error).__name__}'
        sys.stderr.write(f'edgeos.error: the report{about} failed: {type(trouble).__name__}\n')
        if error is not None:
            log.error('%s: %s', type(error).__name__, one_line(error_text(error)))
    except Exception:
        pass
