"""What a connection has sent and received: counters for the hottest loop, rates, round trips, the last hour."""
from array import array
from math import ceil
from typing import NamedTuple

from edgeos.clock import Clock
from edgeos.connections.seconds import Counts, Sample, SecondRing

__all__ = ['Rates', 'RoundTrips', 'Sample', 'Traffic']

STEP = 2.0  # s the wall clock may move against the monotonic one between two samples before that is a gap
STALE = 2.5  # s without a sample after which the rates begin to fall
BEAT = 0.02  # s a sample may come beside the beat and still count as on it, so that steady traffic shows steady rates
MOST_MINUTES = 60  # complete minutes that wait to be taken

_TICKS = 64  # samples behind the rates: 60 s need 61


class Rates(NamedTuple):
    """Per second, averaged over a window."""

    packets_sent: float
    packets_received: float
    bytes_sent: float
    bytes_received: float
    errors: float


class RoundTrips:
    """The last 256 answers, in ms; all figures are None before the first."""

    __slots__ = ('_count', '_times')
    KEPT = 256

    def __init__(self) -> None:
        self._times = array('d')
        self._count = 0

    def note(self, ms: float) -> None:
        """An answer took so long."""
        if self._count < self.KEPT:
            self._times.append(ms)
        else:
            self._times[self._count % self.KEPT] = ms
        self._count += 1

    @property
    def last(self) -> float | None:
        return self._times[(self._count - 1) % self.KEPT] if self._count else None

    @property
    def p50(self) -> float | None:
        return self._percentile(0.50)

    @property
    def p99(self) -> float | None:
        return self._percentile(0.99)

    def _percentile(self, share: float) -> float | None:
        """The nearest rank."""
        ordered = sorted(self._times)
        return ordered[ceil(share * len(ordered)) - 1] if ordered else None


class Ticks:
    """The totals at the last 64 samples, to be subtracted from each other. Times are monotonic."""

    __slots__ = ('_count', '_times', '_totals')

    def __init__(self, now: float) -> None:
        self._times = array('d', (now,)) * _TICKS
        self._totals = array('d', (0.0,)) * (5 * _TICKS)  # exact up to 9e15
        self._count = 1

    def add(self, now: float, totals: Counts) -> None:
        at = self._count % _TICKS
        self._times[at] = now
        self._totals[5 * at:5 * at + 5] = array('d', totals)
        self._count += 1

    def rates(self, now: float, window: float) -> Rates:
        """Growth per second in the window that ended with the newest sample, or ends now if that was long ago.

        A sample that came late covers a longer time; where the window begins inside it, it counts in proportion.
        """
        times, newest = self._times, self._count - 1
        end = times[newest % _TICKS]
        until = now if now - end > STALE else end
        start = until - window
        if start >= end:
            return Rates(0.0, 0.0, 0.0, 0.0, 0.0)
        index = self._find(start + BEAT, newest)
        known = times[index % _TICKS]
        a, b, c, d, e = self._at(index)
        if abs(start - known) <= BEAT:
            known = start
        elif start > known:
            part = (start - known) / (times[(index + 1) % _TICKS] - known)
            f, g, h, i, j = self._at(index + 1)
            a, b, c, d, e = (a + part * (f - a), b + part * (g - b), c + part * (h - c), d + part * (i - d),
                             e + part * (j - e))  # fmt: skip
        v, w, x, y, z = self._at(newest)
        return Rates((v - a) / window, (w - b) / window, (x - c) / window, (y - d) / window, (z - e) / window)

    def _at(self, index: int) -> 'array[float]':
        slot = 5 * (index % _TICKS)
        return self._totals[slot:slot + 5]

    def _find(self, start: float, newest: int) -> int:
        """The last sample at or before `start`, else the oldest known; never the newest."""
        times, oldest = self._times, max(0, newest + 1 - _TICKS)
        index = max(oldest, newest - max(1, round(times[newest % _TICKS] - start)))
        while index > oldest and times[index % _TICKS] > start:
            index -= 1
        while index < newest - 1 and times[(index + 1) % _TICKS] <= start:
            index += 1
        return index


