"""One adapter: the scanner is watched, connects come one after another, nothing hangs for ever."""
import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from edgeos.bluetooth import radio as module
from edgeos.bluetooth.adverts import MOST_HEARD, Advert, Air, Heard, SignalLog
from edgeos.bluetooth.errors import Busy, NoAnswer, NotFound, RadioError, Why
from edgeos.bluetooth.radio import Radio
from tests.helpers import FakeClock, eventually

ADDRESS = 'AA:BB:CC:DD:EE:01'


class FakeClient:
    def __init__(self) -> None:
        self.is_closed = False

    async def close(self) -> None:
        self.is_closed = True


class FakeStack:
    """Does what it is told, or hangs."""

    def __init__(self) -> None:
        self.hear: Callable[[Advert], None] | None = None
        self.starts = self.stops = 0
        self.errors: list[Exception] = []
        self.connects: list[str] = []
        self.hangs: set[str] = set()
        self.ignores_cancel = False
        self.free_calls: list[str] = []
        self.release = asyncio.Event()
        self.clients: list[FakeClient] = []

    async def start_scan(self, hear: Callable[[Advert], None]) -> None:
        self.starts += 1
        if self.errors:
            raise self.errors.pop(0)
        self.hear = hear

    async def stop_scan(self) -> None:
        self.stops += 1
        self.hear = None

    async def connect(self, advert: Advert, on_lost: Callable[[], None]) -> FakeClient:
        self.connects.append(advert.address)
        while advert.address in self.hangs and not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                if not self.ignores_cancel:
                    raise
        self.clients.append(FakeClient())
        return self.clients[-1]

    async def free(self, address: str) -> bool:
        self.free_calls.append(address)
        return True

    async def forget(self, address: str) -> bool:
        return True

    def advert(self, address: str = ADDRESS, **facts: object) -> None:
        if self.hear is not None:
            self.hear(Advert(address, **facts))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'SILENCE', (0.3, 0.3))
    monkeypatch.setattr(module, 'RETRY', (0.05,))
    monkeypatch.setattr(module, 'FREE_AFTER', 0.1)
    monkeypatch.setattr(module, 'LOOK', 0.05)


@pytest.fixture
async def stack() -> FakeStack:
    return FakeStack()


@pytest.fixture
async def radio(stack: FakeStack) -> AsyncIterator[Radio]:
    made = Radio(stack)
    yield made
    stack.release.set()
    await made.stop()


def heard(address: str = ADDRESS) -> Heard:
    return Heard(Advert(address), 0.0)


async def test_scans_only_while_somebody_listens(radio, stack):
    release = radio.lease()
    await eventually(lambda: radio.is_scanning and stack.hear)
    release()
    await eventually(lambda: stack.stops and not radio.is_scanning)
    assert stack.hear is None


async def test_somebody_who_comes_while_the_scan_is_stopped_is_not_forgotten(radio, stack, monkeypatch):
    stopping = asyncio.Event()
    real = stack.stop_scan

    async def slow_stop() -> None:
        stopping.set()
        await asyncio.sleep(0.1)
        await real()

    monkeypatch.setattr(stack, 'stop_scan', slow_stop)
    radio.lease()()
    await stopping.wait()
    radio.lease()
    await eventually(lambda: stack.hear, timeout=2)


async def test_a_silent_scan_is_started_anew(radio, stack):
    radio.lease()
    await eventually(lambda: stack.starts >= 3)
    assert radio.restarts >= 2


async def test_a_scan_that_hears_something_is_left_alone(radio, stack):
    radio.lease()
    await eventually(lambda: stack.hear)
    for _each in range(20):
        stack.advert()
        await asyncio.sleep(0.05)
    assert stack.starts == 1


async def test_trouble_is_told_and_ends_by_itself(radio, stack):
    stack.errors = [RadioError(Why.OFF)] * 3
    with pytest.raises(RadioError) as told:
        await radio.find(ADDRESS, 2)
    assert told.value.why is Why.OFF and radio.trouble is told.value
    radio.lease()
    await eventually(lambda: radio.trouble is None)


