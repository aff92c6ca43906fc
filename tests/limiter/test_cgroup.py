"""The control group against a folder that behaves like the kernel's, since most machines do not delegate one."""
import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeos.limiter import ResourceLimiter, cgroup
from edgeos.limiter.cgroup import Cgroup, Files
from edgeos.limiter.duty_cycle import DutyCycle
from edgeos.limiter.linux import LinuxView
from edgeos.limiter.mechanism import Unavailable
from edgeos.limiter.views import Identity, Stat
from tests.bench import hogs
from tests.helpers import eventually_sync

ME = os.getpid()
EVERY_GROUP = {'cgroup.procs': '', 'cgroup.type': 'domain', 'cgroup.controllers': '', 'cgroup.subtree_control': ''}
BY_CONTROLLER = {
    'cpu': {'cpu.max': 'max 100000', 'cpu.max.burst': '0', 'cpu.stat': 'usage_usec 0\nuser_usec 0\n'},
    'memory': {'memory.high': 'max', 'memory.max': 'max', 'memory.oom.group': '0', 'memory.current': '0'},
    'pids': {'pids.max': 'max', 'pids.current': '0'},
}


class Kernel(Files):
    """The rules that matter: files come and go with controllers, a process is in one group, groups with controlled
    subgroups hold no process, a group somebody is in cannot be removed, and files are never made by writing."""

    def __init__(self, own: Path, controllers: str = 'cpuset cpu io memory pids', *pids: int) -> None:
        self.own = own
        self.refuse: set[str] = set()  # names of files that may not be written
        own.mkdir()
        self._fill(own, EVERY_GROUP)
        (own / 'cgroup.controllers').write_text(controllers + '\n')
        (own / 'cgroup.procs').write_text(''.join(f'{pid}\n' for pid in pids or (ME,)))

    def write(self, path: Path, text: str) -> None:
        if path.name in self.refuse:
            raise PermissionError(errno.EACCES, 'Permission denied', str(path))
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, 'No such file', str(path))
        if path.name == 'cgroup.procs':
            self._move(path, int(text))
        elif path.name == 'cgroup.subtree_control':
            self._control(path, text)
        elif path.name == 'cpu.max' and int((path.parent / 'cpu.max.burst').read_text()) > float(
            text.split()[0].replace('max', 'inf')
        ):
            raise OSError(errno.EINVAL, 'Invalid argument', str(path))
        else:
            path.write_text(text + '\n')

    def make(self, path: Path) -> None:
        if path.exists():
            return
        super().make(path)
        self._fill(path, EVERY_GROUP)
        for controller in (path.parent / 'cgroup.subtree_control').read_text().split():
            self._fill(path, BY_CONTROLLER[controller])

    def remove(self, path: Path) -> None:
        if (path / 'cgroup.procs').read_text():
            raise OSError(errno.EBUSY, 'Device or resource busy', str(path))
        shutil.rmtree(path)

    def _fill(self, group: Path, files: dict[str, str]) -> None:
        for name, text in files.items():
            (group / name).write_text(text)

    def _move(self, path: Path, pid: int) -> None:
        if (path.parent / 'cgroup.subtree_control').read_text().strip():
            raise OSError(errno.EBUSY, 'Device or resource busy', str(path))
        for procs in self.own.rglob('cgroup.procs'):
            procs.write_text(''.join(f'{line}\n' for line in procs.read_text().split() if line != str(pid)))
        with path.open('a') as file:
            file.write(f'{pid}\n')

    def _control(self, path: Path, text: str) -> None:
        on = set(path.read_text().split())
        for word in text.split():
            (on.add if word[0] == '+' else on.discard)(word[1:])
        if on and (path.parent / 'cgroup.procs').read_text():
            raise OSError(errno.EBUSY, 'Device or resource busy', str(path))
        path.write_text(' '.join(sorted(on)))
        for child in filter(Path.is_dir, path.parent.iterdir()):
            for controller in on:
                self._fill(child, BY_CONTROLLER[controller])


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / 'edgeos.service'


@pytest.fixture
def kernel(own: Path) -> Kernel:
    return Kernel(own)


def text(path: Path) -> str:
    return path.read_text().strip()


TREE = Identity(4242, 1)


