"""What a plugin hears of the points: all of its globs in one walk, in slices that hold nobody up."""

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from edgeos.gateway import Gateway, Point
from edgeos.plugins.permissions import matches

ALL = '**'
FEW = 4  # globs that are tried at once

_SLICE = 0.002  # s of work, and as long for others after it
_KEPT = 50_000  # points of which is remembered who hears them


class Glob(NamedTuple):
    """`begin` is what it begins with, before any star; both also as where capitals do not count."""

    text: str
    begin: str
    folded: str
    folded_begin: str
    reach: str  # what the gateway is asked for: all of one source, or ALL

    @classmethod
    def of(cls, text: str) -> 'Glob':
        """The gateway never gets the text itself: a pattern of somebody else's could hold the loop for hours."""
        folded = text.casefold()
        begin = text.partition('*')[0]
        source, slash, _ = begin.partition('/')
        return cls(text, begin, folded, folded.partition('*')[0], f'{source.casefold()}/**' if slash else ALL)

    def fits(self, point: Point) -> bool:
        """Some 15 us, and much less where the begin differs."""
        if point.source.ignore_case:
            point_id = point.id.casefold()
            return point_id.startswith(self.folded_begin) and matches(self.folded, point_id)
        return point.id.startswith(self.begin) and matches(self.text, point.id)


class Hearers(NamedTuple):
    """The subscriptions that want a point, of those up to number `last`, as it was after so many changes."""

    numbers: tuple[int, ...]
    last: int
    change: int


class Subscriptions:
    """Numbered globs. `may_read` and `send` are asked for a point; one is sent once for all that hear it."""

    def __init__(self, plugin_id: str, gateway: Gateway, may_read: Callable[[Point], bool],
                 send: Callable[[Point], None]) -> None:  # fmt: skip
        self._id = plugin_id
        self._gateway = gateway
        self._may_read = may_read
        self._send = send
        self._globs: dict[int, Glob] = {}
        self._ends: dict[str, Callable[[], None]] = {}  # of what is subscribed to at the gateway
        self._last = 0
        self._change = 0
        self._hearers: dict[Point, Hearers] = {}
        self._new: set[int] = set()  # their present values have not been looked for
        self._changed: dict[Point, None] = {}  # have changed, and too many globs have to be tried for one go
        self._walker: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._globs)

    def add(self, text: str) -> int:
        """Its number; the present values follow after the answer."""
        glob = Glob.of(text)
        self._last += 1
        number = self._last
        self._globs[number] = glob
        self._change += 1
        if glob.reach not in self._ends:
            self._ends[glob.reach] = self._gateway.subscribe(glob.reach, partial(self._hear, glob.reach))
        self._new.add(number)
        self._walk_soon()
        return number

    def drop(self, number: int) -> None:
        """An unknown one is fine."""
        if (glob := self._globs.pop(number, None)) is not None:
            self._change += 1
            if all(other.reach != glob.reach for other in self._globs.values()):
                self._ends.pop(glob.reach)()

    def clear(self) -> None:
        """All of them."""
        for number in list(self._globs):
            self.drop(number)
        if self._walker is not None:
            self._walker.cancel()
            self._walker = None
        self._hearers.clear()
        self._new.clear()
        self._changed.clear()

    def hearers(self, point: Point) -> tuple[int, ...]:
        """As far as is known: a newer subscription gets a message of its own."""
        known = self._hearers.get(point)
        return () if known is None else self._living(known)

    def _living(self, known: Hearers) -> tuple[int, ...]:
        if known.change == self._change:
            return known.numbers
        return tuple(number for number in known.numbers if number in self._globs)

    def _hear(self, reach: str, point: Point) -> None:
        """A point has changed; one message is for all that hear it."""
        if reach != ALL and ALL in self._ends:
            return  # it is heard there
        known = self._hearers.get(point)
        if known is None or known.change != self._change:
            untried = len(self._globs) if known is None else min(len(self._globs), self._last - known.last)
            if untried > FEW:
                self._changed[point] = None
                self._walk_soon()
                return
            known = self._find(point)
        if known.numbers:
            self._send(point)

    def _find(self, point: Point) -> Hearers:
        """Each glob is tried once for a point."""
        known = self._hearers.get(point)
        if known is not None and known.change == self._change:
            return known
        if known is None and len(self._hearers) >= _KEPT:
            self._hearers.clear()
        before, last = ((), 0) if known is None else (self._living(known), known.last)
        more = [number for number, glob in self._globs.items() if number > last and glob.fits(point)] \
            if self._may_read(point) else []  # fmt: skip
        found = self._hearers[point] = Hearers((*before, *more), self._last, self._change)
        return found

    def _walk_soon(self) -> None:
        if self._walker is None or self._walker.done():
            self._walker = asyncio.create_task(self._walk(), name=f'subscriptions of {self._id}')

    async def _walk(self) -> None:
        await asyncio.sleep(0)  # the answer goes first
        until = time.perf_counter() + _SLICE
        for point, wanted in self._work():
            numbers = self._find(point).numbers
            if numbers and point.time and (wanted is None or not wanted.isdisjoint(numbers)):
                self._send(point)
            if time.perf_counter() > until:
                await asyncio.sleep(_SLICE)
                until = time.perf_counter() + _SLICE

    def _work(self) -> Iterator[tuple[Point, set[int] | None]]:
        """Points, and the subscriptions whose present value each is; None for those that have changed, which go first.
        """
        while self._new or self._changed:
            wanted, self._new = self._new, set()
            for point in self._present() if wanted else ():
                yield from self._take_changed()
                wanted &= self._globs.keys()
                if not wanted:
                    break
                yield point, wanted
            yield from self._take_changed()

    def _take_changed(self) -> Iterator[tuple[Point, None]]:
        while self._changed:
            point = next(iter(self._changed))
            del self._changed[point]
            yield point, None

    def _present(self) -> Iterator[Point]:
        for source in list(self._gateway.sources.values()):
            yield from list(source.points.values())
