"""Answers what a plugin asks and takes what it says: points, storage, log, events, errors."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from edgeos.plugins.hidden import Hidden
from edgeos.plugins.messages import BAD_PARAMS, DENIED, LIMIT, NO_METHOD, UNKNOWN, Message
from edgeos.plugins.plugin_log import LEVELS, PluginLog
from edgeos.plugins.points import PluginPoints, Refused
from edgeos.plugins.storage import Storage, StorageFull
from edgeos.reporting import log_error, log_event
from edgeos.rpc import RpcError

REPORTS, REPORTS_PER_SECOND = 20.0, 1.0  # events and errors: so many at once, and then so many
MOST_TEXT = 2000
MOST_TRACEBACK = 20_000
MOST_CONTEXT = 20
SLOW_AGAIN = 60.0  # s between two notes about the same trouble
MOST_REFUSALS = 50  # that are noted one by one


class ReportedByPlugin(Exception):
    """Stands for an error in a plugin's own process, which is reported here in its name."""


class Desk:
    """One plugin's; called on the loop. What it may do is in `points.permissions`."""

    def __init__(self, name: str, version: str, points: PluginPoints, storage: Storage, log: PluginLog,
                 hidden: Hidden) -> None:  # fmt: skip
        self._name = name
        self._version = version
        self._points = points
        self._storage = storage
        self._log = log
        self._hidden = hidden
        self._reports, self._filled_at = REPORTS, time.monotonic()
        self._slow_noted: float | None = None
        self._refused: set[str] = set()
        self._requests: dict[str, Callable[[Message], Any | Awaitable[Any]]] = {
            'points.read': lambda params: points.read(_text(params, 'id')),
            'points.write': lambda params: self._write(params),
            'points.subscribe': lambda params: {'subscription': points.subscribe(_text(params, 'glob'))},
            'points.unsubscribe': lambda params: points.unsubscribe(_number(params, 'subscription')),
            'state.get': self._state_get,
            'state.set': self._state_set,
        }
        self._notifications: dict[str, Callable[[Message], None]] = {
            'publish': self._publish,
            'event': self._event,
            'log': lambda params: log.add(str(params.get('level'))[:20], str(params.get('text', ''))),
            'error': self._error,
        }

    def on_request(self, method: str, params: Message) -> Any | Awaitable[Any]:
        """Raises RpcError."""
        if (answer := self._requests.get(method)) is None:
            raise RpcError(NO_METHOD, f'there is no method {method[:100]}')
        try:
            return answer(params)
        except RpcError as error:
            self._note_refusal(error)
            raise

    def on_notification(self, method: str, params: Message) -> None:
        """What is not understood is noted in its log."""
        if (take := self._notifications.get(method)) is None:
            self._log.add('warning', f'(it said {method[:100]!r}, which means nothing here)')
        else:
            take(params)

    def on_slow(self) -> None:
        """It floods."""
        now = time.monotonic()
        if self._slow_noted is None or now - self._slow_noted >= SLOW_AGAIN:
            self._slow_noted = now
            text = 'it sends more than 1000 messages a second and has to wait'
            self._log.note('warning', f'({text})')
            log_event('warning', self._name, text)

    def _note_refusal(self, error: RpcError) -> None:
        if error.code == DENIED:
            self._log.add('warning', f'(refused: {error})')
            if str(error) not in self._refused and len(self._refused) < MOST_REFUSALS:
                self._refused.add(str(error))
                log_event('warning', self._name, self._hidden.text(f'refused: {error}'))

    async def _write(self, params: Message) -> None:
        try:
            await self._points.write_other(_text(params, 'id'), params.get('value'), params.get('qos'),
                                           params.get('retain'))  # fmt: skip
        except RpcError as error:
            self._note_refusal(error)
            raise

    def _publish(self, params: Message) -> None:
        try:
            self._points.publish(params.get('name'), params.get('value'), params.get('unit', ''),
                                 params.get('writable', False))  # fmt: skip
        except Refused as error:
            self._log.add('warning', f'(not published: {error})')

    def _state_get(self, params: Message) -> Any:
        try:
            return self._storage.get(_text(params, 'key'))
        except KeyError:
            raise RpcError(UNKNOWN, 'nothing is kept under that key', {'missing': True}) from None

    def _state_set(self, params: Message) -> None:
        try:
            self._storage.set(_text(params, 'key'), params.get('value'))
        except (StorageFull, TypeError) as error:
            raise RpcError(LIMIT, str(error)) from error

    def _event(self, params: Message) -> None:
        if not self._may_report():
            return
        level, context = params.get('level'), params.get('context')
        known = list(context.items())[:MOST_CONTEXT] if type(context) is dict else []
        hide = self._hidden
        log_event(str(level) if level in LEVELS else 'info', self._name,
                  hide.text(str(params.get('message', '')), MOST_TEXT),
                  **{hide.text(key, 64): hide.value(value, MOST_TEXT) for key, value in known})  # fmt: skip

    def _error(self, params: Message) -> None:
        if not self._may_report():
            return
        hide = self._hidden
        kind = hide.text(str(params.get('type', 'Exception')), 200)
        message = hide.text(str(params.get('message', '')), MOST_TEXT)
        log_error(ReportedByPlugin(f'{kind}: {message}'), operation='plugin', plugin=self._name,
                  plugin_version=self._version, handled=bool(params.get('handled')),
                  plugin_traceback=hide.end_of(str(params.get('traceback', '')), MOST_TRACEBACK))  # fmt: skip

    def _may_report(self) -> bool:
        now = time.monotonic()
        self._reports = min(REPORTS, self._reports + (now - self._filled_at) * REPORTS_PER_SECOND)
        self._filled_at = now
        if self._reports < 1:
            self._log.add('warning', '(an event or error was left out: there are too many)')
            return False
        self._reports -= 1
        return True


def _text(params: Message, key: str) -> str:
    value = params.get(key)
    if type(value) is not str:
        raise RpcError(BAD_PARAMS, f'{key}: expected text')
    return value


def _number(params: Message, key: str) -> int:
    value = params.get(key)
    if type(value) is not int:
        raise RpcError(BAD_PARAMS, f'{key}: expected a number')
    return value
