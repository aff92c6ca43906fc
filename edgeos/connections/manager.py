"""All connections: adding, changing, removing, testing; what the API and the pages call."""
import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edgeos.connections.connection import Connection
from edgeos.connections.kinds import KINDS
from edgeos.connections.pauses import Pauses
from edgeos.connections.services import Services
from edgeos.connections.trial import TrialResult, try_out
from edgeos.reporting import log_error, log_event
from edgeos.secrets import MASK, MissingSecret
from edgeos.settings import ConnectionSettings, SettingsError, SettingsFile

ID_PATTERN = re.compile(r'[a-z][a-z0-9_-]{0,62}')
LONGEST_TRIAL = 60.0  # s
RING_EVERY = 60.0  # s between two copies of the second-by-second history on disk

log = logging.getLogger(__name__)

Checked = tuple[ConnectionSettings, dict[str, str]]  # and the secrets that are new, by name


class UnknownConnection(LookupError):
    """Raised when no connection has the id."""


class IdTaken(ValueError):
    """Raised when the id is in use."""


class InvalidConfig(ValueError):
    """Raised when settings are not acceptable; `problems` is a list of (path, message)."""

    def __init__(self, problems: list[tuple[tuple[str, ...], str]]) -> None:
        self.problems = problems
        super().__init__('; '.join(f'{".".join(path)}: {message}' for path, message in problems))

    @classmethod
    def of(cls, error: ValidationError, prefix: tuple[str, ...] = ()) -> 'InvalidConfig':
        """From pydantic's findings."""
        found = []
        for item in error.errors():
            path = tuple(str(part) for part in item['loc'])
            found.append(((*prefix, *path), str(item['msg']).removeprefix('Value error, ')))
        return cls(found)


