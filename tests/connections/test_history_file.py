import logging
import os
import sqlite3
import time
from pathlib import Path
from random import Random

import pytest

from edgeos.connections.history import HistoryStore
from edgeos.connections.history_file import MOST_EVENTS, STEPS, HistoryFile
from edgeos.connections.traffic import Sample
from edgeos.database import NewerFile
from tests.connections.histories import MINUTE, rows
from tests.helpers import FakeClock, eventually, patient


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=MINUTE + 3600)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'data' / 'history.sqlite'


def test_a_week_of_minutes_and_two_thousand_events_are_kept(path: Path, clock: FakeClock) -> None:
    file = HistoryFile(path)
    now = clock.wall()
    with file._transaction():
        places = [((int(now // 60) - age) << 20) + file._number('a') for age in range(1, 8 * 1440)]
        file._db.executemany('INSERT INTO minutes VALUES (?, 1, 2, 3, 4, 5, 0)', [(place,) for place in places])
        file._db.executemany('INSERT INTO events (connection, t, kind, text) VALUES (?, ?, ?, ?)',
                             [(file._number(name), t, 'lost', '') for t in range(2500) for name in 'ab'])  # fmt: skip
    file.purge(now)
    assert len(file.minutes('a', now - 8 * 86400, now)) == 7 * 1440
    assert [len(file.events(name, 9999)) for name in 'ab'] == [MOST_EVENTS] * 2
    assert file.events('a', 1)[0].t == 2499
    began = time.thread_time()
    assert len(file.minutes('a', now - 7 * 86400, now)) == 7 * 1440
    assert time.thread_time() - began < patient(1.5)
    file.close()


def test_an_upgrade_keeps_a_copy_of_the_old_file(path: Path) -> None:
    old = HistoryFile(path)
    old._db.execute('INSERT INTO rings VALUES (1, ?)', (b'kept',))
    old.close()
    new = HistoryFile(path, (*STEPS, ('ALTER TABLE rings ADD COLUMN saved REAL', 'UPDATE rings SET saved = 5')))
    assert new._db.execute('SELECT data, saved FROM rings').fetchall() == [(b'kept', 5.0)]
    new.close()
    copy = path.with_name('history.sqlite.version-2')
    assert [row[1] for row in sqlite3.connect(copy).execute('PRAGMA table_info(rings)')] == ['connection', 'data']
    with pytest.raises(NewerFile, match='version 3'):
        HistoryFile(path)


def test_an_upgrade_that_fails_changes_nothing(path: Path) -> None:
    HistoryFile(path).close()
    with pytest.raises(sqlite3.OperationalError):
        HistoryFile(path, (*STEPS, ('ALTER TABLE rings ADD COLUMN saved REAL', 'nonsense')))
    HistoryFile(path).close()


# wear


@pytest.mark.skipif(not os.path.exists('/proc/self/io'), reason='platform: what is written is counted on Linux only')
@pytest.mark.parametrize('connections', [10, 100])
def test_a_day_writes_less_than_50_mb(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, connections: int
) -> None:
    """A day long after the first week, when each hour also drops an hour; a tenth of it stands for all."""
    monkeypatch.setattr('edgeos.connections.history_file.WEEK', 150 * 60)
    store, random = HistoryStore(path, clock), Random(9)
    counts = [(random.randrange(60), packets, random.randrange(9999), packets * 70, 0)
              for packets in (random.randrange(3000) for _ in range(997))]  # fmt: skip
    began = 0
    for minute in range(600):
        clock.advance(60)
        began = bytes_written() if minute == 312 else began
        for number in range(connections):
            store.add_minute(f'mqtt_{number}', Sample(MINUTE + 60 * minute, *counts[(97 * minute + number) % 997]))
            if minute % 15 == 0:
                store.save_ring(f'mqtt_{number}', random.randbytes(15_000))
        for number in range(3):
            store.add_event(f'mqtt_{number}', clock.wall(), 'lost', '192.168.2.10:1883 closed the connection.')
        store._write(store._take())
    store._drop_file()
    megabytes = (bytes_written() - began) / 1e6 * 1440 / 288
    logging.getLogger(__name__).info('%.1f MB a day with %d connections', megabytes, connections)
    assert 140 <= rows(path) / connections <= 220
    assert rows(path, 'rings') >= 10
    assert 5 < megabytes < 50


def bytes_written() -> int:
    return int(Path('/proc/self/io').read_text().split()[3])


async def test_rings_that_waited_are_written_at_the_stop(path: Path, clock: FakeClock) -> None:
    store = HistoryStore(path, clock, delay=0, distance=0)
    store.start()
    for number in range(60):
        store.save_ring(f'mqtt_{number}', bytes([number]) * 15_000)
    await eventually(lambda: rows(path, 'rings') > 20)
    assert rows(path, 'rings') < 60
    assert await store.load_ring('mqtt_59') == b'\x3b' * 15_000
    store.stop()
    assert rows(path, 'rings') == 60


def test_a_large_ring_is_not_overtaken_for_ever(path: Path, clock: FakeClock) -> None:
    store = HistoryStore(path, clock)
    store.save_ring('filler', bytes(480_000))
    assert list(store._take().rings) == ['filler']
    store.save_ring('large', bytes(70_000))
    store.save_ring('small', bytes(1000))
    assert list(store._take().rings) == []
    clock.advance(900)
    assert list(store._take().rings) == ['large', 'small']


def test_rings_take_turns(path: Path, clock: FakeClock) -> None:
    store, written = HistoryStore(path, clock), set()
    for _ in range(12):
        for number in range(100):
            store.save_ring(f'mqtt_{number}', bytes(15_000))
        written |= set(store._take().rings)
        clock.advance(900)
    assert len(written) >= 60
