"""The web server: one socket bound beforehand, so that a taken port is known before anything starts."""
import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

GRACE_SECONDS = 1


class PortTaken(OSError):
    """Raised when somebody else listens already."""


class CannotListen(OSError):
    """Raised when the address is not one of this machine."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises PortTaken or CannotListen."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f'port {port} on {host} is in use by another program') from error
        raise CannotListen(f'cannot listen on {host}, port {port}: {error.strerror or error}') from error
    sock.setblocking(False)
    return sock


class Server(uvicorn.Server):
    """uvicorn, told when to stop by us and telling us when it serves."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: uvicorn would raise them again after stopping, and the exit status would not be 0."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def _speak_late(**connection: Any) -> asyncio.Protocol:
    """The protocol of sockets, loaded by the first who asks for one: without pages only strangers do."""
    from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

    assert AutoWebSocketsProtocol is not None  # in requirements.txt
    return AutoWebSocketsProtocol(**connection)


async def run_server(app: FastAPI, sock: socket.socket, *, on_ready: Callable[[], None],
                     stop: Callable[[], Awaitable[None]], has_pages: bool = True) -> None:  # fmt: skip
    """Serve until SIGTERM or SIGINT; then stop the house and the server at the same time."""
    sockets = 'auto' if has_pages else cast(type[asyncio.Protocol], _speak_late)
    config = uvicorn.Config(app, log_config=None, log_level='warning', access_log=False, ws=sockets,
                            timeout_graceful_shutdown=GRACE_SECONDS, ws_max_size=4 * 1024 * 1024)  # fmt: skip
    server = Server(config, on_ready)
    stopping: list[asyncio.Task[None]] = []

    def begin_to_stop() -> None:
        if not stopping:
            server.should_exit = True
            logging.getLogger('uvicorn.error').setLevel(logging.CRITICAL)  # requests that are cut off are no news now
            stopping.append(asyncio.ensure_future(stop()))

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, begin_to_stop)
    await server.serve(sockets=[sock])
    begin_to_stop()
    await asyncio.wait(stopping)


def run_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where there is one: it takes a fifth off the cost of a message."""
    try:
        import uvloop
    except ImportError:  # Windows
        asyncio.run(work)
    else:
        uvloop.run(work)
