"""Child processes that never outlive the app, and all platform-specific process code.

Each child gets a session and process group of its own. The group ends with `stop()`, with its leader, and with the
app, also when the app is killed (Linux, see child_shim.py; elsewhere a child should end when its input closes).
"""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil

from edgeos.child_output import LineFeed, feed_from_pipe, feed_from_thread

INPUT_LINE_BYTES = 4_096  # what a pipe takes whole or not at all

_DRAIN_LIMIT = 0.3  # s for the last output after the exit; a detached grandchild may hold the pipe open for ever
_GIVE_UP = 1.0  # s after SIGKILL; only a process stuck in the kernel takes longer
PROJECT = Path(__file__).resolve().parent.parent  # where the app's own modules are found

# One thread for all, because a child is told to die with the thread that started it: this one lives as long as the app.
# The event loop's would do too, but starting takes up to 40 ms on a busy machine.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix='spawner')
_KILL = getattr(signal, 'SIGKILL', -9)  # Windows has no such signals, only such actions
_SUSPEND = getattr(signal, 'SIGSTOP', -19)
_RESUME = getattr(signal, 'SIGCONT', -18)
TREE = 'EDGEOS_TREE'  # in the environment of a child and of all it starts: the limiter finds those that left it
_SHIM = Path(__file__).with_name('child_shim.py')

log = logging.getLogger(__name__)


class ProcessError(Exception):
    """Raised when a child process cannot be started, or is used before it was."""


class ChildProcess:
    """One program, started and stopped any number of times.

    `on_line` gets each line of stdout and stderr on the event loop and must not raise. `pass_fds` stay open in the
    child under the same numbers (not on Windows). With `with_input` the child's stdin is a pipe for `send_line`, which
    also closes when the app ends; otherwise stdin is empty.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
        on_line: Callable[[str], None] | None = None,
        with_input: bool = False,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.returncode: int | None = None
        self.was_killed = False  # by us: no crash
        self.before_stop: Callable[[], None] = _nothing  # whoever may hold it lets it go, or it could not obey
        self.after_end: Callable[[], None] = _nothing  # and ends what it leaves behind
        self.marker = b''  # of its last start; as it stands in the environment of all that came from it
        self._env = env
        self._cwd = cwd
        self._pass_fds = tuple(pass_fds)
        self._on_line = on_line or (lambda line: log.debug('%s: %s', name, line))
        self._with_input = with_input
        self._popen: subprocess.Popen[bytes] | None = None
        self._lifeline: int | None = None
        self._spawned: asyncio.Future[None] | None = None
        self._supervision: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._supervision is not None and not self._supervision.done()

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen and self.returncode is None else None

    async def start(self) -> None:
        """Start the program; raises ProcessError when it is running already or cannot be started."""
        if self.is_running:
            raise ProcessError(f'{self.name} is running already')
        if not shutil.which(self.argv[0]):
            raise ProcessError(f'{self.name}: program {self.argv[0]!r} not found')
        self._popen = self.returncode = None
        self.was_killed = False
        self.before_stop = self.after_end = _nothing
        self._spawned = asyncio.get_running_loop().create_future()
        self._supervision = asyncio.create_task(self._live(self._spawned), name=f'child {self.name}')
        await asyncio.shield(self._spawned)

    async def stop(self, term_after: float = 0.0, kill_after: float = 1.5) -> None:
        """Close the input, SIGTERM after `term_after`, SIGKILL after `kill_after` (s, both counted from the call)."""
        if not self.is_running or not self._spawned:
            return
        await asyncio.wait({self._spawned})
        self.before_stop()
        self._close_input()
        if await self._gone_within(term_after):
            return
        self._signal_group(signal.SIGTERM)
        self.resume()  # a stopped process sees SIGTERM only when it goes on
        if not await self._gone_within(kill_after - term_after):
            self.kill()
            if not await self._gone_within(_GIVE_UP):
                log.warning('%s (process %s) does not end after SIGKILL', self.name, self.pid)

    def kill(self) -> None:
        """End the whole group at once; `wait()` tells when it is gone."""
        self.was_killed = True
        self._signal_group(_KILL)

    async def wait(self) -> int:
        """Wait for the end; the exit status, negative for a signal. Raises ProcessError when it was never started."""
        if self._supervision:
            await asyncio.wait({self._supervision})
        if self.returncode is None:
            raise ProcessError(f'{self.name} was never started')
        return self.returncode

    def suspend(self) -> None:
        """Stop the program where it is, as a crashed machine would: sockets stay open, nothing answers."""
        self._signal_group(_SUSPEND)

    def resume(self) -> None:
        """Let a suspended program go on."""
        self._signal_group(_RESUME)

    def send_line(self, line: str) -> bool:
        """Write a line of at most 4 KiB to the child's input; False when it is gone or does not read."""
        data = line.encode() + b'\n'
        if len(data) > INPUT_LINE_BYTES:
            raise ValueError(f'{len(data)} bytes are more than the {INPUT_LINE_BYTES} of an input line')
        if self.pid is None or not self._popen or not self._popen.stdin or self._popen.stdin.closed:
            return False
        try:
            return os.write(self._popen.stdin.fileno(), data) == len(data)
        except (BlockingIOError, BrokenPipeError):
            return False

    def _spawn(self) -> 'subprocess.Popen[bytes]':
        lifeline_end, self._lifeline = os.pipe()
        on_linux = sys.platform == 'linux'
        tree = uuid.uuid4().hex
        self.marker = f'{TREE}={tree}'.encode()
        shim = [sys.executable, '-I', '-S', str(_SHIM), str(os.getpid()), str(lifeline_end)] if on_linux else []
        try:
            popen = subprocess.Popen(
                [*shim, *self.argv],
                bufsize=0,
                stdin=subprocess.PIPE if self._with_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**(os.environ if self._env is None else self._env), TREE: tree},
                cwd=self._cwd,
                pass_fds=(*self._pass_fds, lifeline_end) if on_linux else self._pass_fds,
                start_new_session=True,
                creationflags=getattr(subprocess, 'CREATE_NO_WINDOW', 0),
            )
        except BaseException:
            self._close_lifeline()
            raise
        finally:
            os.close(lifeline_end)
        if popen.stdin and sys.platform != 'win32':
            os.set_blocking(popen.stdin.fileno(), False)
        return popen

    async def _live(self, spawned: asyncio.Future[None]) -> None:
        try:
            self._popen = await asyncio.get_running_loop().run_in_executor(_SPAWNER, self._spawn)
        except OSError as error:
            spawned.set_exception(ProcessError(f'{self.name}: {error}'))
            return
        spawned.set_result(None)
        await self._supervise(self._popen)

    async def _supervise(self, popen: 'subprocess.Popen[bytes]') -> None:
        """From start to end of one life; whatever happens, the group does not survive this task."""
        output = asyncio.create_task(self._read_output(popen), name=f'output of {self.name}')
        try:
            await _exited(popen)
        finally:
            self._signal_group(_KILL)  # the leader is not reaped yet, so its number cannot belong to another group
            self.returncode = popen.wait()
            self.after_end()
            self._close_lifeline()
            self._close_input()
            await asyncio.wait({output}, timeout=_DRAIN_LIMIT)
            output.cancel()

    async def _read_output(self, popen: 'subprocess.Popen[bytes]') -> None:
        assert popen.stdout
        feed = LineFeed(self._on_line)
        try:
            if sys.platform == 'win32':
                loop = asyncio.get_running_loop()
                await _in_thread(partial(feed_from_thread, popen.stdout, feed, loop), f'output of {self.name}')
            else:
                await feed_from_pipe(popen.stdout, feed)
        finally:
            feed.end()

    async def _gone_within(self, seconds: float) -> bool:
        if seconds > 0 and self._supervision:
            await asyncio.wait({self._supervision}, timeout=seconds)
        return not self.is_running

    def _signal_group(self, number: int) -> None:
        if self.pid is not None:
            _signal_group(self.pid, number)

    def _close_input(self) -> None:
        if self._popen and self._popen.stdin:
            self._popen.stdin.close()

    def _close_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None


