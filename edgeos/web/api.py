"""The HTTP API: thin routes over the manager and the gateway. OpenAPI at /openapi.json."""
import asyncio
import contextlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictBool, StrictInt, field_validator
from starlette.routing import Match

from edgeos import __version__
from edgeos.connections.manager import IdTaken, InvalidConfig, UnknownConnection
from edgeos.connections.plc_config import host_problem, is_net_id
from edgeos.connections.plc_router import add_route
from edgeos.connections.plc_udp import text_problem
from edgeos.connections.state import ConnectionFailure, WriteRefused
from edgeos.discovery import known_devices
from edgeos.gateway import UnknownPoint
from edgeos.limits import NotWatched
from edgeos.reporting import log_error
from edgeos.settings import SettingsError
from edgeos.system import System
from edgeos.web.answers import FastJson
from edgeos.web.events_api import add_event_routes
from edgeos.web.plugins_api import add_plugin_errors, add_plugin_routes
from edgeos.web.shapes import (
    connection_shape,
    failure_shape,
    found_shape,
    iso,
    point_shape,
    sample_shape,
    stats_shape,
    trial_shape,
)
from edgeos.web.system_api import add_system_routes
from edgeos.web.timing import ANYTHING, route_of

METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
HOUR, DAY, WEEK = 3600, 86400, 7 * 86400
REPORT_SECONDS, REPORT_POLLS = 0.25, 25  # how long the answer to a write waits for the device's own report


class NewConnection(BaseModel):
    """A connection to be made or tried."""

    model_config = ConfigDict(extra='forbid')
    type: str
    id: str | None = Field(default=None, pattern=r'^[a-z][a-z0-9_-]{0,62}$')
    name: str | None = Field(default=None, max_length=200)
    enabled: StrictBool = True
    config: dict[str, Any] = {}

    def body(self) -> dict[str, Any]:
        """What the manager takes."""
        return self.model_dump(exclude_none=True)


class ConnectionChange(BaseModel):
    """What may change; keys of `config` are merged, null goes back to the default."""

    model_config = ConfigDict(extra='forbid')
    name: str | None = Field(default=None, max_length=200)
    enabled: StrictBool | None = None
    config: dict[str, Any] | None = None


class Pause(BaseModel):
    """How long a device is let go."""

    model_config = ConfigDict(extra='forbid')
    seconds: Annotated[StrictInt, Field(ge=1, le=DAY)] = 600


class NewValue(BaseModel):
    """A value to be written; qos and retain are for MQTT."""

    model_config = ConfigDict(extra='forbid')
    value: Any
    qos: Annotated[StrictInt, Field(ge=0, le=2)] | None = None
    retain: StrictBool | None = None


class NewPlcRoute(BaseModel):
    """A route on a PLC to this device. User and password are the PLC's own and are kept nowhere."""

    model_config = ConfigDict(extra='forbid')
    host: str = Field(min_length=1, description='name or address of the PLC, as in its connection')
    username: str = Field(min_length=1, description='often Administrator')
    password: SecretStr
    source_net_id: str = Field(default='', description="AMS NetId of this device; its address + '.1.1' if not given")
    name: str = Field(default='', description='what the PLC calls the route; made from the address if not given')

    @field_validator('host')
    @classmethod
    def _is_host(cls, host: str) -> str:
        if problem := host_problem(host):
            raise ValueError(problem)
        return host

    @field_validator('username', 'password', 'name')
    @classmethod
    def _can_be_sent(cls, text: str | SecretStr) -> str | SecretStr:
        if problem := text_problem(text.get_secret_value() if isinstance(text, SecretStr) else text):
            raise ValueError(f'the text {problem}')
        return text

    @field_validator('source_net_id')
    @classmethod
    def _is_net_id(cls, net_id: str) -> str:
        if net_id and not is_net_id(net_id):
            raise ValueError('expected six numbers from 0 to 255 with dots between them')
        return net_id


def make_router(system: System) -> APIRouter:
    """All routes of the API."""
    router = APIRouter(prefix='/api', default_response_class=FastJson)
    _add_connection_routes(router, system)
    _add_point_routes(router, system)
    add_event_routes(router, system)
    add_system_routes(router, system)
    add_plugin_routes(router, system)

    @router.head('/health', include_in_schema=False)
    @router.get('/health', tags=['system'])
    async def health() -> dict[str, Any]:
        return {'status': 'ok', 'version': __version__, 'uptime_s': round(system.uptime, 1)}

    @router.get('/discover', tags=['connections'])
    async def discover(type: Literal['', 'mqtt', 'plc', 'bluetooth'] = '') -> dict[str, Any]:
        """What is known so far, at once; each call keeps the search going for 20 s. `config` is what POST takes."""
        found, known = system.discovery.ask(type), known_devices(system.connections.connections.values())
        return {'scanning': system.discovery.is_scanning(type), 'found': [found_shape(each, known) for each in found]}

    return router


