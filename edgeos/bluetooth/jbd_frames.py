"""What JBD (Xiaoxiang) battery management systems say: requests, answers in pieces, and the values in them.

A request is DD, A5 (read) or 5A (write), register, length, data, checksum, 77. An answer is DD, register, status
(00, or 80 when refused), length, data, checksum, 77. The checksum is the low 16 bits of the negative sum of register
(in an answer: status), length and data; the register of an answer is not in it. All numbers are big-endian. Sources:
Jiabaida, "Software board general protocol V4", and frames recorded by the project esphome-jbd-bms, against which this
is tested.
"""
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from edgeos.bluetooth.readings import Reading, scaled
from edgeos.bluetooth.uuids import full

SERVICE_UUID, NOTIFY_UUID, WRITE_UUID = full('ff00'), full('ff01'), full('ff02')

BASIC, CELLS, HARDWARE, MOSFET = 0x03, 0x04, 0x05, 0xE1  # registers
MOST_CELLS = 32  # as many as there are balancing bits

_START, _END = 0xDD, 0x77
_READ, _WRITE = 0xA5, 0x5A
_AROUND = 7  # bytes of a frame that are not data
_REFUSED = 0x80  # bit of a status

_CELL_LIMIT = 6.0  # V; no chemistry has cells of so much
_KELVIN = 2731  # 0 °C in tenths of a kelvin
_COLDEST, _HOTTEST = -60.0, 200.0  # °C; a sensor that is not there reads far beyond


class FrameError(ValueError):
    """Raised for an answer that is whole but cannot be true, or that is no answer to what was asked."""


class Frame(NamedTuple):
    """A whole answer with a right checksum. A status other than 0 means that the battery refused."""

    register: int
    status: int
    data: bytes


class Field(NamedTuple):
    """Where a number stands in the data: `offset` and `size` in bytes, `scale` turns it into the unit."""

    name: str
    offset: int
    size: int
    scale: float = 1
    unit: str = ''
    signed: bool = False

    def of(self, data: bytes) -> int | float:
        """The number in its unit."""
        return scaled(int.from_bytes(data[self.offset:self.offset + self.size], 'big', signed=self.signed), self.scale)


BASIC_FIELDS = (
    Field('voltage', 0, 2, 0.01, 'V'),
    Field('current', 2, 2, 0.01, 'A', signed=True),  # positive while charging
    Field('state_of_charge', 19, 1, 1, '%'),
    Field('remaining_capacity', 4, 2, 0.01, 'Ah'),
    Field('full_capacity', 6, 2, 0.01, 'Ah'),
    Field('cycles', 8, 2),
)
_MADE = Field('production_date', 10, 2)  # 7 bits years since 2000, 4 bits month, 5 bits day
_BALANCING = Field('balancing', 12, 4)  # a bit for each cell
_PROTECTION = Field('protection', 16, 2)  # a bit for each of PROTECTIONS
_SOFTWARE = Field('software_version', 18, 1)  # a digit in each half
_MOSFETS = Field('mosfets', 20, 1)  # bit 0 charge, bit 1 discharge; set means on
_CELL_COUNT = Field('cell_count', 21, 1)
_SENSOR_COUNT = Field('temperature_count', 22, 1)
_SENSORS = 23  # from here two bytes for each, in tenths of a kelvin; newer batteries put more behind them

PROTECTIONS = (
    'cell_overvoltage', 'cell_undervoltage', 'pack_overvoltage', 'pack_undervoltage', 'charge_overtemperature',
    'charge_undertemperature', 'discharge_overtemperature', 'discharge_undertemperature', 'charge_overcurrent',
    'discharge_overcurrent', 'short_circuit', 'frontend_error', 'mosfet_lock', 'charge_timeout',
)  # fmt: skip
_LOCK = 1 << PROTECTIONS.index('mosfet_lock')  # the owner has switched a MOSFET off


# requests


def request(register: int) -> bytes:
    """Asks for a register."""
    return _request(_READ, register, b'')


