"""Figures for Prometheus at /metrics: made when they are asked for, from what is known already."""
import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response

from edgeos import __version__
from edgeos.connections.state import Health, Status
from edgeos.system import System

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

TOTALS = {'packets_sent': 'Packets sent', 'packets_received': 'Packets received', 'bytes_sent': 'Bytes sent',
          'bytes_received': 'Bytes received', 'errors': 'Errors', 'reconnects': 'Links that came back'}  # fmt: skip
ONE = ('connection', 'type')


def add_metrics(app: FastAPI, system: System) -> None:
    """The route; the library is loaded by the first who asks."""

    @app.get('/metrics', include_in_schema=False)
    async def metrics(request: Request) -> Response:
        text, kind = await asyncio.to_thread(_render, list(_connections(system)), system,
                                             request.headers.get('accept', ''))  # fmt: skip
        return Response(text, media_type=kind)


Snapshot = tuple[str, str, str, str, float | None, int, dict[str, int]]


def _connections(system: System) -> Iterator[Snapshot]:
    """On the loop, as the connections change there."""
    for connection in system.connections.connections.values():
        totals = {name: getattr(connection.traffic, name) for name in TOTALS}
        yield (connection.id, connection.KIND, connection.status.value, connection.health.value,
               connection.traffic.round_trips.last, len(connection.source.points), totals)  # fmt: skip


def _render(connections: list[Snapshot], system: System, accept: str) -> tuple[bytes, str]:
    from prometheus_client import exposition
    from prometheus_client.registry import CollectorRegistry

    class Now:
        def collect(self) -> 'Iterator[Metric]':
            yield from _of_connections(connections)
            yield from _of_the_machine(system)
            yield from _of_processes(system)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Now())
    encode, kind = exposition.choose_encoder(accept)
    return encode(registry), kind


def _of_connections(connections: list[Snapshot]) -> 'Iterator[Metric]':
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    status = GaugeMetricFamily('edgeos_connection_status', 'Whether a connection is in this status',
                               labels=(*ONE, 'status'))  # fmt: skip
    health = GaugeMetricFamily('edgeos_connection_health', 'Whether the health of a connection is this',
                               labels=(*ONE, 'health'))  # fmt: skip
    points = GaugeMetricFamily('edgeos_connection_points', 'Points of a connection', labels=ONE)
    trip = GaugeMetricFamily('edgeos_connection_round_trip_seconds', 'The last round trip', labels=ONE)
    totals = {name: CounterMetricFamily(f'edgeos_connection_{name}', help, labels=ONE) for name, help in TOTALS.items()}
    for name, kind, at, state, last, count, numbers in connections:
        for each in Status:
            status.add_metric((name, kind, each.value), float(each.value == at))
        for one in Health:
            health.add_metric((name, kind, one.value), float(one.value == state))
        points.add_metric((name, kind), count)
        if last is not None:
            trip.add_metric((name, kind), last / 1000)
        for key, number in numbers.items():
            totals[key].add_metric((name, kind), number)
    yield from (status, health, points, trip, *totals.values())


def _of_the_machine(system: System) -> 'Iterator[Metric]':
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

    yield InfoMetricFamily('edgeos', 'The program', value={'version': __version__})
    yield GaugeMetricFamily('edgeos_uptime_seconds', 'Seconds since the start', system.uptime)
    yield GaugeMetricFamily('edgeos_events_unseen', 'Groups of errors nobody has acknowledged',
                            system.reporter.store.unseen)  # fmt: skip
    vital = system.vitals.latest
    if vital is None:
        return
    for name, help, value in (
        ('cpu_ratio', 'CPU in use, of all cores', vital.cpu / 100),
        ('memory_ratio', 'Memory in use', vital.memory / 100),
        ('disk_ratio', 'Disk in use, where the data is', vital.disk / 100),
        ('temperature_celsius', 'Temperature of the processor', vital.temperature),
        ('load1', 'Load of one minute', vital.load),
        ('loop_lag_seconds', 'By how much the event loop was late at worst, lately', vital.lag / 1000),
    ):
        if value == value:  # NaN where nobody measures it
            yield GaugeMetricFamily(f'edgeos_{name}', help, value)


def _of_processes(system: System) -> 'Iterator[Metric]':
    from prometheus_client.core import GaugeMetricFamily

    names = {'cpu_percent': 'CPU in per cent of one core', 'memory_mb': 'Memory in MB',
             'throttled': 'Whether it is held at its limit'}  # fmt: skip
    families = {key: GaugeMetricFamily(f'edgeos_process_{key}', help, labels=('process',))
                for key, help in names.items()}  # fmt: skip
    for row in system.limits.limiter.get_stats()['processes'].values():
        for key, family in families.items():
            family.add_metric((row['name'],), float(row[key]))
    yield from families.values()
