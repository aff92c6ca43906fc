"""An installation below a folder of its own: a small program, and a systemctl that starts it for real.

`Root` is what a test holds. The scripts write down how they were called; the systemctl among them runs the ExecStart of
the installed unit as a child process and, as systemd does for Type=notify, waits until it says that it is ready.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from edgeos.service.layout import UNIT, Layout
from tests.helpers import eventually_sync

PROJECT = Path(__file__).parents[2]
REQUIREMENTS = '# nothing\n'

SYSTEMCTL = """#!{python} -BI
import os, re, signal, socket, subprocess, sys, time
from pathlib import Path
root = Path({root!r})
if sys.argv[1] not in ('is-active', 'show'):
    Path({calls!r}).open('a').write('systemctl ' + ' '.join(sys.argv[1:]) + chr(10))
verb, unit = (sys.argv[1:] + [''])[:2] if not sys.argv[1].startswith('--root') else ('', '')
pid_file, said = root / (unit + '.pid'), root / 'said'

def is_alive(pid):
    try:
        return Path(f'/proc/{{pid}}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False

def stop():
    if pid_file.exists():
        pid = int(pid_file.read_text())
        pid_file.rename(root / 'ending')
        if is_alive(pid):
            os.kill(pid, signal.SIGTERM)
        while is_alive(pid):
            time.sleep(0.01)

def start():
    while (root / 'ending').exists() and is_alive(int((root / 'ending').read_text())):
        time.sleep(0.01)
    if pid_file.exists() and is_alive(int(pid_file.read_text())):
        return
    text = (root / 'etc/systemd/system' / unit).read_text()
    value = lambda key: re.search(f'^{{key}}=(.*)$', text, re.M)[1]
    argv = [str(root) + part if part.startswith('/') else part for part in value('ExecStart').split()]
    default = root / 'etc/default/smarthome-edge-os'
    argv[-1:] = default.read_text().partition('=')[2].split() if default.exists() else []  # for $OPTIONS
    folder = Path(str(root) + value('WorkingDirectory'))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    door = root / 'notify'
    door.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(door))
        listening.settimeout(0.05)
        child = subprocess.Popen(argv, cwd=folder, env={{**os.environ, 'NOTIFY_SOCKET': str(door)}},
                                 stdin=subprocess.DEVNULL, stdout=said.open('ab'), stderr=said.open('ab'),
                                 start_new_session=True)
        pid_file.write_text(str(child.pid))
        while child.poll() is None:
            try:
                said_now = listening.recv(1000).decode()
                if said_now.startswith('READY=1'):
                    (root / 'status').write_text(said_now.partition('STATUS=')[2])
                    return
            except TimeoutError:
                pass
    sys.exit('Job for ' + unit + ' failed because the control process exited with error code.')

if verb == 'restart' and 'kiosk' in unit and (root / 'dark').exists():
    sys.exit('See systemctl status')
if verb == 'is-active' and not is_alive(int(pid_file.read_text())):
    sys.exit(3)
if verb == 'show':
    print((root / 'status').read_text())
if verb in ('stop', 'restart'):
    stop()
if verb in ('start', 'restart') and 'kiosk' not in unit:
    start()
"""

RECORD = """#!/bin/sh
echo "$(basename "$0") $*" >> '{calls}'
"""

MAIN = """import http.server, json, os, signal, socket, sqlite3, sys, time
from pathlib import Path
from edgeos import __version__
settings = Path('settings.toml')
port = int(sys.argv[2]) if sys.argv[1:2] == ['--port'] else {port}
if '--check' in sys.argv:
    sys.exit({check!r})
{first}
if not settings.exists():
    settings.write_text('[app]\\nport = {port}\\n')
Path('data').mkdir(exist_ok=True)
with sqlite3.connect('data/history.sqlite') as db:
    db.execute('CREATE TABLE IF NOT EXISTS starts (version TEXT)')
    db.execute('INSERT INTO starts VALUES (?)', (__version__,))
