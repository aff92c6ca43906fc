"""The shim with real processes: what a plugin can still do, and what it cannot."""

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeos.plugins import landlock
from tests.helpers import eventually_sync
from tests.plugins.process import App, Installed, copy_house, running

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='platform: needs root')
needs_landlock = pytest.mark.skipif(not landlock.supported(), reason='platform: needs Landlock')

TRIES = '''
import os, sys
from edgeos_plugin import Plugin
import tried_code

class Tried(Plugin):
    async def start(self):
        self.publish('up', True)

    async def on_write(self, name, value):
        namespace = {'plugin': self}
        try:
            exec(value, namespace)
            result = namespace.get('result')
        except BaseException as error:
            result = f'{type(error).__name__}: {error}'
        self.publish('result', result)
'''


class Tried:
    """A running plugin that runs what it is told."""

    def __init__(self, app: App, abi: int = 0) -> None:
        self.app = app
        self.abi = abi  # of Landlock
        self.hello = app.until('hello')['params']
        assert app.ask('initialize', config={}) is None

    def run(self, code: str) -> Any:
        """What the code left in `result`, or the exception as text."""
        assert self.app.ask('write', name='x', value=textwrap.dedent(code)) is None
        return self.app.value('result')


@pytest.fixture(scope='module')
def closed() -> Iterator[Path]:
    """A folder that only its owner can enter, as /root."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope='module', params=['landlock', 'user only'])
def tried(closed: Path, request: pytest.FixtureRequest) -> Iterator[Tried]:
    """As root: under a user of its own, with all folders and the interpreter out of its reach. Else as we are."""
    shim = copy_house(closed / f'house {request.param}')
    if request.param == 'user only':
        if os.geteuid() != 0:
            pytest.skip('platform: needs root')
        (shim.parent / 'landlock.py').write_text('TCP_ABI = 4\ndef supported(): return 0\n')
    elif not landlock.supported():
        pytest.skip('platform: needs Landlock')
    installed = Installed(closed / request.param, TRIES, shim=shim)
    (installed.packages / 'tried_code.py').write_text('LATER = 1\n')
    (installed.packages / 'tried_late.py').write_text('import tried_code\nFOUND = tried_code.LATER\ndef fail():\n    1()\n')
    (installed.packages / 'tried.pth').write_text('import os; os.environ["PTH_UID"] = str(os.geteuid())\n')
    with running(installed) as app:
        yield Tried(app, landlock.supported() if request.param == 'landlock' else 0)


# what it can do


def test_it_says_hello_with_what_protects_it(tried: Tried) -> None:
    hello = tried.hello
    assert (hello['api'], hello['id'], hello['version'], hello['token']) == (1, 'tried', '1.0.0', 'T')
    assert hello['isolation'] == {'uid': os.geteuid() == 0, 'landlock': tried.abi, 'tcp': tried.abi >= 4,
                                  'no_new_privs': True}  # fmt: skip


@pytest.mark.parametrize('module', ['ssl', 'sqlite3', 'ctypes', 'asyncio.subprocess', 'concurrent.futures.process',
                                    'encodings.idna', 'xml.etree.ElementTree', 'importlib.metadata', 'json.tool',
                                    'edgeos_plugin.testing', 'tried_late', 'email.mime.text', 'http.client',
                                    'collections.abc', 'zoneinfo', 'decimal', 'sysconfig'])  # fmt: skip
def test_it_imports_what_it_needs_when_it_needs_it(tried: Tried, module: str) -> None:
    assert tried.run(f'import importlib; result = importlib.import_module("{module}").__name__') == module


@pytest.mark.parametrize(('what', 'code', 'expected'), [
    ('a database in memory', 'import sqlite3; result = sqlite3.connect(":memory:").execute("select 7").fetchone()', [7]),
    ('TLS', 'import ssl; result = len(ssl.create_default_context().get_ca_certs()) >= 0', True),
    ('C', 'import ctypes; result = ctypes.CDLL(None).abs(-3)', 3),
    ('a late codec', 'result = "bücher".encode("idna").decode()', 'xn--bcher-kva'),
    ('threads', 'import threading as t; x = []; y = t.Thread(target=x.append, args=(1,)); y.start(); y.join(); result = x', [1]),
    ('a program', 'import subprocess; result = subprocess.run(["/bin/true"]).returncode', 0),
    ('a program that writes to HOME and TMPDIR',
     'import subprocess; result = subprocess.run("cd / && echo a > $HOME/a && echo b > $TMPDIR/b && cat ~/a ~/tmp/b", '
     'shell=True, capture_output=True, text=True).stdout.split()', ['a', 'b']),
    ('a shell', 'import os; result = os.system("exit 3") >> 8', 3),
    ('its data', 'open("mine", "w").write("hi"); result = open("mine").read()', 'hi'),
    ('temporary files', 'import tempfile; f = tempfile.TemporaryFile("w+"); f.write("x"); result = tempfile.gettempdir().endswith("tmp")', True),
    ('its home', 'import os; open(os.path.expanduser("~/mine2"), "w"); result = os.path.exists("mine2")', True),
    ('names of hosts', 'import socket; result = bool(socket.getaddrinfo("localhost", 80))', True),
    ('the machine', 'result = "MemTotal" in open("/proc/meminfo").read()', True),
    ('nothing', 'result = open("/dev/null", "w").write("x")', 1),
    ('the time in a zone', 'import zoneinfo, datetime; result = str(datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).utcoffset())', '2:00:00'),
    ('a fork', 'import os; p = os.fork() or os._exit(4); result = os.waitpid(p, 0)[1] >> 8', 4),
])  # fmt: skip
def test_it_can_use(tried: Tried, what: str, code: str, expected: Any) -> None:
    assert tried.run(code) == expected, what


def test_tracebacks_name_files_as_the_author_knows_them(tried: Tried) -> None:
    tried.run('import tried_late, logging\ntry: tried_late.fail()\nexcept TypeError: plugin.log.exception("so")')
    assert '  File "tried_late.py", line 4, in fail\n    1()' in tried.app.until('log')['params']['text']


def test_its_environment_holds_nothing_of_ours(tried: Tried) -> None:
    names = set(tried.run('import os; result = sorted(os.environ)'))
    assert names <= {'PATH', 'HOME', 'TMPDIR', 'EDGEOS_TREE', 'PTH_UID', 'LC_CTYPE'}


def test_its_limits_and_its_place_in_line(tried: Tried) -> None:
    found = tried.run('''
        import os, resource as r
        result = [r.getrlimit(k)[0] for k in (r.RLIMIT_CORE, r.RLIMIT_NOFILE, r.RLIMIT_DATA, r.RLIMIT_NPROC)]
        result += [os.getpriority(os.PRIO_PROCESS, 0), int(open('/proc/self/oom_score_adj').read())]
    ''')
    tasks = 80 if os.geteuid() == 0 else resource.getrlimit(resource.RLIMIT_NPROC)[0]
    assert found[:4] == [0, 256, 300 << 20, tasks]
    assert found[4] == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
    assert found[5] == 500


def test_what_it_starts_does_not_get_the_conversation(tried: Tried) -> None:
    assert 'socket' not in tried.run('''
        import subprocess
        result = subprocess.run(['/bin/ls', '-l', '/proc/self/fd'], close_fds=False, capture_output=True, text=True).stdout
    ''')


# what it cannot do


@needs_root
def test_it_is_nobody(tried: Tried) -> None:
    found = tried.run('''
        import os
        status = dict(line.split(':', 1) for line in open('/proc/self/status'))
        result = [os.getresuid(), os.getresgid(), os.getgroups(), {int(status['Cap' + x], 16) for x in
                  ('Inh', 'Prm', 'Eff', 'Bnd', 'Amb')} == {0}, status['NoNewPrivs'].strip(), os.environ['PTH_UID']]
    ''')
    assert found == [[60600] * 3, [60600] * 3, [], True, '1', '60600']
    assert 'PermissionError' in tried.run('import os; os.setuid(0)')


def hostile(closed: Path, tried: Tried) -> dict[str, str]:
    """What a plugin must not read or write, by name."""
    app = os.getpid()
    return {
        'environment': f'open("/proc/{app}/environ", "rb").read()',
        'memory': f'open("/proc/{app}/mem", "rb").read(1)',
        'maps': f'open("/proc/{app}/maps").read()',
        'descriptors': f'__import__("os").listdir("/proc/{app}/fd")',
        'secrets': f'open("{closed}/secrets.toml").read()',
        'neighbour': f'__import__("os").listdir("{closed}/other")',
        'neighbour by the way back': 'open("../../other/diary").read()',
        'its code': 'open(__import__("tried_code").__file__, "a").write("x")',
        'new code': '__import__("os").mkdir(__import__("os").path.dirname(__import__("tried_code").__file__) + "/new")',
        'the SDK': 'open(__import__("edgeos_plugin").__file__, "a").write("x")',
        'a service of the app': f'__import__("os").kill({app}, 0)',
    }


@pytest.mark.parametrize('what', hostile(Path(), None))  # type: ignore[arg-type]
def test_it_cannot_reach(closed: Path, tried: Tried, what: str) -> None:
    if 'service' in what and os.geteuid() != 0 and tried.abi < landlock.SCOPE_ABI:
        pytest.skip('platform: needs Landlock 6')
    (closed / 'secrets.toml').write_text('password = "hunter2"')
    (closed / 'secrets.toml').chmod(0o600)
    (closed / 'other').mkdir(exist_ok=True, mode=0o700)
    (closed / 'other/diary').write_text('dear diary')
    found = tried.run('result = ' + hostile(closed, tried)[what])
    assert str(found).startswith('PermissionError'), found


def test_it_cannot_run_what_it_wrote(tried: Tried) -> None:
    if not tried.abi:
        pytest.skip('platform: needs Landlock')
    assert 'PermissionError' in tried.run('''
        import os, shutil, subprocess
        shutil.copy('/bin/true', 'program')
        os.chmod('program', 0o700)
        result = subprocess.run(['./program']).returncode
    ''')


@pytest.mark.skipif(landlock.supported() < 4, reason='platform: needs Landlock 4')
def test_it_connects_only_to_ports_that_were_granted(closed: Path) -> None:
    installed = Installed(closed / 'ports', TRIES)
    (installed.packages / 'tried_code.py').write_text('')
    with socket.create_server(('127.0.0.1', 0)) as granted, socket.create_server(('127.0.0.1', 0)) as other:
        ports = [granted.getsockname()[1], other.getsockname()[1]]
        connect = 'import socket; socket.create_connection(("127.0.0.1", {}), 2); result = "connected"'
        with running(installed, http_ports=ports[:1]) as app:
            tried = Tried(app)
            assert [str(tried.run(connect.format(port))).split(':')[0] for port in ports] == ['connected', 'PermissionError']
            assert 'PermissionError' in tried.run('import socket; socket.create_server(("127.0.0.1", 0))')
        with running(installed, http_ports=None) as app:
            tried = Tried(app)
            assert [tried.run(connect.format(port)) for port in ports] == ['connected', 'connected']


# as an ordinary user

UNDER_A_USER = '''
import os, sys
uid = int(sys.argv[1])
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
os.chdir('/')
os.execv(sys.argv[2], sys.argv[2:])
'''


def open_python() -> str | None:
    """An interpreter that any user can run."""
    for path in (sys._base_executable, '/usr/bin/python3', '/usr/local/bin/python3'):  # type: ignore[attr-defined]
        done = subprocess.run([sys.executable, '-c', UNDER_A_USER, '60601', path, '-I', '-c',
                               'import sys, venv; sys.exit(sys.version_info < (3, 11))'], capture_output=True)  # fmt: skip
        if done.returncode == 0:
            return str(path)
    return None


@needs_root
@needs_landlock
def test_the_same_without_root() -> None:
    """This file's other tests run again, under a user without any rights."""
    python = open_python()
    if python is None:
        pytest.skip('platform: no interpreter that other users can run')
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shim = copy_house(folder / 'house')
        mine = folder / 'mine'
        mine.mkdir()
        os.chown(mine, 60601, 60601)
        driver = folder / 'driver.py'
        driver.write_text(DRIVER)
        (mine / 'secrets.toml').write_text('password = "hunter2"')
        os.chown(mine / 'secrets.toml', 60601, 60601)
        done = subprocess.run([sys.executable, '-c', UNDER_A_USER, '60601', python, '-I', str(driver), str(mine), str(shim), TRIES],
                              capture_output=True, text=True, timeout=60, env={'PATH': os.defpath, 'SECRET': 'hunter2'})  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
    assert found.pop('isolation') == {'uid': False, 'landlock': landlock.supported(), 'tcp': landlock.supported() >= 4,
                                      'no_new_privs': True}  # fmt: skip
    allowed = {what: found.pop(what) for what in ('import', 'program', 'data', 'threads')}
    assert allowed == {'import': 'ok', 'program': 'ok', 'data': 'ok', 'threads': 'True'}
    refused = {'environment', 'memory', 'secrets', 'neighbour', 'code', 'signal', 'connect', 'root'}
    assert {what: text.split(':')[0] for what, text in found.items()} == dict.fromkeys(refused, 'PermissionError')


