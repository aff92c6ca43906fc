"""A real mosquitto on a free loopback port, with everything tests do to it."""
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.helpers import eventually_sync, free_port


def find_mosquitto() -> str:
    """Its path; skips, or fails where the full suite is wanted, when it is not installed."""
    found = shutil.which('mosquitto', path=os.environ.get('PATH', '') + ':/usr/sbin:/usr/local/sbin')
    if found is None:
        message = 'mosquitto is missing: apt install mosquitto mosquitto-clients'
        (pytest.fail if os.environ.get('EDGEOS_TEST_ALL') else pytest.skip)(message)
    return found


class Broker:
    """Start it, kill it, freeze it; the port stays the same."""

    def __init__(self, folder: Path, *extra: str, anonymous: bool = True, tls: bool = False) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._mosquitto = find_mosquitto()
        self._config = folder / f'mosquitto-{self.port}.conf'
        lines = [f'listener {self.port} 127.0.0.1', f'allow_anonymous {str(anonymous).lower()}',
                 'max_queued_messages 0', 'persistence false', 'log_dest none', *extra]  # fmt: skip
        if os.geteuid() == 0:
            lines.append('user root')
        self._config.write_text('\n'.join(lines) + '\n')
        self._tls = tls

    def start(self) -> 'Broker':
        self.process = subprocess.Popen([self._mosquitto, '-c', str(self._config)], stderr=subprocess.DEVNULL)
        eventually_sync(self.listens)
        return self

    def listens(self) -> bool:
        try:
            socket.create_connection(('127.0.0.1', self.port), 0.5).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGCONT)
            self.kill()


def password_file(folder: Path, user: str, password: str) -> Path:
    """A mosquitto password file."""
    path = folder / 'passwords'
    path.write_text(f'{user}:{password}\n')
    path.chmod(0o600)
    tool = shutil.which('mosquitto_passwd', path=os.environ.get('PATH', '') + ':/usr/sbin')
    assert tool, 'mosquitto_passwd comes with the package mosquitto'
    subprocess.run([tool, '-U', str(path)], check=True)
    return path


class Authority:
    """A certificate authority made for one test, with a server and a client certificate."""

    def __init__(self, folder: Path, name: str = 'ca') -> None:
        self.folder = folder
        self.ca = folder / f'{name}.crt'
        self._key = folder / f'{name}.key'
        self._openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', self._key,
                      '-out', self.ca, '-subj', f'/CN={name}')  # fmt: skip

    def issue(self, name: str, alternative: str = 'IP:127.0.0.1,DNS:localhost') -> tuple[Path, Path]:
        """(certificate, key) signed by this authority."""
        certificate, key, request = (self.folder / f'{name}.{end}' for end in ('crt', 'key', 'csr'))
        extensions = self.folder / f'{name}.ext'
        extensions.write_text(f'subjectAltName={alternative}\n')
        self._openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', request, '-subj', f'/CN={name}')
        self._openssl('x509', '-req', '-in', request, '-CA', self.ca, '-CAkey', self._key, '-CAcreateserial',
                      '-days', '2', '-out', certificate, '-extfile', extensions)  # fmt: skip
        return certificate, key

    def _openssl(self, *arguments: object) -> None:
        subprocess.run(['openssl', *map(str, arguments)], check=True, capture_output=True)
