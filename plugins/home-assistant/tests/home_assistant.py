"""Home Assistant as far as its MQTT discovery goes: takes what its documentation allows, and notes what it does not.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery, with the rules for device and state classes of
https://developers.home-assistant.io/docs/core/entity/sensor
"""

import asyncio
import json
import re
from typing import Any

import paho.mqtt.client as mqtt

TOPIC = re.compile(r'homeassistant/(\w+)/(?:([a-zA-Z0-9_-]+)/)?([a-zA-Z0-9_-]+)/config')
COMMON = {'name', 'unique_id', 'state_topic', 'availability', 'availability_mode', 'device', 'origin', 'device_class'}
KEYS = {
    'sensor': COMMON | {'unit_of_measurement', 'state_class', 'expire_after'},
    'binary_sensor': COMMON | {'expire_after'},
    'switch': COMMON | {'command_topic'},
    'number': COMMON | {'command_topic', 'min', 'max', 'step', 'mode', 'unit_of_measurement'},
    'text': COMMON | {'command_topic', 'max', 'command_template'},
}
UNITS = {
    'temperature': {'°C', '°F', 'K'}, 'power': {'mW', 'W', 'kW', 'MW', 'GW', 'TW'}, 'energy': {'Wh', 'kWh', 'MWh'},
    'voltage': {'µV', 'mV', 'V', 'kV'}, 'current': {'A', 'mA'}, 'pressure': {'Pa', 'hPa', 'kPa', 'bar', 'mbar', 'psi'},
    'humidity': {'%'}, 'battery': {'%'}, 'illuminance': {'lx'},
}  # fmt: skip
STATE_CLASSES = {'energy': {'total', 'total_increasing'}, 'volume': {'total', 'total_increasing'}}


class Entity:
    """What is known of one; `state` is None as long as nothing has come."""

    def __init__(self, component: str, config: dict[str, Any]) -> None:
        self.component = component
        self.config = config
        self.topics: dict[str, str] = {}

    @property
    def state(self) -> str | None:
        return self.topics.get(self.config['state_topic'])

    @property
    def is_available(self) -> bool:
        """availability_mode all."""
        return all(self.topics.get(one['topic']) == 'online' for one in self.config['availability'])


class HomeAssistant:
    """Connected to a broker; `entities` by unique id, `wrong` is what it would complain of in its log."""

    def __init__(self, port: int) -> None:
        self.entities: dict[str, Entity] = {}
        self.announced: dict[str, str] = {}  # topic: unique id
        self.wrong: list[str] = []
        self.topics: dict[str, str] = {}
        self.heard: list[str] = []  # topics, once for each message
        self._loop = asyncio.get_running_loop()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, message: self._loop.call_soon_threadsafe(
            self._take, message.topic, message.payload.decode()
        )
        self._client.on_connect = lambda client, *_: client.subscribe([('homeassistant/#', 0), ('edgeos/#', 0)])
        self._client.connect('127.0.0.1', port)
        self._client.reconnect_delay_set(1, 1)
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def forget(self) -> None:
        """As after a restart, when the broker has nothing retained."""
        self.entities.clear()
        self.announced.clear()
        self.topics.clear()

    def birth(self) -> None:
        self._client.publish('homeassistant/status', 'online')

    def command(self, entity: Entity, payload: str, *, retain: bool = False) -> None:
        """As its page does it, with the template of texts."""
        if entity.config.get('command_template') == '{{ value | to_json }}':
            payload = json.dumps(payload)
        self._client.publish(entity.config['command_topic'], payload, retain=retain)

    def named(self, name: str) -> Entity | None:
        return next((entity for entity in self.entities.values() if entity.config['name'] == name), None)

    def _take(self, topic: str, payload: str) -> None:
        self.topics[topic] = payload
        self.heard.append(topic)
        for entity in self.entities.values():
            entity.topics = self.topics
        if not topic.startswith('homeassistant/') or topic == 'homeassistant/status':
            return
        found = TOPIC.fullmatch(topic)
        if found is None or found[1] not in KEYS:
            self.wrong.append(f'illegal discovery topic {topic}')
        elif not payload:
            self.entities.pop(self.announced.pop(topic, ''), None)
        else:
            self._discover(topic, found[1], found[3], json.loads(payload))

    def _discover(self, topic: str, component: str, object_id: str, config: dict[str, Any]) -> None:
        unique = config['unique_id']
        if self.announced.get(topic, unique) != unique or any(
            known == unique and other != topic for other, known in self.announced.items()
        ):
            self.wrong.append(f'{unique} is not unique')
        self.wrong += [f'{topic}: {problem}' for problem in _problems(component, object_id, config)]
        self.announced[topic] = unique
        self.entities[unique] = Entity(component, config)
        self.entities[unique].topics = self.topics


def _problems(component: str, object_id: str, config: dict[str, Any]) -> list[str]:
    kind, unit, state_class = (config.get(key) for key in ('device_class', 'unit_of_measurement', 'state_class'))
    checks = {
        'the object id should be the unique id': config['unique_id'] == object_id,
        f'unknown keys {set(config) - KEYS[component]}': set(config) <= KEYS[component],
        'no device identifiers': bool(config['device'].get('identifiers')),
        'no name of the origin': bool(config['origin'].get('name')),
        'no command topic': component not in ('switch', 'number', 'text') or bool(config.get('command_topic')),
        'min not below max': config.get('min', 0) < config.get('max', 1),
        'step too small': config.get('step', 1) >= 0.001,
        f'unit {unit} of {kind}': kind not in UNITS or unit in UNITS[kind],
        f'state class {state_class} of {kind}': state_class is None or state_class in STATE_CLASSES.get(
            kind or '', {'measurement', 'total', 'total_increasing'}),
        'a wildcard in a topic': not any(sign in config['state_topic'] for sign in '+#'),
    }  # fmt: skip
    return [problem for problem, is_fine in checks.items() if not is_fine]
