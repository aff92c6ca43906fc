"""The last hour of one numeric point, small enough to keep thousands of them."""
from array import array
from bisect import bisect_left, bisect_right
from math import floor, inf, nan

CAPACITY = 160  # samples: 40 raw and at most 101 thinned ones leave 19 places after each thinning
RAW = 40  # the newest samples, never thinned
SPACING = 36.0  # s between thinned samples
SPACING_MS = SPACING * 1000
HOUR = 3600.0  # s
SIZES = (6, CAPACITY)  # one large step: outgrown arrays of several sizes leave holes in the heap

_LATEST = 2**32 - 1  # ms after its base that a time can be: seven weeks
_MS = array('I', (0,))
_VALUE = array('d', (nan,))
_NO_TIMES, _NO_VALUES = array('I'), array('d')  # shared by all empty rings and never written: their length is 0


class PointRing:
    """Times (epoch s) and values of one point, oldest first; a value that is NaN marks a gap.

    While there is room every sample stays. A full ring keeps its newest 40 samples, one older sample every 36 s, and
    nothing older than an hour; so does one whose oldest sample is seven weeks old. Two plain arrays that grow in steps,
    the times in ms after a base of their own: 2.2 KB when full, 72 bytes while empty.
    """

    __slots__ = ('_base', '_count', '_thinned', '_times', '_values')

    def __init__(self) -> None:
        self._base = 0.0  # epoch s, of the oldest sample there was
        self._times = _NO_TIMES
        self._values = _NO_VALUES
        self._count = 0
        self._thinned = 0  # so many of the oldest samples have their spacing already

    def append(self, t: float, value: float) -> None:
        """Keep a sample. A time before the newest one means that the clock was set back: what is newer goes."""
        count = self._count
        times = self._times
        at = floor((t - self._base) * 1000 + 0.5)
        if not count or not times[count - 1] <= at <= _LATEST:
            at = self._fit(t, at)
            count, times = self._count, self._times
        if count == len(times):
            count = self._make_room()
            times = self._times
        try:
            self._values[count] = value
        except OverflowError:  # a whole number beyond any float
            self._values[count] = nan
        times[count] = at
        self._count = count + 1

    def mark_gap(self, t: float) -> None:
        """No line may be drawn from the newest sample to the next one."""
        if self._count and not self._is_gap(self._count - 1):
            self.append(max(t, self._time(self._count - 1)), nan)

    def values(self, since: float) -> list[tuple[float, float]]:
        """Pairs of time and value from `since` (epoch s) on, oldest first; a value of NaN is a gap."""
        base, times, values = self._base, self._times, self._values
        start = bisect_left(times, (since - base) * 1000 - 0.5, 0, self._count)
        return [(base + times[index] / 1000, values[index]) for index in range(start, self._count)]

    def _time(self, index: int) -> float:
        return self._base + self._times[index] / 1000

    def _is_gap(self, index: int) -> bool:
        value = self._values[index]
        return value != value

    def _fit(self, t: float, at: int) -> int:
        """The place on the ring's own scale for a time that is not simply the next one."""
        if self._count and at <= _LATEST:
            self._step_back(t, at)
        elif self._count:
            last_hour = self.values(t - HOUR)
            self._count = self._thinned = 0
            for sample in last_hour:
                self.append(*sample)
        if not self._count:
            self._base = t
        return floor((t - self._base) * 1000 + 0.5)

    def _step_back(self, t: float, at: int) -> None:
        self._count = bisect_right(self._times, at, 0, self._count)
        self._thinned = min(self._thinned, self._count)
        self.mark_gap(t)

    def _make_room(self) -> int:
        if self._count >= CAPACITY:
            return self._thin()
        size = next(size for size in SIZES if size > self._count)
        times, values = _MS * size, _VALUE * size  # exactly that size: array.append would reserve more
        times[:self._count], values[:self._count] = self._times, self._values
        self._times, self._values = times, values
        return self._count

    def _thin(self) -> int:
        times, values, count = self._times, self._values, self._count
        expired = bisect_right(times, times[count - 1] - HOUR * 1000, 0, count)
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
                due, gap = t + SPACING_MS, False
            elif gap:
                continue
            else:  # the mark takes a place, which the next value makes up for by coming later
                due, gap = due + SPACING_MS, True
            times[kept], values[kept] = t, value
            kept += 1
        self._thinned = kept
        self._count = kept + count - raw
        times[kept:self._count] = times[raw:count]
        values[kept:self._count] = values[raw:count]
        return self._count

    def _due(self, kept: int) -> tuple[float, bool]:
        """When (ms) the next value may follow the first `kept` samples, and whether those end in a gap."""
        if kept == 0:
            return -inf, True
        gap = self._is_gap(kept - 1)
        if gap and kept > 1:
            return self._times[kept - 2] + 2 * SPACING_MS, gap
        return self._times[kept - 1] + SPACING_MS, gap
