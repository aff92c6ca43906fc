"""Children against real processes: they end when told, when they are killed, and when the app is killed."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
import uvloop

from edgeos.child_output import LINE_LENGTH, LINES_PER_SECOND, LineFeed
from edgeos.processes import PROJECT, ChildProcess, ProcessError, stop_all
from tests.helpers import FakeClock, eventually, eventually_sync, patient

needs_linux = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')
STUBBORN = "trap '' TERM HUP; echo ready; while :; do sleep 0.1; done"


class Lines(list[str]):
    """Collects what a child said."""

    def has(self, text: str) -> bool:
        return any(text in line for line in self)


@pytest.fixture
async def shell() -> AsyncIterator[Callable[..., ChildProcess]]:
    made: list[ChildProcess] = []

    def make(script: str, **options: object) -> ChildProcess:
        made.append(ChildProcess('test', ['sh', '-c', script], **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for child in made:
        child.kill()
    await asyncio.gather(*(child.wait() for child in made if child.is_running))


def python(code: str) -> list[str]:
    return [sys.executable, '-c', textwrap.dedent(code)]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def descriptors() -> int:
    return psutil.Process().num_fds()


# life and end


async def test_lines_of_both_outputs_arrive_and_the_exit_status_is_known(shell: Callable[..., ChildProcess]) -> None:
    lines = Lines()
    child = shell('echo one; echo two >&2; printf three; exit 3', on_line=lines.append)
    await child.start()
    assert child.is_running and child.pid
    assert await child.wait() == 3
    assert lines == ['one', 'two', 'three']
    assert [child.is_running, child.pid, child.returncode] == [False, None, 3]


async def test_the_pid_is_the_program_itself(shell: Callable[..., ChildProcess]) -> None:
    lines = Lines()
    child = shell('echo $$; sleep 60', on_line=lines.append)
    await child.start()
    await eventually(lambda: lines)
    assert lines == [str(child.pid)]
    assert child.pid and os.getsid(child.pid) == os.getpgid(child.pid) == child.pid


async def test_a_child_can_be_started_again(shell: Callable[..., ChildProcess]) -> None:
    lines = Lines()
    child = shell('echo again; exec sleep 60', on_line=lines.append)
    for _ in range(2):
        await child.start()
        await child.stop()
        assert child.returncode == -signal.SIGTERM
    await child.start()
    with pytest.raises(ProcessError, match='test is running already'):
        await child.start()


async def test_a_missing_program_is_said_at_the_start() -> None:
    with pytest.raises(ProcessError, match='no-such-program'):
        await ChildProcess('test', ['no-such-program']).start()
    with pytest.raises(ProcessError, match='never started'):
        await ChildProcess('test', ['sh']).wait()


async def test_stop_asks_before_it_kills(shell: Callable[..., ChildProcess]) -> None:
    lines = Lines()
    child = shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done", on_line=lines.append)
    await child.start()
    await eventually(lambda: lines.has('ready'))
    await child.stop()
    assert (child.returncode, lines[-1]) == (0, 'bye')


async def test_closing_the_input_is_the_first_request() -> None:
    child = ChildProcess('test', ['sh', '-c', 'cat; exit 5'], with_input=True)
    await child.start()
    await child.stop(term_after=5, kill_after=6)
    assert child.returncode == 5


@pytest.mark.parametrize('kill_after', [0.3, 0.8])
async def test_stop_kills_a_child_that_ignores_the_request(
    shell: Callable[..., ChildProcess], kill_after: float
) -> None:
    lines = Lines()
    child = shell(STUBBORN, on_line=lines.append)
    await child.start()
    await eventually(lambda: lines.has('ready'))
    began = time.monotonic()
    await child.stop(term_after=0.1, kill_after=kill_after)
    assert kill_after <= time.monotonic() - began < kill_after + 2
    assert child.returncode == -signal.SIGKILL


async def test_the_whole_group_ends_with_the_child(shell: Callable[..., ChildProcess]) -> None:
    lines = Lines()
    child = shell(f'sh -c "{STUBBORN.replace("echo ready", "echo $$")}" & exec sleep 60', on_line=lines.append)
    await child.start()
    grandchild = int((await eventually(lambda: lines))[0])
    assert is_alive(grandchild)
    await child.stop()
    await eventually(lambda: not is_alive(grandchild))


async def test_what_a_child_leaves_behind_at_its_own_end_is_swept() -> None:
    lines = Lines()
    code = "import subprocess; print(subprocess.Popen(['sleep', '60'], close_fds=True).pid)"
    child = ChildProcess('test', python(code), on_line=lines.append)
    await child.start()
    assert await child.wait() == 0
    await eventually(lambda: not is_alive(int(lines[0])))


async def test_twenty_children_stop_side_by_side() -> None:
    seen = Lines()
    children = [ChildProcess(f'child {n}', ['sh', '-c', STUBBORN], on_line=seen.append) for n in range(20)]
    for child in children:
        await child.start()
    await eventually(lambda: len(seen) == 20)
    began = time.monotonic()
    await stop_all(children)
    assert time.monotonic() - began < patient(2)
    assert {child.returncode for child in children} == {-signal.SIGKILL}


async def test_a_suspended_child_can_go_on_and_can_be_asked_to_stop(shell: Callable[..., ChildProcess]) -> None:
    lines = Lines()
    child = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done", on_line=lines.append)
    await child.start()
    await eventually(lambda: lines)
    process = psutil.Process(child.pid)
    child.suspend()
    await eventually(lambda: process.status() == psutil.STATUS_STOPPED)
    child.resume()
    await eventually(lambda: process.status() != psutil.STATUS_STOPPED)
    child.suspend()
    await child.stop()
    assert child.returncode == 7


async def test_descriptors_and_threads_come_back(shell: Callable[..., ChildProcess]) -> None:
    before = descriptors()
    for _ in range(5):
        child = shell('echo x', with_input=True)
        await child.start()
        await child.wait()
    await eventually(lambda: descriptors() == before)


async def test_signals_that_python_ignores_are_normal_in_the_child(shell: Callable[..., ChildProcess]) -> None:
    lines = Lines()
    child = shell('yes | head -1; grep SigIgn /proc/self/status', on_line=lines.append)
    await child.start()
    await child.wait()
    assert int(lines[-1].split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0


# the app's death

APP = """
    import asyncio, os, sys
    from edgeos.processes import ChildProcess
    async def main():
        child = ChildProcess('test', ['sh', '-c', '''{script}'''], on_line=lambda line: print(line, flush=True))
        await child.start()
        await asyncio.sleep(60)
    asyncio.run(main())
