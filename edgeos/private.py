"""What of this house must not be seen outside: from the settings and the secrets, and what stood there before.

What was corrected or deleted is still in logs and events, so names and addresses are remembered, also over a restart;
former secrets only as long as the program runs.
"""
import json
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from edgeos.files import write_atomically
from edgeos.secrets import ENVIRONMENT, SecretStore
from edgeos.settings import SettingsFile

HOST_KEYS = ('host', 'address', 'ams_net_id', 'source_net_id')
USER_KEYS = ('username',)
MOST_REMEMBERED = 500  # of each kind; the oldest go first

log = logging.getLogger(__name__)


class Private:
    """`note` may be called on the event loop. The others read the disk: for a thread."""

    def __init__(self, settings_file: SettingsFile, secrets: SecretStore, path: Path | None = None) -> None:
        """`path` is the file that remembers."""
        self._file = settings_file
        self._store = secrets
        self._path = path
        self._lock = threading.Lock()
        self._seen: dict[str, dict[str, None]] = {'hosts': {}, 'users': {}, 'secrets': {}}
        self._written: tuple[int, int] | None = None  # how many hosts and users
        self._is_read = path is None

    def note(self, config: Mapping[str, Any], secrets: Iterable[str] = ()) -> None:
        """What somebody has entered, whether or not it is kept."""
        with self._lock:
            self._add('hosts', _texts(config, HOST_KEYS))
            self._add('users', _texts(config, USER_KEYS))
            self._add('secrets', secrets)

    def secrets(self) -> Iterator[str]:
        """Passwords, keys and hashes of them, also those that are taken from the environment."""
        security = self._file.settings.security
        with self._lock:
            self._add('secrets', (*self._store.values(), security.password_hash, security.pin_hash,
                                  *(_resolved(value) for value in self._configured() if value.startswith(ENVIRONMENT))))
            return iter(tuple(self._seen['secrets']))

    def hosts(self) -> Iterator[str]:
        """Names and addresses, of devices too."""
        settings = self._file.settings
        with self._lock:
            self._add('hosts', (settings.app.host, *settings.security.allowed_hosts, *self._configured(HOST_KEYS)))
            self._remember()
            return iter(tuple(self._seen['hosts']))

    def users(self) -> Iterator[str]:
        """Names with which somebody logs in somewhere."""
        with self._lock:
            self._add('users', self._configured(USER_KEYS))
            self._remember()
            return iter(tuple(self._seen['users']))

    def _configured(self, keys: tuple[str, ...] = ()) -> Iterator[str]:
        for connection in self._file.settings.connections:
            yield from _texts(connection.config, keys)

    def _add(self, kind: str, values: Iterable[str]) -> None:
        seen = self._seen[kind]
        for value in values:
            if value:
                seen.pop(value, None)
                seen[value] = None
        while len(seen) > MOST_REMEMBERED + len(self._file.settings.connections) * 3:
            del seen[next(iter(seen))]

    def _remember(self) -> None:
        """Never raises: what cannot be written is known until the end of the program."""
        if self._path is None:
            return
        try:
            if not self._is_read:
                self._is_read = True
                self._read(self._path)
            count = len(self._seen['hosts']), len(self._seen['users'])
            if count != self._written:
                kept = {kind: list(self._seen[kind]) for kind in ('hosts', 'users')}
                write_atomically(self._path, json.dumps(kept).encode(), 0o600)
                self._written = count
        except OSError as error:
            log.warning('what has to be hidden is not remembered: %s', error.strerror)
            self._written = len(self._seen['hosts']), len(self._seen['users'])

    def _read(self, path: Path) -> None:
        try:
            found = json.loads(path.read_bytes())
            before = {kind: [value for value in found[kind] if isinstance(value, str)] for kind in ('hosts', 'users')}
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError):
            log.warning('%s is damaged and begins anew', path)
            return
        for kind, values in before.items():
            self._seen[kind] = {**dict.fromkeys(values), **self._seen[kind]}


def _texts(config: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Iterator[str]:
    """What is said under these keys, or under any."""
    for key, value in config.items():
        if isinstance(value, str) and (not keys or key in keys):
            yield value


def _resolved(reference: str) -> str:
    return os.environ.get(reference.removeprefix(ENVIRONMENT).strip(), '')
