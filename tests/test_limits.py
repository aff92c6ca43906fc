"""The owner's limits over real child processes."""
import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from edgeos import reporting
from edgeos.connections.kinds import config_models
from edgeos.limiter import ResourceLimiter
from edgeos.limits import ASKED, MEMORY, Limits, NotWatched
from edgeos.processes import ChildProcess
from edgeos.settings import SettingsFile
from edgeos.settings_models import ProcessLimit
from tests.helpers import eventually

SPIN = 'while True: pass'
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
    limiter = ResourceLimiter(50, 0.1, memory_limit_mb=100, strays=tmp_path / 'processes.json')
    limiter.start_monitoring()
    yield Limits(limiter, file)
    await asyncio.to_thread(limiter.shutdown)


async def child(code: str, name: str = 'hog') -> ChildProcess:
    process = ChildProcess(name, [sys.executable, '-c', code])
    await process.start()
    return process


def row(limits: Limits, process: ChildProcess) -> dict[str, object]:
    return limits.limiter.get_stats()['processes'].get(process.pid, {})  # type: ignore[no-any-return]


def ignore(_reason: str) -> None:
    pass


async def test_a_hog_is_held_and_the_owners_own_limit_applies_at_once_and_is_kept(limits: Limits) -> None:
    process = await child(SPIN)
    try:
        limits.watch(process, ignore)
        await eventually(lambda: row(limits, process).get('throttled'))
        assert row(limits, process)['limit'] == 50
        await limits.change('hog', ProcessLimit(cpu_percent=20))
        assert row(limits, process)['limit'] == 20
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
    assert row(limits, another)['limit'] == 50 and 'hog' not in limits._file.path.read_text()
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
        limits.watch(process, reasons.append)
        await eventually(lambda: reasons)
        await eventually(lambda: not process.is_running)
    finally:
        reporting.detach(heard)
        await process.stop()
    assert reasons == [MEMORY] and heard.errors == []
    assert any(event.startswith('hog: ended: ') and 'limit of 100 MB' in event for event in heard.events)


async def test_restart_and_kill_go_by_name(limits: Limits) -> None:
    reasons: list[str] = []
    process = await child(SPIN)
    limits.watch(process, reasons.append)
    limits.restart('hog')
    assert reasons == [ASKED] and not process.was_killed
    limits.kill('hog')
    assert await process.wait() == -9 and process.was_killed
    limits.forget(process)
    for act in (limits.restart, limits.kill):
        with pytest.raises(NotWatched):
            act('hog')


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
