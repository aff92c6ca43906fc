"""The house without a network: what lives in it, obeys and breaks."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from edgeos.demo.device import Message
from edgeos.demo.living import House
from edgeos.demo.weather import DAY

CLIMATE = 'house/living-room/climate'


def live(house: House, seconds: float) -> dict[str, bytes]:
    """The newest payload of each topic after that time."""
    return newest(message for _ in range(round(seconds * 10)) for message in house.step(0.1))


def newest(messages: Iterable[Message]) -> dict[str, bytes]:
    return {message.topic: message.payload for message in messages}


def climate(house: House) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(newest(house.report())[CLIMATE])
    return state


def test_every_device_speaks_within_two_seconds() -> None:
    house = House(1)
    assert set(live(house, 2)) == set(newest(house.report())) | {'house/weather/forecast', 'house/front-door/picture'}
    assert len(house.devices) == 13


def test_the_same_seed_gives_the_same_house() -> None:
    one, other, third = House(7), House(7), House(8)
    first = [message for _ in range(600) for message in one.step(0.1)]
    assert first == [message for _ in range(600) for message in other.step(0.1)]
    assert first != [message for _ in range(600) for message in third.step(0.1)]
    assert 500 < len(first) < 4_000


def test_every_kind_of_payload_is_spoken() -> None:
    said = live(House(1), 60)
    assert isinstance(json.loads(said['house/weather/forecast']), list)
    assert isinstance(json.loads(said['house/weather/wind']), float)
    assert json.loads(said['house/energy']).keys() == {'power', 'energy_total', 'l1', 'l2', 'l3'}
    assert said['house/front-door/open'] in (b'true', b'false')
    assert said['house/kitchen/light'] == b'ON'
    with pytest.raises(UnicodeDecodeError):
        said['house/front-door/picture'].decode()
    words = {newest(house_message)['house/weather/text'].decode() for house_message in weathers()}
    assert any('ö' in word or 'ü' in word for word in words)


def weathers() -> Iterable[list[Message]]:
    house = House(3)
    for _ in range(60):
        live(house, 10)
        yield house.report()


def test_a_higher_setpoint_makes_the_room_warmer() -> None:
    house = House(1)
    live(house, 60)
    before = climate(house)
    assert abs(before['temperature'] - 21.5) < 1.5
    assert house.command(f'{CLIMATE}/setpoint/set', b'25')
    assert climate(house)['setpoint'] == 21.5, 'the device needs its moment'
    live(house, 0.4)
    assert climate(house)['setpoint'] == 25
    live(house, 15)
    after = climate(house)
    assert after['valve'] > before['valve'] + 20
    assert after['temperature'] > before['temperature'] + 0.5
    live(house, 90)
    assert abs(climate(house)['temperature'] - 25) < 1.5


def test_climate_obeys_json_and_its_mode() -> None:
    house = House(1)
    assert house.command(f'{CLIMATE}/set', b'{"setpoint": 19.55, "mode": "off"}')
    live(house, 10)
    assert climate(house)['mode'] == 'off' and climate(house)['valve'] < 10
    assert climate(house)['setpoint'] in (19.5, 19.6)
    assert house.command(f'{CLIMATE}/mode/set', b'heat')
    live(house, 1)
    assert climate(house)['mode'] == 'heat'


def test_lights_obey_and_the_meter_sees_it() -> None:
    house = House(1)
    for command, payload, state in (
        ('house/living-room/light/set', b'ON', b'ON'),
        ('house/living-room/light/set', b'false', b'OFF'),
        ('house/living-room/light/brightness/set', b'30', b'ON'),
        ('house/living-room/light/brightness/set', b'0', b'OFF'),
    ):
        assert house.command(command, payload)
        assert live(house, 2)['house/living-room/light'] == state
    assert live(house, 2)['house/living-room/light/brightness'] == b'30'
    watts = house.lights[1].power
    house.command('house/living-room/light/set', b'ON')
    live(house, 2)
    assert house.lights[1].power == pytest.approx(watts + 18)


def test_shutters_move_stop_and_arrive() -> None:
    house = House(1)
    position, state = 'house/living-room/shutter/position', 'house/living-room/shutter/state'
    house.command('house/living-room/shutter/set', b'close')
    said = live(house, 4)
    assert 40 < int(said[position]) < 95 and said[state] == b'closing'
    house.command('house/living-room/shutter/set', b'stop')
    live(house, 0.4)
    said = live(house, 3)
    assert 40 < int(said[position]) < 80 and said[state] == b'stopped'
    house.command('house/living-room/shutter/set', b'37')
    assert live(house, 10)[position] == b'37'
    house.command('house/living-room/shutter/set', b'open')
    assert live(house, 14)[state] == b'open'


@pytest.mark.parametrize(
    ('topic', 'payload'),
    [
        ('house/kitchen/light/set', b'perhaps'),
        ('house/kitchen/light/set', b'\xff\xfe'),
        ('house/kitchen/light/brightness/set', b'nan'),
        (f'{CLIMATE}/set', b'[1, 2]'),
        (f'{CLIMATE}/set', b'{'),
        (f'{CLIMATE}/setpoint/set', b'{"a": 1}'),
        (f'{CLIMATE}/mode/set', b'party'),
        ('house/living-room/shutter/set', b'sideways'),
        ('house/nowhere/set', b'1'),
    ],
)
def test_a_command_nobody_understands_changes_nothing(topic: str, payload: bytes) -> None:
    house, other = House(5), House(5)
    assert not house.command(topic, payload)
    assert live(house, 5) == live(other, 5)


def test_setpoints_stay_within_the_limits_of_the_device() -> None:
    house = House(1)
    house.command(f'{CLIMATE}/setpoint/set', b'1e9')
    live(house, 1)
    assert climate(house)['setpoint'] == 30


def test_the_sun_makes_power_and_the_night_does_not() -> None:
    house = House(2)
    watts = []
    for _ in range(24):
        live(house, DAY / 24)
        watts.append(json.loads(newest(house.report())['house/solar'])['power'])
    assert max(watts) > 2_000 and watts.count(0.0) >= 8


def test_production_is_seen_by_the_meter() -> None:
    house = House(2)
    lowest = min((live(house, 5), house.meter.total)[1] for _ in range(60))
    assert lowest < 0


def test_nonsense_comes_in_several_kinds_and_ends() -> None:
    house = House(1)
    house.tell_nonsense(True)
    said = [message.payload for _ in range(200) for message in house.step(0.1) if message.topic == CLIMATE]
    assert any(b'"warm"' in payload for payload in said)
    assert any(payload == b'sensor error 7' for payload in said)
    assert any(payload.startswith(b'{"temp') and not payload.endswith(b'}') for payload in said)
    house.tell_nonsense(False)
    assert json.loads(live(house, 2)[CLIMATE])['mode'] == 'heat'


def test_a_flood_has_exactly_the_wanted_number_of_changing_messages() -> None:
    house = House(1)
    messages = house.flood(300)
    assert len(messages) == 300
    assert {message.topic.split('/')[-1] for message in messages} == {'energy', 'brightness'}
    assert len({message.payload for message in messages if 'hall' in message.topic}) > 50


def test_every_writable_point_exists_and_its_command_is_known() -> None:
    house = House(1)
    for point, command in house.write_topics().items():
        assert command in house.command_topics
        parts = newest(house.report())
        parent, _, leaf = point.rpartition('/')
        assert point in parts or leaf in json.loads(parts[parent])
