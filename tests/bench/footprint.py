"""Start-up, memory and idle CPU beside a bare NiceGUI page."""
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.apps import MAIN, bare_page, cpu_share, crowd, first_answer, program, pss_mb
from tests.bench.report import Report
from tests.helpers import free_port

ROUNDS = 15
PAGES = ('/', '/connections/c0', '/plugins', '/plugins/alarms', '/system', '/events', '/settings', '/demo')


def start_bare() -> float:
    port = free_port()
    began = time.monotonic()
    with program('-m', 'tests.bench.bare_page', str(port)):
        first_answer(f'http://127.0.0.1:{port}/')
        return time.monotonic() - began


def start_ours() -> float:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / 'settings.toml'
        settings.write_text('')
        began = time.monotonic()
        with program(MAIN, '--settings', str(settings), '--port', str(port)):
            first_answer(f'http://127.0.0.1:{port}/api/health')
            return time.monotonic() - began


def run(report: Report) -> None:
    times: dict[str, list[float]] = {'bare': [], 'ours': []}
    for _ in range(ROUNDS):
        times['bare'].append(start_bare())
        times['ours'].append(start_ours())
    report.row('start to first 200, s', statistics.median(times['ours']), statistics.median(times['bare']), at_most=1.25)
    with bare_page() as (bare, _url), crowd(10, 300, 'still') as (ours, url):
        time.sleep(3)
        report.row('memory, 10 connections, 3,000 points, MB', pss_mb(ours), pss_mb(bare), at_most=1.4)
        report.figure('idle CPU, 10 connections', cpu_share([ours], 20), '% of a core', at_most=1.0)
        for page in PAGES:
            first_answer(url + page)
        report.row('    memory after each page was opened once, MB', pss_mb(ours), pss_mb(bare))
    with crowd(100, 0, 'still') as (many, _), crowd(1, 0, 'still') as (one, _):
        time.sleep(3)
        report.figure('a connection with its full ring', (pss_mb(many) - pss_mb(one)) * 1e6 / 1024 / 99, 'KiB', at_most=140)
        report.figure('idle CPU, 100 connections', cpu_share([many], 20), '% of a core', at_most=1.0)
        report.figure('threads, 100 connections more than 1', many.num_threads() - one.num_threads(), '', at_most=0)
