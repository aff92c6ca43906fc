"""Who the caller is and whether they may in: the login with slowed guessing, and the PIN that guards edits."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_address

from edgeos.clock import Clock
from edgeos.web.grants import Sessions, TokenInfo, Tokens, key_of
from edgeos.web.passwords import (
    AccessError,
    SecretRefused,
    TooManyAttempts,
    WrongSecret,
    hash_password,
    hash_password_in_thread,
    hash_pin,
    hash_pin_in_thread,
    verify_in_thread,
    verify_password,
)

__all__ = [
    'Access',
    'AccessError',
    'LoginGate',
    'Pin',
    'SecretRefused',
    'Sessions',
    'Ticket',
    'TokenInfo',
    'Tokens',
    'TooManyAttempts',
    'WrongSecret',
    'hash_password',
    'hash_password_in_thread',
    'hash_pin',
    'hash_pin_in_thread',
    'key_of',
    'verify_in_thread',
    'verify_password',
]

HOUR = 3600.0  # s


@dataclass(slots=True)
class _Tries:
    failures: int = 0
    free_at: float = 0.0  # monotonic s
    last: float = 0.0

    def count(self, now: float, free: int, longest: float) -> None:
        self.failures = 1 if now - self.last > HOUR else self.failures + 1
        self.last = now
        if self.failures >= free:
            self.free_at = now + min(2.0 ** min(self.failures - free, 16), longest)


class LoginGate:
    """Slows guessing: from the third failure on, waits of 1, 2, 4 ... 60 s, forgotten after an hour without a try.

    Each address has its own count (an IPv6 network of 64 bits is one address), and all strangers together have one
    that starts later. Who has logged in before is spared the common wait, so that nobody can lock the owner out.
    """

    def __init__(
        self, clock: Clock, *, free: int = 3, free_in_total: int = 30, longest: float = 60.0, capacity: int = 1000
    ) -> None:
        self._clock = clock
        self._free = free
        self._free_in_total = free_in_total
        self._longest = longest
        self._capacity = capacity
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._total = _Tries()
        self._known: OrderedDict[str, None] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again, 0.0 when it may now."""
        return self._wait(_caller(address))

    def attempt(self, address: str) -> float:
        """Ask before each try: 0.0 lets it through, else the seconds to wait.

        What is let through counts as a failure until `succeeded` says otherwise; so tries that run side by side
        while a hash is being computed cannot slip past the count.
        """
        caller = _caller(address)
        wait = self._wait(caller)
        if wait > 0:
            return wait
        tries = self._tries.setdefault(caller, _Tries())
        self._tries.move_to_end(caller)
        if len(self._tries) > self._capacity:
            self._tries.popitem(last=False)
        now = self._clock.monotonic()
        tries.count(now, self._free, self._longest)
        if caller not in self._known:
            self._total.count(now, self._free_in_total, self._longest)
        return 0.0

    def succeeded(self, address: str) -> None:
        """Forget the failures of an address, which has just proven itself."""
        caller = _caller(address)
        self._tries.pop(caller, None)
        if caller not in self._known:
            self._total.failures = max(0, self._total.failures - 1)
        self._known[caller] = None
        self._known.move_to_end(caller)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def _wait(self, caller: str) -> float:
        tries = self._tries.get(caller)
        free_at = tries.free_at if tries is not None else 0.0
        if caller not in self._known:
            free_at = max(free_at, self._total.free_at)
        return max(0.0, free_at - self._clock.monotonic())


def _caller(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or IPv6Network((parsed.packed, 64), strict=False))


@dataclass(frozen=True, slots=True)
class Ticket:
    """What somebody was let in with; it may stop holding while a socket is open."""

    kind: str  # 'session' or 'token'
    key: str


