"""The last hour of one numeric point, small enough to keep thousands of them."""
from array import array
from bisect import bisect_left, bisect_right
from math import inf, nan

CAPACITY = 160  # samples: 40 raw and at most 101 thinned ones leave 19 places after each thinning
RAW = 40  # the newest samples, never thinned
SPACING = 36.0  # s between thinned samples
HOUR = 3600.0  # s
SIZES = (6, CAPACITY)  # one large step: outgrown arrays of several sizes leave holes in the heap

_ONE = array('d', (nan,))
_NOTHING = array('d')  # shared by all empty rings and never written: its length is 0


class PointRing:
    """Times (epoch s) and values of one point, oldest first; a value that is NaN marks a gap.

    While there is room every sample stays. A full ring keeps its newest 40 samples, one older sample every 36 s, and
    nothing older than an hour. Two plain arrays that grow in steps: 2.8 KB when full, 64 bytes while empty.
    """

    __slots__ = ('_count', '_thinned', '_times', '_values')

    def __init__(self) -> None:
        self._times = _NOTHING
        self._values = _NOTHING
        self._count = 0
        self._thinned = 0  # so many of the oldest samples have their spacing already

    def append(self, t: float, value: float) -> None:
        """Keep a sample. A time before the newest one means that the clock was set back: what is newer goes."""
        count = self._count
        times = self._times
        if count and t < times[count - 1]:
            count = self._step_back(t)
        if count == len(times):
            count = self._make_room()
            times = self._times
        try:
            self._values[count] = value
        except OverflowError:  # a whole number beyond any float
            self._values[count] = nan
        times[count] = t
        self._count = count + 1

    def mark_gap(self, t: float) -> None:
        """No line may be drawn from the newest sample to the next one."""
        if self._count and not self._is_gap(self._count - 1):
            self.append(max(t, self._times[self._count - 1]), nan)

    def values(self, since: float) -> list[tuple[float, float]]:
        """Pairs of time and value from `since` (epoch s) on, oldest first; a value of NaN is a gap."""
        start = bisect_left(self._times, since, 0, self._count)
        return list(zip(self._times[start:self._count], self._values[start:self._count], strict=True))

    def _is_gap(self, index: int) -> bool:
        value = self._values[index]
        return value != value

    def _step_back(self, t: float) -> int:
        self._count = bisect_right(self._times, t, 0, self._count)
        self._thinned = min(self._thinned, self._count)
        self.mark_gap(t)
        return self._count

    def _make_room(self) -> int:
        if self._count >= CAPACITY:
            return self._thin()
        size = next(size for size in SIZES if size > self._count)
        times, values = _ONE * size, _ONE * size  # exactly that size: array.append would reserve more
        times[:self._count], values[:self._count] = self._times, self._values
        self._times, self._values = times, values
        return self._count

    def _thin(self) -> int:
        times, values, count = self._times, self._values, self._count
        expired = bisect_right(times, times[count - 1] - HOUR, 0, count)
        raw = max(expired, count - RAW)
        kept = max(0, self._thinned - expired)
        if expired:
            times[:kept] = times[expired:expired + kept]
            values[:kept] = values[expired:expired + kept]
        due, gap = self._due(kept)
        for index in range(expired + kept, raw):
            t, value = times[index], values[index]
            if value == value:
                if t < due:
                    continue
                due, gap = t + SPACING, False
            elif gap:
                continue
            else:  # the mark takes a place, which the next value makes up for by coming later
                due, gap = due + SPACING, True
            times[kept], values[kept] = t, value
            kept += 1
        self._thinned = kept
        self._count = kept + count - raw
        times[kept:self._count] = times[raw:count]
        values[kept:self._count] = values[raw:count]
        return self._count

    def _due(self, kept: int) -> tuple[float, bool]:
        """When the next value may follow the first `kept` samples, and whether those end in a gap."""
        if kept == 0:
            return -inf, True
        gap = self._is_gap(kept - 1)
        if gap and kept > 1:
            return self._times[kept - 2] + 2 * SPACING, gap
        return self._times[kept - 1] + SPACING, gap
