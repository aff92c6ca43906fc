"""When an alarm comes and goes, what is said of it, what stays over a restart; with a clock that moves when told."""

from datetime import UTC, datetime
from typing import Any

import pytest
from alarms_plugin import Alarms
from alarms_plugin.clock import Clock
from alarms_plugin.rules import Quiet, limit_of
from edgeos_plugin import ConfigError, WriteFailed
from edgeos_plugin.testing import FakeHost

from tests.helpers import eventually

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()


class MovedClock(Clock):
    """Starts at noon."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.minute = 12 * 60

    def monotonic(self) -> float:
        return 1000 + self.seconds

    def wall(self) -> float:
        return NOW + self.seconds

    def local(self) -> int:
        return self.minute


class House:
    """The plugin in its host, with one point."""

    def __init__(self, clock: MovedClock, **storage: Any) -> None:
        self.clock = clock
        self.host = FakeHost(storage=storage)
        self.host.mqtt.add('mqtt')
        self.kind = type('TimedAlarms', (Alarms,), {'clock': clock})

    async def start(self, *rules: dict[str, Any], points: dict[str, Any] | None = None, **config: Any) -> 'House':
        await self.host.start(self.kind, {'rules': list(rules), **config}, points, 'alarms')
        return self

    async def hear(self, value: Any, name: str = 'plc/t', quality: str = 'good') -> None:
        await self.host.set_point(name, value, quality)
        self.tick()
        await self.host.settle()

    async def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds
        self.tick()
        await self.host.settle()

    def tick(self) -> None:
        self.host.plugin.tick()

    @property
    def said(self) -> list[str]:
        return [event.message for event in self.host.events]

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [written.value for written in self.host.written]

    def is_active(self, name: str = 'hot') -> Any:
        return self.host.value(name)


def rule(**more: Any) -> dict[str, Any]:
    return {'name': 'hot', 'point': 'plc/t', 'when': 'above', 'value': '90', **more}


MQTT = {'actions': [{'type': 'mqtt', 'topic': 'mqtt/alarms'}]}


@pytest.fixture
def house() -> House:
    return House(MovedClock())


@pytest.mark.parametrize(
    ('when', 'value', 'good', 'bad'),
    [
        ('above', '90', 90, 90.1),
        ('below', '5', 5, 4.9),
        ('equal', 'true', False, True),
        ('equal', 'open', 'shut', 'open'),
        ('equal', '3', 4, 3.0),
        ('equal', '1', False, True),
        ('not_equal', '0', 0, 7),
        ('not_equal', 'ok', 'ok', 'oh'),
    ],
)
async def test_comes_and_goes_with_the_value(house: House, when: str, value: str, good: Any, bad: Any) -> None:
    await house.start(rule(when=when, value=value))
    assert house.is_active() is False
    for reading, expected in ((good, False), (bad, True), (good, False), (bad, True), (None, True)):
        await house.hear(reading)
        assert house.is_active() is expected, reading
    await house.host.stop()


async def test_the_hysteresis_keeps_it_until_the_value_is_well_back(house: House) -> None:
    await house.start(rule(hysteresis=5), rule(name='cold', when='below', value='10', hysteresis=2))
    found = []
    for value in (91, 89, 85.1, 85, 89, 9, 11, 12, 13):
        await house.hear(value)
        found.append((value, house.is_active(), house.is_active('cold')))
    assert [hot for _, hot, _ in found] == [True, True, True, False, False, False, False, False, False]
    assert [cold for _, _, cold in found] == [False, False, False, False, False, True, True, False, False]
    await house.host.stop()


async def test_the_delays_are_waited_for_without_new_values(house: House) -> None:
    await house.start(rule(delay_s=60, clear_delay_s=30))
    await house.hear(95)
    await house.wait(59)
    assert house.is_active() is False
    await house.hear(80)
    await house.hear(95)
    await house.wait(59)
    assert house.is_active() is False, 'the delay begins anew'
    await house.wait(1)
    assert house.is_active() is True
    await house.hear(80)
    await house.wait(29)
    assert house.is_active() is True
    await house.wait(1)
    assert house.is_active() is False
    assert house.said == ['hot: plc/t is 95', 'hot: back to normal, plc/t is 80']
    await house.host.stop()


async def test_a_short_spike_is_not_missed(house: House) -> None:
    await house.start(rule(**MQTT))
    for value in (95, 80, 96, 81):
        await house.host.set_point('plc/t', value)
    house.tick()
    await eventually(lambda: len(house.sent) == 2)
    assert [(sent['state'], sent['value']) for sent in house.sent] == [('active', 95), ('cleared', 81)]
    await house.host.stop()


async def test_a_value_nobody_knows_changes_nothing(house: House) -> None:
    await house.start(rule(delay_s=10))
    await house.hear(95)
    await house.wait(5)
    await house.hear(95, quality='stale')
    await house.wait(60)
    assert house.is_active() is False
    await house.hear(95)
    await house.wait(10)
    assert house.is_active() is True
    await house.hear(20, quality='stale')
    await house.wait(60)
    assert house.is_active() is True
    await house.host.stop()


async def test_a_silent_point_raises_a_stale_alarm(house: House) -> None:
    await house.start(rule(when='stale', value='', delay_s=60), points={'plc/t': 1})
    await house.hear(1, quality='stale')
    await house.wait(59)
    assert house.is_active() is False
    await house.wait(1)
    assert house.is_active() is True
    await house.hear(1)
    assert house.is_active() is False
    await house.host.stop()


async def test_a_point_that_never_came_is_stale_after_a_while(house: House) -> None:
    await house.start(rule(when='stale'), rule(name='any', point='plc/*', when='stale'))
    await house.wait(14)
    assert house.is_active() is False
    await house.wait(1)
    assert (house.is_active(), house.is_active('any')) == (True, False)
    await house.host.stop()


async def test_a_change_is_told_and_the_alarm_goes_by_itself(house: House) -> None:
    await house.start(rule(when='changed', clear_delay_s=60, **MQTT), points={'plc/t': 'a'})
    assert house.is_active() is False, 'the first value is no change'
    await house.hear('a')
    assert house.is_active() is False
    await house.hear('b')
    assert house.is_active() is True
    await house.wait(50)
    await house.hear('c')
    await house.wait(50)
    assert house.is_active() is True
    await house.wait(10)
    assert house.is_active() is False
    assert [sent['state'] for sent in house.sent] == ['active']
    await house.host.stop()


async def test_the_message_says_what_the_owner_wrote(house: House) -> None:
    text = '{name}: {value} {unit} > {limit} at {point} {other}'
    message = rule(message=text, severity='error', actions=[{'type': 'event'}, *MQTT['actions']])
    await house.start(message)
    house.host.points['plc/t'] = house.host.points.get('plc/t') or _point('°C')
    await house.hear(95.55555555)
    await eventually(lambda: house.sent)
    said = 'hot: 95.5556 °C > 90 at plc/t {other}'
    assert [(event.level, event.message) for event in house.host.events] == [('error', said)]
    sent = house.sent[0]
    assert len(sent.pop('id')) == 32
    assert sent == {'rule': 'hot', 'state': 'active', 'severity': 'error', 'message': said, 'point': 'plc/t',
                    'points': ['plc/t'], 'count': 1, 'value': 95.55555555, 'unit': '°C', 'limit': 90,
                    'time': '2026-11-26T12:00:00.000+00:00'}  # fmt: skip
    assert (house.host.written[0].id, house.host.written[0].qos) == ('mqtt/alarms', 1)
    await house.host.stop()


def _point(unit: str) -> Any:
    from edgeos_plugin.testing import HostPoint

    return HostPoint('plc/t', 0, unit)


async def test_many_points_of_a_rule_are_one_message(house: House) -> None:
    await house.start(rule(point='plc/*', when='stale', actions=[{'type': 'event'}, *MQTT['actions']]),
                      points={f'plc/{number}': number for number in range(50)})  # fmt: skip
    for number in range(50):
        await house.host.set_point(f'plc/{number}', number, 'stale')
    await house.wait(20)
    await eventually(lambda: house.sent)
    assert house.said == ['hot: plc/0 and 49 more is not heard of']
    assert (house.sent[0]['count'], len(house.sent[0]['points']), len(house.sent)) == (50, 20, 1)
    await house.hear(7, 'plc/7')
    assert house.is_active() is True and house.said[1:] == ['hot: plc/7 is heard of again']
    await house.host.stop()


async def test_reminds_until_it_is_acknowledged(house: House) -> None:
    await house.start(rule(**MQTT), repeat_min=10)
    with pytest.raises(WriteFailed, match='nothing to acknowledge'):
        await house.host.write('hot/acknowledged', True)
    await house.hear(95)
    for _ in range(25):
        await house.wait(60)
    await eventually(lambda: len(house.sent) == 3)
    assert [sent['state'] for sent in house.sent] == ['active', 'reminder', 'reminder']
    await house.host.write('hot/acknowledged', True)
    assert house.host.value('hot/acknowledged') is True
    await house.wait(3600)
    await house.hear(20)
    assert house.host.value('hot/acknowledged') is False
    await eventually(lambda: len(house.sent) == 4)
    assert house.sent[-1]['state'] == 'cleared'
    with pytest.raises(WriteFailed, match='cannot be written'):
        await house.host.write('hot', True)
    await house.host.stop()


async def test_quiet_hours_hold_back_all_but_errors(house: House) -> None:
    house.clock.minute = 23 * 60
    await house.start(rule(**MQTT), rule(name='short', point='plc/s', **MQTT),
                      rule(name='fire', point='plc/f', severity='error', **MQTT),
                      quiet={'from': '22:00', 'to': '06:00'})  # fmt: skip
    for point in ('plc/t', 'plc/s', 'plc/f'):
        await house.hear(95, point)
    await house.hear(20, 'plc/s')
    await eventually(lambda: len(house.sent) == 1)
    house.clock.minute = 6 * 60
    await house.wait(1)
    await eventually(lambda: len(house.sent) == 2)
    assert [sent['rule'] for sent in house.sent] == ['fire', 'hot']
    await house.host.stop()


async def test_an_active_alarm_survives_a_restart_and_is_not_told_again() -> None:
    first = await House(MovedClock()).start(rule(**MQTT))
    await first.hear(95)
    await first.host.write('hot/acknowledged', True)
    await first.host.stop()
    assert len(first.sent) == 1

    second = House(MovedClock(), **first.host.storage)
    await second.start(rule(**MQTT))
    assert (second.is_active(), second.host.value('hot/acknowledged')) == (True, True)
    await second.hear(96)
    await second.hear(20)
    await eventually(lambda: [sent['state'] for sent in second.sent] == ['cleared'])
    await second.host.stop()


async def test_a_change_while_it_was_not_running_is_noticed() -> None:
    first = await House(MovedClock()).start(rule(when='changed'), points={'plc/t': 'a'})
    await first.host.stop()
    second = House(MovedClock(), **first.host.storage)
    await second.start(rule(when='changed', clear_delay_s=9), points={'plc/t': 'b'})
    assert second.is_active() is True
    await second.host.stop()


async def test_a_rule_that_is_gone_takes_its_alarm_with_it(house: House) -> None:
    await house.start(rule(), rule(name='too'))
    await house.hear(95)
    await house.host.change_config({'rules': [rule(value='93')]})
    assert house.is_active() is True
    await house.hear(92)
    assert house.is_active() is False
    await house.host.stop()
    assert house.host.storage['alarms'] == []


async def test_many_rules_need_no_more_subscriptions_than_there_are(house: House) -> None:
    rules = [rule(name=f'r{number}', point=f'plc{number}/t') for number in range(90)]
    await house.start(*rules)
    await house.host.change_config({'rules': rules[:80]})
    more = [rule(name=f'r{number}', point=f'plc/{number}') for number in range(200)]
    await house.host.change_config({'rules': more})
    await house.hear(95, 'plc/199')
    assert house.is_active('r199') is True
    assert house.host.errors == []
    await house.host.stop()


async def test_too_many_points_are_said_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('alarms_plugin.MOST', 10)
    await house.start(rule(point='plc/*'), points={f'plc/{number}': 95 for number in range(30)})
    assert len(house.host.plugin.alarms) == 10
    assert [said for said in house.said if 'more than 10 points' in said] == house.said
    assert len(house.said) == 1
    await house.host.stop()


async def test_its_own_points_raise_no_alarm(house: House) -> None:
    await house.start(rule(point='**', when='changed'))
    await house.hear(True, 'alarms/hot')
    await house.hear(False, 'alarms/hot')
    assert house.is_active() is False
    await house.host.stop()


async def test_a_point_of_a_plc_is_found_in_any_case(house: House) -> None:
    await house.start(rule(point='PLC/T'))
    point = _point('')
    house.host.plugin.on_point(_told(point.told(), 95))
    house.tick()
    await house.host.settle()
    assert house.is_active() is True
    await house.host.stop()


def _told(told: dict[str, Any], value: Any) -> Any:
    from edgeos_plugin import Point

    return Point.of({**told, 'value': value})


@pytest.mark.parametrize(
    ('config', 'why'),
    [
        ({'rules': [rule(value='warm')]}, 'needs a number'),
        ({'rules': [rule(when='equal', value='')]}, 'needs a value'),
        ({'rules': [rule(), rule()]}, 'two rules'),
        ({'rules': [rule(name='a/b')]}, 'without /'),
        ({'rules': [rule(name='a\n')]}, 'control characters'),
        ({'rules': [rule(actions=[{'type': 'mqtt', 'topic': 'x'}])]}, 'a topic with its connection'),
        ({'rules': [rule(actions=[{'type': 'webhook', 'url': 'ftp://a'}])]}, 'begin with http'),
        ({'rules': [rule(actions=[{'type': 'webhook', 'url': 'http://a b'}])]}, 'percent-encoded'),
        ({'rules': [rule(actions=[{'type': 'webhook', 'url': 'http://u:p@a/'}])]}, 'into the header'),
        ({'rules': [rule(actions=[{'type': 'webhook', 'url': 'http://a', 'header': 'a: b'}])]}, 'name that no'),
        ({'rules': [rule(actions=[{'type': 'webhook', 'url': 'http://a', 'secret': 'a\r\nb'}])]}, 'content of the'),
        ({'quiet': {'from': '22:00'}}, 'both times'),
        ({'quiet': {'from': '25:00', 'to': '1:00'}}, 'expected a time'),
    ],
)
async def test_a_configuration_that_cannot_work_is_refused(config: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        await FakeHost().start(Alarms, config)


def test_one_field_holds_numbers_truths_and_texts() -> None:
    assert [limit_of(text) for text in ('90', '1,5', ' True', 'open', '', '1e3')] == [90, 1.5, True, 'open', None, 1000]


def test_quiet_hours_may_pass_midnight() -> None:
    night, noon, never = Quiet(22 * 60, 6 * 60), Quiet(12 * 60, 13 * 60), Quiet()
    assert [night.covers(hour * 60) for hour in (21, 22, 0, 5, 6)] == [False, True, True, True, False]
    assert [noon.covers(hour * 60) for hour in (11, 12, 13)] == [False, True, False]
    assert not any(never.covers(minute) for minute in range(1440))
