"""What of this house must not be seen outside: read anew for each report, from the settings and the secrets."""
import os
from collections.abc import Iterator

from edgeos.secrets import ENVIRONMENT, SecretStore
from edgeos.settings import SettingsFile


class Private:
    """Asked by a thread, as the secrets may have to be read from the disk."""

    def __init__(self, settings_file: SettingsFile, secrets: SecretStore) -> None:
        self._file = settings_file
        self._store = secrets

    def secrets(self) -> Iterator[str]:
        """Passwords, keys and hashes of them, also those that are taken from the environment."""
        security = self._file.settings.security
        yield from (*self._store.values(), security.password_hash, security.pin_hash)
        for value in self._texts():
            if value.startswith(ENVIRONMENT):
                yield os.environ.get(value.removeprefix(ENVIRONMENT).strip(), '')

    def hosts(self) -> Iterator[str]:
        """Names and addresses, of devices too."""
        settings = self._file.settings
        yield from (settings.app.host, *settings.security.allowed_hosts)
        yield from self._texts('host', 'address', 'ams_net_id', 'source_net_id')

    def users(self) -> Iterator[str]:
        return self._texts('username')

    def _texts(self, *keys: str) -> Iterator[str]:
        """What the configs of all connections say under these keys, or under any."""
        for connection in self._file.settings.connections:
            for key, value in connection.config.items():
                if isinstance(value, str) and (not keys or key in keys):
                    yield value
