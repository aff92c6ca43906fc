import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from edgeos import database
from edgeos.database import DamagedFile
from edgeos.reporting.event_file import STEPS, EventFile
from edgeos.reporting.event_store import NOT_KEPT, EventStore
from edgeos.reporting.fingerprint import of_group
from tests.helpers import FakeClock, eventually_sync, patient

ROOT = Path(__file__).parents[2]
Log = pytest.LogCaptureFixture


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'data' / 'events.sqlite'


def opened(path: Path) -> EventStore:
    store = EventStore(path, FakeClock(), new_delay=0.01, count_delay=0.01, retry=0.1)
    store.start()
    eventually_sync(lambda: store._loaded or store.trouble)
    return store


def filled(path: Path) -> None:
    store = opened(path)
    for name in 'abc':
        store.add('error', 'app', name, of_group(name))
    store.stop(10)


def rows(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f'file:{path}?mode=ro', uri=True)) as db:
            return int(db.execute('SELECT count(*) FROM events').fetchone()[0])
    except sqlite3.Error:
        return 0


WRITER = """
import sys, time
from pathlib import Path
from edgeos.reporting.event_store import EventStore
from edgeos.reporting.fingerprint import of_group
store = EventStore(Path(sys.argv[1]), new_delay=0.005, count_delay=0.005)
store.start()
number = 0
while True:
    number += 1
    store.add('error', 'app', str(number), of_group(str(number % 3000)), traceback='t' * 500)
    time.sleep(0.001)
"""


def test_a_killed_writer_leaves_a_whole_file(path: Path) -> None:
    child = subprocess.Popen([sys.executable, '-c', WRITER, str(path)], cwd=ROOT)
    try:
        eventually_sync(lambda: rows(path) > 500, timeout=15)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    store = opened(path)
    events = store.query(limit=10_000)
    assert len(events) > 500 and all(event.traceback == 't' * 500 for event in events)
    assert store.trouble is None
    store.stop(10)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize('damage', ['text', 'half', 'empty'])
def test_a_broken_file_is_set_aside_and_a_new_one_begins(path: Path, caplog: Log, damage: str) -> None:
    filled(path)
    data = path.read_bytes()
    path.write_bytes({'text': b'not a database at all' * 500, 'half': data[:5000] + b'\xff' * 3000, 'empty': b''}[damage])
    store = opened(path)
    store.add('error', 'app', 'new', of_group('new'))
    eventually_sync(lambda: rows(path) == 1)
    assert store.trouble is None
    store.stop(10)
    aside = [file.name for file in path.parent.iterdir() if '.broken-' in file.name]
    assert len(aside) == (0 if damage == 'empty' else 1)
    assert ('a new one begins' in caplog.text) == (damage != 'empty')


def test_a_file_that_breaks_while_it_is_used_is_made_anew_with_all_there_is(path: Path) -> None:
    store = opened(path)
    for name in 'abc':
        store.add('error', 'app', name, of_group(name))
    eventually_sync(lambda: rows(path) == 3)
    for suffix in ('', '-wal', '-shm'):
        if path.with_name(path.name + suffix).exists():
            with path.with_name(path.name + suffix).open('r+b') as file:
                file.write(b'\xff' * 40_000)
    store.add('error', 'app', 'd', of_group('d'))
    eventually_sync(lambda: rows(path) == 4)
    store.stop(10)


def test_a_newer_file_is_set_aside(path: Path) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute('PRAGMA user_version = 99')
    store = opened(path)
    assert store.query() == [] and store.trouble is None
    store.stop(10)
    assert [file.name for file in path.parent.iterdir() if '.newer-' in file.name]


def test_an_older_file_is_upgraded_and_a_copy_kept(path: Path) -> None:
    filled(path)
    file = EventFile(path, (*STEPS, ('ALTER TABLE events ADD COLUMN more TEXT',)))
    file.close()
    assert rows(path) == 3 and rows(path.with_name('events.sqlite.version-1')) == 3


