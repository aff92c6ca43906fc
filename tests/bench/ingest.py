"""MQTT ingest beside a bare paho client on asyncio: rate, CPU per message, lag of the loop."""
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.processes import Receiver, publish, wait_all
from tests.bench.report import Report
from tests.broker import Broker

MESSAGES = 200_000
PUBLISHERS = 2
ROUNDS = 3


def measure(mode: str, port: int, count: int, rate: int) -> dict[str, float]:
    """Messages a second from the first publisher's start to the last message, CPU-s per 100,000, lags."""
    import time

    receiver = Receiver(mode, [port], count)
    began = time.monotonic()
    publishers = [publish(port, count // PUBLISHERS, rate // PUBLISHERS) for _ in range(PUBLISHERS)]
    reached = receiver.next('reached')
    wait_all(publishers)
    done = receiver.finish()
    seconds = reached['at'] - began
    cpu = reached['cpu'] - receiver.ready['cpu']
    return {'rate': count / seconds, 'cpu': cpu / count * 100_000, 'lost': count - done['count'],
            'lag_p99': done['lag_p99'], 'lag_p50': done['lag_p50']}  # fmt: skip


def compare(report: Report, port: int, what: str, count: int, rate: int, hold_cpu: float) -> None:
    rounds: dict[str, list[dict[str, Any]]] = {'bare': [], 'full': []}
    for _ in range(ROUNDS):
        for mode in rounds:
            rounds[mode].append(measure(mode, port, count, rate))
    median = {mode: {key: statistics.median(r[key] for r in found) for key in found[0]} for mode, found in rounds.items()}
    bare, full = median['bare'], median['full']
    if not rate:
        report.row(f'{what}: messages/s', full['rate'], bare['rate'], at_least=1.0)
    report.row(f'{what}: CPU-s per 100,000', full['cpu'], bare['cpu'], at_most=hold_cpu)
    report.figure(f'{what}: lag p99', full['lag_p99'], 'ms', f'bare {bare["lag_p99"]:.1f}', at_most=10 if not rate else None)
    report.figure(f'{what}: lost', sum(r['lost'] for r in rounds['full']), 'messages', '', at_most=0)


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder)).start()
        try:
            compare(report, broker.port, 'saturation', MESSAGES, 0, 1.0)
            compare(report, broker.port, 'steady 5,000/s', 25_000, 5000, 1.25)
            compare(report, broker.port, 'steady 1,000/s', 10_000, 1000, 1.5)
        finally:
            broker.stop()