def test_the_app_moves_into_a_leaf_and_each_tree_gets_a_group(own: Path, kernel: Kernel) -> None:
    group = Cgroup(own, kernel, most_processes=10)
    group.start()
    assert text(own / 'cgroup.procs') == '' and text(own / 'app' / 'cgroup.procs') == str(ME)
    assert text(own / 'cgroup.subtree_control') == 'cpu memory pids'
    assert not (own / 'limited-trial').exists()
    group.watch(TREE, 100, [4242, 4243])
    mine = own / 'limited-4242'
    assert text(mine / 'cgroup.procs').split() == ['4242', '4243']
    assert [text(mine / name) for name in ('memory.high', 'memory.max', 'memory.oom.group', 'pids.max', 'cpu.max')] == [
        '104857600', '209715200', '1', '80', 'max 100000']  # fmt: skip


def test_the_quota_comes_with_throttling_changes_and_goes(own: Path, kernel: Kernel) -> None:
    group = Cgroup(own, kernel)
    group.start()
    group.watch(TREE, None, [4242])
    group.throttle(TREE, 50, ())
    quota, burst = own / 'limited-4242' / 'cpu.max', own / 'limited-4242' / 'cpu.max.burst'
    assert (text(quota), text(burst)) == ('50000 100000', '10000')
    group.change(TREE, 5)
    assert (text(quota), text(burst)) == ('5000 100000', '1000')
    group.release(TREE)
    assert text(quota) == 'max 100000'
    group.watch(TREE, 10, [])
    group.watch(TREE, None, [])
    assert text(own / 'limited-4242' / 'memory.high') == 'max'


def test_who_is_found_later_is_moved_into_the_group(own: Path, kernel: Kernel) -> None:
    group = Cgroup(own, kernel)
    group.start()
    group.watch(TREE, None, [4242])
    late = Stat(4300, 1, 4300, 4300, 1, 0.0, 0, 1)
    group.adopt(TREE, [late])
    assert text(own / 'limited-4242' / 'cgroup.procs').split() == ['4242', '4300']
    group.adopt(Identity(1, 1), [late])
    assert not group.is_denied(TREE)


def test_what_the_kernel_does_not_take_in_is_shown_as_not_held(own: Path, kernel: Kernel, caplog: pytest.LogCaptureFixture) -> None:
    group = Cgroup(own, kernel)
    group.start()
    kernel.refuse = {'cgroup.procs', 'cpu.max'}
    group.watch(TREE, None, [4242])
    group.throttle(TREE, 10, ())
    assert group.is_denied(TREE) and len(caplog.records) == 1
    kernel.refuse.clear()
    group.forget(TREE)
    assert not group.is_denied(TREE)


def test_everything_is_undone_at_the_end(own: Path, kernel: Kernel) -> None:
    group = Cgroup(own, kernel)
    group.start()
    group.watch(TREE, 100, [4242])
    group.throttle(TREE, 50, ())
    group.close()
    group.close()
    assert [path.name for path in own.iterdir() if path.is_dir()] == []
    assert set(text(own / 'cgroup.procs').split()) == {str(ME), '4242'}
    assert text(own / 'cgroup.subtree_control') == ''


def test_a_tree_that_is_watched_no_longer_goes_back_to_the_app(own: Path, kernel: Kernel) -> None:
    group = Cgroup(own, kernel)
    group.start()
    group.watch(TREE, 100, [4242])
    group.forget(TREE)
    assert not (own / 'limited-4242').exists()
    assert '4242' in text(own / 'app' / 'cgroup.procs').split()
    group.forget(TREE)
    group.change(TREE, 10)


def test_the_kernels_own_account_is_read(own: Path, kernel: Kernel) -> None:
    group = Cgroup(own, kernel)
    group.start()
    group.watch(TREE, None, [4242])
    (own / 'limited-4242' / 'cpu.stat').write_text('usage_usec 2500000\nuser_usec 1\n')
    assert group.usage(TREE) == 2.5
    assert group.members(TREE) == [4242]
    assert group.usage(Identity(1, 1)) is None


