"""The process that talks to one PLC: `python -m edgeos.ads.worker SOCKET_FD ADDRESS SOURCE_NET_ID`.

The main thread reads requests from the socket; each runtime (AMS port) of the PLC has a thread of its own. Requests:
`open` {link, settings}, `choose`, `browse`, `search`, `write` (all with link), `close` {link}. Messages to the app are
lists: method, link, and what belongs to it (see runtime.py and poll.py). The process ends when the socket closes.
"""
import faulthandler
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import orjson

from edgeos.ads import library
from edgeos.ads.errors import DEAD
from edgeos.ads.hangup import watch_hangup
from edgeos.ads.runtime import Runtime

LEAVE_SECONDS = 0.3


class Worker:
    """All links to one PLC."""

    def __init__(self, sock: socket.socket, address: str, source: str) -> None:
        self._sock = sock
        self._address = address
        self._sending = threading.Lock()
        self._connecting = threading.Lock()
        self._routes: set[str] = set()
        self._links: dict[int, Runtime] = {}
        library.set_source(source)

    def serve(self) -> None:
        """Until the app closes the socket."""
        with suppress(OSError), self._sock.makefile('rb') as lines:
            for line in lines:
                self._take(orjson.loads(line))
        self._take_leave()

    def _take_leave(self) -> None:
        """Give back what the PLC keeps for us, as far as that is quick."""
        for runtime in self._links.values():
            runtime.end()
        deadline = time.monotonic() + LEAVE_SECONDS
        for runtime in self._links.values():
            runtime.join(max(0.0, deadline - time.monotonic()))

    def _take(self, request: dict[str, Any]) -> None:
        number, method, params = request['id'], request['method'], request['params']
        link = params.pop('link')

        def answer(result: Any) -> None:
            self._send({'id': number, 'result': result})

        def refuse(error: dict[str, Any]) -> None:
            self._send({'id': number, 'error': error})

        if method == 'hello':
            answer(None)
            return
        if method == 'open':
            runtime = self._links[link] = Runtime(link, params, self._connect, self._send)
            runtime.start()
        if (found := self._links.get(link)) is None:
            refuse({'code': 0, 'message': 'not open'})
        elif method == 'close':
            del self._links[link]
            found.end()
            answer(None)
        else:
            found.ask(method, params, answer, refuse)

    def _connect(self, net_id: str) -> None:
        """Once for each NetId: AdsLib shares one TCP connection among all that go to one address."""
        with self._connecting:
            if net_id not in self._routes:
                library.add_route(net_id, self._address)
                if not self._routes:
                    watch_hangup(self._address, self._on_hangup)
                self._routes.add(net_id)

    def _on_hangup(self) -> None:
        for link in list(self._links):
            self._send(['lost', link, 'ads', DEAD, ''])

    def _send(self, message: Any) -> None:
        data = orjson.dumps(message, default=str) + b'\n'
        with self._sending, suppress(OSError):  # when the app is gone, `serve` takes leave
            self._sock.sendall(data)


def main() -> None:
    """Never returns: AdsLib's threads must not meet the interpreter's end."""
    faulthandler.enable()  # AdsLib can take the process down; where it stood goes to the log
    descriptor, address, source = sys.argv[1:]
    with socket.socket(fileno=int(descriptor)) as sock:
        try:
            Worker(sock, address, source).serve()
        finally:
            os._exit(0)


if __name__ == '__main__':
    main()
