"""An open link to a Bluetooth device: what it is, what it is asked, and whether it is still there."""
import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from edgeos.bluetooth.battery_library import LibraryProfile
from edgeos.bluetooth.errors import LinkLost, NoAnswer
from edgeos.bluetooth.gatt import Counters, GattLink
from edgeos.bluetooth.profiles import PROFILES, Chosen, ChosenProfile, Listener, NotWritable, Profile
from edgeos.bluetooth.readings import Reading
from edgeos.bluetooth.stack import Client
from edgeos.connections.bluetooth_config import library_profiles

T = TypeVar('T')


class DeviceLink:
    """One profile for the kind of device, and the characteristics that were chosen.

    All raise DeviceError or RadioError, LinkLost as soon as the link is gone.
    """

    def __init__(self, client: Client, counters: Counters, listener: Listener, *, lost: asyncio.Event, address: str,
                 profile: str, chosen: Sequence[Chosen], limit: float) -> None:  # fmt: skip
        """`lost` is set by whoever learns that the link is gone; `limit` is for one operation, in seconds."""
        self.client = client
        self.gatt = GattLink(client, counters, limit)
        self.profile = ''
        self.lost = lost
        self._address = address
        self._wanted = profile
        self._listener = listener
        self._chosen = chosen
        self._parts: list[Profile] = []

    @property
    def missing(self) -> list[str]:
        """Chosen characteristics that the device does not have."""
        return [name for part in self._parts if isinstance(part, ChosenProfile) for name in part.missing]

    @property
    def write_only(self) -> list[str]:
        """Chosen characteristics that can be written and not read."""
        return [name for part in self._parts if isinstance(part, ChosenProfile) for name in part.write_only]

    @property
    def round_trip_ms(self) -> float | None:
        """Of the newest answer."""
        return self.gatt.took_ms or None

    @property
    def asks(self) -> bool:
        """Whether reading asks the device something, so that its end is a sign of life."""
        return any(part.asks for part in self._parts)

    @property
    def is_damaged(self) -> bool:
        """Whether the device answers, but not whole."""
        return any(part.is_damaged for part in self._parts)

    async def begin(self) -> list[Reading]:
        """Find out what it is; answers what does not change."""
        self._parts = self._choose()
        self.profile = self._parts[0].name
        return await self._until_lost(self._of_all(lambda part: part.begin()))

    async def read(self) -> list[Reading]:
        """Ask for all values."""
        return await self._until_lost(self._of_all(lambda part: part.read()))

    async def write(self, name: str, value: Any) -> list[Reading]:
        """Write a point; answers what the device then says. Raises NotWritable, ValueFormatError."""
        for part in self._parts:
            try:
                return await self._until_lost(part.write(name, value))
            except NotWritable:
                continue
        raise NotWritable(name)

    async def choose(self, chosen: Sequence[Chosen]) -> list[Reading]:
        """Take over other characteristics while the link lives."""
        for part in self._parts:
            await self._until_lost(part.end())
        self._chosen = chosen
        return await self.begin()

    def _choose(self) -> list[Profile]:
        parts: list[Profile] = []
        if self._wanted in library_profiles():
            parts.append(LibraryProfile(self.gatt, self._listener, self._wanted, self._address))
        elif self._wanted in PROFILES:
            parts.append(PROFILES[self._wanted](self.gatt, self._listener))
        elif self._wanted == 'auto':
            parts += [kind(self.gatt, self._listener) for kind in PROFILES.values() if kind.fits(self.gatt)][:1]
        if self._chosen or not parts:
            parts.append(ChosenProfile(self.gatt, self._listener, self._chosen))
        return parts

    async def _of_all(self, ask: Callable[[Profile], Coroutine[Any, Any, list[Reading]]]) -> list[Reading]:
        return [reading for part in self._parts for reading in await ask(part)]

    async def _until_lost(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of the work; raises LinkLost as soon as the link is gone, whatever the work waits for."""
        task, gone = asyncio.ensure_future(work), asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            if task.cancelled():  # by the library, which gives up what waits when a link ends
                raise NoAnswer('')
            if task.done():
                return task.result()
            raise LinkLost('')
        finally:
            task.cancel()
            gone.cancel()

