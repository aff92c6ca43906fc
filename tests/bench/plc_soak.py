"""PLC links over time: a thousand connects and disconnects, and ten outages of any length."""
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from edgeos.connections.history import HistoryStore
from edgeos.connections.plc import PlcConnection
from edgeos.connections.services import Services
from edgeos.connections.state import Status
from edgeos.gateway import Gateway
from edgeos.secrets import SecretStore
from edgeos.settings import ConnectionSettings
from tests.bench.report import Report
from tests.plc import Plc

CYCLES = 1000
WARM_UP = 200  # cycles after which nothing may grow any more
FREEZES = 5
OUTAGES = (0.1, 0.7, 1.3, 2.9, 4.1, 0.4, 6.3, 1.9, 25.0, 3.3)  # s


def make(plc: Plc, folder: str) -> PlcConnection:
    services = Services(Gateway(), SecretStore(Path(folder) / 'secrets.toml'), HistoryStore(None))
    config = {'host': plc.address, 'symbols': ['**'], 'poll_ms': 100}
    return PlcConnection(ConnectionSettings(id='plc', type='plc', config=config), services)


def is_good(link: PlcConnection) -> bool:
    points = link.source.points.values()
    return link.status is Status.CONNECTED and bool(points) and all(point.quality == 'good' for point in points)


async def until_good(link: PlcConnection, *, good: bool = True) -> float:
    """Seconds until all points are good, or the link is lost."""
    began = time.monotonic()
    while (is_good(link) if good else link.status is Status.CONNECTED) is not good:
        await asyncio.sleep(0.005)
    return time.monotonic() - began


async def cycles(link: PlcConnection) -> dict[str, float]:
    """What this process has more of after the last cycle than after the warm-up."""
    me, before = psutil.Process(), {}
    for number in range(CYCLES):
        link.start()
        await until_good(link)
        await link.stop()
        if number + 1 in (WARM_UP, CYCLES):
            found = {'resident': me.memory_info().rss / 1e6, 'descriptors': me.num_fds(), 'children': len(me.children())}
            before = before or found
    return {key: found[key] - before[key] for key in found}


async def outages(plc: Plc, link: PlcConnection) -> tuple[list[float], list[float], list[float]]:
    """Seconds until each loss was noticed, from each return until all points were good, until a frozen PLC was noticed."""
    noticed, back = [], []
    link.start()
    await until_good(link)
    for seconds in OUTAGES:
        plc.kill()
        noticed.append(await until_good(link, good=False))
        await asyncio.sleep(seconds)
        await asyncio.to_thread(plc.start)
        back.append(await until_good(link))
    frozen = []
    for _ in range(FREEZES):
        plc.freeze()
        frozen.append(await until_good(link, good=False))
        plc.thaw()
        await until_good(link)
    await link.stop()
    return noticed, back, frozen


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plc = Plc().start()
        try:
            noticed, back, frozen = asyncio.run(outages(plc, make(plc, folder)))
            grown = asyncio.run(cycles(make(plc, folder)))
        finally:
            plc.stop()
    report.figure('PLC killed ten times: noticed, worst', max(noticed), 's', at_most=5)
    report.figure('… all points good after its return, median', statistics.median(back), 's')
    report.figure('… worst', max(back), 's', at_most=5)
    report.figure(f'frozen {FREEZES} times: noticed, worst', max(frozen), 's', at_most=5)
    report.figure(f'{CYCLES} connects: resident memory grown', grown['resident'], 'MB', f'since the {WARM_UP}th', at_most=3)
    report.figure(f'{CYCLES} connects: descriptors grown', grown['descriptors'], '', at_most=0)
    report.figure(f'{CYCLES} connects: children grown', grown['children'], '', at_most=0)
