"""What belongs to a tree, and its CPU time, against a meter that knows nothing of ours."""
import errno
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edgeos.limiter.linux import LinuxView
from edgeos.limiter.portable import PortableView
from edgeos.limiter.sample import MEBIBYTE, Tree
from edgeos.limiter.views import Identity, Stat, View
from edgeos.processes import PROJECT
from tests.bench import hogs
from tests.helpers import eventually_sync
from tests.limiter.helpers import identity

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')


@pytest.fixture(params=[LinuxView, PortableView], ids=['linux', 'portable'])
def any_view(request: pytest.FixtureRequest) -> Iterator[View]:
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def view() -> Iterator[LinuxView]:
    made = LinuxView()
    yield made
    made.close()


def root_of(view: View, pid: int) -> Identity:
    stat = view.stat(pid)
    assert stat is not None
    return Identity(pid, stat.start)


@pytest.mark.parametrize(('any_view', 'kind'), [
    *((LinuxView, kind) for kind in ('spin', 'threads', 'tree', 'sessions', 'churn', 'brood')),
    (PortableView, 'threads'), (PortableView, 'churn')], indirect=['any_view'])
def test_the_time_of_the_whole_tree_is_counted_once(any_view: View, kind: str) -> None:
    with hogs.hog(kind) as process:
        eventually_sync(lambda: hogs.cpu(process.pid) > 0.15)
        tree = Tree(any_view, root_of(any_view, process.pid))
        tree.consume()
        before, counted = hogs.cpu(process.pid), 0.0
        while hogs.cpu(process.pid) - before < 0.3:
            time.sleep(0.05)
            tree.refresh()
            counted += tree.consume()
        assert counted == pytest.approx(hogs.cpu(process.pid) - before, rel=0.05, abs=0.04)


def test_children_that_come_and_go_between_two_looks_are_counted(view: LinuxView) -> None:
    with hogs.hog('brood') as process:
        eventually_sync(lambda: hogs.cpu(process.pid) > 0.1)
        tree = Tree(view, identity(process.pid))
        tree.consume()
        before = hogs.cpu(process.pid)
        eventually_sync(lambda: hogs.cpu(process.pid) - before > 0.5, timeout=10)
        tree.refresh()
        assert tree.consume() == pytest.approx(hogs.cpu(process.pid) - before, rel=0.05, abs=0.03)


def test_what_was_used_before_does_not_count(view: LinuxView) -> None:
    with hogs.hog('tree') as process:
        eventually_sync(lambda: hogs.cpu(process.pid) > 0.5)
        tree = Tree(view, identity(process.pid))
        assert len(tree.roster) == 4
        assert tree.consume() < 0.2


def test_grandchildren_in_sessions_of_their_own_belong(any_view: View) -> None:
    with hogs.hog('sessions') as process:
        eventually_sync(lambda: len(hogs.descendants(process.pid)) == 3)
        tree = Tree(any_view, root_of(any_view, process.pid))
        assert {member.pid for member in tree.roster} == {process.pid, *hogs.descendants(process.pid)}


def left_behind(view: LinuxView, tree: Tree, **options: object) -> Iterator[int]:
    """The members that nobody's child leads to, once they are found."""
    tree.refresh()
    tree.adopt(view.newcomers(), **options)  # type: ignore[arg-type]
    return iter([member.pid for member in tree.roster if member.stat.parent not in {m.pid for m in tree.roster}
                 and member.identity != tree.root])  # fmt: skip


def test_an_orphan_in_the_roots_session_is_found(view: LinuxView) -> None:
    view.newcomers()
    with hogs.hog('orphan') as process:
        tree = Tree(view, identity(process.pid))
        orphan = eventually_sync(lambda: next(left_behind(view, tree), None), interval=0.1)
        assert os.getsid(orphan) == process.pid