class Access:
    """The login of the whole app. `password_hash` is asked each time, so a change applies at once."""

    def __init__(
        self, password_hash: Callable[[], str], sessions: Sessions, tokens: Tokens, gate: LoginGate, clock: Clock
    ) -> None:
        self._password_hash = password_hash
        self.sessions = sessions
        self.tokens = tokens
        self.gate = gate
        self.clock = clock

    @property
    def is_needed(self) -> bool:
        """Whether a password is set."""
        return bool(self._password_hash())

    def admit(self, session_id: str | None, token: str | None) -> Ticket | None:
        """The ticket for a cookie's session id or a bearer token, None when neither is good."""
        for kind, secret in (('token', token), ('session', session_id)):
            if secret:
                ticket = Ticket(kind, key_of(secret))
                if self.holds(ticket):
                    self.use(ticket)
                    return ticket
        return None

    def holds(self, ticket: Ticket | None) -> bool:
        """Whether a ticket (None: let in without one) is still good."""
        if not self.is_needed:
            return True
        if ticket is None:
            return False
        if ticket.kind == 'token':
            return self.tokens.holds(ticket.key)
        return self.sessions.holds(ticket.key, self._fingerprint())

    def use(self, ticket: Ticket) -> None:
        """Note the use of a ticket, if it is still known."""
        grants = self.tokens if ticket.kind == 'token' else self.sessions
        if grants.holds(ticket.key):
            grants.use(ticket.key)

    async def log_in(self, address: str, password: str, old_session_id: str | None = None) -> str:
        """A new session's id; the browser's old one ends. Raises TooManyAttempts or WrongSecret."""
        wait = self.gate.attempt(address)
        if wait > 0:
            raise TooManyAttempts(wait)
        asked = self._password_hash()
        is_right = await verify_in_thread(asked, password)
        if not is_right or asked != self._password_hash():  # changed while the hash was computed
            raise WrongSecret('The password is wrong.')
        self.gate.succeeded(address)
        return await self.sessions.create(self._fingerprint(), key_of(old_session_id or ''))

    async def let_in(self) -> str:
        """A new session's id for a screen of our own, which has proven itself by a key."""
        return await self.sessions.create(self._fingerprint(), key_of(''))

    async def log_out(self, session_id: str) -> None:
        """End one session. Raises OSError when that would not outlast a restart; it has ended in any case."""
        await self.sessions.revoke(key_of(session_id))

    async def password_changed(self, keep: str = '') -> None:
        """Tell that the settings have a new password: ends every session except the one with the key `keep`."""
        await self.sessions.revoke_all(keep=keep, password=self._fingerprint())

    async def save_if_due(self) -> None:
        """Write new times of use now and then."""
        await self.sessions.save_if_due()
        await self.tokens.save_if_due()

    async def save(self) -> None:
        """Write new times of use at shutdown."""
        await self.sessions.save_uses()
        await self.tokens.save_uses()

    def _fingerprint(self) -> str:
        return key_of(self._password_hash())[:16]


class Pin:
    """The 4 to 8 digits that unlock edits on a panel, for five minutes and per browser.

    `who` is any name of the browser, such as its session's key; `pin_hash` is asked each time, and a new PIN locks
    everybody. Give it a gate of its own, so that a wrong PIN does not delay the login.
    """

    def __init__(
        self, pin_hash: Callable[[], str], gate: LoginGate, clock: Clock, *, lasts: float = 300.0, capacity: int = 200
    ) -> None:
        self._pin_hash = pin_hash
        self._gate = gate
        self._clock = clock
        self._lasts = lasts
        self._capacity = capacity
        self._unlocked: OrderedDict[str, tuple[float, str]] = OrderedDict()

    @property
    def is_needed(self) -> bool:
        """Whether a PIN is set."""
        return bool(self._pin_hash())

    def seconds_left(self, who: str) -> float:
        """How long edits stay unlocked for this browser, 0.0 when they are locked."""
        until, opened_with = self._unlocked.get(who, (0.0, ''))
        return max(0.0, until - self._clock.monotonic()) if opened_with == self._pin_hash() else 0.0

    def is_unlocked(self, who: str) -> bool:
        """Whether this browser may edit; always when no PIN is set."""
        return not self.is_needed or self.seconds_left(who) > 0

    async def unlock(self, who: str, address: str, pin: str) -> None:
        """Let this browser edit for a while. Raises TooManyAttempts or WrongSecret."""
        wait = self._gate.attempt(address)
        if wait > 0:
            raise TooManyAttempts(wait)
        asked = self._pin_hash()
        if asked and not await verify_in_thread(asked, pin):
            raise WrongSecret('The PIN is wrong.')
        self._gate.succeeded(address)
        self._unlocked[who] = (self._clock.monotonic() + self._lasts, asked)
        self._unlocked.move_to_end(who)
        if len(self._unlocked) > self._capacity:
            self._unlocked.popitem(last=False)

    def wait(self, address: str) -> float:
        """Seconds until this address may try again, 0.0 when it may now."""
        return self._gate.wait(address)

    def lock(self, who: str) -> None:
        """Lock edits for this browser now."""
        self._unlocked.pop(who, None)
