import signal
import sqlite3
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from edgeos.connections.history import HistoryStore
from edgeos.connections.history_file import STEPS, HistoryFile
from tests.connections.histories import MINUTE, again, rows, sample
from tests.helpers import FakeClock, eventually

ROOT = Path(__file__).parents[2]


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


WRITER = """
import sys, time
from pathlib import Path
from edgeos.connections.history import HistoryStore
from edgeos.connections.traffic import Sample
from edgeos.clock import SYSTEM_CLOCK
store = HistoryStore(Path(sys.argv[1]), delay=0.01, distance=0.01)
store.start()
minute = int(time.time() // 60) - 9000
while True:
    minute += 1
    for name in 'abc':
        store.add_minute(name, Sample(60.0 * minute, minute, 1, 1, 1, 1))
    store.add_event('a', minute, 'lost', str(minute))
    store.save_ring('a', str(minute).encode() * 3000)
    time.sleep(0.002)
"""


@pytest.mark.parametrize('round', range(3))
async def test_a_killed_writer_leaves_every_finished_batch_whole(path: Path, round: int) -> None:
    child = subprocess.Popen([sys.executable, '-c', WRITER, str(path)], cwd=ROOT)
    try:
        await eventually(lambda: rows(path) > 60 * (round + 1), timeout=15)
        written = rows(path)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    store = HistoryStore(path)
    store.start()
    minutes = await store.minutes('a', 7 * 86400)
    assert 3 * len(minutes) == rows(path) >= written
    assert {after.t - before.t for before, after in pairwise(minutes)} == {60}
    assert len(await store.minutes('c', 7 * 86400)) == len(minutes)
    newest = (await store.events('a', 1))[0]
    assert newest.t * 60 == minutes[-1].t
    ring = await store.load_ring('a') or b''
    assert ring and ring == ring[:len(ring) // 3000] * 3000
    assert store.trouble is None
    store.stop()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


FULL_DISK = """
import asyncio, logging, os, resource, sys
from pathlib import Path
from edgeos.connections import history
from edgeos.connections.history import HistoryStore
from edgeos.connections.traffic import Sample
from edgeos.clock import SYSTEM_CLOCK

history.ANSWER_SECONDS = 15
folder, how = Path(sys.argv[1]), sys.argv[2]
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format='%(levelname)s %(message)s')
minute = int(SYSTEM_CLOCK.wall() // 60) - 9000

def fill():
    if how == 'limit':
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        return
    with open(folder / 'filler', 'wb', buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass

def free():
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    (folder / 'filler').unlink(missing_ok=True)

async def main():
    global minute
    store = HistoryStore(folder / 'history.sqlite', delay=0, distance=0)
    store.start()
    async def write_until(condition):
        global minute
        while not condition():
            minute += 1
            store.add_minute('a', Sample(60.0 * minute, 1, 1, 1, 1, 1))
            store.save_ring('a', os.urandom(15_000))
            await asyncio.sleep(0.01)
    first = minute
    await write_until(lambda: minute == first + 10)
    before = len(await store.minutes('a', 7 * 86400))
    assert before and store.trouble is None
    fill()
    await write_until(lambda: store.trouble)
    print('TROUBLE', store.trouble)
    for _ in range(20):
        store.add_event('a', 1.0, 'lost', 'x' * 400)
        await store.events('a')
    free()
    await asyncio.sleep(0.05)
    await write_until(lambda: store.trouble is None)
    assert len(await store.minutes('a', 7 * 86400)) >= before
    store.stop()
    print('FINISHED')

asyncio.run(main())
"""


@pytest.mark.parametrize('how', ['limit', 'tmpfs'])
def test_a_full_disk_costs_history_and_nothing_else(tmp_path: Path, how: str) -> None:
    command = [sys.executable, '-c', FULL_DISK, str(tmp_path), how]
    if how == 'tmpfs':
        mount = f'mount -t tmpfs -o size=600k none {tmp_path}'
        inside = ['unshare', '--map-root-user', '--mount', 'sh', '-c']
        try:
            subprocess.run([*inside, mount], check=True, capture_output=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            pytest.skip('platform: this machine lets nobody mount a small file system')
        command = [*inside, f'{mount} && exec "$@"', 'sh', *command]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=19)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert 'TROUBLE The history cannot be kept: ' in done.stdout
    assert 'full' in done.stdout if how == 'tmpfs' else 'I/O' in done.stdout
    warnings = [line for line in lines if line.startswith('WARNING')]
    recoveries = [line for line in lines if line == 'INFO the history is kept again']
    assert len(warnings) == len(recoveries) >= 1
    assert lines[-1] == 'FINISHED'


async def test_a_file_that_is_no_database_is_moved_aside(
    path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(b'a power cut has been here' * 1000)
    Path(f'{path}-wal').write_bytes(b'rubbish' * 1000)
    store = HistoryStore(path, clock)
    store.start()
    store.add_minute('a', sample(1))
    store.stop()
    store = again(store, path, clock)
    assert await store.minutes('a', 3600) == [sample(1)]
    assert store.trouble is None
    store.stop()
    (aside,) = path.parent.glob('history.sqlite.broken-*[0-9]')
    assert aside.read_bytes().startswith(b'a power cut')
    assert [record.levelname for record in caplog.records] == ['WARNING']
    assert aside.name in caplog.text


async def test_a_page_that_breaks_later_costs_only_the_old_file(path: Path, clock: FakeClock) -> None:
    store = HistoryStore(path, clock)
    store.start()
    for minute in range(-3000, 0):
        store.add_minute('a', sample(minute))
    store.stop()
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096:page * 4096 + 512] = b'\xff' * 512
    path.write_bytes(data)
    later = again(store, path, clock)
    await later.minutes('a', 7 * 86400)
    later.add_minute('a', sample(1))
    later = again(later, path, clock)
    assert await later.minutes('a', 7 * 86400) == [sample(1)]
    later.stop()
    assert len(list(path.parent.glob('history.sqlite.broken-*'))) == 1


async def test_a_dying_disk_is_not_filled_with_broken_files(path: Path, clock: FakeClock) -> None:
    for _ in range(6):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b'broken' * 1000)
        clock.advance(60)
        store = HistoryStore(path, clock)
        store.start()
        assert await store.events('a') == []
        store.stop()
    assert len(list(path.parent.glob('history.sqlite.broken-*'))) == 3


async def test_a_folder_that_cannot_be_made_is_one_warning(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / 'data').write_text('a file where the folder should be')
    store = HistoryStore(tmp_path / 'data' / 'history.sqlite', clock, delay=0, distance=0)
    store.start()
    for _ in range(3):
        assert await store.events('a') == []
    assert store.trouble
    assert [record.levelname for record in caplog.records] == ['WARNING']
    (tmp_path / 'data').unlink()
    store.add_event('a', 1, 'lost', '')
    await eventually(lambda: store.trouble is None)
    store.stop()


async def test_a_file_of_a_later_version_is_kept_aside(
    path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    HistoryFile(path, (*STEPS, ('CREATE TABLE more (x)',))).close()
    store = HistoryStore(path, clock)
    store.start()
    store.add_event('a', 1, 'lost', '')
    store.stop()
    (aside,) = path.parent.glob('history.sqlite.newer-*')
    assert sqlite3.connect(aside).execute('PRAGMA user_version').fetchone() == (len(STEPS) + 1,)
    assert rows(path, 'events') == 1
    assert f'schema is version {len(STEPS) + 1}' in caplog.text
