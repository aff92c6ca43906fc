"""PLC polling beside bare pyads: rate of sum reads, CPU at 10 Hz, ten PLCs at once, one of them in a black hole."""
import json
import statistics
import subprocess
import sys
import time
from typing import Any

from edgeos.demo.plc_bench import bench_names
from tests.bench.report import Report
from tests.plc import Plc

ROUNDS = 3
SECONDS = 5.0
SYMBOLS = 500
PATTERNS = ['GVL.bValue*', 'GVL.nValue*', 'GVL.fValue*', 'GVL.nCount*', 'GVL.fExact*']  # those that change


class App:
    """tests.bench.plc_app in a process of its own."""

    def __init__(self, connections: list[dict[str, Any]]) -> None:
        self.process = subprocess.Popen([sys.executable, '-m', 'tests.bench.plc_app', json.dumps(connections)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._next()

    def ask(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write('?\n')
        self.process.stdin.flush()
        return self._next()

    def over(self, seconds: float) -> tuple[dict[str, Any], dict[str, Any], float]:
        """How it was before and after, and the seconds between."""
        before = self.ask()
        time.sleep(seconds)
        after = self.ask()
        return before, after, after['at'] - before['at']

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)

    def _next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith('{'):
                return dict(json.loads(line))
        raise RuntimeError('the program ended')


def link(plc: Plc, number: int = 0, **config: Any) -> dict[str, Any]:
    return {'id': f'plc_{number}', 'config': {'host': plc.address, 'ams_net_id': net_id(number), 'symbols': PATTERNS, **config}}


def net_id(number: int) -> str:
    return f'127.0.0.1.{1 + number}.1'


def bench_plc(number: int, symbols: int, *more: str) -> Plc:
    return Plc('bench', '--symbols', str(symbols), '--net-id', net_id(number), *more).start()


def polling(report: Report) -> None:
    """Values that change ten times a second, and at every read; then what a usual pace costs."""
    compare(report, '500 symbols', bench_plc(0, SYMBOLS), hold=0.8)
    compare(report, '500 symbols, new at every read', bench_plc(0, SYMBOLS, '--tick', '0.001'), hold=0.8)
    plc = bench_plc(0, SYMBOLS)
    try:
        app = App([link(plc, poll_ms=100)])
        before, after, seconds = app.over(20)
        app.stop()
    finally:
        plc.stop()
    report.figure('500 symbols at 10 Hz: CPU, app and worker', 100 * (after['cpu'] - before['cpu']) / seconds, '%',
                  f'{(after["values"] - before["values"]) / seconds:,.0f} values/s', at_most=5)  # fmt: skip


def compare(report: Report, what: str, plc: Plc, hold: float) -> None:
    """Rounds over all symbols a second, and what one costs, beside bare pyads."""
    found: dict[str, list[tuple[float, float]]] = {'bare': [], 'ours': []}
    try:
        for _ in range(ROUNDS):
            said = subprocess.run([sys.executable, '-m', 'tests.bench.plc_bare', plc.address, net_id(0), str(SECONDS),
                                   *(name for name, _kind in bench_names(SYMBOLS))],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)  # fmt: skip
            bare = json.loads(said.stdout)
            found['bare'].append((bare['rate'], bare['cpu'] * 1000))
            app = App([link(plc, unthrottled=True)])
            before, after, seconds = app.over(SECONDS)
            app.stop()
            received = after['links']['plc_0'][1] - before['links']['plc_0'][1]
            rounds = received / 2  # 498 symbols and two guards in one answer, the rest in a second one
            found['ours'].append((rounds / seconds, (after['cpu'] - before['cpu']) / rounds * 1000))
    finally:
        plc.stop()
    ours, bare_rates = (statistics.median(rate for rate, _ in found[who]) for who in ('ours', 'bare'))
    cost, bare_cost = (statistics.median(ms for _, ms in found[who]) for who in ('ours', 'bare'))
    report.row(f'{what}: sum reads/s', ours, bare_rates, at_least=hold)
    report.row(f'{what}: CPU ms a round, app and worker', cost, bare_cost)


def many(report: Report) -> None:
    """Ten PLCs with 100 symbols at 5 Hz; then the same with a black hole among them."""
    plcs = [bench_plc(number, 100) for number in range(10)]
    healthy = [link(plc, number, poll_ms=200) for number, plc in enumerate(plcs)]
    try:
        calm = watched(report, '10 PLCs, 100 symbols, 5 Hz', healthy)
        with_hole = [*healthy, {'id': 'hole', 'config': {'host': '198.51.100.1', 'source_net_id': '1.2.3.4.5.6'}}]
        trouble = watched(report, 'the same beside an address without an answer', with_hole)
        report.row('healthy links beside it: values/s', trouble, calm, at_least=0.98)
    finally:
        for plc in plcs:
            plc.stop()


def watched(report: Report, what: str, connections: list[dict[str, Any]]) -> float:
    empty = subprocess.Popen([sys.executable, '-m', 'tests.lag'], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    app = App(connections)
    before, after, seconds = app.over(20)
    app.stop()
    said, _ = empty.communicate('', 10)
    calm = float(said.split()[-1])
    rate = (after['values'] - before['values']) / seconds
    report.figure(f'{what}: lag p99', after['lag_p99'], 'ms', f'an empty loop {calm:.1f}', at_most=max(20.0, 2 * calm))
    report.figure(f'{what}: CPU', 100 * (after['cpu'] - before['cpu']) / seconds, '%', f'{rate:,.0f} values/s')
    return rate


def run(report: Report) -> None:
    polling(report)
    many(report)
