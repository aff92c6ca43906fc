"""The whole program with N connections whose traffic is made up: python -m tests.bench.crowd N POINTS full|still

`full` changes every connection's counters each second, `still` leaves them; rings of seconds and points are filled.
Prints {"port"} when it serves.
"""
import asyncio
import json
import math
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import uvloop

from edgeos.connections.kinds import config_models
from edgeos.connections.mqtt import MqttConnection
from edgeos.connections.seconds import SecondRing
from edgeos.connections.state import Status
from edgeos.settings import ConnectionSettings, SettingsFile
from edgeos.system import System
from edgeos.web.app import make_app, make_doors
from edgeos.web.server import bind, run_server
from pages import add_pages


class Driven(MqttConnection):
    """Connected without a network: its counters move when told."""

    async def _open(self) -> None:
        return

    async def _serve(self) -> None:
        await asyncio.Event().wait()

    def beat(self, number: int) -> None:
        packets = 50 + (number * 7 + int(time.monotonic()) * 13) % 97
        self.traffic.packets_received += packets
        self.traffic.bytes_received += packets * 61
        self.traffic.packets_sent += packets // 9
        self.traffic.bytes_sent += packets * 7
        self.prove(time.monotonic())


def fill(connection: Driven, points: int) -> None:
    """An hour of seconds, and an hour of each point."""
    ring = connection.traffic._ring = SecondRing()
    now, wall = connection.traffic._second(time.monotonic()), time.time()
    for second in range(3600):
        ring.put(now - 3600 + second, wall - 3600 + second, (1, 2, 3, 4, 0), False)
    gateway = connection.services.gateway
    for number in range(points):
        point = gateway.point(connection.source, f'house/room{number % 30}/device{number}/value')
        assert point is not None
        for step in range(400):
            gateway.deliver(point, math.sin(step / 20) * number, wall - 3600 + step * 9)


async def serve(count: int, points: int, driven: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = SettingsFile.load(Path(folder) / 'settings.toml', config_models(), create=True)
        system = System(file, Path(folder) / 'data')
        for number in range(count):
            settings = ConnectionSettings(id=f'c{number}', type='mqtt', name=f'Connection {number}',
                                          config={'host': f'10.0.{number // 250}.{number % 250}'})  # fmt: skip
            connection = Driven(settings, system.services)
            system.connections.connections[settings.id] = connection
            fill(connection, points)
            connection.start()
        await system.start()
        doors = make_doors(system)
        sock = bind('127.0.0.1', 0)
        port = sock.getsockname()[1]
        app = make_app(system, doors, '127.0.0.1', port, partial(add_pages, system=system, doors=doors))
        connections = list(system.connections.connections.values())
        beats = asyncio.create_task(beat(connections)) if driven else None
        ready = partial(print, json.dumps({'port': port}), flush=True)
        await run_server(app, sock, on_ready=ready, stop=system.stop)
        del beats


async def beat(connections: list[Driven]) -> None:
    while True:
        await asyncio.sleep(1 - time.monotonic() % 1)
        for number, connection in enumerate(connections):
            if connection.status is Status.CONNECTED:
                connection.beat(number)


if __name__ == '__main__':
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == 'full'))
