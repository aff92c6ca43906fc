"""PLC workers under the owner's limits: watched from their first moment, and what the owner reads when one is ended."""
import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from edgeos import reporting
from edgeos.connections.history import HistoryStore
from edgeos.connections.kinds import config_models
from edgeos.connections.plc import PlcConnection
from edgeos.connections.plc_workers import PlcLink, PlcWorkers
from edgeos.connections.services import Services
from edgeos.connections.state import Status
from edgeos.gateway import Gateway
from edgeos.limiter import ResourceLimiter
from edgeos.limits import MEMORY, Limits, Restart
from edgeos.processes import ChildProcess
from edgeos.secrets import SecretStore
from edgeos.settings import SettingsFile
from edgeos.settings_models import ProcessLimit
from pages.i18n import translator
from pages.rows import say
from tests.connections.plc_links import Links
from tests.helpers import eventually
from tests.plc import Plc
from tests.test_limits import Heard

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')


class House(Links):
    """Connections whose workers are held to limits."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        file = SettingsFile.load(folder / 'settings.toml', config_models(), create=True)
        self.limiter = ResourceLimiter(50, 0.1)
        self.limiter.start_monitoring()
        self.started: list[Status] = []
        self.limits = Limits(self.limiter, file, lambda _name: self.started.append(self._made[0].status))
        self.services = Services(Gateway(), SecretStore(folder / 'secrets.toml'), HistoryStore(None),
                                 plc_workers=PlcWorkers(self.limits))  # fmt: skip

    def process(self, plc: Plc) -> ChildProcess:
        return self.limits.find(f'PLC worker {plc.address}').process

    async def stop(self) -> None:
        await super().stop()
        await self.services.plc_workers.settle()
        assert self.limiter.get_stats()['monitored'] == 0
        await asyncio.to_thread(self.limiter.shutdown)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    yield made
    await made.stop()


@pytest.fixture
def plc() -> Iterator[Plc]:
    running = Plc().start()
    yield running
    running.stop()


@pytest.fixture
def heard() -> Iterator[Heard]:
    listening = Heard()
    reporting.attach(listening)
    yield listening
    reporting.detach(listening)
    assert listening.errors == [], 'it was ended, and has not crashed'


def said(connection: PlcConnection, words: str) -> bool:
    return connection.last_error is not None and words in connection.last_error.message


async def test_a_worker_is_watched_before_it_says_its_first_word(house: House, plc: Plc) -> None:
    await house.open(plc.address)
    assert house.started == [Status.CONNECTING]
    (row,) = house.limiter.get_stats()['processes'].values()
    assert row['name'] == f'PLC worker {plc.address}'


async def test_one_with_too_much_memory_ends_politely_and_the_connection_says_why(
    house: House, plc: Plc, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await house.open(plc.address, symbols=['MAIN.*'])
    process = house.process(plc)
    asked: list[str] = []
    stop, kill = process.stop, process.kill
    monkeypatch.setattr(process, 'stop', lambda **limits: asked.append('stop') or stop(**limits))
    monkeypatch.setattr(process, 'kill', lambda: asked.append('kill') or kill())
    resident = psutil.Process(process.pid).memory_info().rss / 1024 ** 2
    house.limiter.set_limits(process.pid, memory_limit_mb=resident / 1.2)
    await eventually(lambda: said(connection, 'was ended: it took more memory than it may.'))
    assert connection.last_error and connection.last_error.code == 'connection_lost'
    assert 'mehr Speicher, als er darf.' in say(translator('de'), connection.last_error)
    await eventually(lambda: process.returncode is not None)
    assert asked[0] == 'stop', 'politely; a busy machine may take it longer than the patience for that'
    assert any('ended: ' in event and 'above its limit of' in event for event in heard.events)


async def test_one_far_above_its_limit_is_killed_and_the_connection_says_why(house: House, plc: Plc, heard: Heard) -> None:
    connection = await house.open(plc.address)
    process = house.process(plc)
    house.limiter.set_limits(process.pid, memory_limit_mb=1)
    await eventually(lambda: said(connection, 'it took more memory than it may.'))
    assert await process.wait() == -9


async def test_one_that_is_above_its_limit_again_at_once_is_started_ever_more_rarely(house: House, plc: Plc, heard: Heard,
                                                                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    connection = await house.open(plc.address)
    process, far_too_little = house.process(plc), ProcessLimit.model_construct(memory_mb=1)
    monkeypatch.setattr(house.limits, 'of', lambda _name: far_too_little)
    house.limiter.set_limits(process.pid, memory_limit_mb=1)
    name = process.name
    await eventually(lambda: (last := house.limits.restarts.get(name)) and last.count == 3, timeout=20)
    await eventually(lambda: connection.status is Status.ERROR)
    assert connection.next_retry_in is not None and connection.next_retry_in > 20
    assert said(connection, 'it took more memory than it may.')
    assert len(house.started) == 3


async def test_one_that_is_ended_before_its_first_word_says_why_too(house: House, plc: Plc, heard: Heard,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    watch = house.limits.watch

    def watch_and_end(process: ChildProcess, restart: Restart) -> None:
        watch(process, restart)
        asyncio.get_running_loop().call_soon(house.limits._end, house.limits.find(process.name), MEMORY, 'x', True)

    monkeypatch.setattr(house.limits, 'watch', watch_and_end)
    connection = house.start(plc.address)
    await eventually(lambda: said(connection, 'it took more memory than it may.'))
    await eventually(lambda: (last := house.limits.restarts.get(f'PLC worker {plc.address}')) and last.count == 3,
                     timeout=20)  # fmt: skip
    await eventually(lambda: connection.next_retry_in is not None and connection.next_retry_in > 20)


async def test_one_with_too_many_processes_says_why(house: House, plc: Plc, heard: Heard) -> None:
    connection = await house.open(plc.address)
    process = house.process(plc)
    assert house.limiter._monitor is not None
    house.limiter._monitor._most_processes = 0
    await eventually(lambda: said(connection, 'was ended: it started more processes than it may.'))
    house.limiter._monitor._most_processes = 64
    assert await process.wait() == -9
    assert any('ended: 1 processes, more than the 0 it may have' in event for event in heard.events)


async def test_a_restart_is_polite_and_serves_both_connections_again_by_one_worker(house: House, plc: Plc,
                                                                                  heard: Heard) -> None:  # fmt: skip
    one, other = await house.open(plc.address, 'one'), await house.open(plc.address, 'other')
    process = house.process(plc)
    house.limits.restart(process.name)
    await eventually(lambda: said(one, 'the owner asked for it.') and said(other, 'the owner asked for it.'))
    await eventually(lambda: one.status is other.status is Status.CONNECTED, timeout=10)
    assert process.returncode not in (None, -9) and not process.was_killed
    assert one.worker_pid == other.worker_pid != process.pid
    assert len(house.limiter.get_stats()['processes']) == 1


async def test_what_the_owner_killed_is_no_crash(house: House, plc: Plc, heard: Heard) -> None:
    connection = await house.open(plc.address)
    process = house.process(plc)
    house.limits.kill(process.name)
    await eventually(lambda: said(connection, 'ended unexpectedly'))
    assert await process.wait() == -9
    await eventually(lambda: connection.status is Status.CONNECTED, timeout=10)


async def test_the_pause_is_the_workers_whichever_connection_asks_until_the_owner_does(house: House, plc: Plc,
                                                                                      heard: Heard) -> None:  # fmt: skip
    one = await house.open(plc.address, 'one')
    process, name = house.process(plc), f'PLC worker {plc.address}'
    house.limits.find(name).restart(MEMORY, 30)
    await eventually(lambda: said(one, 'it took more memory than it may.') and process.returncode is not None)
    other = house.start(plc.address, 'other')
    await eventually(lambda: other.status is Status.ERROR)
    assert said(other, 'it took more memory than it may.')
    assert other.next_retry_in is not None and 20 < other.next_retry_in <= 30
    assert len(house.started) == 1, 'no process for it'
    other.retry_now()
    await eventually(lambda: other.status is Status.CONNECTED, timeout=10)
    one.retry_now()
    await eventually(lambda: one.status is Status.CONNECTED, timeout=10)
    assert one.worker_pid == other.worker_pid


async def test_what_ended_the_worker_while_it_opened_counts_more_than_the_call_that_failed(
    house: House, plc: Plc, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def call(link: PlcLink, method: str, within: float = 1.0, **params: object) -> object:
        link.worker._end_because(MEMORY, 30)
        raise TimeoutError

    monkeypatch.setattr(PlcLink, 'call', call)
    connection = house.start(plc.address)
    await eventually(lambda: connection.status is Status.ERROR)
    assert said(connection, 'it took more memory than it may.')
    assert connection.next_retry_in is not None and connection.next_retry_in > 20


async def test_no_start_is_promised_when_the_last_connection_has_stopped(house: House, plc: Plc, heard: Heard) -> None:
    one, other = await house.open(plc.address, 'one'), await house.open(plc.address, 'other')
    name = f'PLC worker {plc.address}'
    house.limits._end(house.limits.find(name), MEMORY, 'x', False)
    await eventually(lambda: said(one, 'it took more memory') and said(other, 'it took more memory'))
    await one.stop()
    assert name in house.limits.restarts
    await other.stop()
    assert house.limits.restarts == {}