async def test_what_is_no_trouble_of_the_radio_becomes_one(radio, stack):
    stack.errors = [Busy('In Progress'), TimeoutError()]
    radio.lease()
    await eventually(lambda: radio.trouble is not None)
    assert radio.trouble.why is Why.BUSY
    await eventually(lambda: radio.trouble is None)


async def test_a_mistake_in_the_library_does_not_end_the_hearing(radio, stack):
    stack.errors = [ZeroDivisionError('library')]
    radio.lease()
    await eventually(lambda: stack.hear, timeout=8)


async def test_finding_waits_for_an_advert(radio, stack):
    finding = asyncio.create_task(radio.find(ADDRESS, 5))
    await eventually(lambda: stack.hear)
    stack.advert('AA:BB:CC:DD:EE:99')
    assert not finding.done()
    stack.advert(name='Battery')
    assert (await finding).advert.name == 'Battery'


async def test_what_is_not_heard_is_looked_for_among_links_left_over_and_then_not_found(radio, stack):
    with pytest.raises(NotFound):
        await radio.find(ADDRESS, 0.5)
    assert stack.free_calls == [ADDRESS]


async def test_a_link_of_ours_is_not_taken_for_one_left_over(radio, stack):
    radio.hold(ADDRESS, 'battery')
    with pytest.raises(NotFound):
        await radio.find(ADDRESS, 0.4)
    assert stack.free_calls == []


async def test_connects_come_one_after_another(radio, stack):
    stack.hangs = {'A'}
    first = asyncio.create_task(radio.connect(heard('A'), lambda: None))
    second = asyncio.create_task(radio.connect(heard('B'), lambda: None))
    await eventually(lambda: stack.connects == ['A'])
    await asyncio.sleep(0.05)
    assert stack.connects == ['A']
    stack.release.set()
    await asyncio.gather(first, second)
    assert stack.connects == ['A', 'B']


async def test_a_connect_that_hangs_gives_way_to_one_that_waits(radio, stack, monkeypatch):
    monkeypatch.setattr(module, 'POLITE_LIMIT', 0.3)
    stack.hangs = {'A'}
    first = asyncio.create_task(radio.connect(heard('A'), lambda: None))
    await eventually(lambda: stack.connects == ['A'])
    await asyncio.sleep(0.5)
    assert not first.done(), 'nobody waits'
    await asyncio.wait_for(radio.connect(heard('B'), lambda: None), 2)
    with pytest.raises(NoAnswer):
        await first


async def test_it_gives_way_to_one_that_cannot_be_heard_meanwhile(radio, stack, monkeypatch):
    monkeypatch.setattr(module, 'POLITE_LIMIT', 0.3)
    stack.hangs = {'A'}
    first = asyncio.create_task(radio.connect(heard('A'), lambda: None))
    await eventually(lambda: stack.connects == ['A'])
    finding = asyncio.create_task(radio.find('B', 0.2))
    with pytest.raises(NoAnswer):
        await first
    assert not finding.done(), 'the adapter was deaf, so it has not been listened for yet'
    with pytest.raises(NotFound):
        await finding


async def test_an_adapter_that_connects_is_not_taken_for_silent(radio, stack):
    stack.hangs = {'A'}
    radio.lease()
    await eventually(lambda: stack.hear)
    connecting = asyncio.create_task(radio.connect(heard('A'), lambda: None))
    await asyncio.sleep(1.0)
    assert stack.starts == 1
    stack.release.set()
    await connecting
    await eventually(lambda: stack.starts >= 2)


async def test_a_connect_that_does_not_take_its_cancellation_holds_nobody_up(radio, stack, monkeypatch):
    monkeypatch.setattr(module, 'CONNECT_LIMIT', 0.2)
    stack.hangs, stack.ignores_cancel = {'A'}, True
    with pytest.raises(NoAnswer):
        await radio.connect(heard('A'), lambda: None)
    await asyncio.wait_for(radio.connect(heard('B'), lambda: None), 2)
    stack.release.set()
    await eventually(lambda: len(stack.clients) == 2)
    await eventually(lambda: stack.clients[1].is_closed, timeout=2)
    assert not stack.clients[0].is_closed


