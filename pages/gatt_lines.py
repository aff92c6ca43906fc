"""Chosen characteristics of a Bluetooth device, as lines an owner can type: `2a19 = Battery uint8 %`."""
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from edgeos.bluetooth.formats import FORMATS
from edgeos.bluetooth.uuids import full
from edgeos.connections.bluetooth_config import MOST_CHARACTERISTICS, GattPoint
from pages.format import parse_number
from pages.i18n import _

LONGEST_NAME, LONGEST_UNIT = 200, 20
EXAMPLE = '2a6e = Temperature int16 °C ×0.01'

_SCALE = re.compile(r'[×*]\s*(\S+)')

Entry = dict[str, Any]


class Line(NamedTuple):
    """A line taken apart: what becomes a point, or what is wrong with it."""

    entry: Entry
    problem: str = ''


def parse_line(line: str) -> Line:
    """`uuid = name format unit`, then perhaps `×0.01`; the unit may be missing, the format may not."""
    uuid, sign, rest = (part.strip() for part in line.partition('='))
    scale = _SCALE.search(rest)
    words = (rest[:scale.start()] if scale else rest).split()
    at = max((place for place, word in enumerate(words) if word in FORMATS), default=0)
    if not sign or not uuid or not words:
        return Line({}, _('write it as uuid = name format unit'))
    if not at:
        return Line({}, _('a format is missing behind the name, for example uint8'))
    factor = parse_number(scale[1]) if scale else 1
    entry: Entry = {'uuid': uuid, 'name': ' '.join(words[:at]), 'format': words[at]}
    if unit := ' '.join(words[at + 1:]):
        entry['unit'] = unit
    if factor != 1:
        entry['scale'] = factor
    return Line(entry, problem_of(entry))


def problem_of(entry: Mapping[str, Any]) -> str:
    """Why it cannot be a point, in the owner's language; '' if it can."""
    try:
        for part in str(entry['uuid']).split('@')[0].split('/'):
            full(part)
    except ValueError:
        return _('a uuid has 4 or 32 hexadecimal digits')
    if len(entry['name']) > LONGEST_NAME:
        return _('a name has up to {count} characters').format(count=LONGEST_NAME)
    if len(entry.get('unit', '')) > LONGEST_UNIT:
        return _('a unit has up to {count} characters').format(count=LONGEST_UNIT)
    return _('the factor is a number other than 0') if not entry.get('scale', 1) else ''


def line_of(entry: Mapping[str, Any]) -> str:
    """As `parse_line` takes it."""
    scale = entry.get('scale', 1.0)
    factor = '' if scale == 1 else f'×{scale:g}' if float(f'{scale:g}') == scale else f'×{scale!r}'
    parts = [f'{entry["uuid"]} =', entry['name'], entry.get('format', 'hex'), entry.get('unit', ''), factor]
    return ' '.join(' '.join(part.split()) for part in parts if part)


def entries_of(points: Sequence[Mapping[str, Any] | GattPoint]) -> list[Entry]:
    """As they stand in the settings, without what is the default."""
    plain = [each.model_dump() if isinstance(each, GattPoint) else dict(each) for each in points]
    defaults = {'unit': '', 'scale': 1.0}
    return [{key: value for key, value in each.items() if key not in defaults or value != defaults[key]}
            for each in plain]  # fmt: skip


class Lines:
    """The lines of one form. Entries whose line is untouched stay exactly as they were, whatever a line can say."""

    def __init__(self, points: Sequence[Mapping[str, Any] | GattPoint] = ()) -> None:
        self._known = {line_of(entry): entry for entry in entries_of(points)}

    @property
    def texts(self) -> list[str]:
        return list(self._known)

    def entries(self, texts: Iterable[str]) -> list[Entry]:
        """What the lines mean; those with a mistake are left out."""
        return [line.entry for line in map(self._parse, texts) if not line.problem]

    def problem(self, texts: Sequence[str]) -> str:
        """The first thing that is wrong, with the line it is about; '' if nothing is."""
        if len(texts) > MOST_CHARACTERISTICS:
            return _('Up to {count} lines.').format(count=MOST_CHARACTERISTICS)
        names: set[str] = set()
        for text in texts:
            entry, problem = self._parse(text)
            if not problem and entry['name'] in names:
                problem = _('this name stands twice')
            if problem:
                return f'{text[:80]}: {problem}'
            names.add(entry['name'])
        return ''

    def _parse(self, text: str) -> Line:
        known = self._known.get(text)
        return Line(known) if known is not None else parse_line(text)
