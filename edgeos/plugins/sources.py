"""Where plugins come from: what ships with the app, and what the owner has added."""
import contextlib
import json
import logging
import os
import threading
from pathlib import Path

from edgeos.files import write_atomically
from edgeos.plugins.errors import PluginError
from edgeos.plugins.phrase import Phrase, phrase_of
from edgeos.plugins.registry import BUNDLED, Source
from edgeos.plugins.registry_entries import is_web
from edgeos.plugins.registry_fetch import FetchFailed, check_address
from edgeos.plugins.registry_kept import check_signature

MOST = 20
MOST_LENGTH = 2000

log = logging.getLogger(__name__)


class BadSource(PluginError):
    """Raised for a source that cannot be added or removed; the text says why."""


class BadAddress(BadSource):
    """Raised for what cannot be the address of a registry, or its key."""


class SourceList:
    """Kept in a file of its own. `add` and `remove` write the disk: for threads."""

    def __init__(self, path: Path) -> None:
        """Reads the file; one that is damaged is put aside, and the list begins anew."""
        self._path = path
        self._lock = threading.Lock()
        self.added: tuple[Source, ...] = tuple(_read(path))

    @property
    def all(self) -> tuple[Source, ...]:
        """The bundled one first: no other can take over its ids."""
        return (BUNDLED, *self.added)

    def add(self, location: str, key: str = '') -> None:
        """`key` is an ed25519 public key in base64 or hexadecimal digits, or ''. Raises BadSource, OSError."""
        location, key = location.strip().removeprefix('file://'), key.strip()
        with self._lock:
            if any(source.location == location for source in self.all):
                raise BadSource(Phrase('this source is there already'))
            if len(self.added) >= MOST or len(location) > MOST_LENGTH:
                raise BadSource(Phrase('at most {count} sources of at most {length} characters', count=MOST,
                                       length=MOST_LENGTH))  # fmt: skip
            _check(location, key)
            self._save((*self.added, Source(location, key)))

    def remove(self, location: str) -> Source:
        """The one removed. Raises BadSource for one that is not among those added; OSError."""
        with self._lock:
            removed = next((source for source in self.added if source.location == location), None)
            if removed is None:
                raise BadSource(Phrase('no such source was added'))
            self._save(tuple(source for source in self.added if source != removed))
            return removed

    def _save(self, sources: tuple[Source, ...]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        rows = [{'location': source.location, 'key': source.key} for source in sources]
        write_atomically(self._path, json.dumps(rows, indent=1).encode(), 0o600)
        self.added = sources


def _check(location: str, key: str) -> None:
    try:
        if is_web(location):
            check_address(location)
        elif not Path(location).is_absolute() or not Path(location).is_file():
            raise BadAddress(Phrase('expected an https address, or the absolute path of a file that is there'))
        if key:
            check_signature(key, b'', b'')
    except FetchFailed as error:
        if not key or 'signature' not in str(error):
            raise BadAddress(phrase_of(error)) from error


def _read(path: Path) -> list[Source]:
    try:
        return [Source(str(row['location']), str(row['key'])) for row in json.loads(path.read_bytes())][:MOST]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        aside = path.with_suffix('.damaged.json')
        log.warning('%s could not be read (%s) and is moved to %s', path, type(error).__name__, aside)
        with contextlib.suppress(OSError):
            os.replace(path, aside)
        return []