"""


def start_app(script: str) -> tuple['subprocess.Popen[str]', list[int]]:
    """An app with one child, which prints its own pid and those of its children."""
    code = textwrap.dedent(APP).replace('{script}', script)
    app = subprocess.Popen([sys.executable, '-c', code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert app.stdout
    pids = [int(pid) for pid in app.stdout.readline().split()]
    return app, pids


def end(app: 'subprocess.Popen[str]', number: int) -> None:
    app.send_signal(number)
    app.wait(5)
    if app.stdout:
        app.stdout.close()


@needs_linux
def test_the_group_dies_with_a_killed_app() -> None:
    app, pids = start_app("trap '' TERM HUP; sleep 60 & one=$!; sleep 61 & echo $$ $one $!; wait")
    assert len(pids) == 3 and all(is_alive(pid) for pid in pids)
    end(app, signal.SIGKILL)
    eventually_sync(lambda: not any(is_alive(pid) for pid in pids), timeout=1)


@needs_linux
def test_a_child_that_closed_all_its_descriptors_dies_with_a_killed_app() -> None:
    closing = 'import os, time; print(os.getpid(), flush=True); os.closerange(0, 1000); time.sleep(60)'
    app, pids = start_app(f'exec {sys.executable} -c "{closing}"')
    end(app, signal.SIGKILL)
    eventually_sync(lambda: not is_alive(pids[0]), timeout=1)


@needs_linux
def test_a_child_that_forgot_its_parents_death_signal_dies_with_a_killed_app() -> None:
    forgetting = 'import ctypes, os, time; ctypes.CDLL(None).prctl(1, 0); print(os.getpid(), flush=True); time.sleep(9)'
    app, pids = start_app(f'exec {sys.executable} -c "{forgetting}"')
    end(app, signal.SIGKILL)
    eventually_sync(lambda: not is_alive(pids[0]), timeout=1)


def test_the_child_ends_with_an_interrupted_app() -> None:
    app, pids = start_app("trap '' TERM HUP INT; echo $$; while :; do sleep 0.1; done")
    end(app, signal.SIGINT)
    eventually_sync(lambda: not is_alive(pids[0]), timeout=1)


# output and input


async def test_a_flood_of_output_blocks_nobody(shell: Callable[..., ChildProcess]) -> None:
    lines = Lines()
    child = shell('yes a line of a flood', on_line=lines.append)
    await child.start()
    await eventually(lambda: lines)
    before, worst, end_at = psutil.Process().memory_info().rss, 0.0, time.monotonic() + 2
    while time.monotonic() < end_at:
        turn = time.thread_time()  # of CPU: a busy machine keeps us waiting longer
        await asyncio.sleep(0.001)
        worst = max(worst, time.thread_time() - turn)
    assert worst < patient(0.05)
    assert len(lines) <= 4 * (LINES_PER_SECOND + 1)
    assert lines.has('left out')
    assert psutil.Process().memory_info().rss - before < 5_000_000
    await child.stop()


async def test_a_child_behind_a_flood_still_ends_by_itself() -> None:
    lines = Lines()
    code = "import sys\nfor n in range(20000): print('x' * 50, n)\nprint('last', file=sys.stderr)"
    child = ChildProcess('test', python(code), on_line=lines.append)
    await child.start()
    assert await asyncio.wait_for(child.wait(), 10) == 0
    assert lines[-1].endswith('left out)')


async def test_an_endless_line_is_cut(shell: Callable[..., ChildProcess]) -> None:
    lines = Lines()
    child = shell("head -c 2000000 /dev/zero | tr '\\0' x; echo; echo after", on_line=lines.append)
    await child.start()
    await child.wait()
    assert lines == ['x' * LINE_LENGTH, 'after']


def test_an_endless_line_costs_no_memory() -> None:
    feed, chunk = LineFeed(lambda line: None, FakeClock()), b'x' * 65_536
    tracemalloc.start()
    for _ in range(200):
        feed.feed(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_lines_are_cut_decoded_and_counted() -> None:
    clock, lines = FakeClock(), Lines()
    feed = LineFeed(lines.append, clock)
    feed.feed('grün\r\n'.encode() + b'\xff broken\nhalf')
    feed.feed(b' and half\n' + 'ü'.encode() * 3000 + b'\n')
    assert lines == ['grün', '\ufffd broken', 'half and half', 'ü' * LINE_LENGTH]
    feed.feed(b'x\n' * 1000)
    assert len(lines) == LINES_PER_SECOND
    clock.advance(1)
    feed.feed(b'y\n')
    assert lines[-2:] == ['(804 more lines in a second: left out)', 'y']


async def test_lines_reach_the_child_and_a_deaf_child_blocks_nobody(shell: Callable[..., ChildProcess]) -> None:
    lines = Lines()
    talker = shell('exec cat', on_line=lines.append, with_input=True)
    await talker.start()
    assert talker.send_line('grüß dich')
    await eventually(lambda: lines == ['grüß dich'])
    await talker.stop()
    assert not talker.send_line('gone')
    deaf = shell('exec sleep 60', with_input=True)
    await deaf.start()
    assert not all(deaf.send_line('x' * 4000) for _ in range(100))
    with pytest.raises(ValueError, match='4097 bytes'):
        deaf.send_line('x' * 4096)


async def test_descriptors_are_passed_on() -> None:
    read_end, write_end = os.pipe()
    code = f"import os; os.write({write_end}, b'through')"
    child = ChildProcess('test', python(code), pass_fds=(write_end,))
    await child.start()
    await child.wait()
    os.close(write_end)
    assert os.read(read_end, 100) == b'through'
    os.close(read_end)


def test_it_works_on_the_servers_event_loop(tmp_path: Path) -> None:
    async def story() -> None:
        lines = Lines()
        child = ChildProcess('test', ['sh', '-c', 'pwd; read x; echo $x; sleep 60 & exec sleep 60'],
                             cwd=tmp_path, on_line=lines.append, with_input=True)  # fmt: skip
        await child.start()
        child.send_line('hello')
        await eventually(lambda: len(lines) == 2)
        await child.stop()
        assert (lines, child.returncode) == ([str(tmp_path), 'hello'], -signal.SIGTERM)

    uvloop.run(story())


async def test_it_works_without_process_descriptors(
    shell: Callable[..., ChildProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, 'pidfd_open', raising=False)
    child = shell('exit 4')
    await child.start()
    assert await child.wait() == 4
    stubborn = shell(STUBBORN)
    await stubborn.start()
    await stubborn.stop(kill_after=0.2)
    assert stubborn.returncode and stubborn.returncode < 0
