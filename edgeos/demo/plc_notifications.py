"""Notifications of a simulated PLC: samples sent in every cycle, or when a value has changed."""

import asyncio
from collections.abc import Callable
from typing import Any

from edgeos.demo.plc_frames import Address, notification
from edgeos.demo.plc_services import AdsRefused

CYCLIC, ON_CHANGE = {1, 3, 5}, {2, 4, 6}  # by client, by server, in the context of a task
MODE_NOT_SUPPORTED, NO_SUCH_HANDLE = 0x713, 0x714
SHORTEST_CYCLE = 0.001  # s
USUAL_CYCLE = 0.010  # s, where none is asked for: that of the program
MOST_SAMPLES = 500  # in a frame
MOST_WAITING = 1_000_000  # bytes that the client has not taken; above it samples are lost, as in TwinCAT

Reader = Callable[[int, int, int], bytes]


class _Item:
    __slots__ = ('begins', 'group', 'is_on_change', 'last', 'offset', 'size')

    def __init__(self, group: int, offset: int, size: int, is_on_change: bool, begins: float) -> None:
        self.group, self.offset, self.size = group, offset, size
        self.is_on_change = is_on_change
        self.begins = begins  # loop time
        self.last: bytes | None = None


class _Group:
    """Those of one client with one cycle: they share frames."""

    def __init__(self, client: Address, server: Address, cycle: float) -> None:
        self.client, self.server, self.cycle = client, server, cycle
        self.items: dict[int, _Item] = {}
        self.due = 0.0
        self.timer: asyncio.TimerHandle | None = None


class Notifications:
    """Of one connection. `send` takes frames; `waiting` says how many bytes the client has not taken yet."""

    def __init__(self, read: Reader, send: Callable[[bytes], None], waiting: Callable[[], int]) -> None:
        self._read = read
        self._send = send
        self._waiting = waiting
        self._groups: dict[Any, _Group] = {}
        self._of_handle: dict[int, _Group] = {}
        self._next_handle = 1

    def __len__(self) -> int:
        return len(self._of_handle)

    def add(self, client: Address, server: Address, attributes: tuple[int, ...]) -> int:
        """Index group, offset, size, mode, longest delay and cycle in 100 ns; answers the handle. Raises AdsRefused.

        The first sample follows in the program's next cycle, so that the client knows the handle by then.
        """
        group, offset, size, mode, _delay, steps = attributes
        if mode not in CYCLIC | ON_CHANGE:
            raise AdsRefused(MODE_NOT_SUPPORTED)
        self._read(group, offset, size)
        cycle = max(SHORTEST_CYCLE, steps / 1e7 or USUAL_CYCLE)
        key = (client, server, cycle)
        if (found := self._groups.get(key)) is None:
            found = self._groups[key] = _Group(*key)
        begins = asyncio.get_running_loop().time() + USUAL_CYCLE
        handle, self._next_handle = self._next_handle, self._next_handle + 1
        found.items[handle] = _Item(group, offset, size, mode in ON_CHANGE, begins)
        self._of_handle[handle] = found
        if not found.timer or found.due > begins:
            self._tick_at(begins, found)
        return handle

    def delete(self, handle: int) -> None:
        """Raises AdsRefused."""
        if (group := self._of_handle.pop(handle, None)) is None:
            raise AdsRefused(NO_SUCH_HANDLE)
        del group.items[handle]
        if not group.items:
            self._end(group)

    def clear(self) -> None:
        """None is left."""
        for group in list(self._groups.values()):
            self._end(group)
        self._of_handle.clear()

    def _tick_at(self, moment: float, group: _Group) -> None:
        if group.timer:
            group.timer.cancel()
        group.due = moment
        group.timer = asyncio.get_running_loop().call_at(moment, self._tick, group)

    def _end(self, group: _Group) -> None:
        if group.timer:
            group.timer.cancel()
        self._groups = {key: each for key, each in self._groups.items() if each is not group}

    def _tick(self, group: _Group) -> None:
        now = asyncio.get_running_loop().time()
        group.timer = None
        self._tick_at(max(group.due + group.cycle, now - 1), group)  # what a long pause has missed is not made up for
        if self._waiting() > MOST_WAITING:
            return
        samples = self._samples(group, now)
        for at in range(0, len(samples), MOST_SAMPLES):
            self._send(notification(group.client, group.server, samples[at : at + MOST_SAMPLES]))

    def _samples(self, group: _Group, now: float) -> list[tuple[int, bytes]]:
        found = []
        for handle, item in group.items.items():
            if now < item.begins - 0.001:
                continue
            try:
                data = self._read(item.group, item.offset, item.size)
            except AdsRefused:
                continue  # gone with an online change
            if not item.is_on_change or data != item.last:
                item.last = data
                found.append((handle, data))
        return found
