"""A web server that notes what is posted to it, and answers as it is told to."""

import asyncio
import json
import ssl
from typing import Any


class Receiver:
    """`answers` are statuses, the last of them for ever; 0: takes everything and never answers."""

    def __init__(self) -> None:
        self.answers = [200]
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []  # path, headers, body
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> 'Receiver':
        self._server = await asyncio.start_server(self._serve, '127.0.0.1', port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}/hook?a=1'

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b'\r\n\r\n')).decode().split('\r\n')
        headers = dict(line.split(': ', 1) for line in head[1:] if line)
        body = json.loads(await reader.readexactly(int(headers['Content-Length'])))
        self.requests.append((head[0].split()[1], headers, body))
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if status:
            writer.write(f'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n'.encode())
            await writer.drain()
            writer.close()
