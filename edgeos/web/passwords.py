"""Secrets that people choose, kept as argon2id hashes: the rules for new ones, hashing and checking."""

import asyncio
import functools
import logging
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_PASSWORD = 8  # characters
MAX_PASSWORD = 256

log = logging.getLogger(__name__)


class AccessError(Exception):
    """Anything that keeps somebody out; the message is meant for them."""


class SecretRefused(AccessError):
    """Raised when a new password, PIN or token name does not meet the rules."""


class WrongSecret(AccessError):
    """Raised when a password or PIN is wrong."""


class TooManyAttempts(AccessError):
    """Raised when the caller has to wait before the next attempt."""

    def __init__(self, wait: float) -> None:
        super().__init__('Too many attempts.')
        self.wait = wait  # s


# One thread: a burst of logins costs 19 MiB and one core, not that times the number of attempts.
_hashing = ThreadPoolExecutor(max_workers=1, thread_name_prefix='password')


@functools.cache
def _hasher() -> 'PasswordHasher':
    """The OWASP minimum for argon2id (19 MiB, 2 passes): tens of ms on a PC, a fraction of a second on small boards."""
    from argon2 import PasswordHasher  # loaded at the first login: a house without a password never pays for it

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def secret_bytes(secret: str) -> bytes:
    """The same bytes for the same word, however a keyboard composes its umlauts."""
    return unicodedata.normalize('NFC', secret).encode('utf-8', 'surrogatepass')


def hash_password(password: str) -> str:
    """The hash to keep of a new password; takes tens of ms. Raises SecretRefused."""
    if len(password) < MIN_PASSWORD:
        raise SecretRefused(f'The password needs at least {MIN_PASSWORD} characters.')
    if len(password) > MAX_PASSWORD:
        raise SecretRefused(f'The password may have at most {MAX_PASSWORD} characters.')
    return _hasher().hash(secret_bytes(password))


def hash_pin(pin: str) -> str:
    """The hash to keep of a new PIN; takes tens of ms. Raises SecretRefused."""
    if not re.fullmatch(r'[0-9]{4,8}', pin):
        raise SecretRefused('The PIN needs 4 to 8 digits.')
    return _hasher().hash(pin)


def verify_password(kept_hash: str, secret: str) -> bool:
    """Whether a password or PIN belongs to a hash; takes tens of ms. A damaged hash lets nobody in and is logged."""
    from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

    try:
        return _hasher().verify(kept_hash, secret_bytes(secret[: MAX_PASSWORD + 1]))
    except VerifyMismatchError:
        return False
    except (VerificationError, InvalidHashError):
        log.error('The hash kept in the settings is damaged: set the password or PIN again')
        return False


async def hash_password_in_thread(password: str) -> str:
    """`hash_password` without blocking the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_hashing, hash_password, password)


async def hash_pin_in_thread(pin: str) -> str:
    """`hash_pin` without blocking the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_hashing, hash_pin, pin)


async def verify_in_thread(kept_hash: str, secret: str) -> bool:
    """`verify_password` without blocking the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_hashing, verify_password, kept_hash, secret)
