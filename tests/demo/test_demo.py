"""The whole demo as its page uses it, watched by a plain client."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from edgeos.demo import Demo
from edgeos.demo.broker import BrokerError, DemoBroker, Engine
from edgeos.demo.living import House
from edgeos.demo.switches import Switch
from tests.demo.listener import Listener
from tests.demo.test_broker import ENGINES, needs_mosquitto
from tests.helpers import eventually, patient

CLIMATE = 'house/living-room/climate'


@pytest.fixture(params=ENGINES)
async def demo(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Demo]:
    made = Demo(tmp_path, seed=1, engine=request.param)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def listener(demo: Demo) -> AsyncIterator[Listener]:
    with Listener(demo.broker.port) as made:
        await eventually(lambda: made.total > 20)
        yield made


def switch(demo: Demo, id: str) -> Switch:
    return next(switch for switch in demo.switches if switch.id == id)


async def quiet(listener: Listener) -> bool:
    return await asyncio.to_thread(listener.rate, 0.5) == 0


async def test_all_devices_speak_the_same_topics_on_either_broker(demo: Demo, listener: Listener) -> None:
    topics = {message.topic for message in House(1).report()}
    assert len(topics) > 25
    await eventually(lambda: set(listener.last) >= topics)
    rate = await asyncio.to_thread(listener.rate, 2)
    assert 5 < rate < 100


async def test_states_are_retained(demo: Demo, listener: Listener) -> None:
    states = {CLIMATE, 'house/kitchen/light', 'house/weather/text'}
    await eventually(lambda: states <= set(listener.last))
    with Listener(demo.broker.port) as late:
        await eventually(lambda: states <= late.retained)


async def test_commands_are_obeyed_and_then_reported(demo: Demo, listener: Listener) -> None:
    listener.send(f'{CLIMATE}/setpoint/set', '24.5')
    listener.send('house/living-room/light/brightness/set', '55')
    listener.send('house/bedroom/shutter/set', 'open')
    await eventually(lambda: json.loads(listener.last[CLIMATE])['setpoint'] == 24.5, timeout=2)
    await eventually(lambda: listener.text('house/living-room/light/brightness') == '55')
    assert listener.text('house/living-room/light') == 'ON'
    await eventually(lambda: listener.text('house/bedroom/shutter/position') == '100', timeout=10)


async def test_the_broker_stops_and_starts_and_the_house_comes_back(demo: Demo, listener: Listener) -> None:
    stop = switch(demo, 'stop_broker')
    await stop.press()
    assert stop.is_on
    await eventually(lambda: listener.losses == 1)
    await stop.press()
    assert not stop.is_on
    began = time.monotonic()
    with Listener(demo.broker.port) as fresh:
        await eventually(lambda: len(fresh.last) > 25)
    assert time.monotonic() - began < patient(5)


async def test_a_frozen_broker_goes_on_after_the_thaw(demo: Demo, listener: Listener) -> None:
    freeze = switch(demo, 'freeze_broker')
    await freeze.set(True)
    await eventually(lambda: quiet(listener))  # what was on its way still arrives
    assert listener.losses == 0, 'nobody was told'
    await freeze.set(False)
    await eventually(lambda: asyncio.to_thread(listener.rate, 0.5))


async def test_refused_logins_hit_everybody_but_the_house(demo: Demo, listener: Listener) -> None:
    refuse = switch(demo, 'refuse_logins')
    await refuse.set(True)
    await eventually(lambda: listener.refusals)
    with Listener(demo.broker.port, ('demo', 'demo')) as owner:
        await eventually(lambda: len(owner.last) > 25)
    await refuse.set(False)
    await eventually(lambda: listener.connects == 2)


async def test_silent_devices_stay_connected_and_say_nothing(demo: Demo, listener: Listener) -> None:
    silent = switch(demo, 'silent')
    await silent.set(True)
    await eventually(lambda: quiet(listener), timeout=3)
    assert listener.losses == 0
    await silent.set(False)
    total = listener.total
    await eventually(lambda: listener.total > total + 5)


async def test_wrong_data_hits_the_thermostats_only(demo: Demo, listener: Listener) -> None:
    wrong = switch(demo, 'wrong_data')
    await wrong.set(True)
    await eventually(lambda: listener.last[CLIMATE] == b'sensor error 7', timeout=10)
    assert json.loads(listener.last['house/energy'])['power']
    await wrong.set(False)
    await eventually(lambda: listener.last[CLIMATE].startswith(b'{') and json.loads(listener.last[CLIMATE])['valve'])


@needs_mosquitto
async def test_a_flood_is_a_flood(tmp_path: Path) -> None:
    demo = Demo(tmp_path, engine='mosquitto')
    await demo.start()
    flood = switch(demo, 'flood')
    with Listener(demo.broker.port) as listener:
        await eventually(lambda: asyncio.to_thread(listener.rate, 0.5))
        await flood.set(True)
        await eventually(lambda: listener.counts['house/hall/light/brightness'] > 100)
        assert 1_000 < await asyncio.to_thread(listener.rate, 2) < 4_000, 'twice what a source may, also on a busy machine'
        await flood.set(False)
        await eventually(lambda: asyncio.to_thread(lambda: listener.rate(0.5) < 200), timeout=3)
    await demo.stop()


@needs_mosquitto
async def test_the_restart_takes_its_time_and_ends_by_itself(tmp_path: Path) -> None:
    demo = Demo(tmp_path, engine='mosquitto')
    await demo.start()
    restart = switch(demo, 'restart_broker')
    assert restart.momentary and restart.off_after == 5
    restart.off_after = 0.5
    with Listener(demo.broker.port) as listener:
        await eventually(lambda: listener.is_connected)
        await restart.press()
        assert restart.is_on and not demo.broker.is_running
        await eventually(lambda: not restart.is_on)
        await eventually(lambda: listener.connects == 2)
    await demo.stop()


@needs_mosquitto
async def test_switches_can_be_mixed_and_reset(tmp_path: Path) -> None:
    demo = Demo(tmp_path, engine='mosquitto')
    await demo.start()
    await switch(demo, 'stop_broker').set(True)
    await switch(demo, 'restart_broker').press()
    await switch(demo, 'stop_broker').set(False)
    assert not demo.broker.is_running, 'the restart still has it'
    await switch(demo, 'freeze_broker').set(True)
    await switch(demo, 'refuse_logins').set(True)
    await switch(demo, 'flood').set(True)
    assert sum(each.is_on for each in demo.switches) == 4
    await demo.reset()
    assert not any(each.is_on for each in demo.switches)
    with Listener(demo.broker.port) as listener:
        await eventually(lambda: len(listener.last) > 25)
    await demo.stop()


@needs_mosquitto
async def test_a_switch_whose_deed_fails_stays_as_it_was(tmp_path: Path) -> None:
    demo = Demo(tmp_path, engine='mosquitto')
    await demo.start()
    stop = switch(demo, 'stop_broker')
    await stop.set(True)
    with socket.create_server(('127.0.0.1', demo.broker.port)), pytest.raises(BrokerError):
        await stop.set(False)
    assert stop.is_on
    await stop.set(False)
    await demo.stop()


async def test_the_connections_work_but_for_one_that_cannot(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    house, garage, heating, cellar, battery, thermometer = demo.connections()
    assert (house['id'], house['type'], house['config']['port']) == ('demo_house', 'mqtt', demo.broker.port)
    assert house['config']['topics'] == ['house/#']
    write_topics = house['config']['write_topics']
    assert write_topics[f'{CLIMATE}/setpoint'] == f'{CLIMATE}/setpoint/set'
    assert write_topics['house/kitchen/light'] == 'house/kitchen/light/set'
    assert [(plc['type'], plc['config']['ams_port']) for plc in (heating, cellar)] == [('plc', 851), ('plc', 801)]
    assert [(each['type'], each['config']['adapter']) for each in (battery, thermometer)] == [('bluetooth', 'demo')] * 2
    assert garage['name'] == 'Garage broker (broken on purpose)'
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', garage['config']['port']))
    await demo.stop()


async def test_switches_say_what_to_watch(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    assert len({each.id for each in demo.switches}) == len(demo.switches) > 20
    for each in demo.switches:
        assert each.name and each.explanation.endswith('.') and 40 < len(each.explanation) < 200
    await demo.stop()


@pytest.mark.parametrize('engine', ENGINES)
async def test_nothing_is_left_two_seconds_after_the_stop(tmp_path: Path, engine: Engine) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    demo = Demo(tmp_path, engine=engine)
    await demo.start()
    await switch(demo, 'freeze_broker').set(True)
    await switch(demo, 'restart_broker').press()
    began = time.monotonic()
    await demo.stop()
    assert time.monotonic() - began < patient(4)
    assert {child.pid for child in psutil.Process().children(recursive=True)} == before
    assert not [task for task in asyncio.all_tasks() if 'switch' in task.get_name()]


async def test_a_failed_start_leaves_nothing(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    with socket.create_server(('127.0.0.1', demo.broker.port)):
        with pytest.raises(BrokerError):
            await demo.start()
    assert demo.processes == []


@pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')
async def test_nothing_is_left_when_the_app_is_killed(tmp_path: Path) -> None:
    code = f"""if True:
        import asyncio, pathlib
        from edgeos.demo import Demo
        async def main():
            demo = Demo(pathlib.Path({str(tmp_path)!r}))
            await demo.start()
            demo.broker.freeze()
            print(*(process.pid for process in demo.processes), flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())"""
    app = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    assert app.stdout
    pids = [int(pid) for pid in (await asyncio.to_thread(app.stdout.readline)).split()]
    assert len(pids) == 5
    app.kill()
    app.wait()
    app.stdout.close()
    await eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids), timeout=2)


async def test_ports_differ(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    assert demo.broker.port != demo.connections()[1]['config']['port']
    assert isinstance(demo.broker, DemoBroker)
    await demo.stop()