def write_request(register: int, data: bytes) -> bytes:
    """Writes a register; the battery answers with a frame without data."""
    return _request(_WRITE, register, data)


def mosfet_request(charge: bool, discharge: bool) -> bytes:
    """Lets the battery charge and discharge, or not: a bit that is set switches off."""
    return write_request(MOSFET, bytes((0, (not charge) | (not discharge) << 1)))


def _request(direction: int, register: int, data: bytes) -> bytes:
    checked = bytes((register, len(data))) + data
    return bytes((_START, direction)) + checked + _checksum(checked) + bytes((_END,))


def _checksum(checked: bytes) -> bytes:
    return (-sum(checked) & 0xFFFF).to_bytes(2, 'big')


# answers, in pieces


class FrameReader:
    """Puts answers together from notifications, however they are split, and finds the next one after a damaged one.

    `bad` counts what was thrown away: starts that became no frame, and runs of bytes outside frames. Start and end
    bytes may stand in the data too, so only length and checksum tell a frame. A length that lies cannot hold up the
    frames behind it: the first of them that is whole ends the wait. At most 262 bytes are kept.
    """

    def __init__(self) -> None:
        self.bad = 0
        self._rest = b''
        self._is_skipping = False

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that are complete with this piece."""
        data, piece_at = self._rest + piece, len(self._rest)
        frames: list[Frame] = []
        at = following = 0
        while (start := data.find(_START, at)) >= 0:
            if start > at:
                self._skip_foreign()
            length = _length_at(data, start)
            if start + length > len(data):
                if start >= following:
                    following = _first_whole(data, start + 1, piece_at)
                if following < 0:
                    break
                at = self._skip_from(start)
            elif (frame := _frame(data[start:start + length])) is not None:
                frames.append(frame)
                self._is_skipping = False
                at = start + length
            else:
                at = self._skip_from(start)
        if start < 0 and at < len(data):
            self._skip_foreign()
        self._rest = data[start:] if start >= 0 else b''
        return frames

    def _skip_foreign(self) -> None:
        self.bad += not self._is_skipping
        self._is_skipping = True

    def _skip_from(self, start: int) -> int:
        self.bad += 1
        self._is_skipping = True
        return start + 1


def _length_at(data: bytes, start: int) -> int:
    """How long a frame is that starts here, as far as is known; 0 if none can."""
    header = data[start:start + 4]
    if len(header) > 2 and header[2] and not header[2] & _REFUSED:
        return 0
    return _AROUND + (header[3] if len(header) > 3 else 0)


def _frame(data: bytes) -> Frame | None:
    """The frame that these bytes are."""
    if len(data) < _AROUND or len(data) != _AROUND + data[3] or data[-1] != _END:
        return None
    if data[-3:-1] != _checksum(data[2:-3]):
        return None
    return Frame(data[1], data[2], data[4:-3])


def _first_whole(data: bytes, at: int, piece_at: int) -> int:
    """Where the first whole frame behind `at` starts, -1 if there is none.

    A bare acknowledgement (DD, register, 00 00 00 00 77) can also be seven bytes of data. It counts only where it is
    a notification by itself: as the end of an answer it would be a checksum of 0, which none with data has.
    """
    for start in _starts(data, at):
        frame = _frame(data[start:start + _length_at(data, start)])
        if frame is not None and (frame.data or frame.status or start == piece_at == len(data) - _AROUND):
            return start
    return -1


def _starts(data: bytes, at: int) -> Iterator[int]:
    while (start := data.find(_START, at)) >= 0:
        yield start
        at = start + 1


# values


def basic_readings(frame: Frame) -> list[Reading]:
    """Register 03: state, counters, protections, temperatures; raises FrameError."""
    data = _data_of(frame, BASIC)
    sensors = data[_SENSORS:_SENSORS + 2 * data[_SENSOR_COUNT.offset]] if len(data) >= _SENSORS else b''
    if len(data) < _SENSORS or len(sensors) < 2 * data[_SENSOR_COUNT.offset]:
        raise FrameError(f'basic information of {len(data)} bytes is too short')
    if not 0 < data[_CELL_COUNT.offset] <= MOST_CELLS:
        raise FrameError(f'a battery of {data[_CELL_COUNT.offset]} cells')
    readings = [Reading(field.name, field.of(data), field.unit) for field in BASIC_FIELDS]
    power = int.from_bytes(data[0:2], 'big') * int.from_bytes(data[2:4], 'big', signed=True)
    readings.insert(2, Reading('power', round(power / 10000, 2), 'W'))
    return [*readings, *_temperatures(sensors), *_switches(data), *_protection(data), *_nameplate(data)]


def cell_readings(frame: Frame) -> list[Reading]:
    """Register 04: each cell in V, the lowest, the highest, and how far they are apart; raises FrameError."""
    data = _data_of(frame, CELLS)
    if len(data) % 2 or not 0 < len(data) <= 2 * MOST_CELLS:
        raise FrameError(f'cell voltages of {len(data)} bytes')
    millivolts = [int.from_bytes(data[at:at + 2], 'big') for at in range(0, len(data), 2)]
    if max(millivolts) > _CELL_LIMIT * 1000:
        raise FrameError(f'a cell of {max(millivolts) / 1000} V')
    low, high = min(millivolts), max(millivolts)
    named = {f'cell_{number}': value for number, value in enumerate(millivolts, 1)}
    named |= {'cell_min': low, 'cell_max': high, 'cell_spread': high - low}
    return [Reading(name, scaled(value, 0.001), 'V') for name, value in named.items()]


def hardware_readings(frame: Frame) -> list[Reading]:
    """Register 05: the name of the board; raises FrameError."""
    name = _data_of(frame, HARDWARE).rstrip(b'\0 ')
    if not name.isascii() or not name.decode('ascii').isprintable():
        raise FrameError('a hardware version that is no text')
    return [Reading('hardware_version', name.decode('ascii'))]


def _data_of(frame: Frame, register: int) -> bytes:
    if frame.register != register:
        raise FrameError(f'register {frame.register:#04x} instead of {register:#04x}')
    if frame.status:
        raise FrameError(f'register {register:#04x} was refused with status {frame.status:#04x}')
    return frame.data


def _temperatures(sensors: bytes) -> Iterator[Reading]:
    for number, at in enumerate(range(0, len(sensors), 2), 1):
        degrees = scaled(int.from_bytes(sensors[at:at + 2], 'big') - _KELVIN, 0.1)
        yield Reading(f'temperature_{number}', degrees if _COLDEST <= degrees <= _HOTTEST else None, '°C')


def _switches(data: bytes) -> list[Reading]:
    """Only whether cells are balanced is told, not which: batteries differ in where they begin to count the bits."""
    mosfets = data[_MOSFETS.offset]
    return [Reading('charge_mosfet', bool(mosfets & 1), writable=True),
            Reading('discharge_mosfet', bool(mosfets & 2), writable=True),
            Reading('balancing', _BALANCING.of(data) != 0)]  # fmt: skip


def _protection(data: bytes) -> list[Reading]:
    """A MOSFET that the owner has switched off is told, but is no problem."""
    bits = int(_PROTECTION.of(data))
    names = [PROTECTIONS[bit] if bit < len(PROTECTIONS) else f'bit_{bit}' for bit in range(16) if bits & 1 << bit]
    flags = [Reading(f'protection/{name}', bool(bits & 1 << bit)) for bit, name in enumerate(PROTECTIONS)]
    text = ', '.join(name.replace('_', ' ') for name in names)
    return [Reading('problem', bits & ~_LOCK != 0), Reading('protection', text), *flags]


def _nameplate(data: bytes) -> list[Reading]:
    version = data[_SOFTWARE.offset]
    return [Reading('production_date', _date(int(_MADE.of(data)))),
            Reading('software_version', f'{version >> 4}.{version & 0xF}')]  # fmt: skip


def _date(bits: int) -> str | None:
    try:
        return date(2000 + (bits >> 9), bits >> 5 & 0xF, bits & 0x1F).isoformat()
    except ValueError:
        return None