@pytest.mark.parametrize('refused', ['cgroup.procs', 'cgroup.subtree_control', 'cpu.max'])
def test_what_may_not_be_written_leaves_no_trace(own: Path, kernel: Kernel, refused: str) -> None:
    kernel.refuse = {refused}
    with pytest.raises(Unavailable, match='not ours'):
        Cgroup(own, kernel).start()
    assert text(own / 'cgroup.procs') == str(ME)
    assert [path.name for path in own.iterdir() if path.is_dir()] == []


def test_without_a_cpu_controller_it_is_of_no_use(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match='no cpu controller'):
        Cgroup(tmp_path / 'own', Kernel(tmp_path / 'own', 'memory pids')).start()


def test_without_a_memory_controller_the_rest_works(own: Path, caplog: pytest.LogCaptureFixture) -> None:
    group = Cgroup(own, Kernel(own, 'cpu pids'))  # Raspberry Pi OS
    group.start()
    group.watch(TREE, 100, [4242])
    group.throttle(TREE, 25, ())
    assert text(own / 'limited-4242' / 'cpu.max') == '25000 100000'
    assert not caplog.records


def test_strangers_in_the_same_group_are_not_moved_about(own: Path) -> None:
    kernel = Kernel(own, 'cpu', ME, os.getppid())
    with pytest.raises(Unavailable, match='other programs'):
        Cgroup(own, kernel).start()
    assert not (own / 'app').exists()


def test_a_group_that_systemd_did_not_delegate_is_refused(own: Path, tmp_path: Path, kernel: Kernel,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(cgroup, 'SYSTEMD', tmp_path)
    (tmp_path / 'cgroup.procs').write_text('')
    with pytest.raises(Unavailable, match='Delegate='):
        cgroup.check_delegation(own)
    monkeypatch.setattr(cgroup, 'SYSTEMD', tmp_path / 'absent')
    cgroup.check_delegation(own)


def test_the_root_group_is_refused(own: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, 'ROOT', own)

    class Proc(Kernel):
        def read(self, path: Path) -> str:
            return '1:cpu:/old\n0::/\n' if path == Path('/proc/self/cgroup') else super().read(path)

    proc = Proc.__new__(Proc)
    assert cgroup.own_group(proc) == own / ''
    (own / 'cgroup.type').unlink()
    with pytest.raises(Unavailable, match='root control group'):
        cgroup.own_group(proc)


@pytest.fixture
def limiter(own: Path, kernel: Kernel) -> Iterator[ResourceLimiter]:
    made = ResourceLimiter(50, 0.1, make_mechanisms=lambda: [Cgroup(own, kernel), DutyCycle(LinuxView)])
    made.start_monitoring()
    yield made
    made.shutdown()


def test_the_limiter_prefers_it_and_throttles_by_quota(own: Path, kernel: Kernel, limiter: ResourceLimiter) -> None:
    with hogs.hog('spin') as process:
        limiter.add_process(process.pid, 'hog', cpu_limit_percent=5, memory_limit_mb=100)
        mine = own / f'limited-{process.pid}'
        eventually_sync(lambda: (mine / 'cgroup.procs').exists() and text(mine / 'cgroup.procs') == str(process.pid))
        for used in range(1, 100):  # the kernel's account grows
            (mine / 'cpu.stat').write_text(f'usage_usec {used * 100_000}\n')
            if limiter.get_stats()['throttled']:
                break
            time.sleep(0.05)
        assert text(mine / 'cpu.max') == '5000 100000'
        found = limiter.get_stats()
        assert found['mechanism'] == found['processes'][process.pid]['mechanism'] == 'cgroup'
        limiter.release(process.pid)
        assert text(mine / 'cpu.max') == 'max 100000'
        limiter.remove_process(process.pid)
        eventually_sync(lambda: not mine.exists())


def test_the_next_one_is_taken_when_it_is_refused(own: Path, kernel: Kernel) -> None:
    kernel.refuse = {'cgroup.subtree_control'}
    limiter = ResourceLimiter(make_mechanisms=lambda: [Cgroup(own, kernel), DutyCycle(LinuxView)])
    limiter.start_monitoring()
    try:
        stats = limiter.get_stats()
        assert stats['mechanism'] == 'duty cycle' and 'not ours' in stats['unavailable']['cgroup']
    finally:
        limiter.shutdown()

