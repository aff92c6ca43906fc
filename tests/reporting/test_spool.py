import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgeos.reporting import log_error, spool
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


def put(spool: Spool, number: int, size: int = 10) -> list[int]:
    event = json.dumps({'event_id': event_id(number), 'x': 'x' * size}).encode()
    return [int(dropped.event_id, 16) for dropped in spool.add(FINGERPRINT, event_id(number), event)]


def drained(spool: Spool) -> list[int]:
    found = []
    while (next_ := spool.oldest()) is not None:
        waiting, event = next_
        assert json.loads(event)['event_id'] == waiting.event_id
        found.append(int(waiting.event_id, 16))
        spool.remove(waiting)
    return found


def loaded(folder: Path, **more: Any) -> Spool:
    spool = Spool(folder, **more)
    spool.load()
    return spool


def test_the_oldest_comes_first_also_after_a_restart(folder: Path) -> None:
    for number in range(5):
        put(Spool(folder) if number == 0 else loaded(folder), number)
    assert drained(loaded(folder)) == [0, 1, 2, 3, 4]
    assert list(folder.iterdir()) == []


def test_only_the_owner_may_read_what_waits(folder: Path) -> None:
    put(Spool(folder), 1)
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


def test_too_many_drop_the_oldest_and_count_them(folder: Path) -> None:
    spool = Spool(folder, most=3)
    assert [put(spool, number) for number in range(5)] == [[], [], [], [0], [1]]
    assert (spool.waiting, spool.dropped) == (3, 2)
    assert len(list(folder.iterdir())) == 3
    assert drained(loaded(folder, most=2)) == [3, 4]


def test_too_much_drops_the_oldest(folder: Path) -> None:
    spool = Spool(folder, most_bytes=10_000)
    for number in range(20):
        put(spool, number, 1000)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 10_000
    assert drained(spool)[-1] == 19 and spool.dropped > 10


def test_the_limits_are_those_that_are_promised() -> None:
    assert (spool.MOST_EVENTS, spool.MOST_BYTES) == (200, 10 * 1024 * 1024)


def test_damaged_and_foreign_files_do_no_harm(folder: Path) -> None:
    spool = Spool(folder)
    for number in range(4):
        put(spool, number)
    first, second, third, _ = sorted(folder.iterdir())
    first.write_bytes(b'')
    second.write_bytes(b'{"event_id": 7}')
    third.unlink()
    (folder / 'notes.txt').write_text('mine')
    (folder / '.0001.json.abc.tmp').write_text('left by a writer that was killed')
    again = loaded(folder)
    assert drained(again) == [3]
    assert again.dropped == 2
    assert [path.name for path in folder.iterdir()] == ['notes.txt']


def test_a_disk_that_takes_nothing_keeps_a_few_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    full = True
    real = spool.write_atomically

    def write(path: Path, data: bytes, mode: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, data, mode)

    monkeypatch.setattr(spool, 'write_atomically', write)
    kept = Spool(folder)
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
    kept = Spool(folder)
    put(kept, 1)

    def unlink(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, 'unlink', unlink)
    assert drained(kept) == [1]
    assert kept.oldest() is None


def test_clearing_leaves_nothing(folder: Path) -> None:
    kept = Spool(folder)
    for number in range(5):
        put(kept, number)
    kept.clear()
    assert kept.waiting == 0 and kept.dropped == 0 and list(folder.iterdir()) == []


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
assert reporter._link.spool.trouble, 'said'
(folder / 'filler').unlink()
report('after')
until(lambda: reporter._link.spool.trouble is None)
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
