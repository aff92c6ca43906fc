"""What was watched, on the disk, so that the next start finds what the last one left behind.

`{"boot": id of the system's start, "processes": [[pid, start, name, marker], ...]}`; start times count from the boot.
The marker (`EDGEOS_TREE=...`) is in the environment of all that the process started, wherever it has gone since.

When the app is killed (SIGKILL), what its children have put into sessions of their own stays as it was at that moment,
running without a limit or standing still, until the next start's sweep ends it.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

from edgeos.files import write_atomically
from edgeos.limiter.ending import end_all, gather
from edgeos.limiter.linux import boot_id
from edgeos.limiter.sample import Tree
from edgeos.limiter.views import Identity, View

RETRY = 10.0  # s after a failure

Entry = tuple[int, int, str, str]

log = logging.getLogger(__name__)


class StrayFile:
    """Written by a thread, only when its content changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: frozenset[Entry] | None = None
        self._left: frozenset[Entry] = frozenset()  # of the last run, to be ended by the next
        self._has_failed = False
        self._not_before = 0.0  # monotonic s
        self._thread: threading.Thread | None = None

    def keep(self, entries: frozenset[Entry]) -> None:
        """To be called again and again, with what is watched now; never waits for the disk."""
        entries |= self._left
        is_busy = self._thread is not None and self._thread.is_alive()
        if entries != self._written and not is_busy and time.monotonic() >= self._not_before:
            self._thread = threading.Thread(target=self._write, args=(entries,), name='limiter strays', daemon=True)
            self._thread.start()

    def sweep(self, make_view: Callable[[], View]) -> list[str]:
        """End those that still run, with all they started; their names. Never touches another process. Who cannot be
        ended now stays in the file, for the next start."""
        entries = self._read()
        self._left = frozenset(entries)
        with closing(make_view()) as view:
            found, unseen = _find(entries, view)
            failed = end_all({tree: _marker(entry) for tree, entry in found.items()}, make_view)
            for tree, entry in found.items():
                if tree not in failed:
                    log.warning('%s (process %s) was left by the last run and has been ended', entry[2], entry[0])
                tree.close()
        self._left = frozenset((*unseen, *(found[tree] for tree in failed)))
        for pid, _, name, _ in self._left:
            log.warning('%s (process %s) was left by the last run and cannot be ended now', name, pid)
        return [entry[2] for tree, entry in found.items() if tree not in failed]

    def _write(self, entries: frozenset[Entry]) -> None:
        content = {'boot': boot_id(), 'processes': sorted(map(list, entries))}
        try:
            write_atomically(self._path, json.dumps(content).encode(), 0o600)
        except OSError as error:
            if not self._has_failed:
                log.warning('the watched processes cannot be kept on the disk: %s', error)
            self._has_failed, self._not_before = True, time.monotonic() + RETRY
        else:
            self._written, self._has_failed = entries, False

    def _read(self) -> list[Entry]:
        try:
            content = json.loads(self._path.read_bytes())
            if content['boot'] != boot_id():
                return []
            return [(int(pid), int(start), str(name), str(marker)) for pid, start, name, marker in content['processes']]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning('the list of watched processes of the last run cannot be read: %s', error)
            return []


def _find(entries: list[Entry], view: View) -> tuple[dict[Tree, Entry], list[Entry]]:
    """What is left of them, and those that cannot be looked at. Raises OSError."""
    newcomers, marker_of = view.newcomers() if entries else [], cache(view.marker)
    found: dict[Tree, Entry] = {}
    unseen: list[Entry] = []
    for entry in entries:
        try:
            tree = Tree(view, Identity(*entry[:2]))
            gather(tree, _marker(entry), newcomers, marker_of)
        except OSError:
            unseen.append(entry)
            continue
        if tree.living:
            found[tree] = entry
        else:
            tree.close()
    return found, unseen


def _marker(entry: Entry) -> bytes | None:
    return entry[3].encode(errors='replace') or None
