"""The configuration of a plugin: checked, and with its secrets kept apart from it.

In the store stands {"$secret": <name>} for a secret, and each new one gets a name of its own, so that one write of the
store changes everything at once: a power cut cannot bring a secret into the wrong place.
"""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edgeos.plugins.config_check import Place, Problem, Schema, Secret, filled, is_secret, known_fields, problems
from edgeos.plugins.config_schema import MOST_BYTES, read_schema
from edgeos.plugins.errors import PluginError
from edgeos.plugins.manifest import Manifest
from edgeos.plugins.phrase import Phrase
from edgeos.plugins.store import Store
from edgeos.secrets import MASK, MissingSecret, SecretStore
from edgeos.settings import SettingsError

REFERENCE = '$secret'
Change = Callable[[Any, Place], Any]

NO_SCHEMA: Schema = {'type': 'object'}
UNKNOWN = Secret('?')
AGAIN = Phrase('is not known any more; enter it again')


class InvalidConfig(PluginError, ValueError):
    """Raised when a configuration is not acceptable; `problems` is a list of (path, message)."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__('; '.join(f'{".".join(path)}: {message}'.removeprefix(': ') for path, message in problems))


def load_schema(folder: Path, manifest: Manifest) -> Schema:
    """The schema in an unpacked package. Raises BadSchema, OSError. For a thread."""
    try:
        with (folder / manifest.schema_file).open('rb') as file:
            return read_schema(file.read(MOST_BYTES + 1), manifest.schema_file)
    except FileNotFoundError:
        return NO_SCHEMA


class PluginConfig:
    """Of all plugins. `set` and `effective` read and write the disk: for threads."""

    def __init__(self, store: Store, secrets: SecretStore) -> None:
        self._store = store
        self._secrets = secrets
        self._lock = threading.Lock()

    def shown(self, plugin_id: str, schema: Schema) -> dict[str, Any]:
        """As it may be seen: with defaults, and the mask for each secret. Raises UnknownPlugin."""
        return _with_secrets(schema, self._stored(plugin_id, schema), _mask)

    def effective(self, plugin_id: str, schema: Schema) -> dict[str, Any]:
        """As the plugin gets it: with defaults and secrets. Raises UnknownPlugin, MissingSecret."""

        def value(found: Any, _place: Place) -> Any:
            return self._secrets.get(plugin_id, found) or '' if isinstance(found, Secret) else found

        return _with_secrets(schema, self._stored(plugin_id, schema), value)

    def secrets(self, plugin_id: str, schema: Schema) -> list[str]:
        """Those among them, which the plugin must not show. Raises UnknownPlugin, MissingSecret."""
        found: list[str] = []

        def look(value: Any, _place: Place) -> None:
            if isinstance(value, str):
                value = self._secrets.get(plugin_id, value) if isinstance(value, Secret) else value
                found.append(value or '')

        _with_secrets(schema, self._stored(plugin_id, schema), look)
        return found

    def taken(self, plugin_id: str, schema: Schema, *, with_secrets: bool) -> dict[str, Any]:
        """To take away: with its secrets as they were entered, or masked. Raises UnknownPlugin."""

        def value(found: Any, _place: Place) -> Any:
            if not isinstance(found, Secret):
                return found
            return self._secrets.entered(plugin_id, found) or None if with_secrets else MASK

        return _with_secrets(schema, self._stored(plugin_id, schema), value)

    def bring(self, plugin_id: str, schema: Schema, config: dict[str, Any]) -> list[Problem]:
        """Put back what was taken away. Answers what is missing of it: secrets that were masked and are not known here.

        Raises InvalidConfig, UnknownPlugin, SettingsError, OSError; then all is as it was.
        """
        with self._lock:
            missing: list[Problem] = []
            new = _restored(schema, filled(schema, config), self._stored(plugin_id, schema), (), missing)
            new = _with_secrets(schema, new, lambda found, _place: None if found == UNKNOWN else found)
            places = {place for place, _message in missing}
            if wrong := [problem for problem in problems(schema, new) if problem[0] not in places]:
                raise InvalidConfig(wrong)
            self._write(plugin_id, schema, new)
            return missing

    def problems(self, plugin_id: str, schema: Schema) -> list[Problem]:
        """What the plugin still needs before it can run, or what a new version sees differently."""
        return problems(schema, self._stored(plugin_id, schema))

    def set(self, plugin_id: str, schema: Schema, config: dict[str, Any]) -> None:
        """Replace the configuration; the mask keeps a secret, an empty text or null removes it.

        Raises InvalidConfig, UnknownPlugin, SettingsError, OSError; then all is as it was.
        """
        with self._lock:
            old = self._stored(plugin_id, schema)
            found: list[Problem] = []
            new = filled(schema, config) if isinstance(config, dict) else config
            if isinstance(new, dict):
                new = _restored(schema, new, old, (), found)
            if wrong := found + problems(schema, new) or self._missing(plugin_id, schema, new):
                raise InvalidConfig(wrong)
            self._write(plugin_id, schema, new)

    def _missing(self, plugin_id: str, schema: Schema, config: dict[str, Any]) -> list[Problem]:
        """Secrets that stand for environment variables that are not set."""
        found: list[Problem] = []

        def look(value: Any, place: Place) -> Any:
            try:
                if isinstance(value, Secret):
                    self._secrets.get(plugin_id, value)
                elif isinstance(value, str):
                    self._secrets.resolve(value, plugin_id, place[-1])
            except MissingSecret as error:
                found.append((place, str(error)))
            return value

        _with_secrets(schema, config, look)
        return found

    def _stored(self, plugin_id: str, schema: Schema) -> dict[str, Any]:
        def secret(found: Any, _place: Place) -> Any:
            return Secret(found[REFERENCE]) if isinstance(found, dict) and set(found) == {REFERENCE} else found

        return filled(schema, _with_secrets(schema, _known(schema, self._store.get(plugin_id).config), secret))

    def _write(self, plugin_id: str, schema: Schema, config: dict[str, Any]) -> None:
        """New secrets first, old ones last: the store in between is what counts."""
        made: list[str] = []

        def keep(found: Any, place: Place) -> Any:
            if not isinstance(found, str) or not found:
                return None
            name = str(found)
            if not isinstance(found, Secret):
                field = next((part for part in reversed(place) if not part.isdigit()), 'secret')
                name = f'{field}-{uuid.uuid4().hex[:8]}'
                self._secrets.set(plugin_id, name, found)
                made.append(name)
            return {REFERENCE: name}

        before = set(_names(self._store.get(plugin_id).config))
        try:
            written = _with_secrets(schema, config, keep)
            self._store.change(plugin_id, config=written)
        except BaseException:
            self._remove(plugin_id, made)
            raise
        self._remove(plugin_id, before - set(_names(written)))

    def _remove(self, plugin_id: str, names: Any) -> None:
        """What cannot be removed now goes with the plugin's data."""
        for name in names:
            with contextlib.suppress(SettingsError):
                self._secrets.set(plugin_id, name, '')


