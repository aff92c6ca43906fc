"""Sessions of browsers and tokens of programs, kept by the hash of their secret.

The secrets are 256 random bits, so a plain SHA-256 is enough to keep them, and looking one up by its hash tells a
guesser nothing about the ones that exist.
"""

import asyncio
import hashlib
import json
import logging
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from edgeos.clock import Clock
from edgeos.files import write_atomically
from edgeos.web.passwords import SecretRefused, secret_bytes

DAY = 86_400.0  # s
TOKEN_PREFIX = 'edge_'

log = logging.getLogger(__name__)


def key_of(secret: str) -> str:
    """What is kept of a session id or token."""
    return hashlib.sha256(secret_bytes(secret)).hexdigest()


@dataclass(slots=True)
class Grant:
    """A token (with its name) or a session (with the password it was opened with); times are epoch seconds."""

    name: str
    created: float
    last_used: float | None = None


class GrantFile:
    """Grants by key, in memory and in a 0600 JSON file.

    Uses are noted in memory and written by `save_if_due`, at most once in `save_every` seconds. A file that cannot be
    understood is set aside and lets nobody in.
    """

    def __init__(self, path: Path, clock: Clock, save_every: float) -> None:
        self._path = path
        self._clock = clock
        self._save_every = save_every
        self._grants = self._load()
        self._lock = asyncio.Lock()
        self._touched = False
        self._saved_at = clock.monotonic()

    def __len__(self) -> int:
        return len(self._grants)

    def holds(self, key: str) -> bool:
        """Whether a key still opens the door."""
        return key in self._grants

    def use(self, key: str) -> None:
        """Note that a key that holds was used."""
        self._grants[key].last_used = self._clock.wall()
        self._touched = True

    async def save_if_due(self) -> None:
        """Write the times of use when some are new and the last writing is long enough ago."""
        if self._clock.monotonic() - self._saved_at >= self._save_every:
            await self.save_uses()

    async def save_uses(self) -> None:
        """Write the times of use now, as at shutdown; a full disk costs only these times."""
        if not self._touched:
            return
        try:
            await self._write()
        except OSError as error:
            log.warning('Times of use not written to %s: %s', self._path, error)

    async def _write(self) -> None:
        async with self._lock:
            self._touched = False
            self._saved_at = self._clock.monotonic()
            rows = {key: asdict(grant) for key, grant in self._grants.items()}
            data = json.dumps({'version': 1, 'grants': rows}, indent=1).encode()
            await asyncio.to_thread(write_atomically, self._path, data, 0o600)

    def _load(self) -> dict[str, Grant]:
        try:
            self._path.chmod(0o600)
            return _read_grants(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            aside = self._path.with_name(f'{self._path.name}.broken-{int(self._clock.wall())}')
            self._path.replace(aside)
            log.error('%s is damaged (%r): kept as %s, its logins or tokens are void', self._path, error, aside.name)
            return {}


def _read_grants(data: bytes) -> dict[str, Grant]:
    rows = json.loads(data)['grants'].items()
    grants = {str(key): Grant(str(row['name']), float(row['created']), row['last_used']) for key, row in rows}
    for grant in grants.values():
        grant.last_used = None if grant.last_used is None else float(grant.last_used)
    return grants


class Sessions(GrantFile):
    """Browsers that are logged in: at most 200 (the longest unused goes first), each for 30 days from its last use.

    A session belongs to the password (to a fingerprint of its hash) it was opened with, so that a new password ends
    it, also one that was set while the app was not running.
    """

    def __init__(self, path: Path, clock: Clock, *, lasts: float = 30 * DAY, limit: int = 200) -> None:
        super().__init__(path, clock, save_every=3600)
        self._lasts = lasts
        self._limit = limit

    def holds(self, key: str, password: str | None = None) -> bool:
        """Whether a session is alive, and was opened with this password's fingerprint when one is given."""
        grant = self._grants.get(key)
        if grant is None or password not in (None, grant.name):
            return False
        return self._clock.wall() - (grant.last_used or grant.created) < self._lasts

    async def create(self, password: str, replaces: str = '') -> str:
        """A new session's id, for the cookie; the key `replaces` ends. On a full disk it works until a restart."""
        session_id = secrets.token_urlsafe(32)
        self._grants.pop(replaces, None)
        alive = [(key, grant) for key, grant in self._grants.items() if self.holds(key)]
        alive.sort(key=lambda item: item[1].last_used or item[1].created)
        self._grants = dict(alive[max(0, len(alive) - self._limit + 1) :])
        self._grants[key_of(session_id)] = Grant(password, self._clock.wall())
        try:
            await self._write()
        except OSError as error:
            log.warning('Login not written to %s, it ends with the next restart: %s', self._path, error)
        return session_id

    async def revoke(self, key: str) -> None:
        """Log one browser out. Raises OSError when that would not outlast a restart."""
        if self._grants.pop(key, None) is not None:
            await self._write()

    async def revoke_all(self, *, keep: str = '', password: str = '') -> None:
        """Log everybody out; the browser with the key `keep` stays, under the new password's fingerprint.

        Raises OSError when that would not outlast a restart.
        """
        kept = self._grants.get(keep)
        self._grants = {} if kept is None else {keep: Grant(password, kept.created, self._clock.wall())}
        await self._write()


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What the owner sees of a token; `id` is what `revoke` takes, times are epoch seconds."""

    id: str
    name: str
    created: float
    last_used: float | None


class Tokens(GrantFile):
    """API tokens of programs, at most 100; their times of use are written once a minute."""

    def __init__(self, path: Path, clock: Clock, *, limit: int = 100) -> None:
        super().__init__(path, clock, save_every=60)
        self._limit = limit

    async def create(self, name: str) -> str:
        """A new token, which is shown now and never again. Raises SecretRefused, or OSError with nothing changed."""
        self._check(name := name.strip())
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        self._grants[key_of(token)] = Grant(name, self._clock.wall())
        try:
            await self._write()
        except OSError:
            self._grants.pop(key_of(token), None)
            raise
        return token

    def _check(self, name: str) -> None:
        if not name or len(name) > 64 or not name.isprintable():
            raise SecretRefused('The token needs a name of at most 64 characters.')
        if any(grant.name.casefold() == name.casefold() for grant in self._grants.values()):
            raise SecretRefused('There is a token of this name already.')
        if len(self._grants) >= self._limit:
            raise SecretRefused('There are too many tokens: revoke one first.')

    def list(self) -> list[TokenInfo]:
        """All tokens, the newest first."""
        infos = [TokenInfo(key[:16], grant.name, grant.created, grant.last_used) for key, grant in self._grants.items()]
        return sorted(infos, key=lambda info: info.created, reverse=True)

    async def revoke(self, token_id: str) -> bool:
        """End a token at once; False when there is none. Raises OSError when that would not outlast a restart."""
        keys = [key for key in self._grants if key[:16] == token_id]
        for key in keys:
            del self._grants[key]
        if keys:
            await self._write()
        return bool(keys)
