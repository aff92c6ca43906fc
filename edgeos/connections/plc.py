"""PLC connections: Beckhoff TwinCAT 2 and 3 over ADS, by way of a worker process."""
import asyncio
from typing import Any, ClassVar

from pydantic import BaseModel

from edgeos.ads.errors import DEAD, NO_ANSWER, NO_SUCH_MACHINE
from edgeos.connections.connection import Connection
from edgeos.connections.plc_config import MOST_PATTERNS, PlcConfig, default_net_id
from edgeos.connections.plc_demand import WorkerEnded
from edgeos.connections.plc_failures import Ends, ads_failure, failed_to_reach, not_running
from edgeos.connections.plc_points import PlcPoints
from edgeos.connections.plc_router import resolve
from edgeos.connections.plc_udp import local_address_for
from edgeos.connections.plc_workers import OPEN_LIMIT, PlcLink, WorkerBusy
from edgeos.connections.services import Browsed, Services
from edgeos.connections.state import ConnectionFailure, Notice, Status, WriteRefused
from edgeos.gateway import Source, UnknownPoint
from edgeos.processes import ProcessError
from edgeos.rpc import NOT_JSON, RpcClosed, RpcError
from edgeos.settings import ConnectionSettings

WRITE_LIMIT = 4.5
MOST_POINTS = 10_000
LIVE_KEYS = frozenset(('symbols', 'variables', 'poll_ms'))  # may change while the link lives


