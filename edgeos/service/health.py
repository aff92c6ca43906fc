"""Whether the app has come up: asked where its settings say that it listens."""

from __future__ import annotations

import http.client
import json
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

from edgeos.service.layout import ServiceError

HOST, PORT = '127.0.0.1', 8080  # as in the settings
ANYWHERE = {'0.0.0.0': '127.0.0.1', '::': '::1'}
PATIENCE = 30.0  # s; systemd has waited for it to be ready already
LASTS = 2.0  # s after which the same program has to answer once more
REQUEST_SECONDS = 5.0


class Address(NamedTuple):
    """Where the app is asked."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f'http://[{self.host}]:{self.port}' if ':' in self.host else f'http://{self.host}:{self.port}'


def address_in(settings: Path) -> Address:
    """As far as the file says; what is wrong in it the app says itself."""
    try:
        app = tomllib.loads(settings.read_text(encoding='utf-8')).get('app', {})
        host, port = str(app.get('host', HOST)), int(app.get('port', PORT))
    except (OSError, ValueError, AttributeError, TypeError):
        host, port = HOST, PORT
    return Address(ANYWHERE.get(host, host), port)


def wait_until_healthy(address: Address, patience: float = PATIENCE, lasts: float = LASTS) -> None:
    """Raises ServiceError when it does not answer, or not twice. With port 0 nobody knows where to ask."""
    if address.port == 0:
        return
    until = time.monotonic() + patience
    while (first := _uptime(address)) is None:
        if time.monotonic() > until:
            raise ServiceError(f'{address.url}/api/health did not answer within {patience:.0f} s')
        time.sleep(0.2)
    time.sleep(lasts)
    again = _uptime(address)
    if again is None or again < first:
        raise ServiceError('it came up and ended again')


def _uptime(address: Address) -> float | None:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=REQUEST_SECONDS)
    try:
        connection.request('GET', '/api/health')
        answer = connection.getresponse()
        body = json.loads(answer.read(10_000))
        return float(body['uptime_s']) if answer.status == 200 and body['status'] == 'ok' else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()
