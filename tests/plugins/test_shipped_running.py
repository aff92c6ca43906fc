"""The plugins that ship as they run: their packages in processes of their own, confined as the app confines them."""
import importlib.util
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from edgeos.connections.state import Status, WriteRefused
from edgeos.gateway import Gateway
from edgeos.plugins.isolation import Folders
from edgeos.plugins.package import open_package
from edgeos.plugins.plugin import PluginServices, RunningPlugin
from edgeos.processes import PROJECT
from tests.broker import Broker
from tests.helpers import eventually, free_port
from tests.plugins.conftest import Heard
from tests.plugins.gateway_host import mqtt_connection
from tests.plugins.house import House, some_uid, value
from tests.plugins.process import make_venv


async def run(house: House, plugin_id: str, config: dict[str, Any]) -> RunningPlugin:
    """From its package, with what it asks for granted, until it has come up."""
    package = next((PROJECT / 'assets/plugins').glob(f'{plugin_id}-*.zip'))
    code, data = house.root / plugin_id / '1.0.0', house.root / plugin_id / 'data'
    code.parent.mkdir()
    manifest = open_package(package, code)
    packages = make_venv(code / 'venv')
    for wheel in (code / 'wheels').iterdir():
        zipfile.ZipFile(wheel).extractall(packages)
    places = Folders(code, data, house.root / 'storage' / f'{plugin_id}.json')
    house.config = config
    plugin = RunningPlugin(manifest, places, PluginServices(house.gateway), lambda: config, manifest.permissions,
                           some_uid())  # fmt: skip
    house.plugins.append(plugin)
    await plugin.start()
    await plugin.came_up()
    return plugin


def helper(plugin_id: str, name: str) -> Any:
    """A module beside the tests of a plugin."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / 'plugins' / plugin_id / 'tests' / f'{name}.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def memory_mb(plugin: RunningPlugin) -> float:
    assert plugin.pid is not None
    return psutil.Process(plugin.pid).memory_info().rss / 1e6


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path).start()
    yield made
    made.stop()


async def test_alarms_tell_by_webhook_and_mqtt(house: House, heard: Heard, tmp_path: Path, broker: Broker) -> None:
    receiver = await helper('alarms', 'webhook_receiver').Receiver().start()
    link = mqtt_connection(tmp_path, house.gateway, broker.port, '#')
    await eventually(lambda: link.status is Status.CONNECTED)
    actions = [{'type': 'event'}, {'type': 'webhook', 'url': receiver.url}, {'type': 'mqtt', 'topic': 'mqtt/alarms'}]
    rule = {'name': 'hot', 'point': 'plc/t', 'when': 'above', 'value': '90', 'actions': actions}
    plugin = await run(house, 'alarms', {'rules': [rule]})
    source = house.gateway.add_source('plc', link)
    point = house.gateway.point(source, 't', unit='°C')
    assert point is not None
    house.gateway.publish(point, 95, 1_700_000_000.0)
    await eventually(lambda: receiver.requests and value(house, 'mqtt/alarms/message'), 10)
    assert value(house, 'alarms/hot') is True and heard.has('warning', 'hot: plc/t is 95 °C')
    assert memory_mb(plugin) < plugin.manifest.resources.memory_mb
    receiver.stop()
    await link.stop()


async def test_home_assistant_shows_a_point_and_takes_a_command(house: House, tmp_path: Path, broker: Broker) -> None:
    peer = helper('home-assistant', 'home_assistant').HomeAssistant(broker.port)
    link = mqtt_connection(tmp_path, house.gateway, broker.port, 'edgeos/#', 'homeassistant/status')
    await eventually(lambda: link.status is Status.CONNECTED)
    lamp = Lamp(house.gateway)
    points = [{'point': 'plc/**', 'control': True}]
    plugin = await run(house, 'home-assistant', {'connection': 'mqtt', 'points': points, 'min_interval_s': 0})
    await eventually(lambda: (found := peer.named('lamp')) and found.is_available and found.state == 'OFF', 10)
    peer.command(peer.named('lamp'), 'ON')
    await eventually(lambda: lamp.point.value is True and peer.named('lamp').state == 'ON', 10)
    assert peer.wrong == []
    assert memory_mb(plugin) < plugin.manifest.resources.memory_mb
    late = helper('home-assistant', 'home_assistant').HomeAssistant(broker.port)
    await eventually(lambda: late.named('lamp') and late.named('lamp').is_available)
    await plugin.stop()
    await eventually(lambda: not late.named('lamp').is_available)
    late.stop()
    peer.stop()
    await link.stop()


async def test_a_connection_that_was_typed_wrongly_is_named(house: House, heard: Heard) -> None:
    await run(house, 'home-assistant', {'connection': 'mqtt_hom', 'points': []})
    why = 'Nothing can be sent to Home Assistant: there is no connection or plugin mqtt_hom'
    await eventually(lambda: heard.has('warning', why))


class Lamp:
    """An owner of one point."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        point = gateway.point(gateway.add_source('plc', self), 'lamp', writable=True)
        assert point is not None
        self.point = point
        gateway.publish(point, False, 1_700_000_000.0)

    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        self._gateway.publish(self.point, value, 1_700_000_001.0)


async def test_modbus_reads_and_writes_a_device(house: House) -> None:
    port = free_port()
    server = subprocess.Popen([sys.executable, str(PROJECT / 'plugins/modbus-tcp/tests/modbus_server.py'), str(port)])
    try:
        registers = [{'name': 'r', 'kind': 'holding', 'address': 1, 'type': 'uint16', 'writable': True}]
        devices = [{'name': 'boiler', 'host': 'localhost', 'port': port, 'registers': registers}]
        plugin = await run(house, 'modbus-tcp', {'devices': devices})
        await eventually(lambda: value(house, 'modbus-tcp/boiler/r') == 101, 15)
        await house.gateway.write('modbus-tcp/boiler/r', 55)
        assert value(house, 'modbus-tcp/boiler/r') == 55
        with pytest.raises(WriteRefused, match='expected 0 to 65535'):
            await house.gateway.write('modbus-tcp/boiler/r', -1)
        assert memory_mb(plugin) < plugin.manifest.resources.memory_mb
        server.kill()
        await eventually(lambda: value(house, 'modbus-tcp/boiler/connected') is False, 10)
    finally:
        server.kill()
        server.wait()