def test_a_daemon_is_found_by_its_environment(view: LinuxView) -> None:
    view.newcomers()
    with hogs.hog('daemon', env={**os.environ, 'EDGEOS_TREE': 'plugin-1'}) as process:
        tree = Tree(view, identity(process.pid))
        eventually_sync(lambda: view.marker(process.pid) == b'EDGEOS_TREE=plugin-1')  # empty while it is being loaded
        is_marked = lambda pid: view.marker(pid) == b'EDGEOS_TREE=plugin-1'  # noqa: E731
        found = eventually_sync(lambda: next(left_behind(view, tree, is_marked=is_marked), None), interval=0.1)
        assert os.getsid(found) not in (process.pid, os.getsid(0))
        tree.kill()
        eventually_sync(lambda: hogs.state(found) in ('', 'Z'))
        tree.close()


def test_who_was_seen_once_stays_a_member_when_its_parent_goes(view: LinuxView) -> None:
    with hogs.hog('sessions') as process:
        eventually_sync(lambda: len(hogs.descendants(process.pid)) == 3)
        tree = Tree(view, identity(process.pid))
        children = hogs.descendants(process.pid)
        os.kill(process.pid, 9)
        process.wait()
        tree.refresh()
        assert {member.pid for member in tree.roster} == set(children)
        assert tree.is_alive
        tree.kill()
        eventually_sync(lambda: not any(hogs.state(child) in 'RTS' for child in children if hogs.state(child)))
        tree.close()


class Stamped(LinuxView):
    """Gives another time than it is."""

    ago = 0

    def stamp(self) -> int:
        return super().stamp() - self.ago


@pytest.mark.parametrize('ago', [0, 1000])
def test_who_is_in_the_session_of_a_lost_member_belongs_unless_it_is_younger_than_the_loss(ago: int) -> None:
    view = Stamped()
    view.ago = ago
    view.newcomers()
    with hogs.hog('late') as process:
        eventually_sync(lambda: hogs.descendants(process.pid))
        tree = Tree(view, identity(process.pid))
        (leaver,) = hogs.descendants(process.pid)
        left = int(process.stdout.readline())  # type: ignore[union-attr]
        try:
            eventually_sync(lambda: hogs.state(leaver) == '')
            tree.refresh()
            assert [member.pid for member in tree.roster] == [process.pid]
            tree.adopt(view.newcomers())
            assert [member.pid for member in tree.roster] == [process.pid, *([left] if ago == 0 else [])]
        finally:
            os.kill(left, 9)
            tree.close()
            view.close()


def test_neighbours_do_not_belong(view: LinuxView) -> None:
    view.newcomers()
    with hogs.hog('quiet') as one, hogs.hog('quiet') as other:
        tree = Tree(view, identity(one.pid))
        assert other.pid in {stat.pid for stat in view.newcomers()}
        view.newcomers()
        tree.adopt([stat for stat in [view.stat(other.pid), view.stat(os.getpid())] if stat])
        assert [member.pid for member in tree.roster] == [one.pid]


def test_the_app_itself_never_belongs_though_it_descends_from_the_root(view: LinuxView) -> None:
    tree = Tree(view, identity(os.getppid()))
    assert os.getpid() not in {member.pid for member in tree.roster}
    tree.close()


class Renumbered(LinuxView):
    """As if some numbers had gone to younger processes."""

    def __init__(self) -> None:
        super().__init__()
        self.given_away: set[int] = set()

    def stat(self, pid: int) -> Stat | None:
        stat = super().stat(pid)
        return stat._replace(start=stat.start + 1) if stat and pid in self.given_away else stat


def test_a_number_that_went_to_another_process_is_never_touched() -> None:
    view = Renumbered()
    with hogs.hog('tree') as process:
        eventually_sync(lambda: len(hogs.descendants(process.pid)) == 3)
        tree = Tree(view, identity(process.pid))
        stranger = hogs.descendants(process.pid)[0]
        view.given_away = {stranger}
        tree.freeze()
        eventually_sync(lambda: hogs.state(process.pid) == 'T')
        assert hogs.state(stranger) == 'R'
        with pytest.raises(ProcessLookupError):
            view.send(Identity(stranger, tree.root.start), 9)
        tree.thaw()
        view.given_away = set()
    view.close()