db.close()
began = time.monotonic()

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({{'status': 'ok', 'version': __version__, 'uptime_s': time.monotonic() - began}}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Answer)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
    door.sendto(f'READY=1\\nSTATUS=http://127.0.0.1:{{port}}'.encode(), os.environ['NOTIFY_SOCKET'])
{then}
server.serve_forever()
"""


class Root:
    """A folder that stands for a system; `is_running` is whether a systemd runs there."""

    def __init__(self, folder: Path, port: int, environments: Path, *, is_running: bool = True) -> None:
        self.folder = folder / 'root'
        self.layout = Layout(self.folder)
        self.calls_file = folder / 'calls'
        self.source = folder / 'checkout'
        self.port = port
        self.tools = folder / 'tools'
        self.tools.mkdir()
        if is_running:
            (self.folder / 'run/systemd/system').mkdir(parents=True)
        if environments.exists():
            shutil.copytree(environments, self.layout.environments, symlinks=True)
        self._script('systemctl', SYSTEMCTL.format(python=sys.executable, root=str(self.folder),
                                                   calls=str(self.calls_file)))  # fmt: skip
        for name in ('systemd-sysusers', 'userdel'):
            self._script(name, RECORD.format(calls=self.calls_file))
        self.write_program('0.1.0')

    def _script(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def write_program(self, version: str, *, check: object = 0, first: str = '', then: str = '') -> None:
        """Another version in the checkout; `first` is run before it serves, `then` once it does."""
        (self.source / 'edgeos').mkdir(parents=True, exist_ok=True)
        (self.source / 'edgeos/__init__.py').write_text(f"__version__ = '{version}'\n")
        (self.source / 'requirements.txt').write_text(REQUIREMENTS)
        (self.source / 'main.py').write_text(MAIN.format(check=check, first=first, then=then, port=self.port))
        shutil.copytree(PROJECT / 'assets/kiosk', self.source / 'assets/kiosk', dirs_exist_ok=True)

    def run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """The installer, to its end."""
        child = self.begin(command, *options)
        out, err = child.communicate(timeout=60)
        return subprocess.CompletedProcess(child.args, child.returncode, out, err)

    def begin(self, command: str, *options: str) -> subprocess.Popen[str]:
        """The installer, as the Makefile calls it, but for the folder of the program and a systemd that runs here."""
        code = ('import sys; from pathlib import Path; from edgeos.service.cli import main; '
                'from edgeos.service.layout import Layout; '
                'Layout.is_running = property(lambda self: (self.root / "run/systemd/system").is_dir()); '
                f'sys.exit(main(sys.argv[1:], Path({str(self.source)!r})))')  # fmt: skip
        argv = [sys.executable, '-B', '-c', code, command, '--root', str(self.folder), *options]
        environment = {**os.environ, 'PATH': f'{self.tools}:{os.environ["PATH"]}', 'PYTHONPATH': str(PROJECT)}
        return subprocess.Popen(argv, cwd=self.folder.parent, env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip

    def health(self) -> dict[str, object] | None:
        """What the running program answers; None when it does not."""
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{self.port}/api/health', timeout=2) as answer:
                found: dict[str, object] = json.load(answer)
                return found
        except OSError:
            return None

    @property
    def version(self) -> object:
        """Of the program that answers."""
        return (self.health() or {}).get('version')

    @property
    def calls(self) -> list[str]:
        """What was called so far."""
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    @property
    def pid(self) -> int:
        return int((self.folder / f'{UNIT}.pid').read_text())

    def end(self) -> None:
        """Nothing outlives the test."""
        for file in self.folder.glob('*.pid'):
            try:
                os.kill(int(file.read_text()), signal.SIGKILL)
            except ProcessLookupError:
                pass
        eventually_sync(lambda: self.health() is None)
