import tracemalloc
from random import Random

import pytest

from edgeos.connections.traffic import Rates, Sample, Traffic
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


# the last hour


def test_history_has_the_deltas_of_each_second(traffic: Traffic, clock: FakeClock) -> None:
    traffic.packets_sent, traffic.packets_received, traffic.bytes_sent = 1, 2, 3
    traffic.bytes_received, traffic.errors = 4, 5
    clock.advance(1)
    traffic.sample()
    began = clock.wall()
    traffic.packets_sent += 10
    clock.advance(1)
    traffic.sample()
    assert traffic.history(60) == [Sample(began, 1, 2, 3, 4, 5, True), Sample(began + 1, 10, 0, 0, 0, 0, False)]


def test_history_answers_only_the_asked_seconds(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 100)
    assert times(traffic.history(3)) == [clock.wall() - 2, clock.wall() - 1, clock.wall()]
    clock.advance(2)
    assert times(traffic.history(3)) == [clock.wall() - 2]


def test_history_ends_after_an_hour(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 5000)
    samples = traffic.history(9000)
    assert len(samples) == 3600
    assert times(samples) == [clock.wall() - age for age in range(3599, -1, -1)]
    assert all(sample.packets_received == 10 for sample in samples)


def test_a_missed_second_is_absent_and_not_zero(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 3700)
    began = clock.wall()
    run(traffic, clock, 1, packets=30, step=3)
    run(traffic, clock, 1)
    assert times(traffic.history(6)) == [began - 1, began, began + 3, began + 4]
    assert [sample.packets_received for sample in traffic.history(6)] == [10, 10, 30, 10]


def test_a_pause_longer_than_the_ring_leaves_nothing_old(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 50)
    run(traffic, clock, 1, step=8000)
    assert times(traffic.history(3600)) == [clock.wall()]


def test_two_samples_of_one_second_add_up(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 5)
    run(traffic, clock, 1, packets=3, step=0.001)
    run(traffic, clock, 1, packets=7, step=0.999)
    assert [sample.packets_received for sample in traffic.history(2)] == [13, 7]


def test_jitter_around_the_second_loses_no_sample(traffic: Traffic, clock: FakeClock) -> None:
    random = Random(3)
    target = clock.monotonic() + 0.5
    for _ in range(600):
        target += 1
        run(traffic, clock, 1, step=target + random.uniform(-0.2, 0.2) - clock.monotonic())
    samples = traffic.history(600)
    assert len(samples) >= 599
    assert all(sample.packets_received == 10 for sample in samples)


def test_counts_of_one_second_saturate(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 1)
    traffic.errors += 70_000
    traffic.bytes_received += 2**33
    run(traffic, clock, 1, packets=3, step=0.6)
    traffic.errors += 70_000
    run(traffic, clock, 1, packets=3, step=0.6)
    sample = traffic.history(2)[-1]
    assert (sample.errors, sample.bytes_received) == (65_535, 2**32 - 1)
    assert traffic.errors == 140_000


def test_a_step_of_the_clock_marks_a_gap_and_later_samples_follow(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 10)
    before = clock.wall()
    clock.step_wall(-7200)
    run(traffic, clock, 3)
    samples = traffic.history(5)
    assert times(samples) == [before - 1, before, before - 7199, before - 7198, before - 7197]
    assert [sample.gap for sample in samples] == [False, False, True, False, False]


def test_a_clock_that_is_only_slewed_is_followed_without_gaps(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 10)
    for _ in range(3000):
        clock.step_wall(0.01)
        run(traffic, clock, 1)
    samples = traffic.history(3000)
    assert not any(sample.gap for sample in samples)
    assert samples[-1].t == pytest.approx(clock.wall(), abs=1)


def test_a_clock_that_never_comes_to_rest_costs_no_memory(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 1)
    tracemalloc.start()
    for _ in range(4000):
        clock.step_wall(5)
        run(traffic, clock, 1)
    assert tracemalloc.get_traced_memory()[0] < 16_000
    tracemalloc.stop()
    assert len(traffic.history(3600)) == 3600
    assert traffic.history(1)[0].t == clock.wall()


# over a restart


