"""The limiter as its users see it: plugins and workers as real processes, statistics, limits that change."""
import asyncio
import os
import statistics
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime
from functools import partial

import pytest

from edgeos.bounds import LEAST_CPU
from edgeos.clock import Clock
from edgeos.limiter import NO_LIMIT, ResourceLimiter
from tests.bench import hogs
from tests.helpers import eventually_sync, patient
from tests.limiter.helpers import Make, assert_held, carriers, never_stopped, row, states

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')
ROW = {'name', 'cpu_percent', 'average_cpu_percent', 'limit', 'memory_mb', 'memory_limit_mb', 'throttled',
       'throttled_since', 'mechanism'}  # fmt: skip


def test_a_hog_is_brought_to_its_limit_and_stays_there(make: Make) -> None:
    with hogs.hog('spin') as process:
        limiter = make(15)  # little enough to be reached beside much else
        limiter.add_process(process.pid, 'hog')
        eventually_sync(lambda: row(limiter, process.pid)['throttled'], timeout=10)
        assert_held(process.pid, 15, seconds=1.2)
        assert row(limiter, process.pid)['cpu_percent'] < 30


def test_the_statistics_have_the_shape_of_the_contract(make: Make) -> None:
    with hogs.hog('spin') as one, hogs.hog('quiet') as other:
        limiter = make(20, 0.1, memory_limit_mb=500)
        began = datetime.now().astimezone()
        limiter.add_process(one.pid, 'hog')
        limiter.add_process(other.pid, 'quiet', cpu_limit_percent=70, memory_limit_mb=NO_LIMIT)
        assert limiter.get_stats()['monitored'] == 2  # at once
        eventually_sync(lambda: row(limiter, one.pid)['throttled'] and row(limiter, other.pid)['memory_mb'])
        eventually_sync(lambda: row(limiter, other.pid)['cpu_percent'] < 20)  # it has started
        stats = limiter.get_stats()
        assert {key: stats[key] for key in ('mechanism', 'monitored', 'throttled', 'cpu_limit')} == {
            'mechanism': 'duty cycle', 'monitored': 2, 'throttled': 1, 'cpu_limit': 20}  # fmt: skip
        assert set(stats['processes']) == {one.pid, other.pid}
        assert all(set(found) >= ROW for found in stats['processes'].values())
        since = datetime.fromisoformat(stats['processes'][one.pid]['throttled_since'])
        assert 0 <= (since - began).total_seconds() + 0.001 < 10
        quiet = stats['processes'][other.pid]
        assert (quiet['limit'], quiet['memory_limit_mb'], quiet['throttled_since']) == (70, None, None)
        assert 2 < quiet['memory_mb'] < 50
        stats['processes'].clear()  # a copy: the owner may do with it what he likes
        assert limiter.get_stats()['monitored'] == 2


def test_statistics_of_a_hundred_processes_take_less_than_a_millisecond(make: Make) -> None:
    sleepers = [subprocess.Popen(['sleep', '60']) for _ in range(100)]
    try:
        limiter = make()
        for sleeper in sleepers:
            assert limiter.add_process(sleeper.pid, f'sleeper {sleeper.pid}')
        eventually_sync(lambda: all(found['memory_mb'] for found in limiter.get_stats()['processes'].values()))
        took = []
        for _ in range(50):
            began = time.thread_time()
            limiter.get_stats()
            took.append(time.thread_time() - began)
        assert statistics.median(took) < patient(0.001)
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def test_one_below_its_limit_is_left_alone_and_a_throttled_one_is_let_go_when_it_calms(make: Make) -> None:
    with hogs.hog('spin') as process:
        limiter = make(30, check_interval=0.05)
        limiter.add_process(process.pid, 'hog')
        eventually_sync(lambda: row(limiter, process.pid)['throttled'])
        os.kill(process.pid, 9)  # the calmest there is, and not waited for: the zombie is still there
        eventually_sync(lambda: not row(limiter, process.pid)['throttled'])
        assert row(limiter, process.pid)['throttled_since'] is None


@pytest.mark.parametrize('way', ['release', 'remove_process', 'shutdown'])
def test_nothing_stands_still_afterwards(make: Make, way: str) -> None:
    with hogs.hog('tree') as process:
        limiter = make(10, check_interval=0.05)
        limiter.add_process(process.pid, 'hog')
        eventually_sync(lambda: states(process.pid) == {'T'})
        if way == 'shutdown':
            limiter.shutdown()
        else:
            getattr(limiter, way)(process.pid)
        assert 'T' not in states(process.pid)
        assert never_stopped(process.pid, 0.5)
        if way == 'release':
            assert row(limiter, process.pid)['state'] == 'released'
        else:
            assert row(limiter, process.pid) == {}


