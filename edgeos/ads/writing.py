"""Writing one value and reading it back."""
import struct
from typing import Any

from edgeos.ads.errors import INVALID_SIZE
from edgeos.ads.library import AdsError, AmsPort
from edgeos.ads.store import HANDLE_BY_NAME, RELEASE_HANDLE, VALUE_BY_HANDLE
from edgeos.ads.symbols import Leaf
from edgeos.ads.values import ValueRefused


class ReadOnly(Exception):
    """Raised where a value cannot be written at all."""


def write_value(port: AmsPort, leaf: Leaf, value: Any, before: bytes) -> bytes:
    """The bytes that the PLC says the value has afterwards; raises ReadOnly, ValueRefused, AdsError.

    By a handle made from the name, so that it lands on the right variable although the program may have changed a
    moment ago, and bits are the PLC's own business; by address only where the PLC knows no such name.
    """
    if not leaf.writable:
        raise ReadOnly(leaf.name)
    data = leaf.codec.encode(value, before)
    handle = _handle_of(port, leaf)
    if handle is None:
        if leaf.bit is not None:
            raise ValueRefused('{name} is a bit that this PLC does not offer by name.', name=leaf.name)
        port.write(leaf.group, leaf.offset, data)
        return _exactly(port.read(leaf.group, leaf.offset, leaf.size), leaf)
    try:
        port.write(VALUE_BY_HANDLE, handle, data)
        return _exactly(port.read(VALUE_BY_HANDLE, handle, leaf.codec.size), leaf)
    finally:
        _release(port, handle)


def _exactly(raw: bytes, leaf: Leaf) -> bytes:
    if len(raw) != leaf.codec.size:
        raise AdsError(INVALID_SIZE)
    return raw


def _handle_of(port: AmsPort, leaf: Leaf) -> int | None:
    try:
        with port.probing():
            answer = port.read_write(HANDLE_BY_NAME, 0, 4, leaf.name.encode('cp1252', 'replace') + b'\0')
        return int(struct.unpack('<I', answer)[0])
    except (AdsError, struct.error) as error:
        if isinstance(error, AdsError) and error.is_dead:
            raise
        return None


def _release(port: AmsPort, handle: int) -> None:
    try:
        port.write(RELEASE_HANDLE, 0, struct.pack('<I', handle))
    except AdsError:
        pass  # the PLC forgets it with the connection
