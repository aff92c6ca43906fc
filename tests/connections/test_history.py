import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgeos.connections.history import HistoryStore, LinkEvent
from edgeos.connections.history_file import HistoryFile
from edgeos.connections.traffic import Sample, Traffic
from tests.connections.histories import MINUTE, again, rows, sample
from tests.helpers import FakeClock, eventually, patient


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not what is tested here."""
    monkeypatch.setattr('edgeos.connections.history.STOP_SECONDS', 10.0)
    monkeypatch.setattr('edgeos.connections.history.ANSWER_SECONDS', 10.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=MINUTE + 3600)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'data' / 'history.sqlite'


@pytest.fixture
async def store(path: Path, clock: FakeClock) -> AsyncIterator[HistoryStore]:
    store = HistoryStore(path, clock)
    store.start()
    yield store
    store.stop()


# what is kept


async def test_minutes_are_there_at_once_and_after_a_restart(store: HistoryStore, path: Path, clock: FakeClock) -> None:
    for minute in range(59):
        store.add_minute('a', sample(minute, minute, gap=minute == 3))
        store.add_minute('b', sample(minute))
    expected = [sample(minute, minute, gap=minute == 3) for minute in range(59)]
    assert await store.minutes('a', 3600) == expected
    later = again(store, path, clock)
    assert await later.minutes('a', 3600) == expected
    assert await later.minutes('a', 600) == expected[-9:]
    later.add_minute('a', sample(59))
    assert await later.minutes('a', 3600) == [*expected, sample(59)]
    assert await later.minutes('unknown', 3600) == []
    later.stop()


async def test_two_parts_of_a_minute_add_up(store: HistoryStore, path: Path, clock: FakeClock) -> None:
    store.add_minute('a', sample(5, 10))
    later = again(store, path, clock)
    later.add_minute('a', sample(5, 20))
    last = again(later, path, clock)
    assert await last.minutes('a', 3600) == [Sample(MINUTE + 300, 30, 4, 6, 8, 10, True)]
    last.stop()


async def test_a_restart_keeps_seconds_and_minutes(store: HistoryStore, path: Path, clock: FakeClock) -> None:
    traffic = Traffic(clock)
    for _ in range(601):
        traffic.packets_received += 7
        clock.advance(1)
        traffic.sample()
        if minute := traffic.take_minute():
            store.add_minute('a', minute)
    store.save_ring('a', traffic.dump())
    seconds, minutes = traffic.history(3600), await store.minutes('a', 3600)
    later = again(store, path, clock)
    clock.advance(5)
    traffic = Traffic(clock)
    assert traffic.restore(await later.load_ring('a') or b'')
    assert traffic.history(3600) == seconds
    assert len(minutes) == 10
    assert await later.minutes('a', 3600) == minutes
    later.stop()


async def test_rings_are_there_at_once_and_the_newest_wins(store: HistoryStore, path: Path, clock: FakeClock) -> None:
    assert await store.load_ring('a') is None
    store.save_ring('a', b'one')
    store.save_ring('a', b'two')
    assert await store.load_ring('a') == b'two'
    later = again(store, path, clock)
    assert await later.load_ring('a') == b'two'
    later.stop()


async def test_events_are_newest_first_and_limited(store: HistoryStore, path: Path, clock: FakeClock) -> None:
    for number in range(10):
        store.add_event('a', MINUTE + number, 'connected', f'to {number}')
    store.add_event('b', MINUTE, 'lost', 'other')
    newest = [LinkEvent(MINUTE + number, 'connected', f'to {number}') for number in (9, 8, 7)]
    assert await store.events('a', 3) == newest
    later = again(store, path, clock)
    later.add_event('a', MINUTE + 10, 'lost', 'gone')
    assert await later.events('a', 4) == [LinkEvent(MINUTE + 10, 'lost', 'gone'), *newest]
    assert len(await later.events('a')) == 11
    later.stop()


async def test_the_same_failure_again_is_not_written_again(store: HistoryStore) -> None:
    store.add_event('a', 1, 'lost', 'no answer')
    for second in range(100):
        store.add_event('a', second, 'failed', 'no answer')
    store.add_event('a', 100, 'failed', 'refused')
    store.add_event('a', 101, 'connected', '')
    store.add_event('a', 102, 'failed', 'refused')
    assert [(event.kind, event.t) for event in await store.events('a')] == [
        ('failed', 102), ('connected', 101), ('failed', 100), ('failed', 0), ('lost', 1)]  # fmt: skip


async def test_hostile_texts_are_kept_harmless(store: HistoryStore, path: Path, clock: FakeClock) -> None:
    store.add_event('a', 1, 'failed', "'); DROP TABLE events; --\0\udc80" + '🔥' * 100_000)
    later = again(store, path, clock)
    (event,) = await later.events('a')
    assert event.text.startswith("'); DROP TABLE events; --\\x00\\udc80🔥")
    assert len(event.text) == 500
    later.stop()


async def test_a_forgotten_connection_leaves_nothing(store: HistoryStore, path: Path, clock: FakeClock) -> None:
    def add(to: HistoryStore, text: str) -> None:
        for connection_id in ('a', 'b'):
            to.add_minute(connection_id, sample(1))
            to.add_event(connection_id, 1, 'lost', text)
            to.save_ring(connection_id, text.encode())

    async def kept(of: HistoryStore, connection_id: str) -> tuple[object, ...]:
        return await of.load_ring(connection_id), await of.minutes(connection_id, 3600), await of.events(connection_id)

    add(store, 'written')
    later = again(store, path, clock)
    add(later, 'waiting')
    later.forget('a')
    assert await kept(later, 'a') == (None, [], [])
    later.add_event('a', 5, 'connected', 'new life')
    assert await later.events('a') == [LinkEvent(5, 'connected', 'new life')]
    last = again(later, path, clock)
    assert await kept(last, 'a') == (None, [], [LinkEvent(5, 'connected', 'new life')])
    assert await last.load_ring('b') == b'waiting'
    assert len(await last.events('b')) == 2
    last.stop()
    assert b'written' not in path.read_bytes().replace(b'written', b'', 1)


async def test_the_purge_comes_with_the_hours(path: Path, clock: FakeClock) -> None:
    store = HistoryStore(path, clock, delay=0, distance=0)
    store.start()
    store.add_minute('a', sample(0))
    await eventually(lambda: rows(path) == 1)
    clock.advance(8 * 86400)
    store.add_minute('b', Sample(clock.wall(), 1, 1, 1, 1, 1))
    await eventually(lambda: rows(path, 'connections') == 2 and rows(path) == 1)
    store.stop()


# what never happens to the loop


async def test_everything_is_written_in_batches(path: Path, clock: FakeClock) -> None:
    store = HistoryStore(path, clock, delay=0.2, distance=0.2)
    store.start()
    for connection in range(100):
        store.add_minute(f'mqtt_{connection}', sample(1))
    assert rows(path) == 0
    await eventually(lambda: rows(path) == 100)
    store.stop()


async def test_a_locked_file_delays_nobody(path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('edgeos.connections.history.STOP_SECONDS', 1.0)
    HistoryFile(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute('BEGIN EXCLUSIVE')
    store = HistoryStore(path, clock, delay=0, distance=0)
    store.start()
    began = time.perf_counter()
    for number in range(1000):
        store.add_event('a', number, 'lost', 'x')
    assert time.perf_counter() - began < patient(0.5, below=0.9)
    await eventually(lambda: store.trouble)
    assert 'locked' in (store.trouble or '')
    began = time.perf_counter()
    store.stop()
    assert time.perf_counter() - began < patient(1.5)
    other.close()


async def test_a_disk_that_hangs_is_told_and_answers_with_nothing(
    store: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    await store.minutes('a', 60)
    monkeypatch.setattr('edgeos.connections.history.ANSWER_SECONDS', 0.05)
    monkeypatch.setattr(HistoryFile, 'ring', lambda self, connection_id: b'late' if free.wait(5) else None)
    assert await store.load_ring('a') is None
    assert store.trouble == 'The history cannot be read: the disk does not answer.'
    free.set()
    await eventually(lambda: store.trouble is None)


async def test_what_waits_for_a_dead_disk_is_bounded(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('edgeos.connections.history.MOST_PENDING', 100)
    monkeypatch.setattr('edgeos.connections.history_file.MOST_PENDING', 100)
    store = HistoryStore(path, clock)
    for number in range(250):
        store.add_event('a', number, 'lost', '')
    assert store.trouble == 'The history is not kept: the disk does not answer.'
    store.start()
    assert (await store.events('a', 1))[0].t == 249
    assert store.trouble is None
    store.stop()
    assert rows(path, 'events') == 100


async def test_after_the_stop_nothing_is_answered_and_nothing_hangs(store: HistoryStore) -> None:
    store.add_event('a', 1, 'lost', '')
    store.stop()
    store.stop()
    assert await store.events('a') == []
    assert await store.load_ring('a') is None
    assert store.trouble is None
    await eventually(lambda: not any(thread.name == 'history' for thread in threading.enumerate()))


async def test_without_a_path_it_remembers_in_memory(clock: FakeClock) -> None:
    store = HistoryStore(None, clock)
    store.start()
    store.add_minute('a', sample(1))
    assert await store.minutes('a', 3600) == [sample(1)]
    store.stop()


async def test_answers_that_nobody_waits_for_are_dropped(store: HistoryStore) -> None:
    tasks = [asyncio.ensure_future(store.events('a')) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    store.add_event('a', 1, 'lost', '')
    assert len(await store.events('a')) == 1
