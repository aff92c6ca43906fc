"""When a plugin is started again."""
from edgeos.plugins.supervisor import RARELY, Restarts


def restarts() -> Restarts:
    return Restarts(lambda: 0.5)


def test_the_wait_doubles_and_ends_at_a_minute() -> None:
    plan, now, waits = restarts(), 0.0, []
    for _ in range(9):
        now += 200  # so rarely that it is never given up
        waits.append(plan.crashed(now, None).delay)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_wait_varies_by_a_fifth() -> None:
    assert Restarts(lambda: 0.0).crashed(0, None).delay == 0.8
    assert Restarts(lambda: 1.0).crashed(0, None).delay == 1.2


def test_the_sixth_crash_in_ten_minutes_is_an_alert_and_then_it_is_tried_rarely() -> None:
    plan = restarts()
    found = [plan.crashed(100.0 * n, None) for n in range(6)]
    assert [each.alert for each in found] == [False] * 5 + [True]
    assert found[-1].delay == RARELY and found[-1].given_up
    again = plan.crashed(5000, None)
    assert (again.delay, again.given_up, again.alert) == (RARELY, True, False)


def test_six_crashes_in_more_than_ten_minutes_are_none() -> None:
    plan = restarts()
    assert not any(plan.crashed(121.0 * n, None).given_up for n in range(30))


def test_five_minutes_of_health_make_all_good() -> None:
    plan = restarts()
    for n in range(7):
        plan.crashed(n, None)
    assert plan.crashed(2000, 1701).given_up, '299 s'
    well = plan.crashed(4000, 3700)
    assert (well.delay, well.given_up) == (1, False)


def test_the_owner_starts_anew() -> None:
    plan = restarts()
    for n in range(7):
        plan.crashed(n, None)
    plan.forget()
    assert plan.crashed(8, None) == (1, False, False)
