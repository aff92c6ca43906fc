"""Polling and notifications of one runtime: asks, compares, and tells the app what changed."""
import queue
import time
from collections.abc import Callable, Sequence
from typing import Any

from edgeos.ads import library
from edgeos.ads.errors import INVALID_SIZE, NOT_SUPPORTED
from edgeos.ads.library import AdsError, AmsPort
from edgeos.ads.plan import SUM_READ, Address, Changes, Chunk, Item, chunks_of, items_of
from edgeos.ads.store import SymbolsChanged
from edgeos.ads.symbols import Leaf

MOST_NOTIFICATIONS = 500
SHORTEST_CYCLE = 50  # ms
LOOK_SECONDS = 10.0  # between two looks at what is notified: samples may get lost
MOST_NAMES = 20  # in a message about values that cannot be read
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
        self._guards: Sequence[tuple[Address, bytes]] = ()
        self._expected = b''
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._sums = True  # whether the PLC knows sum reads
        self._untold = Changes()
        self._told_at = 0.0
        self._counted = (0, 0, 0, 0, 0, 0)
        self._confirming = Chunk((), ())
        self._notified: list[Chunk] = []
        self._handles: list[int] = []
        self._look_at = float('inf')  # when to ask also for what is notified
        self._inbox: library.Inbox = queue.SimpleQueue()
        library.INBOX[number] = self._inbox

    def begin(self, leaves: Sequence[Leaf], guards: Sequence[tuple[Address, bytes]], poll_ms: int) -> None:
        """Poll these from now on; `guards` are addresses and what they must go on saying."""
        self._stop_notifications()
        self._sums = True
        self._guards = guards
        self.generation += 1
        self._untold = Changes()
        self._seconds = poll_ms / 1000
        self._expected = bytes(4 * len(guards)) + b''.join(value for _address, value in guards)
        self._names = [leaf.name for leaf in leaves]
        self._numbers = {name: number for number, name in enumerate(self._names)}
        items, notified = items_of(leaves), list[Item]()
        if self._settings.get('notifications') and guards:
            notified, items = self._begin_notifications(items)
        addresses = [address for address, _value in guards]
        self._chunks, self._confirming = chunks_of(items, addresses), Chunk(addresses, ())
        self._notified = chunks_of(notified, addresses)
        self._look_at = time.monotonic()
        self.due = self._look_at if items or notified else float('inf')

    def end(self) -> None:
        """Be told nothing any more; raises AdsError."""
        self._stop_notifications()

    def raw(self, name: str) -> bytes:
        """The bytes a value last had; empty while unknown."""
        number = self._numbers.get(name)
        chunks = self._chunks + self._notified
        return b'' if number is None else next((raw for chunk in chunks if (raw := chunk.raw(number))), b'')

    def take_over(self, name: str, data: bytes) -> None:
        """The app was told that a value has these bytes: what the PLC makes of them is a change again."""
        number = self._numbers.get(name, -1)
        for chunk in self._chunks + self._notified:
            chunk.take_over(number, data)
        self._look_at = min(self._look_at, time.monotonic() + 2 * self._cycle)

    @property
    def _cycle(self) -> float:
        return max(SHORTEST_CYCLE / 1000, self._seconds)

    # polling

    def once(self, now: float) -> None:
        """One round; raises AdsError, SymbolsChanged."""
        began = time.monotonic()
        self._take_notifications()
        changes = self._untold  # also from a round that a timeout has broken off
        chunks = self._chunks + (self._notified if now >= self._look_at else [])
        if changes.numbers and not chunks:
            chunks = [self._confirming]
        for chunk in chunks:
            if self._sums:
                self._ask(chunk, changes)
            else:
                self._ask_one_by_one(chunk, changes)
            self._say_alive_in_time()
        if not self._sums:
            self._confirm_one_by_one()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
        if chunks:
            self._untold = Changes()
            self._tell(changes, (time.monotonic() - began) * 1000)
        pause = self._seconds if self._chunks else self._cycle
        self.due = now + pause if now - self.due > pause else self.due + pause

    def _ask(self, chunk: Chunk, changes: Changes) -> None:
        try:
            answer = self._port.read_write(SUM_READ, chunk.count, chunk.size, chunk.request)
        except AdsError as error:
            if error.code not in NOT_SUPPORTED:
                raise
            self._sums = False
            self._ask_one_by_one(chunk, changes)
            return
        if len(answer) != chunk.size:  # no PLC does that
            self._sums = False
            self._ask_one_by_one(chunk, changes)
            return
        if chunk.guard(answer) != self._expected:
            raise SymbolsChanged
        chunk.changes(answer, changes)

    def _ask_one_by_one(self, chunk: Chunk, changes: Changes) -> None:
        for index, item in enumerate(chunk.items):
            chunk.single(index, *self._read(item.address), changes)
            self._say_alive_in_time()

    def _confirm_one_by_one(self) -> None:
        for address, expected in self._guards:
            if self._read(address) != (expected, 0):
                raise SymbolsChanged

    def _read(self, address: Address) -> tuple[bytes, int]:
        """Its bytes, or the error."""
        try:
            data = self._port.read(*address)
        except AdsError as error:
            if error.is_dead:
                raise
            return b'', error.code
        return (data, 0) if len(data) == address[2] else (b'', INVALID_SIZE)

    # notifications

    def _begin_notifications(self, items: list[Item]) -> tuple[list[Item], list[Item]]:
        """As many as the PLC takes, and the rest, which is polled. They are told by the PLC, so they prove no life."""
        taken: list[Item] = []
        rest: list[Item] = []
        with self._port.probing():
            for item in items:
                if len(taken) == MOST_NOTIFICATIONS or not self._notify(item, len(taken)):
                    rest.append(item)
                else:
                    taken.append(item)
        return taken, rest

    def _notify(self, item: Item, index: int) -> bool:
        number = self._number << 16 | (self.generation & 0x7F) << 9 | index
        try:
            self._handles.append(self._port.notify(*item.address, round(self._cycle * 1000), number))
        except AdsError as error:
            if error.is_dead:
                raise
            return False
        return True

    def _take_notifications(self) -> None:
        """What has arrived since; it is told only after the guards were asked, as it may be from another program."""
        places = [(chunk, index) for chunk in self._notified for index in range(len(chunk.items))]
        for _ in range(self._inbox.qsize()):
            number, data, moment = self._inbox.get_nowait()
            self._port.count_sample(moment, len(data))
            if number >> 9 != self.generation & 0x7F or number & 0x1FF >= len(places):
                continue  # of a choice before this one
            chunk, index = places[number & 0x1FF]
            if chunk.is_known and len(data) == chunk.items[index].address[2]:
                chunk.single(index, data, 0, self._untold)

    def _stop_notifications(self) -> None:
        handles, self._handles, self._notified = self._handles, [], []
        for handle in handles:
            try:
                with self._port.probing():
                    self._port.forget(handle)
            except AdsError as error:
                if error.is_dead:
                    raise  # else the PLC has forgotten it already, as after a download

    # telling

    def _tell(self, changes: Changes, ms: float | None) -> None:
        for error in {error for _item, error in changes.broken}:
            numbers = [leaf[0] for item, each in changes.broken if each == error for leaf in item.leaves]
            names = [self._names[number] for number in numbers[:MOST_NAMES]]
            self._send(['broken', self._number, names, len(numbers), library.error_text(error), error])
        if not changes.numbers:
            self._say_alive_in_time(ms)
            return
        for start in range(0, len(changes.numbers), MOST_VALUES):
            part = slice(start, start + MOST_VALUES)
            self._say(ms, changes.numbers[part], changes.values[part])

    def _say_alive_in_time(self, ms: float | None = None) -> None:
        """Also in the middle of a long round."""
        if time.monotonic() - self._told_at >= LIFE_SECONDS:
            self.say_alive(ms)

    def say_alive(self, ms: float | None = None) -> None:
        """The PLC has answered, and nothing else is new."""
        self._say(ms, [], [])

    def _say(self, ms: float | None, numbers: list[int], values: list[Any]) -> None:
        self._told_at = time.monotonic()
        port = self._port
        counted = (port.requests, port.responses, port.bytes_sent, port.bytes_received, port.errors,
                   port.notifications)  # fmt: skip
        grown = [new - old for new, old in zip(counted, self._counted, strict=True)]
        self._counted = counted
        self._send(['values', self._number, self.generation, ms, grown, numbers, values])
