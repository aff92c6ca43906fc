"""Where on a page somebody is (its tab, its range), kept in the page's address, so that a reload comes back there."""
from collections.abc import Collection
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from nicegui import Client, context, ui

_changed: WeakKeyDictionary[Client, dict[str, str]] = WeakKeyDictionary()


def place_of(key: str, choices: Collection[str], otherwise: str) -> str:
    """What the address says about `key`, if that is one of the choices."""
    wanted = _places().get(key, '')
    return wanted if wanted in choices else otherwise


def move(key: str, value: str) -> None:
    """Write it into the address; the page stays as it is."""
    client = context.client
    places = _changed.setdefault(client, _places())
    places[key] = value
    if client.request is not None:
        ui.navigate.history.replace(f'{client.request.url.path}?{urlencode(places)}')


def _places() -> dict[str, str]:
    client = context.client
    if client in _changed:
        return _changed[client]
    return dict(client.request.query_params) if client.request is not None else {}
