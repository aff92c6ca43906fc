import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgeos.reporting import log_error, spool
from edgeos.reporting.sender import STUCK
from edgeos.reporting.spool import NOT_STORED, Spool
from tests.helpers import eventually_sync, free_port
from tests.reporting.ingest import KEY, Ingest
from tests.reporting.reporters import caught, reporting

ROOT = Path(__file__).parents[2]
FINGERPRINT = 'f' * 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / 'spool' / 'sentry'


def event_id(number: int) -> str:
    return f'{number:032x}'


def make(folder: Path, dropped: list[int] | None = None, **more: Any) -> Spool:
    """`dropped` collects the numbers of what is dropped."""
    told = [] if dropped is None else dropped
    return Spool(folder, lambda waiting: told.append(int(waiting.event_id, 16)), **more)


def put(spool: Spool, number: int, size: int = 10) -> None:
    spool.add(FINGERPRINT, event_id(number), json.dumps({'event_id': event_id(number), 'x': 'x' * size}).encode())


def drained(spool: Spool) -> list[int]:
    found = []
    while (next_ := spool.oldest()) is not None:
        waiting, event = next_
        assert json.loads(event)['event_id'] == waiting.event_id
        found.append(int(waiting.event_id, 16))
        spool.remove(waiting)
    return found


def loaded(folder: Path, dropped: list[int] | None = None, **more: Any) -> Spool:
    spool = make(folder, dropped, **more)
    spool.load()
    return spool


def test_the_oldest_comes_first_also_after_a_restart(folder: Path) -> None:
    for number in range(5):
        put(make(folder) if number == 0 else loaded(folder), number)
    assert drained(loaded(folder)) == [0, 1, 2, 3, 4]
    assert list(folder.iterdir()) == []


def test_only_the_owner_may_read_what_waits(folder: Path) -> None:
    put(make(folder), 1)
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


def test_too_many_drop_the_oldest_and_count_them(folder: Path) -> None:
    dropped: list[int] = []
    spool = make(folder, dropped, most=3)
    for number in range(5):
        put(spool, number)
    assert (spool.waiting, spool.dropped, dropped) == (3, 2, [0, 1])
    assert len(list(folder.iterdir())) == 3
    assert drained(loaded(folder, dropped, most=2)) == [3, 4] and dropped == [0, 1, 2]


def test_too_much_drops_the_oldest(folder: Path) -> None:
    spool = make(folder, most_bytes=10_000)
    for number in range(20):
        put(spool, number, 1000)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 10_000
    assert drained(spool)[-1] == 19 and spool.dropped > 10


def test_the_limits_are_those_that_are_promised() -> None:
    assert (spool.MOST_EVENTS, spool.MOST_BYTES) == (200, 10 * 1024 * 1024)


def test_damaged_and_foreign_files_do_no_harm(folder: Path) -> None:
    spool = make(folder)
    for number in range(5):
        put(spool, number)
    first, second, third, fourth, _ = sorted(folder.iterdir())
    first.write_bytes(b'')
    second.write_bytes(b'{"event_id": 7}')
    third.write_bytes(b'[' * 100_000)
    (folder / 'notes.txt').write_text('mine')
    (folder / '.0001.json.abc.tmp').write_text('left by a writer that was killed')
    dropped: list[int] = []
    again = loaded(folder, dropped)
    fourth.unlink()
    assert drained(again) == [4]
    assert again.dropped == 4 and dropped == [0, 1, 2, 3]
    assert [path.name for path in folder.iterdir()] == ['notes.txt']


def test_a_disk_that_takes_nothing_keeps_a_few_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    full = True
    real = spool.write_atomically

    def write(path: Path, data: bytes, mode: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, data, mode)

    monkeypatch.setattr(spool, 'write_atomically', write)
    kept = make(folder)
    for number in range(30):
        put(kept, number)
    assert kept.trouble == NOT_STORED and caplog.text.count(NOT_STORED) == 1
    assert kept.waiting == spool.MOST_IN_MEMORY and kept.dropped == 10
    assert kept.oldest() is not None
    full = False
    put(kept, 30)
    assert kept.trouble is None
    assert len(list(folder.iterdir())) == spool.MOST_IN_MEMORY + 1
    assert drained(kept) == list(range(10, 31))


