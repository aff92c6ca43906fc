"""A process that receives MQTT: `bare` is paho on asyncio that only counts, `full` is the whole program.

python -m tests.bench.receiver bare|full PORT EXPECTED...   Prints JSON lines: {"ready"}, {"reached", "at", "cpu"} for
each expected count, and on SIGTERM {"count", "lag_p50", "lag_p99", ...}. Times are of the monotonic clock, which all
processes share; lags are in ms.
"""
import asyncio
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.helpers import free_port


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


class LagProbe:
    """How late a 5 ms timer fires."""

    def __init__(self) -> None:
        self.lags: list[float] = []

    async def run(self) -> None:
        while True:
            due = time.monotonic() + 0.005
            await asyncio.sleep(0.005)
            self.lags.append((time.monotonic() - due) * 1000)

    def figures(self) -> dict[str, float]:
        lags = sorted(self.lags) or [0.0]
        return {'lag_p50': lags[len(lags) // 2], 'lag_p99': lags[int(len(lags) * 0.99)], 'lag_max': lags[-1]}


async def watch(count: Any, expected: list[int]) -> None:
    """Say when each expected count is reached."""
    for wanted in expected:
        while count() < wanted:
            await asyncio.sleep(0.005)
        say(reached=wanted, at=time.monotonic(), cpu=time.process_time())


async def bare(port: int, expected: list[int]) -> None:
    """paho with one read per wake-up, as its documentation shows it."""
    import paho.mqtt.client as mqtt

    loop, counted = asyncio.get_running_loop(), [0]
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)

    def on_message(client: Any, userdata: Any, message: Any) -> None:
        counted[0] += 1

    client.on_message = on_message
    client.on_connect = lambda *_: client.subscribe('bench/#')
    client.on_subscribe = lambda *_: say(ready=True, cpu=time.process_time())
    client.on_socket_open = lambda c, u, sock: loop.add_reader(sock, client.loop_read)
    client.on_socket_close = lambda c, u, sock: loop.remove_reader(sock)
    client.on_socket_register_write = lambda c, u, sock: loop.add_writer(sock, client.loop_write)
    client.on_socket_unregister_write = lambda c, u, sock: loop.remove_writer(sock)
    client.connect('127.0.0.1', port, 60)
    await until_stopped(lambda: counted[0], expected, client.loop_misc)


async def full(ports: list[int], expected: list[int]) -> None:
    """The whole program with its pages, none of them open."""
    from functools import partial

    from edgeos.connections.kinds import config_models
    from edgeos.connections.state import Status
    from edgeos.settings import ConnectionSettings, SettingsFile
    from edgeos.system import System
    from edgeos.web.app import make_app, make_doors
    from edgeos.web.server import bind, run_server
    from pages import add_pages

    with tempfile.TemporaryDirectory() as folder:
        file = SettingsFile.load(Path(folder) / 'settings.toml', config_models(), create=True)
        for number, port in enumerate(ports):
            file.add_connection(ConnectionSettings(id=f'bench{number}', type='mqtt', config={
                'host': '127.0.0.1', 'port': port, 'topics': ['bench/#'], 'max_points': 60_000}))  # fmt: skip
        system = System(file, Path(folder) / 'data')
        await system.start()
        doors, web_port = make_doors(system), free_port()
        app = make_app(system, doors, '127.0.0.1', web_port, partial(add_pages, system=system, doors=doors))
        sock = bind('127.0.0.1', web_port)
        server = asyncio.create_task(run_server(app, sock, on_ready=lambda: None, stop=system.stop))
        while not (links := list(system.connections.connections.values())) or any(
            link.status is not Status.CONNECTED for link in links
        ):
            await asyncio.sleep(0.02)
        say(ready=True, cpu=time.process_time(), web_port=web_port)
        await until_stopped(lambda: sum(link.traffic.packets_received for link in links), expected, lambda: None)
        say(points=sum(len(link.source.points) for link in links),
            thinned=sum(link.source.thinned_updates for link in links))  # fmt: skip
        server.cancel()


async def until_stopped(count: Any, expected: list[int], misc: Any) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    probe = LagProbe()
    tasks = [asyncio.create_task(probe.run()), asyncio.create_task(watch(count, expected))]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    while not stopped.is_set():
        misc()
        try:
            await asyncio.wait_for(stopped.wait(), 1)
        except TimeoutError:
            continue
    for task in tasks:
        task.cancel()
    say(count=count(), cpu=time.process_time(), **probe.figures())


def main() -> None:
    mode, ports, expected = sys.argv[1], [int(p) for p in sys.argv[2].split(',')], [int(n) for n in sys.argv[3:]]
    if mode == 'bare':
        asyncio.run(bare(ports[0], expected))
    else:
        import uvloop

        uvloop.run(full(ports, expected))


if __name__ == '__main__':
    main()
