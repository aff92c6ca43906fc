"""Small things many tests need: waiting for a condition, a clock that moves when told, free ports."""
import asyncio
import inspect
import os
import socket
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

from edgeos.clock import Clock

PATIENCE = float(os.environ.get('EDGEOS_TEST_PATIENCE', '1'))


def patient(seconds: float, below: float = inf) -> float:
    """A bound of time as it is on a machine that does other things too: `make test` runs groups of tests side by side.

    `below` is what the mistake would take that the bound is to catch.
    """
    return min(seconds * PATIENCE, below)


class FakeClock(Clock):
    """Moves when told: `advance` moves both clocks, `step_wall` only the owner's."""

    def __init__(self, wall: float = 1_700_000_000.0) -> None:
        self._monotonic = 1000.0
        self._wall = wall

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._wall += seconds

    def step_wall(self, seconds: float) -> None:
        self._wall += seconds


async def eventually(condition: Callable[[], Any | Awaitable[Any]], timeout: float = 5.0, interval: float = 0.01) -> Any:
    """Wait until the condition is true and return its value; fail naming it after `timeout` (patient) seconds."""
    timeout = patient(timeout)
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'not true within {timeout} s: {inspect.getsource(condition).strip()[:200]}')
        await asyncio.sleep(interval)


def eventually_sync(condition: Callable[[], Any], timeout: float = 5.0, interval: float = 0.02) -> Any:
    """The same for code without an event loop."""
    timeout = patient(timeout)
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f'not true within {timeout} s: {inspect.getsource(condition).strip()[:200]}')
        time.sleep(interval)
    return value


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return int(sock.getsockname()[1])
