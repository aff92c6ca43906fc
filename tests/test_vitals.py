"""How the machine is, measured by a thread."""
import asyncio
import subprocess
import sys
import threading
from math import isnan, nan
from pathlib import Path

import pytest

from edgeos.connections.history import HistoryStore
from edgeos.connections.history_file import Vital
from edgeos.processes import PROJECT
from edgeos.vitals import Machine, Vitals, averaged, processor_temperature
from tests.helpers import FakeClock, eventually

MINUTE = 1_700_000_040.0  # where one begins


def vital(t: float, cpu: float = 10.0, lag: float = 0.0, temperature: float = nan) -> Vital:
    return Vital(t, cpu, 20.0, 30.0, temperature, 0.5, lag, (cpu, 0.0))


def test_this_machine_is_measured(tmp_path: Path) -> None:
    found = Machine().measure(tmp_path)
    assert 0 <= found.cpu <= 100 and 0 < found.memory < 100 and 0 < found.disk <= 100 and len(found.cores) >= 1


def test_a_minute_is_its_averages_and_its_worst_lag() -> None:
    minute = averaged([vital(MINUTE + 1, 10, 3, 40), vital(MINUTE + 3, 30, 9, 50)])
    assert minute == Vital(MINUTE, 20, 20, 30, 45, 0.5, 9, (20, 0))


def test_the_processor_comes_before_other_sensors(monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import namedtuple

    sensor = namedtuple('sensor', 'current')
    found = {'nvme': [sensor(90.0)], 'cpu_thermal': [sensor(41.5)]}
    monkeypatch.setattr('psutil.sensors_temperatures', lambda: found, raising=False)
    assert processor_temperature() == 41.5
    found.clear()
    assert isnan(processor_temperature())


async def test_samples_are_kept_and_whole_minutes_go_to_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('edgeos.vitals.EVERY', 0.01)
    clock = FakeClock(wall=MINUTE)
    history = HistoryStore(tmp_path / 'history.sqlite', clock)
    history.start()
    vitals = Vitals(tmp_path, history, clock, measure=lambda _: vital(0, temperature=nan))
    assert vitals.latest is None
    vitals.start()
    await eventually(lambda: len(vitals.recent(3600)) >= 3)
    clock.advance(60)
    await eventually(lambda: vitals.latest is not None and vitals.latest.t >= MINUTE + 60)
    (minute,) = await vitals.minutes(7 * 86400)
    assert minute.t == MINUTE and minute.cpu == 10 and isnan(minute.temperature)
    vitals.stop()
    history.stop()
    again = HistoryStore(tmp_path / 'history.sqlite', clock)
    again.start()
    assert [each.t for each in await again.vitals(3600)] == [MINUTE, MINUTE + 60], 'also the last, unfinished one'
    again.stop()


async def test_a_disk_that_hangs_costs_figures_only(tmp_path: Path) -> None:
    gate = threading.Event()

    def hang(_: Path) -> Vital:
        gate.wait(10)
        return vital(0)

    vitals = Vitals(tmp_path, HistoryStore(None), measure=hang)
    vitals.start()
    await asyncio.sleep(0)
    assert vitals.latest is None and vitals.recent(60) == []
    gate.set()
    await eventually(lambda: vitals.latest is not None)
    vitals.stop()


async def test_a_disk_that_is_gone_is_told_and_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr('edgeos.vitals.EVERY', 0.01)
    found: list[Vital] = []

    def measure(_: Path) -> Vital:
        if not found:
            found.append(vital(0))
            raise OSError(5, 'Input/output error')
        return found[0]

    vitals = Vitals(tmp_path, HistoryStore(None), measure=measure)
    vitals.start()
    await eventually(lambda: vitals.latest is not None)
    vitals.stop()
    assert 'measure the machine' in caplog.text


async def test_each_outage_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr('edgeos.vitals.EVERY', 0.01)
    asked = 0

    def measure(_: Path) -> Vital:
        nonlocal asked
        asked += 1
        if asked % 8:
            raise RuntimeError('no disk, no sensor')  # whatever it is
        return vital(0)

    vitals = Vitals(tmp_path, HistoryStore(None), measure=measure)
    vitals.start()
    await eventually(lambda: asked >= 18)
    vitals.stop()
    assert sum('measure the machine' in record.getMessage() for record in caplog.records) in (3, 4)


async def test_what_lies_in_the_future_goes_when_the_clock_is_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('edgeos.vitals.EVERY', 0.01)
    clock = FakeClock(wall=MINUTE)
    vitals = Vitals(tmp_path, HistoryStore(None), clock, measure=lambda _: vital(0))
    vitals.start()
    await eventually(lambda: vitals.recent(60))
    clock.step_wall(-600)
    await eventually(lambda: vitals.latest is not None and vitals.latest.t == MINUTE - 600)
    assert {each.t for each in vitals.recent(3600)} == {MINUTE - 600}
    vitals.stop()


HANGS = """
import asyncio, threading, time
from pathlib import Path
from edgeos.connections.history import HistoryStore
from edgeos.vitals import Vitals
begun = threading.Event()
def measure(_):
    begun.set()
    time.sleep(60)
async def main():
    vitals = Vitals(Path('.'), HistoryStore(None), measure=measure)
    vitals.start()
    await asyncio.to_thread(begun.wait)
    vitals.stop()
asyncio.run(main())
"""


def test_the_program_ends_though_a_measurement_hangs() -> None:
    assert subprocess.run([sys.executable, '-c', HANGS], cwd=PROJECT, timeout=15).returncode == 0
