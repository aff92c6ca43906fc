"""When it is decided, by a clock that moves when told."""
import pytest

from tests.limiter.scripted import PID, Script


@pytest.mark.parametrize('limit', [5, 25, 50, 80])
def test_a_hog_is_held_within_four_seconds_of_its_registration(limit: float) -> None:
    script = Script(limit, 0.5)
    assert script.run(60, script.is_held) <= 4


@pytest.mark.parametrize('interval', [0.1, 0.5, 5, 10, 60])
def test_a_hog_is_held_after_a_few_looks_however_far_they_are_apart(interval: float) -> None:
    script = Script(50, interval)
    assert script.run(20 * interval, script.is_held) <= 4 * interval + 1
    script.run(5 * interval)
    assert script.is_held() and script.watched.debt > 0
    assert script.watched.row['average_cpu_percent'] > 40


@pytest.mark.parametrize('interval', [0.5, 10])
def test_after_a_suspend_the_samples_count_anew_however_far_the_looks_are_apart(interval: float) -> None:
    script = Script(50, interval)
    script.demand = 0.0
    script.run(5 * interval)
    script.clock.advance(4 * max(5, interval))
    script.view.used[PID] += 100.0
    script.run(2 * interval)
    assert script.watched.row['average_cpu_percent'] < 1 and not script.is_held()


@pytest.mark.parametrize('demand', [0.8, 1.0, 4.0])
@pytest.mark.parametrize('held', [5, 300])
def test_one_that_has_become_idle_is_let_go_within_twenty_samples(demand: float, held: float) -> None:
    script = Script(50, 0.5)
    script.demand = demand
    script.run(20, script.is_held)
    script.overshoot = 1.1  # it is not held quite at its limit
    script.run(held)
    assert script.is_held()
    script.demand = 0.0
    assert script.run(60, lambda: not script.is_held()) <= 21 * 0.5
