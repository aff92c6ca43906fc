"""A Bluetooth LE device as a table of characteristics and what it does; knows no radio and no Bluetooth library.

The same device object is put behind the demo's virtual radio and behind the tests' BlueZ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

BASE_UUID = '0000{}-0000-1000-8000-00805f9b34fb'

Notify = Callable[[str, bytes], None]  # characteristic, value


def uuid16(short: str) -> str:
    """The long form of a 16-bit UUID given as four hex digits."""
    return BASE_UUID.format(short.lower())


@dataclass(frozen=True, slots=True)
class Characteristic:
    """`properties` are GATT's own words: read, write, write-without-response, notify, indicate."""

    uuid: str
    properties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """A primary service."""

    uuid: str
    characteristics: tuple[Characteristic, ...]


@dataclass
class BleDevice:
    """What it advertises and offers; subclasses answer `read` and `write`.

    Uuids are in their long form. `manufacturer_data` is by company, `service_data` by uuid. `rssi` is in dBm as the
    receiver would measure it.
    """

    address: str
    name: str = ''
    rssi: int = -60
    services: Sequence[Service] = ()
    service_uuids: list[str] = field(default_factory=list)
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)
    service_data: dict[str, bytes] = field(default_factory=dict)
    connectable: bool = True

    def read(self, uuid: str) -> bytes:
        """The value of a characteristic; raises KeyError if it has none."""
        raise KeyError(uuid)

    def write(self, uuid: str, data: bytes, notify: Notify) -> None:
        """Somebody wrote to a characteristic; answers go out through `notify`, now or later."""

    def on_disconnect(self) -> None:
        """The link is gone: what was half received is forgotten."""