def test_one_that_has_ended_vanishes_by_itself(make: Make) -> None:
    limiter = make(check_interval=0.05)
    with hogs.hog('spin') as process:
        limiter.add_process(process.pid, 'hog')
    eventually_sync(lambda: limiter.get_stats()['monitored'] == 0)
    assert limiter.add_process(process.pid, 'gone') is False


def test_what_makes_no_sense_is_refused(make: Make) -> None:
    limiter = make()
    for ours in (os.getpid(), os.getppid(), 1):
        with pytest.raises(ValueError, match=f'pid is {ours}: .* cannot be limited'):
            limiter.add_process(ours, 'the app')
    for wrong in (0, -7, True, '7', 7.0, None):
        with pytest.raises(ValueError, match=f'pid is {wrong!r}: expected'):
            limiter.add_process(wrong, 'nobody')  # type: ignore[arg-type]
    with hogs.hog('quiet') as process:
        for argument in ('cpu_limit_percent', 'memory_limit_mb'):
            for wrong in (-1, LEAST_CPU - 0.1 if argument == 'cpu_limit_percent' else 0.9, float('nan'), float('inf'),
                          True, False, '50'):  # fmt: skip
                for ask in (partial(limiter.add_process, process.pid, 'quiet'), partial(limiter.set_limits, process.pid),
                            limiter.set_defaults, ResourceLimiter):  # fmt: skip
                    with pytest.raises(ValueError, match=f'{argument} is {wrong!r}: expected a limit of at least'):
                        ask(**{argument: wrong})  # type: ignore[operator]
    assert limiter.get_stats()['monitored'] == 0
    for wrong in (0, -1, float('nan'), float('inf'), True, '1'):
        with pytest.raises(ValueError, match=f'check_interval is {wrong!r}'):
            ResourceLimiter(check_interval=wrong)  # type: ignore[arg-type]
    limiter.remove_process(999_999)
    limiter.release(999_999)
    limiter.set_limits(999_999, 10)


@pytest.mark.parametrize(('grows', 'urgent'), [(70, False), (120, True)])
def test_too_much_memory_is_told_once(make: Make, grows: int, urgent: bool) -> None:
    told: list[tuple[int, float, float, bool, str]] = []
    limiter = make(check_interval=0.05)
    with hogs.hog('grow', grows) as process:
        assert process.stdout and process.stdout.readline()
        limiter.add_process(process.pid, 'eater', memory_limit_mb=60, on_memory=lambda *args: told.append(
            (*args, threading.current_thread().name)))  # fmt: skip
        eventually_sync(lambda: told)
        eventually_sync(lambda: row(limiter, process.pid)['memory_state'] == ('urgent' if urgent else 'over'))
        time.sleep(0.3)  # some more samples
        assert len(told) == 1
        pid, mb, limit, was_urgent, thread = told[0]
        assert (pid, limit, was_urgent, thread) == (process.pid, 60, urgent, 'limiter monitor')
        assert grows < mb < grows + 30
        assert row(limiter, pid)['warnings'] == [f'{mb:.0f} MB of memory, above its limit of 60 MB']