async def test_a_device_is_held_by_one(radio):
    assert radio.hold(ADDRESS, 'one') is None
    assert radio.hold(ADDRESS, 'one') is None
    assert radio.hold(ADDRESS, 'two') == 'one'
    radio.let_go(ADDRESS, 'two')
    assert radio.hold(ADDRESS, 'two') == 'one'
    radio.let_go(ADDRESS, 'one')
    assert radio.hold(ADDRESS, 'two') is None


# what is heard


def test_the_table_of_devices_is_bounded():
    air = Air(FakeClock().monotonic)
    for number in range(MOST_HEARD + 50):
        air.take(Advert(f'{number:012X}'))
    assert len(air.all(60)) == MOST_HEARD
    assert air.find(f'{0:012X}') is None and air.find(f'{MOST_HEARD + 49:012X}') is not None


def test_a_name_is_kept_and_the_strongest_come_first():
    clock = FakeClock()
    air = Air(clock.monotonic)
    air.take(Advert('A', 'Battery', -80))
    air.take(Advert('A', '', -70))
    air.take(Advert('B', '', -50))
    air.take(Advert('C', '', None))
    assert [each.advert.address for each in air.all(60)] == ['B', 'A', 'C']
    assert air.find('A').advert == Advert('A', 'Battery', -70)
    clock.advance(61)
    assert air.all(60) == [] and air.find('A', 60) is None


def test_the_signal_log_counts_and_keeps_one_sample_a_second():
    clock = FakeClock()
    log = SignalLog()
    for _tenth in range(100):
        log.note(-60, clock.monotonic(), clock.wall())
        clock.advance(0.1)
    assert log.count == 100
    assert 9 <= log.rate(clock.monotonic()) <= 11
    assert 9 <= len(log.strengths()) <= 11
    clock.advance(30)
    assert 2 <= log.rate(clock.monotonic()) <= 3
    clock.advance(120)
    assert log.rate(clock.monotonic()) == 0


def test_the_signal_log_survives_a_step_of_the_wall_clock():
    clock = FakeClock()
    log = SignalLog()
    log.note(-60, clock.monotonic(), clock.wall())
    clock.step_wall(-3600)
    log.note(-61, clock.monotonic(), clock.wall())
    assert [each.rssi for each in log.strengths()] == [-60, -61]


# turns


async def test_who_has_failed_less_often_is_served_first(radio, stack):
    stack.hangs = {'A'}
    first = asyncio.create_task(radio.connect(heard('A'), lambda: None))
    await eventually(lambda: stack.connects == ['A'])
    hopeless = asyncio.create_task(radio.connect(heard('B'), lambda: None, failures=3))
    await asyncio.sleep(0)
    healthy = asyncio.create_task(radio.connect(heard('C'), lambda: None))
    await asyncio.sleep(0)
    stack.release.set()
    await asyncio.gather(first, hopeless, healthy)
    assert stack.connects == ['A', 'C', 'B']


async def test_between_two_connects_somebody_can_be_heard_and_goes_first(radio, stack, monkeypatch):
    monkeypatch.setattr(module, 'POLITE_LIMIT', 0.2)
    stack.hangs = {'A', 'B'}
    hopeless = [asyncio.create_task(radio.connect(heard(name), lambda: None, failures=3)) for name in 'AB']
    await eventually(lambda: stack.connects == ['A'])

    async def healthy() -> None:
        await radio.connect(await radio.find('C', 5), lambda: None)

    connecting = asyncio.create_task(healthy())
    await eventually(lambda: not radio._is_connecting, timeout=3)
    stack.advert('C')
    await connecting
    assert stack.connects[:2] == ['A', 'C']
    stack.release.set()
    await asyncio.gather(*hopeless, return_exceptions=True)


async def test_a_turn_that_was_given_to_somebody_who_has_just_left_goes_on(radio, stack):
    stack.hangs = {'A'}
    first = asyncio.create_task(radio.connect(heard('A'), lambda: None))
    await eventually(lambda: stack.connects == ['A'])
    left = asyncio.create_task(radio.connect(heard('B'), lambda: None))
    await asyncio.sleep(0)
    last = asyncio.create_task(radio.connect(heard('C'), lambda: None))
    await asyncio.sleep(0)
    left.cancel()
    stack.release.set()
    await asyncio.gather(first, last)
    assert stack.connects == ['A', 'C']