def restarted(traffic: Traffic, clock: FakeClock, pause: float) -> Traffic:
    blob = traffic.dump()
    clock.advance(pause)
    later = Traffic(clock)
    assert later.restore(blob)
    return later


def test_a_restart_keeps_the_seconds_with_their_times(traffic: Traffic, clock: FakeClock) -> None:
    random = Random(6)
    for _ in range(700):
        traffic.errors += random.randrange(100)
        traffic.bytes_sent += random.randrange(10**9)
        run(traffic, clock, 1, packets=random.randrange(10**6), step=random.choice((1, 1, 2)))
    before = traffic.history(3600)
    later = restarted(traffic, clock, 20.4)
    assert later.history(3600) == before
    assert later.dump() == traffic.dump()


def test_the_time_of_the_restart_stays_a_gap(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 100)
    end = clock.wall()
    later = restarted(traffic, clock, 20)
    run(later, clock, 5)
    samples = later.history(27)
    assert times(samples) == [end - 1, end, *(end + 21 + second for second in range(5))]
    assert [sample.gap for sample in samples] == [False, False, True, False, False, False, False]
    assert later.recent(27) == [(0, 10)] * 2 + [(0, 0)] * 20 + [(0, 10)] * 5


def test_what_is_older_than_an_hour_does_not_come_back(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 3600)
    later = restarted(traffic, clock, 3000)
    assert len(later.history(3600)) == 600
    run(later, clock, 500)
    assert len(later.history(3600)) == 600
    assert restarted(later, clock, 7200).history(3600) == []


def test_a_restore_that_comes_late_disturbs_nothing(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 3600)
    end, blob = clock.wall(), traffic.dump()
    clock.advance(9.7)
    later = Traffic(clock)
    run(later, clock, 10)
    present = later.history(10)
    assert later.restore(blob)
    assert later.history(10) == present
    assert times(later.history(22))[:2] == [end - 1, end]
    assert len(later.history(3600)) == 3600 - 10


def test_a_dump_from_a_clock_that_was_ahead_is_kept_before_now(traffic: Traffic, clock: FakeClock) -> None:
    run(traffic, clock, 100)
    kept = traffic.history(100)
    blob = traffic.dump()
    clock.step_wall(-1200)
    later = Traffic(clock)
    assert later.restore(blob)
    run(later, clock, 2)
    assert later.history(3600)[:-2] == kept
    clock.step_wall(-86_400)
    assert Traffic(clock).restore(blob)


def test_steps_of_the_clock_survive_a_restart(traffic: Traffic, clock: FakeClock) -> None:
    for _ in range(5):
        run(traffic, clock, 20)
        clock.step_wall(30)
    run(traffic, clock, 1)
    assert restarted(traffic, clock, 3).history(3600) == traffic.history(3600)


@pytest.mark.parametrize('spoil', [
    lambda blob: b'', lambda blob: b'EOT1', lambda blob: b'EOT2' + blob[4:], lambda blob: blob[:-1],
    lambda blob: blob[:90] + bytes([blob[90] ^ 1]) + blob[91:], lambda blob: bytes(len(blob)),
], ids=['empty', 'short', 'version', 'cut', 'bit', 'zeros'])  # fmt: skip
def test_an_unusable_dump_is_refused(traffic: Traffic, clock: FakeClock, spoil) -> None:  # type: ignore[no-untyped-def]
    run(traffic, clock, 1000)
    later = Traffic(clock)
    assert not later.restore(spoil(traffic.dump()))
    assert later.history(3600) == []
    run(later, clock, 2)
    assert len(later.history(3600)) == 2


def test_a_connection_without_samples_dumps_nothing(traffic: Traffic) -> None:
    assert traffic.dump() == b''


def test_everything_together_stays_below_80_kib() -> None:
    clock, random = FakeClock(), Random(8)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    traffic = Traffic(clock)
    unused = tracemalloc.get_traced_memory()[0] - before
    for _ in range(3700):
        traffic.round_trips.note(random.random())
        run(traffic, clock, 1, packets=random.randrange(10**5))
        traffic.take_minute()
    full = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert full <= 80 * 1024
    assert unused <= 5 * 1024
