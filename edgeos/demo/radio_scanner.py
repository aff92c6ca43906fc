"""bleak's scanner on the virtual radio."""

import struct
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.uuids import normalize_uuid_str
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement

_Kind = AdvertisingData.Type
_UUIDS16 = (_Kind.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, _Kind.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS)
_UUIDS128 = (_Kind.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, _Kind.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)


@dataclass
class Known:
    """What a device has said so far; like BlueZ, a part stays until the device says it anew."""

    name: str | None = None
    tx_power: int | None = None
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)
    service_data: dict[str, bytes] = field(default_factory=dict)
    service_uuids: list[str] = field(default_factory=list)

    def learn(self, kind: int, data: bytes) -> None:
        """A part of an advert; what is too short or unknown says nothing."""
        if kind == _Kind.COMPLETE_LOCAL_NAME or (kind == _Kind.SHORTENED_LOCAL_NAME and not self.name):
            self.name = data.decode(errors='replace')
        elif kind == _Kind.TX_POWER_LEVEL and data:
            (self.tx_power,) = struct.unpack_from('b', data)
        elif kind == _Kind.MANUFACTURER_SPECIFIC_DATA and len(data) >= 2:
            self.manufacturer_data[int.from_bytes(data[:2], 'little')] = data[2:]
        elif kind == _Kind.SERVICE_DATA_16_BIT_UUID and len(data) >= 2:
            self.service_data[uuid_text(data[:2])] = data[2:]
        elif kind == _Kind.SERVICE_DATA_128_BIT_UUID and len(data) >= 16:
            self.service_data[uuid_text(data[:16])] = data[16:]
        elif kind in _UUIDS16 or kind in _UUIDS128:
            width = 2 if kind in _UUIDS16 else 16
            new = [uuid_text(data[at : at + width]) for at in range(0, len(data) - width + 1, width)]
            self.service_uuids += [uuid for uuid in new if uuid not in self.service_uuids]

    def said(self, advertisement: Advertisement) -> AdvertisementData:
        """All of it, with the strength of the newest advert."""
        return AdvertisementData(
            local_name=self.name,
            manufacturer_data=dict(self.manufacturer_data),
            service_data=dict(self.service_data),
            service_uuids=list(self.service_uuids),
            tx_power=self.tx_power,
            rssi=advertisement.rssi,
            platform_data=(advertisement,),
        )


class Ears(Protocol):
    """What a scan needs of a radio. Both raise BleakError and TimeoutError."""

    async def listen(self, scan: 'RadioScanner') -> None:
        """Let it hear adverts."""

    async def ignore(self, scan: 'RadioScanner') -> None:
        """No more."""


class RadioScanner(BaseBleakScanner):
    """One scan on the radio it belongs to."""

    radio: Ears

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: Literal['active', 'passive'] = 'active',
        **_options: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self.is_active = scanning_mode == 'active'
        self._known: dict[str, Known] = {}

    async def start(self) -> None:
        """Raises BleakBluetoothNotAvailableError, BleakError, TimeoutError."""
        self.seen_devices = {}
        self._known = {}
        await self.radio.listen(self)

    async def stop(self) -> None:
        await self.radio.ignore(self)

    def hear(self, advertisement: Advertisement) -> None:
        """Tell who wants to know."""
        address = advertisement.address.to_string(with_type_qualifier=False)
        known = self._known.setdefault(address, Known())
        for kind, data in advertisement.data.ad_structures:
            known.learn(kind, data)
        if not self.is_allowed_uuid(known.service_uuids):
            return
        said = known.said(advertisement)
        details = {'source': 'virtual radio', 'address': advertisement.address}
        self.call_detection_callbacks(
            self.create_or_update_device(address, address, known.name, details, said), said)  # fmt: skip


def uuid_text(data: bytes) -> str:
    """The long form of a UUID of 2 or 16 bytes, the last byte first."""
    return normalize_uuid_str(UUID.from_bytes(data).to_hex_str('-'))


def make_scanner(of: Ears) -> type[BaseBleakScanner]:
    """A class, because bleak wants to make the objects."""

    class VirtualScanner(RadioScanner):
        radio = of

    return VirtualScanner
