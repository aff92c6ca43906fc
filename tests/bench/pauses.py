"""How long the loop is held: ten floods at once, one message of fifty thousand leaves; beside an empty loop."""
import json
import tempfile
import time
from pathlib import Path

from tests.bench.processes import Receiver, publish, wait_all
from tests.bench.report import Report
from tests.broker import Broker
from tests.publisher import Publisher

FLOOD = 60_000


def flooded(ports: list[int]) -> dict[str, float]:
    """Ten connections that all get the same flood."""
    receiver = Receiver('full', ports * 10, FLOOD * 10)
    publishers = [publish(ports[0], FLOOD, 0)]
    receiver.next('reached')
    wait_all(publishers)
    return receiver.finish()


def large(port: int) -> dict[str, float]:
    """Ten messages of 1 MB with 50,000 leaves each."""
    receiver = Receiver('full', [port], 10)
    payload = json.dumps({f'key_{n:06}': n for n in range(50_000)})
    with Publisher(port) as publisher:
        for _ in range(10):
            publisher.send('bench/large', payload)
            time.sleep(1)
    receiver.next('reached')
    return receiver.finish()


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder)).start()
        try:
            idle = Receiver('full', [broker.port])
            time.sleep(10)
            calm = idle.finish()['lag_p99']
            ten, big = flooded([broker.port]), large(broker.port)
        finally:
            broker.stop()
    for what, found in (('ten floods', ten), ('50,000 leaves', big)):
        report.figure(f'{what}: lag p99', found['lag_p99'], 'ms', f'calm {calm:.1f}', at_most=max(20.0, 2 * calm))
    report.figure('ten floods: lost', FLOOD * 10 - ten['count'], 'messages', at_most=0)
