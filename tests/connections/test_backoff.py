"""When to try again."""
from edgeos.connections.backoff import Backoff


def delays(backoff, count, step_of=lambda delay: delay):
    now, found = 0.0, []
    for _ in range(count):
        delay = backoff.next_delay(now)
        found.append((now, delay))
        now += step_of(delay)
    return found


def test_tries_every_second_for_thirty_seconds_then_ever_more_rarely():
    found = delays(Backoff(rng=lambda: 0.5), 40)
    assert [delay for at, delay in found if at < 30] == [1.0] * 30
    assert [delay for at, delay in found if at >= 30] == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0, 60.0]


def test_jitter_is_a_fifth_each_way():
    assert Backoff(rng=lambda: 0.0).next_delay(0) == 0.8
    assert Backoff(rng=lambda: 1.0).next_delay(0) == 1.2


def test_costly_attempts_are_rare_from_the_start():
    backoff = Backoff(rng=lambda: 0.5)
    assert [backoff.next_delay(n, eager=False) for n in range(7)] == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_a_new_outage_begins_anew_and_counts_its_own_attempts():
    backoff = Backoff(rng=lambda: 0.5)
    delays(backoff, 40)
    assert backoff.attempt == 40
    backoff.reset()
    assert backoff.attempt == 0
    assert backoff.next_delay(1000.0) == 1.0


def test_each_lost_link_is_tried_often_at_first_and_patience_is_not_forgotten():
    backoff = Backoff(rng=lambda: 0.5)
    delays(backoff, 33)
    backoff.begin_outage()
    found = [delay for _, delay in delays(backoff, 32)]
    assert found == [1.0] * 30 + [16.0, 32.0]
