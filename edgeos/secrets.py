"""Passwords and keys, in a file of their own that only its owner may read."""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

from edgeos.files import write_atomically
from edgeos.settings_file import SettingsError, decode, key_path, parse_toml, read_text
from edgeos.toml_edit import edited
from edgeos.toml_text import CannotEdit

MASK = '********'
ENVIRONMENT = 'env:'
HEADING = '# Secrets of SmartHome Edge OS. A value "env:NAME" is taken from the environment variable NAME.\n'

log = logging.getLogger('edgeos.secrets')

Secrets = dict[str, dict[str, str]]  # owner: name: value
Signature = tuple[int, int, int]  # inode, size, time of the last change in ns
UNREACHABLE: Signature = (0, 0, 0)  # reading the file will say why


class MissingSecret(Exception):
    """Raised when a secret refers to an environment variable that is not set."""

    def __init__(self, variable: str, owner: str, name: str) -> None:
        super().__init__(f'the environment variable {variable!r} is not set; the {name} of {owner} is taken from it')
        self.variable = variable


class SecretStore:
    """Secrets by owner (a connection or plugin id) and name. Every method may read the disk."""

    def __init__(self, path: Path, environment: Mapping[str, str] = os.environ) -> None:
        """Raises SettingsError when the file is there but cannot be used."""
        self.path = path
        self._environment = environment
        self._lock = threading.Lock()
        self._signature: Signature | None = None
        self._secrets: Secrets = {}
        self._text = ''
        self._load()

    def get(self, owner: str, name: str) -> str | None:
        """The secret itself; raises MissingSecret when it stands for a variable that is not set."""
        value = self._current().get(owner, {}).get(name)
        return value if value is None else self.resolve(value, owner, name)

    def entered(self, owner: str, name: str) -> str | None:
        """As it stands in the file: what it stands for in the environment stays there."""
        return self._current().get(owner, {}).get(name)

    def resolve(self, value: str, owner: str, name: str) -> str:
        """What a value stands for: 'env:NAME' for the variable, else itself; raises MissingSecret."""
        if not value.startswith(ENVIRONMENT):
            return value
        variable = value.removeprefix(ENVIRONMENT).strip()
        if variable not in self._environment:
            raise MissingSecret(variable, owner, name)
        return self._environment[variable]

    def values(self) -> list[str]:
        """All secrets there are, also those that come from the environment."""
        found = []
        for value in [value for names in self._current().values() for value in names.values()]:
            if value.startswith(ENVIRONMENT):
                value = self._environment.get(value.removeprefix(ENVIRONMENT).strip(), '')
            found.append(value)
        return found

    def is_set(self, owner: str, name: str) -> bool:
        """As last read: asked for each connection that is shown, so it never waits for the disk."""
        return bool(self._secrets.get(owner, {}).get(name))

    def set(self, owner: str, name: str, value: str) -> None:
        """An empty value removes the secret, the mask keeps it as it is. Raises SettingsError."""
        if value == MASK:
            return
        with self._lock:
            secrets = self._reloaded()
            secrets.setdefault(owner, {})[name] = value
            if not value:
                del secrets[owner][name]
            self._save(secrets)

    def forget(self, owner: str) -> None:
        """Removes all secrets of an owner. Raises SettingsError."""
        with self._lock:
            self._save({other: names for other, names in self._reloaded().items() if other != owner})

    def _current(self) -> Secrets:
        """Takes over what was edited by hand; while that cannot be read, what was last read stays valid."""
        with self._lock:
            if self._signature != _signature(self.path):
                try:
                    self._load()
                except SettingsError as error:
                    self._signature = _signature(self.path)
                    log.warning('%s; using the secrets read before', error)
            return self._secrets

    def _reloaded(self) -> Secrets:
        self._load()
        return {owner: dict(names) for owner, names in self._secrets.items()}

    def _load(self) -> None:
        signature = _signature(self.path)
        text = ''
        if signature not in (None, UNREACHABLE):
            _tighten(self.path)
            signature = _signature(self.path)
        if signature is not None:
            text = read_text(self.path)
        self._secrets = _checked(self.path, parse_toml(self.path, text))
        self._text, self._signature = text, signature

    def _save(self, secrets: Secrets) -> None:
        secrets = {owner: names for owner, names in secrets.items() if names}
        if secrets == self._secrets:
            return
        try:
            data = edited(self._text or HEADING, secrets).encode()
            decode(self.path, data)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, data, 0o600)
        except (CannotEdit, UnicodeEncodeError) as error:
            raise SettingsError(
                f'{self.path}: expected a layout and text that can be written; nothing was changed'
            ) from error
        except OSError as error:
            reason = f'{error.strerror}; nothing was changed'
            raise SettingsError(f'{self.path}: expected a file that can be written, got: {reason}') from error
        self._load()


def _signature(path: Path) -> Signature | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError:
        return UNREACHABLE
    return status.st_ino, status.st_size, status.st_mtime_ns


def _checked(path: Path, data: dict[str, object]) -> Secrets:
    """Raises SettingsError that shows no value."""
    secrets: Secrets = {}
    for owner, names in data.items():
        if not isinstance(names, dict):
            raise SettingsError(f'{path}: {key_path((owner,), {})}: expected a table, got something else')
        for name, value in names.items():
            if not isinstance(value, str):
                raise SettingsError(
                    f'{path}: {key_path((owner, name), {})}: expected text in quotes, got something else'
                )
        secrets[owner] = names
    return secrets


def _tighten(path: Path) -> None:
    """Others must not read it, whatever made it readable: an editor, a copy, a backup."""
    status = path.stat().st_mode
    mode = stat.S_IMODE(status)
    if os.name != 'posix' or not stat.S_ISREG(status) or not mode & 0o077:
        return
    try:
        path.chmod(0o600)
    except OSError as error:
        log.warning('%s can be read by others (mode %o) and that cannot be changed: %s', path, mode, error.strerror)
    else:
        log.warning('%s could be read by others (mode %o); it is 600 now', path, mode)
