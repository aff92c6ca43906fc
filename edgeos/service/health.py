"""Whether the app has come up: asked where it has told systemd that it serves, whatever options it was given."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from edgeos.service.layout import ServiceError

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


def address_in(status: str) -> Address | None:
    """What the app tells systemd once it serves: its address. None for anything else."""
    url = urlsplit(status)
    try:
        return Address(url.hostname, url.port) if url.scheme == 'http' and url.hostname and url.port else None
    except ValueError:  # no port
        return None


def wait_until_healthy(status: str, version: str, is_alive: Callable[[], bool]) -> None:
    """Raises ServiceError when that version does not answer, or not twice. `status` is what it has told systemd."""
    address = address_in(status)
    if address is None:  # it has ended already, or is none of ours
        time.sleep(LASTS)
        if not is_alive():
            raise ServiceError('it ended after it had come up')
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
