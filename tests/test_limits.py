"""The owner's limits over real child processes."""
import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from edgeos import reporting
from edgeos.connections.kinds import config_models
from edgeos.limiter import ResourceLimiter
from edgeos.limits import ASKED, MEMORY, Excesses, Limits, NotWatched
from edgeos.processes import ChildProcess
from edgeos.settings import SettingsFile
from edgeos.settings_models import ProcessLimit
from tests.helpers import FakeClock, eventually

needs_linux = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')
Leavers = Callable[[str], Awaitable[tuple[ChildProcess, list[int]]]]
SPIN = 'while True: pass'
LEAVE = '''
import os, time
def leave(again):
    if os.fork() == 0:
        os.setsid()
        if again and os.fork():
            os._exit(0)
        print(os.getpid(), flush=True)
        time.sleep(600)
        os._exit(0)
leave(False)
leave(True)
'''
EAT = 'import time; data = bytearray(200_000_000)\nwhile True: time.sleep(0.1)'


class Heard:
    """What the owner is told."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.errors: list[BaseException] = []

    def error(self, error: BaseException, context: dict[str, object]) -> None:
        self.errors.append(error)

    def event(self, level: str, source: str, message: str, context: dict[str, object]) -> None:
        self.events.append(f'{source}: {message}')


@pytest.fixture
async def limits(tmp_path: Path) -> AsyncIterator[Limits]:
    file = SettingsFile.load(tmp_path / 'settings.toml', config_models(), create=True)
    limiter = ResourceLimiter(5, 0.1, memory_limit_mb=100, strays=tmp_path / 'processes.json')
    limiter.start_monitoring()
    yield Limits(limiter, file)
    await asyncio.to_thread(limiter.shutdown)


async def child(code: str, name: str = 'hog') -> ChildProcess:
    process = ChildProcess(name, [sys.executable, '-c', code])
    await process.start()
    return process


def row(limits: Limits, process: ChildProcess) -> dict[str, object]:
    return limits.limiter.get_stats()['processes'].get(process.pid, {})  # type: ignore[no-any-return]


def ignore(_reason: str, _wait: int) -> None:
    pass


async def test_a_hog_is_held_and_the_owners_own_limit_applies_at_once_and_is_kept(limits: Limits) -> None:
    process = await child(SPIN)
    try:
        limits.watch(process, ignore)
        await eventually(lambda: row(limits, process).get('throttled'))
        assert row(limits, process)['limit'] == 5
        await limits.change('hog', ProcessLimit(cpu_percent=3))
        assert row(limits, process)['limit'] == 3
        await limits.change('hog', ProcessLimit(cpu_percent=0))
        await eventually(lambda: not row(limits, process)['throttled'])
        assert row(limits, process)['limit'] is None
    finally:
        await process.stop()
    text = limits._file.path.read_text()
    assert '[limits.processes' in text and 'cpu_percent = 0' in text
    another = await child(SPIN)
    limits.watch(another, ignore)
    assert row(limits, another)['limit'] is None, 'known by its name'
    await limits.change('hog', ProcessLimit())
    assert row(limits, another)['limit'] == 5 and 'hog' not in limits._file.path.read_text()
    await another.stop()


async def test_other_defaults_apply_to_those_without_limits_of_their_own(limits: Limits) -> None:
    process = await child('import time; time.sleep(60)')
    limits.watch(process, ignore)
    limits._file.set_value('limits.cpu_percent', 30.0)
    limits.apply_defaults()
    assert row(limits, process)['limit'] == 30
    await process.stop()


async def test_a_held_process_obeys_a_polite_stop(limits: Limits) -> None:
    process = await child(SPIN)
    limits.watch(process, ignore)
    await limits.change('hog', ProcessLimit(cpu_percent=1))
    await eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, interval=0.002)
    await process.stop(term_after=0.0, kill_after=10.0)
    assert process.returncode == -15, 'SIGTERM, not SIGKILL'


async def test_one_that_takes_too_much_memory_is_restarted_with_the_reason(limits: Limits) -> None:
    heard, reasons = Heard(), []
    reporting.attach(heard)
    process = await child(EAT)
    try:
        limits.watch(process, lambda why, _wait: reasons.append(why))
        await eventually(lambda: reasons)
        await eventually(lambda: not process.is_running)
    finally:
        reporting.detach(heard)
        await process.stop()
    assert set(reasons) == {MEMORY} and heard.errors == [], 'once more when it grows while it is asked to end'
    assert any(event.startswith('hog: ended: ') and 'limit of 100 MB' in event for event in heard.events)


async def test_who_takes_too_much_memory_again_and_again_has_to_wait(limits: Limits) -> None:
    waits: list[int] = []
    assert limits.restarts.get('hog') is None
    for number in (1, 2, 3):
        process = await child(EAT)
        try:
            limits.watch(process, lambda _why, wait: waits.append(wait))
            await eventually(lambda number=number: len(waits) == number)
        finally:
            await process.stop()
            limits.forget(process)
    assert waits == [1, 1, 30]
    last = limits.restarts.get('hog')
    assert last is not None and abs(time.time() - last.when) < 30
    assert (last.why, last.count, last.wait) == (MEMORY, 3, 30) and 'limit of 100 MB' in last.reason


@pytest.mark.parametrize(('runs', 'waits'), [
    ([1] * 9, [1, 1, 30, 60, 120, 240, 300, 300, 300]),  # s until it takes too much
    ([301] * 9, [1] * 9),
    ([250] * 5, [1, 1, 30, 30, 30]),
    ([1, 1, 1, 1, 601, 1, 1], [1, 1, 30, 60, 1, 1, 30]),
])
def test_the_wait_grows_with_the_excesses_of_the_last_ten_minutes(runs: list[int], waits: list[int]) -> None:
    clock, excesses = FakeClock(), Excesses()
    for number, run in enumerate(runs):
        clock.advance(run)
        noted = excesses.note(clock, MEMORY, 'x')
        assert (noted.wait, noted.when) == (waits[number], clock.wall())
        clock.advance(noted.wait)
        excesses.note_start(clock)


def test_a_pause_that_was_cut_short_counts_as_long_as_it_was() -> None:
    clock, excesses = FakeClock(), Excesses()
    for number in range(1, 13):  # the owner starts it again each time, and it runs for a minute
        assert excesses.note(clock, MEMORY, 'x').count == min(number, 10)
        excesses.note_start(clock)
        clock.advance(60)


@pytest.mark.parametrize('way', ['other limits', 'not wanted'])
async def test_what_was_is_forgotten_when_the_owner_mends_it_or_does_not_want_it_any_more(limits: Limits,
                                                                                         way: str) -> None:  # fmt: skip
    async def excess() -> int:
        process = await child('import time; time.sleep(60)')
        limits.watch(process, ignore)
        limits._end(limits.find('hog'), MEMORY, 'x', True)
        await process.stop()
        return limits.restarts['hog'].count

    assert [await excess(), await excess()] == [1, 2]
    if way == 'other limits':
        await limits.change('hog', ProcessLimit(memory_mb=300))
    else:
        limits.dismiss('hog')
    assert limits.restarts == {}
    assert await excess() == 1


async def test_an_excess_of_one_that_is_not_wanted_any_more_promises_no_start(limits: Limits) -> None:
    reasons: list[str] = []
    process = await child('import time; time.sleep(60)')
    limits.watch(process, lambda why, _wait: reasons.append(why))
    charge = limits.find('hog')
    limits.dismiss('hog')
    limits._end(charge, MEMORY, 'x', False)
    assert await process.wait() == -9
    assert limits.restarts == {} and reasons == []


async def test_one_that_is_watched_twice_runs_on_under_its_newer_owner(limits: Limits) -> None:
    reasons: list[str] = []
    process = await child(SPIN)
    try:
        for name in ('first', 'second'):
            limits.watch(process, lambda why, _wait, name=name: reasons.append(f'{name}: {why}'))
            await eventually(lambda: row(limits, process).get('throttled'))
        assert process.is_running and limits.limiter.get_stats()['monitored'] == 1
        limits.restart('hog')
        assert reasons == [f'second: {ASKED}']
    finally:
        await process.stop()


async def test_limits_may_be_kept_for_one_that_does_not_run_yet(limits: Limits) -> None:
    await limits.change('later', ProcessLimit(cpu_percent=20, memory_mb=300))
    process = await child('import time; time.sleep(60)', 'later')
    limits.watch(process, ignore)
    assert (row(limits, process)['limit'], row(limits, process)['memory_limit_mb']) == (20, 300)
    await process.stop()


async def test_restart_and_kill_go_by_name(limits: Limits) -> None:
    reasons: list[str] = []
    process = await child(SPIN)
    limits.watch(process, lambda why, _wait: reasons.append(why))
    limits.restart('hog')
    assert reasons == [ASKED] and not process.was_killed
    limits.kill('hog')
    assert await process.wait() == -9 and process.was_killed
    limits.forget(process)
    for act in (limits.restart, limits.kill):
        with pytest.raises(NotWatched):
            act('hog')


@pytest.fixture
async def leavers() -> AsyncIterator[Leavers]:
    """A child with two that have left it: one in a session of its own, one a daemon. They ignore its end."""
    left: list[int] = []

    async def make(after: str) -> tuple[ChildProcess, list[int]]:
        process = ChildProcess('leaver', [sys.executable, '-c', LEAVE + after],
                               on_line=lambda line: left.append(int(line)))  # fmt: skip
        await process.start()
        return process, left

    yield make
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)


@needs_linux
@pytest.mark.parametrize('way', ['stop', 'kill', 'itself', 'at once', 'forget', 'shutdown', 'again'])
async def test_nothing_of_a_child_outlives_it(limits: Limits, leavers: Leavers, way: str) -> None:
    process, left = await leavers({'itself': 'time.sleep(1.5)', 'at once': ''}.get(way, 'time.sleep(600)'))
    try:
        limits.watch(process, ignore)
        await eventually(lambda: len(left) == 2)
        if way == 'stop':
            await process.stop()
        elif way == 'kill':
            limits.kill('leaver')
        elif way == 'forget':
            limits.forget(process)
        elif way == 'shutdown':
            await asyncio.to_thread(limits.limiter.shutdown)
        elif way == 'again':  # another one by its name
            other = await child(SPIN, 'leaver')
            limits.watch(other, ignore)
        await eventually(lambda: not any(psutil.pid_exists(pid) for pid in left))
        await eventually(lambda: not process.is_running)
        if way == 'again':
            assert other.is_running
            await other.stop()
    finally:
        await process.stop()


async def test_what_is_gone_already_is_not_watched(limits: Limits) -> None:
    process = await child('')
    assert await process.wait() == 0 and not process.was_killed
    limits.watch(process, ignore)
    assert limits.limiter.get_stats()['monitored'] == 0


async def test_of_two_with_one_name_the_newer_is_watched(limits: Limits) -> None:
    first, second = await child('import time; time.sleep(60)'), await child('import time; time.sleep(60)')
    try:
        limits.watch(first, ignore)
        limits.watch(second, ignore)
        assert set(limits.limiter.get_stats()['processes']) == {second.pid}
        limits.forget(first)
        assert limits.find('hog').process is second
        limits.forget(second)
        assert limits.limiter.get_stats()['monitored'] == 0
    finally:
        await first.stop()
        await second.stop()


async def test_one_process_that_is_started_again_is_watched_again(limits: Limits) -> None:
    process = await child('import time; time.sleep(60)')
    limits.watch(process, ignore)
    await process.stop()
    await process.start()
    limits.watch(process, ignore)
    assert set(limits.limiter.get_stats()['processes']) == {process.pid}
    await process.stop()
