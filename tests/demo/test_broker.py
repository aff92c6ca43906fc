"""Both brokers, and what can be done to them, seen by a plain client."""

import asyncio
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from paho.mqtt.client import MQTTv5

from edgeos.demo.broker import PASSWORD, USER, BrokerError, DemoBroker, Engine, find_mosquitto
from edgeos.demo.ports import RANGE, free_port, held_port
from tests.demo.listener import Listener
from tests.helpers import eventually

needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason='apt install mosquitto')
ENGINES = [pytest.param('mosquitto', marks=needs_mosquitto), 'amqtt']


@pytest.fixture(params=ENGINES)
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DemoBroker]:
    made = DemoBroker(tmp_path, engine=request.param)
    await made.start()
    yield made
    await made.stop()


async def test_strangers_are_let_in_and_hear_each_other(broker: DemoBroker) -> None:
    with Listener(broker.port) as listener:
        await eventually(lambda: listener.is_connected)
        await eventually(lambda: listener.hears_itself)


async def test_it_listens_on_loopback_only(broker: DemoBroker) -> None:
    assert broker.process
    await broker.start()  # running already: changes nothing
    process = psutil.Process(broker.process.pid)
    addresses = {c.laddr for c in process.net_connections() if c.status == psutil.CONN_LISTEN}
    assert addresses == {('127.0.0.1', broker.port)}


async def test_it_dies_at_once_and_comes_back_on_the_same_port(broker: DemoBroker) -> None:
    with Listener(broker.port) as listener:
        await eventually(lambda: listener.is_connected)
        await broker.stop()
        assert not broker.is_running
        await eventually(lambda: listener.losses == 1, timeout=5)
        with pytest.raises(ConnectionRefusedError), socket.create_connection(('127.0.0.1', broker.port)):
            pass
        await broker.start()
        await eventually(lambda: listener.connects == 2)


async def test_a_frozen_broker_takes_connections_and_answers_nobody(broker: DemoBroker) -> None:
    broker.freeze()
    with Listener(broker.port) as listener:
        await asyncio.sleep(0.5)
        assert (listener.connects, listener.refusals) == (0, [])
        broker.thaw()
        await eventually(lambda: listener.is_connected)
    broker.freeze()
    await broker.restart()
    with Listener(broker.port) as listener:
        await asyncio.sleep(0.5)
        assert listener.connects == 0, 'still frozen after a restart'
    broker.thaw()


async def test_refusing_logins_throws_out_and_lets_only_the_login_in(broker: DemoBroker) -> None:
    with Listener(broker.port) as stranger, Listener(broker.port, (USER, PASSWORD)) as friend:
        await eventually(lambda: stranger.is_connected and friend.is_connected)
        await broker.refuse_logins(True)
        await eventually(lambda: stranger.refusals and friend.connects == 2)
        assert stranger.refusals[0] == 'Not authorized'
        with Listener(broker.port, (USER, 'wrong')) as forgetful:
            await eventually(lambda: forgetful.refusals)
        await broker.refuse_logins(False)
        await eventually(lambda: stranger.connects == 2)


@needs_mosquitto
async def test_mosquitto_speaks_mqtt_5(tmp_path: Path) -> None:
    broker = DemoBroker(tmp_path, engine='mosquitto')
    await broker.start()
    with Listener(broker.port, protocol=MQTTv5) as listener:
        await eventually(lambda: listener.is_connected)
        await broker.refuse_logins(True)
        await eventually(lambda: listener.refusals == ['Not authorized'])
    await broker.stop()
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize('engine', ENGINES)
async def test_a_broker_that_ends_at_once_says_why(tmp_path: Path, engine: Engine) -> None:
    (tmp_path / 'broker-users').mkdir()
    broker = DemoBroker(tmp_path, engine=engine)
    with pytest.raises(BrokerError, match=r'broker-users'):
        await broker.start()
    assert not broker.is_running


@pytest.mark.parametrize('engine', ENGINES)
async def test_a_taken_port_is_said(tmp_path: Path, engine: Engine) -> None:
    broker = DemoBroker(tmp_path, engine=engine)
    with socket.create_server(('127.0.0.1', broker.port)):
        with pytest.raises(BrokerError, match=r'another program has port \d+'):
            await broker.start()
        assert not broker.is_running


@pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')
@pytest.mark.parametrize('engine', ENGINES)
async def test_the_broker_dies_with_a_killed_app(tmp_path: Path, engine: Engine) -> None:
    code = f"""if True:
        import asyncio, pathlib
        from edgeos.demo.broker import DemoBroker
        async def main():
            broker = DemoBroker(pathlib.Path({str(tmp_path)!r}), engine={engine!r})
            await broker.start()
            print(broker.process.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())"""
    app = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    assert app.stdout
    pid = int(await asyncio.to_thread(app.stdout.readline))
    app.kill()
    app.wait()
    app.stdout.close()
    await eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == 'zombie', timeout=2)


def test_ports_are_below_those_for_outgoing_connections() -> None:
    assert free_port() in RANGE
    outgoing = Path('/proc/sys/net/ipv4/ip_local_port_range')
    assert RANGE.stop <= (int(outgoing.read_text().split()[0]) if outgoing.exists() else 49_152)
    with held_port() as holder, pytest.raises(ConnectionRefusedError):
        socket.create_connection(holder.getsockname())
