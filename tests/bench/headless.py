"""What running without pages saves: start-up, memory and idle CPU beside the same program with pages."""
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from tests.bench.apps import MAIN, cpu_share, first_answer, program, pss_mb
from tests.bench.report import Report
from tests.helpers import free_port

ROUNDS = 7
SETTLED = 12  # s after the start
MODES = {'with pages': (), 'headless': ('--headless',)}


@contextmanager
def started(*mode: str) -> Iterator[tuple[psutil.Process, float]]:
    """The program on settings of its own, and the seconds to its first answer."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / 'settings.toml'
        settings.write_text('')
        began = time.monotonic()
        with program(MAIN, *mode, '--settings', str(settings), '--port', str(port)) as process:
            first_answer(f'http://127.0.0.1:{port}/api/health')
            yield psutil.Process(process.pid), time.monotonic() - began


def run(report: Report) -> None:
    times: dict[str, list[float]] = {name: [] for name in MODES}
    for _ in range(ROUNDS):
        for name, mode in MODES.items():
            with started(*mode) as (_process, seconds):
                times[name].append(seconds)
    starts = {name: statistics.median(each) for name, each in times.items()}
    report.row('start to first 200, headless, s', starts['headless'], starts['with pages'], at_most=0.9)
    with ExitStack() as stack:
        running = {name: stack.enter_context(started(*mode))[0] for name, mode in MODES.items()}
        time.sleep(SETTLED)
        memory = {name: pss_mb(process) for name, process in running.items()}
        report.row('memory (PSS), headless, MB', memory['headless'], memory['with pages'], at_most=0.8)
        cpu = {name: cpu_share([process], 20) for name, process in running.items()}
        report.row('idle CPU, headless, % of a core', cpu['headless'], cpu['with pages'])
