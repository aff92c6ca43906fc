"""Connections as a file to take elsewhere, without their secrets."""
from collections.abc import Iterable
from typing import Any

import tomlkit
from nicegui import ui

from edgeos.connections.connection import Connection
from pages.frame import House


def export(house: House, ids: list[str]) -> None:
    """Hand the browser a file with these connections."""
    known = house.system.connections.connections
    if chosen := [known[each] for each in ids if each in known]:
        ui.download.content(connections_toml(chosen), file_name(chosen), 'application/toml')


def connections_toml(connections: Iterable[Connection]) -> str:
    """`[[connections]]` tables as in settings.toml; passwords are left out, `env:NAME` references stay."""
    tables = [exported(connection) for connection in connections]
    return tomlkit.dumps({'connections': tables})


def exported(connection: Connection) -> dict[str, Any]:
    """One table, as short as it can be."""
    settings = connection.settings
    config = {key: value for key, value in settings.config.items()
              if key not in connection.SECRETS or str(value).startswith('env:')}  # fmt: skip
    found: dict[str, Any] = {'id': settings.id, 'type': settings.type}
    if settings.name:
        found['name'] = settings.name
    if not settings.enabled:
        found['enabled'] = False
    return {**found, 'config': config}


def file_name(connections: list[Connection]) -> str:
    """Ids are letters, digits, _ and - only, so one may be part of a file name."""
    return f'{connections[0].id}.toml' if len(connections) == 1 else 'connections.toml'
