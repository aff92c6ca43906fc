"""Changes inside one TOML statement: arrays and inline tables, item by item, so that comments between them stay.

tomlkit is loaded with the first change: most programs run for weeks without one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

from edgeos.toml_text import BOM, CannotEdit, KeyPath, same, scan

Table = dict[str, Any]
Change = Callable[[Any, Any], None]  # (table or array, key or index in it)


def change_statement(source: str, keys: tuple[str, ...], inner: KeyPath, change: Change) -> tuple[Any, str | None]:
    """Applies the change at `inner` within the value of the statement `keys = value`.

    Returns the new value and the new source of the whole statement; None for the source means that only the value
    should be replaced: always for plain values, and where tomlkit's result would say something else or
    turn into a table with a header.
    """
    wanted = loads(source)
    _apply(wanted, (*keys, *inner), change)
    value = _at(wanted, keys)
    if not isinstance(value, dict | list):
        return value, None
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(source)
        _apply(document, (*keys, *inner), change)
        changed = document.as_string()
        is_one_statement = [len(block.statements) for block in scan(changed)] == [1]
        return value, changed if is_one_statement and same(loads(changed), wanted) else None
    except (TOMLKitError, CannotEdit):
        return value, None


def loads(text: str) -> Table:
    try:
        return tomllib.loads(text.removeprefix(BOM))
    except ValueError as error:
        raise CannotEdit(str(error)) from error


def deletions(old: list[Any], new: list[Any]) -> list[int] | None:
    """Indices whose removal turns old into new, last one first; None when more than removing is needed."""
    gone = []
    kept = 0
    for index, item in enumerate(old):
        if kept < len(new) and same(item, new[kept]):
            kept += 1
        else:
            gone.append(index)
    return gone[::-1] if kept == len(new) else None


def refit(holder: Any, key: Any, new: Any) -> None:
    """Makes holder[key] equal to `new` inside an inline value, item by item so that the comments between them stay."""
    old = holder[key]
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [name for name in old if name not in new]:
            del old[name]
        for name, value in new.items():
            if name in old:
                refit(old, name, value)
            else:
                old[name] = value
    elif isinstance(old, list) and isinstance(new, list):
        _refit_array(old, new)
    elif not same(_plain(old), new):
        holder[key] = new


def _refit_array(old: list[Any], new: list[Any]) -> None:
    gone = deletions([_plain(item) for item in old], new)
    for index in gone if gone is not None else range(len(old) - 1, len(new) - 1, -1):
        del old[index]
    for index in range(min(len(old), len(new))):
        refit(old, index, new[index])
    for item in new[len(old) :]:
        old.append(item)


def _plain(item: Any) -> Any:
    from tomlkit.items import Item

    return item.unwrap() if isinstance(item, Item) else item


def assign(value: object) -> Change:
    def change(holder: Any, key: Any) -> None:
        holder[key] = value

    return change


def delete(holder: Any, key: Any) -> None:
    del holder[key]


def _at(holder: Any, path: KeyPath) -> Any:
    for key in path:
        holder = holder[key]
    return holder


def _apply(document: Any, path: KeyPath, change: Change) -> None:
    change(_at(document, path[:-1]), path[-1])
