"""The bucket alone: the mean it holds against a simulated hog, and what clocks may do to it."""
import pytest

from edgeos.limiter.bucket import DEBT, DEFIED, Act, Bucket


class SimulatedHog:
    """Runs whenever it may, with so many cores; `late` s is how much later than planned each look comes."""

    def __init__(self, limit: float, cores: float = 1.0, late: float = 0.0) -> None:
        self.bucket = Bucket(limit, 0.0, cores=4.0)
        self.cores, self.late = cores, late
        self.now = self.used = 0.0
        self.is_running = True
        self.stopped_at = self.longest_stop = 0.0

    def pass_time(self, seconds: float) -> float:
        used = seconds * self.cores * self.is_running
        self.now += seconds
        self.used += used
        return used

    def step(self, used: float, period: float = 0.05) -> float:
        act, wait = self.bucket.step(self.now, used, period)
        if act is Act.STOP and self.is_running:
            self.is_running, self.stopped_at = False, self.now
        elif act is Act.GO:
            self.is_running = True
            self.longest_stop = max(self.longest_stop, self.now - self.stopped_at)
        return wait

    def run(self, seconds: float, period: float = 0.05) -> float:
        """Percent of one core over that time."""
        began, used_before, wait = self.now, self.used, 0.0
        while self.now - began < seconds:
            wait = self.step(self.pass_time(wait + self.late), period)
        return 100 * (self.used - used_before) / (self.now - began)


MEANS = [(percent, cores, late) for percent in (1, 5, 25, 50, 80) for cores in (1.0, 2.0, 3.0)
         for late in (0.0001, 0.005, 0.02)
         if cores * (late + 0.004) < Bucket(percent / 100, 0.0).longest_stop * percent / 100]  # else a run takes more than the longest stop gives back


@pytest.mark.parametrize(('percent', 'cores', 'late'), MEANS)
def test_the_mean_is_the_limit_however_late_the_looks_come(percent: int, cores: float, late: float) -> None:
    hog = SimulatedHog(percent / 100, cores, late)
    hog.run(5)
    assert hog.run(30) == pytest.approx(percent, abs=0.5)


@pytest.mark.parametrize(('percent', 'most'), [(1, 2.0), (2, 2.0), (5, 0.9), (10, 0.9), (50, 0.9)])
def test_no_stop_is_longer_than_a_second_even_in_deep_debt_or_two_at_tiny_limits(percent: int, most: float) -> None:
    hog = SimulatedHog(percent / 100, late=0.01)
    hog.run(1)
    while not hog.is_running:
        hog.step(hog.pass_time(0.01))
    hog.step(hog.pass_time(8))  # nobody looked for 8 s
    hog.longest_stop = 0.0
    hog.run(20)
    assert 0.3 < hog.longest_stop <= most


def test_a_debt_beyond_two_seconds_of_the_limit_is_forgiven() -> None:
    hog = SimulatedHog(0.5)
    hog.step(8.0)
    assert hog.bucket.budget == -DEBT * 0.5
    hog.run(4)
    assert hog.run(5) == pytest.approx(50, abs=1)


@pytest.mark.parametrize('gap', [3.5, 60.0, 86_400.0])
def test_a_machine_that_slept_gives_neither_a_burst_nor_a_long_stop(gap: float) -> None:
    hog = SimulatedHog(0.25)
    hog.run(5)
    hog.now += gap  # the clock went on, nothing ran
    hog.step(0.0)
    hog.longest_stop = 0.0
    hog.stopped_at = hog.now
    assert hog.run(1) == pytest.approx(25, abs=4)
    assert hog.longest_stop < 0.3


def test_a_clock_that_steps_back_changes_nothing() -> None:
    hog = SimulatedHog(0.5)
    hog.run(3)
    hog.now -= 1000
    before = hog.bucket.budget
    hog.step(0.0)
    assert hog.bucket.budget == before
    assert hog.run(5) == pytest.approx(50, abs=2)


def test_a_limit_changes_while_it_stands_still() -> None:
    hog = SimulatedHog(0.05)
    hog.run(3)
    hog.bucket.limit = 0.8
    assert hog.run(2) == pytest.approx(80, abs=4)
    hog.bucket.limit = 0.1
    hog.run(1)
    assert hog.run(3) == pytest.approx(10, abs=1)


def test_what_uses_less_than_its_limit_is_never_stopped() -> None:
    hog = SimulatedHog(0.5, cores=0.3)
    hog.run(1)  # at its beginning once
    hog.longest_stop = 0.0
    hog.run(20)
    assert hog.longest_stop == 0.0 and hog.is_running


def test_who_is_continued_by_somebody_else_is_stopped_again() -> None:
    bucket = Bucket(0.1, 0.0, cores=2.0)
    act, _ = bucket.step(0.1, 0.1, 0.1)
    assert act is Act.STOP
    act, wait = bucket.step(0.15, 0.05, 0.1)
    assert act is Act.STOP and wait <= DEFIED  # and looked at again soon
    assert bucket.step(0.16, 0.0, 0.1)[0] is Act.NOTHING
