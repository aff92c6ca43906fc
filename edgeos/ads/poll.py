"""Polling and notifications of one runtime: asks, compares, and tells the app what changed."""
import queue
import time
from collections.abc import Callable, Sequence
from typing import Any

from edgeos.ads import library
from edgeos.ads.library import AdsError, AmsPort
from edgeos.ads.plan import SUM_READ, Address, Changes, Chunk, Item, chunks_of, items_of
from edgeos.ads.store import SymbolsChanged
from edgeos.ads.symbols import Leaf

MOST_NOTIFICATIONS = 500
SHORTEST_CYCLE = 50  # ms
LIFE_SECONDS = 0.25  # between two signs of life while nothing changes
MOST_VALUES = 1000  # in a message, so that the app's loop gets its turn in between


class Poll:
    """What one runtime is asked for again and again; `due` is the monotonic time of the next poll."""

    def __init__(self, port: AmsPort, number: int, settings: dict[str, Any], send: Callable[[list[Any]], None]) -> None:
        self.due = float('inf')
        self.generation = 0
        self._port = port
        self._number = number
        self._settings = settings
        self._send = send
        self._seconds = 0.0
        self._chunks: list[Chunk] = []
        self._expected = b''
        self._numbers: dict[str, int] = {}
        self._sums = True  # whether the PLC knows sum reads
        self._told_at = 0.0
        self._counted = (0, 0, 0, 0, 0)
        self._notified: Chunk | None = None
        self._handles: list[int] = []
        self._inbox: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
        library.INBOX[number] = self._inbox

    def begin(self, leaves: Sequence[Leaf], guards: Sequence[tuple[Address, bytes]], poll_ms: int) -> None:
        """Poll these from now on; `guards` are addresses and what they must go on saying."""
        self._stop_notifications()
        self.generation += 1
        self._seconds = poll_ms / 1000
        self._numbers = {leaf.name: number for number, leaf in enumerate(leaves)}
        items = items_of(leaves)
        if self._settings.get('notifications') and guards:
            items = self._begin_notifications(items)
        self._chunks = chunks_of(items, [address for address, _value in guards])
        self._expected = bytes(4 * len(guards)) + b''.join(value for _address, value in guards)
        self.due = time.monotonic() if self._chunks else float('inf')

    def end(self) -> None:
        """Be told nothing any more; raises AdsError."""
        self._stop_notifications()

    def delay(self) -> None:
        """Wait a second before the next poll."""
        if self._chunks:
            self.due = time.monotonic() + max(1.0, self._seconds)

    def raw(self, name: str) -> bytes:
        """The bytes a value last had; empty while unknown."""
        number = self._numbers.get(name)
        chunks = [*self._chunks, *([self._notified] if self._notified else [])]
        return b'' if number is None else next((raw for chunk in chunks if (raw := chunk.raw(number))), b'')

    # polling

    def once(self, now: float) -> None:
        """One round; raises AdsError, SymbolsChanged."""
        began = time.monotonic()
        changes = Changes()
        for chunk in self._chunks:
            if self._sums:
                self._ask(chunk, changes)
            else:
                self._ask_one_by_one(chunk, changes)
        self._tell(changes, (time.monotonic() - began) * 1000)
        missed = now - self.due
        self.due = now + self._seconds if missed > self._seconds else self.due + self._seconds

    def _ask(self, chunk: Chunk, changes: Changes) -> None:
        try:
            answer = self._port.read_write(SUM_READ, chunk.count, chunk.size, chunk.request)
        except AdsError as error:
            if error.code not in library.NOT_SUPPORTED:
                raise
            self._sums = False
            self._ask_one_by_one(chunk, changes)
            return
        if len(answer) != chunk.size:  # no PLC does that
            self._sums = False
            self._ask_one_by_one(chunk, changes)
            return
        if chunk.guard(answer) != self._expected:
            raise SymbolsChanged('the program on the PLC has changed')
        chunk.changes(answer, changes)

    def _ask_one_by_one(self, chunk: Chunk, changes: Changes) -> None:
        for index, item in enumerate(chunk.items):
            data, error = b'', 0
            try:
                data = self._port.read(*item.address)
            except AdsError as failed:
                if failed.code in (library.TIMEOUT, library.LOST):
                    raise
                error = failed.code
            chunk.single(index, data, error, changes)

    # notifications

    def _begin_notifications(self, items: list[Item]) -> list[Item]:
        """As many as the PLC takes; the rest is polled. They are told by the PLC, so they prove no life."""
        cycle = max(SHORTEST_CYCLE, round(self._seconds * 1000))
        notified = Chunk((), items[:MOST_NOTIFICATIONS])
        for index, item in enumerate(notified.items):
            try:
                self._handles.append(self._port.notify(*item.address, cycle, self._number << 16 | index))
            except AdsError as error:
                if error.code in (library.TIMEOUT, library.LOST):
                    raise
                notified = Chunk((), items[:index])
                break
        self._notified = notified
        return items[len(notified.items):]

    def take_notifications(self) -> None:
        """Tell what has arrived since."""
        if self._inbox.empty() or self._notified is None:
            return
        changes = Changes()
        for _ in range(self._inbox.qsize()):
            index, data = self._inbox.get_nowait()
            if index < len(self._notified.items) and len(data) == self._notified.items[index].address[2]:
                self._notified.single(index, data, 0, changes)
        self._tell(changes, None)

    def _stop_notifications(self) -> None:
        handles, self._handles, self._notified = self._handles, [], None
        for handle in handles:
            self._port.forget(handle)
        while not self._inbox.empty():
            self._inbox.get_nowait()

    # telling

    def _tell(self, changes: Changes, ms: float | None) -> None:
        for item, error in changes.broken:
            names = [name for name, number in self._numbers.items() if number == item.leaves[0][0]]
            text = library.error_text(error)
            self._send(['broken', self._number, names[0] if names else '', len(item.leaves), text, error])
        if not changes.numbers:
            if time.monotonic() - self._told_at >= LIFE_SECONDS:
                self.say_alive(ms)
            return
        for start in range(0, len(changes.numbers), MOST_VALUES):
            part = slice(start, start + MOST_VALUES)
            self._say(ms, changes.numbers[part], changes.values[part])

    def say_alive(self, ms: float | None = None) -> None:
        """The PLC has answered, and nothing else is new."""
        self._say(ms, [], [])

    def _say(self, ms: float | None, numbers: list[int], values: list[Any]) -> None:
        self._told_at = time.monotonic()
        port = self._port
        counted = (port.requests, port.responses, port.bytes_sent, port.bytes_received, port.errors)
        grown = [new - old for new, old in zip(counted, self._counted, strict=True)]
        self._counted = counted
        self._send(['values', self._number, self.generation, ms, grown, numbers, values])
