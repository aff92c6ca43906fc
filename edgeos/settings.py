"""settings.toml: checked when it is read, and kept in step with memory when it is changed."""

from __future__ import annotations

import ipaddress
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from edgeos.files import write_atomically
from edgeos.settings_file import SettingsError, decode, explain, key_path, parse_toml, read_text, short
from edgeos.settings_models import (
    DEFAULT_TEXT,
    AppSettings,
    ConnectionSettings,
    GatewaySettings,
    KioskSettings,
    LimitSettings,
    ProcessLimit,
    RouteSettings,
    SecuritySettings,
    SentrySettings,
    Settings,
    StrictModel,
)
from edgeos.settings_upgrade import keep_copy, upgraded
from edgeos.toml_edit import edited
from edgeos.toml_text import CannotEdit

__all__ = [
    'AppSettings', 'ConnectionSettings', 'GatewaySettings', 'KioskSettings', 'LimitSettings', 'RouteSettings',
    'SecuritySettings', 'SentrySettings', 'Settings', 'SettingsError', 'SettingsFile', 'StrictModel',
    'check_exposure', 'is_loopback',
]  # fmt: skip

Configs = Mapping[str, type[BaseModel]]  # type of connection to the model of its config
PLAIN_TABLES = ('app', 'security', 'limits', 'sentry', 'gateway', 'kiosk')


def is_loopback(host: str) -> bool:
    if host.lower() == 'localhost':
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address == ipaddress.IPv6Address('::1') or (address.version == 4 and address.is_loopback)


def check_exposure(settings: Settings, host: str, where: str = 'app.host') -> None:
    """Raises SettingsError when the network could reach an app that asks for no password."""
    if not is_loopback(host) and not settings.security.password_hash:
        advice = 'set one with "python main.py --set-password", or use "127.0.0.1"'
        raise SettingsError(f'{where}: expected a loopback address, or a password ({advice}), got {short(host)}')


def validated(path: Path, data: dict[str, Any], configs: Configs) -> Settings:
    """Raises SettingsError for the first thing that is wrong; does not check the exposure."""
    try:
        settings = Settings.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        raise explain(path, error, Settings, data) from error
    for index, connection in enumerate(settings.connections):
        _check_config(path, data, configs, index, connection)
    _check_unique(path, data, 'connections', [connection.id for connection in settings.connections])
    _check_unique(path, data, 'routes', [route.id for route in settings.routes])
    return settings


def _check_config(
    path: Path, data: dict[str, Any], configs: Configs, index: int, connection: ConnectionSettings
) -> None:
    model = configs.get(connection.type)
    if model is None:
        where = key_path(('connections', index, 'type'), data)
        known = ', '.join(f'"{kind}"' for kind in configs)
        raise SettingsError(f'{path}: {where}: expected one of {known}, got {short(connection.type)}')
    try:
        model.model_validate(connection.config)
    except ValidationError as error:
        raise explain(path, error, model, data, ('connections', index, 'config')) from error


def _check_unique(path: Path, data: dict[str, Any], table: str, ids: list[str]) -> None:
    first: dict[str, int] = {}
    for index, name in enumerate(ids):
        if first.setdefault(name, index) != index:
            where = key_path((table, index, 'id'), data)
            raise SettingsError(f'{path}: {where}: expected another id than {table}[{first[name]}], got {short(name)}')


