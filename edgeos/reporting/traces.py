"""Which served requests are worth a sample: how long the app takes is sent for a few of them, if the owner wants it."""
from collections.abc import Mapping

from edgeos.clock import Clock
from edgeos.reporting.fingerprint import of_group
from edgeos.reporting.noise import NoiseGate

EVERY = 60.0  # s between two samples of one route
UNSAMPLED = ('/api/health', '/metrics', '/_nicegui', '/_nicegui_ws', '/socket.io', '/static', '/assets', '/favicon',
             '/openapi.json')  # fmt: skip
SOCKET_OPERATIONS = ('websocket', 'websocket.server')


def rate_of(path: str, rate: float) -> float:
    """Health checks, static files and the socket are left out: there are many, and they say nothing."""
    return 0.0 if any(path == each or path.startswith((f'{each}/', f'{each}.')) for each in UNSAMPLED) else rate


def sampler(context: Mapping[str, object], rate: float) -> float:
    """The same for sentry-sdk, whoever starts a transaction: it says what it knows of it in `context`."""
    asgi, transaction = (context.get(name) or {} for name in ('asgi_scope', 'transaction_context'))
    assert isinstance(asgi, Mapping) and isinstance(transaction, Mapping)
    if asgi.get('type') == 'websocket' or transaction.get('op') in SOCKET_OPERATIONS:
        return 0.0
    path = str(asgi.get('path') or transaction.get('name') or '')
    return rate_of(path[max(0, path.find('/')):], rate)


class Samples:
    """Each route once a minute at most, however often it is asked for."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._rate = rate
        self._gate = NoiseGate(clock, EVERY)

    def take(self, method: str, route: str) -> bool:
        """Whether sentry-sdk is to be asked about this one; it knows the rate."""
        if rate_of(route, self._rate) <= 0:
            return False
        return self._gate.admit(self._gate.choose(of_group('request', method, route), of_group('requests'))) is not None
