"""Which served requests are worth a sample: how long the app takes is sent for a few of them, if the owner wants it."""
from edgeos.clock import Clock
from edgeos.reporting.fingerprint import of_group
from edgeos.reporting.noise import NoiseGate

EVERY = 60.0  # s between two samples of one route
UNSAMPLED = ('/api/health', '/metrics', '/_nicegui', '/_nicegui_ws', '/socket.io', '/static', '/assets', '/favicon',
             '/openapi.json')  # fmt: skip


def rate_of(path: str, rate: float) -> float:
    """Health checks, static files and the socket are left out: there are many, and they say nothing."""
    return 0.0 if any(path == each or path.startswith((f'{each}/', f'{each}.')) for each in UNSAMPLED) else rate


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
