"""The owner's own hands on a device: reading, writing and hearing single characteristics, as bytes."""
import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from edgeos.bluetooth.errors import BluetoothError, Refused
from edgeos.bluetooth.gatt import GattLink
from edgeos.bluetooth.jbd_frames import FrameError
from edgeos.bluetooth.stack import GattCharacteristic
from edgeos.connections.bluetooth_config import BluetoothConfig
from edgeos.connections.state import WriteRefused

LIMIT = 4.5  # s


class Owner(Protocol):
    """The connection."""

    config: BluetoothConfig

    @property
    def name(self) -> str:
        """As the owner calls it."""

    @property
    def gatt(self) -> GattLink | None:
        """The open link."""


class RawAccess:
    """By path in the tree: `<service>/<characteristic>`. All raise WriteRefused, whose notice says why."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    async def read(self, path: str) -> bytes:
        """The value now."""
        link, found = self._find(path)
        async with answering(self._owner.name, path):
            return await link.read(found)

    async def write(self, path: str, data: bytes) -> None:
        """Write these bytes, if the connection allows writing; acknowledged where the device offers that."""
        link, found = self._find(path)
        if not self._owner.config.allow_writes:
            raise WriteRefused('This connection does not allow writing. Switch it on in its settings.', 403)
        async with answering(self._owner.name, path):
            await link.write(found, data)

    async def watch(self, path: str, hear: Callable[[bytes], None]) -> Callable[[], Awaitable[None]]:
        """Call `hear` with each notification; answers how to stop that (which does not raise)."""
        link, found = self._find(path)
        async with answering(self._owner.name, path):
            await link.subscribe(found, hear)

        async def stop() -> None:
            with contextlib.suppress(BluetoothError, TimeoutError):
                async with asyncio.timeout(LIMIT):
                    await link.unsubscribe(found, hear)

        return stop

    def _find(self, path: str) -> tuple[GattLink, GattCharacteristic]:
        link = self._owner.gatt
        if link is None:
            raise WriteRefused('{name} is not connected.', 409, name=self._owner.name)
        found = link.paths.get(path)
        if found is None:
            raise WriteRefused('The device has no characteristic {point}.', 404, point=path)
        return link, found


@contextlib.asynccontextmanager
async def answering(name: str, point: str) -> AsyncIterator[None]:
    """The device has to answer in time; what goes wrong becomes WriteRefused, with these words for both."""
    try:
        async with asyncio.timeout(LIMIT):
            yield
    except Refused as error:
        raise WriteRefused('{name} refused {point}: {why}.', 403, name=name, point=point, why=error) from error
    except (BluetoothError, FrameError, TimeoutError) as error:
        raise WriteRefused('{name} did not acknowledge {point} in time.', 504, name=name, point=point) from error
