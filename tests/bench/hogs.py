"""python tests/bench/hogs.py KIND: processes that want more than they should get, and a meter for what they got.

Standard library only, so that any user's Python can run it.
"""
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TICK = os.sysconf('SC_CLK_TCK')
NEVER = 3600.0


def spin(seconds: float = NEVER) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        for _ in range(2000):
            pass


def child(work, *, own_session: bool = False) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            if own_session:
                os.setsid()
            work()
        finally:
            os._exit(0)
    return pid


def wait_for_children() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def threads() -> None:
    """Two that really run at once, since this function lets the interpreter go."""
    threading.Thread(target=digest, daemon=True).start()
    digest()


def digest() -> None:
    while True:
        hashlib.pbkdf2_hmac('sha256', b'a', b'b', 5_000)


def tree() -> None:
    for _ in range(3):
        child(spin)
    wait_for_children()


def sessions() -> None:
    for _ in range(3):
        child(spin, own_session=True)
    wait_for_children()


def churn(life: float = 0.06) -> None:
    """One short-lived child after the other."""
    while True:
        os.waitpid(child(lambda: spin(life)), 0)


def brood() -> None:
    """About 200 children a second, 4 ms of work each, two at once."""
    for _ in range(2):
        child(lambda: churn(0.004))
    wait_for_children()


def daemon() -> None:
    """A grandchild that leaves: another session, its parent gone."""
    def leave() -> None:
        os.setsid()
        child(spin)
    os.waitpid(child(leave), 0)
    time.sleep(NEVER)


def orphan() -> None:
    """A grandchild whose parent is gone, still in the root's session."""
    os.waitpid(child(lambda: child(spin)), 0)
    time.sleep(NEVER)


def late() -> None:
    """A child that is known for long when it makes a session, a hog there, and goes at once; says who the hog is."""
    def leave() -> None:
        time.sleep(1.5)
        os.setsid()
        print(child(spin), flush=True)
    os.waitpid(child(leave), 0)
    time.sleep(NEVER)


def bomb() -> None:
    """As fast as it can, though not without end: this is a test."""
    for _ in range(300):
        child(lambda: time.sleep(60))
    time.sleep(60)


def zombies() -> None:
    """Children that have ended and that it never waits for."""
    for _ in range(60):
        child(lambda: None)
    time.sleep(NEVER)


def blocks_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    spin()


def grow(mb: int) -> None:
    """Takes so many MB, for good."""
    kept = bytearray(mb << 20)
    for offset in range(0, len(kept), 4096):
        kept[offset] = 1
    print('grown', flush=True)
    time.sleep(NEVER)


def quiet() -> None:
    time.sleep(NEVER)


KINDS = {work.__name__: work
         for work in (spin, threads, tree, sessions, churn, brood, daemon, orphan, late, bomb, zombies, blocks_signals,
                      quiet)}  # fmt: skip


def command(kind: str, *arguments: object, python: str = sys.executable) -> list[str]:
    return [python, '-I', '-S', str(Path(__file__).resolve()), kind, *map(str, arguments)]


@contextmanager
def hog(kind: str, *arguments: object, prefix: tuple[str, ...] = (), python: str = sys.executable,
        env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """One in a session of its own, as children of the app are; all of it ends with the block."""
    process = subprocess.Popen([*prefix, *command(kind, *arguments, python=python)], start_new_session=True, env=env,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # fmt: skip
    try:
        yield process
    finally:
        for pid in [*descendants(process.pid), process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        process.stdout.close()


def fields(pid: int) -> list[bytes]:
    """Of /proc/<pid>/stat, from the state on."""
    return Path(f'/proc/{pid}/stat').read_bytes().rsplit(b')', 1)[1].split()


def state(pid: int) -> str:
    """'R', 'S', 'T' (stopped), 'Z'; '' when it is gone."""
    try:
        return fields(pid)[0].decode()
    except (OSError, IndexError):
        return ''


def descendants(pid: int) -> list[int]:
    found = []
    try:
        for thread in os.listdir(f'/proc/{pid}/task'):
            for number in Path(f'/proc/{pid}/task/{thread}/children').read_text().split():
                found += [int(number), *descendants(int(number))]
    except OSError:
        pass
    return found


def cpu(pid: int) -> float:
    """CPU time in s of a tree so far: living members and, through their parents, ended ones. Knows nothing of ours."""
    return sorted(_cpu(pid) for _ in range(3))[1]  # a child that ends between two looks is seen twice, or not at all


def _cpu(pid: int) -> float:
    total = 0.0
    for member in [pid, *descendants(pid)]:
        try:
            total += time.clock_gettime_ns(~member << 3 | 2) * 1e-9 + sum(map(int, fields(member)[13:15])) / TICK
        except (OSError, IndexError):
            continue
    return total


def waited(pid: int) -> float:
    """Seconds in which the tree's living members would have run, had others not had the cores."""
    total = 0.0
    for member in [pid, *descendants(pid)]:
        try:
            for thread in os.listdir(f'/proc/{member}/task'):
                total += int(Path(f'/proc/{member}/task/{thread}/schedstat').read_text().split()[1]) * 1e-9
        except (OSError, IndexError):
            continue
    return total


if __name__ == '__main__':
    if sys.argv[1] == 'grow':
        grow(int(sys.argv[2]))
    KINDS[sys.argv[1]]()
