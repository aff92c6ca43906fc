"""Hearing that the PLC has closed the connection: AdsLib notices only when the next request times out."""
import os
import select
import socket
import threading
from collections.abc import Callable

MOST_DESCRIPTORS = 256  # the worker has about ten
_CLOSED = getattr(select, 'POLLRDHUP', 0) | select.POLLHUP | select.POLLERR if hasattr(select, 'poll') else 0


def watch_hangup(address: str, on_hangup: Callable[[], None]) -> None:
    """Call `on_hangup` from a thread of its own when the peer at `ip:port` hangs up; where that cannot be seen, never.

    AdsLib's own descriptor is looked at, not read from: the kernel tells the hang-up without touching what has come.
    """
    sock = _socket_to(address)
    if sock is None or not _CLOSED:
        return

    def wait() -> None:
        poll = select.poll()
        poll.register(sock, _CLOSED)
        poll.poll()
        on_hangup()

    threading.Thread(target=wait, name='hang-up', daemon=True).start()


def _socket_to(address: str) -> socket.socket | None:
    """The connection to that address, by a descriptor of our own."""
    host, _, port = address.rpartition(':')
    for descriptor in range(3, MOST_DESCRIPTORS):
        try:
            copy = os.dup(descriptor)
        except OSError:
            continue  # not open
        try:
            sock = socket.socket(fileno=copy)
        except OSError:
            os.close(copy)
            continue  # no socket
        try:
            if sock.family == socket.AF_INET and sock.getpeername() == (host, int(port)):
                return sock
        except OSError:
            pass
        sock.close()
    return None
