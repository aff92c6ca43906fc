"""An HTTP proxy that only knows CONNECT."""
import re
import socket
import threading
from types import TracebackType


class Proxy:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self._server = socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self._server.getsockname()[1]}'
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> 'Proxy':
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        head = b''
        while b'\r\n\r\n' not in head:
            head += client.recv(4096)
        match = re.match(rb'(CONNECT) ([^:]+):(\d+)', head)
        assert match
        self.asked.append(f'{match[1].decode()} {match[2].decode()}:{int(match[3])}')
        server = socket.create_connection((match[2].decode(), int(match[3])))
        client.sendall(b'HTTP/1.1 200 OK\r\n\r\n')
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
