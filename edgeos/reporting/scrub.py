"""Takes out of texts and data what is nobody's business: secrets, names, addresses. Pure.

For everything that leaves this device: reports, and what the owner hands on for help.
"""
import math
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from edgeos.reporting.capture import describe
from edgeos.reporting.marks import ADDRESS, HOST, MAC, SECRET, USER, mark_for_key
from edgeos.reporting.scrub_known import COMMON_USERS, Known
from edgeos.reporting.scrub_patterns import hide_pem, hide_people_and_places, hide_secrets, is_loopback

__all__ = ['ADDRESS', 'HOST', 'MAC', 'SECRET', 'USER', 'Scrubber']

PIECE = 2000  # characters looked at in one go: a pattern holds up the whole program while it runs
MOST_DEPTH = 24
MOST_NODES = 50_000
KEY_CHARACTERS = 200
MOST_CHARACTERS = 200_000  # of one text in a value, unless said otherwise
BEYOND = 400  # characters looked at beyond a cut: what begins before it is seen whole
LEFT_OUT = '[...]'


class Scrubber:
    """Hides what is known (secrets, hosts, users) and what looks like it; equal texts give equal results."""

    def __init__(self, secrets: Iterable[str] = (), hosts: Iterable[str] = (), user: str = '', hostname: str = '', *,
                 users: Iterable[str] = ()) -> None:  # fmt: skip
        """`user` and `hostname` are this machine's; `users` are other known names, `hosts` names or addresses."""
        named = [(name, USER) for name in (user, *users) if len(name) >= 3 and name.casefold() not in COMMON_USERS]
        machines = (hostname, hostname.partition('.')[0], *hosts)
        placed = [(place, mark) for host in machines for place, mark in _places(host)]
        self._known = Known(secrets, [*named, *placed])

    def text(self, text: str, characters: int | None = None) -> str:
        """The text without them, of any length; or cut to so many characters, with nothing half-hidden at its end."""
        return _Walk(self._known, characters).text(text)

    def value(self, value: object, characters: int = MOST_CHARACTERS) -> object:
        """JSON without them: in texts, in names of keys, and whole values by their key's name."""
        return _Walk(self._within(value), min(characters, MOST_CHARACTERS)).value(value, MOST_DEPTH)

    def secrets_only(self, text: str, characters: int | None = None) -> str:
        """For what stays on this device: addresses and names may be read there, passwords not."""
        return _Walk(self._known, characters, secrets_only=True).text(text)

    def secrets_only_value(self, value: object, characters: int = MOST_CHARACTERS) -> object:
        """The same for JSON."""
        return _Walk(self._within(value), min(characters, MOST_CHARACTERS), secrets_only=True).value(value, MOST_DEPTH)

    def _within(self, value: object) -> Known:
        return self._known.within('\0'.join(_texts(value, [MOST_NODES], MOST_DEPTH)))


