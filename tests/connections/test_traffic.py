from random import Random

import pytest

from edgeos.connections.traffic import Rates, RoundTrips, Sample, Traffic
from tests.helpers import FakeClock

NOTHING = Rates(0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def traffic(clock: FakeClock) -> Traffic:
    return Traffic(clock)


def run(traffic: Traffic, clock: FakeClock, seconds: int, packets: int = 10, step: float = 1.0) -> None:
    """Receive so many packets of 100 bytes in each second."""
    for _ in range(seconds):
        traffic.packets_received += packets
        traffic.bytes_received += 100 * packets
        clock.advance(step)
        traffic.sample()


def times(samples: list[Sample]) -> list[float]:
    return [sample.t for sample in samples]


# rates


def test_nothing_is_said_before_the_first_sample(traffic: Traffic) -> None:
    traffic.packets_received += 50
    assert traffic.rates(5) == NOTHING
    assert not traffic.recent(60)
    assert not traffic.history(60)
    assert traffic.error_share() == 0
    assert traffic.take_minute(unfinished=True) is None


@pytest.mark.parametrize('seconds', [1, 5, 30, 60])
def test_steady_traffic_has_steady_rates_in_every_window(traffic: Traffic, clock: FakeClock, seconds: int) -> None:
    run(traffic, clock, 200)
    assert traffic.rates(seconds) == Rates(0.0, 10.0, 0.0, 1000.0, 0.0)


def test_a_window_covers_only_its_own_seconds(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 60, packets=0)
    run(traffic, clock, 3, packets=20)
    assert [traffic.rates(seconds).packets_received for seconds in (1, 5, 30, 60)] == [20, 12, 2, 1]


def test_a_young_connection_is_measured_by_the_whole_window_too(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 3)
    assert [traffic.rates(seconds).packets_received for seconds in (1, 5, 30, 60)] == [10, 6, 1, 0.5]


def test_the_running_second_is_not_counted(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 10)
    traffic.packets_received += 5000
    clock.advance(0.5)
    assert traffic.rates(5).packets_received == 10


def test_a_late_sample_belongs_to_the_time_it_covers(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 100)
    traffic.packets_received += 30
    clock.advance(3)
    traffic.sample()
    assert [traffic.rates(seconds).packets_received for seconds in (1, 5, 60)] == pytest.approx([10, 10, 10])
    run(traffic, clock, 2)
    assert [traffic.rates(seconds).packets_received for seconds in (1, 3, 5, 60)] == pytest.approx([10] * 4)


def test_a_beat_that_is_a_little_off_gives_steady_rates(traffic: Traffic, clock: FakeClock) -> None:
    random = Random(2)
    for beat in range(150):
        traffic.packets_received += 10
        clock.advance(1 + random.uniform(-0.002, 0.002))
        traffic.sample()
        assert beat < 5 or traffic.rates(5).packets_received == pytest.approx(10, rel=0.01)
    assert traffic.rates(5).packets_received == 10


def test_rates_fall_to_zero_when_traffic_ends(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 100)
    run(traffic, clock, 4, packets=0)
    assert [traffic.rates(seconds).packets_received for seconds in (1, 5)] == [0, 2]
    run(traffic, clock, 56, packets=0)
    assert traffic.rates(60) == NOTHING


def test_rates_fall_to_zero_when_nobody_samples_any_more(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 100)
    clock.advance(4)
    assert [traffic.rates(seconds).packets_received for seconds in (1, 5, 60)] == pytest.approx([0, 2, 560 / 60])
    clock.advance(60)
    assert traffic.rates(60) == NOTHING


def test_a_long_pause_of_sampling_does_not_show_as_a_burst(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 10)
    traffic.packets_received += 6000
    clock.advance(600)
    traffic.sample()
    assert [traffic.rates(seconds).packets_received for seconds in (1, 60)] == pytest.approx([10, 10])


def test_rates_ignore_the_wall_clock(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 30)
    clock.step_wall(-86_400)
    run(traffic, clock, 30)
    assert traffic.rates(60).packets_received == 10


def test_totals_beyond_32_bits_stay_exact(traffic: Traffic, clock: FakeClock) -> None:
    traffic.bytes_received += 2**45
    run(traffic, clock, 70)
    assert traffic.rates(60).bytes_received == 1000


def test_the_share_of_errors_is_of_the_last_minute(traffic: Traffic, clock: FakeClock) -> None:
    traffic.errors += 500
    run(traffic, clock, 10, packets=0)
    assert traffic.error_share() == 1
    run(traffic, clock, 60, packets=99)
    assert traffic.error_share() == 0
    traffic.errors += 60
    run(traffic, clock, 1, packets=99)
    assert traffic.error_share() == pytest.approx(60 / (60 + 60 * 99))


# sparklines


def test_recent_seconds_are_rates_for_a_sparkline(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 5)
    traffic.packets_sent += 3
    run(traffic, clock, 1)
    assert traffic.recent(3) == [(0, 10), (0, 10), (3, 10)]
    assert len(traffic.recent(60)) == 6


def test_recent_seconds_share_out_a_late_sample(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 5)
    run(traffic, clock, 1, packets=30, step=3)
    assert traffic.recent(4) == [(0, 10)] * 4


def test_recent_seconds_fall_to_zero_without_samples(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 5)
    clock.advance(3)
    assert traffic.recent(5) == [(0, 10), (0, 10), (0, 0), (0, 0), (0, 0)]


# minutes


def test_a_minute_sums_its_seconds_and_begins_on_the_minute(traffic: Traffic, clock: FakeClock) -> None:
    begin = clock.wall() // 60 * 60
    run(traffic, clock, int(begin + 60 - clock.wall()))
    assert traffic.take_minute() is None
    traffic.packets_sent += 4
    run(traffic, clock, 60)
    first = traffic.take_minute()
    assert first is not None and first.t == begin
    assert traffic.take_minute() is None
    run(traffic, clock, 1)
    assert traffic.take_minute() == Sample(begin + 60, 4, 600, 0, 60_000, 0, False)


def test_minutes_wait_until_they_are_taken(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 200)
    taken = [traffic.take_minute() for _ in range(4)]
    assert [minute.t % 60 for minute in taken if minute] == [0, 0, 0]
    assert taken[-1] is None


def test_a_stop_closes_the_minute_that_runs(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 10)
    minute = traffic.take_minute(unfinished=True)
    assert minute is not None
    assert minute.packets_received == 100


def test_all_minutes_together_are_the_totals(traffic: Traffic, clock: FakeClock) -> None:
    random = Random(5)
    minutes = []
    for _ in range(2000):
        if random.random() < 0.01:
            clock.step_wall(random.uniform(-100, 100))
        run(traffic, clock, 1, packets=random.randrange(50), step=random.choice((1, 1, 1, 4)))
        while minute := traffic.take_minute():
            minutes.append(minute)
    last = traffic.take_minute(unfinished=True)
    assert last is not None
    assert sum(minute.packets_received for minute in (*minutes, last)) == traffic.packets_received


def test_a_step_of_the_clock_marks_the_minute(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 130)
    while traffic.take_minute():
        pass
    clock.step_wall(3600)
    run(traffic, clock, 1)
    before = traffic.take_minute()
    run(traffic, clock, 60)
    after = traffic.take_minute()
    assert before is not None and after is not None
    assert (before.gap, after.gap) == (False, True)


# round trips


def test_round_trips_of_the_last_256_answers() -> None:
    trips = RoundTrips()
    assert (trips.last, trips.p50, trips.p99) == (None, None, None)
    trips.note(7.3)
    assert (trips.last, trips.p50, trips.p99) == (7.3, 7.3, 7.3)
    for ms in (*[1000.0] * 300, *range(1, 257)):
        trips.note(ms)
    assert (trips.last, trips.p50, trips.p99) == (256, 128, 254)