def _add_connection_routes(router: APIRouter, system: System) -> None:
    manager = system.connections
    tags: list[Any] = ['connections']

    @router.get('/connections', tags=tags)
    async def connections() -> Response:
        return FastJson([connection_shape(connection, manager) for connection in manager.connections.values()])

    @router.post('/connections', status_code=201, tags=tags)
    async def create(new: NewConnection, response: Response) -> dict[str, Any]:
        connection = await manager.add(new.body())
        response.headers['Location'] = f'/api/connections/{connection.id}'
        return connection_shape(connection, manager)

    @router.post('/connections/test', tags=tags)
    async def test(new: NewConnection) -> dict[str, Any]:
        return trial_shape(await manager.test(new.body()))

    @router.post('/connections/plc/route', tags=tags, summary='Add a route on a PLC')
    async def add_plc_route(new: NewPlcRoute) -> dict[str, Any]:
        """Has a PLC add a route to this device; answers `{ok, error?: {code, message, hint}}` within 5 s.

        The request is one UDP datagram to port 48899 of the PLC that carries user and password in clear text: use it
        in networks you trust. Codes: name_not_resolved, no_route, refused, timeout, not_authorised.
        """
        try:
            await add_route(new.host, new.username, new.password.get_secret_value(),
                            source_net_id=new.source_net_id, name=new.name)  # fmt: skip
        except ConnectionFailure as problem:
            return {'ok': False, 'error': failure_shape(problem.failure)}
        return {'ok': True}

    @router.get('/connections/{connection_id}', tags=tags)
    async def connection(connection_id: str) -> dict[str, Any]:
        return connection_shape(manager.get(connection_id), manager)

    @router.patch('/connections/{connection_id}', tags=tags)
    async def change(connection_id: str, patch: ConnectionChange) -> dict[str, Any]:
        changed = await manager.change(connection_id, patch.model_dump(exclude_none=True))
        return connection_shape(changed, manager)

    @router.delete('/connections/{connection_id}', status_code=204, tags=tags)
    async def remove(connection_id: str) -> Response:
        await manager.remove(connection_id)
        return Response(status_code=204)

    @router.post('/connections/{connection_id}/connect', status_code=202, tags=tags)
    async def connect(connection_id: str) -> dict[str, Any]:
        return connection_shape((await manager.connect(connection_id))[0], manager)

    @router.post('/connections/{connection_id}/disconnect', status_code=202, tags=tags)
    async def disconnect(connection_id: str) -> dict[str, Any]:
        return connection_shape((await manager.disconnect(connection_id))[0], manager)

    @router.post('/connections/{connection_id}/pause', status_code=202, tags=tags)
    async def pause(connection_id: str, how: Pause | None = None) -> dict[str, Any]:
        """Let the device go for so long, so that something else can connect to it; `connect` ends that early."""
        return connection_shape(await manager.pause(connection_id, (how or Pause()).seconds), manager)

    @router.get('/connections/{connection_id}/stats', tags=tags)
    async def stats(connection_id: str, seconds: Annotated[int, Query(ge=1, le=WEEK)] = 300) -> Response:
        connection = manager.get(connection_id)
        if seconds <= HOUR:
            history = connection.traffic.history(seconds)
        else:
            history = await system.history.minutes(connection_id, seconds)
        samples = await asyncio.to_thread(lambda: [sample_shape(sample) for sample in history])  # a week is 10,000
        return FastJson(stats_shape(connection, samples))

    @router.get('/connections/{connection_id}/points', tags=tags)
    async def points(connection_id: str) -> Response:
        found = list(manager.get(connection_id).source.points.values())  # may be thousands: shaped beside the loop
        return await asyncio.to_thread(lambda: FastJson([point_shape(point) for point in found]))

    @router.get('/connections/{connection_id}/browse', tags=tags)
    async def browse(connection_id: str, prefix: str = '') -> Response:
        return FastJson([{'name': e.name, 'type': e.type, 'unit': e.unit, 'comment': e.comment, 'writable': e.writable,
                 'children': e.children} for e in await manager.get(connection_id).browse(prefix)])  # fmt: skip