class _Walk:
    """One text, or one tree of values, with bounded depth and number of nodes: a cycle ends too."""

    def __init__(self, known: Known, characters: int | None, *, secrets_only: bool = False) -> None:
        self._known = known
        self._characters = characters
        self._secrets_only = secrets_only
        self._left = MOST_NODES

    def text(self, text: str) -> str:
        characters = self._characters
        is_cut = characters is not None and len(text) > characters
        if characters is not None and is_cut:
            beyond = len(text) >= characters + BEYOND
            text = self._known.hide_half(text[:characters + BEYOND])
            text = _without_last_word(text) if beyond else text
        text = self._known.hide_secrets(hide_pem(text))
        text = ''.join(map(self._piece, _pieces(text)))
        if characters is not None and len(text) > characters:
            return text[:characters] + '…'
        return text + '…' if is_cut else text

    def _piece(self, text: str) -> str:
        text = hide_secrets(text)
        return text if self._secrets_only else self._known.hide_words(hide_people_and_places(text))

    def value(self, value: object, depth: int) -> object:
        self._left -= 1
        if self._left < 0 or depth < 0:
            return LEFT_OUT
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self._mapping(value, depth - 1)
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, depth - 1) for item in list(value) if self._left > 0]
        if isinstance(value, int | float):
            return _number(value, self._known)
        return self.value(_plain(value), depth - 1)

    def _mapping(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        numbers: dict[str, int] = {}
        for key, item in list(value.items()):
            if self._left <= 0:
                break
            name = plain = self.text(key if isinstance(key, str) else str(_plain(key)))[:KEY_CHARACTERS]
            while name in found:  # two addresses are two keys, also when both are hidden
                numbers[plain] = numbers.get(plain, 1) + 1
                name = f'{plain} {numbers[plain]}'
            found[name] = self._keyed(key, item, depth)
        return found

    def _keyed(self, key: object, value: object, depth: int) -> object:
        mark = mark_for_key(key) if isinstance(key, str) else None
        if mark is None or value is None or isinstance(value, bool) or value in ('', b''):
            return self.value(value, depth)
        if mark == SECRET or (mark == USER and not self._secrets_only):
            return mark
        if isinstance(value, str) and not self._secrets_only:
            return value if is_loopback(value) else mark
        return self.value(value, depth)


def _without_last_word(text: str) -> str:
    """Half an address looks like none."""
    place = max(text.rfind(' ', -BEYOND // 2), text.rfind('\n', -BEYOND // 2))
    return text[:place] if place >= 0 else text[:-64]


def _places(host: str) -> list[tuple[str, str]]:
    """What stands for a configured host: "name", "name:port", "1.2.3.4", "[fe80::1]:80", "AA:BB:CC:DD:EE:FF"."""
    host = host.strip()
    if not host or is_loopback(host):
        return []
    name, colon, port = host.rpartition(':')
    if colon and port.isdigit() and (':' not in name or name.endswith(']')):
        host = name
    host = host.strip('[]')
    if is_loopback(host):
        return []
    if host.count(':') == 5 or host.count('-') == 5:
        return [(host, MAC)]
    return [(host, ADDRESS if host.replace('.', '').isdigit() or ':' in host else HOST)]


def _plain(value: object) -> object:
    if isinstance(value, bytes | bytearray):
        return bytes(value[:MOST_CHARACTERS]).decode('utf-8', 'backslashreplace')
    if isinstance(value, PurePath):
        return str(value)
    described = describe(value)
    return described if isinstance(described, str | int | float | bool) or described is None else str(described)


def _number(value: float, known: Known) -> object:
    """A PIN may be kept as a number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value.bit_length() > 64:
        return f'<int of {value.bit_length()} bits>'
    return SECRET if known.numbers and str(value) in known.numbers else value


def _texts(value: object, budget: list[int], depth: int) -> list[str]:
    """All that is said in there, to see what is worth looking for."""
    budget[0] -= 1
    if budget[0] < 0 or depth < 0:
        return []
    if isinstance(value, str):
        return [value[:MOST_CHARACTERS + BEYOND]]
    if isinstance(value, Mapping):
        return [text for key, item in list(value.items()) for part in (key, item)
                for text in _texts(part, budget, depth - 1)]  # fmt: skip
    if isinstance(value, list | tuple | set | frozenset):
        return [text for item in list(value) for text in _texts(item, budget, depth - 1)]
    if isinstance(value, int):
        return [str(value)] if value.bit_length() <= 64 else []
    return [] if value is None or isinstance(value, float) else [str(_plain(value))]


def _pieces(text: str) -> list[str]:
    """Cut where no word is cut, if there is such a place."""
    if len(text) <= 2 * PIECE:
        return [text]
    pieces, start = [], 0
    while len(text) - start > 2 * PIECE:
        places = (text.rfind(mark, start + PIECE, start + 2 * PIECE) for mark in '\n ')
        end = next((place + 1 for place in places if place >= 0), start + 2 * PIECE)
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]]
