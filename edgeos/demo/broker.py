"""The demo's MQTT broker as a child process: mosquitto where it is installed, otherwise amqtt."""

import asyncio
import base64
import getpass
import hashlib
import logging
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Literal

from edgeos.demo.ports import HOST, free_port, is_taken
from edgeos.processes import PROJECT, ChildProcess, ProcessError, python_module

USER = PASSWORD = 'demo'  # no secret: it tells the house's devices from strangers while logins are refused
READY_WITHIN = 30.0  # s; importing amqtt takes that long on a small machine

log = logging.getLogger(__name__)

Engine = Literal['mosquitto', 'amqtt']


class BrokerError(ProcessError):
    """Raised when the demo broker cannot be started; says what the broker said last."""


class DemoBroker:
    """Keeps its port, and what was switched, over restarts. `folder` gets its configuration; nothing is kept there.

    The house logs in as USER; everybody else is let in without a login, unless logins are refused.
    """

    def __init__(self, folder: Path, port: int | None = None, engine: Engine | None = None) -> None:
        self.port = port or free_port()
        self.engine: Engine = engine or ('mosquitto' if find_mosquitto() else 'amqtt')
        self.is_frozen = False
        self.refuses_logins = False
        self._folder = folder
        self._process: ChildProcess | None = None
        self._last_line = ''

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    @property
    def process(self) -> ChildProcess | None:
        return self._process

    async def start(self) -> None:
        """Returns when it accepts connections; raises BrokerError when it does not. Starting twice changes nothing."""
        if self.is_running:
            return
        try:
            argv = await asyncio.to_thread(self._prepare)
            self._process = ChildProcess('demo broker', argv, cwd=PROJECT, on_line=self._on_line, with_input=True)
            await self._process.start()
        except (OSError, ProcessError) as error:
            raise BrokerError(f'the demo broker cannot be started: {error}') from error
        await self._until_ready(self._process)
        if self.is_frozen:
            self._process.suspend()

    async def stop(self) -> None:
        """As pulling the plug: no goodbye to anybody."""
        if self._process:
            self._process.kill()
            await self._process.stop()

    async def restart(self) -> None:
        """Down and up again at once; all connections are lost."""
        await self.stop()
        await self.start()

    def freeze(self) -> None:
        """Stop it where it is: connections stay open, nothing is answered."""
        self.is_frozen = True
        if self._process:
            self._process.suspend()

    def thaw(self) -> None:
        self.is_frozen = False
        if self._process:
            self._process.resume()

    async def refuse_logins(self, on: bool) -> None:
        """Throw everybody out, and from then on let only USER in."""
        self.refuses_logins = on
        if self.is_running:
            await self.restart()

    def _on_line(self, line: str) -> None:
        self._last_line = line
        log.info('%s: %s', self.engine, line)

    def _prepare(self) -> list[str]:
        """Write what the broker reads and return its command line."""
        if is_taken(self.port):
            raise BrokerError(f'the demo broker cannot be started: another program has port {self.port}')
        self._folder.mkdir(parents=True, exist_ok=True)
        users = self._folder / 'broker-users'
        if self.engine == 'amqtt':
            refuse = ['--refuse-strangers'] if self.refuses_logins else []
            return python_module('edgeos.demo.amqtt_broker', '--port', str(self.port), '--users', str(users), *refuse)
        program = find_mosquitto()
        if program is None:
            raise BrokerError('mosquitto is not installed')
        configuration = self._folder / 'broker.conf'
        _write_private(users, f'{USER}:{mosquitto_hash(PASSWORD)}\n')
        _write_private(configuration, mosquitto_configuration(self.port, users, not self.refuses_logins))
        return [program, '-c', str(configuration)]

    async def _until_ready(self, process: ChildProcess) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while process.is_running:
            try:
                _, writer = await asyncio.open_connection(HOST, self.port)
            except OSError:
                if time.monotonic() > deadline:
                    break
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
        await process.stop()
        raise BrokerError(f'the demo broker ({self.engine}) did not start on port {self.port}: {self._last_line}')


def find_mosquitto() -> str | None:
    """Debian keeps it in /usr/sbin, which is not on everybody's PATH."""
    return shutil.which('mosquitto') or shutil.which('mosquitto', path='/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin')


def mosquitto_configuration(port: int, users: Path, let_strangers_in: bool) -> str:
    lines = [
        f'listener {port} {HOST}',
        f'allow_anonymous {str(let_strangers_in).lower()}',
        f'password_file {users}',
        'persistence false',
        'set_tcp_nodelay true',
        'log_dest stderr',
        'log_type error',
        'log_type warning',
    ]
    if hasattr(os, 'geteuid') and os.geteuid() == 0:
        # Started by root it would become another user; the kernel then forgets that it must die with the app.
        lines.append(f'user {getpass.getuser()}')
    return '\n'.join(lines) + '\n'


def mosquitto_hash(password: str) -> str:
    """mosquitto's own format 7: PBKDF2 with SHA-512, 101 rounds, a salt of 12 bytes."""
    salt, rounds = secrets.token_bytes(12), 101
    digest = hashlib.pbkdf2_hmac('sha512', password.encode(), salt, rounds)
    return f'$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}'


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding='utf-8')
