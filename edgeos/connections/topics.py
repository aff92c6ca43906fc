"""Topics as a tree: pure functions over names with levels between slashes, of which any may be empty."""
from collections.abc import Mapping

from edgeos.connections.services import Browsed
from edgeos.gateway import Point


def next_level(points: Mapping[str, Point], prefix: str) -> list[Browsed]:
    """What lies directly below a prefix, which is a name of this tree ('' for all of it)."""
    start = start_of(points, prefix)
    found: dict[str, Browsed] = {}
    below: dict[str, set[str]] = {}
    for name, point in points.items():
        if not name.startswith(start):
            continue
        level, deeper, rest = split_level(name, len(start))
        entry = found.setdefault(level, Browsed(level))
        if deeper:
            below.setdefault(level, set()).add(rest.partition('/')[0])
        else:
            entry.type, entry.unit, entry.writable = point.type, point.unit, point.writable
    for name, children in below.items():
        found[name].children = len(children)
    return [found[name] for name in sorted(found)]


def start_of(points: Mapping[str, Point], prefix: str) -> str:
    """How names below the prefix begin; a slash typed at its end is not taken for an empty level without need."""
    start = f'{prefix}/' if prefix else ''
    if prefix.endswith('/') and not any(name.startswith(start) for name in points):
        return prefix
    return start


def split_level(name: str, at: int) -> tuple[str, str, str]:
    """The name up to the end of the level that begins at `at`, the slash behind it, and the rest.

    A first level that is empty ('/x') goes together with the next: its own name would be that of the whole tree.
    """
    end = name.find('/', at + 1 if at == 0 and name.startswith('/') else at)
    return (name, '', '') if end < 0 else (name[:end], '/', name[end + 1:])
