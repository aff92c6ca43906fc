"""The plugin's process: loads the author's class, runs it, and ends with the right status."""

import asyncio
import atexit
import faulthandler
import importlib
import logging
import os
import signal
import socket
import sys
import traceback
from typing import Any

from .link import encoded
from .reports import AppLog, described
from .runtime import AnyPlugin, Runtime

LEAVE_LIMIT = 1.0  # s for the author's tasks to end
SEND_LIMIT = 1.0


def main(descriptor: int, told: dict[str, Any], isolation: dict[str, Any]) -> None:
    """Never returns. `told` is {id, version, token, entry}; the status is 0, 78 for ConfigError, 1 for all else."""
    if hasattr(signal, 'SIGUSR1'):
        faulthandler.register(signal.SIGUSR1, file=sys.stderr, all_threads=True)
    sock = socket.socket(fileno=descriptor)
    try:
        kind = loaded(told['entry'])
    except Exception as error:  # the author's, whatever it is
        traceback.print_exc()
        _say_alone(sock, error)
        _leave(1)
    _leave(_run(kind, sock, told, isolation))


def loaded(entry: str) -> type[AnyPlugin]:
    """The class `package.module:Class`; raises whatever its import raises, TypeError when it is no plugin."""
    module, _, name = entry.partition(':')
    kind = getattr(importlib.import_module(module), name)
    if not isinstance(kind, type) or not issubclass(kind, AnyPlugin):
        raise TypeError(f'{entry} is no class made from Plugin or ThreadPlugin')
    return kind


def _run(kind: type[AnyPlugin], sock: socket.socket, told: dict[str, Any], isolation: dict[str, Any]) -> int:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(_live(kind, sock, told, isolation))
    except SystemExit as error:  # the author's wish
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException as error:
        traceback.print_exc()
        _say_alone(sock, error)
        return 1


async def _live(kind: type[AnyPlugin], sock: socket.socket, told: dict[str, Any], isolation: dict[str, Any]) -> int:
    log = logging.getLogger(told['id'])
    log.setLevel(logging.INFO)
    runtime = Runtime(kind, sock, told, isolation, log)
    logging.getLogger().addHandler(AppLog(runtime.notify))  # also for the libraries the author uses
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runtime.stop)
    status = await runtime.run()
    if runtime.failure is not None:
        traceback.print_exception(runtime.failure)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=LEAVE_LIMIT)
    return status


def _say_alone(sock: socket.socket, error: BaseException) -> None:
    """Without a loop, which there is none of yet or any more."""
    try:
        sock.settimeout(SEND_LIMIT)
        sock.sendall(encoded({'jsonrpc': '2.0', 'method': 'error', 'params': described(error, False)}))
    except OSError:
        pass  # the app is gone, or does not read; the traceback is in the log


def _leave(status: int) -> None:
    """Threads of the author that go on must not keep the process."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            pass
    os._exit(status)
