"""A writer that dies in the middle of a save leaves the old file or the new one, whole."""

import errno
import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edgeos.files import LEFTOVER_AGE, write_atomically

OLD = '# old\n[app]\nport = 8081  # mine\n'
NEW = OLD.replace('8081', '8082')

# Runs a save whose step number sys.argv[2] ends the process by SIGKILL, before or after doing it (argv[3]), or after
# writing half of the data; without a death it prints the steps. Everything that changes the disk is a step.
WRITER = """
import json, os, signal, sys
from pathlib import Path
from edgeos.settings import SettingsFile
from edgeos.secrets import SecretStore

path, deadly, moment, action = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
steps = []

def wrap(name):
    real = getattr(os, name)
    def step(*args, **kwargs):
        is_read = name == 'open' and not args[1] & (os.O_WRONLY | os.O_RDWR)
        if is_read:
            return real(*args, **kwargs)
        is_deadly = len(steps) == deadly
        if is_deadly and moment == 'half' and name == 'write':
            real(args[0], bytes(args[1])[:len(args[1]) // 2])
        if is_deadly and moment != 'after':
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if is_deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        is_folder = name == 'fsync' and os.path.isdir(f'/proc/self/fd/{args[0]}')
        steps.append('fsync folder' if is_folder else name)
        return result
    setattr(os, name, step)

file = SettingsFile.load(path, {}, create=False) if action == 'settings' else SecretStore(path)
for name in ('open', 'write', 'fchown', 'fchmod', 'fsync', 'replace', 'rename', 'unlink', 'remove', 'link', 'mkdir',
             'truncate', 'ftruncate', 'close', 'chmod', 'chown'):
    wrap(name)
if action == 'settings':
    file.set_value('app.port', 8082)
else:
    file.set('home', 'password', 'new')
print(json.dumps(steps))
"""


def save(path: Path, deadly: int, moment: str, action: str = 'settings') -> list[str] | None:
    """The steps of a whole save, or None when it was cut."""
    argv = [sys.executable, '-c', WRITER, str(path), str(deadly), moment, action]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    if run.returncode == -signal.SIGKILL:
        return None
    assert run.returncode == 0, run.stderr
    steps: list[str] = json.loads(run.stdout)
    return steps


def fresh(tmp_path: Path, name: str, text: str, mode: int) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    path = folder / 'file.toml'
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_content_reaches_the_disk_before_the_name_and_the_name_before_the_end(tmp_path: Path) -> None:
    steps = save(fresh(tmp_path, 'a', OLD, 0o640), 999, 'before')
    assert steps is not None
    order = [steps.index(step) for step in ('open', 'write', 'fchmod', 'fsync', 'replace', 'fsync folder')]
    assert order == sorted(order)
    assert 'truncate' not in steps


@pytest.mark.parametrize('moment', ['before', 'half', 'after'])
def test_a_cut_at_any_step_leaves_the_old_settings_or_the_new(tmp_path: Path, moment: str) -> None:
    seen = []
    for step in range(50):
        path = fresh(tmp_path, f'{moment}{step}', OLD, 0o640)
        is_finished = save(path, step, moment) is not None
        text = path.read_text()
        assert text in (OLD, NEW)
        assert path.stat().st_mode & 0o777 == 0o640
        tomllib.loads(text)
        seen.append(text)
        if is_finished:
            break
        write_atomically(path, b'# next save\n')  # works whatever was left lying about
        assert path.read_text() == '# next save\n'
    assert seen[0] == OLD
    assert seen[-1] == NEW
    assert seen == sorted(seen)  # never back from new to old
    assert len(seen) > 6


def test_a_cut_at_any_step_leaves_the_old_secrets_or_the_new_and_nobody_else_reads_them(tmp_path: Path) -> None:
    old, new = '[home]\npassword = "old"\n', '[home]\npassword = "new"\n'
    for step in range(50):
        path = fresh(tmp_path, str(step), old, 0o600)
        is_finished = save(path, step, 'after', 'secrets') is not None
        assert path.read_text() in (old, new)
        assert [file.stat().st_mode & 0o077 for file in path.parent.iterdir()] == [0] * len(list(path.parent.iterdir()))
        if is_finished:
            break
    assert path.read_text() == new
    assert step > 6


def test_leftovers_of_a_cut_are_removed_by_a_later_save(tmp_path: Path) -> None:
    path = fresh(tmp_path, 'a', OLD, 0o644)
    assert save(path, 1, 'after') is None
    [leftover] = [file for file in path.parent.iterdir() if file != path]
    foreign = path.parent / '.other.toml.1.tmp'
    foreign.touch()
    write_atomically(path, b'1')
    assert leftover.exists()  # may belong to a writer that is still at work
    for file in (leftover, foreign):
        os.utime(file, (0, file.stat().st_mtime - LEFTOVER_AGE - 5))
    write_atomically(path, b'2')
    assert set(path.parent.iterdir()) == {path, foreign}


@pytest.mark.parametrize('step', ['write', 'fchmod', 'fsync', 'replace'])
def test_a_failing_disk_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = fresh(tmp_path, 'a', OLD, 0o644)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match='No space left'):
        write_atomically(path, NEW.encode())
    monkeypatch.undo()
    assert path.read_text() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_write_the_disk_takes_in_pieces_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, 'write', lambda descriptor, data: write(descriptor, bytes(data)[:3]))
    write_atomically(tmp_path / 'a', NEW.encode())
    assert (tmp_path / 'a').read_text() == NEW


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    for path in (tmp_path / 'pipe', tmp_path):
        with pytest.raises(OSError, match='is not a regular file'):
            write_atomically(path, b'x')
    assert (tmp_path / 'pipe').is_fifo()


def test_a_new_file_has_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    write_atomically(tmp_path / 'a', b'x', 0o600)
    assert (tmp_path / 'a').stat().st_mode & 0o777 == 0o600
