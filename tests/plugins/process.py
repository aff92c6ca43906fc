"""A plugin as a real process, started as the app does it, and the app's end of the conversation, blocking."""

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import edgeos.plugins

PLUGINS = Path(edgeos.plugins.__file__).parent
UID = 60600
LIMIT = 10.0


def make_venv(folder: Path, python: str | None = None) -> Path:
    """Without pip; its site-packages."""
    subprocess.run([python or sys._base_executable, '-I', '-m', 'venv', '--without-pip', str(folder)], check=True)  # type: ignore[attr-defined]
    return next(folder.glob('lib/python*/site-packages'))


class Installed:
    """A plugin's folders below `root`: version/venv, data, and the house's shim and SDK."""

    def __init__(self, root: Path, code: str, *, python: str | None = None, shim: Path = PLUGINS / 'shim.py') -> None:
        self.folder, self.data = root / '1.0.0', root / 'data'
        self.folder.mkdir(parents=True)
        self.data.mkdir(mode=0o700)
        self.packages = make_venv(self.folder / 'venv', python)
        (self.packages / 'tried.py').write_text(code)
        self.shim = shim

    def told(self, **changes: Any) -> dict[str, Any]:
        uid = UID if os.geteuid() == 0 else None
        return {'id': 'tried', 'version': '1.0.0', 'entry': 'tried:Tried', 'token': 'T', 'uid': uid, 'gid': uid,
                'folder': str(self.folder), 'data': str(self.data), 'sdk': str(self.shim.parent / 'sdk'),
                'http_ports': [], 'limits': {'max_processes': 16, 'memory_mb': 150}, 'parent': os.getpid(),
                **changes}  # fmt: skip

    def argv(self) -> list[str]:
        return [str(self.folder / 'venv/bin/python'), '-I', '-S', str(self.shim)]


class App:
    """The app's end."""

    def __init__(self, popen: 'subprocess.Popen[bytes]', sock: socket.socket) -> None:
        self.popen, self.sock = popen, sock
        self.messages: list[dict[str, Any]] = []
        self._partial = b''
        self._number = 0

    def say(self, method: str, **params: Any) -> int:
        self._number += 1
        self._send({'id': self._number, 'method': method, 'params': params})
        return self._number

    def _send(self, message: dict[str, Any]) -> None:
        self.sock.sendall(json.dumps({'jsonrpc': '2.0', **message}).encode() + b'\n')

    def answer(self, number: int, result: Any = None) -> None:
        self._send({'id': number, 'result': result})

    def read(self, limit: float = 0.1) -> bool:
        """Take what has come; False at the end of the conversation."""
        if not select.select([self.sock], [], [], limit)[0]:
            return True
        try:
            chunk = self.sock.recv(1 << 20)
        except ConnectionError:
            return False
        *lines, self._partial = (self._partial + chunk).split(b'\n')
        self.messages += map(json.loads, lines)
        return bool(chunk)

    def until(self, method: str = '', number: int = 0, limit: float = LIMIT) -> dict[str, Any]:
        """The notification or request with that method, or the answer with that number."""
        end = time.monotonic() + limit
        while True:
            for message in self.messages:
                if message.get('method') == method if method else 'method' not in message and message['id'] == number:
                    self.messages.remove(message)
                    return message
            assert self.read() and time.monotonic() < end, f'no {method or number} in {self.messages}, {self.output()}'

    def ask(self, method: str, **params: Any) -> Any:
        answer = self.until(number=self.say(method, **params))
        return answer['error'] if 'error' in answer else answer['result']

    def value(self, name: str, limit: float = LIMIT) -> Any:
        """What is published under this name next."""
        while (params := self.until('publish', limit=limit)['params'])['name'] != name:
            pass
        return params['value']

    def wait(self, limit: float = LIMIT) -> int:
        return self.popen.wait(limit)

    def output(self) -> str:
        """Once it has ended; before, nothing."""
        if self.popen.poll() is None or self.popen.stdout is None:
            return ''
        return self.popen.stdout.read().decode()


@contextmanager
def running(installed: Installed, *, argv: list[str] | None = None, **changes: Any) -> Iterator[App]:
    ours, theirs = socket.socketpair()
    environment = {'PATH': os.defpath, 'HOME': str(installed.data), 'TMPDIR': f'{installed.data}/tmp',
                   'EDGEOS_TREE': 'tree', 'EDGEOS_RPC_FD': str(theirs.fileno()),
                   'EDGEOS_PLUGIN': json.dumps(told := installed.told(**changes))}  # fmt: skip
    if told['uid'] is not None:
        for path in (installed.data, *installed.data.iterdir()):
            os.chown(path, told['uid'], told['uid'], follow_symlinks=False)
    popen = subprocess.Popen(argv or installed.argv(), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=installed.data,
                             extra_groups=[0, 4242] if told['uid'] is not None else None,
                             start_new_session=True)  # fmt: skip
    theirs.close()
    try:
        yield App(popen, ours)
    finally:
        ours.close()
        popen.kill()
        popen.wait()
        if popen.stdout:
            popen.stdout.close()


def copy_house(folder: Path) -> Path:
    """Shim and SDK where another user can read them; the shim."""
    folder.mkdir(mode=0o755)
    for name in ('shim.py', 'landlock.py'):
        shutil.copy(PLUGINS / name, folder / name)
    shutil.copytree(PLUGINS / 'sdk', folder / 'sdk', ignore=shutil.ignore_patterns('__pycache__'))
    return folder / 'shim.py'
