"""The last hour of a connection's traffic, second by second, and how it survives a restart."""
from array import array
from collections.abc import MutableSequence, Sequence
from itertools import pairwise
from struct import Struct
from typing import NamedTuple
from zlib import compress, decompressobj
from zlib import error as ZlibError

HOUR = 3600  # s, the length of the ring
DRIFT = 0.75  # s the wall clock may creep away before later samples follow it
MOST_SEGMENTS = 60  # steps and drifts of the wall clock that are remembered

_MOST = (*(2**32 - 1,) * 4, 2**16 - 1)  # what one second's deltas saturate at
_LEAST_MOST = min(_MOST)
_ABSENT, _PRESENT, _GAP = 0, 1, 2
_VERSION = b'EOT1'  # what follows is compressed: head, segments, columns in byte planes, flags
_HEAD = Struct('<HH')  # seconds, segments
_SEGMENT = Struct('<Hd')  # from this second of the dump on, and its wall time
_CODES = 'IIIIH'  # the columns, then a byte of flags
_ROW_BYTES = sum(array(code).itemsize for code in _CODES) + 1
_DUMP_BYTES = _HEAD.size + _SEGMENT.size * (MOST_SEGMENTS + 1) + _ROW_BYTES * HOUR

Counts = tuple[int, int, int, int, int]  # packets sent, received, bytes sent, received, errors


class Sample(NamedTuple):
    """Deltas since the sample before. `t` is epoch s: the end of a second, the start of a minute.

    A gap says that no line may be drawn from the sample before: a restart, or a step of the wall clock.
    """

    t: float
    packets_sent: int
    packets_received: int
    bytes_sent: int
    bytes_received: int
    errors: int
    gap: bool = False


