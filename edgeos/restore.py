"""A backup put back: what it would change, checked as a whole beforehand, and then done."""
import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeos.backup import SECRETS, SETTINGS, STAYS, Backup, BackupError, Secrets, own_secrets, with_login
from edgeos.connections.kinds import KINDS, config_models
from edgeos.files import write_atomically
from edgeos.settings import PLAIN_TABLES, ConnectionSettings, Settings, SettingsError, is_loopback, validated
from edgeos.settings_file import parse_toml
from edgeos.settings_upgrade import upgraded
from edgeos.system import System

AT_ONCE = ('app.language', 'app.theme')  # other keys outside the connections wait for the next start


@dataclass(frozen=True, slots=True)
class Changed:
    """A connection that will be different, and in which of its settings (`config.host`)."""

    old: ConnectionSettings
    new: ConnectionSettings
    keys: tuple[str, ...]
    loses_secret: bool = False  # it leads elsewhere, and the backup has no secret for that place


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore would do. `others` are the keys that change outside the connections, such as `app.language`."""

    text: str
    added: list[ConnectionSettings] = field(default_factory=list)
    removed: list[ConnectionSettings] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    secrets: Secrets = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.changed or self.others or self.secrets)

    @property
    def needs_restart(self) -> bool:
        """Whether a part of it applies only from the next start on."""
        return any(key not in AT_ONCE for key in self.others)


def plan_restore(system: System, backup: Backup) -> Plan:
    """What restoring would change, after checking all of it; changes nothing. Raises BackupError.

    The login stays as it is: a backup from somewhere else must neither lock the owner out nor let its maker in.
    """
    old = system.settings_file.settings
    try:
        text = with_login(upgraded(Path(SETTINGS), backup.text), {key: getattr(old.security, key) for key in STAYS})
        new = validated(Path(SETTINGS), parse_toml(Path(SETTINGS), text), config_models())
    except SettingsError as error:
        raise BackupError('The settings in the file are not valid. {reason}', reason=error) from error
    if not is_loopback(new.app.host) and not new.security.password_hash:
        raise BackupError('The backup opens the pages to the network ({host}), which needs a password. '
                          'Set one first.', host=new.app.host)  # fmt: skip
    _check_names(system, new)
    before = {connection.id: connection for connection in old.connections}
    after = {connection.id: connection for connection in new.connections}
    both = [(before[key], after[key]) for key in after if key in before]
    return Plan(
        text,
        added=[connection for key, connection in after.items() if key not in before],
        removed=[connection for key, connection in before.items() if key not in after],
        changed=[_compare(system, backup, was, becomes) for was, becomes in both if was != becomes],
        others=list(_differences(old, new)),
        secrets=_new_secrets(system, backup, after),
    )


def _new_secrets(system: System, backup: Backup, wanted: dict[str, ConnectionSettings]) -> Secrets:
    """Those that differ from the present ones, for connections that there will be."""
    present, new = own_secrets(system), {}
    for owner, values in (backup.secrets or {}).items():
        if owner in wanted:
            names = KINDS[wanted[owner].type].SECRETS
            known = {name: value for name, value in values.items() if name in names and value}
            if known and known != present.get(owner):
                new[owner] = known
    return new


def _check_names(system: System, new: Settings) -> None:
    taken = system.gateway.sources.keys() - system.connections.connections.keys()
    for connection in new.connections:
        if connection.id in taken:
            raise BackupError('The id {id} is in use by something else here.', id=connection.id)


def _compare(system: System, backup: Backup, old: ConnectionSettings, new: ConnectionSettings) -> Changed:
    keys = [key for key in ('type', 'name', 'enabled') if getattr(old, key) != getattr(new, key)]
    config = sorted(old.config.keys() | new.config.keys())
    keys += [f'config.{key}' for key in config if old.config.get(key) != new.config.get(key)]
    kind = KINDS[old.type]
    has_secret = any(system.secrets.is_set(old.id, name) for name in kind.SECRETS)
    loses = has_secret and old.id not in (backup.secrets or {}) and _place(old) != _place(new)
    return Changed(old, new, tuple(keys), loses)


def _place(settings: ConnectionSettings) -> tuple[object, ...]:
    """Which device it is; a secret must not follow a connection to another one."""
    kind = KINDS[settings.type]
    config = kind.CONFIG.model_validate(settings.config)
    return settings.type, *(getattr(config, key, None) for key in kind.IDENTITY)


def _differences(old: Settings, new: Settings) -> Iterator[str]:
    for table in PLAIN_TABLES:
        before: dict[str, Any] = getattr(old, table).model_dump()
        after: dict[str, Any] = getattr(new, table).model_dump()
        yield from (f'{table}.{key}' for key in before if before[key] != after[key])
    if old.routes != new.routes:
        yield 'routes'


async def restore(system: System, backup: Backup) -> Plan:
    """Put the settings in place, keep a copy of the old ones beside them, and bring the connections in step.

    Raises BackupError, SettingsError or OSError; then everything is as it was.
    """
    plan = await asyncio.to_thread(plan_restore, system, backup)
    await asyncio.to_thread(_put_in_place, system, plan)
    await system.connections.reload(restart=plan.secrets.keys())
    return plan


def _put_in_place(system: System, plan: Plan) -> None:
    file, at = system.settings_file, time.strftime('%Y%m%d-%H%M%S')
    old = file.path.read_bytes()
    write_atomically(file.path.with_name(f'{file.path.name}.before-restore-{at}'), old, 0o600)
    lost = [connection.id for connection in plan.removed]
    lost += [change.old.id for change in plan.changed if change.loses_secret]
    if (plan.secrets or lost) and system.paths.secrets.exists():
        copy = system.paths.secrets.with_name(f'{SECRETS}.before-restore-{at}')
        write_atomically(copy, system.paths.secrets.read_bytes(), 0o600)
    file.replace_text(plan.text)
    try:
        _put_secrets(system, plan, lost)
    except (OSError, SettingsError):
        file.replace_text(old.decode())
        raise


def _put_secrets(system: System, plan: Plan, lost: list[str]) -> None:
    for owner in lost:
        system.secrets.forget(owner)
    for owner, values in plan.secrets.items():
        for name, value in values.items():
            system.secrets.set(owner, name, value)
