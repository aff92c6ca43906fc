"""The fake in a process of its own, where it does not share the test's event loop and can be killed for real."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


class BlueZProcess:
    """Start it, kill it, freeze it, tell it what shall happen; `program.py` describes the options and commands."""

    def __init__(self, bus_address: str, *options: str) -> None:
        self.process: subprocess.Popen[str] | None = None
        self._options = ('--bus', bus_address, *options)

    def start(self) -> 'BlueZProcess':
        """Returns when org.bluez is on the bus."""
        self.process = subprocess.Popen([sys.executable, '-m', 'tests.devices.bluez.program', *self._options], cwd=ROOT,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        assert self._read() == 'ready'
        return self

    def tell(self, call: str = '', *arguments: object, device: str = '', adapter: str = '', **values: Any) -> Any:
        """Call something or set values, of a device, an adapter, or the fake; returns the result after it was done."""
        assert self.process is not None and self.process.stdin is not None
        command = {'device': device, 'adapter': adapter, 'call': call, 'arguments': arguments, 'set': values}
        print(json.dumps({name: value for name, value in command.items() if value}), file=self.process.stdin, flush=True)
        answer = json.loads(self._read())
        assert 'error' not in answer, answer['error']
        return answer['result']

    def _read(self) -> str:
        assert self.process is not None and self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self._wait()

    def stop(self) -> int:
        """End its standard input; answers its exit code, which is 1 if it has made mistakes."""
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.close()
        return self._wait()

    def _wait(self) -> int:
        assert self.process is not None
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process = None
        return code

    def freeze(self) -> None:
        """It answers nothing."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """On with it."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)
