"""Frames of AMS over TCP, taken apart and put together, for the simulated PLC.

All numbers are little-endian. First the AMS/TCP header: command u16 (0 for what follows here), length u32. Then the AMS
header of 32 bytes: target NetId (6 bytes) and port u16, source NetId and port, command u16, state flags u16, length of
the data u32, error u32, invoke id u32. Then the data. Source: Beckhoff Infosys, "TwinCAT ADS specification".
"""

import struct
import time
from collections.abc import Iterable
from typing import NamedTuple

TCP_HEADER = struct.Struct('<HI')
HEADER = struct.Struct('<HI6sH6sHHHIII')  # both headers
AMS_BYTES = 32
MOST_BYTES = 4 * 1024 * 1024  # of a request

RESPONSE, ADS_COMMAND = 1, 4  # state flags
READ_DEVICE_INFO, READ, WRITE, READ_STATE, WRITE_CONTROL = 1, 2, 3, 4, 5
ADD_NOTIFICATION, DELETE_NOTIFICATION, NOTIFICATION, READ_WRITE = 6, 7, 8, 9

_FILETIME_OF_1970 = 116_444_736_000_000_000  # in steps of 100 ns since 1601

Address = tuple[bytes, int]  # NetId of 6 bytes, AMS port


class FrameError(ValueError):
    """Raised when bytes are no frame; the connection is of no use any more."""


class Request(NamedTuple):
    """A frame; `kind` is the AMS/TCP command."""

    kind: int
    target: bytes
    target_port: int
    source: bytes
    source_port: int
    command: int
    flags: int
    invoke: int
    data: bytes


class FrameReader:
    """Finds the frames in a stream, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._rest = b''

    def feed(self, data: bytes) -> list[Request]:
        """The frames that are complete now; raises FrameError."""
        buffer = self._rest + data if self._rest else data
        found: list[Request] = []
        at, end = 0, len(buffer)
        while end - at >= TCP_HEADER.size:
            kind, length = TCP_HEADER.unpack_from(buffer, at)
            if length > MOST_BYTES:
                raise FrameError(f'a frame of {length} bytes')
            if end - at < TCP_HEADER.size + length:
                break
            if kind == 0:  # others are for the router of the own machine: nothing to do with a PLC
                found.append(_request(buffer, at, length))
            at += TCP_HEADER.size + length
        self._rest = buffer[at:]
        return found


def _request(buffer: bytes, at: int, length: int) -> Request:
    if length < AMS_BYTES:
        raise FrameError(f'a frame of {length} bytes')
    kind, _, target, port, source, source_port, command, flags, size, _, invoke = HEADER.unpack_from(buffer, at)
    if size != length - AMS_BYTES:
        raise FrameError('the lengths contradict each other')
    start = at + HEADER.size
    return Request(kind, target, port, source, source_port, command, flags, invoke, buffer[start : start + size])


def answer(request: Request, data: bytes, error: int = 0) -> bytes:
    """The frame back; `error` is the router's, an ADS error stands at the start of the data."""
    return (
        HEADER.pack(
            0, AMS_BYTES + len(data), request.source, request.source_port, request.target, request.target_port,
            request.command, request.flags | RESPONSE, len(data), error, request.invoke,
        )
        + data
    )  # fmt: skip


def request(
    target: Address, source: Address, command: int, data: bytes, *, invoke: int = 0, flags: int = ADS_COMMAND
) -> bytes:
    """A frame to somebody; notifications are sent so too."""
    return HEADER.pack(0, AMS_BYTES + len(data), *target, *source, command, flags, len(data), 0, invoke) + data


def notification(target: Address, source: Address, samples: Iterable[tuple[int, bytes]]) -> bytes:
    """Samples of one moment: handle and bytes.

    Length u32, number of stamps u32; a stamp is a time u64 (100 ns since 1601), number of samples u32, and those:
    handle u32, size u32, bytes.
    """
    parts = [struct.pack('<II', handle, len(data)) + data for handle, data in samples]
    now = time.time_ns() // 100 + _FILETIME_OF_1970
    stream = struct.pack('<IQI', 1, now, len(parts)) + b''.join(parts)
    return request(target, source, NOTIFICATION, struct.pack('<I', len(stream)) + stream)


def net_id_bytes(net_id: str) -> bytes:
    """The 6 bytes of '5.12.34.56.1.1'; raises ValueError."""
    parts = bytes(map(int, net_id.split('.')))
    if len(parts) != 6:
        raise ValueError('a NetId is six numbers from 0 to 255 with dots between them')
    return parts


def net_id_text(net_id: bytes) -> str:
    """The other way round."""
    return '.'.join(map(str, net_id))
