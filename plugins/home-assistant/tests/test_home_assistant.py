"""Without a broker: what is announced, sent, cleared and carried out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from edgeos_plugin import ConfigError, Point
from edgeos_plugin.testing import FakeHost
from home_assistant_plugin import HomeAssistant
from home_assistant_plugin.choices import Choice, Settings
from home_assistant_plugin.entity import BadCommand, Entity, object_id

from tests.helpers import eventually

TEMPERATURE = 'plc_001/MAIN.fTemperature'


def config_of(*points: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {'connection': 'mqtt', 'points': list(points), 'min_interval_s': 0, **more}


async def started(config: dict[str, Any], storage: dict[str, Any] | None = None, **points: Any) -> FakeHost:
    host = FakeHost(storage=storage)
    host.mqtt.add('mqtt')
    for point_id, value in {TEMPERATURE: 21.5, 'plc_001/MAIN.bPump': True, **points}.items():
        await _put(host, point_id, value)
    await host.start(HomeAssistant, config)
    return host


async def _put(host: FakeHost, point_id: str, value: Any, unit: str = '') -> None:
    from edgeos_plugin.testing import HostPoint

    host.points[point_id] = HostPoint(point_id, value, unit or ('°C' if 'Temp' in point_id else ''))


def newest(host: FakeHost) -> dict[str, Any]:
    """By topic, what the broker would have."""
    return {written.id.removeprefix('mqtt/'): written.value for written in host.written}


async def sent(host: FakeHost, topic: str) -> Any:
    return await eventually(lambda: newest(host).get(topic))


def entity_of(value: Any, unit: str = '', name: str = 'plc/x', **choice: Any) -> Entity:
    settings = Settings.of(config_of({'point': name, **choice}))
    point = Point(name, name.partition('/')[2], value, unit, '', 'good', datetime.now(UTC), True)
    kind = choice.get('component', 'sensor')
    return Entity(settings, settings.choices[0], kind, point, '1')


async def test_announces_a_sensor_by_the_rules_and_sends_its_state() -> None:
    host = await started(config_of({'point': TEMPERATURE, 'name': 'Boiler'}))
    name = object_id('edgeos', TEMPERATURE)
    told = await sent(host, f'homeassistant/sensor/{name}/config')
    assert told == {
        'name': 'Boiler',
        'unique_id': name,
        'state_topic': f'edgeos/{name}/state',
        'availability': [{'topic': 'edgeos/status'}, {'topic': f'edgeos/{name}/availability'}],
        'availability_mode': 'all',
        'device': {'identifiers': ['edgeos_plc_001'], 'name': 'plc_001', 'manufacturer': 'SmartHome Edge OS'},
        'origin': {'name': 'SmartHome Edge OS', 'sw_version': '0.0.0'},
        'unit_of_measurement': '°C',
        'device_class': 'temperature',
        'state_class': 'measurement',
    }
    assert await sent(host, f'edgeos/{name}/state') == 21.5
    assert await sent(host, f'edgeos/{name}/availability') == 'online'
    assert await sent(host, 'edgeos/status') == 'online'
    assert all(written.retain is True for written in host.written)
    await eventually(lambda: host.value('entities') == 1)
    await host.stop()
    assert newest(host)['edgeos/status'] == 'offline'


async def test_a_stale_point_is_unavailable_until_it_lives_again() -> None:
    host = await started(config_of({'point': TEMPERATURE}))
    topic = f'edgeos/{object_id("edgeos", TEMPERATURE)}/availability'
    await eventually(lambda: newest(host).get(topic) == 'online')
    await host.set_point(TEMPERATURE, 21.5, 'stale')
    await eventually(lambda: newest(host).get(topic) == 'offline')
    await host.set_point(TEMPERATURE, 22.0)
    await eventually(lambda: newest(host).get(topic) == 'online')
    await host.stop()


async def test_tells_everything_again_when_home_assistant_starts() -> None:
    host = await started(config_of({'point': TEMPERATURE}))
    topic = f'homeassistant/sensor/{object_id("edgeos", TEMPERATURE)}/config'
    await sent(host, topic)
    await eventually(lambda: host.value('connected') is True)
    host.written.clear()
    await host.set_point('mqtt/homeassistant/status', 'online')
    await sent(host, topic)
    await host.stop()


async def test_a_point_that_is_chosen_no_more_goes_from_home_assistant() -> None:
    host = await started(config_of({'point': TEMPERATURE}, {'point': 'plc_001/MAIN.bPump'}))
    pump = object_id('edgeos', 'plc_001/MAIN.bPump')
    await sent(host, f'homeassistant/binary_sensor/{pump}/config')
    await host.change_config(config_of({'point': TEMPERATURE}))
    for topic in (f'homeassistant/binary_sensor/{pump}/config', f'edgeos/{pump}/state', f'edgeos/{pump}/availability'):
        await eventually(lambda topic=topic: newest(host).get(topic) == '')
    await eventually(lambda: host.storage.get('gone') == [])
    await host.stop()


async def test_clears_after_a_restart_what_the_broker_could_not_be_told_before() -> None:
    host = await started(config_of({'point': TEMPERATURE}))
    name = object_id('edgeos', TEMPERATURE)
    await sent(host, f'homeassistant/sensor/{name}/config')
    await eventually(lambda: TEMPERATURE in host.storage.get('entities', {}))
    host.mqtt.clear()  # the broker is away
    await host.change_config(config_of())
    await eventually(lambda: len(host.storage.get('gone', [])) == 3)
    await host.stop()
    again = await started(config_of(), storage=host.storage)
    await eventually(lambda: newest(again).get(f'homeassistant/sensor/{name}/config') == '')
    await again.stop()


async def test_a_point_that_has_not_come_since_the_start_is_unavailable() -> None:
    name = object_id('edgeos', 'ble/soc')
    host = await started(config_of({'point': 'ble/*'}), {'entities': {'ble/soc': ['sensor', name]}})
    await eventually(lambda: newest(host).get(f'edgeos/{name}/availability') == 'offline')
    await host.stop()


async def test_a_point_that_has_become_something_else_is_announced_anew() -> None:
    name = object_id('edgeos', TEMPERATURE)
    known = {'entities': {TEMPERATURE: ['binary_sensor', name]}}
    host = await started(config_of({'point': TEMPERATURE}), known)
    await sent(host, f'homeassistant/sensor/{name}/config')
    topics = [written.id for written in host.written]
    cleared = f'mqtt/homeassistant/binary_sensor/{name}/config'
    assert newest(host)[cleared.removeprefix('mqtt/')] == ''
    assert topics.index(cleared) < topics.index(f'mqtt/homeassistant/sensor/{name}/config')
    await eventually(lambda: host.storage.get('entities') == {TEMPERATURE: ['sensor', name]})
    await host.stop()


async def test_another_base_topic_clears_the_old_one() -> None:
    host = await started(config_of({'point': TEMPERATURE}))
    old, new = object_id('edgeos', TEMPERATURE), object_id('house/a', TEMPERATURE)
    await sent(host, f'homeassistant/sensor/{old}/config')
    await host.change_config(config_of({'point': TEMPERATURE}, base_topic='house/a'))
    await eventually(lambda: newest(host).get(f'homeassistant/sensor/{old}/config') == '')
    await sent(host, f'homeassistant/sensor/{new}/config')
    assert newest(host)['edgeos/status'] == 'offline'
    await eventually(lambda: newest(host).get('house/a/status') == 'online')
    await host.stop()


async def test_its_own_topics_never_become_entities() -> None:
    host = await started(config_of({'point': '**'}), **{'mqtt/kitchen/light': 'on'})
    for topic in ('edgeos/x/state', 'homeassistant/sensor/y/config/name'):
        await host.set_point(f'mqtt/{topic}', 'text')
    await eventually(lambda: host.value('connected') is True)
    await host.settle()
    assert set(host.plugin.entities) == {TEMPERATURE, 'plc_001/MAIN.bPump', 'mqtt/kitchen/light'}
    await host.stop()


async def test_a_command_is_written_to_the_point_once() -> None:
    host = await started(config_of({'point': 'plc_001/MAIN.bPump', 'control': True}))
    name = object_id('edgeos', 'plc_001/MAIN.bPump')
    told = await sent(host, f'homeassistant/switch/{name}/config')
    assert told['command_topic'] == f'edgeos/{name}/set'
    await host.set_point(f'mqtt/edgeos/{name}/set', 'OFF')
    written = await eventually(lambda: [w for w in host.written if w.id == 'plc_001/MAIN.bPump'])
    assert [(w.value, w.qos, w.retain) for w in written] == [(False, None, None)]
    await host.stop()


async def test_a_command_from_before_the_start_is_not_carried_out() -> None:
    pump = 'plc_001/MAIN.bPump'
    topic = f'mqtt/edgeos/{object_id("edgeos", pump)}/set'
    host = await started(config_of({'point': pump, 'control': True}))
    since = host.plugin.since
    point = Point(topic, topic.partition('/')[2], 'OFF', '', '', 'good', since.replace(year=since.year - 1), True)
    host.plugin.on_command(point)
    await host.set_point(topic, 'OFF', 'stale')
    await host.settle()
    assert not [w for w in host.written if w.id == pump]
    await host.stop()


async def test_a_command_that_fails_is_reported_and_the_state_shown_again() -> None:
    pump = 'plc_001/MAIN.bPump'
    host = await started(config_of({'point': pump, 'control': True}))
    name = object_id('edgeos', pump)
    await sent(host, f'edgeos/{name}/state')
    await eventually(lambda: host.value('connected') is True)
    host.points[pump].error = 'the PLC is in config mode'
    host.written.clear()
    await host.set_point(f'mqtt/edgeos/{name}/set', 'OFF')
    await eventually(lambda: any('config mode' in event.message for event in host.events))
    assert await sent(host, f'edgeos/{name}/state') == 'ON'
    assert newest(host).get(f'edgeos/{name}/availability', 'online') == 'online'
    await host.stop()


async def test_a_read_only_entity_takes_no_command() -> None:
    host = await started(config_of({'point': TEMPERATURE}))
    name = object_id('edgeos', TEMPERATURE)
    await sent(host, f'edgeos/{name}/state')
    await host.set_point(f'mqtt/edgeos/{name}/set', 5)
    await eventually(lambda: any('nothing that can be controlled' in event.message for event in host.events))
    assert not [w for w in host.written if w.id == TEMPERATURE]
    await host.stop()


async def test_only_the_newest_of_a_flood_is_sent() -> None:
    host = await started(config_of({'point': TEMPERATURE}, min_interval_s=0.3))
    topic = f'edgeos/{object_id("edgeos", TEMPERATURE)}/state'
    await sent(host, topic)
    for value in range(100):
        await host.set_point(TEMPERATURE, float(value))
    await eventually(lambda: newest(host)[topic] == 99.0)
    assert len([w for w in host.written if w.id == f'mqtt/{topic}']) <= 4
    await host.stop()


async def test_a_topic_that_the_broker_refuses_does_not_hold_up_the_others() -> None:
    refused = f'mqtt/homeassistant/sensor/{object_id("edgeos", TEMPERATURE)}/config'
    host = FakeHost()
    host.mqtt.add('mqtt')
    await _put(host, refused, '')
    host.points[refused].error = 'not authorised'
    await _put(host, TEMPERATURE, 20.0)
    await host.start(HomeAssistant, config_of({'point': TEMPERATURE}))
    await sent(host, f'edgeos/{object_id("edgeos", TEMPERATURE)}/state')
    assert [event.message for event in host.events] == [f'{refused} could not be written: not authorised']
    await host.stop()


async def test_is_told_when_commands_cannot_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('home_assistant_plugin.LISTEN_LIMIT', 0.1)
    host = await started(config_of({'point': TEMPERATURE}))
    await eventually(lambda: any('add the topics edgeos/#' in event.message for event in host.events))
    await host.stop()


@pytest.mark.parametrize(
    ('unit', 'name', 'told'),
    [
        ('°C', 'a', ('°C', 'temperature', 'measurement')),
        ('%', 'a', ('%', '', 'measurement')),
        ('%', 'Luftfeuchte', ('%', 'humidity', 'measurement')),
        ('%', 'soc', ('%', 'battery', 'measurement')),
        ('W', 'a', ('W', 'power', 'measurement')),
        ('kWh', 'a', ('kWh', 'energy', 'total_increasing')),
        ('V', 'a', ('V', 'voltage', 'measurement')),
        ('A', 'a', ('A', 'current', 'measurement')),
        ('hPa', 'a', ('hPa', 'pressure', 'measurement')),
        ('lux', 'a', ('lx', 'illuminance', 'measurement')),
        ('m3', 'a', ('m³', 'volume', 'total')),
        ('Äpfel', 'a', ('Äpfel', '', 'measurement')),
        ('', 'a', ('', '', '')),
    ],
)
def test_units_say_what_a_sensor_is(unit: str, name: str, told: tuple[str, str, str]) -> None:
    config = entity_of(1.0, unit, f'plc/{name}').config()
    assert tuple(config.get(key, '') for key in ('unit_of_measurement', 'device_class', 'state_class')) == told


@pytest.mark.parametrize(
    ('value', 'choice', 'state'),
    [
        (True, {'component': 'binary_sensor'}, 'ON'),
        (0, {'component': 'switch'}, 'OFF'),
        ('', {}, 'None'),
        ('x' * 300, {}, 'x' * 255),
        ([1, 'ä'], {}, '[1, "ä"]'),
        ('x' * 300, {'component': 'text'}, 'x' * 255),
        (2.5, {'component': 'number'}, 2.5),
    ],
)
def test_states_as_home_assistant_takes_them(value: Any, choice: dict[str, Any], state: Any) -> None:
    assert entity_of(value, **choice).state() == state


def test_a_text_in_a_sensor_of_numbers_is_unavailable() -> None:
    assert not entity_of('broken', '°C').is_available
    assert not entity_of(None).is_available
    assert entity_of('fine').is_available


@pytest.mark.parametrize(
    ('value', 'component', 'payload', 'written'),
    [
        (True, 'switch', 'OFF', False),
        (True, 'switch', True, True),
        (1, 'switch', 'OFF', 0),
        (20.0, 'number', 21, 21.0),
        (20, 'number', 21.0, 21),
        (20, 'number', '22', 22),
        ('a', 'text', '21', '21'),
        ('a', 'text', 21, '21'),
        ('a', 'text', True, 'true'),
    ],
)
def test_commands_as_the_point_takes_them(value: Any, component: str, payload: Any, written: Any) -> None:
    found = entity_of(value, component=component).commanded(payload)
    assert (found, type(found)) == (written, type(written))


@pytest.mark.parametrize(
    ('component', 'payload'),
    [('switch', 'maybe'), ('number', 'x'), ('number', 1e9), ('number', 'nan'), ('sensor', 1)],
)
def test_senseless_commands_are_refused(component: str, payload: Any) -> None:
    with pytest.raises(BadCommand):
        entity_of(1, component=component).commanded(payload)


def test_ids_are_of_allowed_letters_and_never_the_same() -> None:
    ids = {object_id('edgeos', name) for name in ('plc/a b', 'plc/a_b', 'plc/a/b', 'plc/ä', 'plc/ö')}
    assert len(ids) == 5
    assert all(set(name) <= set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-') for name in ids)


@pytest.mark.parametrize('config', [{'connection': ''}, {'base_topic': 'a/#'}, {'base_topic': 'homeassistant/x'},
                                    {'points': [{'point': 'a', 'min': 2, 'max': 1}]}])  # fmt: skip
async def test_a_configuration_that_cannot_work_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        await FakeHost().start(HomeAssistant, {'connection': 'mqtt', **config})


async def test_many_choices_can_be_changed() -> None:
    choices = [{'point': f'plc{number}/t'} for number in range(80)]
    host = await started(config_of(*choices))
    await host.change_config(config_of(*choices[:70]))
    assert host.errors == []
    await host.stop()


def test_more_choices_than_subscriptions_are_summed_up() -> None:
    choices = [{'point': f'plc/a{number}'} for number in range(200)]
    assert Settings.of(config_of(*choices)).globs == ['plc/**']
    assert Choice('plc/*').pattern.fullmatch('PLC/a') and not Choice('plc/*').pattern.fullmatch('plc/a/b')