def test_a_file_that_is_always_broken_is_tried_once_more_and_then_again_later(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[object] = []

    def rows(*_: object) -> list[object]:
        tries.append(1)
        raise DamagedFile('always')

    monkeypatch.setattr(EventFile, 'rows', rows)
    store = EventStore(path, FakeClock(), retry=0.3)
    store.start()
    eventually_sync(lambda: store.trouble)
    assert len(tries) == 2
    eventually_sync(lambda: len(tries) == 4)
    monkeypatch.undo()
    eventually_sync(lambda: store._loaded and store.trouble is None)
    store.stop(10)


def test_a_file_that_is_locked_while_it_is_tidied_is_not_read_twice(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    monkeypatch.setattr(EventFile, 'purge', lambda *_: locked())
    store = EventStore(path, FakeClock(), retry=0.02)
    store.start()
    eventually_sync(lambda: store.trouble)
    store.add('error', 'app', 'd', of_group('d'))
    eventually_sync(lambda: store.trouble is None and rows(path) == 4)
    assert [event.count for event in store.query()] == [1, 1, 1, 1]
    store.stop(10)


def locked() -> None:
    raise sqlite3.OperationalError('database is locked')


def test_nothing_that_fails_ends_the_thread(path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Log) -> None:
    store = opened(path)
    monkeypatch.setattr(EventFile, 'write', lambda *_: 1 / 0)
    store.add('error', 'app', 'x', of_group('x'))
    eventually_sync(lambda: store.trouble == NOT_KEPT)
    monkeypatch.undo()
    eventually_sync(lambda: store.trouble is None and rows(path) == 1)
    store.stop(10)
    assert 'division by zero' in caplog.text


def test_only_a_few_broken_files_are_kept(path: Path) -> None:
    path.parent.mkdir()
    for number in range(6):
        path.write_bytes(b'broken' * 1000)
        database.set_aside(path, DamagedFile(), 1_700_000_000 + number, 'the events')
    assert len(list(path.parent.iterdir())) == database.KEPT_ASIDE


def test_without_a_folder_to_write_to_everything_is_in_memory_and_said_once(path: Path, caplog: Log) -> None:
    path.parent.write_text('a file where the folder should be')
    store = opened(path)
    for name in 'abc':
        store.add('error', 'app', name, of_group(name))
    eventually_sync(lambda: store.trouble == NOT_KEPT)
    assert len(store.query()) == 3 and store.unseen == 3
    path.parent.unlink()
    eventually_sync(lambda: store.trouble is None)
    assert rows(path) == 3
    store.stop(10)
    assert caplog.text.count(NOT_KEPT) == 1


def test_a_disk_that_hangs_holds_up_nobody(path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Log) -> None:
    import threading
    import time

    gate = threading.Event()
    monkeypatch.setattr(EventFile, 'write', lambda *_: gate.wait(10))
    store = opened(path)
    start = time.monotonic()
    for number in range(500):
        store.add('error', 'app', 'x', of_group(str(number)))
    store.query()
    store.stop(0.1)
    assert time.monotonic() - start < patient(2)
    assert 'could not be written' in caplog.text
    gate.set()


FULL_DISK = """
import resource, sys, time
from pathlib import Path
from edgeos.reporting.event_store import EventStore
from edgeos.reporting.fingerprint import of_group

folder, how = Path(sys.argv[1]), sys.argv[2]
store = EventStore(folder / 'events.sqlite', new_delay=0, count_delay=0, retry=0.05)

def until(condition):
    end = time.monotonic() + 15
    number = 0
    while not condition():
        assert time.monotonic() < end
        number += 1
        store.add('error', 'app', 'x', of_group(f'{condition}{number}'), traceback='y' * 5000)
        time.sleep(0.005)

def fill():
    if how == 'limit':
        return resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    with open(folder / 'filler', 'wb', buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass

def free():
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    (folder / 'filler').unlink(missing_ok=True)

store.start()
until(lambda: len(store.query()) == 10)
assert store.trouble is None
fill()
until(lambda: store.trouble)
print('TROUBLE', store.trouble)
before = len(store.query(limit=10_000))
free()
until(lambda: store.trouble is None)
store.stop(5)
again = EventStore(folder / 'events.sqlite')
again.start()
until(lambda: len(again.query(limit=10_000)) >= before)
again.stop(5)
print('FINISHED')
"""


@pytest.mark.parametrize('how', ['limit', 'tmpfs'])
def test_a_full_disk_costs_nothing_but_what_a_restart_forgets(tmp_path: Path, how: str) -> None:
    command = [sys.executable, '-c', FULL_DISK, str(tmp_path), how]
    if how == 'tmpfs':
        mount = f'mount -t tmpfs -o size=900k none {tmp_path}'
        inside = ['unshare', '--map-root-user', '--mount', 'sh', '-c']
        try:
            subprocess.run([*inside, mount], check=True, capture_output=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            pytest.skip('platform: this machine lets nobody mount a small file system')
        command = [*inside, f'{mount} && exec "$@"', 'sh', *command]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=19)
    assert done.returncode == 0, done.stdout + done.stderr
    assert NOT_KEPT in done.stdout and 'FINISHED' in done.stdout
