"""The settings as one file to take away.

A backup is a zip of `manifest.json`, `settings.toml`, `plugins.json` (which there are, with their settings) and, when
the owner wants them, `secrets.toml`. It never contains the login: the password, the PIN and the API tokens of a house
stay with the house, also when a backup is restored. What plugins have kept for themselves is not in it either.
A backup that comes back is hostile until proven otherwise: it is read in memory within narrow limits, and nothing of
it becomes a file name.
"""
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import tomlkit

from edgeos import NAME, __version__
from edgeos.connections.kinds import config_models
from edgeos.connections.state import Notice
from edgeos.plugins.returning import BadPlugins, KeptPlugin, read_kept, write_kept
from edgeos.settings import SettingsError, validated
from edgeos.settings_file import MAX_BYTES, decode, parse_toml, read_text
from edgeos.system import System
from edgeos.toml_edit import edited
from edgeos.toml_text import CannotEdit

MANIFEST, SETTINGS, SECRETS, PLUGINS = 'manifest.json', 'settings.toml', 'secrets.toml', 'plugins.json'
MAX_ARCHIVE = 1024 * 1024  # bytes; a house of a thousand connections needs a twentieth
MAX_RATIO = 200  # unpacked to packed; a thousand connections that are all alike reach half of it
SCHEMA = 1  # of the manifest and of the settings; read what is older, refuse what is newer
STAYS = ('password_hash', 'pin_hash')  # keys of [security] that no backup brings or takes away

Secrets = dict[str, dict[str, str]]  # owner to name to value


class BackupError(Exception):
    """Raised when a backup cannot be used; `notice` says why, as a template for the owner's language."""

    def __init__(self, template: str, **values: object) -> None:
        self.notice = Notice(template, {key: str(value) for key, value in values.items()})
        super().__init__(self.notice.text)


def _damaged(name: str, reason: str) -> BackupError:
    return BackupError('The backup is damaged: {name} cannot be read ({reason}).', name=name, reason=reason)


@dataclass(frozen=True, slots=True)
class Backup:
    """What was found in a file; its settings are not yet checked against this house."""

    created: str  # ISO 8601
    version: str  # of the program that made it
    text: str
    secrets: Secrets | None = None  # None when it was made without them
    plugins: tuple[KeptPlugin, ...] = ()


def make_backup(system: System, *, with_secrets: bool = False) -> bytes:
    """The zip; blocks on the disk. Raises SettingsError or OSError.

    Settings that were edited by hand since the program read them go in as they are on the disk.
    """
    text = with_login(read_text(system.settings_file.path), {})
    validated(Path(SETTINGS), parse_toml(Path(SETTINGS), text), config_models())
    secrets = own_secrets(system) if with_secrets else None
    plugins = write_kept(system.plugins.returning.take(with_secrets=with_secrets))
    now = datetime.fromtimestamp(system.services.clock.wall(), UTC)
    manifest = {'program': NAME, 'schema_version': SCHEMA, 'version': __version__,
                'created': now.isoformat(timespec='seconds'), 'has_secrets': secrets is not None}  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        archive.writestr(SETTINGS, text)
        if plugins:
            archive.writestr(PLUGINS, plugins)
        if secrets is not None:
            archive.writestr(SECRETS, tomlkit.dumps(secrets))
    return packed.getvalue()


def with_login(text: str, hashes: dict[str, str]) -> str:
    """The text with the hashes of this house, or none where it has none; comments stay. Raises SettingsError."""
    path = Path(SETTINGS)
    data = parse_toml(path, text)
    security = data.setdefault('security', {})
    if isinstance(security, dict):  # else the validation says what is wrong
        for key in STAYS:
            security.pop(key, None)
        security.update({key: value for key, value in hashes.items() if value})
    if not security:
        del data['security']
    try:
        return edited(text, data)
    except CannotEdit as error:
        raise SettingsError(f'{path}: expected a layout that can be changed in place: {error}') from error


def own_secrets(system: System) -> Secrets:
    """As they are kept, so that one taken from the environment does not leave it."""
    path = system.paths.secrets
    found: Secrets = parse_toml(path, read_text(path)) if path.exists() else {}
    ids = {connection.id for connection in system.settings_file.settings.connections}
    return {owner: values for owner, values in found.items() if owner in ids}


def _read_secrets(data: bytes) -> Secrets:
    """Raises BackupError unless it is a table of tables of text; shows no value."""
    try:
        found = parse_toml(Path(SECRETS), decode(Path(SECRETS), data))
    except SettingsError as error:
        raise _damaged(SECRETS, 'TOML') from error
    for values in found.values():
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise _damaged(SECRETS, 'TOML')
    return found


def _read_plugins(data: bytes) -> tuple[KeptPlugin, ...]:
    try:
        return read_kept(data)
    except BadPlugins as error:
        raise _damaged(PLUGINS, 'JSON') from error


def read_backup(data: bytes) -> Backup:
    """Read an archive without trusting it: known names only, all sizes capped, nothing written. Raises BackupError."""
    if len(data) > MAX_ARCHIVE:
        raise BackupError('The file is larger than a backup can be.')
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = dict(_parts(archive))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BackupError('This is no backup, or it is damaged: a zip file made on this page is expected.') from error
    for name in (MANIFEST, SETTINGS):
        if name not in parts:
            raise BackupError('This is no backup: {name} is missing in it.', name=name)
    manifest = _read_manifest(parts[MANIFEST])
    try:
        text = parts[SETTINGS].decode()
    except UnicodeDecodeError as error:
        raise _damaged(SETTINGS, 'UTF-8') from error
    secrets = _read_secrets(parts[SECRETS]) if SECRETS in parts else None
    plugins = _read_plugins(parts[PLUGINS]) if PLUGINS in parts else ()
    return Backup(manifest['created'], manifest['version'], text, secrets, plugins)


def _parts(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    for info in archive.infolist():
        if info.filename not in (MANIFEST, SETTINGS, SECRETS, PLUGINS) or info.filename in seen:
            raise BackupError('This is no backup: {name} does not belong in it.', name=ascii(info.filename[:60]))
        seen.add(info.filename)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BackupError('This is no backup: {name} is packed in another way.', name=info.filename)
        limit = min(MAX_BYTES, max(info.compress_size, 64) * MAX_RATIO)
        with archive.open(info) as packed:
            content = packed.read(limit + 1)  # what the archive says of its sizes may be a lie
        if len(content) > limit:
            raise BackupError('{name} in the file is larger than it can be.', name=info.filename)
        yield info.filename, content


def _read_manifest(data: bytes) -> dict[str, str]:
    try:
        found = json.loads(data)
        schema, created, version = found['schema_version'], found['created'], found['version']
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(MANIFEST, 'JSON') from error
    if schema not in range(1, SCHEMA + 1):
        raise BackupError('The backup was made by version {version}, which is too new. Update this program first.',
                          version=str(version)[:40])  # fmt: skip
    return {'created': str(created)[:40], 'version': str(version)[:40]}
