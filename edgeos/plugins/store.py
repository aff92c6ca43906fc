"""What is installed, in one file that survives a power cut."""

import json
import logging
import os
import threading
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from edgeos.files import write_atomically
from edgeos.plugins.disk import PLUGIN_ID, VERSION

SCHEMA = 1

VersionText = Annotated[str, StringConstraints(pattern=f'^{VERSION.pattern}$')]  # it is part of a path

log = logging.getLogger(__name__)


class UnknownPlugin(LookupError):
    """Raised when no plugin with the id is installed."""


class Entry(BaseModel):
    """What is known of one plugin. Without `current` it is not installed and only its data was kept."""

    model_config = ConfigDict(frozen=True, extra='ignore')

    current: VersionText | None = None
    previous: VersionText | None = None
    on_trial: bool = False  # the current version has not yet shown that it lasts
    wanted: bool = False  # runs, and runs again after the next start of the app
    was_started: bool = False  # by the owner, at any time
    granted: tuple[str, ...] = ()
    granted_before: tuple[str, ...] = ()  # to the previous version
    uid: int | None = None
    config: dict[str, Any] = {}
    source: str = ''  # the registry's address, or 'file'
    skip: tuple[str, ...] = ()  # versions that are not offered again
    installed_at: str = ''


class Store:
    """Reading is from memory and at once; `put`, `change` and `drop` write the disk: for threads.

    A file that cannot be read is moved aside and `problem` says so. While it lies there nothing unknown is swept, so
    that no plugin is lost by it.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError when the file is there but cannot be opened."""
        self.problem: str | None = None
        self._path = path
        self._aside = path.with_suffix('.damaged.json')
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._load()

    @property
    def is_complete(self) -> bool:
        """Whether every plugin there is is known here. Reads the disk."""
        return not self._aside.exists()

    def find(self, plugin_id: str) -> Entry | None:
        """Also of a plugin of which only the data was kept."""
        return self._entries.get(plugin_id)

    def get(self, plugin_id: str) -> Entry:
        """Raises UnknownPlugin when it is not installed."""
        entry = self._entries.get(plugin_id)
        if entry is None or entry.current is None:
            raise UnknownPlugin(plugin_id)
        return entry

    def all(self) -> dict[str, Entry]:
        """Also plugins of which only the data was kept."""
        return dict(self._entries)

    def installed(self) -> dict[str, Entry]:
        """By id."""
        return {plugin_id: entry for plugin_id, entry in self._entries.items() if entry.current is not None}

    def put(self, plugin_id: str, entry: Entry) -> None:
        """Raises OSError; then nothing has changed."""
        with self._lock:
            self._save({**self._entries, plugin_id: entry})

    def change(self, plugin_id: str, **fields: object) -> Entry:
        """Raises UnknownPlugin, OSError; then nothing has changed."""
        with self._lock:
            if plugin_id not in self._entries:
                raise UnknownPlugin(plugin_id)
            entry = self._entries[plugin_id].model_copy(update=fields)
            self._save({**self._entries, plugin_id: entry})
            return entry

    def forget_code(self, plugin_id: str) -> None:
        """It is not installed any more; its user and configuration stay. Raises UnknownPlugin, OSError."""
        self.change(plugin_id, **Entry().model_dump(exclude={'uid', 'config'}))

    def drop(self, plugin_id: str) -> None:
        """Raises OSError; then nothing has changed."""
        with self._lock:
            self._save({known: entry for known, entry in self._entries.items() if known != plugin_id})

    def _save(self, entries: dict[str, Entry]) -> None:
        if entries == self._entries:
            return
        plugins = {plugin_id: entry.model_dump(mode='json') for plugin_id, entry in entries.items()}
        text = json.dumps({'schema': SCHEMA, 'plugins': plugins}, indent=1)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, text.encode(), 0o600)
        self._entries = entries

    def _load(self) -> None:
        try:
            self._entries = _entries(self._path.read_bytes())
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError, RecursionError, AttributeError, ValidationError) as error:
            aside = self._aside
            os.replace(self._path, aside)
            self.problem = f'The list of installed plugins was damaged and begins anew; the old file is {aside.name}.'
            log.warning('%s could not be read (%s) and was moved to %s', self._path, type(error).__name__, aside)


def _entries(data: bytes) -> dict[str, Entry]:
    found = json.loads(data)
    if found['schema'] != SCHEMA:
        raise ValueError('another schema')
    if not all(PLUGIN_ID.fullmatch(plugin_id) for plugin_id in found['plugins']):
        raise ValueError('what is no id')
    return {plugin_id: Entry.model_validate(entry) for plugin_id, entry in found['plugins'].items()}