def test_a_callback_that_raises_is_reported_and_the_others_are_watched_on(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError('broken for a test')

    limiter = make(20, check_interval=0.05)
    with hogs.hog('grow', 50) as eater, hogs.hog('spin') as process:
        assert eater.stdout and eater.stdout.readline()
        limiter.add_process(eater.pid, 'eater', memory_limit_mb=20, on_memory=broken)
        limiter.add_process(process.pid, 'hog')
        eventually_sync(lambda: 'limiter monitor' in caplog.text)
        eventually_sync(lambda: row(limiter, process.pid)['throttled'])


def test_a_fork_bomb_ends_and_the_reason_is_known(make: Make) -> None:
    limiter, told = make(most_processes=30), []
    with hogs.hog('quiet') as neighbour, hogs.hog('bomb', env={**os.environ, 'EDGEOS_TREE': 'bomb'}) as process:
        for pid in (neighbour.pid, process.pid):
            limiter.add_process(pid, 'bomb', on_kill=lambda *args: told.append(args))
        assert process.wait(10) == -9
        assert [pid for pid, _ in told] == [process.pid] and 'more than the 30 it may have' in told[0][1]
        assert neighbour.poll() is None
        eventually_sync(lambda: not carriers('bomb'))


def test_a_daemon_that_left_is_held_with_its_tree(make: Make) -> None:
    with hogs.hog('daemon', env={**os.environ, 'EDGEOS_TREE': 'left'}) as process:
        limiter = make(10, check_interval=0.05)
        limiter.add_process(process.pid, 'leaver')
        daemon = eventually_sync(lambda: next((pid for pid in carriers('left')  # not the one between, which leads its session
                                               if os.getsid(pid) not in (process.pid, pid)), None))  # fmt: skip
        try:
            eventually_sync(lambda: hogs.state(daemon) == 'T', timeout=15, interval=0.002)
            assert_held(daemon, 10, seconds=1.2, within=2.5)
            assert row(limiter, process.pid)['processes'] == 2
            limiter.remove_process(process.pid)
            assert never_stopped(daemon) and process.poll() is None, 'let go, not ended'
        finally:
            for left in carriers('left'):
                with suppress(ProcessLookupError):
                    os.kill(left, 9)


def test_one_that_left_late_without_any_marker_is_held_too(make: Make) -> None:
    env = {key: value for key, value in os.environ.items() if key != 'EDGEOS_TREE'}
    with hogs.hog('late', env=env) as process:
        limiter = make(10)
        limiter.add_process(process.pid, 'leaver')
        assert process.stdout
        left = int(process.stdout.readline())
        try:
            assert os.getsid(left) not in (left, process.pid)
            eventually_sync(lambda: hogs.state(left) == 'T', timeout=10, interval=0.002)
            limiter.end_process(process.pid)
            eventually_sync(lambda: hogs.state(left) in ('', 'Z'))
        finally:
            with suppress(ProcessLookupError):
                os.kill(left, 9)


def test_it_may_be_used_from_many_threads_at_once(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    limiter = make(5, check_interval=0.05)
    failures: list[BaseException] = []
    with hogs.hog('spin') as one, hogs.hog('tree') as other:
        def work(number: int) -> None:
            try:
                for turn in range(40):
                    pid = (one.pid, other.pid)[(turn + number) % 2]
                    limiter.add_process(pid, 'hog')
                    limiter.set_limits(pid, 1 + turn % 50)
                    limiter.get_stats()
                    (limiter.release, limiter.remove_process)[turn % 2](pid)
                    time.sleep(0.003)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for pid in (one.pid, other.pid):
            limiter.remove_process(pid)
        assert not failures
        assert never_stopped(one.pid) and never_stopped(other.pid)
        assert 'edgeos.error' not in {record.name for record in caplog.records}


async def test_the_event_loop_is_never_held_up(make: Make) -> None:
    limiter = make(5, check_interval=0.05)
    with hogs.hog('spin') as process:
        took = []
        for turn in range(50):
            began = time.thread_time()
            limiter.add_process(process.pid, 'hog')
            limiter.set_limits(process.pid, 10 + turn % 3)
            limiter.get_stats()
            limiter.release(process.pid)
            limiter.remove_process(process.pid)
            took.append(time.thread_time() - began)
            await asyncio.sleep(0.01)
        assert statistics.median(took) < patient(0.002)


class Asleep(Clock):
    """A clock that leaps by hours, as after a suspend."""

    offset = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.offset


def test_after_a_suspend_nobody_is_judged_by_the_time_asleep(make: Make) -> None:
    clock = Asleep()
    with hogs.hog('quiet') as process:
        limiter = make(10, check_interval=0.05, clock=clock)
        limiter.add_process(process.pid, 'quiet')
        eventually_sync(lambda: row(limiter, process.pid)['memory_mb'])
        for leap in (7200.0, -7200.0, 30.0):
            clock.offset += leap
            time.sleep(0.15)
        found = row(limiter, process.pid)
        assert found['throttled'] is False and found['average_cpu_percent'] < 10
    with hogs.hog('spin') as process:
        limiter.add_process(process.pid, 'hog')
        eventually_sync(lambda: row(limiter, process.pid)['memory_mb'])
        clock.offset -= 9000.0
        eventually_sync(lambda: row(limiter, process.pid)['throttled'])


def test_it_starts_again_after_its_end(make: Make) -> None:
    limiter = make(10, check_interval=0.05)
    limiter.start_monitoring()
    limiter.shutdown()
    limiter.shutdown()
    limiter.start_monitoring()
    with hogs.hog('spin') as process:
        limiter.add_process(process.pid, 'hog')
        eventually_sync(lambda: row(limiter, process.pid)['throttled'])
    names = [thread.name for thread in threading.enumerate()]
    assert names.count('limiter monitor') == 1 and names.count('limiter duty cycle') == 1
