"""BTHome version 2: what sensors put into their adverts, plain or encrypted.

The service data is a byte of flags (bit 0 encrypted, bit 2 sent on events, bits 5 to 7 the version), then objects: an
id and a value of the length the table gives, little-endian. Encrypted objects are followed by a counter and a check of
4 bytes each. Source: bthome.io/format and bthome.io/encryption.
"""
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from edgeos.bluetooth.bthome_objects import (
    BINARY,
    BUTTON,
    BUTTON_EVENTS,
    COMMAND,
    COMMANDS,
    DIMMER,
    DIMMER_EVENTS,
    FIRMWARE,
    NUMBERS,
    PACKET_ID,
    RAW,
    TEXT,
    TIMESTAMP,
)
from edgeos.bluetooth.readings import Reading, Value, scaled
from edgeos.bluetooth.uuids import full

UUID = full('fcd2')

_VERSION = 2
_ENCRYPTED, _HAS_ADDRESS, _ON_EVENTS = 1, 2, 4
_NONCE_UUID = bytes.fromhex('d2fc')
_COUNTER, _CHECK = 4, 4  # bytes


class Problem(StrEnum):
    """Why an advert tells nothing."""

    NO_KEY = 'no key'  # it is encrypted and there is none
    WRONG_KEY = 'wrong key'
    NOT_ENCRYPTED = 'not encrypted'  # but there is a key, so anybody may have sent it
    REPLAYED = 'replayed'  # older than one that was heard before
    MALFORMED = 'malformed'
    VERSION = 'unsupported version'


class AdvertError(ValueError):
    """Raised for an advert that tells nothing; `code` says why."""

    def __init__(self, code: Problem, text: str = '') -> None:
        self.code = code
        super().__init__(text or str(code))


class BtHome(NamedTuple):
    """What one advert tells.

    `packet_id` changes with what is told, `counter` with every advert that is not a repetition; None where it has none.
    `unknown` is the id of an object that is not in the table: it and those behind it are left out.
    """

    readings: list[Reading]
    packet_id: int | None = None
    counter: int | None = None
    is_event_driven: bool = False
    unknown: int | None = None

    @property
    def is_incomplete(self) -> bool:
        return self.unknown is not None


def is_encrypted(service_data: bytes) -> bool:
    """Whether a key is needed to understand it."""
    return bool(service_data and service_data[0] & _ENCRYPTED)


def parse(service_data: bytes, *, address: str, key: bytes | None = None, last_counter: int | None = None) -> BtHome:
    """What the service data of an advert tells; raises AdvertError.

    `address` is of the sender, `key` its bind key of 16 bytes, `last_counter` that of the newest advert heard from it.
    With a key, adverts that are not encrypted are refused.
    """
    if not service_data:
        raise AdvertError(Problem.MALFORMED, 'an advert without a byte')
    flags = service_data[0]
    if flags >> 5 != _VERSION:
        raise AdvertError(Problem.VERSION, f'BTHome version {flags >> 5}')
    payload, mac = service_data[1:], _mac(address)
    if flags & _HAS_ADDRESS:  # in older editions of the format
        mac = bytes(reversed(payload[:6]))
        payload = payload[6:]
    counter = None
    if flags & _ENCRYPTED:
        payload, counter = _decrypted(payload, flags, mac, key)
        _refuse_replay(counter, last_counter)
    elif key is not None:
        raise AdvertError(Problem.NOT_ENCRYPTED)
    return _parse_objects(payload)._replace(counter=counter, is_event_driven=bool(flags & _ON_EVENTS))


# encryption


def _decrypted(payload: bytes, flags: int, mac: bytes | None, key: bytes | None) -> tuple[bytes, int]:
    from cryptography.exceptions import InvalidTag  # most houses need neither, and they take long to import
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    if len(payload) < _COUNTER + _CHECK:
        raise AdvertError(Problem.MALFORMED, f'an encrypted advert of {len(payload)} bytes')
    if key is None:
        raise AdvertError(Problem.NO_KEY)
    if len(key) != 16 or mac is None:
        raise AdvertError(Problem.WRONG_KEY, 'the key has another length' if mac else 'its address is hidden')
    counter, check = payload[-_COUNTER - _CHECK:-_CHECK], payload[-_CHECK:]
    nonce = mac + _NONCE_UUID + bytes((flags,)) + counter
    try:
        plain = AESCCM(key, tag_length=_CHECK).decrypt(nonce, payload[:-_COUNTER - _CHECK] + check, None)
    except InvalidTag as error:
        raise AdvertError(Problem.WRONG_KEY) from error
    return plain, int.from_bytes(counter, 'little')


