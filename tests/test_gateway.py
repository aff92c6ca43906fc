"""Every value passes the gateway once."""
import asyncio

import pytest

from edgeos.gateway import Gateway, RateWindow, UnknownPoint
from tests.helpers import FakeClock, eventually


class Device:
    """Remembers what was written to it."""

    def __init__(self):
        self.written = []

    async def write(self, name, value, *, qos=None, retain=None):
        self.written.append((name, value, qos, retain))


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def gateway(clock):
    return Gateway(max_rate_per_source=50, clock=clock)


@pytest.fixture
def source(gateway):
    return gateway.add_source('house', Device(), max_points=3)


async def test_a_published_value_is_stored_and_told_once(gateway, source):
    heard = []
    gateway.subscribe('house/*', lambda point: heard.append((point.id, point.value, point.quality)))
    gateway.publish(gateway.point(source, 'light'), True, 5.0)
    found = gateway.find('house/light')
    assert (found.value, found.type, found.time, found.quality) == (True, 'boolean', 5.0, 'good')
    assert heard == [('house/light', True, 'good')]


async def test_equal_values_are_updates_too_and_keep_their_order(gateway, source):
    heard = []
    point = gateway.point(source, 'n')
    gateway.subscribe('**', lambda point: heard.append(point.value))
    for value in (1, 1, 2, 1):
        gateway.publish(point, value, 1.0)
    assert heard == [1, 1, 2, 1]


async def test_subscribers_come_and_go(gateway, source):
    heard = []
    point = gateway.point(source, 'n')
    gateway.publish(point, 0, 1.0)
    stop = gateway.subscribe('house/n', lambda point: heard.append(point.value))
    gateway.publish(point, 1, 2.0)
    stop()
    stop()
    gateway.publish(point, 2, 3.0)
    assert heard == [1]


async def test_a_failing_subscriber_costs_the_others_nothing(gateway, source, caplog):
    heard = []

    def fail(point):
        raise RuntimeError('mine alone')

    gateway.subscribe('**', fail)
    gateway.subscribe('**', lambda point: heard.append(point.value))
    gateway.publish(gateway.point(source, 'n'), 1, 1.0)
    assert heard == [1]
    assert 'mine alone' in caplog.text


def test_a_source_has_only_so_many_points_and_counts_the_rest(gateway, source):
    assert all(gateway.point(source, name) for name in 'abc')
    assert gateway.point(source, 'd') is None
    assert gateway.point(source, 'a') is not None
    assert source.refused_points == 1


def test_the_last_hour_of_numbers_and_switches_is_kept(gateway, source, clock):
    point = gateway.point(source, 'n')
    for value in (1, 2.5, True):
        gateway.deliver(point, value, clock.wall())
        clock.advance(1)
    gateway.deliver(point, 'text', clock.wall())
    assert [value for _, value in point.ring.values(0)] == [1.0, 2.5, 1.0]


def test_a_lost_link_makes_values_stale_and_tells_so(gateway, source):
    heard = []
    gateway.deliver(gateway.point(source, 'n'), 7, 1.0)
    gateway.subscribe('**', lambda point: heard.append((point.value, point.quality)))
    gateway.mark_stale(source)
    gateway.mark_stale(source)
    assert heard == [(7, 'stale')]


async def test_above_its_rate_each_point_goes_on_ten_times_a_second_newest_last(gateway, source, clock):
    heard = []
    point = gateway.point(source, 'n')
    gateway.subscribe('**', lambda point: heard.append(point.value))
    for value in range(200):
        gateway.publish(point, value, clock.wall())
    assert heard == list(range(50))
    assert source.thinned_since == clock.wall()
    await eventually(lambda: len(heard) == 51)
    assert heard[-1] == 199
    assert source.thinned_updates == 149
    assert source.thinned_since is not None
    clock.advance(2)
    await eventually(lambda: source.thinned_since is None)
    gateway.publish(point, 'calm', clock.wall())
    assert heard[-1] == 'calm'


async def test_a_polled_source_is_never_thinned(gateway, clock):
    polled = gateway.add_source('plc', Device(), exempt=True)
    heard = []
    gateway.subscribe('**', lambda point: heard.append(point.value))
    for value in range(500):
        gateway.publish(gateway.point(polled, 'n'), value, clock.wall())
    assert heard == list(range(500))
    assert polled.thinned_since is None


def test_the_window_covers_one_second_and_a_fresh_slot_is_not_calm():
    window = RateWindow()
    for slot in range(10):
        window.add(10, 100 + slot / 10 + 0.05)
    assert window.add(0, 100.95) == 100
    assert window.add(0, 101.05) == 90
    assert window.settled(101.05) == 100
    assert window.add(0, 101.55) == 40
    assert window.settled(103.0) == 0


async def test_writes_reach_the_owner_with_everything_behind_the_first_slash(gateway, source):
    await gateway.write('house/a/b//c', 1, qos=1)
    assert source.owner.written == [('a/b//c', 1, 1, None)]


@pytest.mark.parametrize('point_id', ['nobody/x', 'house', 'house/', '', '/x'])
async def test_writing_where_nobody_is_says_so(gateway, source, point_id):
    with pytest.raises(UnknownPoint):
        await gateway.write(point_id, 1)


async def test_a_removed_source_leaves_nothing_behind(gateway, source, clock):
    point = gateway.point(source, 'n')
    for value in range(60):
        gateway.publish(point, value, clock.wall())
    gateway.remove_source('house')
    with pytest.raises(UnknownPoint):
        gateway.find('house/n')
    await asyncio.sleep(0)
    assert gateway._flush_timers == {}
