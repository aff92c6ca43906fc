import tracemalloc
from itertools import pairwise
from math import isnan
from random import Random

from edgeos.ring import CAPACITY, HOUR, RAW, SPACING, PointRing

START = 1_700_000_000.0


def ring_of(seconds: int, step: float = 1.0) -> PointRing:
    ring = PointRing()
    for tick in range(int(seconds / step)):
        ring.append(START + tick * step, float(tick))
    return ring


def times(ring: PointRing) -> list[float]:
    return [t for t, _ in ring.values(0)]


def gaps(ring: PointRing) -> list[float]:
    return [t for t, value in ring.values(0) if isnan(value)]


def test_every_sample_stays_while_there_is_room() -> None:
    assert ring_of(CAPACITY).values(0) == [(START + tick, float(tick)) for tick in range(CAPACITY)]


def test_an_empty_ring_has_nothing_and_its_gaps_are_nowhere() -> None:
    ring = PointRing()
    ring.mark_gap(START)
    assert ring.values(0) == []


def test_values_begin_at_the_asked_time() -> None:
    assert ring_of(100).values(START + 98) == [(START + 98, 98.0), (START + 99, 99.0)]
    assert ring_of(100).values(START + 98.5) == [(START + 99, 99.0)]


def test_a_full_ring_keeps_the_newest_raw_and_spaces_what_is_older() -> None:
    ring = ring_of(5000)
    kept = times(ring)
    assert kept[-RAW:] == [START + 4960 + tick for tick in range(RAW)]
    older = [t for t in kept if t < START + 4999 - CAPACITY]
    assert len(older) > 90
    assert all(after - before >= SPACING for before, after in pairwise(older))


def test_nothing_older_than_an_hour_survives_a_full_ring() -> None:
    ring = ring_of(9000)
    assert times(ring)[0] >= START + 9000 - HOUR - CAPACITY
    ring.append(START + 20_000, 1.0)
    for tick in range(CAPACITY):
        ring.append(START + 20_001 + tick, 1.0)
    assert times(ring)[0] >= START + 20_000


def test_slow_points_keep_the_whole_hour() -> None:
    ring = ring_of(40_000, step=36.0)
    assert len([t for t in times(ring) if t > START + 40_000 - HOUR]) >= 99


def test_a_gap_is_marked_once() -> None:
    ring = ring_of(3)
    ring.mark_gap(START + 10)
    ring.mark_gap(START + 11)
    ring.append(START + 20, 1.0)
    assert gaps(ring) == [START + 10]


def test_no_line_is_ever_drawn_across_an_outage() -> None:
    random = Random(4)
    for life in (2, 10, 50, 400):
        ring, t, outages = PointRing(), START, []
        for _ in range(4000):
            t += random.random() * 3
            if random.random() < 1 / life:
                ring.mark_gap(t)
                outages.append(t)
            else:
                ring.append(t, 1.0)
        kept = ring.values(0)
        for (before, value), (after, next_value) in pairwise(kept):
            crossed = any(before < outage < after for outage in outages)
            assert not crossed or isnan(value) or isnan(next_value)


def test_thinning_always_makes_room_and_keeps_the_order() -> None:
    random = Random(7)
    for pace in (0.001, 0.1, 1.0, 10.0, 35.0, 37.0, 500.0):
        ring, t = PointRing(), START
        thinnings, appends = 0, 0
        before = 0
        for _ in range(6000):
            t += pace * random.random() * 2
            if random.random() < 0.3:
                ring.mark_gap(t)
            ring.append(t, random.random())
            appends += 1
            count = len(ring.values(0))
            thinnings += count < before
            before = count
        assert times(ring) == sorted(times(ring))
        assert thinnings <= appends * 1.3 / 18 + 1


def test_a_clock_set_back_drops_what_is_newer_and_marks_a_gap() -> None:
    ring = ring_of(100)
    ring.append(START + 50.5, -1.0)
    assert ring.values(START + 49)[:2] == [(START + 49, 49.0), (START + 50, 50.0)]
    assert gaps(ring) == [START + 50.5]
    assert ring.values(0)[-1] == (START + 50.5, -1.0)


