"""What the API says of things: plain dictionaries in the shapes of its contract."""
from datetime import UTC, datetime
from math import isnan
from typing import Any

from edgeos.connections.connection import Connection
from edgeos.connections.history_file import Vital
from edgeos.connections.ladder import Step
from edgeos.connections.manager import ConnectionManager
from edgeos.connections.state import Failure
from edgeos.connections.traffic import Rates, Sample
from edgeos.connections.trial import TrialResult
from edgeos.discovery import Found, identities
from edgeos.gateway import Point
from edgeos.reporting.event_row import Event
from edgeos.secrets import MASK

RATE_WINDOW = 5


def iso(epoch: float | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond."""
    if epoch is None:
        return None
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec='milliseconds').replace('+00:00', 'Z')


def failure_shape(failure: Failure | None) -> dict[str, Any] | None:
    """code, message, hint, at."""
    if failure is None:
        return None
    return {'code': failure.code, 'message': failure.message, 'hint': failure.hint,
            'at': iso(failure.at) if failure.at else None}  # fmt: skip


def rates_shape(rates: Rates, *, errors: bool = False) -> dict[str, float]:
    """Per second, rounded to what can be meant."""
    found = {'packets_sent': rates.packets_sent, 'packets_received': rates.packets_received,
             'bytes_sent': rates.bytes_sent, 'bytes_received': rates.bytes_received}  # fmt: skip
    if errors:
        found['errors'] = rates.errors
    return {key: round(value, 3) for key, value in found.items()}


def config_shape(connection: Connection, manager: ConnectionManager) -> dict[str, Any]:
    """The config with its defaults, secrets masked."""
    config = connection.config.model_dump(mode='json')
    for key in connection.SECRETS:
        if str(config.get(key) or '').startswith('env:'):
            continue
        config.pop(key, None)
        if manager.has_secret(connection, key):
            config[key] = MASK
    return config


def connection_shape(connection: Connection, manager: ConnectionManager) -> dict[str, Any]:
    """`Connection` of the contract."""
    retry = connection.next_retry_in
    return {
        'id': connection.id, 'type': connection.KIND, 'name': connection.name, 'enabled': connection.enabled,
        'address': connection.address, 'config': config_shape(connection, manager),
        'status': connection.status.value, 'health': connection.health.value, 'retriable': connection.retriable,
        'last_error': failure_shape(connection.last_error), 'last_seen': iso(connection.last_seen),
        'connected_at': iso(connection.connected_at),
        'next_retry_in_s': None if retry is None else round(retry, 2), 'attempt': connection.attempt,
        'thinned_since': iso(connection.source.thinned_since),
        'rates': rates_shape(connection.traffic.rates(RATE_WINDOW)), 'errors': connection.traffic.errors,
        'notices': [notice.text for notice in connection.notices()],
    }  # fmt: skip


def found_shape(found: Found, known: set[tuple[str, ...]]) -> dict[str, Any]:
    """A device in the network, and whether a connection to it is there already."""
    return {'type': found.type, 'name': found.name, 'address': found.address, 'rssi': found.rssi,
            'config': found.config, 'already_added': bool(identities(found.type, found.config) & known)}  # fmt: skip


def sample_shape(sample: Sample) -> dict[str, Any]:
    """One history sample; `gap` only where the samples before it are not adjacent in time."""
    shape = {'t': iso(sample.t), 'packets_sent': sample.packets_sent, 'packets_received': sample.packets_received,
             'bytes_sent': sample.bytes_sent, 'bytes_received': sample.bytes_received,
             'errors': sample.errors}  # fmt: skip
    return {**shape, 'gap': True} if sample.gap else shape


def stats_shape(connection: Connection, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Totals, rates, round trips and history of one connection."""
    traffic, trips, uptime = connection.traffic, connection.traffic.round_trips, connection.uptime
    totals = {key: getattr(traffic, key) for key in ('packets_sent', 'packets_received', 'bytes_sent',
                                                     'bytes_received', 'errors', 'reconnects')}  # fmt: skip
    return {
        'id': connection.id, 'status': connection.status.value, 'health': connection.health.value,
        'connected_at': iso(connection.connected_at), 'uptime_s': None if uptime is None else round(uptime, 1),
        'totals': totals,
        'rates': {str(s): rates_shape(traffic.rates(s), errors=True) for s in (1, 5, 30, 60)},
        'round_trip_ms': {'last': trips.last, 'p50': trips.p50, 'p99': trips.p99},
        'last_activity': iso(connection.last_seen), 'flaps': connection.flaps,
        'history': history,
    }  # fmt: skip


def point_shape(point: Point) -> dict[str, Any]:
    """`Point` of the contract."""
    return {'id': point.id, 'name': point.name, 'value': point.value, 'unit': point.unit, 'type': point.type,
            'quality': point.quality, 'time': iso(point.time) if point.time else None,
            'writable': point.writable}  # fmt: skip


def step_shape(step: Step) -> dict[str, Any]:
    """One step of the ladder."""
    return {'name': step.name, 'state': step.state, 'ms': step.ms}


def trial_shape(result: TrialResult) -> dict[str, Any]:
    """The answer to a test."""
    shape: dict[str, Any] = {'ok': result.ok, 'round_trip_ms': result.round_trip_ms,
                             'steps': [step_shape(step) for step in result.steps],
                             'values': [point_shape(point) for point in result.values]}  # fmt: skip
    if result.error is not None:
        shape['error'] = failure_shape(result.error)
    return shape


def event_shape(event: Event, *, full: bool = False) -> dict[str, Any]:
    """One group of equal events; in full also its traceback."""
    shape = {'id': event.id, 'level': event.level, 'source': event.source, 'message': event.message,
             'count': event.count, 'first': iso(event.first), 'last': iso(event.last), 'context': event.context,
             'acknowledged': event.acknowledged}  # fmt: skip
    return {**shape, 'traceback': event.traceback, 'sent': event.sent} if full else shape


def vital_shape(vital: Vital | None) -> dict[str, Any]:
    """How the machine was; all None before it was measured. `load` is that of one minute."""
    if vital is None:
        return dict.fromkeys(('cpu_percent', 'memory_percent', 'disk_percent', 'temperature_c', 'load', 'cores',
                              'lag_ms', 'time'))  # fmt: skip
    return {'cpu_percent': round(vital.cpu, 1), 'memory_percent': round(vital.memory, 1),
            'disk_percent': round(vital.disk, 1),
            'temperature_c': None if isnan(vital.temperature) else round(vital.temperature, 1),
            'load': round(vital.load, 2), 'cores': [round(core, 1) for core in vital.cores],
            'lag_ms': round(vital.lag, 1), 'time': iso(vital.t)}  # fmt: skip
