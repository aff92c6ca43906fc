"""However the app ends, no process of ours stands still afterwards; and the same without any right of root."""
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgeos.limiter import ResourceLimiter
from edgeos.limiter.linux import LinuxView, boot_id
from edgeos.limiter.strays import StrayFile
from edgeos.processes import PROJECT
from tests.bench import hogs
from tests.helpers import eventually_sync, patient
from tests.limiter.helpers import NOBODY, carriers, identity, is_root, never_stopped, python_for, states, view
from tests.plc import Plc

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')


@contextmanager
def app(how: str, strays: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The app and its hog, which stands still."""
    process = subprocess.Popen([sys.executable, '-m', 'tests.limiter.app', how, str(strays)], cwd=PROJECT,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    pid = 0
    try:
        assert process.stdout
        pid = int(process.stdout.readline())
        yield process, pid
    finally:
        process.kill()
        process.wait()
        if pid and how != 'child':
            for left in [*hogs.descendants(pid), pid]:
                with view() as look:
                    stat = look.stat(left)
                if stat and stat.session == pid:
                    os.kill(left, signal.SIGKILL)


def test_a_child_that_stands_still_dies_with_the_killed_app(tmp_path: Path) -> None:
    with app('child', tmp_path / 'limiter.json') as (process, pid):
        process.kill()
        eventually_sync(lambda: hogs.state(pid) in ('', 'Z'), timeout=3)


def test_what_a_killed_app_left_standing_is_swept_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / 'limiter.json'
    with app('bare', path) as (process, pid):
        children = hogs.descendants(pid)
        process.kill()
        process.wait()
        os.kill(pid, signal.SIGSTOP)  # as it most likely is already
        limiter = ResourceLimiter(strays=path)
        limiter.start_monitoring()
        try:
            eventually_sync(lambda: all(hogs.state(left) in ('', 'Z') for left in (pid, *children)))
            eventually_sync(lambda: json.loads(path.read_bytes())['processes'] == [])
        finally:
            limiter.shutdown()


def test_a_daemon_of_a_killed_app_is_swept_too_wherever_it_went(tmp_path: Path) -> None:
    path = tmp_path / 'limiter.json'
    with app('daemon', path) as (process, pid):
        daemon = eventually_sync(lambda: next((each for each in carriers(f'daemon-{tmp_path}') if each != pid), None))
        process.kill()
        process.wait()
        os.kill(pid, signal.SIGKILL)  # only what left the tree is there
        limiter = ResourceLimiter(strays=path)
        limiter.start_monitoring()
        try:
            eventually_sync(lambda: hogs.state(daemon) in ('', 'Z'))
        finally:
            limiter.shutdown()


def test_the_list_is_written_once_for_a_registration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr('edgeos.limiter.strays.write_atomically', lambda *args: written.append(
        threading.current_thread().name))  # fmt: skip
    limiter = ResourceLimiter(check_interval=0.05, strays=tmp_path / 'limiter.json')
    limiter.start_monitoring()
    try:
        with hogs.hog('sessions') as process:
            limiter.add_process(process.pid, 'with children in groups of their own')
            eventually_sync(lambda: limiter.get_stats()['processes'][process.pid]['processes'] == 4)
            time.sleep(0.5)  # some more looks
            assert len(written) <= 2 and set(written) == {'limiter strays'}  # the first may be of nobody
    finally:
        limiter.shutdown()


def test_a_disk_that_hangs_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr('edgeos.limiter.strays.write_atomically', lambda *_: gate.wait(20))
    limiter = ResourceLimiter(check_interval=0.1, strays=tmp_path / 'limiter.json')
    limiter.start_monitoring()
    try:
        with hogs.hog('quiet') as process:
            limiter.add_process(process.pid, 'quiet')
            eventually_sync(lambda: limiter.get_stats()['processes'][process.pid]['memory_mb'])
            began = time.monotonic()
            limiter.shutdown()
            assert time.monotonic() - began < patient(2)
    finally:
        gate.set()
        limiter.shutdown()


STARVED = """
import os, resource, sys, time
from edgeos.limiter import ResourceLimiter
from edgeos.limiter.duty_cycle import DutyCycle
from edgeos.limiter.linux import LinuxView
limiter = ResourceLimiter(5, 0.1, make_mechanisms=lambda: [DutyCycle(LinuxView)])
limiter.start_monitoring()
limiter.add_process(int(sys.argv[1]), 'hog')
while not limiter.get_stats()['throttled']:
    time.sleep(0.01)
most = resource.getrlimit(resource.RLIMIT_NOFILE)
for number in (None, 3, most[0]):
    if number is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, most[1]))
    print(number, flush=True)
    sys.stdin.readline()
