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


def bench_plc(number: int, symbols: int) -> Plc:
    return Plc('bench', '--symbols', str(symbols), '--net-id', net_id(number)).start()


def polling(report: Report) -> None:
    """Rates are of whole rounds over all symbols; ours counts rounds by the values that came, all of which change."""
    plc = bench_plc(0, SYMBOLS)
    rates: dict[str, list[float]] = {'bare': [], 'ours': []}
    costs: dict[str, list[float]] = {'bare': [], 'ours': []}
    try:
        for _ in range(ROUNDS):
            said = subprocess.run([sys.executable, '-m', 'tests.bench.plc_bare', plc.address, net_id(0), str(SECONDS),
                                   *(name for name, _kind in bench_names(SYMBOLS))],
                                  stdout=subprocess.PIPE, text=True, check=True)  # fmt: skip
            bare = json.loads(said.stdout)
            app = App([link(plc, unthrottled=True)])
            before, after, seconds = app.over(SECONDS)
            app.stop()
            received = after['links']['plc_0'][1] - before['links']['plc_0'][1]
            rounds = received / 2  # 498 symbols and two guards in one answer, the rest in a second one
            rates['bare'].append(bare['rate'])
            rates['ours'].append(rounds / seconds)
            costs['bare'].append(bare['cpu'] * 1000)
            costs['ours'].append((after['cpu'] - before['cpu']) / rounds * 1000)
        report.row('500 symbols: sum reads/s', statistics.median(rates['ours']), statistics.median(rates['bare']), at_least=0.8)
        report.row('500 symbols: CPU ms a round, app and worker', statistics.median(costs['ours']), statistics.median(costs['bare']))
        app = App([link(plc, poll_ms=100)])
        before, after, seconds = app.over(20)
        app.stop()
        report.figure('500 symbols at 10 Hz: CPU, app and worker', 100 * (after['cpu'] - before['cpu']) / seconds, '%',
                      f'{(after["values"] - before["values"]) / seconds:,.0f} values/s', at_most=5)  # fmt: skip
    finally:
        plc.stop()


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
