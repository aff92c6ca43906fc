"""The battery as a part of the demo: start, switches, and what is said where bumble is not installed."""
from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bleak.exc import BleakBluetoothNotAvailableError

from edgeos.demo.battery import ADDRESS
from edgeos.demo.battery_part import BatteryPart
from edgeos.demo.radio_neighbours import THERMOMETER
from edgeos.demo.switches import Switch
from edgeos.processes import ProcessError
from tests.demo.test_battery import CELLS
from tests.demo.test_radio import Client, Ear, answers, find, is_silent, is_wrong, needs_bumble
from tests.helpers import eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def part() -> AsyncIterator[BatteryPart]:
    needs_bumble()
    made = BatteryPart(asyncio.Lock())
    await made.start()
    yield made
    await made.stop()


def switch(part: BatteryPart, id: str) -> Switch:
    return next(each for each in part.switches if each.id == f'demo_battery_{id}')


def test_its_connections_lead_to_what_is_on_the_air() -> None:
    battery, thermometer = BatteryPart(asyncio.Lock()).connections()
    assert (battery['type'], battery['config']['address'], battery['config']['adapter']) == ('bluetooth', ADDRESS, 'demo')
    assert (thermometer['config']['address'], thermometer['config']['profile']) == (THERMOMETER, 'bthome')


async def test_every_fault_can_be_switched_and_repaired(part: BatteryPart) -> None:
    assert part.radio is not None and not part.missing and part.processes[0].is_running
    async with Client(part.radio, await find(part.radio)) as client:
        await client.subscribe()
        await switch(part, 'silent').set(True)
        await eventually(lambda: is_silent(client))
        await switch(part, 'silent').set(False)
        await switch(part, 'corrupt').set(True)
        await eventually(lambda: is_wrong(client))
        await switch(part, 'corrupt').set(False)
        await eventually(lambda: answers(client))  # what was asked before may still be answered wrongly
        await switch(part, 'adapter_off').set(True)
        assert client.losses == 1
        with pytest.raises(BleakBluetoothNotAvailableError):
            await Ear(part.radio).scanner.start()
        await switch(part, 'adapter_off').set(False)
    await switch(part, 'drop').set(True)
    async with Client(part.radio) as client:
        await client.subscribe()
        await client.bleak.write_gatt_char('ff02', CELLS, response=False)
        await eventually(lambda: client.losses)
    await switch(part, 'drop').set(False)
    await switch(part, 'far').set(True)
    async with Ear(part.radio) as ear:
        await eventually(lambda: ear.count(THERMOMETER) > 1, timeout=5)
        assert ear.count() == 0
        await switch(part, 'far').set(False)
        await eventually(ear.count)


async def test_a_restart_brings_everything_back_with_its_faults(part: BatteryPart) -> None:
    assert part.radio is not None
    await switch(part, 'silent').set(True)
    restart = switch(part, 'restart')
    assert restart.momentary and restart.off_after == 5
    await restart.press()
    restart.cancel()
    assert not part.process.is_running
    await eventually(lambda: not part.radio.is_plugged)
    await restart.set(False)
    await part.radio.open(5)
    async with Client(part.radio, await find(part.radio)) as client:
        await client.subscribe()
        await eventually(lambda: is_silent(client))


async def test_nothing_is_left_after_the_stop(part: BatteryPart) -> None:
    await part.stop()
    assert not part.process.is_running and part.radio is not None and not part.radio.is_plugged
    assert not [task for task in asyncio.all_tasks() if 'radio' in task.get_name()]


async def test_a_battery_that_does_not_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_bumble()
    part = BatteryPart(asyncio.Lock())
    part.process.argv = [sys.executable, '-c', 'print("no air today")']
    with pytest.raises(ProcessError, match='no air today'):
        await part.start()
    assert not part.process.is_running and part.radio is None


async def test_without_bumble_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'bumble', None)
    part = BatteryPart(asyncio.Lock())
    assert 'requirements-demo.txt' in part.missing and part.switches == []
    await part.start()
    assert part.radio is None and not part.process.is_running
    assert len(part.connections()) == 2, 'their cards say what is the matter'
    await part.stop()


async def test_a_bumble_that_cannot_be_loaded_does_not_stop_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_bumble()
    part = BatteryPart(asyncio.Lock())
    monkeypatch.setitem(sys.modules, 'edgeos.demo.radio_backend', None)
    await part.start()
    assert part.missing and part.radio is None and not part.process.is_running
    await switch(part, 'adapter_off').set(True)
    await part.stop()


def test_the_app_loads_bumble_only_when_the_demo_starts() -> None:
    code = 'import sys, edgeos.demo.battery_part; sys.exit("bumble" in sys.modules or "bleak" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT).returncode == 0


def test_switches_say_what_to_watch() -> None:
    needs_bumble()
    switches = BatteryPart(asyncio.Lock()).switches
    assert len({each.id for each in switches}) == len(switches) == 6
    for each in switches:
        assert each.name and each.explanation.endswith('.') and 40 < len(each.explanation) < 200
