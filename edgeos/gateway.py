"""Every value passes here exactly once: store, history ring, subscribers; and every write goes back through here.

Sources (connections, later plugins) publish; whoever is interested subscribes by glob. A source above its rate is
thinned: each of its points then goes on at most ten times a second, the newest value always last.
"""
import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.globs import compile_glob
from edgeos.reporting import log_error
from edgeos.ring import PointRing

FLUSH_SECONDS = 0.1
SLOTS = 10  # of FLUSH_SECONDS each: the second over which a rate is averaged


TYPES = {bool: 'boolean', int: 'number', float: 'number', str: 'string', dict: 'object', list: 'array',
         type(None): 'null'}  # fmt: skip

Subscriber = Callable[['Point'], None]


class UnknownPoint(LookupError):
    """Raised when no source owns the point."""


class Owner(Protocol):
    """What can take a value for one of its points."""

    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        """Write to the device and return once it accepted; raises WriteRefused."""


class Point:
    """One named live value. `time` is in epoch seconds; `quality` is good, stale or bad."""

    __slots__ = ('_heard_at', '_hearers', 'declared_type', 'name', 'origin', 'quality', 'ring', 'source', 'time',
                 'unit', 'value', 'writable')  # fmt: skip

    def __init__(self, source: 'Source', name: str, unit: str, declared_type: str, writable: bool) -> None:
        self.source = source
        self.name = name
        self.unit = unit
        self.declared_type = declared_type
        self.writable = writable
        self.origin = ''  # what on the device it comes from, where a driver needs to know
        self.value: Any = None
        self.quality = 'stale'
        self.time = 0.0
        self.ring: PointRing | None = None
        self._hearers: tuple[Subscriber, ...] = ()
        self._heard_at = -1

    @property
    def id(self) -> str:
        return f'{self.source.id}/{self.name}'

    @property
    def type(self) -> str:
        """The device's name of the type, else the kind of JSON value it holds."""
        return self.declared_type or TYPES.get(type(self.value), 'string')


class RateWindow:
    """Updates of the last second, in slots of 100 ms."""

    def __init__(self) -> None:
        self._slots = [0] * SLOTS
        self._at = 0

    def add(self, count: int, now: float) -> int:
        """Count updates at the monotonic time `now`; answer the sum of the last second."""
        self._advance(now)
        self._slots[self._at % SLOTS] += count
        return sum(self._slots)

    def settled(self, now: float) -> int:
        """The same judged by complete slots too, so that a slot just begun does not look like calm."""
        self._advance(now)
        total = sum(self._slots)
        return max(total, round((total - self._slots[self._at % SLOTS]) * SLOTS / (SLOTS - 1)))

    def _advance(self, now: float) -> None:
        slot = int(now / FLUSH_SECONDS)
        for passed in range(self._at + 1, min(slot, self._at + SLOTS) + 1):
            self._slots[passed % SLOTS] = 0
        if slot - self._at > SLOTS:
            self._slots = [0] * SLOTS
        self._at = slot


class Source:
    """Whatever publishes points under one id, with its limits: names it may create, updates a second."""

    def __init__(self, source_id: str, owner: Owner, *, max_points: int = 5000, max_rate: int | None = None,
                 ignore_case: bool = False) -> None:  # fmt: skip
        self.id = source_id
        self.owner = owner
        self.points: dict[str, Point] = {}
        self.max_points = max_points
        self.max_rate = max_rate
        self.ignore_case = ignore_case
        self.refused_points = 0  # updates that had no place because max_points is reached
        self.thinned_since: float | None = None
        self.thinned_updates = 0
        self.waiting: dict[Point, tuple[Any, float, str]] = {}
        self.removals = 0  # grows whenever points are taken away
        self.window = RateWindow()


