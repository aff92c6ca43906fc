"""What the app needs of a Bluetooth library; `library.py` brings it for bleak."""
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edgeos.bluetooth.adverts import Advert


@dataclass(frozen=True, slots=True)
class GattCharacteristic:
    """`properties` are GATT's words: read, write, write-without-response, notify, indicate. Uuids in long form."""

    uuid: str
    handle: int
    properties: frozenset[str]
    service: str
    service_handle: int

    @property
    def is_readable(self) -> bool:
        return 'read' in self.properties

    @property
    def is_writable(self) -> bool:
        return bool(self.properties & {'write', 'write-without-response'})

    @property
    def notifies(self) -> bool:
        return bool(self.properties & {'notify', 'indicate'})


class Client(Protocol):
    """One open link to a device. Operations raise DeviceError or RadioError, and may wait for ever."""

    @property
    def characteristics(self) -> list[GattCharacteristic]:
        """All the device offers, in the order of their handles."""

    @property
    def native_services(self) -> object:
        """The library's own table of them."""

    async def read(self, characteristic: GattCharacteristic) -> bytes:
        """Its value."""

    async def write(self, characteristic: GattCharacteristic, data: bytes, *, response: bool) -> None:
        """Returns once the device acknowledged, if a response is wanted."""

    async def subscribe(self, characteristic: GattCharacteristic, callback: Callable[[bytes], None]) -> None:
        """Call back with each notification."""

    async def unsubscribe(self, characteristic: GattCharacteristic) -> None:
        """No more."""

    async def close(self) -> None:
        """Let the device go; what goes wrong with that is over anyway and not raised."""


class Stack(Protocol):
    """One adapter. Everything raises RadioError or DeviceError, and may wait for ever: the caller sets limits."""

    async def start_scan(self, hear: Callable[[Advert], None]) -> None:
        """Hear adverts until `stop_scan`; ends a scan that was left over."""

    async def stop_scan(self) -> None:
        """Ends the scan; does not raise."""

    async def connect(self, advert: Advert, on_lost: Callable[[], None]) -> Client:
        """A new link, with its services discovered."""

    async def free(self, address: str) -> bool:
        """End a link that the system holds although nobody of us does; answers whether there was one."""

    async def forget(self, address: str) -> bool:
        """Have the system forget what it believes of a device; answers whether it did."""