def test_a_file_that_cannot_be_removed_is_not_sent_again_and_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = make(folder)
    put(kept, 1)

    def unlink(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, 'unlink', unlink)
    assert drained(kept) == [1]
    assert kept.oldest() is None


def test_files_with_equal_numbers_are_all_sent(folder: Path) -> None:
    put(make(folder), 1)
    put(make(folder), 2)
    again = loaded(folder)
    assert (again.waiting, drained(again), list(folder.iterdir())) == (2, [1, 2], [])


@pytest.mark.parametrize('code', [errno.EMFILE, errno.EIO, errno.EACCES])
def test_what_cannot_be_read_for_now_waits(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int) -> None:
    put(make(folder), 1)

    def refuse(*_: object) -> bytes:
        raise OSError(code, os.strerror(code))

    with Ingest() as ingest:
        monkeypatch.setattr(Path, 'read_bytes', refuse)
        with reporting(tmp_path, ingest.dsn) as reporter:
            eventually_sync(lambda: reporter.trouble == STUCK)
            assert (reporter.queue.waiting, reporter.queue.dropped) == (1, 0)
            monkeypatch.undo()
            eventually_sync(lambda: [event['event_id'] for event in ingest.events] == [event_id(1)] and reporter.trouble is None)
    assert caplog.text.count(STUCK) == 1 and os.strerror(code) in caplog.text


def test_clearing_leaves_nothing(folder: Path) -> None:
    dropped: list[int] = []
    kept = make(folder, dropped)
    for number in range(5):
        put(kept, number)
    kept.clear()
    assert kept.waiting == 0 and kept.dropped == 0 and dropped == [0, 1, 2, 3, 4] and list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_costs_only_the_restart(tmp_path: Path) -> None:
    (tmp_path / 'spool').write_text('a file where the folder should be')
    with Ingest() as ingest, reporting(tmp_path, ingest.dsn) as reporter:
        log_error(caught())
        eventually_sync(lambda: ingest.events)
        eventually_sync(lambda: reporter.queue.waiting == 0)


FULL_DISK = """
import sys, time
from pathlib import Path
from edgeos.reporting import log_error
from edgeos.reporting.reporter import Reporter
from edgeos.settings_models import SentrySettings
folder, dsn = Path(sys.argv[1]), sys.argv[2]

def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)

def report(word):
    try:
        raise ValueError(word)
    except ValueError as error:
        log_error(error, operation=word)

reporter = Reporter(folder, SentrySettings(dsn=dsn), '1', environ={}, env_file=None)
reporter.attach()
reporter.start()
report('before')
until(lambda: reporter.queue.waiting == 1)
with open(folder / 'filler', 'wb', buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
for letter in 'abcdefghij':
    report('full ' + letter)
until(lambda: reporter.queue.waiting == 11)
assert reporter._spool.trouble, 'said'
(folder / 'filler').unlink()
report('after')
until(lambda: reporter._spool.trouble is None)
reporter.stop()
print('WAITING', len(list((folder / 'spool' / 'sentry').glob('*.json'))))
"""


def test_a_full_disk(tmp_path: Path) -> None:
    dsn = f'http://{KEY}@127.0.0.1:{free_port()}/42'
    mount = f'mount -t tmpfs -o size=1m none {tmp_path}'
    inside = ['unshare', '--map-root-user', '--mount', 'sh', '-c']
    try:
        subprocess.run([*inside, mount], check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        pytest.skip('platform: this machine lets nobody mount a small file system')
    command = [*inside, f'{mount} && exec "$@"', 'sh', sys.executable, '-c', FULL_DISK, str(tmp_path), dsn]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=19)
    assert done.stdout == 'WAITING 12\n', done.stdout + done.stderr
    assert done.stderr.count(NOT_STORED) == 1


def test_what_is_no_plain_file_is_left_alone_and_holds_up_nothing(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    keeper = make(folder)
    keeper.add(FINGERPRINT, event_id(9), json.dumps({'event_id': event_id(9)}).encode())
    (real,) = folder.iterdir()
    odd = [real.with_name(real.name.replace(event_id(9), event_id(number))) for number in (1, 2, 3)]
    os.mkfifo(odd[0])
    odd[1].symlink_to('/dev/zero')
    odd[2].mkdir()
    again = make(folder)
    again.load()
    assert again.waiting == 1 and all(path.is_symlink() or path.exists() for path in odd)
    found = again.oldest()
    assert found is not None and found[0].event_id == event_id(9)