def _refuse_replay(counter: int, last: int | None) -> None:
    """The same counter is the same advert, sent once more, and one that wraps around is accepted.

    One that begins anew, as after a change of the battery, is taken once the sensor has counted as lost.
    """
    ahead = (counter - last) % 2**32 if last is not None else 0
    if ahead >= 2**31:
        raise AdvertError(Problem.REPLAYED, f'counter {counter} after {last}')


def _mac(address: str) -> bytes | None:
    try:
        mac = bytes.fromhex(address.replace(':', ''))
    except ValueError:
        return None
    return mac if len(mac) == 6 else None


# objects


class _Objects:
    """Takes bytes from the front."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def take(self, count: int) -> bytes:
        """That many bytes; raises AdvertError if there are fewer."""
        if len(self.left) < count:
            raise AdvertError(Problem.MALFORMED, f'{count - len(self.left)} bytes are missing at the end')
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def number(self, size: int, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), 'little', signed=signed)


def _parse_objects(payload: bytes) -> BtHome:
    objects, readings = _Objects(payload), list[Reading]()
    packet_id = unknown = None
    while objects.left:
        id = objects.number(1)
        if id == PACKET_ID:
            packet_id = objects.number(1)
        elif (reading := _reading(id, objects)) is not None:
            readings.append(reading)
        else:
            unknown = id
            break
    return BtHome(_numbered(readings), packet_id, unknown=unknown)


def _reading(id: int, objects: _Objects) -> Reading | None:
    """One object as a point; None for an id of which the length is not known."""
    if number := NUMBERS.get(id):
        return Reading(number.name, scaled(objects.number(number.size, number.signed), number.factor), number.unit)
    if name := BINARY.get(id):
        return Reading(name, objects.number(1) != 0)
    if special := _SPECIAL.get(id):
        name, read = special
        return Reading(name, read(objects))
    return None


def _numbered(readings: list[Reading]) -> list[Reading]:
    """The second of a name gets a 2, as they stand in the advert."""
    count: dict[str, int] = {}
    found = []
    for reading in readings:
        count[reading.name] = nth = count.get(reading.name, 0) + 1
        found.append(reading if nth == 1 else reading._replace(name=f'{reading.name}_{nth}'))
    return found


def _text(objects: _Objects) -> str:
    try:
        return objects.take(objects.number(1)).decode('utf-8')
    except UnicodeDecodeError as error:
        raise AdvertError(Problem.MALFORMED, 'a text that is not UTF-8') from error


def _raw(objects: _Objects) -> str:
    return objects.take(objects.number(1)).hex()


def _timestamp(objects: _Objects) -> str:
    return datetime.fromtimestamp(objects.number(4), UTC).isoformat()


def _button(objects: _Objects) -> str:
    event = objects.number(1)
    return BUTTON_EVENTS.get(event, f'event_{event}')


def _dimmer(objects: _Objects) -> str:
    """What was done, and by how many steps."""
    event, steps = objects.number(1), objects.number(1)
    return f'{DIMMER_EVENTS.get(event, f"event_{event}")} {steps}' if event else 'none'


def _command(objects: _Objects) -> str:
    """The low five bits of the first byte are the length of what follows the opcode."""
    size, opcode = objects.number(1) & 31, objects.number(1)
    arguments = objects.take(size)
    name = COMMANDS.get(opcode, f'command_{opcode}')
    return f'{name} {arguments[0] if size == 1 else arguments.hex()}' if size else name


def _firmware(size: int) -> Callable[[_Objects], str]:
    return lambda objects: '.'.join(str(part) for part in reversed(objects.take(size)))


_SPECIAL: dict[int, tuple[str, Callable[[_Objects], Value]]] = {
    TEXT: ('text', _text), RAW: ('raw', _raw), TIMESTAMP: ('timestamp', _timestamp), BUTTON: ('button', _button),
    DIMMER: ('dimmer', _dimmer), COMMAND: ('command', _command),
    **{id: ('firmware_version', _firmware(size)) for id, size in FIRMWARE.items()},
}  # fmt: skip
