"""Frames of the JBD (Xiaoxiang) battery management systems as the battery itself sees and builds them.

A request is DD A5 (read) or DD 5A (write), register, length, data, checksum, 77; an answer is DD, register, status
(00 or 80), length, data, checksum, 77. The checksum is 10000h less the sum of the bytes from the register (request) or
the status (answer) to the end of the data. Numbers are big-endian. Source: Jiabaida, "General protocol of the software
board" V4, and recorded traffic at github.com/syssi/esphome-jbd-bms/tree/main/docs/pdus.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

START, END = 0xDD, 0x77
READ, WRITE = 0xA5, 0x5A
BASIC, CELLS, VERSION, MOSFETS = 0x03, 0x04, 0x05, 0xE1
OK, FAILED = 0x00, 0x80
CHARGE_OFF, DISCHARGE_OFF = 1, 2  # bits of what is written to MOSFETS

_MODES = (bytes((READ,)), bytes((WRITE,)))
_AROUND = 7  # bytes of a request that are not data
_BASIC = struct.Struct('>HhHHHHHHHBBBBB')


class Request(NamedTuple):
    is_write: bool
    register: int
    data: bytes


@dataclass
class BasicInfo:
    """What register 3 tells: V, A (negative while discharging), Ah, °C, bits for cells and faults."""

    voltage: float
    current: float
    remaining: float
    capacity: float
    cycles: int
    made: date
    balancing: int = 0
    protection: int = 0
    software: int = 0x21
    percent: int = 0
    mosfets: int = 3  # bit 0 charge, bit 1 discharge
    cells: int = 4
    temperatures: Sequence[float] = field(default_factory=list)

    def packed(self) -> bytes:
        """The data of the answer."""
        made = (self.made.year - 2000) << 9 | self.made.month << 5 | self.made.day
        fixed = _BASIC.pack(round(self.voltage * 100), round(self.current * 100), round(self.remaining * 100),
                            round(self.capacity * 100), self.cycles, made, self.balancing & 0xFFFF,
                            self.balancing >> 16, self.protection, self.software, self.percent, self.mosfets,
                            self.cells, len(self.temperatures))  # fmt: skip
        return fixed + b''.join(struct.pack('>H', round(degrees * 10) + 2731) for degrees in self.temperatures)


def packed_cells(volts: Sequence[float]) -> bytes:
    """The data of register 4: each cell in mV."""
    return b''.join(struct.pack('>H', round(volt * 1000)) for volt in volts)


def answer(register: int, data: bytes = b'', status: int = OK) -> bytes:
    """A whole frame from the battery."""
    checked = bytes((status, len(data))) + data
    return bytes((START, register)) + checked + checksum(checked) + bytes((END,))


def checksum(checked: bytes) -> bytes:
    """Two bytes; the sum of nothing but zeros is zero."""
    return struct.pack('>H', -sum(checked) & 0xFFFF)


class RequestReader:
    """Finds requests in what is written, whatever pieces it comes in; what is none is skipped, as the battery does."""

    def __init__(self) -> None:
        self._rest = b''

    def feed(self, data: bytes) -> list[Request]:
        """The requests that are complete now and have a right checksum."""
        rest, found = self._rest + data, []
        while (start := rest.find(START)) >= 0:
            rest = rest[start:]
            length = _AROUND + (rest[3] if len(rest) > 3 else 0)
            may_be_one = rest[1:2] in (b'', *_MODES)
            if may_be_one and len(rest) < length:
                break
            request = _request(rest[:length]) if may_be_one else None
            if request is not None:
                found.append(request)
            rest = rest[length if request is not None else 1 :]
        self._rest = rest if start >= 0 else b''
        return found

    def forget(self) -> None:
        """The link is gone, and with it what was half received."""
        self._rest = b''


def _request(frame: bytes) -> Request | None:
    checked = frame[2:-3]
    if frame[-1] != END or frame[-3:-1] != checksum(checked):
        return None
    return Request(frame[1] == WRITE, checked[0], checked[2:])
