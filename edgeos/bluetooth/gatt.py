"""An open link as profiles use it: counted, with a limit for every operation, notifications shared."""
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from edgeos.bluetooth.errors import NoAnswer, ProfileError
from edgeos.bluetooth.stack import Client, GattCharacteristic
from edgeos.bluetooth.uuids import full, short

OPERATION_LIMIT = 5.0  # s
ECHO = 0.3  # s

Heard = Callable[[bytes], None]

T = TypeVar('T')


class Counters(Protocol):
    """Where packets (reads, writes, notifications) and bytes (of values) are counted."""

    packets_sent: int
    packets_received: int
    bytes_sent: int
    bytes_received: int


class GattLink:
    """One link. `limit` is for one operation, in seconds; all raise DeviceError or RadioError."""

    def __init__(self, client: Client, counters: Counters, limit: float = OPERATION_LIMIT) -> None:
        self._client = client
        self._counters = counters
        self._limit = limit
        self._hearers: dict[int, list[Heard]] = {}
        self._echoes: dict[int, tuple[bytes, float]] = {}  # what was read, and until when it may come once more
        self._held: dict[int, list[bytes]] = {}  # heard while the same is being read
        self._subscribing = asyncio.Lock()
        self.paths = _paths(client.characteristics)
        self.took_ms = 0.0  # the last read or acknowledged write

    @property
    def characteristics(self) -> list[GattCharacteristic]:
        return self._client.characteristics

    @property
    def native_services(self) -> object:
        """The library's own table, for code that was written for it."""
        return self._client.native_services

    def find(self, uuid: str, service: str = '') -> GattCharacteristic | None:
        """The first characteristic of that uuid, in that service if one is given; both in long form."""
        return next((each for each in self.characteristics
                     if each.uuid == uuid and service in ('', each.service)), None)  # fmt: skip

    def anything_readable(self) -> GattCharacteristic | None:
        """Something small that proves that the device lives: its name, its battery, else whatever there is."""
        preferred = [self.find(full(uuid)) for uuid in ('2a00', '2a19')]
        return next((each for each in [*preferred, *self.characteristics]
                     if each is not None and each.is_readable), None)  # fmt: skip

    def need(self, uuid: str, service: str = '') -> GattCharacteristic:
        """The same; raises ProfileError when the device has none."""
        found = self.find(uuid, service)
        if found is None:
            raise ProfileError(f'{short(service)}/{short(uuid)}' if service else short(uuid))
        return found

    async def read(self, characteristic: GattCharacteristic) -> bytes:
        """The value of a characteristic."""
        began = time.perf_counter()
        is_heard = bool(self._hearers.get(characteristic.handle))
        if is_heard:
            self._held[characteristic.handle] = []
        try:
            data = await self._limited(self._client.read(characteristic))
        finally:
            held = self._held.pop(characteristic.handle, [])
        self.took_ms = (time.perf_counter() - began) * 1000
        if is_heard and data in held:
            held.remove(data)
        elif is_heard:
            self._echoes[characteristic.handle] = (data, time.monotonic() + ECHO)
        for each in held:
            self._tell(characteristic.handle, each)
        self._count_received(data)
        return data

    async def write(self, characteristic: GattCharacteristic, data: bytes, *, response: bool | None = None) -> None:
        """Write a value; with a response where the device offers it, unless told otherwise."""
        wanted = 'write' in characteristic.properties if response is None else response
        self._counters.packets_sent += 1
        self._counters.bytes_sent += len(data)
        began = time.perf_counter()
        await self._limited(self._client.write(characteristic, data, response=wanted))
        if wanted:
            self.took_ms = (time.perf_counter() - began) * 1000

    async def subscribe(self, characteristic: GattCharacteristic, hear: Heard) -> None:
        """Call `hear` with each notification; any number may listen to one characteristic."""
        async with self._subscribing:
            hearers = self._hearers.setdefault(characteristic.handle, [])
            if not hearers:
                await self._limited(self._client.subscribe(characteristic, self._teller(characteristic.handle)))
            hearers.append(hear)

    async def unsubscribe(self, characteristic: GattCharacteristic, hear: Heard) -> None:
        """No more of them."""
        async with self._subscribing:
            hearers = self._hearers.get(characteristic.handle, [])
            if hear in hearers:
                hearers.remove(hear)
                if not hearers:
                    await self._limited(self._client.unsubscribe(characteristic))

    def _teller(self, handle: int) -> Heard:
        """BlueZ tells everybody who hears a characteristic also what somebody has read: that is no notification."""

        def tell(data: bytes) -> None:
            if (held := self._held.get(handle)) is not None:
                held.append(data)
                return
            echo, until = self._echoes.pop(handle, (None, 0.0))
            if echo != data or time.monotonic() > until:
                self._tell(handle, data)

        return tell

    def _tell(self, handle: int, data: bytes) -> None:
        self._count_received(data)
        for hear in tuple(self._hearers.get(handle, ())):
            hear(data)

    def _count_received(self, data: bytes) -> None:
        self._counters.packets_received += 1
        self._counters.bytes_received += len(data)

    async def _limited(self, operation: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._limit):
                return await operation
        except TimeoutError as error:
            raise NoAnswer('') from error


def _paths(characteristics: list[GattCharacteristic]) -> dict[str, GattCharacteristic]:
    """What each is called in the tree: `<service>/<characteristic>`, with its handle where that stands twice."""
    found: dict[str, GattCharacteristic] = {}
    for each in characteristics:
        path = f'{short(each.service)}/{short(each.uuid)}'
        found[f'{path}@{each.handle}' if path in found else path] = each
    return found