class PlcConnection(Connection):
    """A link to one runtime of a PLC; its points are the chosen symbols."""

    KIND: ClassVar[str] = 'plc'
    CONFIG: ClassVar[type[BaseModel]] = PlcConfig
    IDENTITY: ClassVar[tuple[str, ...]] = ('host', 'ams_net_id', 'ams_port')

    config: PlcConfig

    def __init__(self, settings: ConnectionSettings, services: Services) -> None:
        super().__init__(settings, services)
        self._link: PlcLink | None = None
        self._points = PlcPoints(self)
        self._wants_choice = asyncio.Event()
        self._has_answered = False  # with the settings as they are
        self._runtime = ''
        self._resolved = ''
        self._source_address = ''

    @property
    def address(self) -> str:
        return self.config.host

    @property
    def detail(self) -> str:
        return ' · '.join(word for word in (f'AMS {self.config.ams_port}', self.runtime) if word)

    @property
    def runtime(self) -> str:
        """Name and version of what runs there; empty while not connected."""
        return self._runtime if self.status is Status.CONNECTED else ''

    @property
    def expected_interval(self) -> float:
        return max(self.config.poll_ms / 1000, 1.0)

    @property
    def net_id(self) -> str:
        """The PLC's; empty while it is not known."""
        return self.config.ams_net_id or default_net_id(self._resolved or self.config.endpoint.host)

    @property
    def source_net_id(self) -> str:
        """What this device calls itself towards the PLC; empty while it is not known."""
        return self.config.source_net_id or default_net_id(self._source_address)

    @property
    def source_address(self) -> str:
        """This device's own address on the way to the PLC; empty while it is not known."""
        return self._source_address

    @property
    def worker_pid(self) -> int | None:
        """The process that talks to the PLC."""
        return self._link.pid if self._link is not None else None

    def _make_source(self) -> Source:
        most = MOST_POINTS + MOST_PATTERNS  # names that vanished stay
        return self.services.gateway.add_source(self.id, self, max_points=most, exempt=True, ignore_case=True)

    def _configured(self) -> None:
        self._has_answered = False
        self._resolved = self._source_address = self._runtime = ''
        self._points.configured()

    # opening

    async def _open(self) -> None:
        host, port = self.config.endpoint
        self._resolved = await resolve(host)
        self._source_address = local_address_for(self._resolved)
        if not self.net_id or not self.source_net_id:
            raise ConnectionFailure('no_route', 'There is no way to {address}: this device has no address of its own.',
                                    'Check the network of this device.', address=self.address)  # fmt: skip
        link = await self._take_link((self._resolved, port))
        self.ladder.reach('network', self.clock.monotonic())
        opened = await self._open_runtime(link)
        self._has_answered = True
        self._runtime = f'{opened["name"]} {opened["version"]}'.strip()
        self.traffic.round_trips.note(opened['ms'])
        now = self.clock.monotonic()
        self.ladder.reach('answer', now - opened['ms'] / 1000)
        self.ladder.reach('login', now)

    async def _take_link(self, endpoint: tuple[str, int]) -> PlcLink:
        workers = self.services.plc_workers
        workers.demand.want(self, endpoint)
        try:
            self._link = await workers.take(endpoint, self.source_net_id, self.id, self._points.take,
                                            urged=self.is_urged)  # fmt: skip
        except WorkerBusy as error:
            raise ConnectionFailure('device_busy', 'Another connection to {address} uses the source NetId {other}.',
                                    'Give both connections the same source NetId.', address=self.address,
                                    other=error, cheap=False) from error  # fmt: skip
        except WorkerEnded as error:
            raise self._lost_failure('ended', error.wait, str(error)) from error
        except ProcessError as error:
            raise ConnectionFailure('internal', 'The process for {address} cannot be started: {why}.',
                                    'It is tried again. If it stays, send us the diagnostics.', cheap=False,
                                    address=self.address, why=error) from error  # fmt: skip
        except OSError as error:
            raise failed_to_reach(error, self.address) from error
        return self._link

    async def _open_runtime(self, link: PlcLink) -> dict[str, Any]:
        config = self.config
        settings = {**config.model_dump(mode='json'), 'ams_net_id': self.net_id, 'max_points': MOST_POINTS}
        try:
            opened: dict[str, Any] = await link.call('open', OPEN_LIMIT, **settings)
        except (TimeoutError, RpcClosed, RpcError) as error:
            if link.lost.done() or isinstance(error, RpcClosed):  # which says more than the call that ended with it
                raise self._lost_failure(*(link.lost.result() if link.lost.done() else ('gone', 0, ''))) from error
            if isinstance(error, RpcError):
                raise self._refused_to_open(link, error.code, str(error), error.data or {}) from error
            link.give_up('ads', NO_ANSWER)
            raise self._failure_of(NO_ANSWER, '', {}) from error
        return opened

    def _refused_to_open(self, link: PlcLink, code: int, text: str, data: dict[str, Any]) -> ConnectionFailure:
        """The router took the connection; it has a route back to us if it answered anything, also a refusal."""
        now = self.clock.monotonic()
        if code in (NO_ANSWER, DEAD):
            self.ladder.reach('answer', now)
            link.give_up('ads', code)
        else:
            self.ladder.reach('login', now)
        failure = self._failure_of(code, text, data)
        self._has_answered = self._has_answered or 'state' in data or code == NO_SUCH_MACHINE
        return failure

    def _failure_of(self, code: int, text: str, data: dict[str, Any]) -> ConnectionFailure:
        ends = Ends(self.address, self.net_id, self.config.ams_port, self.source_net_id)
        return ads_failure(code, text, ends, answered=self._has_answered, data=data)

    # serving

    async def _serve(self) -> None:
        """Have the worker poll what the settings say, again whenever they change, until the link is lost."""
        link = self._link
        assert link is not None
        while not link.lost.done():
            self._wants_choice.clear()
            if await self._choose(link):
                self.ladder.reach('data', self.clock.monotonic())
            changed = asyncio.create_task(self._wants_choice.wait(), name=f'other symbols for {self.id}')
            try:
                await asyncio.wait((changed, link.lost), return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
        raise self._lost_failure(*link.lost.result())

    async def _choose(self, link: PlcLink) -> bool:
        """Tell the worker what to poll; answers whether it does, as the link may be lost. Raises ConnectionFailure."""
        config = self.config.model_dump(mode='json')
        try:
            await link.call('choose', **{key: config[key] for key in LIVE_KEYS})
        except TimeoutError as error:
            raise self._failure_of(NO_ANSWER, '', {}) from error
        except RpcClosed:
            return False
        except RpcError as error:
            if link.lost.done():
                return False
            raise self._failure_of(error.code, str(error), error.data or {}) from error
        return True

    def _lost_failure(self, kind: str, value: int, text: str) -> ConnectionFailure:
        if kind == 'state':
            return not_running(self.address, value)
        if kind == 'internal':
            return ConnectionFailure('internal', 'The process for {address} made a mistake; its log says which.',
                                     'It is tried again. If it stays, send us the diagnostics.', cheap=False,
                                     address=self.address)  # fmt: skip
        if kind == 'ended':
            return ConnectionFailure('connection_lost', 'The process for {address} was ended: {why}.',
                                     'It is started again by itself.', cheap=not value, wait=value,
                                     address=self.address, why=text)  # fmt: skip
        if kind == 'gone':
            return ConnectionFailure('connection_lost', 'The process for {address} ended unexpectedly.',
                                     'It is started again by itself.', address=self.address)  # fmt: skip
        return self._failure_of(NO_ANSWER if kind == 'silent' else value, text, {})

    async def _close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await self.services.plc_workers.leave(link)

    def _rest(self) -> None:
        self.services.plc_workers.demand.rest(self)

    def adapt(self, config: BaseModel) -> bool:
        """Take over other symbols, or another pace, without leaving the PLC."""
        assert isinstance(config, PlcConfig)
        same = {key: value for key, value in self.config if key not in LIVE_KEYS}
        if self.status is not Status.CONNECTED or any(getattr(config, key) != value for key, value in same.items()):
            return False
        self.config = config
        self._points.configured()
        self._wants_choice.set()
        return True

    @property
    def expects_values(self) -> bool:
        return bool(self.config.symbols or self.config.variables)

    @property
    def is_impaired(self) -> bool:
        return self._points.is_paused or self._points.is_unreadable

    def notices(self) -> list[Notice]:
        return super().notices() + self._points.notices()

    def on_symbols_paused(self) -> None:
        """The program on the PLC has changed: what is known is old until its symbols are read again."""
        self.services.gateway.mark_stale(self.source)

    # writing and browsing

    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        """Write, read back and publish what the PLC then says."""
        link = self._link
        if self.status is not Status.CONNECTED or link is None:
            raise WriteRefused('{name} is not connected.', 409, name=self.name)
        point = self._points.find(name)
        if point is not None and not point.writable:
            raise WriteRefused('{point} is read-only.', 403, point=point.name)
        name = point.name if point is not None else name
        try:
            written = await link.call('write', WRITE_LIMIT, name=name, value=value)
        except (TimeoutError, RpcClosed) as error:
            raise WriteRefused('{name} did not acknowledge {point} in time.', 504, name=self.name,
                               point=name) from error
        except RpcError as error:
            raise self._refusal(error, name) from error
        self.journal.debug(f'wrote {name}')
        if point is not None:
            self._points.deliver(point, written)

    def _refusal(self, error: RpcError, name: str) -> Exception:
        if error.code == 404:
            return UnknownPoint(f'{self.id}/{name}')
        if error.code == 403:
            return WriteRefused('{point} is read-only.', 403, point=error)
        if error.code == NOT_JSON:
            return WriteRefused('{point} cannot take this value.', 422, point=name)
        if error.code == 422:
            return WriteRefused(error.data['template'], 422, **error.data['values'])
        return WriteRefused('{name} refused {point}: {why}.', 504 if error.code in (NO_ANSWER, DEAD) else 403,
                            name=self.name, point=name, why=error)  # fmt: skip

    async def browse(self, prefix: str) -> list[Browsed]:
        """The next level of the PLC's symbols; of the points while it is not connected."""
        link = self._link
        if self.status is not Status.CONNECTED or link is None:
            return self._points.browse(prefix)
        try:
            return [Browsed(*entry) for entry in await link.call('browse', prefix=prefix)]
        except (RpcError, RpcClosed, TimeoutError):
            return self._points.browse(prefix)

    async def search(self, query: str, limit: int) -> tuple[list[Browsed], int]:
        """Symbols whose name contains the text, and how many there are in all."""
        link = self._link
        if self.status is Status.CONNECTED and link is not None:
            try:
                found, total = await link.call('search', query=query, limit=limit)
                return [Browsed(*entry) for entry in found], total
            except (RpcError, RpcClosed, TimeoutError):
                pass
        return await super().search(query, limit)
