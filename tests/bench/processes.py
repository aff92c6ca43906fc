"""Child processes of the benches: receivers that talk JSON lines, raw-socket publishers."""
import json
import subprocess
import sys
import time
from typing import Any


class Receiver:
    """tests.bench.receiver in a process of its own."""

    def __init__(self, mode: str, ports: list[int], *expected: int) -> None:
        arguments = [sys.executable, '-m', 'tests.bench.receiver', mode, ','.join(map(str, ports)), *map(str, expected)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.ready = self.next('ready')

    def next(self, key: str) -> dict[str, Any]:
        """The next line that has this key."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line) if line.startswith('{') else {}
            if key in said:
                return dict(said)
        raise RuntimeError(f'the receiver ended without saying {key!r}')

    def finish(self, key: str = 'count') -> dict[str, Any]:
        """Stop it; what it measured."""
        self.process.terminate()
        said = self.next(key)
        self.process.wait(10)
        return said


def publish(port: int, count: int, rate: int = 0, topics: int = 100) -> subprocess.Popen[bytes]:
    """Start a process that publishes `count` 64-byte JSON messages, `rate` a second or as fast as it can."""
    return subprocess.Popen([sys.executable, '-m', 'tests.bench.flood', str(port), str(count), str(rate), str(topics)])


def wait_all(processes: list[subprocess.Popen[bytes]]) -> float:
    """When the last of them is done, in monotonic time."""
    for process in processes:
        process.wait(300)
    return time.monotonic()
