"""With the app's gateway and MQTT connection, a real mosquitto, and a Home Assistant that keeps to its own rules."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from home_assistant import Entity
from home_assistant import HomeAssistant as Peer
from home_assistant_plugin import HomeAssistant

from edgeos.connections.state import Status, WriteRefused
from edgeos.gateway import Gateway
from tests.broker import Broker
from tests.helpers import eventually
from tests.plugins.gateway_host import GatewayHost, mqtt_connection

NAMES = {'fTemperature': (21.5, '°C'), 'bPump': (True, ''), 'nLevel': (7, '%'), 'sText': ('hello', ''),
         'fEnergy': (12.5, 'kWh')}  # fmt: skip


class Plc:
    """An owner of points that takes what is written."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.source = gateway.add_source('plc', self)
        for name, (value, unit) in NAMES.items():
            point = gateway.point(self.source, name, unit=unit, writable=True)
            assert point is not None
            gateway.publish(point, value, 1_700_000_000.0)

    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        if value == 99:
            raise WriteRefused('{point} is out of range.', point=name)
        self._gateway.publish(self.source.points[name], value, 1_700_000_001.0)


class House:
    """All that is needed."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.broker = broker
        self.gateway = Gateway()
        self.plc = Plc(self.gateway)
        self.link = mqtt_connection(folder, self.gateway, broker.port, 'edgeos/#', 'homeassistant/status')
        self.peer = Peer(broker.port)
        self.host = GatewayHost(self.gateway)

    async def start(self, *points: dict[str, Any], **more: Any) -> None:
        await eventually(lambda: self.link.status is Status.CONNECTED)
        await self.start_plugin(*points, **more)

    async def start_plugin(self, *points: dict[str, Any], **more: Any) -> None:
        config = {'connection': 'mqtt', 'points': list(points), 'min_interval_s': 0.01, **more}
        await self.host.start(HomeAssistant, config, plugin_id='home-assistant')

    async def entity(self, name: str, state: str | None = None, available: bool = True) -> Entity:
        """As soon as it is there, and so."""
        await eventually(lambda: self.peer.named(name), 10)
        await eventually(
            lambda: (found := self.peer.named(name))
            and found.is_available is available
            and (state is None or found.state == state),
            10,
        )
        found = self.peer.named(name)
        assert found is not None
        return found


@pytest.fixture
async def house(tmp_path: Path, broker: Broker) -> AsyncIterator[House]:
    made = House(tmp_path, broker)
    yield made
    await made.host.stop()
    await made.link.stop()
    made.peer.stop()
    assert made.peer.wrong == []
    assert made.host.errors == []


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path).start()
    yield made
    made.stop()


async def test_points_become_entities_that_home_assistant_accepts(house: House) -> None:
    await house.start({'point': 'plc/*'})
    for name, state in (('fTemperature', '21.5'), ('bPump', 'ON'), ('nLevel', '7'), ('sText', 'hello')):
        await house.entity(name, state)
    told = (await house.entity('fEnergy', '12.5')).config
    assert (told['device_class'], told['state_class']) == ('energy', 'total_increasing')
    assert {entity.config['device']['identifiers'][0] for entity in house.peer.entities.values()} == {'edgeos_plc'}
    assert {entity.component for entity in house.peer.entities.values()} == {'sensor', 'binary_sensor'}


async def test_commands_reach_the_points_and_come_back_as_states(house: House) -> None:
    await house.start({'point': 'plc/nLevel', 'component': 'number', 'max': 100, 'min': 0},
                      {'point': 'plc/*', 'control': True})  # fmt: skip
    house.peer.command(await house.entity('bPump', 'ON'), 'OFF')
    await house.entity('bPump', 'OFF')
    house.peer.command(await house.entity('nLevel', '7'), '42')
    await house.entity('nLevel', '42')
    house.peer.command(await house.entity('sText', 'hello'), '1e3')
    await house.entity('sText', '1e3')
    points = house.plc.source.points
    assert (points['bPump'].value, points['nLevel'].value, points['sText'].value) == (False, 42, '1e3')
    house.peer.command(await house.entity('nLevel'), '99')
    await eventually(lambda: any('out of range' in event.message for event in house.host.events))
    await house.entity('nLevel', '42')


async def test_a_lost_device_is_unavailable(house: House) -> None:
    await house.start({'point': 'plc/*'})
    await house.entity('bPump', 'ON')
    house.gateway.mark_stale(house.plc.source)
    await house.entity('bPump', available=False)
    house.gateway.publish(house.plc.source.points['bPump'], False, 1_700_000_002.0)
    await house.entity('bPump', 'OFF')
    await house.entity('sText', available=False)


async def test_home_assistant_learns_everything_again_when_it_starts(house: House) -> None:
    await house.start({'point': 'plc/bPump'})
    await house.entity('bPump', 'ON')
    house.peer.forget()
    house.peer.birth()
    await house.entity('bPump', 'ON')


async def test_a_value_that_is_only_repeated_is_not_sent_again(house: House) -> None:
    await house.start({'point': 'plc/*'})
    topic = (await house.entity('nLevel', '7')).config['state_topic']
    await eventually(lambda: not len(house.host.plugin.outbox))
    level, pump = (house.plc.source.points[name] for name in ('nLevel', 'bPump'))
    house.peer.heard.clear()
    for is_on in (False, True, False):
        house.gateway.publish(level, 7, 1_700_000_002.0)
        house.gateway.publish(pump, is_on, 1_700_000_002.0)
        await house.entity('bPump', 'ON' if is_on else 'OFF')
    assert topic not in house.peer.heard
    house.gateway.publish(level, 8, 1_700_000_003.0)
    await house.entity('nLevel', '8')
    assert house.peer.heard.count(topic) == 1
    house.peer.birth()
    await eventually(lambda: house.peer.heard.count(topic) == 2)


async def test_a_repeated_value_keeps_one_that_may_expire_alive(house: House) -> None:
    await house.start({'point': 'plc/*'}, expire_s=1)
    topic = (await house.entity('nLevel', '7')).config['state_topic']
    house.peer.heard.clear()
    began = time.monotonic()
    for _ in range(8):
        house.gateway.publish(house.plc.source.points['nLevel'], 7, 1_700_000_002.0)
        await asyncio.sleep(0.2)  # a device that says it again and again
    await eventually(lambda: house.peer.heard.count(topic) >= 2)
    assert house.peer.heard.count(topic) <= 1 + 2 * (time.monotonic() - began)


async def test_a_broker_that_lost_all_is_told_again(house: House) -> None:
    await house.start({'point': 'plc/bPump'})
    await house.entity('bPump', 'ON')
    await eventually(lambda: not len(house.host.plugin.outbox))
    house.broker.kill()
    house.peer.forget()
    house.broker.start()
    await house.entity('bPump', 'ON')
    house.gateway.publish(house.plc.source.points['bPump'], False, 1_700_000_002.0)
    await house.entity('bPump', 'OFF')


async def test_what_is_chosen_no_more_is_gone_from_the_broker(house: House) -> None:
    await house.start({'point': 'plc/*'})
    await house.entity('bPump', 'ON')
    await eventually(lambda: len(house.peer.entities) == len(NAMES))
    await house.host.change_config({'connection': 'mqtt', 'points': [], 'min_interval_s': 0.01})
    await eventually(lambda: not house.peer.entities and house.host.storage.get('gone') == [])
    late = Peer(house.broker.port)
    await eventually(lambda: late.topics.get('edgeos/status') == 'online')
    assert set(late.topics) <= {'edgeos/status', 'homeassistant/status'}
    late.stop()


async def test_a_sensor_that_becomes_a_switch_is_one_entity(house: House) -> None:
    await house.start({'point': 'plc/bPump'})
    assert (await house.entity('bPump', 'ON')).component == 'binary_sensor'
    await house.host.change_config({'connection': 'mqtt', 'points': [{'point': 'plc/bPump', 'component': 'switch'}],
                                    'min_interval_s': 0.01})  # fmt: skip
    await eventually(lambda: [entity.component for entity in house.peer.entities.values()] == ['switch'])
    house.peer.command(await house.entity('bPump', 'ON'), 'OFF')
    await house.entity('bPump', 'OFF')


async def test_everything_is_unavailable_when_the_plugin_stops_and_old_commands_are_not_repeated(house: House) -> None:
    await house.start({'point': 'plc/bPump', 'control': True})
    house.peer.command(await house.entity('bPump', 'ON'), 'OFF')
    await house.entity('bPump', 'OFF')
    await house.host.stop()
    await house.entity('bPump', available=False)
    house.gateway.publish(house.plc.source.points['bPump'], True, 1_700_000_002.0)
    house.host = GatewayHost(house.gateway, storage=house.host.storage)
    await house.start({'point': 'plc/bPump', 'control': True})
    await house.entity('bPump', 'ON')
    await house.host.settle()
    assert not [written for written in house.host.written if written.id == 'plc/bPump']


async def test_a_command_that_the_broker_keeps_is_carried_out_once(house: House) -> None:
    await house.start({'point': 'plc/bPump', 'control': True})
    pump = await house.entity('bPump', 'ON')
    house.peer.command(pump, 'OFF', retain=True)
    await house.entity('bPump', 'OFF')
    command = house.gateway.find(f'mqtt/{pump.config["command_topic"]}')

    async def connect_again() -> None:
        came = command.time
        house.link.start()
        await eventually(lambda: command.time > came and command.quality == 'good')
        await house.entity('bPump', 'ON')
        await house.host.settle()

    house.gateway.publish(house.plc.source.points['bPump'], True, 1_700_000_002.0)
    await house.entity('bPump', 'ON')
    await house.link.stop()
    await connect_again()
    assert [written.value for written in house.host.written if written.id == 'plc/bPump'] == [False]
    await house.host.stop()
    await house.link.stop()
    house.host = GatewayHost(house.gateway, storage=house.host.storage)
    await house.start_plugin({'point': 'plc/bPump', 'control': True})
    await connect_again()
    assert [written.value for written in house.host.written if written.id == 'plc/bPump'] == []
    house.peer.command(pump, 'OFF')
    await house.entity('bPump', 'OFF')
