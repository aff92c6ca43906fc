"""A simulated PLC in a process of its own, with everything tests do to it."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.helpers import free_port

ROOT = Path(__file__).parents[1]


class Plc:
    """Start it, kill it, freeze it, switch faults; address and port stay the same."""

    def __init__(self, profile: str = 'house3', *arguments: str, host: str = '127.0.0.1') -> None:
        self.host = host
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None
        self._arguments = ('--host', host, '--port', str(self.port), '--profile', profile, *arguments)

    @property
    def address(self) -> str:
        return f'{self.host}:{self.port}'

    def start(self) -> 'Plc':
        self.process = subprocess.Popen([sys.executable, '-m', 'edgeos.demo.plc_program', *self._arguments], cwd=ROOT,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith('ready')
        return self

    def fault(self, **switches: Any) -> None:
        """Faults by name, on or off; returns before they have taken effect."""
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(json.dumps(switches) + '\n')
        self.process.stdin.flush()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()
            self.process = None

    def freeze(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    stop = kill
