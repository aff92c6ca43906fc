"""What a device says of itself on the air, as bytes: at most 31 in an advert, 31 more for who asks (a scan response).

Each part is a length, a type and data. Source: Bluetooth Assigned Numbers, 2.3 "Common Data Types", and the Core
Specification Supplement, part A.
"""

from collections.abc import Iterator

from edgeos.demo.ble_device import BASE_UUID, BleDevice

MOST_BYTES = 31

_FLAGS = b'\x02\x01\x06'  # found by everybody, no classic Bluetooth
_UUIDS16, _UUIDS128, _NAME, _DATA16, _DATA128, _MANUFACTURER = 0x03, 0x07, 0x09, 0x16, 0x21, 0xFF


class TooLong(ValueError):
    """Raised when a device has more to say than fits on the air."""


def adverts_of(device: BleDevice) -> tuple[bytes, bytes]:
    """Advert and scan response; what does not fit into the first goes into the second. Raises TooLong."""
    advert, response = _FLAGS, b''
    for part in _parts(device):
        if len(advert) + len(part) <= MOST_BYTES:
            advert += part
        elif len(response) + len(part) <= MOST_BYTES:
            response += part
        else:
            raise TooLong(f'{device.name or device.address}: {len(part)} bytes too many')
    return advert, response


def _parts(device: BleDevice) -> Iterator[bytes]:
    for kind, width in ((_UUIDS16, 2), (_UUIDS128, 16)):
        uuids = [uuid for uuid in map(_packed, device.service_uuids) if len(uuid) == width]
        if uuids:
            yield _part(kind, b''.join(uuids))
    for uuid, data in device.service_data.items():
        packed = _packed(uuid)
        yield _part(_DATA16 if len(packed) == 2 else _DATA128, packed + data)
    for company, data in device.manufacturer_data.items():
        yield _part(_MANUFACTURER, company.to_bytes(2, 'little') + data)
    if device.name:
        yield _part(_NAME, device.name.encode())


def _part(kind: int, data: bytes) -> bytes:
    return bytes((1 + len(data), kind)) + data


def _packed(uuid: str) -> bytes:
    """Two bytes where the UUID is a short one, else sixteen; the last byte first."""
    short = uuid[4:8]
    return bytes.fromhex(short if BASE_UUID.format(short) == uuid else uuid.replace('-', ''))[::-1]
