"""What processes used in the last hour is kept by name, bounded, and survives their restarts."""
import asyncio
from typing import Any

import pytest

from edgeos.usage import EVERY, HOUR, MOST_NAMES, MOST_SAMPLES, SLACK, Usage, Used
from tests.helpers import FakeClock, eventually


class Watch:
    """A limiter that sees what it is told."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}

    def see(self, **used: tuple[float, float]) -> None:
        self.rows = {pid: {'name': name, 'average_cpu_percent': cpu, 'memory_mb': memory}
                     for pid, (name, (cpu, memory)) in enumerate(used.items())}  # fmt: skip

    def get_stats(self) -> dict[str, Any]:
        return {'processes': self.rows}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def usage(watch: Watch, clock: FakeClock) -> Usage:
    return Usage(watch.get_stats, clock)


def test_a_pause_between_two_lives_is_a_hole(usage: Usage, watch: Watch, clock: FakeClock) -> None:
    begun = clock.wall()
    for used in ({'a': (1.0, 10.0)}, {}, {'a': (2.0, 20.0)}):
        watch.see(**used)
        usage.note()
        clock.advance(EVERY)
    assert usage.recent('a') == [Used(begun, 1.0, 10.0), Used(begun + 2 * EVERY, 2.0, 20.0)]
    assert usage.recent('a', 3.0) == [Used(begun + 2 * EVERY, 2.0, 20.0)]
    assert usage.recent('nobody') == []


def test_no_more_than_an_hour_is_kept(usage: Usage, watch: Watch, clock: FakeClock) -> None:
    watch.see(a=(1.0, 10.0))
    for _sample in range(MOST_SAMPLES + 2 * SLACK):
        usage.note()
        clock.advance(EVERY)
    assert len(usage.recent('a', 10 * HOUR)) == MOST_SAMPLES
    assert len(usage._rings['a'].since(0)) <= MOST_SAMPLES + SLACK
    watch.see()
    clock.advance(HOUR)
    usage.note()
    assert usage._rings == {}


def test_a_life_shorter_than_a_sample_counts_as_a_start(usage: Usage, clock: FakeClock) -> None:
    for _start in range(3):
        usage.note_start('a')
        clock.advance(0.5)
    assert usage.starts('a') == 3
    clock.advance(HOUR - 1.2)
    usage.note()
    assert usage.starts('a') == 2


def test_of_very_many_names_the_oldest_go(usage: Usage, clock: FakeClock) -> None:
    for number in range(MOST_NAMES + 5):
        usage.note_start(f'p{number}')
        clock.advance(1)
    assert len(usage._rings) == MOST_NAMES
    assert 'p4' not in usage._rings and 'p5' in usage._rings


def test_what_lies_in_the_future_goes_when_the_clock_is_set_back(usage: Usage, watch: Watch, clock: FakeClock) -> None:
    watch.see(a=(1.0, 10.0))
    usage.note()
    clock.step_wall(-600)
    usage.note()
    assert usage.recent('a') == [Used(clock.wall(), 1.0, 10.0)]


def test_starts_in_the_future_do_not_count(usage: Usage, clock: FakeClock) -> None:
    usage.note_start('a')
    clock.step_wall(-600)
    assert usage.starts('a') == 0


async def test_a_limiter_that_fails_is_told_once_and_asked_again(
    usage: Usage, watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr('edgeos.usage.EVERY', 0.01)
    watch.rows = {1: {'name': 'half a row'}}
    usage.start()
    await eventually(lambda: caplog.records)
    await asyncio.sleep(0.1)
    watch.see(a=(1.0, 10.0))
    await eventually(lambda: usage.recent('a'))
    usage.stop()
    assert sum('usage of the processes' in record.getMessage() for record in caplog.records) == 1
