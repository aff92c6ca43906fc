"""PLC workers under the owner's limits: watched from their first moment, and what the owner reads when one is ended."""
import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edgeos import reporting
from edgeos.connections.history import HistoryStore
from edgeos.connections.kinds import config_models
from edgeos.connections.plc import PlcConnection
from edgeos.connections.plc_workers import PlcWorkers
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
    house: House, plc: Plc, heard: Heard
) -> None:
    connection = await house.open(plc.address, symbols=['MAIN.*'])
    process = house.process(plc)
    row = await eventually(lambda: house.limiter.get_stats()['processes'][process.pid]['memory_mb'] and
                           house.limiter.get_stats()['processes'][process.pid])
    house.limiter.set_limits(process.pid, memory_limit_mb=row['memory_mb'] / 1.2)
    await eventually(lambda: said(connection, 'was ended: it took more memory than it may.'))
    assert connection.last_error and connection.last_error.code == 'connection_lost'
    assert 'mehr Speicher, als er darf.' in say(translator('de'), connection.last_error)
    await eventually(lambda: process.returncode is not None)
    assert process.returncode != -9 and not process.was_killed
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
