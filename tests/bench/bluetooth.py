"""Bluetooth: twenty devices for ten minutes, and how soon each kind of trouble is noticed and over."""
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable

from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.state import Status
from tests.bench.bluetooth_air import POLL, AirProcess, Household, crowd, is_good
from tests.bench.report import Report
from tests.devices.bluez.program import battery_address

SECONDS = 600.0
NOTICED, BACK = 3 * POLL, 60.0  # s to hold
DOWN = 8.0  # s

Deed = Callable[[], Awaitable[object]]


async def until(connection: BluetoothConnection, *, good: bool, limit: float = 90.0) -> float:
    """Seconds until all is well, or the loss is said; infinite if that does not come."""
    began = time.monotonic()
    while (is_good(connection) if good else connection.status is not Status.CONNECTED) is not True:
        if time.monotonic() - began > limit:
            return float('inf')
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def deeds(air: AirProcess, address: str) -> dict[str, tuple[Deed, Deed]]:
    """What is done to the first battery or its surroundings, and undone."""

    def device(call: str, *arguments: object) -> Deed:
        return lambda: air.tell(device=address, call=call, arguments=arguments)

    def adapter(call: str, *arguments: object) -> Deed:
        return lambda: air.tell(adapter='hci0', call=call, arguments=arguments)

    async def nothing() -> None:
        """It mends itself."""

    async def kill_bus() -> None:
        air.bus.kill()
        await air.kill()

    async def start_bus() -> None:
        air.bus.start()
        await air.start()

    return {
        'link lost': (device('lose_link'), nothing),
        'vanished without a word': (device('vanish'), device('come_back')),
        'out of range': (device('leave'), device('come_back')),
        'taken by a phone': (device('take'), device('release')),
        'reads and writes hang': (device('faults.hang', 'WriteValue'), device('faults.heal')),
        'adapter off': (adapter('power', False), adapter('power', True)),
        'adapter blocked': (adapter('block'), adapter('unblock')),
        'bluetoothd hangs': (lambda: air.tell(call='freeze'), lambda: air.tell(call='thaw')),
        'bluetoothd killed': (air.kill, air.start),
        'bus killed': (kill_bus, start_bus),
    }


async def troubles() -> dict[str, tuple[float, float]]:
    """Seconds until each was noticed, and until all was well after its end; with the waits of real life."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in deeds(AirProcess.__new__(AirProcess), ''):
            air = await AirProcess(1, 3).start()
            house = Household(folder)
            house.start(1, 0)
            try:
                battery = house.batteries[0]
                await until(battery, good=True)
                done, undone = deeds(air, battery_address(0))[name]
                began = time.monotonic()
                await done()
                await until(battery, good=False)
                noticed = time.monotonic() - began
                await asyncio.sleep(DOWN if name != 'link lost' else 0)
                await undone()
                found[name] = noticed, await until(battery, good=True)
            finally:
                await house.stop()
                await air.stop()
    return found


def run(report: Report) -> None:
    for name, (noticed, back) in asyncio.run(troubles()).items():
        report.figure(f'{name}: noticed', noticed, 's', at_most=NOTICED)
        report.figure('… values again after its end', back, 's', at_most=BACK)
    seen = asyncio.run(crowd(SECONDS))
    report.figure(f'20 devices, 5 connected, {seen.seconds:.0f} s: lag p99', seen.lag_p99, 'ms',
                  f'empty loop {seen.empty_p99:.1f} ms', at_most=max(20.0, 2 * seen.empty_p99))  # fmt: skip
    report.figure('… CPU', seen.cpu_percent, '% of a core')
    report.figure('… memory at the end more than after 10 s', seen.memory_mb, 'MB', at_most=3)
    report.figure('… descriptors and tasks more', seen.descriptors + seen.tasks, '', at_most=2)
    report.figure('… links lost, errors', seen.lost + seen.errors, '', f'{seen.polls} questions asked', at_most=0)
