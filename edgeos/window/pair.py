"""The window's end of the conversation with the program: JSON lines, `{"method", "params"}` in both directions.

From the program: `open` (first, see program.py), `forward`, `close`. To it: `step`, `shown`, `cannot` (what, detail),
`closed`.
"""
import json
import socket
import threading
from collections.abc import Callable
from typing import Any


class Pair:
    """May be spoken into from any thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lines = sock.makefile('rb')
        self._speaking = threading.Lock()

    def hear(self) -> tuple[str, Any]:
        """Wait for the next message: its method and its params; `('', None)` when the program is gone."""
        try:
            line = self._lines.readline()
        except OSError:
            line = b''
        if not line:
            return '', None
        message = json.loads(line)
        return message['method'], message['params']

    def hear_all(self, on_message: Callable[[str], None]) -> None:
        """Hand on the method of each message from now on, from a thread; '' is the last."""

        def listen() -> None:
            method = 'anything'
            while method:
                method, _params = self.hear()
                on_message(method)

        threading.Thread(target=listen, name='from the program', daemon=True).start()

    def say(self, method: str, **params: str) -> None:
        """Never raises: a program that is gone ends the window anyway."""
        line = json.dumps({'method': method, 'params': params}).encode() + b'\n'
        with self._speaking:
            try:
                self._sock.sendall(line)
            except OSError:
                pass
