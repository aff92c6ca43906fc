"""With the app's gateway and MQTT connection, and a real mosquitto that is killed."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from alarms_plugin import Alarms, sender

from edgeos.connections.mqtt import MqttConnection
from edgeos.connections.state import Status
from edgeos.gateway import Gateway
from tests.broker import Broker
from tests.helpers import eventually, eventually_sync
from tests.plugins.gateway_host import GatewayHost, mqtt_connection
from tests.publisher import Publisher

RULES = [{'name': 'frost', 'point': 'mqtt/freezer/t', 'when': 'above', 'value': '-15',
          'actions': [{'type': 'mqtt', 'topic': 'mqtt/alarms/freezer'}]},
         {'name': 'silent', 'point': 'mqtt/freezer/*', 'when': 'stale', 'severity': 'error'}]  # fmt: skip


class Listener:
    """Notes what comes to one topic, over restarts of the broker."""

    def __init__(self, port: int, topic: str) -> None:
        self.heard: list[dict[str, Any]] = []
        self.is_subscribed = False
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_message = lambda _c, _u, message: self.heard.append(json.loads(message.payload))
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: setattr(self, 'is_subscribed', True)
        self._client.on_disconnect = lambda *_: setattr(self, 'is_subscribed', False)
        self._client.connect('127.0.0.1', port)
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path).start()
    yield made
    made.stop()


@pytest.fixture
async def link(tmp_path: Path, broker: Broker) -> AsyncIterator[MqttConnection]:
    made = mqtt_connection(tmp_path, Gateway(), broker.port, 'freezer/#')
    await eventually(lambda: made.status is Status.CONNECTED)
    yield made
    await made.stop()


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    made = Listener(broker.port, 'alarms/#')
    eventually_sync(lambda: made.is_subscribed)
    yield made
    made.stop()


async def test_an_alarm_comes_by_mqtt_also_after_the_broker_was_away(
    link: MqttConnection, broker: Broker, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, 'LONGEST_PAUSE', 0.5)
    host = GatewayHost(link.services.gateway)
    await host.start(Alarms, {'rules': RULES}, plugin_id='alarms')
    with Publisher(broker.port) as freezer:
        freezer.send('freezer/t', '-18')
        freezer.send('freezer/t', '-12')
        await eventually(lambda: listener.heard)
    assert listener.heard[0]['message'] == 'frost: mqtt/freezer/t is -12'

    broker.kill()
    await eventually(lambda: host.value('silent') is True, 10)
    assert host.value('frost') is True
    await eventually(lambda: [event.message for event in host.events if event.level == 'error'])
    assert host.events[-1].message == 'silent: mqtt/freezer/t is not heard of'
    await link.stop()
    point = link.source.points['freezer/t']
    link.services.gateway.publish(point, -20, 1_700_000_000.0)  # as if it had come by another way
    await eventually(lambda: any('cannot be told' in event.message for event in host.events), 10)
    assert host.value('frost') is False

    broker.start()
    await eventually(lambda: listener.is_subscribed, 10)
    link.start()
    await eventually(lambda: [heard['state'] for heard in listener.heard] == ['active', 'cleared'], 10)
    await host.stop()
    assert host.errors == []
