"""Until when devices are let go, kept over a restart: whoever was promised ten minutes gets them."""
import json
import logging
import time
from pathlib import Path

from edgeos.files import write_atomically

log = logging.getLogger(__name__)


class Pauses:
    """A small file: connection to epoch seconds. Reading and writing wait for the disk; call them in a thread.

    Without a path nothing is kept. What cannot be read or written costs the memory of a pause, nothing else.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def left(self) -> dict[str, float]:
        """Seconds that each pause still has."""
        now = time.time()
        return {name: until - now for name, until in self._read().items() if until > now}

    def set(self, connection_id: str, seconds: float) -> None:
        """Let go from now on, for so long."""
        self._write({**self._read(), connection_id: time.time() + seconds})

    def clear(self, *ids: str) -> None:
        """Wanted or switched off by the owner: the pause is over."""
        known = self._read()
        if known.keys() & set(ids):
            self._write({name: until for name, until in known.items() if name not in ids})

    def _read(self) -> dict[str, float]:
        if self._path is None:
            return {}
        try:
            found = json.loads(self._path.read_text(encoding='utf-8'))
            return {str(name): float(until) for name, until in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            log.warning('%s cannot be read: %s', self._path, error)
            return {}

    def _write(self, pauses: dict[str, float]) -> None:
        if self._path is None:
            return
        try:
            write_atomically(self._path, json.dumps(pauses).encode())
        except OSError as error:
            log.warning('%s cannot be written: %s', self._path, error)