limiter.shutdown()
"""


def test_an_app_without_descriptors_leaves_nobody_standing_still_and_holds_again_later() -> None:
    with hogs.hog('spin') as process:
        app = subprocess.Popen([sys.executable, '-c', STARVED, str(process.pid)], cwd=PROJECT, text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        try:
            assert app.stdin and app.stdout

            def proceed() -> None:
                app.stdin.write('\n')
                app.stdin.flush()
                app.stdout.readline()

            app.stdout.readline()
            eventually_sync(lambda: hogs.state(process.pid) == 'T')
            proceed()
            eventually_sync(lambda: never_stopped(process.pid, 0.8), timeout=15)
            proceed()
            eventually_sync(lambda: hogs.state(process.pid) == 'T')
            app.stdin.write('\n')
            _, said = app.communicate(timeout=10)
            assert app.returncode == 0 and said.count('limiter duty cycle') == 1, said
            assert never_stopped(process.pid)
        finally:
            app.kill()
            app.communicate()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_app_ends_cleanly_while_a_worker_stands_still_and_so_does_what_left_it(tmp_path: Path, number: int) -> None:
    plc = Plc().start()
    (tmp_path / 'settings.toml').write_text(
        '[limits]\ncpu_percent = 1.0\ncheck_interval = 0.1\n\n[[connections]]\nid = "plc"\ntype = "plc"\n'
        f'config = {{ host = "{plc.address}", poll_ms = 50, symbols = ["**"] }}\n')  # fmt: skip
    process = subprocess.Popen([sys.executable, str(PROJECT / 'main.py'), '--headless', '--port', '0'], cwd=tmp_path,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    try:
        worker = eventually_sync(lambda: next((pid for pid in hogs.descendants(process.pid)
                                               if hogs.state(pid) == 'T'), None), timeout=15, interval=0.002)
        marker = next(entry[12:] for entry in Path(f'/proc/{worker}/environ').read_text().split('\0')
                      if entry.startswith('EDGEOS_TREE='))  # fmt: skip
        with hogs.hog('quiet', env={**os.environ, 'EDGEOS_TREE': marker}) as left:
            eventually_sync(lambda: left.pid in carriers(marker))
            began = time.monotonic()
            process.send_signal(number)
            assert process.wait(15) == 0
            assert time.monotonic() - began < patient(5)
            eventually_sync(lambda: hogs.state(worker) == '')
            assert left.wait(1) == -9
    finally:
        process.kill()
        process.communicate()
        plc.stop()


def test_the_end_of_the_interpreter_lets_everything_go_on(tmp_path: Path) -> None:
    with app('raise', tmp_path / 'limiter.json') as (process, pid):
        assert process.wait(10) == 3
        eventually_sync(lambda: states(pid) == {'S', 'R'})  # the root waits for its children, once it is awake


def test_the_list_holds_what_is_registered_now(tmp_path: Path) -> None:
    path = tmp_path / 'limiter.json'
    limiter = ResourceLimiter(check_interval=0.1, strays=path)
    limiter.start_monitoring()
    try:
        with hogs.hog('quiet') as process:
            limiter.add_process(process.pid, 'quiet one')
            eventually_sync(path.exists)
            found = json.loads(path.read_bytes())
            expected = identity(process.pid)
            assert found == {'boot': boot_id(), 'processes': [[expected.pid, expected.start, 'quiet one', '']]}
            limiter.remove_process(process.pid)
            eventually_sync(lambda: json.loads(path.read_bytes())['processes'] == [])
    finally:
        limiter.shutdown()


def test_a_sweep_never_touches_another_process(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / 'limiter.json'
    with hogs.hog('quiet') as process:
        start = identity(process.pid).start
        for content in (
            {'boot': boot_id(), 'processes': [[process.pid, start - 1, 'its number has gone to another', '']]},
            {'boot': 'another start of the system', 'processes': [[process.pid, start, 'x', '']]},
            {'boot': boot_id(), 'processes': [[os.getpid(), identity(os.getpid()).start, 'the app itself', '']]},
            {'boot': boot_id(), 'processes': [[process.pid, start - 1, 'another mark', 'EDGEOS_TREE=other']]},
        ):
            path.write_text(json.dumps(content))
            StrayFile(path).sweep(LinuxView)
        for broken in ('', '[]', '{"boot": 1}', 'nonsense', json.dumps({'boot': boot_id(), 'processes': [7]})):
            path.write_text(broken)
            assert StrayFile(path).sweep(LinuxView) == []
        assert process.poll() is None
        assert 'cannot be read' in caplog.text
        assert StrayFile(tmp_path / 'absent').sweep(LinuxView) == []


def test_a_full_disk_costs_the_list_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    limiter = ResourceLimiter(check_interval=0.1, strays=tmp_path / 'absent' / 'limiter.json')
    limiter.start_monitoring()
    try:
        with hogs.hog('quiet') as process:
            limiter.add_process(process.pid, 'quiet')
            eventually_sync(lambda: 'cannot be kept' in caplog.text)
            eventually_sync(lambda: limiter.get_stats()['processes'][process.pid]['memory_mb'])
    finally:
        limiter.shutdown()


@pytest.mark.skipif(not is_root(), reason='platform: only root can become another user')
def test_it_works_without_any_rights() -> None:
    python = python_for(NOBODY)
    if python is None:
        pytest.skip('platform: no Python here that another user may run')
    done = subprocess.run([*NOBODY, python, '-m', 'tests.limiter.nobody'], cwd=PROJECT, timeout=30,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found['uid'] == 65534
    got, could = min(found['got'], key=lambda share: abs(share[0] - 20))
    assert got <= 23 and could >= 17
    assert 'T' not in found['states'] and len(found['states']) == 4


@pytest.mark.skipif(not is_root(), reason='platform: only root can start a process of another user')
def test_a_process_of_another_user_is_shown_as_not_held() -> None:
    code = (
        'import sys, time\n'
        'from edgeos.limiter import ResourceLimiter\n'
        'limiter = ResourceLimiter(5, 0.1)\n'
        'limiter.start_monitoring()\n'
        'pid = int(sys.argv[1])\n'
        'limiter.add_process(pid, "of root")\n'
        'while not (row := limiter.get_stats()["processes"][pid])["warnings"]: time.sleep(0.02)\n'
        'print(row["mechanism"], row["warnings"])\n'
        'limiter.shutdown()\n'
    )
    python = python_for(NOBODY)
    if python is None:
        pytest.skip('platform: no Python here that another user may run')
    with hogs.hog('spin') as process:
        done = subprocess.run([*NOBODY, python, '-c', code, str(process.pid)], cwd=PROJECT, timeout=30,
                              capture_output=True, text=True)  # fmt: skip
        assert done.stdout.startswith('none '), done.stderr
        assert 'may not be stopped' in done.stdout
        assert hogs.state(process.pid) == 'R'