class ConnectionManager:
    """Owns the connections and keeps them and the settings file in step."""

    def __init__(self, settings_file: SettingsFile, services: Services, pauses: Path | None = None,
                 note: Callable[[dict[str, Any], Iterable[str]], None] = lambda _config, _secrets: None,
                 is_taken: Callable[[str], bool] = lambda _id: False) -> None:
        """`pauses` is the file that remembers pauses over a restart; `note` hears every config that is entered.

        `is_taken` says whether an id is another's, who may have secrets under it.
        """
        self._is_taken = is_taken
        self._note = note
        self.connections: dict[str, Connection] = {}
        self._file = settings_file
        self._services = services
        self._pauses = Pauses(pauses)
        self._temporary: set[str] = set()  # connections that are never written to the settings
        self._lock = asyncio.Lock()
        self._ticker: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []

    def get(self, connection_id: str) -> Connection:
        """Raises UnknownConnection."""
        try:
            return self.connections[connection_id]
        except KeyError:
            raise UnknownConnection(connection_id) from None

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after connections were added, removed or renamed; answers how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    # life

    async def start(self) -> None:
        """Make the connections of the settings and start those that are enabled."""
        paused = await asyncio.to_thread(self._pauses.left)
        for settings in self._file.settings.connections:
            await self._begin(settings, paused.get(settings.id))
        self._ticker = asyncio.create_task(self._tick_for_ever(), name='statistics')

    async def _begin(self, settings: ConnectionSettings, paused_for: float | None = None) -> None:
        """Make a connection with the history it had, and start it if it is enabled, after a pause if it has one."""
        self._note(settings.config, ())
        connection = self._make(settings)
        if blob := await self._services.history.load_ring(settings.id):
            connection.traffic.restore(blob)
        if settings.enabled and paused_for is not None:
            await connection.pause(paused_for)
        elif settings.enabled:
            connection.start()

    async def stop(self) -> None:
        """Close all links at the same time."""
        if self._ticker is not None:
            self._ticker.cancel()
        await asyncio.gather(*(connection.stop() for connection in self.connections.values()))
        await self._services.plc_workers.settle()
        await self._services.radios.stop()
        for connection in self.connections.values():
            if minute := connection.traffic.take_minute(unfinished=True):
                self._services.history.add_minute(connection.id, minute)
        await self._save_rings()
        for connection_id in self._temporary:
            self._services.history.forget(connection_id)

    async def _tick_for_ever(self) -> None:
        """Once a second, on the second of the monotonic clock, whatever the ticks themselves take."""
        next_ring = time.monotonic() + RING_EVERY
        while True:
            await asyncio.sleep(1 - time.monotonic() % 1)
            for connection in self.connections.values():
                connection.traffic.sample()
                if minute := connection.traffic.take_minute():
                    self._services.history.add_minute(connection.id, minute)
            if time.monotonic() >= next_ring:
                next_ring += RING_EVERY
                await self._save_rings()

    async def _save_rings(self) -> None:
        for connection in list(self.connections.values()):
            self._services.history.save_ring(connection.id, connection.traffic.dump())
            await asyncio.sleep(0)  # a millisecond each: the loop gets its turn in between

    def _make(self, settings: ConnectionSettings) -> Connection:
        connection = KINDS[settings.type](settings, self._services)
        self.connections[settings.id] = connection
        return connection

    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    # changes

    async def add(self, body: dict[str, Any], *, temporary: bool = False) -> Connection:
        """Add, save (unless temporary) and start; raises IdTaken, InvalidConfig, SettingsError, OSError."""
        async with self._lock:
            body = {**body, 'id': body.get('id') or self._free_id(body)}
            if self._is_in_use(body['id']):
                raise IdTaken(body['id'])
            settings, secrets = self._checked(body)
            if temporary:
                self._temporary.add(settings.id)
            else:
                await self._reported('add a connection', asyncio.to_thread(self._add_to_disk, settings, secrets))
            connection = self._make(settings)
            if settings.enabled:
                connection.start()
        self._changed()
        return connection

    def _add_to_disk(self, settings: ConnectionSettings, secrets: dict[str, str]) -> None:
        """Secrets first: if they cannot be kept, the settings must not name a connection without them."""
        self._services.secrets.forget(settings.id)  # of one that had this id before
        self._store_secrets(settings.id, secrets)
        self._file.add_connection(settings)

    async def change(self, connection_id: str, patch: dict[str, Any]) -> Connection:
        """Change name, enabled or config (its keys are merged, null removes one); restarts only this link."""
        async with self._lock:
            connection = self.get(connection_id)
            old = (await self._as_in_the_file(connection))[0]
            config = {**old.config, **(patch.get('config') or {})}
            body = {'id': old.id, 'type': old.type, 'name': patch.get('name', old.name),
                    'enabled': patch.get('enabled', old.enabled),
                    'config': {key: value for key, value in config.items() if value is not None}}  # fmt: skip
            settings, secrets = self._checked(body, cleared=self._cleared(connection, patch))
            await self._reported('change a connection', asyncio.to_thread(self._replace_on_disk, settings, secrets))
            if secrets and settings.enabled and connection.enabled:
                await connection.stop()
                connection.start()
            await connection.reconfigure(settings)
        self._changed()
        return connection

    def _replace_on_disk(self, settings: ConnectionSettings, secrets: dict[str, str]) -> None:
        self._store_secrets(settings.id, secrets)
        self._save(settings)

    async def remove(self, *ids: str) -> None:
        """Close these links and forget their settings, secrets and history; raises UnknownConnection, SettingsError."""
        async with self._lock:
            connections = [self.get(connection_id) for connection_id in ids]
            await self._reported('remove connections', asyncio.to_thread(self._forget_on_disk, *ids))
            await asyncio.gather(*(connection.stop() for connection in connections))
            for connection_id in ids:
                self._temporary.discard(connection_id)
                del self.connections[connection_id]
                self._services.gateway.remove_source(connection_id)
                self._services.history.forget(connection_id)
        self._changed()

    def _forget_on_disk(self, *ids: str) -> None:
        """Secrets first, so that none is left behind for whoever has the id next."""
        self._pauses.clear(*ids)
        for connection_id in ids:
            self._services.secrets.forget(connection_id)
        kept = [connection_id for connection_id in ids if connection_id not in self._temporary]
        if kept:
            self._file.remove_connection(*kept)

    async def reload(self, restart: Collection[str] = ()) -> None:
        """Bring the connections in step with a settings file that was replaced as a whole.

        Only what changed is touched; `restart` names those whose secrets are new. History of removed ones is kept,
        so that putting the old file back brings it back.
        """
        async with self._lock:
            self._temporary -= {settings.id for settings in self._file.settings.connections}
            kept = [self.connections[name].settings for name in self._temporary]
            wanted = {settings.id: settings for settings in [*kept, *self._file.settings.connections]}
            await self._drop([known for known in self.connections.values()
                              if known.id not in wanted or wanted[known.id].type != known.KIND])  # fmt: skip
            for settings in wanted.values():
                if settings.id not in self.connections:
                    await self._begin(settings)
                    continue
                known = self.connections[settings.id]
                if settings.id in restart:
                    await known.stop()
                await known.reconfigure(settings)
                if settings.enabled:
                    known.start()
            self.connections = {key: self.connections[key] for key in wanted}
        self._changed()

    async def _drop(self, connections: list[Connection]) -> None:
        await asyncio.gather(*(connection.stop() for connection in connections))
        for connection in connections:
            self._services.history.save_ring(connection.id, connection.traffic.dump())
            del self.connections[connection.id]
            self._services.gateway.remove_source(connection.id)

    async def connect(self, *ids: str) -> list[Connection]:
        """Want these links from now on, and try at once; raises UnknownConnection, SettingsError."""
        connections = await self._set_enabled(ids, True)
        await asyncio.to_thread(self._pauses.clear, *ids)
        for connection in connections:
            connection.retry_now()
        return connections

    async def disconnect(self, *ids: str) -> list[Connection]:
        """Close these links; what the owner stopped stays stopped after a restart."""
        connections = await self._set_enabled(ids, False)
        await asyncio.to_thread(self._pauses.clear, *ids)
        return connections

    async def _as_in_the_file(self, *connections: Connection) -> list[ConnectionSettings]:
        """The settings to change, with what was edited by hand meanwhile; raises SettingsError."""
        file = await asyncio.to_thread(self._file.refresh)
        kept = {settings.id: settings for settings in file.connections}
        return [kept.get(connection.id, connection.settings) for connection in connections]

    async def _set_enabled(self, ids: Iterable[str], enabled: bool) -> list[Connection]:
        """One write for all, then all at the same time."""
        async with self._lock:
            connections = [self.get(connection_id) for connection_id in ids]
            update = {'enabled': enabled}
            found = await self._as_in_the_file(*connections)
            changed = {connection: settings.model_copy(update=update)
                       for connection, settings in zip(connections, found, strict=True)
                       if connection.enabled != enabled or settings.enabled != enabled}  # fmt: skip
            if changed:
                write = asyncio.to_thread(self._save, *changed.values())
                await self._reported('switch connections', write)
                await asyncio.gather(*(connection.reconfigure(settings) for connection, settings in changed.items()))
        return connections

    # testing

    async def test(self, body: dict[str, Any]) -> TrialResult:
        """Reach the device as these settings say, without saving anything; raises InvalidConfig."""
        known = self.connections.get(str(body.get('id') or ''))
        settings, secrets = self._checked({**body, 'id': body.get('id') or 'test', 'enabled': True})
        for key in KINDS[settings.type].SECRETS:
            if key not in secrets and known is not None and body.get('config', {}).get(key) == MASK:
                secrets[key] = self._known_secret(known.id, key)
        if known is not None and known.is_in_the_way_of(settings):
            return await self._beside(known, lambda: try_out(settings, secrets, self._services))
        return await try_out(settings, secrets, self._services)

    async def _beside(self, known: Connection, trial: Callable[[], Awaitable[TrialResult]]) -> TrialResult:
        """Try while a living link to a device that takes one only steps aside; also a trial that hangs ends that."""
        try:
            async with self._lock:
                if known.enabled:
                    await known.pause(LONGEST_TRIAL)
            return await trial()
        finally:
            if self.connections.get(known.id) is known and known.is_paused:
                known.retry_now()

    async def pause(self, connection_id: str, seconds: float) -> Connection:
        """Let a device go for a while, so that a phone can have it; raises UnknownConnection."""
        async with self._lock:
            connection = self.get(connection_id)
            if connection.enabled:
                await connection.pause(seconds)
                await asyncio.to_thread(self._pauses.set, connection_id, seconds)
        return connection

    def _known_secret(self, connection_id: str, key: str) -> str:
        try:
            return self._services.secrets.get(connection_id, key) or ''
        except MissingSecret as error:
            raise InvalidConfig([(('config', key), str(error))]) from error

    # checking

    def _checked(self, body: dict[str, Any], *, cleared: Iterable[str] = ()) -> Checked:
        """The settings without their secrets, and the secrets that are new; raises InvalidConfig."""
        body = {**body, 'config': dict(body.get('config') or {})}
        kind = KINDS.get(body.get('type', ''))
        if kind is None:
            raise InvalidConfig([(('type',), f'expected one of {", ".join(KINDS)}')])
        secrets = dict.fromkeys(cleared, '')
        for key in kind.SECRETS:
            value = body['config'].get(key)
            if isinstance(value, str) and not value.startswith('env:'):
                del body['config'][key]
                if value != MASK:
                    if value and (problem := kind.secret_problem(key, value)):
                        raise InvalidConfig([(('config', key), problem)])
                    secrets[key] = value
        try:
            settings = ConnectionSettings.model_validate(body)
        except ValidationError as error:
            raise InvalidConfig.of(error) from error
        try:
            kind.CONFIG.model_validate(settings.config)
        except ValidationError as error:
            raise InvalidConfig.of(error, ('config',)) from error
        self._note(settings.config, secrets.values())
        return settings, secrets

    def _cleared(self, connection: Connection, patch: dict[str, Any]) -> list[str]:
        config = patch.get('config') or {}
        return [key for key in connection.SECRETS if key in config and config[key] is None]

    def _save(self, *settings: ConnectionSettings) -> None:
        kept = [entry for entry in settings if entry.id not in self._temporary]
        if kept:
            self._file.replace_connection(*kept)

    def _store_secrets(self, connection_id: str, secrets: dict[str, str]) -> None:
        for name, value in secrets.items():
            self._services.secrets.set(connection_id, name, value)

    def has_secret(self, connection: Connection, name: str) -> bool:
        """Whether a secret is stored or comes from the environment."""
        return bool(connection.settings.config.get(name)) or self._services.secrets.is_set(connection.id, name)

    def _free_id(self, body: dict[str, Any]) -> str:
        """An id made from the name, or the type, that nobody has."""
        base = re.sub(r'[^a-z0-9]+', '_', str(body.get('name') or '').lower()).strip('_')[:50]
        if not ID_PATTERN.fullmatch(base):
            base = str(body.get('type') or 'connection')
        numbered = (f'{base}_{number}' for number in range(2, 10_000))
        return base if not self._is_in_use(base) else next(name for name in numbered if not self._is_in_use(name))

    def _is_in_use(self, connection_id: str) -> bool:
        return connection_id in self.connections or connection_id in self._services.gateway.sources \
            or self._is_taken(connection_id)  # fmt: skip

    async def _reported(self, operation: str, work: Awaitable[None]) -> None:
        try:
            await work
        except SettingsError as error:
            if isinstance(error.__cause__, OSError):
                log_error(error, operation=operation)
            else:  # the file is not as it should be: the owner's to mend, said where it was asked
                log.warning('%s: %s', operation, error)
                log_event('warning', 'settings', str(error), operation=operation)
            raise
        except OSError as error:
            log_error(error, operation=operation)
            raise