class SettingsFile:
    """Memory and disk change together or not at all. Methods block on the disk: call them in a thread."""

    def __init__(self, path: Path, configs: Configs, text: str, settings: Settings) -> None:
        self.path = path
        self.settings = settings
        self._configs = configs
        self._text = text
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path, configs: Configs, create: bool, *, allow_exposed: bool = False,
             read_only: bool = False) -> SettingsFile:  # fmt: skip
        """Raises SettingsError. `create` makes a missing file, empty but for comments.

        A file of an older version is upgraded, and its old text kept beside it; in memory only when `read_only`.
        `allow_exposed` is for a caller that checks the exposure itself: with --host, or to set the first password.
        """
        if create and not os.path.exists(path):
            _write(path, DEFAULT_TEXT)
        old = read_text(path)
        text = upgraded(path, old)
        settings = validated(path, parse_toml(path, text), configs)
        if not allow_exposed:
            check_exposure(settings, settings.app.host, f'{path}: app.host')
        if text != old and not read_only:
            keep_copy(path, old)
            _write(path, text)
        return cls(path, configs, text, settings)

    def add_connection(self, connection: ConnectionSettings) -> None:
        self._change(lambda data: data.setdefault('connections', []).append(_entry(connection)))

    def replace_connection(self, *connections: ConnectionSettings) -> None:
        """Changes only the keys that differ; several at once are one write."""

        def alter(data: dict[str, Any]) -> None:
            for connection in connections:
                _update(self._find(data, 'connections', connection.id), connection)

        self._change(alter)

    def remove_connection(self, *ids: str) -> None:
        """Several at once are one write."""

        def alter(data: dict[str, Any]) -> None:
            for connection_id in ids:
                self._drop(data, 'connections', connection_id)

        self._change(alter)

    def add_route(self, route: RouteSettings) -> None:
        self._change(lambda data: data.setdefault('routes', []).append(_entry(route)))

    def remove_route(self, route_id: str) -> None:
        self._change(lambda data: self._drop(data, 'routes', route_id))

    def set_value(self, key: str, value: object) -> None:
        """Sets a key of the plain tables, such as 'app.language'."""
        self.set_values({key: value})

    def set_values(self, values: Mapping[str, object]) -> None:
        """Several at once are one write."""
        for key in values:
            table, _, name = key.partition('.')
            if table not in PLAIN_TABLES or not name or '.' in name:
                expected = f'expected a key of {", ".join(PLAIN_TABLES)}, got an unknown key'
                raise SettingsError(f'{self.path}: {key}: {expected}')

        def alter(data: dict[str, Any]) -> None:
            for key, value in values.items():
                table, _, name = key.partition('.')
                data.setdefault(table, {})[name] = _plain(value)

        self._change(alter)

    def set_process_limit(self, name: str, limit: ProcessLimit) -> None:
        """Limits of one plugin or worker; one without any is forgotten."""
        chosen = limit.model_dump(exclude_none=True)

        def alter(data: dict[str, Any]) -> None:
            processes = data.setdefault('limits', {}).setdefault('processes', {})
            processes.pop(name, None)
            if chosen:
                processes[name] = chosen
            if not processes:
                del data['limits']['processes']

        self._change(alter)

    def refresh(self) -> Settings:
        """What the file says now: edits by hand while the program runs are taken over. Raises SettingsError."""
        with self._lock:
            if self.path.exists() and (text := read_text(self.path)) != self._text:
                self.settings = validated(self.path, parse_toml(self.path, text), self._configs)
                self._text = text
            return self.settings

    def replace_text(self, text: str) -> None:
        """Puts a whole file in place of this one, such as a backup, after checking all of it."""
        with self._lock:
            self._commit(text, validated(self.path, parse_toml(self.path, text), self._configs))

    def _change(self, alter: Callable[[dict[str, Any]], None]) -> None:
        """What was edited by hand since the last change is read first, so that it is neither lost nor overwritten."""
        with self._lock:
            text = read_text(self.path) if os.path.exists(self.path) else self._text
            data = parse_toml(self.path, text)
            validated(self.path, data, self._configs)
            alter(data)
            wanted = validated(self.path, data, self._configs)
            try:
                changed = edited(text, data)
            except CannotEdit as error:
                raise SettingsError(f'{self.path}: expected a layout that can be changed in place: {error}') from error
            self._commit(changed, wanted)

    def _commit(self, text: str, settings: Settings) -> None:
        if not _is_exposed(self.settings):
            check_exposure(settings, settings.app.host, f'{self.path}: app.host')
        if not os.path.exists(self.path) or read_text(self.path) != text:
            _write(self.path, text)
        self._text, self.settings = text, settings

    def _find(self, data: dict[str, Any], table: str, entry_id: str) -> dict[str, Any]:
        for entry in data.get(table, []):
            if entry['id'] == entry_id:
                found: dict[str, Any] = entry
                return found
        raise SettingsError(f'{self.path}: {table}: expected an entry with the id {short(entry_id)}, got none')

    def _drop(self, data: dict[str, Any], table: str, entry_id: str) -> None:
        data[table].remove(self._find(data, table, entry_id))
        if not data[table]:
            del data[table]


def _is_exposed(settings: Settings) -> bool:
    return not is_loopback(settings.app.host) and not settings.security.password_hash


def _entry(model: BaseModel) -> dict[str, Any]:
    """A new table: what says more than the default does, and the switch that people look for."""
    shown = {**model.model_dump(by_alias=True, exclude_defaults=True), 'enabled': True}
    return {key: _plain(value) for key, value in model.model_dump(by_alias=True).items() if key in shown}


def _update(entry: dict[str, Any], model: BaseModel) -> None:
    """Keys that are not in the file and have their default stay out of it."""
    shown = {**entry, **model.model_dump(by_alias=True, exclude_defaults=True)}
    dumped = model.model_dump(by_alias=True)
    entry.update({key: _plain(value) for key, value in dumped.items() if key in shown})


def _plain(value: Any) -> Any:
    """What TOML can say: tables without empty values, and text that is nothing but text (no StrEnum)."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str.__str__(value) if isinstance(value, str) else value


def _write(path: Path, text: str) -> None:
    """Raises SettingsError, and then the old file is still there."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(f'{path}: expected text that UTF-8 can hold, got half of a character pair') from error
    decode(path, data)
    try:
        write_atomically(path, data)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(
            f'{path}: expected a file that can be written, got: {reason}; nothing was changed'
        ) from error
