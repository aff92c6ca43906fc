"""Twenty Bluetooth devices around an app: a fake BlueZ in a process of its own, and the connections to five of them."""
import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.history import HistoryStore
from edgeos.connections.services import Services
from edgeos.connections.state import Status
from edgeos.gateway import Gateway
from edgeos.secrets import SecretStore
from edgeos.settings import ConnectionSettings
from tests.devices.bluez.bus import Bus
from tests.devices.bluez.program import battery_address, sensor_address
from tests.helpers import eventually
from tests.lag import Lag

ROOT = Path(__file__).parents[2]
BATTERIES, SENSORS = 5, 15
POLL = 2.0  # s
LISTENED = 0.3  # of the time, to measure the lag of the loop
HEARD = 3  # of the sensors are connections too


class AirProcess:
    """The fake BlueZ with its devices, told what to do by name."""

    def __init__(self, batteries: int = BATTERIES, sensors: int = SENSORS) -> None:
        self.bus = Bus().start()
        os.environ['DBUS_SYSTEM_BUS_ADDRESS'] = self.bus.address
        self._counts = ('--batteries', str(batteries), '--sensors', str(sensors), '--interval', '0.5')
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> 'AirProcess':
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, '-m', 'tests.devices.bluez.program', '--bus', self.bus.address, *self._counts,
            cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)  # fmt: skip
        assert self._process.stdout is not None
        assert await self._process.stdout.readline() == b'ready\n'
        return self

    async def tell(self, **command: Any) -> Any:
        """One command of the program; raises RuntimeError for what it cannot do."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(command).encode() + b'\n')
        answer = json.loads(await process.stdout.readline())
        if 'error' in answer:
            raise RuntimeError(answer['error'])
        return answer['result']

    async def kill(self) -> None:
        """As SIGKILL of bluetoothd."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    async def stop(self) -> None:
        await self.kill()
        self.bus.stop()
        os.environ.pop('DBUS_SYSTEM_BUS_ADDRESS', None)


class Household:
    """Connections to the batteries and to some of the sensors."""

    def __init__(self, folder: str) -> None:
        self.services = Services(Gateway(), SecretStore(Path(folder) / 'secrets.toml'), HistoryStore(None))
        self.batteries: list[BluetoothConnection] = []
        self.sensors: list[BluetoothConnection] = []

    def start(self, batteries: int, sensors: int) -> None:
        self.batteries = [self._make(f'battery_{n}', battery_address(n), 'auto', POLL) for n in range(batteries)]
        self.sensors = [self._make(f'sensor_{n}', sensor_address(n), 'bthome', 10.0) for n in range(sensors)]

    @property
    def all(self) -> list[BluetoothConnection]:
        return [*self.batteries, *self.sensors]

    def _make(self, name: str, address: str, profile: str, poll: float) -> BluetoothConnection:
        config = {'address': address, 'profile': profile, 'poll_s': poll}
        made = BluetoothConnection(ConnectionSettings(id=name, type='bluetooth', config=config), self.services)
        made.start()
        return made

    async def stop(self) -> None:
        await asyncio.gather(*(each.stop() for each in self.all))
        await self.services.radios.stop()


def is_good(connection: BluetoothConnection) -> bool:
    points = connection.source.points.values()
    return connection.status is Status.CONNECTED and any(point.quality == 'good' for point in points)


@dataclass(slots=True)
class Crowd:
    """What twenty devices cost over some time; memory, descriptors and tasks are what there is more at the end."""

    seconds: float
    lag_p99: float
    empty_p99: float
    cpu_percent: float
    memory_mb: float
    descriptors: int
    tasks: int
    lost: int
    polls: int
    errors: int


async def crowd(seconds: float, warm_up: float = 10.0) -> Crowd:
    """Five batteries connected and fifteen sensors on the air, for so long."""
    air = await AirProcess().start()
    with tempfile.TemporaryDirectory() as folder:
        house = Household(folder)
        house.start(BATTERIES, HEARD)
        try:
            await eventually(lambda: all(is_good(each) for each in house.all), timeout=60)
            await asyncio.sleep(warm_up)
            return await _watch(house, seconds)
        finally:
            await house.stop()
            await air.stop()


async def _watch(house: Household, seconds: float) -> Crowd:
    me = psutil.Process()
    reconnects = sum(each.traffic.reconnects for each in house.all)
    polls = sum(each.traffic.packets_sent for each in house.batteries)
    gc.collect()
    memory, descriptors, tasks = me.memory_info().rss, me.num_fds(), len(asyncio.all_tasks())
    began, cpu = time.monotonic(), time.process_time()
    await asyncio.sleep(seconds * (1 - LISTENED))
    used, took = time.process_time() - cpu, time.monotonic() - began
    gc.collect()
    grown = me.memory_info().rss - memory  # before the lag is measured, which keeps every sample
    async with Lag() as lag:
        await asyncio.sleep(seconds * LISTENED)
    return Crowd(
        time.monotonic() - began, lag.p99, lag.empty_p99, 100 * used / took, grown / 1e6, me.num_fds() - descriptors, len(asyncio.all_tasks()) - tasks,
        sum(each.traffic.reconnects for each in house.all) - reconnects,
        sum(each.traffic.packets_sent for each in house.batteries) - polls,
        sum(each.traffic.errors for each in house.all),
    )  # fmt: skip
