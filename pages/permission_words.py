"""What a plugin may do, in plain words: pure functions."""
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from edgeos.plugins.permissions import http_ports, parse
from pages.format import Translate

ORDER = ('points.write', 'http.out', 'points.read')  # what matters most comes first


class Said(NamedTuple):
    """A permission as a sentence. `is_wide`: it reaches further than most plugins need."""

    permission: str
    text: str
    is_wide: bool
    is_new: bool


def say_permissions(permissions: Iterable[str], added: Sequence[str], _: Translate) -> list[Said]:
    """New ones first, then the far-reaching, then by kind."""
    said = [say_permission(each, each in added, _) for each in dict.fromkeys(permissions)]
    return sorted(said, key=lambda each: (not each.is_new, not each.is_wide, _rank(each.permission), each.permission))


def say_permission(permission: str, is_new: bool, _: Translate) -> Said:
    """One of them."""
    kind, _colon, pattern = permission.partition(':')
    if kind == 'http.out':
        text, is_wide = _say_network(pattern, _)
    elif kind in ('points.read', 'points.write'):
        text, is_wide = _say_points(pattern, kind == 'points.write', _)
    else:
        text, is_wide = _('Asks for something unknown: {permission}').format(permission=permission), True
    return Said(permission, text, is_wide, is_new)


def _say_points(pattern: str, writes: bool, _: Translate) -> tuple[str, bool]:
    source, _slash, name = pattern.partition('/')
    if pattern in ('**', '**/*', '*/**'):
        return (_('May write all values of all devices') if writes else
                _('May read all values of all devices')), writes  # fmt: skip
    if '*' in source:
        return (_('May write all values that match {pattern}') if writes else
                _('May read all values that match {pattern}')).format(pattern=pattern), writes  # fmt: skip
    if name == '**':
        return (_('May write all values of {source}') if writes else
                _('May read all values of {source}')).format(source=source), False  # fmt: skip
    if '*' in name:
        return (_('May write those values of {source} that match {pattern}') if writes else
                _('May read those values of {source} that match {pattern}')).format(source=source, pattern=name), False
    return (_('May write the value {name} of {source}') if writes else
            _('May read the value {name} of {source}')).format(name=name or '–', source=source), False  # fmt: skip


def _say_network(pattern: str, _: Translate) -> tuple[str, bool]:
    host, _colon, port = pattern.rpartition(':')
    if (host, port) == ('*', '*'):
        return _('May talk to every address in your network and on the internet'), True
    if host == '*':
        return _('May talk to every address, port {port}').format(port=port), False
    if port == '*':
        return _('May talk to {host}').format(host=host), False
    return _('May talk to {host}, port {port}').format(host=host, port=port), False


def _rank(permission: str) -> int:
    kind = permission.partition(':')[0]
    return ORDER.index(kind) if kind in ORDER else -1


def say_isolation(level: Mapping[str, Any] | None, granted: Sequence[str], _: Translate) -> list[tuple[bool, str]]:
    """How well it is walled in: whether each wall stands, and the sentence on it. Empty while it does not run.

    Who was granted every port has no wall there.
    """
    if level is None:
        return []
    files = level.get('landlock', 0)
    ports = [] if http_ports([parse(each) for each in granted]) is None else [
        (bool(level.get('tcp')), _('It can only open connections to the ports named above.') if level.get('tcp') else
         _('The kernel cannot keep it from connections to other ports.'))]  # fmt: skip
    return [
        (bool(level.get('uid')), _('It runs as a user of its own, and cannot look into other programs.')
         if level.get('uid') else _('It runs as the same user as this program.')),
        (bool(files), _('It changes no files but its own, and sees no data of this program.') if files else
         _('The kernel cannot keep it from files that this user can read.')),
        *ports,
        (bool(level.get('no_new_privs')), _('It cannot gain more rights.') if level.get('no_new_privs') else
         _('It might gain more rights through other programs.')),
    ]  # fmt: skip
