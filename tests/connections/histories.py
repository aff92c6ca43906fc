"""What the tests of the history share: minutes, the next life of the app, the file as others see it."""
import sqlite3
from pathlib import Path

from edgeos.connections.history import HistoryStore
from edgeos.connections.traffic import Sample
from tests.helpers import FakeClock

MINUTE = 1_700_000_040.0  # begins a minute


def sample(minute: int, packets: int = 1, gap: bool = False) -> Sample:
    return Sample(MINUTE + 60 * minute, packets, 2, 3, 4, 5, gap)


def again(store: HistoryStore, path: Path, clock: FakeClock) -> HistoryStore:
    """The next life of the app."""
    store.stop()
    later = HistoryStore(path, clock)
    later.start()
    return later


def rows(path: Path, table: str = 'minutes') -> int:
    """As another process sees the file; 0 while there is none."""
    if not path.exists():
        return 0
    db = sqlite3.connect(path)
    try:
        return int(db.execute(f'SELECT count(*) FROM {table}').fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()
