"""What a plugin asks to be allowed, and what follows from it."""
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from edgeos.plugins.errors import BadText

KINDS = {
    'points.read': 'points.read:<glob>, such as points.read:plc_001/MAIN.*',
    'points.write': 'points.write:<glob>, such as points.write:mqtt_home/lamp/*',
    'http.out': 'http.out:<host:port>, such as http.out:192.168.2.20:502 or http.out:*:443',
}
MOST_CHARACTERS = 512
_HOST = re.compile(r'(\*|[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]{2,45}\])', re.ASCII)
_PORT = re.compile(r'\*|[1-9]\d{0,4}', re.ASCII)


class BadPermission(BadText):
    """Raised for a permission that does not exist or is not written as it has to be."""


class Permission(NamedTuple):
    """`kind` is one of KINDS, `pattern` a glob over point ids or host:port."""

    kind: str
    pattern: str

    def __str__(self) -> str:
        return f'{self.kind}:{self.pattern}'

    @property
    def port(self) -> int | None:
        """Of http.out; None is any."""
        port = self.pattern.rpartition(':')[2]
        return None if port == '*' else int(port)


def parse(text: str) -> Permission:
    """Raises BadPermission."""
    kind, _, pattern = text.partition(':')
    if kind not in KINDS:
        raise BadPermission(f'expected one of {", ".join(KINDS)}, got {text[:80]!r}')
    is_good = 0 < len(pattern) <= MOST_CHARACTERS and pattern.isprintable()
    if not is_good or (kind == 'http.out' and not _is_endpoint(pattern)):
        raise BadPermission(f'expected {KINDS[kind]}, got {text[:80]!r}')
    return Permission(kind, pattern)


def may_read(permissions: Iterable[Permission], point_id: str, *, ignore_case: bool = False) -> bool:
    """`ignore_case` is for points of a source that does so."""
    return _may('points.read', permissions, point_id, ignore_case)


def may_write(permissions: Iterable[Permission], point_id: str, *, ignore_case: bool = False) -> bool:
    """Being allowed to write does not include reading."""
    return _may('points.write', permissions, point_id, ignore_case)


def http_ports(permissions: Iterable[Permission]) -> set[int] | None:
    """The TCP ports it may connect to; None is any."""
    ports = {permission.port for permission in permissions if permission.kind == 'http.out'}
    return None if None in ports else {port for port in ports if port is not None}


def added(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """What the new version asks for and the old one did not."""
    return [permission for permission in new if permission not in old]


def may_read_some(permissions: Iterable[Permission], glob: str) -> bool:
    """Whether any point that the glob fits could be one that may be read; in doubt it could."""
    return any(may_overlap(permission.pattern, glob) for permission in permissions if permission.kind == 'points.read')


def may_overlap(one: str, other: str) -> bool:
    """False only when no text fits both globs; told by how they begin and end, and without regard to capitals."""
    one, other = one.casefold(), other.casefold()
    if '*' not in one:
        return matches(other, one)
    if '*' not in other:
        return matches(one, other)
    return _agree(one.partition('*')[0], other.partition('*')[0]) and \
        _agree(one.rpartition('*')[2][::-1], other.rpartition('*')[2][::-1])  # fmt: skip


def _agree(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


@lru_cache(maxsize=8192)
def matches(glob: str, text: str) -> bool:
    """As edgeos.globs, in time that grows with the lengths only, whatever the glob: it is somebody else's text.

    Bit n of `at` says that the first n tokens of the glob can stand for what was read so far.
    """
    literals, stars, free, end = _tokens(glob)
    at = 1 | (stars & 1) << 1
    for char in text:
        at = (at & literals.get(char, 0)) << 1 | at & (free if char == '/' else stars)
        at |= (at & stars) << 1  # a star may also stand for nothing
    return bool(at & end)


@lru_cache(maxsize=256)
def _tokens(glob: str) -> tuple[dict[str, int], int, int, int]:
    """Where in the row of tokens each character stands, any star, and `**`; and the bit behind the last."""
    literals: dict[str, int] = {}
    stars = free = 0
    bit = 1
    for token in re.findall(r'\*+|[^*]', glob, re.DOTALL):
        if token[0] == '*':
            stars |= bit
            free |= bit if len(token) > 1 else 0
        else:
            literals[token] = literals.get(token, 0) | bit
        bit <<= 1
    return literals, stars, free, bit


def _may(kind: str, permissions: Iterable[Permission], point_id: str, ignore_case: bool) -> bool:
    fold = str.casefold if ignore_case else str
    return any(permission.kind == kind and matches(fold(permission.pattern), fold(point_id))
               for permission in permissions)  # fmt: skip


def _is_endpoint(text: str) -> bool:
    host, _, port = text.rpartition(':')
    return bool(_HOST.fullmatch(host) and _PORT.fullmatch(port)) and (port == '*' or int(port) < 65536)