DRIVER = '''
import json, os, resource, socket, subprocess, sys, venv
mine, shim, code = sys.argv[1:]
folder, data = mine + '/1.0.0', mine + '/data'
venv.create(folder + '/venv', with_pip=False, symlinks=True)
packages = f'{folder}/venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages'
open(packages + '/tried.py', 'w').write(code)
open(packages + '/tried_code.py', 'w').write('')
os.mkdir(data); os.mkdir(mine + '/other')
ours, theirs = socket.socketpair()
told = {'id': 'tried', 'version': '1.0.0', 'entry': 'tried:Tried', 'token': 'T', 'uid': None, 'gid': None, 'folder': folder,
        'data': data, 'sdk': os.path.dirname(shim) + '/sdk', 'http_ports': [], 'parent': os.getpid(),
        'limits': {'max_processes': 16, 'memory_mb': 150}}
server = socket.create_server(('127.0.0.1', 0))
popen = subprocess.Popen([folder + '/venv/bin/python', '-I', '-S', shim], pass_fds=[theirs.fileno()], cwd=data,
                         env={'EDGEOS_RPC_FD': str(theirs.fileno()), 'EDGEOS_PLUGIN': json.dumps(told)}, stdout=2)
theirs.close()
lines = ours.makefile('rw')
def say(number, method, **params):
    lines.write(json.dumps({'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params}) + '\\n'); lines.flush()
def until(test):
    for line in lines:
        message = json.loads(line)
        if test(message):
            return message
    sys.exit('it has ended')
found = {'isolation': until(lambda m: m.get('method') == 'hello')['params']['isolation']}
say(1, 'initialize', config={})
app = os.getpid()
for what, code in {
    'import': 'import ssl, sqlite3, encodings.idna, edgeos_plugin.testing; result = "ok"',
    'program': 'import subprocess; subprocess.run(["/bin/true"], check=True); result = "ok"',
    'threads': f'import resource as r; result = r.getrlimit(r.RLIMIT_NPROC) == {resource.getrlimit(resource.RLIMIT_NPROC)}',
    'data': 'open("mine", "w").write("x"); result = "ok"',
    'environment': f'result = open("/proc/{app}/environ").read()',
    'memory': f'result = open("/proc/{app}/mem", "rb")',
    'secrets': f'result = open("{mine}/secrets.toml").read()',
    'neighbour': f'import os; result = os.listdir("{mine}/other")',
    'code': 'import tried_code; result = open(tried_code.__file__, "a")',
    'signal': f'import os; result = os.kill({app}, 0)',
    'connect': f'import socket; result = socket.create_connection(("127.0.0.1", {server.getsockname()[1]}))',
    'root': 'import os; os.setuid(0)',
}.items():
    say(2, 'write', name='x', value=code)
    found[what] = str(until(lambda m: m.get('method') == 'publish' and m['params']['name'] == 'result')['params']['value'])
popen.kill(); popen.wait()
print(json.dumps(found))
'''


