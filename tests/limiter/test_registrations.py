"""Registrations and limits that change, while the processes run."""
import os
import sys
import threading
import time

import pytest

from edgeos.limiter import NO_LIMIT
from edgeos.limiter.linux import LinuxView
from edgeos.limiter.mechanism import Mechanism
from edgeos.limiter.views import Stat
from tests.bench import hogs
from tests.helpers import eventually_sync
from tests.limiter.helpers import Make, assert_held, never_stopped, row, states

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')


def test_limits_change_at_once_also_for_a_throttled_one(make: Make) -> None:
    with hogs.hog('spin') as process:
        limiter = make(50, check_interval=0.2)
        limiter.add_process(process.pid, 'hog', cpu_limit_percent=5)
        eventually_sync(lambda: 'T' in states(process.pid))
        eventually_sync(lambda: row(limiter, process.pid)['throttled'])
        before = row(limiter, process.pid)['average_cpu_percent']
        limiter.set_limits(process.pid, cpu_limit_percent=25)
        assert row(limiter, process.pid)['limit'] == 25
        seen = [row(limiter, process.pid)['average_cpu_percent'] for _ in range(60) if time.sleep(0.01) is None]
        assert min(seen) > 0.3 * before > 1, 'what it has used stays known'
        assert_held(process.pid, 25, seconds=0.9, within=4)
        assert row(limiter, process.pid)['throttled']  # it was not let go for a moment because its average was low
        limiter.set_limits(process.pid, cpu_limit_percent=NO_LIMIT)
        assert 'T' not in states(process.pid)
        eventually_sync(lambda: not row(limiter, process.pid)['throttled'])
        assert never_stopped(process.pid) and row(limiter, process.pid)['limit'] is None
        limiter.set_limits(process.pid, cpu_limit_percent=None)
        assert row(limiter, process.pid)['limit'] == 50


def test_no_limit_and_a_limit_again_in_the_same_moment_is_that_limit(make: Make) -> None:
    with hogs.hog('spin') as process:
        limiter = make(50, check_interval=0.2)
        limiter.add_process(process.pid, 'hog', cpu_limit_percent=5)
        eventually_sync(lambda: 'T' in states(process.pid))
        for limit in (NO_LIMIT, 30, NO_LIMIT, 10):
            limiter.set_limits(process.pid, cpu_limit_percent=limit)
        eventually_sync(lambda: 'T' in states(process.pid))
        assert_held(process.pid, 10, seconds=0.9, within=3)
        assert row(limiter, process.pid)['throttled']


class Recorder(Mechanism):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def watch(self, *_: object) -> None:
        self.told.append('watch')

    def change(self, *_: object) -> None:
        self.told.append('change')

    def forget(self, *_: object) -> None:
        self.told.append('forget')


def test_one_that_is_watched_twice_keeps_its_mechanism(make: Make) -> None:
    recorder = Recorder()
    limiter = make(50, check_interval=0.05, make_mechanisms=lambda: [recorder])
    with hogs.hog('quiet') as process:
        limiter.add_process(process.pid, 'first')
        eventually_sync(lambda: recorder.told == ['watch'])
        limiter.add_process(process.pid, 'second')
        eventually_sync(lambda: recorder.told.count('watch') == 2 and not limiter._gone)
        eventually_sync(lambda: row(limiter, process.pid)['memory_mb'])
        assert recorder.told == ['watch', 'watch']
        limiter.remove_process(process.pid)
        eventually_sync(lambda: recorder.told == ['watch', 'watch', 'forget'])


def test_another_limit_says_nothing_to_the_mechanism_while_nothing_is_held(make: Make) -> None:
    recorder = Recorder()
    limiter = make(50, check_interval=0.05, make_mechanisms=lambda: [recorder])
    with hogs.hog('quiet') as process:
        limiter.add_process(process.pid, 'quiet')
        limiter.set_limits(process.pid, cpu_limit_percent=20)
        limiter.set_defaults(cpu_limit_percent=30)
        eventually_sync(lambda: row(limiter, process.pid)['memory_mb'])
        assert recorder.told == ['watch']


class Blind(LinuxView):
    """Cannot look at one process."""

    pid = 0

    def stat(self, pid: int) -> Stat | None:
        if pid == self.pid and threading.current_thread().name == 'limiter monitor':
            raise OSError(24, 'Too many open files')
        return super().stat(pid)


def test_one_that_cannot_be_looked_at_is_reported_once_and_the_others_are_watched_on(
    make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hogs.hog('quiet') as one, hogs.hog('quiet') as other:
        monkeypatch.setattr(Blind, 'pid', one.pid)
        limiter = make(check_interval=0.05, make_view=Blind)
        limiter.add_process(one.pid, 'one')
        eventually_sync(lambda: caplog.records)
        limiter.add_process(other.pid, 'other')
        eventually_sync(lambda: row(limiter, other.pid)['memory_mb'])
        assert [record.name for record in caplog.records if 'limiter monitor' in record.getMessage()] == ['edgeos.error']
        Blind.pid = 0
        eventually_sync(lambda: row(limiter, one.pid)['memory_mb'])


class Loading(LinuxView):
    """Reads the environment too early, once, as while a program is being loaded."""

    early = True

    def marker(self, pid: int) -> bytes | None:
        if pid != os.getpid() and Loading.early:
            Loading.early = False
            return None
        return super().marker(pid)


def test_a_daemon_of_a_process_that_was_registered_while_it_was_loaded_belongs_to_it(make: Make) -> None:
    Loading.early = True
    with hogs.hog('quiet', env={**os.environ, 'EDGEOS_TREE': 'loaded'}) as process:
        limiter = make(check_interval=0.05, make_view=Loading)
        limiter.add_process(process.pid, 'loaded')
        eventually_sync(lambda: not Loading.early)
        with hogs.hog('quiet', env={**os.environ, 'EDGEOS_TREE': 'loaded'}):
            eventually_sync(lambda: row(limiter, process.pid)['processes'] == 2)


def test_ended_children_that_nobody_waited_for_are_no_fork_bomb(make: Make) -> None:
    limiter = make(check_interval=0.05, most_processes=30)
    with hogs.hog('zombies') as process:
        limiter.add_process(process.pid, 'careless')
        eventually_sync(lambda: row(limiter, process.pid)['processes'] == 61)
        time.sleep(0.5)  # some more looks
        assert process.poll() is None


def test_defaults_change_for_those_without_limits_of_their_own(make: Make) -> None:
    with hogs.hog('quiet') as one, hogs.hog('quiet') as other:
        limiter = make(50, memory_limit_mb=100)
        limiter.add_process(one.pid, 'default')
        limiter.add_process(other.pid, 'own', cpu_limit_percent=10, memory_limit_mb=20)
        limiter.set_defaults(cpu_limit_percent=30, memory_limit_mb=80)
        assert [row(limiter, pid)[key] for pid in (one.pid, other.pid) for key in ('limit', 'memory_limit_mb')] == [
            30, 80, 10, 20]  # fmt: skip
        assert limiter.get_stats()['cpu_limit'] == 30
