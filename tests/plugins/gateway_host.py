"""A host for a plugin whose points are the app's: its gateway with real connections, without a process for the plugin."""
import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgeos.connections.history import HistoryStore
from edgeos.connections.mqtt import MqttConnection
from edgeos.connections.services import Services
from edgeos.connections.state import WriteRefused
from edgeos.gateway import Gateway, Point, UnknownPoint
from edgeos.globs import compile_glob
from edgeos.secrets import SecretStore
from edgeos.settings import ConnectionSettings
from tests.plugins import sdk

assert sdk.FOLDER  # imported first, so that the SDK is found

from edgeos_plugin import errors  # noqa: E402
from edgeos_plugin.link import encoded  # noqa: E402
from edgeos_plugin.testing import FakeHost, HostPoint, Written  # noqa: E402


def mqtt_connection(folder: Path, gateway: Gateway, port: int, *topics: str) -> MqttConnection:
    """A real one with the id `mqtt`, started."""
    services = Services(gateway, SecretStore(folder / 'secrets.toml'), HistoryStore(None))
    config = {'host': '127.0.0.1', 'port': port, 'topics': list(topics)}
    connection = MqttConnection(ConnectionSettings(id='mqtt', type='mqtt', name='mqtt', config=config), services)
    connection.start()
    return connection


class GatewayHost(FakeHost):
    """Everything is allowed; `written` notes what the gateway has accepted."""

    def __init__(self, gateway: Gateway, **options: Any) -> None:
        super().__init__(**options)
        self._gateway = gateway
        self._tasks: set[asyncio.Task[None]] = set()

    def _on_message(self, message: dict[str, Any]) -> None:
        if message.get('method') != 'points.write':
            super()._on_message(message)
            return
        task = asyncio.create_task(self._write_out(message['id'], **message['params']))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_out(self, number: int, id: str, value: Any, qos: int | None = None,
                         retain: bool | None = None) -> None:
        assert self._link is not None
        try:
            await self._gateway.write(id, value, qos=qos, retain=retain)
        except (UnknownPoint, WriteRefused) as error:
            self._link.refuse(number, errors.WRITE_FAILED, str(error))
            return
        self.written.append(Written(id, value, qos, retain))
        self._link.answer(number, None)

    def _subscribe(self, params: dict[str, Any]) -> dict[str, Any]:
        self._subscribed += 1
        number = self._subscribed
        self._globs[number] = params['glob']
        self._gateway.subscribe(params['glob'], lambda point: self._pass_on(number, point))
        asyncio.get_running_loop().call_soon(self._tell_present, number)  # behind the answer
        return {'subscription': number}

    def _tell_present(self, number: int) -> None:
        fits = compile_glob(self._globs[number]).fullmatch
        for source in self._gateway.sources.values():
            for point in source.points.values():
                if fits(point.id) and point.time:
                    self._pass_on(number, point)

    def _pass_on(self, number: int, point: Point) -> None:
        if number in self._globs and self._link is not None:
            told = HostPoint(point.id, point.value, point.unit, point.quality, point.writable).told()
            told['time'] = datetime.fromtimestamp(point.time, UTC).isoformat()
            params = {'subscriptions': [number], 'point': told}
            self._link.say(encoded({'jsonrpc': '2.0', 'method': 'point', 'params': params}))