def _add_point_routes(router: APIRouter, system: System) -> None:
    gateway = system.gateway
    tags: list[Any] = ['points']

    @router.get('/points/{point_id:path}', tags=tags)
    async def point(point_id: str) -> dict[str, Any]:
        return point_shape(gateway.find(point_id))

    @router.put('/points/{point_id:path}', tags=tags)
    async def write(point_id: str, new: Annotated[NewValue, Body()]) -> dict[str, Any]:
        before = system.services.clock.wall()
        await gateway.write(point_id, new.value, qos=new.qos, retain=new.retain)
        return await _written(system, point_id, before)

    @router.get('/history', tags=tags)
    async def history(point: str, seconds: Annotated[int, Query(ge=1, le=HOUR)] = HOUR) -> dict[str, Any]:
        found = gateway.find(point)
        since = system.services.clock.wall() - seconds
        values = found.ring.values(since) if found.ring is not None else []
        kept = [{'t': iso(t), 'value': None if value != value else value} for t, value in values]  # NaN marks a gap
        return {'id': found.id, 'unit': found.unit, 'values': kept}


def add_unknown_paths(app: FastAPI) -> None:
    """Whatever else is asked for under /api, answered as the API answers; after its routes, before the pages."""
    known = list(app.routes)

    @app.api_route(ANYTHING, methods=METHODS, include_in_schema=False)
    async def unknown_path(request: Request, path: str) -> Response:
        if path.endswith('/'):
            return RedirectResponse(request.url.replace(path=request.url.path.rstrip('/')))
        methods = [method for method in METHODS
                   if any(route.matches({**request.scope, 'method': method})[0] is Match.FULL for route in known)]
        if methods:
            return FastJson({'detail': f'{request.method} is not for /api/{path}'}, status_code=405,
                            headers={'Allow': ', '.join(methods)})  # fmt: skip
        return FastJson({'detail': f'there is no /api/{path}'}, status_code=404)


async def _written(system: System, point_id: str, since: float) -> dict[str, Any]:
    """The point as the device last reported it, which it may do at once; one never seen is unknown, not guessed."""
    for _ in range(REPORT_POLLS):
        with contextlib.suppress(UnknownPoint):
            if system.gateway.find(point_id).time >= since:
                break
        await asyncio.sleep(REPORT_SECONDS / REPORT_POLLS)
    try:
        return point_shape(system.gateway.find(point_id))
    except UnknownPoint:
        name = point_id.partition('/')[2]
        return {'id': point_id, 'name': name, 'value': None, 'unit': '', 'type': 'null', 'quality': 'stale',
                'time': None, 'writable': True}  # fmt: skip


def _whose(request: Request, system: System) -> dict[str, str]:
    """The connection a call is about, for the report on its failure."""
    name = request.path_params.get('connection_id') or request.path_params.get('point_id', '').partition('/')[0]
    connection = system.connections.connections.get(name)
    return {} if connection is None else {'connection_id': connection.id, 'type': connection.KIND}


def _by_what_was_kept(system: System, taken: str) -> str:
    if taken in system.plugins.plugins or not system.plugins.has_id(taken):
        return ''
    return (': data and passwords of an uninstalled plugin are kept under it; to remove them, install it again and '
            'uninstall it with its data')


def add_error_answers(app: FastAPI, system: System) -> None:
    """Named exceptions become the statuses of the contract, with a detail that says what and where."""

    def answer(status: int, detail: Any) -> FastJson:
        return FastJson({'detail': detail}, status_code=status)

    add_plugin_errors(app)

    @app.exception_handler(UnknownConnection)
    async def unknown_connection(request: Request, error: UnknownConnection) -> FastJson:
        return answer(404, f'there is no connection {str(error)!r}')

    @app.exception_handler(UnknownPoint)
    async def unknown_point(request: Request, error: UnknownPoint) -> FastJson:
        return answer(404, f'there is no point {str(error)!r}')

    @app.exception_handler(NotWatched)
    async def not_watched(request: Request, error: NotWatched) -> FastJson:
        return answer(404, f'no process {str(error)!r} is watched')

    @app.exception_handler(IdTaken)
    async def id_taken(request: Request, error: IdTaken) -> FastJson:
        return answer(409, f'the id {str(error)!r} is in use{_by_what_was_kept(system, str(error))}')

    @app.exception_handler(InvalidConfig)
    async def invalid(request: Request, error: InvalidConfig) -> FastJson:
        return answer(422, [{'loc': ['body', *path], 'msg': message, 'type': 'value_error'}
                            for path, message in error.problems])  # fmt: skip

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> FastJson:
        return answer(422, [{'loc': list(item['loc']), 'msg': item['msg'], 'type': item['type']}
                            for item in error.errors()])  # fmt: skip

    @app.exception_handler(WriteRefused)
    async def write_refused(request: Request, error: WriteRefused) -> FastJson:
        return answer(error.status, str(error))

    @app.exception_handler(SettingsError)
    async def settings_refused(request: Request, error: SettingsError) -> FastJson:
        return answer(409, str(error))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> FastJson:
        operation = f'{request.method} {route_of(request.scope) or "?"}'
        log_error(error, operation=operation, **_whose(request, system))
        return answer(500, 'something unexpected happened; the log says more')