def _known(schema: Schema, value: Any) -> Any:
    """Without what another version had."""
    if schema['type'] == 'array' and isinstance(value, list):
        return [_known(schema['items'], item) for item in value]
    if schema['type'] != 'object' or not isinstance(value, dict):
        return value
    fields, is_open = known_fields(schema), schema.get('additionalProperties') is True
    return {name: _known(fields[name], item) if name in fields else item
            for name, item in value.items() if name in fields or is_open}  # fmt: skip


def _with_secrets(schema: Schema, config: dict[str, Any], change: Change, place: Place = ()) -> dict[str, Any]:
    """A copy in which each secret is what `change` answers; None leaves it out."""
    fields = known_fields(schema)
    inner = {name: _with_secret(fields[name], value, change, (*place, name)) if name in fields else value
             for name, value in config.items()}  # fmt: skip
    return {name: value for name, value in inner.items() if value is not None}


def _with_secret(schema: Schema, value: Any, change: Change, place: Place) -> Any:
    if is_secret(schema):
        return change(value, place)
    if schema['type'] == 'object' and isinstance(value, dict):
        return _with_secrets(schema, value, change, place)
    if schema['type'] == 'array' and isinstance(value, list):
        inner = [_with_secret(schema['items'], item, change, (*place, str(number)))
                 for number, item in enumerate(value)]  # fmt: skip
        return [item for item in inner if item is not None]
    return value


def _mask(found: Any, _place: Place) -> Any:
    return MASK if found else found


def _restored(schema: Schema, new: Any, old: Any, place: Place, found: list[Problem]) -> Any:
    """The new value with the old secret wherever it has the mask; where none is known, that is a problem."""
    if is_secret(schema):
        if new != MASK:
            return new
        if isinstance(old, str) and old:
            return old
        found.append((place, AGAIN))
        return UNKNOWN
    if schema['type'] == 'object' and isinstance(new, dict):
        fields = known_fields(schema)
        known = old if isinstance(old, dict) else {}
        return {name: _restored(fields[name], value, known.get(name), (*place, name), found)
                if name in fields else value for name, value in new.items()}  # fmt: skip
    if schema['type'] == 'array' and isinstance(new, list):
        before = _partners(schema['items'], new, old if isinstance(old, list) else [])
        return [_restored(schema['items'], item, partner, (*place, str(number)), found)
                for number, (item, partner) in enumerate(zip(new, before, strict=True))]  # fmt: skip
    return new


def _partners(schema: Schema, new: list[Any], old: list[Any]) -> list[Any]:
    """Which entry of the old list each of the new was: the one that looks the same, else the one at its place.

    After an entry went or came, a place says nothing, and neither does one of several that look the same.
    """
    looks = [_with_secret(schema, item, _mask, ()) for item in old]
    same_length = len(new) == len(old)
    found = []
    for number, item in enumerate(new):
        alike = [index for index, look in enumerate(looks) if look == item]
        if same_length and (number in alike or not alike):
            found.append(old[number])
        else:
            found.append(old[alike[0]] if len(alike) == 1 else None)
    return found


def _names(config: Any) -> Iterator[str]:
    """Of all secrets that a stored configuration refers to."""
    if isinstance(config, dict):
        if set(config) == {REFERENCE}:
            yield str(config[REFERENCE])
        for value in config.values():
            yield from _names(value)
    elif isinstance(config, list):
        for value in config:
            yield from _names(value)
