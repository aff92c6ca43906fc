import pytest

from edgeos.reporting.noise import EVERY, MOST_KNOWN, MOST_NEW, MOST_TOLD, NoiseGate
from tests.helpers import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def gate(clock: FakeClock) -> NoiseGate:
    return NoiseGate(clock)


def test_equal_ones_are_told_once_a_minute_with_a_count_of_the_rest(gate: NoiseGate, clock: FakeClock) -> None:
    assert gate.admit('a') == 0
    assert [gate.admit('a') for _ in range(9)] == [None] * 9
    clock.advance(EVERY - 0.1)
    assert gate.admit('a') is None
    clock.advance(0.1)
    assert gate.admit('a') == 10
    clock.advance(EVERY)
    assert gate.admit('a') == 0


def test_different_ones_do_not_wait_for_each_other(gate: NoiseGate) -> None:
    assert [gate.admit(name) for name in 'abc'] == [0, 0, 0]


def test_a_step_of_the_wall_clock_changes_nothing(gate: NoiseGate, clock: FakeClock) -> None:
    gate.admit('a')
    clock.step_wall(86400)
    assert gate.admit('a') is None
    clock.step_wall(-2 * 86400)
    clock.advance(EVERY)
    assert gate.admit('a') == 1


def test_all_together_are_told_only_so_often(gate: NoiseGate, clock: FakeClock) -> None:
    told = [gate.admit(str(number)) for number in range(1000)]
    assert told.count(0) == MOST_TOLD and told.count(None) == 1000 - MOST_TOLD
    clock.advance(EVERY)
    assert gate.admit('999') == 1, 'what was left out for lack of room is told later, with its count'


def test_too_many_new_ones_are_told_in_groups(gate: NoiseGate, clock: FakeClock) -> None:
    chosen = [gate.choose(f'fine {number}', f'kind {number % 3}', 'all') for number in range(10_000)]
    assert chosen[:MOST_NEW] == [f'fine {number}' for number in range(MOST_NEW)]
    assert set(chosen[MOST_NEW:]) == {'all'}
    assert gate.choose('fine 7', 'kind 1', 'all') == 'fine 7', 'what is known stays itself'
    clock.advance(EVERY)
    assert gate.choose('fine 9999', 'kind 0', 'all') == 'fine 9999'


def test_a_kind_that_is_known_takes_its_new_ones(gate: NoiseGate) -> None:
    assert gate.choose('kind 1') == 'kind 1'
    for number in range(1000):
        gate.choose(f'fine {number}', 'all')
    assert gate.choose('new', 'kind 1', 'all') == 'kind 1'


def test_memory_is_bounded(gate: NoiseGate, clock: FakeClock) -> None:
    for number in range(3 * MOST_KNOWN):
        clock.advance(2)
        gate.admit(gate.choose(str(number), 'all'))
    assert len(gate._known) <= MOST_KNOWN


def test_it_may_be_wider(clock: FakeClock) -> None:
    wide = NoiseGate(clock, 1.0, 100, 150)
    chosen = [wide.choose(f'n{number}', 'all') for number in range(120)]
    assert len(set(chosen)) == 101 and all(wide.admit(name) == 0 for name in chosen[:100])
