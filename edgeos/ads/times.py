"""Durations, dates and times of day. All are unsigned and in the PLC's own time, whatever its zone.

TIME and TOD count ms, DATE and DT seconds since 1970, in 4 bytes; LTIME, LTOD, LDATE and LDT count ns in 8 bytes
(TwinCAT 3 reference, date and time data types).
"""
import re
from datetime import date, datetime, timedelta
from fractions import Fraction

from edgeos.ads.codec import Codec, IntCodec, ValueRefused, shown

NANOSECONDS = {'d': 86_400 * 10**9, 'h': 3_600 * 10**9, 'm': 60 * 10**9, 's': 10**9, 'ms': 10**6, 'us': 10**3, 'ns': 1}
DAY = 86_400  # s
LONGEST_TEXT = 100  # characters

_EPOCH = datetime(1970, 1, 1)
_PART = re.compile(r'(\d+(?:\.\d+)?)(ms|us|ns|d|h|m|s)', re.IGNORECASE | re.ASCII)
_DURATION = re.compile(rf'L?T(?:IME)?#((?:{_PART.pattern})+)', re.IGNORECASE | re.ASCII)
_CLOCK = r'(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?'
_DAY_TEXT = r'(\d{4})-(\d\d)-(\d\d)'
_TIME_OF_DAY = re.compile(_CLOCK, re.ASCII)
_DATE = re.compile(_DAY_TEXT, re.ASCII)
_DATE_AND_TIME = re.compile(f'{_DAY_TEXT}[T ]{_CLOCK}', re.ASCII)


class _TimeCodec(IntCodec):
    """`per_second` is how many counts a second has; `example` shows what text is taken."""

    __slots__ = ('_example', '_per_second')

    def __init__(self, type_name: str, per_second: int, *, is_long: bool, example: str, unit: str = '',
                 high: int | None = None) -> None:  # fmt: skip
        super().__init__(type_name, 'Q' if is_long else 'I', unit, high=high)
        self._per_second = per_second
        self._example = example

    def encode(self, value: object, before: bytes = b'') -> bytes:
        if not isinstance(value, str):
            return super().encode(value, before)
        nanoseconds = self._nanoseconds(value.strip()) if len(value) <= LONGEST_TEXT else None
        if nanoseconds is None:
            raise ValueRefused('{value} is not written as {type}: {example} or a number.', value=shown(value),
                               type=self.type, example=self._example)  # fmt: skip
        count, rest = divmod(nanoseconds * self._per_second, 10**9)
        if rest or not self.low <= count <= self.high:
            raise ValueRefused('{value} does not fit {type}.', value=value.strip(), type=self.type)
        return self._pack(count)

    def _nanoseconds(self, text: str) -> int | None:
        raise NotImplementedError


class DurationCodec(_TimeCodec):
    """TIME in ms, LTIME in ns: numbers; also written as T#1h30m."""

    __slots__ = ()

    def _nanoseconds(self, text: str) -> int | None:
        found = _DURATION.fullmatch(text.replace('_', ''))
        if found is None:
            return None
        total = sum(Fraction(number) * NANOSECONDS[unit.lower()] for number, unit in _PART.findall(found[1]))
        return int(total) if total == int(total) else None


class _CalendarCodec(_TimeCodec):
    """Decodes to text."""

    __slots__ = ()

    def decode(self, data: bytes) -> str | None:  # type: ignore[override]
        count: int = self._unpack(data)[0]
        if count > self.high:
            return None
        seconds, rest = divmod(count, self._per_second)
        return self._text(seconds, rest * 10**9 // self._per_second)

    def _text(self, seconds: int, nanoseconds: int) -> str:
        raise NotImplementedError


class TimeOfDayCodec(_CalendarCodec):
    """HH:MM:SS, with a fraction if it has one."""

    __slots__ = ()

    def _text(self, seconds: int, nanoseconds: int) -> str:
        return f'{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{_fraction(nanoseconds)}'

    def _nanoseconds(self, text: str) -> int | None:
        found = _TIME_OF_DAY.fullmatch(text)
        return _clock(*found.groups()) if found else None


class DateCodec(_CalendarCodec):
    """YYYY-MM-DD; what the PLC keeps within the day is not shown."""

    __slots__ = ()

    def _text(self, seconds: int, nanoseconds: int) -> str:
        return (_EPOCH + timedelta(seconds=seconds)).date().isoformat()

    def _nanoseconds(self, text: str) -> int | None:
        found = _DATE.fullmatch(text)
        return _days(*found.groups()) if found else None


class DateAndTimeCodec(_CalendarCodec):
    """YYYY-MM-DDTHH:MM:SS, with a fraction if it has one."""

    __slots__ = ()

    def _text(self, seconds: int, nanoseconds: int) -> str:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat() + _fraction(nanoseconds)

    def _nanoseconds(self, text: str) -> int | None:
        found = _DATE_AND_TIME.fullmatch(text)
        if found is None:
            return None
        day, clock = _days(*found.groups()[:3]), _clock(*found.groups()[3:])
        return None if day is None or clock is None else day + clock


def _fraction(nanoseconds: int) -> str:
    """Three, six or nine digits, as few as say it all."""
    if not nanoseconds:
        return ''
    digits = f'{nanoseconds:09}'
    while digits.endswith('000'):
        digits = digits[:-3]
    return '.' + digits


def _clock(hours: str, minutes: str, seconds: str | None, fraction: str | None) -> int | None:
    parts = (int(hours), int(minutes), int(seconds or 0))
    if parts[0] > 23 or parts[1] > 59 or parts[2] > 59:
        return None
    return (parts[0] * 3600 + parts[1] * 60 + parts[2]) * 10**9 + int((fraction or '').ljust(9, '0'))


def _days(year: str, month: str, day: str) -> int | None:
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH.toordinal()
    except ValueError:
        return None
    return days * DAY * 10**9


def time_codec(type_name: str) -> Codec | None:
    """The codec of a duration, date or time of day in upper case; None for other types."""
    is_long = type_name.startswith('L')
    per_second = 10**9 if is_long else 1000
    match type_name:
        case 'TIME' | 'LTIME':
            unit = 'ns' if is_long else 'ms'
            return DurationCodec(type_name, per_second, is_long=is_long, example='T#1h30m', unit=unit)
        case 'TOD' | 'TIME_OF_DAY' | 'LTOD' | 'LTIME_OF_DAY':
            return TimeOfDayCodec(type_name, per_second, is_long=is_long, example='HH:MM:SS',
                                  high=DAY * per_second - 1)  # fmt: skip
        case 'DATE' | 'LDATE':
            return DateCodec(type_name, 10**9 if is_long else 1, is_long=is_long, example='YYYY-MM-DD')
        case 'DT' | 'DATE_AND_TIME' | 'LDT' | 'LDATE_AND_TIME':
            return DateAndTimeCodec(type_name, 10**9 if is_long else 1, is_long=is_long, example='YYYY-MM-DDTHH:MM:SS')
    return None