class Gateway:
    """The store of all points and the only way in and out of it."""

    def __init__(self, *, max_rate_per_source: int = 500, clock: Clock = SYSTEM_CLOCK) -> None:
        self.sources: dict[str, Source] = {}
        self.max_rate = max_rate_per_source
        self._clock = clock
        self._subscriptions: list[tuple[str, Subscriber]] = []
        self._generation = 0
        self._flush_timers: dict[str, asyncio.TimerHandle] = {}

    # sources

    def add_source(self, source_id: str, owner: Owner, *, max_points: int = 5000, exempt: bool = False,
                   ignore_case: bool = False) -> Source:  # fmt: skip
        """Register a source; `exempt` sources (a PLC polled at our own pace) are never thinned."""
        source = Source(source_id, owner, max_points=max_points, max_rate=None if exempt else self.max_rate,
                        ignore_case=ignore_case)  # fmt: skip
        self.sources[source_id] = source
        return source

    def remove_source(self, source_id: str) -> None:
        """Forget a source and all its points."""
        self.sources.pop(source_id, None)
        if timer := self._flush_timers.pop(source_id, None):
            timer.cancel()

    # points

    def remove_points(self, source: Source, names: Iterable[str]) -> None:
        """Forget points of a source."""
        gone = [source.points.pop(name) for name in tuple(names) if name in source.points]
        for point in gone:
            source.waiting.pop(point, None)
        source.removals += bool(gone)

    def point(self, source: Source, name: str, *, unit: str = '', declared_type: str = '',
              writable: bool = False) -> Point | None:  # fmt: skip
        """The source's point of that name, made if needed; None (and counted) when the source is full."""
        if (known := source.points.get(name)) is not None:
            return known
        if len(source.points) >= source.max_points:
            source.refused_points += 1
            return None
        made = source.points[name] = Point(source, name, unit, declared_type, writable)
        return made

    def find(self, point_id: str) -> Point:
        """Raises UnknownPoint."""
        source_id, _, name = point_id.partition('/')
        source = self.sources.get(source_id)
        point = source.points.get(name) if source else None
        if point is None and source is not None and source.ignore_case:
            wanted = name.casefold()
            point = next((known for known in source.points.values() if known.name.casefold() == wanted), None)
        if point is None:
            raise UnknownPoint(point_id)
        return point

    # in

    def publish(self, point: Point, value: Any, time: float, quality: str = 'good') -> None:
        """A new value of a point, with its epoch time; goes on at once, or thinned while its source is too fast."""
        source = point.source
        if source.max_rate is not None and self.count(source, 1):
            if point in source.waiting:
                source.thinned_updates += 1
            source.waiting[point] = (value, time, quality)
            self._flush_later(source)
        else:
            self.deliver(point, value, time, quality)

    def count(self, source: Source, updates: int) -> bool:
        """Count updates of a source; answers whether it is above its rate and must be thinned."""
        total = source.window.add(updates, self._clock.monotonic())
        if source.thinned_since is None and source.max_rate is not None and total > source.max_rate:
            source.thinned_since = self._clock.wall()
        return source.thinned_since is not None

    def calm_down(self, source: Source) -> bool:
        """End the thinning of a source that is back under its rate; answers whether it is still thinned."""
        if source.thinned_since is None:
            return False
        if source.window.settled(self._clock.monotonic()) <= (source.max_rate or 0):
            source.thinned_since = None
        return source.thinned_since is not None

    def deliver(self, point: Point, value: Any, time: float, quality: str = 'good') -> None:
        """Store and hand on, without thinning: for sources that have already kept only the newest values."""
        point.value = value
        point.time = time
        point.quality = quality
        kind = type(value)
        if kind is float or kind is int or kind is bool:
            if point.ring is None:
                point.ring = PointRing()
            point.ring.append(time, value)
        if point._heard_at != self._generation:
            self._find_hearers(point)
        if point._hearers:
            self._tell(point)

    def mark_stale(self, source: Source) -> None:
        """The link is gone: what was known stays visible, as old."""
        now = self._clock.wall()
        for point in source.points.values():
            if point.quality == 'stale':
                continue
            point.quality = 'stale'
            if point.ring is not None:
                point.ring.mark_gap(now)
            if point._heard_at != self._generation:
                self._find_hearers(point)
            self._tell(point)

    def _flush_later(self, source: Source) -> None:
        if source.id not in self._flush_timers:
            loop = asyncio.get_running_loop()
            self._flush_timers[source.id] = loop.call_later(FLUSH_SECONDS, self._flush, source)

    def _flush(self, source: Source) -> None:
        self._flush_timers.pop(source.id, None)
        waiting, source.waiting = source.waiting, {}
        for point, (value, time, quality) in waiting.items():
            self.deliver(point, value, time, quality)
        if self.calm_down(source):
            self._flush_later(source)

    # subscribers

    def subscribe(self, glob: str, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber(point)` for every update of the points that match; answers how to stop that."""
        entry = (glob, subscriber)
        self._subscriptions.append(entry)
        self._generation += 1

        def unsubscribe() -> None:
            if entry in self._subscriptions:
                self._subscriptions.remove(entry)
                self._generation += 1

        return unsubscribe

    def _find_hearers(self, point: Point) -> None:
        ignore_case = point.source.ignore_case
        point._hearers = tuple(s for g, s in self._subscriptions
                               if compile_glob(g, ignore_case=ignore_case).fullmatch(point.id))  # fmt: skip
        point._heard_at = self._generation

    def _tell(self, point: Point) -> None:
        for subscriber in point._hearers:
            try:
                subscriber(point)
            except Exception as error:  # its mistake must not cost the others their value, nor the driver its link
                log_error(error, operation='tell a subscriber', connection_id=point.source.id, point=point.id)

    # out

    async def write(self, point_id: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        """Write to whoever owns the point; raises UnknownPoint or WriteRefused."""
        source_id, separator, name = point_id.partition('/')
        source = self.sources.get(source_id)
        if source is None or not separator or not name:
            raise UnknownPoint(point_id)
        await source.owner.write(name, value, qos=qos, retain=retain)
