"""What was being entered when a page was reloaded or its browser went to sleep, so that it can go on there.

In memory only, and never a secret. Known by the browser's tab, so two tabs do not take each other's.
"""
import time
from collections import OrderedDict
from typing import Any, NamedTuple

from nicegui import Client

from pages.pin_gate import caller_of

KEPT = 50
SECONDS = 3600.0


class Kept(NamedTuple):
    """The name and the values of a form."""

    name: str
    values: dict[str, Any]
    at: float


_kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()


def keep(client: Client, key: str, name: str, values: dict[str, Any]) -> None:
    """Remember it for an hour; `key` says what it was for."""
    at = _place(client, key)
    _kept[at] = Kept(name, values, time.monotonic())
    _kept.move_to_end(at)
    if len(_kept) > KEPT:
        _kept.popitem(last=False)


def find(client: Client, key: str) -> Kept | None:
    """What was being entered there, if it was left without a word."""
    found = _kept.get(_place(client, key))
    return found if found is not None and time.monotonic() - found.at < SECONDS else None


def drop(client: Client, key: str) -> None:
    """It was saved, or thrown away on purpose."""
    _kept.pop(_place(client, key), None)


def _place(client: Client, key: str) -> tuple[str, str]:
    return client.tab_id or caller_of(client)[0], key
