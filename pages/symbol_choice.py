"""Which symbols of a PLC are read: choosing them, taking choices away, and taking that back."""
import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from nicegui.element import Element

from edgeos.connections.connection import Connection
from edgeos.connections.manager import InvalidConfig, UnknownConnection
from edgeos.connections.plc_config import LONGEST_NAME
from edgeos.globs import compile_glob
from edgeos.settings import SettingsError
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import may_edit
from pages.toasts import say_done, say_trouble

MOST_CHOICES = 2000
BELOW = ('.', '[')  # what follows the name of a structure or an array in the names of its parts
MOST_COUNTED = 5000

_locks: WeakKeyDictionary[Connection, asyncio.Lock] = WeakKeyDictionary()


class Change(NamedTuple):
    """Choices that come and go."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def undone(self) -> 'Change':
        """The way back."""
        return Change(self.removed, self.added)

    def applied(self, symbols: Sequence[str]) -> list[str]:
        """The choices after it; names differ in more than case."""
        removed = {each.casefold() for each in self.removed}
        kept = [each for each in symbols if each.casefold() not in removed]
        known = {each.casefold() for each in kept}
        return kept + [each for each in self.added if each.casefold() not in known]


def choosing(symbols: Iterable[str], pattern: str) -> Change:
    """Choose a name or glob; single choices that lie below a whole branch are not needed any more."""
    base = pattern.removesuffix('.*').casefold()
    if '*' in base:
        return Change((pattern,))
    below = tuple(base + mark for mark in BELOW)
    return Change((pattern,), tuple(each for each in symbols
                                    if each.casefold().startswith(below) and each.casefold() != pattern.casefold()))


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """The names that a choice stands for."""
    if '*' in pattern:
        fits = compile_glob(pattern, ignore_case=True).fullmatch
        return [name for name in names if fits(name)]
    wanted = pattern.casefold()
    below = tuple(wanted + mark for mark in BELOW)
    return [name for name in names if (folded := name.casefold()) == wanted or folded.startswith(below)]


def literal_of(pattern: str) -> str:
    """The longest text that every name must contain."""
    return max(pattern.split('*'), key=len)


async def count_matches(connection: Connection, pattern: str) -> tuple[int, bool]:
    """How many values of the PLC a choice stands for, and whether there may be more."""
    found, total = await connection.search(literal_of(pattern), MOST_COUNTED)
    names = [entry.name for entry in found if not entry.children]
    return len(matching(names, pattern)), total > len(found)


def problem_of_pattern(pattern: str) -> str:
    """Why it cannot be a choice, in the owner's language; '' if it can."""
    if len(pattern) > LONGEST_NAME:
        return _('Up to {count} characters.').format(count=LONGEST_NAME)
    if any(mark.isspace() or not mark.isprintable() for mark in pattern):
        return _('Names of symbols contain no blanks.')
    return ''


class SymbolChoice:
    """Writes the choices of one connection; says what went wrong, and offers the way back."""

    def __init__(self, house: House, connection: Connection, area: Element, on_change: Callable[[], Any]) -> None:
        """`area` is where toasts come from; `on_change` hears of every change, also one that failed."""
        self._house = house
        self._connection = connection
        self._area = area
        self._on_change = on_change

    @property
    def symbols(self) -> list[str]:
        """The names and globs that are chosen."""
        return list(getattr(self._connection.config, 'symbols', ()))

    async def choose(self, pattern: str, text: str = '') -> bool:
        """Choose a name or glob; `text` is said with the way back, if there is any to say."""
        return await self._may_make(lambda: choosing(self.symbols, pattern), text)

    async def remove(self, patterns: Sequence[str], text: str = '') -> bool:
        """Take choices away."""
        return await self._may_make(lambda: Change((), tuple(patterns)), text)

    async def _may_make(self, plan: Callable[[], Change], text: str) -> bool:
        try:
            return await may_edit(self._house) and await self._make(plan, text)
        finally:
            self._on_change()

    async def _make(self, plan: Callable[[], Change], text: str) -> bool:
        async with _locks.setdefault(self._connection, asyncio.Lock()):
            before = self.symbols
            change = plan()
            after = change.applied(before)
            if len(after) > MOST_CHOICES:
                say_trouble(_('Up to {count} choices. Choose whole branches, or a pattern.').format(count=MOST_CHOICES))
                return False
            done = after == before or await self._write(after)
        if done and text:
            real = Change(tuple(each for each in after if each not in before),
                          tuple(each for each in before if each not in after))  # fmt: skip
            say_done(text, undo=lambda: self._undo(real))
        return done

    async def _undo(self, change: Change) -> None:
        if not self._area.is_deleted:
            with self._area:
                await self._may_make(lambda: change.undone, '')

    async def _write(self, symbols: list[str]) -> bool:
        try:
            await self._house.system.connections.change(self._connection.id, {'config': {'symbols': symbols or None}})
        except UnknownConnection:
            say_trouble(_('This connection does not exist any more.'))
        except (InvalidConfig, SettingsError, OSError) as error:
            say_trouble(str(error))
        else:
            return True
        return False
