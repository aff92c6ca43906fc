"""Limiters that end with the test."""
from collections.abc import Iterator

import pytest

from edgeos.limiter import ResourceLimiter
from edgeos.limiter.duty_cycle import DutyCycle
from edgeos.limiter.linux import LinuxView
from tests.limiter.helpers import Make


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[ResourceLimiter] = []

    def build(*args: object, **kwargs: object) -> ResourceLimiter:
        kwargs.setdefault('make_mechanisms', lambda: [DutyCycle(LinuxView)])
        made.append(ResourceLimiter(*args, **kwargs))  # type: ignore[arg-type]
        made[-1].start_monitoring()
        return made[-1]

    yield build
    for limiter in made:
        limiter.shutdown()
