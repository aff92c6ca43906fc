"""One plugin's life over one conversation: answers what the app asks, and calls the author's code."""

import asyncio
import logging
import socket
import traceback
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from . import errors
from .errors import ConfigError, Disconnected, PluginError, WriteFailed
from .link import Link, Message, encoded
from .plugin import Plugin
from .reports import Watch, described
from .storage import Storage
from .subscriptions import Subscriptions
from .threads import ThreadPlugin

API = 1
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h
LAST_WORDS = 1.0  # s to hand the app what is still to be said
STORAGE_LIMIT = 2.0
ORPHAN_LIMIT = 5.0  # s for stop() when the app is gone

AnyPlugin = Plugin | ThreadPlugin


class Runtime:
    """`identity` is {id, version, token}; `isolation` is what the shim reached."""

    def __init__(
        self,
        kind: type[AnyPlugin],
        sock: socket.socket,
        identity: Mapping[str, Any],
        isolation: Mapping[str, Any],
        log: logging.Logger,
    ) -> None:
        self.identity = identity
        self.plugin: AnyPlugin | None = None
        self.failure: BaseException | None = None  # why the plugin did not start
        self.link = Link(sock, self._on_message, self._on_end)
        self.subscriptions = Subscriptions(self.link, self._call, self.report)
        self._kind = kind
        self._isolation = isolation
        self._log = log
        self._storage: Storage | None = None
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[int] = self._loop.create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping: asyncio.Task[None] | None = None
        self._is_started = False
        self._requests: dict[str, Callable[[Message], Coroutine[Any, Any, Any]]] = {
            'initialize': self._initialize,
            'write': self._on_write,
            'config.changed': self._on_config,
            'shutdown': self._shut_down,
        }

    async def run(self) -> int:
        """Until the plugin has ended; the exit status."""
        hello = {name: self.identity[name] for name in ('id', 'version', 'token')}
        self.notify('hello', {'api': API, **hello, 'isolation': self._isolation})
        with Watch(self._loop, self.report):
            status = await asyncio.shield(self._exit)
            await self.link.drain(LAST_WORDS)
            self.link.close()
        return status

    def stop(self) -> None:
        """Let the author's stop() run, once, then end with 0."""
        if self._stopping is None:
            self._stopping = self._do(self._stop())

    def notify(self, method: str, params: Message) -> None:
        """From any thread; raises ValueError for what cannot be sent."""
        line = encoded({'jsonrpc': '2.0', 'method': method, 'params': params})
        self.link.say(line, can_be_missed=method in ('event', 'log', 'error'))

    def report(self, error: BaseException, handled: bool = True) -> None:
        """An exception of the author's code, for the app's list of errors. From any thread."""
        self._log.error('%s', ''.join(traceback.format_exception(error)))
        self.notify('error', described(error, handled))

    @property
    def is_settled(self) -> bool:
        """Whether the author's code has dealt with all that came."""
        return not self._tasks and self.subscriptions.are_settled

    # what the app says

    def _on_message(self, message: Message) -> None:
        method, number, params = message['method'], message.get('id'), message.get('params') or {}
        if method == 'ping':
            self.link.answer(number, 'pong')
        elif method == 'point':
            if self._stopping is None:
                self.subscriptions.hear(params)
        elif (work := self._requests.get(method)) is not None:
            self._do(self._answer(number, work, params))
        elif number is not None:
            self.link.refuse(number, errors.METHOD_NOT_FOUND, f'a plugin does not know {method}')

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _answer(self, number: Any, work: Callable[[Message], Coroutine[Any, Any, Any]], params: Message) -> None:
        status: int | None = None
        try:
            self.link.answer(number, await work(params))
        except ConfigError as error:
            self._log.error('The configuration cannot be used: %s', error)
            self.link.refuse(number, error.code, str(error))
            status = EXIT_CONFIG
        except PluginError as error:
            self.link.refuse(number, error.code, str(error))
        except KeyError as error:
            self.link.refuse(number, errors.INVALID_PARAMS, f'{error} is missing')
        if self.failure is not None:
            status = 1
        if work == self._shut_down:
            status = 0
        if status is not None:
            self._end(status)

    async def _initialize(self, params: Message) -> None:
        if self.plugin is not None:
            raise _refused(errors.INVALID_REQUEST, 'it is initialized already')
        config = params['config']
        self._storage = Storage(params.get('storage') or {}, self._storage_changed)
        try:
            self.plugin = self._made(config, self._storage)
            await self._call(self.plugin.start)
        except ConfigError:
            raise
        except Exception as error:  # the author's, whatever it is
            self.failure = error
            self.notify('error', described(error, False))
            raise _refused(errors.INTERNAL, f'{type(error).__name__}: {error}') from error
        self._is_started = True

    def _made(self, config: Message, storage: Storage) -> AnyPlugin:
        plugin = self._kind()
        plugin._runtime = self
        plugin.id, plugin.version = self.identity['id'], self.identity['version']
        plugin.config, plugin.storage, plugin.log = config, storage, self._log
        if isinstance(plugin, ThreadPlugin):
            plugin._prepare()
        return plugin

    async def _on_write(self, params: Message) -> None:
        name, value = params['name'], params['value']
        try:
            await self._call(self._running().on_write, name, value)
        except WriteFailed:
            raise
        except Exception as error:  # the author's; whoever writes is told
            self.report(error)
            raise WriteFailed(str(error) or type(error).__name__) from error

    async def _on_config(self, params: Message) -> None:
        plugin = self._running()
        plugin.config = params['config']
        try:
            await self._call(plugin.on_config, plugin.config)
        except ConfigError:
            raise
        except Exception as error:  # the author's; the plugin goes on
            self.report(error)
            raise _refused(errors.INTERNAL, f'{type(error).__name__}: {error}') from error

    async def _shut_down(self, _params: Message) -> None:
        if self._stopping is None:
            self._stopping = asyncio.current_task()
            await self._stop_plugin()
        else:
            await asyncio.wait({self._stopping})

    def _on_end(self) -> None:
        self._loop.call_later(ORPHAN_LIMIT, self._end, 0)
        self.stop()

    # the end

    async def _stop(self) -> None:
        await self._stop_plugin()
        self._end(0)

    async def _stop_plugin(self) -> None:
        """Only what was started is stopped; a start under way is given up with the process."""
        if not self._is_started or self.plugin is None:
            return
        if isinstance(self.plugin, ThreadPlugin):
            self.plugin.stopping.set()
        try:
            await self._call(self.plugin.stop)
        except Exception as error:  # the author's; it ends all the same
            self.report(error)
        if self._storage is not None:
            try:
                await asyncio.wait_for(self._storage.is_settled.wait(), STORAGE_LIMIT)
            except TimeoutError:
                self._log.error('what was stored last may be lost: the app does not take it')

    def _end(self, status: int) -> None:
        if not self._exit.done():
            self._exit.set_result(status)

    # the author's code

    def _running(self) -> AnyPlugin:
        if self.plugin is None or not self._is_started or self._stopping is not None:
            raise WriteFailed('the plugin is not running')
        return self.plugin

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        assert self.plugin is not None
        return await self.plugin._call(function, *arguments)

    def _storage_changed(self) -> None:
        if not self.link.is_closed:
            self._loop.call_soon_threadsafe(self._send_storage)

    def _send_storage(self) -> None:
        if self._storage is not None and not self._storage.is_sending:
            self._storage.is_sending = True
            self._do(self._storing(self._storage))

    async def _storing(self, storage: Storage) -> None:
        while True:
            try:
                await storage.send_all(partial(self.link.call, 'state.set'))
                return
            except Disconnected:
                return
            except (PluginError, ValueError) as error:
                self._log.error('not stored: %s', error)
                storage.is_sending = True  # the others of them


def _refused(code: int, message: str) -> PluginError:
    error = PluginError(message)
    error.code = code
    return error
