"""Figures, sizes, times and values as people read them: pure functions, one per kind of thing."""
import json
import re
from collections.abc import Callable
from math import isfinite
from typing import Any, final

from edgeos.connections.journal import visible

Translate = Callable[[str], str]

PREFIXES = ('', 'k', 'M', 'G', 'T')
NBSP, NARROW = '\u00a0', '\u202f'
SHOWN_CHARACTERS = 120  # of a value in a list; the sheet behind it has all of them
SHOWN_ITEMS = 40  # of an array in a list
SIGNIFICANT = 7  # digits of a number in a list: what a 32-bit float can mean


@final
class Format:
    """Numbers and times in the words and digits of one language."""

    def __init__(self, language: str, translate: Translate) -> None:
        self.language = language
        self._translate = translate
        self._decimal, self._group = (',', '.') if language == 'de' else ('.', ',')

    def localized(self, digits: str) -> str:
        """`digits` as Python writes a number, with the language's decimal mark and groups."""
        return digits.replace(',', ' ').replace('.', self._decimal).replace(' ', self._group)

    def whole(self, value: float) -> str:
        """12,345."""
        return self.localized(f'{value:,.0f}')

    def figure(self, value: float) -> str:
        """Three significant digits with an SI prefix: 0.2, 85, 1.4 k."""
        text, prefix = self._scaled(value, fine_below=9.95)
        return f'{text}{NARROW}{prefix}' if prefix else text

    def bytes(self, count: float) -> str:
        """512 B, 1.4 MB; a prefix is a power of 1000."""
        text, prefix = self._scaled(count, fine_below=0)
        return f'{text}{NBSP}{prefix}B'

    def byte_rate(self, per_second: float) -> str:
        """240 B/s."""
        return f'{self.bytes(per_second)}/s'

    def milliseconds(self, value: float | None) -> str:
        """1.9 ms, or a dash while nothing was measured."""
        if value is None:
            return '–'
        return self.localized(f'{value:.1f}' if value < 9.95 else f'{value:,.0f}') + f'{NBSP}ms'

    def span(self, seconds: float) -> str:
        """A duration in its two largest units: 12 s, 3 min 20 s, 2 h 3 min, 5 d 4 h."""
        _ = self._translate
        whole = int(seconds)
        if whole < 60:
            return _('{count} s').format(count=whole)
        if whole < 3600:
            return _('{minutes} min {seconds} s').format(minutes=whole // 60, seconds=whole % 60)
        if whole < 86400:
            return _('{hours} h {minutes} min').format(hours=whole // 3600, minutes=whole % 3600 // 60)
        return _('{days} d {hours} h').format(days=self.whole(whole // 86400), hours=whole % 86400 // 3600)

    def ago(self, seconds: float) -> str:
        """How long since something happened, as exact as it matters."""
        _ = self._translate
        if seconds < 2:
            return _('now')
        if seconds < 59.5:
            return _('{count} s ago').format(count=round(seconds))
        if seconds < 3570:
            return _('{count} min ago').format(count=round(seconds / 60))
        if seconds < 84600:
            return _('{count} h ago').format(count=round(seconds / 3600))
        return _('{count} d ago').format(count=self.whole(seconds / 86400))

    def value(self, value: Any) -> str:
        """A point's value on one line, cut where it is long."""
        if type(value) is float:
            return self.localized(f'{value:.{SIGNIFICANT}g}')
        if type(value) is int:
            return visible(str(value), SHOWN_CHARACTERS)
        if isinstance(value, str):
            return visible(value, SHOWN_CHARACTERS) if value else '""'
        if isinstance(value, list):
            value = value[:SHOWN_ITEMS]
        return visible(json.dumps(value, ensure_ascii=False), SHOWN_CHARACTERS)

    def _scaled(self, value: float, fine_below: float) -> tuple[str, str]:
        value, step = max(0.0, value), 0
        while value >= 999.5 and step < len(PREFIXES) - 1:
            value, step = value / 1000, step + 1
        if value and step == 0 and value < 0.05 and fine_below:
            return f'<{NARROW}' + self.localized('0.1'), ''
        fine = 0 < value < fine_below if step == 0 else value < 99.95
        return self.localized(f'{value:.1f}' if fine else f'{value:.0f}'), PREFIXES[step]


def full_value(value: Any) -> str:
    """A point's value with nothing left out: text as it came, everything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, (list, dict)) else None)


_DIGITS = re.compile('([0-9]+)')


def natural(name: str) -> list[str | tuple[int, str]]:
    """What to sort names by so that they come as people count: `Raum 2` before `Raum 10`."""
    parts: list[str | tuple[int, str]] = list(_DIGITS.split(name.casefold()))
    parts[1::2] = [(len(digits), digits) for digits in (str(part).lstrip('0') for part in parts[1::2])]
    return parts


def parse_number(text: str) -> int | float | None:
    """What was typed, with a decimal comma or point; None when it is no finite number."""
    cleaned = text.strip().replace(',', '.')
    if '_' in cleaned:
        return None
    try:
        return int(cleaned)
    except ValueError:
        pass
    try:
        number = float(cleaned)
    except ValueError:
        return None
    return number if isfinite(number) else None


SWITCH_WORDS = (('off', 'on'), ('false', 'true'), ('no', 'yes'))


def switch_pair(value: Any) -> tuple[Any, Any] | None:
    """The two values of something that is on or off, off first, spelled as the device does; None for all else."""
    if isinstance(value, bool):
        return False, True
    if not isinstance(value, str):
        return None
    for pair in SWITCH_WORDS:
        for spell in (str.lower, str.upper, str.capitalize):
            if value in (spelled := (spell(pair[0]), spell(pair[1]))):
                return spelled
    return None

