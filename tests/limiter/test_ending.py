"""Trees that end, wholly: also what an empty environment hides, and while something keeps us from looking."""
import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edgeos.limiter.linux import LinuxView, boot_id
from edgeos.limiter.sample import Tree
from edgeos.limiter.strays import StrayFile
from edgeos.limiter.views import Identity, Stat
from tests.bench import hogs
from tests.helpers import eventually_sync
from tests.limiter.helpers import Make, identity, row
from tests.limiter.scripted import PID, START, ScriptedView

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')
LEAVE = '''
import os, sys, time
time.sleep(float(sys.argv[1]))
if os.fork() == 0:
    if os.fork() == 0:
        os.setpgid(0, 0)
        print(os.getpid(), flush=True)
        os.execve('/bin/sleep', ['sleep', '600'], {})
    os._exit(0)
os.wait()
time.sleep(600)
'''


class Blind(LinuxView):
    """Cannot look at some processes, as without descriptors."""

    pids: set[int] = set()

    def stat(self, pid: int) -> Stat | None:
        if pid in self.pids:
            raise OSError(errno.EMFILE, 'Too many open files')
        return super().stat(pid)

    def newcomers(self) -> list[Stat]:
        """All but those."""
        hidden, self.pids = self.pids, set()
        try:
            return [stat for stat in super().newcomers() if stat.pid not in hidden]
        finally:
            del self.pids


@pytest.fixture(autouse=True)
def sighted() -> Iterator[None]:
    Blind.pids = set()
    yield
    Blind.pids = set()


def is_gone(pid: int) -> bool:
    return hogs.state(pid) in ('', 'Z')


@pytest.mark.parametrize('is_ours', [True, False])
@pytest.mark.parametrize('interval', [0.05, 30])
def test_who_hides_in_a_group_of_its_own_with_an_empty_environment_ends_too(make: Make, is_ours: bool,
                                                                            interval: float) -> None:  # fmt: skip
    env = {key: value for key, value in os.environ.items() if key != 'EDGEOS_TREE'} | (
        {'EDGEOS_TREE': 'ours'} if is_ours else {})  # fmt: skip
    process = subprocess.Popen([sys.executable, '-c', LEAVE, '0'], env=env, stdout=subprocess.PIPE, start_new_session=True)
    left = 0
    try:
        assert process.stdout
        left = int(process.stdout.readline())
        eventually_sync(lambda: Path(f'/proc/{left}/cmdline').read_bytes().startswith(b'sleep'))
        limiter = make(check_interval=interval)
        limiter.add_process(process.pid, 'hides', marker=b'EDGEOS_TREE=ours' if is_ours else None)
        process.kill()
        process.wait()
        limiter.end_process(process.pid)
        eventually_sync(lambda: is_gone(left))
    finally:
        process.kill()
        with suppress(ProcessLookupError):
            os.kill(left or process.pid, 9)
        process.communicate()


def test_one_tree_that_cannot_be_looked_at_keeps_no_other_from_its_end_and_ends_later(make: Make) -> None:
    limiter = make(check_interval=0.05, make_view=Blind)
    with hogs.hog('tree') as one, hogs.hog('tree') as other:
        for process in (one, other):
            limiter.add_process(process.pid, 'tree')
            eventually_sync(lambda process=process: row(limiter, process.pid)['processes'] == 4)
        Blind.pids = {hogs.descendants(one.pid)[0]}
        (unseen,) = Blind.pids
        limiter.end_process(one.pid)
        limiter.end_process(other.pid)
        assert other.wait(5) == -9
        assert hogs.state(unseen) != 'T'
        Blind.pids = set()
        assert one.wait(5) == -9
        eventually_sync(lambda: is_gone(unseen))


def test_one_that_was_never_looked_at_is_ended_as_soon_as_it_can_be(make: Make) -> None:
    limiter = make(check_interval=30, make_view=Blind)
    with hogs.hog('quiet') as one, hogs.hog('quiet') as other:
        limiter.add_process(one.pid, 'one')
        Blind.pids = {one.pid}
        limiter.add_process(other.pid, 'other')
        limiter.end_process(one.pid)
        limiter.end_process(other.pid)
        assert other.wait(5) == -9
        Blind.pids = set()
        assert one.wait(5) == -9


class BlindAfter(LinuxView):
    """Sees everybody so often, and then nobody."""

    left = 10_000

    def stat(self, pid: int) -> Stat | None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.EMFILE, 'Too many open files')
        return super().stat(pid)

    def open_pidfd(self, identity: Identity) -> int | None:
        return None


@pytest.mark.parametrize('looks', range(16))
def test_a_kill_that_goes_blind_half_way_ends_those_it_was_sure_of_and_leaves_nobody_standing_still(looks: int) -> None:
    view = BlindAfter()
    with subprocess.Popen(hogs.command('tree')) as process:  # in the group of these tests: there is none to kill at once
        eventually_sync(lambda: len(hogs.descendants(process.pid)) == 3)
        members = [process.pid, *hogs.descendants(process.pid)]
        tree = Tree(view, identity(process.pid))
        view.left = looks
        try:
            with suppress(OSError):
                tree.kill()
            view.left = 10_000
            eventually_sync(lambda: 'T' not in {hogs.state(pid) for pid in members})
            if looks >= len(members):
                eventually_sync(lambda: all(is_gone(pid) for pid in members), timeout=2)
        finally:
            for pid in members:
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
        view.close()


def test_an_entry_that_cannot_be_ended_stays_in_the_file_and_the_others_end(tmp_path: Path) -> None:
    path = tmp_path / 'processes.json'
    with hogs.hog('quiet') as one, hogs.hog('quiet') as other:
        entries = [[process.pid, identity(process.pid).start, name, ''] for process, name in ((one, 'one'), (other, 'other'))]
        path.write_text(json.dumps({'boot': boot_id(), 'processes': entries}))
        Blind.pids = {one.pid}
        strays = StrayFile(path)
        assert strays.sweep(Blind) == ['other']
        assert other.wait(5) == -9 and one.poll() is None
        strays.keep(frozenset())
        eventually_sync(lambda: json.loads(path.read_bytes())['processes'] == entries[:1])
        Blind.pids = set()
        assert StrayFile(path).sweep(Blind) == ['one']
        assert one.wait(5) == -9


@pytest.mark.parametrize('way', ['refresh', 'consume'])
def test_who_is_in_the_session_of_one_that_got_a_members_number_is_a_stranger(way: str) -> None:
    view = ScriptedView()
    stamp = view.stamp()
    view.put(PID)
    view.put(PID + 1, parent=PID, session=PID + 1)
    tree = Tree(view, Identity(PID, START))
    view.put(PID + 1, start=stamp - 50, session=PID + 1)  # another one
    view.put(PID + 2, start=stamp - 40, session=PID + 1)  # what that one has started
    view.put(PID + 3, start=stamp - 90, session=PID + 1)  # what the member has left
    tree._members[PID + 1].cpu = 1.0
    getattr(tree, way)()
    tree.adopt(view.newcomers())
    assert {member.pid for member in tree.roster} == {PID, PID + 3}