def test_thinning_goes_on_after_a_clock_set_back_far() -> None:
    ring = ring_of(5000)
    back = START + 3000
    for tick in range(1, 500):
        ring.append(back + tick, 1.0)
    older = [t for t, value in ring.values(back + 1) if not isnan(value)][:-CAPACITY]
    assert all(after - before >= SPACING for before, after in pairwise(older))
    assert len([t for t in times(ring) if back < t <= back + 300]) <= 10


def test_a_clock_set_back_before_everything_leaves_only_the_new_sample() -> None:
    ring = ring_of(5000)
    ring.append(1.0, 2.0)
    assert ring.values(0) == [(1.0, 2.0)]


SEVEN_WEEKS = 2**32 / 1000  # s, and with one more millisecond the times need a new base


def test_weeks_between_two_samples_are_right_to_the_millisecond() -> None:
    ring = PointRing()
    for offset in (0.0, 0.001, 864_000.25, SEVEN_WEEKS - 0.001):
        ring.append(START + offset, offset)
    assert [(round(t - START, 3), value) for t, value in ring.values(0)] == [
        (0.0, 0.0), (0.001, 0.001), (864_000.25, 864_000.25), (SEVEN_WEEKS - 0.001, SEVEN_WEEKS - 0.001)]  # fmt: skip
    ring.append(START + SEVEN_WEEKS + 100 * 86_400, 7.0)
    assert ring.values(0) == [(START + SEVEN_WEEKS + 100 * 86_400, 7.0)]


def test_after_seven_weeks_the_last_hour_stays_with_its_gaps_and_is_thinned_as_before() -> None:
    ring, begin = PointRing(), START + int(SEVEN_WEEKS) - 2000
    ring.append(START, -1.0)
    for tick in range(1900):
        ring.append(begin + tick, float(tick))
    ring.mark_gap(begin + 1900)
    before = ring.values(begin)
    for tick in range(2000, 2002):
        ring.append(begin + tick, float(tick))
    assert [(round(t, 3), value) for t, value in ring.values(0) if not isnan(value)] == [
        *((round(t, 3), value) for t, value in before if not isnan(value)), (begin + 2000, 2000.0), (begin + 2001, 2001.0)]
    assert [round(t) for t in gaps(ring)] == [begin + 1900]
    for tick in range(2002, 3500):
        ring.append(begin + tick, float(tick))
    older = [t for t, value in ring.values(0) if not isnan(value)][:-CAPACITY]
    assert all(after - earlier >= SPACING - 0.002 for earlier, after in pairwise(older))


def test_a_time_that_it_has_told_leads_to_its_sample() -> None:
    ring = PointRing()
    for tick in range(100):
        ring.append(START + 0.123 + tick * 0.1, float(tick))
    assert all(ring.values(t)[0] == (t, value) for t, value in ring.values(0))


def test_a_point_that_seldom_changes_keeps_what_it_has_for_weeks() -> None:
    ring = ring_of(100 * 3600, step=3600.0)
    assert times(ring) == [START + tick * 3600 for tick in range(100)]


def test_order_survives_a_clock_that_jumps_at_random() -> None:
    random = Random(1)
    ring, t = PointRing(), START
    for _ in range(20_000):
        t += random.choice((0.1, 1.0, 40.0, -0.5, -100.0, 5000.0)) if random.random() < 0.05 else 0.5
        ring.append(t, t)
        if random.random() < 0.02:
            ring.mark_gap(t - random.random())
    kept = times(ring)
    assert kept == sorted(kept)
    assert all(isnan(value) or value == at for at, value in ring.values(0))


def test_a_whole_number_beyond_any_float_is_a_gap_not_an_error() -> None:
    ring = ring_of(2)
    ring.append(START + 5, 10**400)
    ring.append(START + 6, True)
    assert gaps(ring) == [START + 5]
    assert ring.values(0)[-1] == (START + 6, 1.0)


def test_thousands_of_full_rings_stay_small() -> None:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    rings = [ring_of(400) for _ in range(100)]
    full = (tracemalloc.get_traced_memory()[0] - before) / len(rings)
    few = [ring_of(4) for _ in range(100)]
    small = (tracemalloc.get_traced_memory()[0] - before - full * len(rings)) / len(few)
    tracemalloc.stop()
    assert full <= 2250
    assert small <= 450
