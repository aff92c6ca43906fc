"""A hundred real links: memory each, threads, idle CPU. And a broker that dies ten times."""
import asyncio
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from edgeos.connections.history import HistoryStore
from edgeos.connections.mqtt import MqttConnection
from edgeos.connections.services import Services
from edgeos.connections.state import Status
from edgeos.gateway import Gateway
from edgeos.secrets import SecretStore
from edgeos.settings import ConnectionSettings
from tests.bench.apps import MAIN, cpu_share, first_answer, program, pss_mb
from tests.bench.report import Report
from tests.broker import Broker
from tests.helpers import free_port
from tests.publisher import Publisher

OUTAGES = 10
DOWN = 5.0


@contextmanager
def linked(folder: Path, port: int, count: int) -> Iterator[psutil.Process]:
    """The program with so many links to the broker, a few seconds after they are up."""
    settings = folder / f'{count}.toml'
    settings.write_text(''.join(f'[[connections]]\nid = "c{number}"\ntype = "mqtt"\n[connections.config]\n'
                                f'host = "127.0.0.1"\nport = {port}\n' for number in range(count)))  # fmt: skip
    web = free_port()
    with program(MAIN, '--settings', str(settings), '--data', str(folder / f'data{count}'), '--port', str(web)) as process:
        first_answer(f'http://127.0.0.1:{web}/api/health')
        time.sleep(6)
        yield psutil.Process(process.pid)


def hundred(report: Report, port: int, folder: Path) -> None:
    with linked(folder, port, 1) as small, linked(folder, port, 100) as large:
        report.figure('100 brokers: memory each, ring begun', (pss_mb(large) - pss_mb(small)) * 1e6 / 1024 / 99, 'KiB', at_most=140)
        report.figure('100 brokers: threads more than with 1', large.num_threads() - small.num_threads(), '', at_most=0)
        with_one = cpu_share([small], 20)
        report.figure('100 brokers: idle CPU', cpu_share([large], 20), '% of a core', f'{with_one:.2f} with one', at_most=1.0)


class Drip:
    """Publishes twenty times a second whenever the broker is there."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with Publisher(self._port) as publisher:
                    while not self._stopped.wait(0.05):
                        publisher.send('bench/drip', '1')
            except (OSError, AssertionError):
                self._stopped.wait(0.02)

    def stop(self) -> None:
        self._stopped.set()


async def outages(broker: Broker) -> list[float]:
    """Seconds from each return of the broker to the first message processed."""
    services = Services(Gateway(), SecretStore(Path('/nonexistent')), HistoryStore(None))
    settings = ConnectionSettings(id='bench', type='mqtt', config={'host': '127.0.0.1', 'port': broker.port})
    connection = MqttConnection(settings, services)
    connection.start()
    drip, found = Drip(broker.port), []
    for _ in range(OUTAGES):
        while connection.status is not Status.CONNECTED or connection.source.thinned_since:
            await asyncio.sleep(0.05)
        await asyncio.sleep(random.random())
        broker.kill()
        await asyncio.sleep(DOWN)
        before, began = connection.traffic.packets_received, time.monotonic()
        await asyncio.to_thread(broker.start)
        while connection.traffic.packets_received == before:
            await asyncio.sleep(0.002)
        found.append(time.monotonic() - began)
    drip.stop()
    await connection.stop()
    return found


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder)).start()
        try:
            hundred(report, broker.port, Path(folder))
            times = asyncio.run(outages(broker))
        finally:
            broker.stop()
    report.figure('broker back: first message, median', statistics.median(times), 's', f'{OUTAGES} outages of {DOWN:g} s', at_most=1.2)
    report.figure('broker back: first message, worst', max(times), 's', at_most=2.0)