def _nothing() -> None:
    pass


async def stop_all(children: Iterable[ChildProcess]) -> None:
    """End all of them side by side: SIGTERM at once, SIGKILL after 1.5 s."""
    await asyncio.gather(*(child.stop() for child in children))


def python_module(module: str, *arguments: str) -> list[str]:
    """The argv that runs one of the app's own modules; needs `cwd=PROJECT`."""
    return [sys.executable, '-m', module, *arguments]


def _signal_group(leader: int, number: int) -> None:
    try:
        if sys.platform == 'win32':
            act = {_SUSPEND: psutil.Process.suspend, _RESUME: psutil.Process.resume}.get(number, psutil.Process.kill)
            for process in [*psutil.Process(leader).children(recursive=True), psutil.Process(leader)]:
                act(process)
        else:
            os.killpg(leader, number)
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        pass  # gone, or on macOS: only dead members are left


async def _exited(popen: 'subprocess.Popen[bytes]') -> None:
    """Wait until the process is dead; on Linux without a thread and without reaping it."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(popen.pid)
    except (AttributeError, OSError):  # not Linux, or a kernel before 5.3
        await _in_thread(popen.wait, f'wait for process {popen.pid}')
        return
    dead = asyncio.Event()
    loop.add_reader(descriptor, dead.set)
    try:
        await dead.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def _in_thread(work: Callable[[], object], name: str) -> None:
    """Run work that may take as long as the child lives in a daemon thread of its own."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            work()
            loop.call_soon_threadsafe(done.set)
        except RuntimeError:
            pass  # the loop was closed first: nobody waits any more

    threading.Thread(target=run, name=name, daemon=True).start()
    await done.wait()
