"""Decisions as the contract has them, without any process."""
from math import inf

import pytest

from edgeos.limiter.decide import Average, MemoryLevel, MemoryWatch, Verdict, debt_after, judge, memory_reason


def average_of(*percents: float, interval: float = 0.5) -> Average:
    average = Average(100.0)
    for number, percent in enumerate(percents, start=1):
        average.add(100.0 + number * interval, percent / 100 * interval)
    return average


def test_nothing_is_judged_before_three_samples() -> None:
    assert judge(average_of(100, 100), 50, False) is Verdict.KEEP
    assert judge(average_of(100, 100, 100), 50, False) is Verdict.THROTTLE


def test_an_idle_process_that_turns_into_a_hog_is_throttled_after_six_samples() -> None:
    idle = [0.0] * 10
    assert judge(average_of(*idle, *[100.0] * 5), 50, False) is Verdict.KEEP
    assert judge(average_of(*idle, *[100.0] * 6), 50, False) is Verdict.THROTTLE


def test_only_the_last_ten_samples_count() -> None:
    assert average_of(*[100] * 20, *[0] * 10).percent == 0
    assert average_of(*[100] * 5, *[0] * 5).percent == pytest.approx(50)


def test_samples_of_unequal_length_weigh_as_long_as_they_are() -> None:
    average = Average(0.0)
    average.add(0.5, 0.5)
    average.add(2.5, 0.0)
    assert average.percent == pytest.approx(20)
    assert average.latest == 0


@pytest.mark.parametrize(('percent', 'verdict'), [(51, Verdict.KEEP), (41, Verdict.KEEP), (39, Verdict.RELEASE)])
def test_it_is_released_below_four_fifths_of_the_limit(percent: float, verdict: Verdict) -> None:
    assert judge(average_of(*[percent] * 10), 50, True) is verdict


def test_who_uses_little_only_because_of_others_stays_held() -> None:
    assert judge(average_of(*[20] * 10), 50, True, wanted=45) is Verdict.KEEP
    assert judge(average_of(*[20] * 10), 50, True, wanted=30) is Verdict.RELEASE
    assert judge(average_of(*[20] * 10), 50, False, wanted=200) is Verdict.KEEP


@pytest.mark.parametrize('limit', [1, 2, 5])
def test_bursts_far_apart_are_not_free(limit: float) -> None:
    """Half a second of every five: each sample that is not held may take all of it."""
    average, debt, most, owed, used, is_throttled = Average(0.0), 0.0, 0.0, 0.0, 0.0, False
    for number in range(1, 2001):
        owed += 0.5 if number % 10 == 0 else 0.0
        now = min(owed, limit / 100 * 0.5) if is_throttled else min(owed, 0.5)
        owed, used = min(1.0, owed - now), used + now
        average.add(number * 0.5, now)
        debt = debt_after(debt, now, 0.5, limit, most=most if is_throttled else inf)
        verdict = judge(average, limit, is_throttled, debt=debt)
        most = debt if verdict is Verdict.THROTTLE else most
        is_throttled = verdict is Verdict.THROTTLE or (is_throttled and verdict is not Verdict.RELEASE)
    assert 100 * used / 1000 == pytest.approx(limit, rel=0.2)


def test_a_debt_is_paid_by_what_is_left_unused_and_has_an_end() -> None:
    debt = debt_after(0.0, 0.5, 0.5, 50)
    assert debt == pytest.approx(0.25)
    assert debt_after(debt, 0.0, 0.5, 50) == 0
    assert debt_after(0.0, 100.0, 0.5, 50) == pytest.approx(20 * 0.25)
    assert debt_after(0.2, 0.5, 0.5, 50, most=0.2) == 0.2 and debt_after(0.2, 0.1, 0.5, 50, most=0.2) == pytest.approx(0.05)
    assert debt_after(5.0, 0.0, 3600.0, 50) == debt_after(5.0, 0.0, 0.5, None) == 0
    assert judge(average_of(*[20] * 10), 50, True, debt=0.1) is Verdict.KEEP


def test_no_limit_releases_at_once_and_never_throttles() -> None:
    assert judge(average_of(100), None, True) is Verdict.RELEASE
    assert judge(average_of(*[200] * 10), None, False) is Verdict.KEEP


def test_after_a_long_gap_the_samples_count_anew() -> None:
    average = average_of(*[100] * 10)
    average.add(average.at + 3600, 0.0)
    assert (average.count, average.percent) == (0, 0)
    assert judge(average, 50, False) is Verdict.KEEP


def test_a_clock_that_steps_back_adds_no_sample() -> None:
    average = average_of(10, 10, 10)
    average.add(50.0, 1.0)
    assert average.count == 3
    average.add(50.5, 0.05)
    assert average.percent == pytest.approx(10)


def told(*megabytes: float, limit: float | None = 100.0) -> list[MemoryLevel | None]:
    watch = MemoryWatch()
    return [watch.add(mb, limit) for mb in megabytes]


def test_memory_above_the_limit_is_told_once_after_three_samples() -> None:
    assert told(101, 102, 103, 104, 105) == [None, None, MemoryLevel.OVER, None, None]
    assert told(101, 102, 99, 101, 102) == [None] * 5


def test_far_above_it_is_told_at_once() -> None:
    assert told(151, 160) == [MemoryLevel.URGENT, None]


def test_an_excess_that_grows_is_told_once_more_as_urgent() -> None:
    assert told(110, 110, 110, 151, 110, 160) == [None, None, MemoryLevel.OVER, MemoryLevel.URGENT, None, None]


def test_it_is_told_again_only_after_the_memory_was_given_back() -> None:
    assert told(151, 95, 151, 50, 151) == [MemoryLevel.URGENT, None, None, None, MemoryLevel.URGENT]


def test_a_warning_comes_before() -> None:
    watch = MemoryWatch()
    levels = []
    for mb in (80, 91, 99, 101):
        watch.add(mb, 100)
        levels.append(watch.level.value)
    assert levels == ['ok', 'warning', 'warning', 'warning']
    assert told(1000, 1000, 1000, 1000, limit=None) == [None] * 4


def test_the_reason_is_a_sentence_with_both_numbers() -> None:
    assert memory_reason(182.4, 150) == '182 MB of memory, above its limit of 150 MB'