class SecondRing:
    """One sample a second for an hour, 67 KiB. Places are monotonic seconds, so a step of the wall clock moves none.

    Which wall time a second had is remembered as segments: from this second on, it is the second plus an offset.
    """

    __slots__ = ('_columns', '_flags', '_segments', 'newest')

    def __init__(self) -> None:
        self._columns = (*(array('I', (0,)) * HOUR for _ in range(4)), array('H', (0,)) * HOUR)
        self._flags = bytearray(HOUR)
        self._segments: list[tuple[int, float]] = []
        self.newest = -HOUR

    def put(self, second: int, wall: float, deltas: Counts, gap: bool) -> None:
        """Two samples of one second add up; a second without a sample stays absent."""
        for passed in range(max(self.newest + 1, second - HOUR + 1), second + 1):
            self._flags[passed % HOUR] = _ABSENT
        self.newest = max(self.newest, second)
        self._add(second % HOUR, deltas, gap)
        if gap or not self._segments or abs(wall - second - self._segments[-1][1]) > DRIFT:
            self._segments.append((second, wall - second))
            self._forget_segments()

    def _add(self, slot: int, deltas: Sequence[int], gap: bool) -> None:
        flags = self._flags
        packets_sent, packets_received, bytes_sent, bytes_received, errors = self._columns
        if flags[slot]:
            deltas = [column[slot] + delta for column, delta in zip(self._columns, deltas, strict=True)]
        if max(deltas) > _LEAST_MOST:
            deltas = [min(delta, most) for delta, most in zip(deltas, _MOST, strict=True)]
        (packets_sent[slot], packets_received[slot], bytes_sent[slot], bytes_received[slot], errors[slot]) = deltas
        flags[slot] = _GAP if gap or flags[slot] == _GAP else _PRESENT

    def _forget_segments(self) -> None:
        segments, oldest = self._segments, self.newest - HOUR + 1
        while len(segments) > MOST_SEGMENTS or (len(segments) > 1 and segments[1][0] <= oldest):
            del segments[0]

    # out

    def samples(self, first: int) -> list[Sample]:
        """From that second on, oldest first."""
        if not self._segments:
            return []
        columns, flags = self._stretches(first)
        rows = zip(self._times(first), *columns, flags, strict=True)
        return [Sample(t, a, b, c, d, e, flag == _GAP) for t, a, b, c, d, e, flag in rows if flag]

    def packets(self, first: int) -> list[tuple[float, float]]:
        """Sent and received in each second from the first sample after `first` on; a late sample is shared out."""
        (sent, received, *_), flags = self._stretches(first)
        rates: list[tuple[float, float]] = []
        done = 0
        for index, flag in enumerate(flags):
            if flag == _GAP and rates:
                rates += [(0.0, 0.0)] * (index - done)
            if flag:
                share = 1 if flag == _GAP else index + 1 - done
                rates += [(sent[index] / share, received[index] / share)] * share
                done = index + 1
        return rates

    def _stretches(self, first: int) -> tuple[list['array[int]'], bytearray]:
        """The columns and the flags from that second to the newest one."""
        count = self._length(first)
        begin = (self.newest - count + 1) % HOUR
        wrapped = max(0, begin + count - HOUR)
        stretches = [c[begin:begin + count - wrapped] + c[:wrapped] for c in self._columns]
        return stretches, self._flags[begin:begin + count - wrapped] + self._flags[:wrapped]

    def _times(self, first: int) -> list[float]:
        begin, end = self.newest - self._length(first) + 1, self.newest + 1
        starts = [begin, *(max(begin, second) for second, _ in self._segments[1:]), end]
        return [second + offset for (start, stop), (_, offset) in zip(pairwise(starts), self._segments, strict=True)
                for second in range(start, stop)]  # fmt: skip

    def _length(self, first: int) -> int:
        return max(0, min(HOUR, self.newest - first + 1)) if self._segments else 0

    # over a restart

    def dump(self) -> bytes:
        """All samples with their times, compressed; empty when there are none."""
        count = self._length(self.newest - HOUR + 1)
        columns, flags = self._stretches(self.newest - HOUR + 1)
        begin = self.newest - count + 1
        if not any(flags):
            return b''
        segments = [(max(0, second - begin), max(0, second - begin) + begin + offset)
                    for second, offset in self._segments]  # fmt: skip
        head = _HEAD.pack(count, len(segments)) + b''.join(_SEGMENT.pack(*segment) for segment in segments)
        planes = (column.tobytes()[byte::column.itemsize] for column in columns for byte in range(column.itemsize))
        return _VERSION + compress(b''.join((head, *planes, flags)), 6)  # planes: a quarter smaller

    def restore(self, blob: bytes, second: int, wall: float) -> bool:
        """Put earlier samples before those of this life, which has begun at second 0; `second` is the present one.

        A dump that ends in the future was written under another setting of the clock: it is put just before this
        life and keeps its times. False: the dump is unusable.
        """
        dump = read_dump(blob)
        if dump is None:
            return False
        segments, columns, flags = dump
        end = segments[-1][1] + len(flags) - 1 - segments[-1][0]
        last = min(-1, second - round(wall - end))
        drop = max(0, max(self.newest, second) - HOUR + 1 - (last + 1 - len(flags)))
        if drop >= len(flags) or wall < end - HOUR:
            return True
        begin = last + 1 - len(flags)
        _lay(self._flags, begin + drop, flags[drop:])
        for own, column in zip(self._columns, columns, strict=True):
            _lay(own, begin + drop, column[drop:])
        self._segments[:0] = [(begin + at, t - begin - at) for at, t in segments]
        self.newest = max(self.newest, last)
        self._forget_segments()
        return True


def _lay(ring: MutableSequence[int], place: int, values: MutableSequence[int]) -> None:
    """Write the values from that place on, around the end."""
    start = place % HOUR
    wrapped = max(0, start + len(values) - HOUR)
    middle = len(values) - wrapped
    ring[start:start + middle] = values[:middle]
    ring[:wrapped] = values[middle:]


def read_dump(blob: bytes) -> 'tuple[list[tuple[int, float]], list[array[int]], bytearray] | None':
    """The segments, columns and flags of a dump; None when it is broken or of another version."""
    stream = decompressobj()
    try:
        body = stream.decompress(blob[len(_VERSION):], _DUMP_BYTES)
    except ZlibError:
        return None
    if not blob.startswith(_VERSION) or not stream.eof:  # the end holds a checksum of all the rest
        return None
    count, parts = _HEAD.unpack_from(body)
    at = _HEAD.size + parts * _SEGMENT.size
    segments = list(_SEGMENT.iter_unpack(body[_HEAD.size:at]))
    columns = []
    for code in _CODES:
        column = array(code)
        raw = bytearray(count * column.itemsize)
        for byte in range(column.itemsize):
            raw[byte::column.itemsize] = body[at:at + count]
            at += count
        column.frombytes(raw)
        columns.append(column)
    return segments, columns, bytearray(body[at:])