class Traffic:
    """Counters that the drivers increase, over the app's life, and what a sample a second makes of them.

    Plain attributes: the drivers count in a loop that runs 85,000 times a second.
    """

    __slots__ = ('_clock', '_minute', '_minute_gap', '_minute_totals', '_minutes', '_offset', '_origin', '_restored',
                 '_ring', '_ticks', '_totals', 'bytes_received', 'bytes_sent', 'errors', 'packets_received',
                 'packets_sent', 'reconnects', 'round_trips')  # fmt: skip

    def __init__(self, clock: Clock) -> None:
        self.packets_sent = self.packets_received = 0
        self.bytes_sent = self.bytes_received = 0
        self.errors = self.reconnects = 0
        self.round_trips = RoundTrips()
        self._clock = clock
        self._origin = clock.monotonic()  # second 0 of the ring
        self._ticks = Ticks(self._origin)
        self._ring: SecondRing | None = None  # made with the first sample: it is large
        self._offset: float | None = None  # wall minus monotonic time at the newest sample
        self._totals: Counts = (0, 0, 0, 0, 0)
        self._minute = 0  # since 1970
        self._minute_totals: Counts = self._totals
        self._minute_gap = False
        self._minutes: list[Sample] = []

    # in

    def sample(self) -> None:
        """Close the second that ends now. To be called once a second; a late call covers a longer time."""
        now, wall = self._clock.monotonic(), self._clock.wall()
        offset = wall - now
        if self._offset is None:
            self._origin += (now - self._origin + 0.5) % 1 - 0.5  # the beat of the samples, so that jitter is no miss
        gap = self._offset is None or abs(offset - self._offset) > STEP
        self._offset = offset
        totals = (self.packets_sent, self.packets_received, self.bytes_sent, self.bytes_received, self.errors)
        if self._ring is None:
            self._ring = SecondRing()
        self._ring.put(self._second(now), wall, _difference(totals, self._totals), gap)
        self._ticks.add(now, totals)
        minute = int((wall - 0.5) // 60)
        if minute != self._minute:
            self._close_minute(minute)
        self._minute_gap = self._minute_gap or gap
        self._totals = totals

    def take_minute(self, *, unfinished: bool = False) -> Sample | None:
        """The oldest complete minute not yet taken. `unfinished` closes the present one early, for a stop."""
        if unfinished and self._offset is not None:
            self._close_minute(self._minute)
        return self._minutes.pop(0) if self._minutes else None

    def _close_minute(self, next_minute: int) -> None:
        if self._minute:
            a, b, c, d, e = _difference(self._totals, self._minute_totals)
            self._minutes.append(Sample(60.0 * self._minute, a, b, c, d, e, self._minute_gap))
            del self._minutes[:-MOST_MINUTES]
        self._minute, self._minute_totals, self._minute_gap = next_minute, self._totals, False

    def _second(self, now: float) -> int:
        return int(now - self._origin + 0.5)

    # out

    def rates(self, seconds: int) -> Rates:
        """What the last 1 to 60 s of samples add up to, divided by that many seconds."""
        return self._ticks.rates(self._clock.monotonic(), seconds)

    def error_share(self, without: int = 0) -> float:
        """Errors among everything of the last 60 s, 0 to 1; `without` so many errors that are known otherwise."""
        if not self.errors:
            return 0.0
        rates = self.rates(60)
        errors = rates.errors - without / 60
        everything = rates.packets_sent + rates.packets_received + errors
        return errors / everything if errors * 60 > 0.5 else 0.0

    def recent(self, seconds: int) -> list[tuple[float, float]]:
        """Packets per second, sent and received, of each of the last seconds, oldest first; fewer while younger."""
        if self._ring is None:
            return []
        late = self._second(self._clock.monotonic()) - self._ring.newest
        idle = min(seconds, late) if late > STALE else 0
        return self._ring.packets(self._ring.newest + 1 - (seconds - idle)) + [(0.0, 0.0)] * idle

    def history(self, seconds: int) -> list[Sample]:
        """The samples of the last seconds (up to an hour), oldest first."""
        if self._ring is None:
            return []
        return self._ring.samples(self._second(self._clock.monotonic()) - seconds + 1)

    # over a restart

    def dump(self) -> bytes:
        """The last hour, to be restored by the next life of the app."""
        return self._ring.dump() if self._ring else b''

    def restore(self, blob: bytes) -> bool:
        """Put an earlier life's last hour before this one; False when the blob is unusable."""
        if self._ring is None:
            self._ring = SecondRing()
        return self._ring.restore(blob, self._second(self._clock.monotonic()), self._clock.wall())


def _difference(after: Counts, before: Counts) -> Counts:
    a, b, c, d, e = before
    v, w, x, y, z = after
    return v - a, w - b, x - c, y - d, z - e