def test_a_root_that_is_another_process_by_now_is_an_empty_tree(view: LinuxView) -> None:
    with hogs.hog('spin') as process:
        tree = Tree(view, Identity(process.pid, identity(process.pid).start - 1))
        assert not tree.is_alive
        tree.freeze()
        tree.kill()
        assert hogs.state(process.pid) != 'T' and process.poll() is None


def test_shared_memory_counts_once_where_it_matters(view: LinuxView) -> None:
    with hogs.hog('tree') as process:
        eventually_sync(lambda: len(hogs.descendants(process.pid)) == 3)
        tree = Tree(view, identity(process.pid))
        resident, kind = tree.memory(fair_above=float('inf'))
        fair, fair_kind = tree.memory(fair_above=0)
        assert (kind, fair_kind) == ('rss', 'pss')
        assert MEBIBYTE < fair < 0.7 * resident


def test_time_kept_from_the_cores_is_told(view: LinuxView) -> None:
    """More spinners than cores: together they want more than there is."""
    with hogs.hog('tree') as process:
        eventually_sync(lambda: len(hogs.descendants(process.pid)) == 3)
        os.sched_setaffinity(process.pid, {0})
        for child in hogs.descendants(process.pid):
            os.sched_setaffinity(child, {0})
        tree = Tree(view, identity(process.pid))
        began = time.monotonic()
        total = 0.0
        while time.monotonic() - began < 0.5:
            time.sleep(0.05)
            total += tree.starve()
        assert 0.6 * (time.monotonic() - began) < total  # two of the three wait at any time


def test_the_apps_own_group_is_never_killed() -> None:
    """Its leader may be somebody who is not to live: here the one who started this app."""
    app = ('import os; from edgeos.limiter.linux import LinuxView; from edgeos.limiter.sample import Tree\n'
           'from edgeos.limiter.views import Identity\n'
           'view = LinuxView(); leader = view.stat(os.getpgrp())\n'
           'Tree(view, Identity(leader.pid, leader.start)).kill()\n'
           'print("alive", flush=True)')
    leader = subprocess.Popen([sys.executable, '-c', 'import subprocess, sys; subprocess.run(sys.argv[1:])',
                               sys.executable, '-c', app], cwd=PROJECT, start_new_session=True, stdout=subprocess.PIPE)
    try:
        assert leader.stdout and leader.stdout.readline() == b'alive\n'
        assert leader.wait(5) == -9
    finally:
        leader.kill()
        leader.communicate()


def test_nothing_stays_open(view: LinuxView) -> None:
    with hogs.hog('tree') as process:
        eventually_sync(lambda: len(hogs.descendants(process.pid)) == 3)
        view.forks()  # has one descriptor of its own from now on
        before = len(os.listdir('/proc/self/fd'))
        for _ in range(5):
            tree = Tree(view, identity(process.pid))
            tree.freeze()
            tree.thaw()
            tree.close()
        assert len(os.listdir('/proc/self/fd')) == before


@contextmanager
def descriptors(free: int) -> Iterator[None]:
    """Only so many are left to this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open('/dev/null', os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 16, hard))
    try:
        while True:
            try:
                taken.append(os.dup(taken[0]))
            except OSError:
                break
        for _ in range(free):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)


def test_the_last_descriptor_is_given_back_when_it_is_one_too_few(view: LinuxView) -> None:
    with hogs.hog('quiet') as process:
        who = identity(process.pid)
        with descriptors(free=1):
            for _ in range(2):
                with pytest.raises(OSError) as caught:
                    view.grip(who)
                assert caught.value.errno == errno.EMFILE
            os.close(os.open('/dev/null', os.O_RDONLY))
        grip = view.grip(who)
        grip.send(9)
        grip.close()
        assert process.wait(5) == -9
