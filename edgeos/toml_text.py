"""Where in a TOML text each header and each statement stands, and how a value is written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeGuard

KeyPath = tuple[str | int, ...]  # ('connections', 0, 'config', 'port')

BOM = '\ufeff'
KEY = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
DOTTED = rf'{KEY}(?:[ \t]*\.[ \t]*{KEY})*'
KEYS = re.compile(KEY)
HEADER = re.compile(rf'[ \t]*\[(\[?)[ \t]*({DOTTED})[ \t]*\]')
ASSIGNMENT = re.compile(rf'([ \t]*)({DOTTED})[ \t]*=[ \t]*')
TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r'|#[^\n]*'
    r'|[\[\]{}\n]'
    r"""|[^"'#\[\]{}\n]+""",
    re.DOTALL,
)


class CannotEdit(ValueError):
    """Raised when a text cannot be changed without changing what else it says."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One `key = value`, with offsets into the text; `keys` are those written on the line, `path` is the full one."""

    path: KeyPath
    keys: tuple[str, ...]
    indent: str
    start: int
    value_start: int
    value_end: int
    end: int


@dataclass(slots=True)
class Block:
    """A `[header]` or `[[header]]` with the statements below it; the first block has no header and the path ()."""

    path: KeyPath
    start: int
    header_end: int
    statements: list[Statement] = field(default_factory=list)


def scan(text: str) -> list[Block]:
    """Finds the blocks of a text that is known to be valid TOML."""
    blocks = [Block((), 0, 0)]
    counts: dict[KeyPath, int] = {}
    for start, end in _logical_lines(text):
        if header := HEADER.match(text, start, end):
            path = _resolve(_keys(header[2]), bool(header[1]), counts)
            blocks.append(Block(path, start, end))
        elif assignment := ASSIGNMENT.match(text, start, end):
            blocks[-1].statements.append(_statement(text, blocks[-1].path, assignment, end))
    return blocks


def _logical_lines(text: str) -> Iterator[tuple[int, int]]:
    """Yields start and end of each line; an array or text over several lines counts as one."""
    start = depth = 0
    for match in TOKEN.finditer(text):
        token = match.group()
        if token in '[{':
            depth += 1
        elif token in ']}':
            depth -= 1
        elif token == '\n' and depth == 0:
            yield start, match.end()
            start = match.end()
    if start < len(text):
        yield start, len(text)


def _keys(dotted: str) -> tuple[str, ...]:
    parts = KEYS.findall(dotted)
    return tuple(tomllib.loads(f'k={part}')['k'] if part[0] in '"\'' else part for part in parts)


def _resolve(keys: tuple[str, ...], is_array: bool, counts: dict[KeyPath, int]) -> KeyPath:
    """Puts the index of the latest element behind each key that names an array of tables."""
    path: KeyPath = ()
    for position, key in enumerate(keys, start=1):
        path = (*path, key)
        if is_array and position == len(keys):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _statement(text: str, parent: KeyPath, assignment: re.Match[str], end: int) -> Statement:
    value_end = assignment.end()
    for match in TOKEN.finditer(text, assignment.end(), end):
        if match.group()[0] != '#' and not match.group().isspace():
            value_end = match.start() + len(match.group().rstrip())
    keys = _keys(assignment[2])
    return Statement((*parent, *keys), keys, assignment[1], assignment.start(), assignment.end(), value_end, end)


def literal(value: object, *, one_per_line: bool = False) -> str:
    """A value as TOML; tables are written inline."""
    if isinstance(value, dict):
        return '{' + ', '.join(f'{key_text(key)} = {literal(item)}' for key, item in value.items()) + '}'
    if isinstance(value, list):
        items = [literal(item) for item in value]
        if one_per_line and is_tables(value):
            return '[\n' + ''.join(f'    {item},\n' for item in items) + ']'
        return '[' + ', '.join(items) + ']'
    import tomlkit

    try:
        return tomlkit.item(value).as_string()
    except ValueError as error:
        raise CannotEdit(f'TOML has no {type(value).__name__}') from error


def is_tables(value: object) -> TypeGuard[list[dict[str, object]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def key_text(key: str) -> str:
    if re.fullmatch(r'[A-Za-z0-9_-]+', key):
        return key
    import tomlkit

    return tomlkit.item(key).as_string()


def same(old: object, new: object) -> bool:
    """Unlike ==, keeps true, 1 and 1.0 apart; the order of keys does not matter."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(same(one, other) for one, other in zip(old, new, strict=True))
    return repr(old) == repr(new)


def starts(path: KeyPath, prefix: KeyPath) -> bool:
    return path[: len(prefix)] == prefix


def names(path: KeyPath) -> list[str]:
    return [key for key in path if isinstance(key, str)]


def dotted(path: KeyPath) -> str:
    return '.'.join(key_text(key) for key in names(path))


def table_text(path: KeyPath, table: dict[str, Any], header: str) -> str:
    """A table with its header; its own tables follow below while headers stay short, deeper ones are inline."""
    below = {key: value for key, value in table.items() if isinstance(value, dict) and len(names(path)) < 2}
    lines = [header.format(dotted(path)) + '\n']
    for key, value in table.items():
        if key not in below:
            lines.append(f'{key_text(key)} = {literal(value, one_per_line=True)}\n')
    return ''.join(lines) + ''.join(table_text((*path, key), value, '[{}]') for key, value in below.items())
