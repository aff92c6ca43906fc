"""How the machine and the app are: CPU, memory, disk, temperature, load and how late the event loop is.

Measured by a thread every two seconds, so that a disk that hangs costs figures, never the app. What is asked for is
answered from memory: the last hour sample by sample, a week as minutes from the history.
"""
import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import nan
from pathlib import Path
from typing import Any

import psutil

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.connections.history import HistoryStore
from edgeos.connections.history_file import Vital
from edgeos.reporting.boundary import Boundary

EVERY = 2.0  # s
HOUR = 3600.0  # s
FIRST = 0.5  # s until the first look: how busy it is shows only over a while
TICK = 0.5  # s between two looks at how late the event loop is
LATE = 3.0  # times EVERY: so long without a sample is a gap

Measure = Callable[[Path], Vital]


class Vitals:
    """`latest` is None until the first sample is there."""

    def __init__(self, data: Path, history: HistoryStore, clock: Clock = SYSTEM_CLOCK,
                 measure: Measure | None = None) -> None:  # fmt: skip
        """`data` is a folder on the disk that matters."""
        self.latest: Vital | None = None
        self._data = data
        self._history = history
        self._clock = clock
        self._measure = measure or Machine().measure
        self._recent: deque[Vital] = deque(maxlen=int(HOUR / EVERY))
        self._minute: list[Vital] = []
        self._lag = 0.0  # ms, the worst since the last sample
        self._lag_task: asyncio.Task[None] | None = None
        self._is_over = threading.Event()

    def start(self) -> None:
        """Begin to measure, in the loop that runs."""
        self._lag_task = asyncio.create_task(self._watch_loop(), name='event-loop lag')
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._sample_for_ever, args=(loop,), name='vitals', daemon=True).start()

    def stop(self) -> None:
        """End; a measurement that hangs is left alone, and holds up nothing."""
        self._is_over.set()
        if self._lag_task is not None:
            self._lag_task.cancel()
        if self._minute:
            self._history.add_vital(averaged(self._minute))

    def recent(self, seconds: float) -> list[Vital]:
        """Those of the last seconds, at most an hour, oldest first."""
        since = self._clock.wall() - seconds
        return [vital for vital in self._recent if vital.t >= since]

    async def minutes(self, seconds: float) -> list[Vital]:
        """Averages of minutes (the worst lag of each), at most a week, oldest first."""
        return await self._history.vitals(seconds)

    async def _watch_loop(self) -> None:
        while True:
            due = time.monotonic() + TICK
            await asyncio.sleep(TICK)
            self._lag = max(self._lag, (time.monotonic() - due) * 1000)

    def _sample_for_ever(self, loop: asyncio.AbstractEventLoop) -> None:
        """The thread: a disk that was taken away, or a sensor that vanished, is told once and measured again."""
        boundary, wait = Boundary('measure the machine'), FIRST
        while not self._is_over.wait(wait):
            with boundary:
                found = self._measure(self._data)
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._take, found)
            wait = EVERY - time.monotonic() % EVERY

    def _take(self, found: Vital) -> None:
        if self._is_over.is_set():
            return
        vital = found._replace(t=self._clock.wall(), lag=round(self._lag, 2))
        self._lag = 0.0
        while self._recent and self._recent[-1].t > vital.t:  # the clock was set back
            self._recent.pop()
        if self._minute and vital.t // 60 != self._minute[0].t // 60:
            self._history.add_vital(averaged(self._minute))
            self._minute = []
        self._minute.append(vital)
        self._recent.append(vital)
        self.latest = vital


class Machine:
    """Asks the system; remembers nothing but the CPU times of the last look, as psutil does."""

    def __init__(self) -> None:
        psutil.cpu_percent(percpu=True)  # begins to count: the first answer would be 0

    def measure(self, data: Path) -> Vital:
        """Blocks for some ms, or as long as the disk hangs. Raises OSError."""
        cores = tuple(psutil.cpu_percent(percpu=True))
        disk = psutil.disk_usage(str(data))
        return Vital(0.0, sum(cores) / len(cores), psutil.virtual_memory().percent, disk.percent,
                     processor_temperature(), psutil.getloadavg()[0], 0.0, cores)  # fmt: skip


def processor_temperature() -> float:
    """Of the processor, in °C; NaN where nobody measures it."""
    sensors: dict[str, list[Any]] = getattr(psutil, 'sensors_temperatures', dict)()
    for name in ('cpu_thermal', 'coretemp', 'k10temp', 'soc_thermal', *sorted(sensors)):
        found = [sensor.current for sensor in sensors.get(name, ()) if sensor.current]
        if found:
            return float(max(found))
    return nan


def averaged(vitals: list[Vital]) -> Vital:
    """One for the minute they are of; its lag is the worst of theirs."""
    count = len(vitals)
    columns = zip(*(vital[1:6] for vital in vitals), strict=True)
    cpu, memory, disk, temperature, load = (sum(column) / count for column in columns)
    cores = tuple(sum(values) / count for values in zip(*(vital.cores for vital in vitals), strict=False))
    return Vital(60 * (vitals[0].t // 60), cpu, memory, disk, temperature, load, max(v.lag for v in vitals), cores)
