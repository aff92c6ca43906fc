"""A registry from the web as it is kept for times without network, and whether it is by whom it should be."""
import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path

from edgeos.files import write_atomically
from edgeos.plugins.phrase import Phrase
from edgeos.plugins.registry_entries import Listing, read_registry
from edgeos.plugins.registry_fetch import FetchFailed


@dataclass(frozen=True, slots=True)
class Source:
    """Where a registry is: a web address or a path. With `key`, an ed25519 public key in base64 or hexadecimal
    digits, it is taken only with a signature: 64 bytes, or base64 of them, beside it under its name and .sig.
    """

    location: str
    key: str = ''


@dataclass(slots=True)
class Kept:
    """A registry from the web, as it is kept: a line about it, then its own bytes."""

    listing: Listing
    body: bytes
    signature: bytes
    etag: str

    @classmethod
    def make(cls, source: Source, body: bytes, signature: bytes, etag: str) -> 'Kept':
        """Raises FetchFailed when the signature is missing or wrong."""
        check_signature(source.key, body, signature)
        return cls(read_registry(body, source.location), body, signature, etag)

    @classmethod
    def read(cls, path: Path, source: Source) -> 'Kept | None':
        """Checked like a new one, for the key may be another by now. None where there is none that is good."""
        try:
            head, _, body = path.read_bytes().partition(b'\n')
            about = json.loads(head)
            return cls.make(source, body, base64.b64decode(about['signature']), str(about['etag']))
        except (OSError, ValueError, KeyError, TypeError, FetchFailed):
            return None

    def write(self, path: Path) -> None:
        """Raises OSError."""
        about = {'etag': self.etag, 'signature': base64.b64encode(self.signature).decode()}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(about).encode() + b'\n' + self.body)


def check_signature(key: str, data: bytes, signature: bytes) -> None:
    """Raises FetchFailed; without a key everything is taken."""
    if not key:
        return
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(_bytes(key.encode(), 32))
    except ValueError:
        raise FetchFailed(Phrase('its key is not an ed25519 public key of 32 bytes')) from None
    try:
        public.verify(_bytes(signature, 64), data)
    except (InvalidSignature, ValueError):
        raise FetchFailed(Phrase('its signature does not fit its key; it may have been tampered with')) from None


def _bytes(text: bytes, length: int) -> bytes:
    """As they are, or from hexadecimal digits or base64. Raises ValueError."""
    if len(text) == length:
        return text
    stripped = text.strip()
    if len(stripped) == 2 * length:
        return bytes.fromhex(stripped.decode())
    try:
        return base64.b64decode(stripped, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
