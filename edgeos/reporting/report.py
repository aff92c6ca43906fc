"""One report on its way to Sentry: what was captured of an error, and the event that is made of it. Pure."""
import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime

from edgeos.reporting.capture import KEPT, Frame, Link
from edgeos.reporting.scrub import HOST, Scrubber

TAGS = ('connection_id', 'type', 'operation', 'plugin')
TAG_CHARACTERS = 200  # as much as Sentry takes
CRUMB_CHARACTERS = 300
MOST_BYTES = 200 * 1024  # of one event
INNERMOST = 4  # frames that say most
APP = 'smarthome-edge-os'
TEST_MESSAGE = 'A test report of SmartHome Edge OS: everything works.'

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Crumb:
    """Something that happened before; `t` is epoch s."""

    t: float
    level: str
    source: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """`links` are empty for a report that is no error; `repeated` counts equal ones left out before it."""

    event_id: str
    t: float
    fingerprint: str
    message: str
    links: tuple[Link, ...]
    context: Json
    crumbs: tuple[Crumb, ...]
    repeated: int = 0
    level: str = 'error'


@dataclass(frozen=True, slots=True)
class Sample:
    """A request that was served at `t` (epoch s) in so many seconds; `name` is its method and route."""

    name: str
    t: float
    seconds: float
    status: int


def event_of(report: Report) -> Json:
    """What is said of it, not yet scrubbed; release, environment and SDK are added by sentry-sdk."""
    event: Json = {
        'event_id': report.event_id, 'timestamp': iso(report.t), 'platform': 'python', 'level': report.level,
        'logger': 'edgeos.error', 'fingerprint': [report.fingerprint],
        'breadcrumbs': {'values': [_crumb(crumb) for crumb in report.crumbs]},
    }  # fmt: skip
    if report.links:
        handled = report.context.get('handled', True) is not False
        event['exception'] = {'values': [_exception(link, handled) for link in reversed(report.links)]}
    else:
        event['logentry'] = {'formatted': report.message}
    return event


def contexts_of(report: Report, version: str) -> dict[str, Json]:
    """`module` says where, `additional` what was being done."""
    frames = [frame for link in report.links[:1] for frame in link.frames]
    own = [frame.module for frame in frames if frame.is_own]
    module = own[-1] if own else frames[-1].module if frames else APP
    additional: Json = {**report.context, 'repeated': report.repeated}
    return {'module': {'name': module, 'version': version}, 'additional': additional,
            'runtime': {'name': platform.python_implementation(), 'version': platform.python_version()},
            'os': {'name': platform.system(), 'version': platform.release()},
            'device': {'arch': platform.machine()}}  # fmt: skip


def source_of(report: Report) -> str:
    """Whose error it was: a connection's, a plugin's, or that of a part of the app: edgeos.connections.x."""
    named = report.context.get('connection_id') or report.context.get('plugin')
    if named:
        return str(named)
    own = [frame.module for link in report.links[:1] for frame in link.frames if frame.is_own]
    parts = own[-1].split('.') if own else ['app']
    return parts[1] if parts[0] == 'edgeos' and len(parts) > 1 else parts[0]


def tags_of(report: Report) -> dict[str, str]:
    return {name: str(report.context[name]) for name in TAGS if report.context.get(name)}


def iso(t: float) -> str:
    """UTC, as Sentry wants it; `t` is epoch s."""
    return datetime.fromtimestamp(t, UTC).isoformat(timespec='milliseconds').replace('+00:00', 'Z')


def _exception(link: Link, handled: bool) -> Json:
    return {'type': link.type, 'module': link.module, 'value': link.text,
            'mechanism': {'type': 'generic', 'handled': handled},
            'stacktrace': {'frames': [_frame(frame) for frame in link.frames]}}  # fmt: skip


def _frame(frame: Frame) -> Json:
    found: Json = {'filename': frame.file, 'module': frame.module, 'function': frame.function, 'lineno': frame.line,
                   'in_app': frame.is_own}  # fmt: skip
    return found if frame.variables is None else {**found, 'vars': frame.variables}


def _crumb(crumb: Crumb) -> Json:
    return {'timestamp': iso(crumb.t), 'level': crumb.level, 'category': crumb.source, 'message': crumb.message}


# the last gate


def finished(event: Json, scrubber: Scrubber) -> bytes:
    """The bytes that leave: scrubbed, bounded, JSON. Whatever was put into the event on its way passes here."""
    trace = _trace_of(event)
    for name in ('_meta', 'user', 'request', 'extra', 'modules', 'transaction_info', 'spans'):
        event.pop(name, None)
    scrubbed = scrubber.value(event, KEPT)
    assert isinstance(scrubbed, dict)
    scrubbed['server_name'] = HOST
    _shorten(scrubbed)
    for name in ('event_id', 'timestamp', 'platform', 'level', 'release', 'sdk', 'fingerprint', 'start_timestamp',
                 'type'):
        if name in event:  # made by us, and of a form that Sentry insists on
            scrubbed[name] = event[name]
    if trace:
        scrubbed['contexts'] = {'trace': trace}
    return _bounded(scrubbed)


def _trace_of(event: Json) -> Json:
    """The numbers of a transaction, which look like secrets. A report has no use for them."""
    contexts = event.get('contexts')
    trace = contexts.pop('trace', None) if isinstance(contexts, dict) else None
    if event.get('type') != 'transaction' or not isinstance(trace, dict):
        return {}
    return {name: trace[name] for name in ('trace_id', 'span_id', 'op', 'status') if name in trace}


def _shorten(event: Json) -> None:
    """Only now: half of a secret would not have been found."""
    tags, crumbs = event.get('tags'), event.get('breadcrumbs')
    if isinstance(tags, dict):
        event['tags'] = {name: str(value)[:TAG_CHARACTERS] for name, value in tags.items()}
    for crumb in crumbs['values'] if isinstance(crumbs, dict) else ():
        crumb['message'] = str(crumb.get('message', ''))[:CRUMB_CHARACTERS]


def _bounded(event: Json) -> bytes:
    """Local variables go first, of the outer frames before the inner; then what happened before, then most frames."""
    for shorten in (None, _with_few_variables, _without_variables, _without_crumbs, _with_few_frames):
        if shorten is not None:
            shorten(event)
        data = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(',', ':')).encode('utf-8', 'replace')
        if len(data) <= MOST_BYTES:
            break
    return data


def _with_few_variables(event: Json) -> None:
    for frame in _frames(event)[:-INNERMOST]:
        frame.pop('vars', None)


def _without_variables(event: Json) -> None:
    for frame in _frames(event):
        frame.pop('vars', None)


def _without_crumbs(event: Json) -> None:
    event.pop('breadcrumbs', None)


def _with_few_frames(event: Json) -> None:
    for exception in _exceptions(event):
        trace = exception.get('stacktrace')
        if isinstance(trace, dict):
            trace['frames'] = trace['frames'][-INNERMOST:]


def _exceptions(event: Json) -> list[Json]:
    found = event.get('exception')
    return list(found['values']) if isinstance(found, dict) else []


def _frames(event: Json) -> list[Json]:
    return [frame for exception in _exceptions(event) if isinstance(trace := exception.get('stacktrace'), dict)
            for frame in trace['frames']]  # fmt: skip
