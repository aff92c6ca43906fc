"""Whether the app has come up: asked where its settings say that it listens."""

from __future__ import annotations

import http.client
import json
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from edgeos.service.layout import ServiceError

HOST, PORT = '127.0.0.1', 8080  # as in the settings
ANYWHERE = {'0.0.0.0': '127.0.0.1', '::': '::1'}
PATIENCE = 30.0  # s; systemd has waited for it to be ready already
LASTS = 1.0  # s after which the same program has to answer once more
REQUEST_SECONDS = 5.0


class Address(NamedTuple):
    """Where the app is asked."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f'http://[{self.host}]:{self.port}' if ':' in self.host else f'http://{self.host}:{self.port}'


def address_in(settings: Path) -> Address:
    """Without a file the app has made none yet and takes what it always takes. Raises ServiceError."""
    try:
        app = tomllib.loads(settings.read_text(encoding='utf-8')).get('app', {}) if settings.exists() else {}
        host, port = str(app.get('host', HOST)), int(app.get('port', PORT))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ServiceError(f'{settings}: expected settings, got: {error}') from error
    return Address(ANYWHERE.get(host, host), port)


def wait_until_healthy(address: Address, version: str, is_alive: Callable[[], bool]) -> None:
    """Raises ServiceError when that version does not answer, or not twice. With port 0 nobody knows where to ask."""
    if address.port == 0:
        return
    until = time.monotonic() + PATIENCE
    while (first := _uptime(address, version)) is None:
        if not is_alive():
            raise ServiceError('it ended after it had come up')
        if time.monotonic() > until:
            raise ServiceError(f'{address.url}/api/health did not answer within {PATIENCE:.0f} s')
        time.sleep(0.2)
    time.sleep(LASTS)
    again = _uptime(address, version)
    if again is None or again < first:
        raise ServiceError('it ended after it had come up')


def _uptime(address: Address, version: str) -> float | None:
    """Of another program that listens there we want to know nothing."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=REQUEST_SECONDS)
    try:
        connection.request('GET', '/api/health')
        answer = connection.getresponse()
        body = json.loads(answer.read(10_000))
        return float(body['uptime_s']) if answer.status == 200 and body['version'] == version else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()