# when it must not start


def refused(installed: Installed, **changes: Any) -> tuple[int, str]:
    with running(installed, **changes) as app:
        status = app.wait()
        return status, app.output().strip()


def test_it_refuses_to_run_unprotected(closed: Path) -> None:
    installed = Installed(closed / 'refused', TRIES)
    assert refused(installed, argv=[argument for argument in installed.argv() if argument != '-S']) == (
        70, 'This plugin cannot be started safely: it has to run as python -I -S, or its packages run before they are confined')
    assert refused(installed, parent=1) == (70, 'This plugin cannot be started safely: the app has ended')
    if os.geteuid() == 0:
        assert refused(installed, uid=None) == (70, 'This plugin cannot be started safely: it would run as root')
        assert refused(installed, uid=0, gid=0) == (70, 'This plugin cannot be started safely: user 0 would keep rights of the app')


def test_it_dies_with_the_app(closed: Path) -> None:
    """Also after the change of user, at which the kernel forgets."""
    installed = Installed(closed / 'orphan', TRIES.replace('self.publish', 'import signal; self.publish'))
    (installed.packages / 'tried_code.py').write_text('')
    app = f'''
import os, time
from pathlib import Path
from tests.plugins import process
installed = object.__new__(process.Installed)
installed.folder, installed.data, installed.shim = Path({str(installed.folder)!r}), Path({str(installed.data)!r}), Path({str(installed.shim)!r})
with process.running(installed) as app:
    app.until('hello')
    print(app.popen.pid, flush=True)
    os.kill(app.popen.pid, 19)  # a stopped one cannot see the end of the conversation
    time.sleep(60)
'''
    popen = subprocess.Popen([sys.executable, '-c', app], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert popen.stdout
    pid = int(popen.stdout.readline())
    popen.kill()
    popen.wait()
    popen.stdout.close()
    eventually_sync(lambda: not _is_alive(pid), timeout=2)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False
