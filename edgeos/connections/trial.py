"""Trying settings out: the same driver, a gateway of its own, nothing saved."""
import asyncio
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

from edgeos.clock import Clock
from edgeos.connections.connection import Connection
from edgeos.connections.history import HistoryStore
from edgeos.connections.kinds import KINDS
from edgeos.connections.ladder import Step
from edgeos.connections.services import Services
from edgeos.connections.state import Failure, Status
from edgeos.gateway import Gateway, Point
from edgeos.secrets import SecretStore
from edgeos.settings import ConnectionSettings

LIMITS = {'bluetooth': 22.0}
LIMIT = 7.5  # s, so that the answer is there within 10, and the link closed
WAIT_FOR_VALUES = 1.5
SHOWN_VALUES = 8
POLL = 0.02


@dataclass(slots=True)
class TrialResult:
    """`values` are the first that came: the proof that the link is alive."""

    ok: bool
    round_trip_ms: float | None
    error: Failure | None
    steps: list[Step]
    values: list[Point]
    detail: str = ''  # what the device calls itself


class _Given(SecretStore):
    """The secrets of the form, in memory only."""

    def __init__(self, secrets: dict[str, str]) -> None:
        super().__init__(Path('/nonexistent'))
        self._given = secrets

    def get(self, owner: str, name: str) -> str | None:
        return self._given.get(name) or None


async def try_out(settings: ConnectionSettings, secrets: dict[str, str], house: Services) -> TrialResult:
    """Open a link as configured, wait for first values, close it; answers within the limit of the type.

    Nothing reaches the house, but what a link must share with the house's own is shared.
    """
    clock = house.clock
    services = Services(Gateway(), _Given(secrets), HistoryStore(None), clock, house.plc_workers, house.radios,
                        tell=lambda *_, **__: None)  # fmt: skip
    kind = KINDS[settings.type]
    connection = kind(settings.model_copy(update={'config': kind.trial_config(settings.config)}), services)
    began = clock.monotonic()
    connection.start()
    try:
        await _settled(connection, clock, began + LIMITS.get(settings.type, LIMIT))
        return _result(connection, (clock.monotonic() - began) * 1000)
    finally:
        await connection.stop()


async def _settled(connection: Connection, clock: Clock, deadline: float) -> None:
    await _until(lambda: connection.status is not Status.CONNECTING, clock, deadline)
    deadline = min(clock.monotonic() + WAIT_FOR_VALUES, deadline)
    await _until(lambda: connection.status is not Status.CONNECTED or _has_come(connection), clock, deadline)


def _has_come(connection: Connection) -> bool:
    """A first value where values are expected, else that the device said how it is."""
    if not connection.expects_values:
        return connection.ladder.is_complete
    return any(point.time for point in connection.source.points.values())


async def _until(condition: Callable[[], bool], clock: Clock, deadline: float) -> None:
    while not condition() and clock.monotonic() < deadline:
        await asyncio.sleep(POLL)


def _result(connection: Connection, took_ms: float) -> TrialResult:
    ok = connection.status is Status.CONNECTED
    error = None if ok else connection.last_error or replace(connection.no_answer(), at=connection.clock.wall())
    steps = connection.ladder.steps(failed=not ok)
    values = [copy(point) for point in list(connection.source.points.values())[:SHOWN_VALUES]]  # as they are now
    reached = next((step.ms for step in steps if step.name == 'answer' and step.ms is not None), took_ms)
    answer = connection.traffic.round_trips.last or reached
    return TrialResult(ok, round(answer, 2) if ok else None, error, steps, values, connection.detail)
