"""What error reports cost: the start and memory with and without a DSN, and a storm of errors."""
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.bench.apps import MAIN, clean_environment, first_answer, pss_mb
from tests.bench.report import Report
from tests.helpers import eventually_sync, free_port
from tests.lag import Lag
from tests.reporting.ingest import Ingest

ROUNDS = 7
LOADED = 12.0  # s after the start: sentry-sdk is in the process by then
STORM = 10_000


def run(report: Report) -> None:
    with Ingest() as ingest:
        _start(report, ingest.dsn)
        _memory(report, ingest.dsn)
        without, with_dsn = _storm(''), _storm(ingest.dsn)
        sent = len(ingest.events)
    report.row(f'{STORM:,} equal errors, CPU s, with a DSN', with_dsn['cpu'], without['cpu'], at_most=2.0)
    report.row('  beside only a log line each (logging)', without['cpu'], without['logging'])
    report.figure('  memory', with_dsn['memory'] / 1e6, 'MB', at_most=25)
    report.figure('  disk: events and log', with_dsn['disk'] / 1e6, 'MB', at_most=3)
    report.figure('  reports that left', sent, '', at_most=2)
    report.figure('  lag p99 while it lasts', with_dsn['lag'], 'ms', f'empty loop {with_dsn["empty"]:.1f}',
                  at_most=max(20.0, 2 * with_dsn['empty']))  # fmt: skip
    report.figure('  lag p99 while sentry-sdk is loaded', with_dsn['loading'], 'ms', 'in a thread', at_most=20)


@contextmanager
def _ours(dsn: str):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / 'settings.toml').write_text('')
        environment = {**clean_environment(), 'SENTRY_DSN': dsn}
        process = subprocess.Popen([sys.executable, MAIN, '--settings', f'{folder}/settings.toml', '--port', str(port)],
                                   env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            first_answer(f'http://127.0.0.1:{port}/api/health')
            yield process
        finally:
            process.terminate()
            process.wait(15)


def _start(report: Report, dsn: str) -> None:
    times: dict[str, list[float]] = {'': [], dsn: []}
    for _ in range(ROUNDS):
        for each, found in times.items():
            began = time.monotonic()
            with _ours(each):
                found.append(time.monotonic() - began)
    report.row('start to first 200, s, with a DSN', statistics.median(times[dsn]), statistics.median(times['']), at_most=1.05)


def _memory(report: Report, dsn: str) -> None:
    with _ours('') as without, _ours(dsn) as with_dsn:
        time.sleep(LOADED)
        report.row('memory, MB, with a DSN', pss_mb(psutil.Process(with_dsn.pid)), pss_mb(psutil.Process(without.pid)), at_most=1.25)


def _storm(dsn: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, '-m', 'tests.bench.reporting', dsn], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


async def _be_hit(dsn: str) -> dict[str, float]:
    """In a process of its own: errors from code of ours, 20 frames deep, as fast as they come, on the event loop."""
    import logging

    from edgeos.reporting import log_error
    from edgeos.reporting.reporter import Reporter
    from edgeos.settings_models import SentrySettings

    def fail(depth: int = 20) -> None:
        if depth:
            fail(depth - 1)
        raise ValueError('something is wrong')

    folder = Path(tempfile.mkdtemp())
    logging.getLogger().addHandler(logging.FileHandler(folder / 'log'))
    reporter = Reporter(folder, SentrySettings(dsn=dsn), '1', environ={}, env_file=None)
    reporter.attach()
    reporter.start()
    async with Lag() as loading:
        reporter.send_test()
        await asyncio.to_thread(eventually_sync, lambda: reporter.preview() and not reporter.queue.waiting, 20)
    process = psutil.Process()
    memory, cpu = process.memory_info().rss, time.process_time()
    async with Lag() as lag:
        for number in range(STORM):
            try:
                fail()
            except ValueError as error:
                log_error(error, operation='poll', connection_id='plc_001')
            if number % 20 == 0:
                await asyncio.sleep(0)
        cpu = time.process_time() - cpu
    memory = process.memory_info().rss - memory
    reporter.detach()
    await asyncio.to_thread(reporter.stop)
    disk = sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())
    plain = logging.getLogger('plain')
    began = time.process_time()
    for _ in range(STORM):
        try:
            fail()
        except ValueError:
            plain.exception('the same, as everybody does it')
    return {'cpu': cpu, 'memory': memory, 'disk': disk, 'lag': lag.p99, 'empty': lag.empty_p99, 'loading': loading.p99,
            'logging': time.process_time() - began}  # fmt: skip


if __name__ == '__main__':
    print(json.dumps(asyncio.run(_be_hit(sys.argv[1]))))
