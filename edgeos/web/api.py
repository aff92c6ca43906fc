"""The HTTP API: thin routes over the manager and the gateway. OpenAPI at /openapi.json."""
import asyncio
import contextlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from edgeos import __version__
from edgeos.connections.manager import IdTaken, InvalidConfig, UnknownConnection
from edgeos.connections.state import WriteRefused
from edgeos.gateway import UnknownPoint
from edgeos.reporting import log_error
from edgeos.settings import SettingsError
from edgeos.system import System
from edgeos.web.shapes import connection_shape, iso, point_shape, sample_shape, stats_shape, trial_shape

HOUR, WEEK = 3600, 7 * 86400
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


class NewValue(BaseModel):
    """A value to be written; qos and retain are for MQTT."""

    model_config = ConfigDict(extra='forbid')
    value: Any
    qos: Annotated[StrictInt, Field(ge=0, le=2)] | None = None
    retain: StrictBool | None = None


class FastJson(JSONResponse):
    """JSON by orjson, which takes thousands of points in a millisecond."""

    def render(self, content: Any) -> bytes:
        import orjson

        return orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)


def make_router(system: System) -> APIRouter:
    """All routes of the API."""
    router = APIRouter(prefix='/api', default_response_class=FastJson)
    _add_connection_routes(router, system)
    _add_point_routes(router, system)

    @router.head('/health', include_in_schema=False)
    @router.get('/health', tags=['system'])
    async def health() -> dict[str, Any]:
        return {'status': 'ok', 'version': __version__, 'uptime_s': round(system.uptime, 1)}

    @router.get('/discover', tags=['connections'])
    async def discover(type: Literal['', 'mqtt', 'plc', 'bluetooth'] = '') -> dict[str, Any]:
        known = {(getattr(c.config, 'host', None), getattr(c.config, 'port', None))
                 for c in system.connections.connections.values()}  # fmt: skip
        found = system.discovery.ask() if type in ('mqtt', '') else []
        entries = [{'type': f.type, 'name': f.name, 'address': f.address, 'rssi': f.rssi, 'config': f.config,
                    'already_added': (f.config.get('host'), f.config.get('port')) in known} for f in found]  # fmt: skip
        return {'scanning': system.discovery.scanning, 'found': entries}

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
                 'children': e.children} for e in manager.get(connection_id).browse(prefix)])  # fmt: skip


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


def add_error_answers(app: FastAPI) -> None:
    """Named exceptions become the statuses of the contract, with a detail that says what and where."""

    def answer(status: int, detail: Any) -> FastJson:
        return FastJson({'detail': detail}, status_code=status)

    @app.exception_handler(UnknownConnection)
    async def unknown_connection(request: Request, error: UnknownConnection) -> FastJson:
        return answer(404, f'there is no connection {str(error)!r}')

    @app.exception_handler(UnknownPoint)
    async def unknown_point(request: Request, error: UnknownPoint) -> FastJson:
        return answer(404, f'there is no point {str(error)!r}')

    @app.exception_handler(IdTaken)
    async def id_taken(request: Request, error: IdTaken) -> FastJson:
        return answer(409, f'the id {str(error)!r} is in use')

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
        log_error(error, operation=f'{request.method} {request.url.path}')
        return answer(500, 'something unexpected happened; the log says more')


