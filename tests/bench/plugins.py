"""What plugins cost, and that none of them can hold the app up: the figures of research page B6."""
import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from edgeos.connections.kinds import config_models
from edgeos.gateway import Gateway
from edgeos.limiter import ResourceLimiter
from edgeos.limits import Limits
from edgeos.plugins.environment import find_tools, make_environment
from edgeos.plugins.isolation import Folders, is_root
from edgeos.plugins.manager import PluginManager
from edgeos.plugins.pack import pack
from edgeos.plugins.plugin import RunningPlugin
from edgeos.plugins.services import PluginServices
from edgeos.plugins.supervisor import State
from edgeos.secrets import SecretStore
from edgeos.settings import SettingsFile
from tests.bench.apps import MAIN, first_answer, program, used
from tests.bench.report import Report
from tests.helpers import eventually, free_port
from tests.lag import Lag
from tests.plugins import house
from tests.plugins.installing import make_wheel
from tests.plugins.process import make_venv
from tests.plugins.test_hostile import APP

CODE = """
import time
from edgeos_plugin import Plugin
class Calm(Plugin):
    async def start(self):
        self.publish('up', 1)
class Hangs(Plugin):
    async def stop(self):
        time.sleep(3600)
"""
ASLEEP = 'import asyncio, sys; print("up", flush=True); asyncio.run(asyncio.sleep(60))'
ECHO = """
import json, socket, sys
with socket.socket(fileno=int(sys.argv[1])) as sock:
    for line in sock.makefile('rb'):
        sock.sendall(json.dumps({'jsonrpc': '2.0', 'id': json.loads(line)['id'], 'result': 'pong'}).encode() + b'\\n')
"""
BYTES = 83  # of one request
CALLS, AT_ONCE = 5000, 32
CROWD = 20
HOSTILE = {'floods': '100,000 messages/s tried', 'never_reads': 'never reads', 'endless_line': '8 MB lines',
           'prints': 'prints without end', 'spins': 'spins', 'eats': 'eats memory'}  # fmt: skip
STARTS = 5


class Bench:
    """A folder, and plugins with the real shim and SDK that share one environment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.gateway = Gateway()
        (make_venv(root / 'code' / 'venv') / 'child.py').write_text(CODE)

    def plugin(self, kind: str = 'Calm', number: int = 0) -> RunningPlugin:
        name = f'demo-{number}'
        places = Folders(self.root / 'code', self.root / name / 'data', self.root / 'storage' / f'{name}.json')
        uid = 61_090 + number if is_root() else None
        return RunningPlugin(house.manifest(kind, name), places, PluginServices(self.gateway), dict, (), uid)


async def came_up(plugin: RunningPlugin) -> float:
    """Seconds from its start to its hello and its first answer."""
    began = time.perf_counter()
    await plugin.start()
    await plugin.came_up()
    await ping(plugin)
    return time.perf_counter() - began


async def ping(plugin: RunningPlugin) -> None:
    assert plugin._session and plugin._session.peer
    await plugin._session.peer.call('ping', {'filling': 'x' * (BYTES - 69)})


async def took(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


# install


async def installs(report: Report, root: Path) -> None:
    source = root / 'source'
    (source / 'wheels').mkdir(parents=True)
    make_wheel(source / 'wheels', 'helper_dep', '2.0', {'helper_dep/__init__.py': 'ANSWER = 42\n'})
    (source / 'demo_plugin').mkdir()
    (source / 'demo_plugin' / '__init__.py').write_text(f'import helper_dep\n{CODE}')
    (source / 'plugin.json').write_text(json.dumps({'schema': 1, 'id': 'demo', 'name': 'Demo', 'version': '1.0.0', 'api': 1,
                                                    'entry': {'module': 'demo_plugin:Calm'}}))  # fmt: skip
    (source / 'README.md').write_text('# Demo\n')
    (source / 'icon.svg').write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    package = pack(source, root)
    usual = await asyncio.to_thread(install_as_usual, root / 'usual', source / 'wheels')
    for tool in find_tools():
        data = root / f'with {tool.name}'
        limits = Limits(ResourceLimiter(strays=data / 'processes.json'),
                        SettingsFile.load(root / f'{tool.name}.toml', config_models(), create=True))  # fmt: skip
        manager = PluginManager(data, Gateway(), limits, SecretStore(data / 'secrets.toml', {}))
        manager._switching.environment = lambda folder, work, say, tool=tool: make_environment(folder, work, say, [tool])
        await manager.start()
        began = time.perf_counter()
        job = manager.jobs.get((await manager.install_file(package)).id)
        await job.wait()
        seconds = time.perf_counter() - began
        assert job.state == 'done', job.error
        report.figure(f'install, 1 dependency, offline: {tool.name}', seconds, 's', f'venv with pip, then its pip {usual:.2f} s',
                      at_most=3.0 if tool.name == 'pip' else 0.5)  # fmt: skip
        home = data / 'plugins' / 'demo' / '1.0.0'
        report.figure('    disk', used_mb(home), 'MB', f'a venv with pip {used_mb(root / "usual"):.1f} MB', at_most=0.2)
        await manager.stop()


def install_as_usual(folder: Path, wheels: Path) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, '-m', 'venv', str(folder)], check=True)
    subprocess.run([str(folder / 'bin' / 'pip'), 'install', '-q', '--no-index', '--find-links', str(wheels), 'helper_dep',
                    '--disable-pip-version-check'], check=True)  # fmt: skip
    return time.perf_counter() - began


def used_mb(folder: Path) -> float:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob('*')) / 1e6


# start, memory, stop, crash


async def lives(report: Report, bench: Bench) -> None:
    bare = statistics.median([spawned() for _ in range(5)])
    plugins = [bench.plugin(number=number) for number in range(CROWD)]
    alone = []
    for plugin in plugins[:5]:
        alone.append(await came_up(plugin))
        await plugin.stop()
    report.figure('start to hello and pong', statistics.median(alone), 's', f'bare asyncio process {bare:.2f} s', at_most=0.5)
    together = await took(asyncio.gather(*map(came_up, plugins)))
    report.figure(f'    {CROWD} in parallel', together, 's', at_most=3.0)
    weigh(report, plugins)
    plugin = plugins[0]
    await trips(report, plugin)
    os.kill(plugin.pid or 0, signal.SIGKILL)
    crash = await took(eventually(lambda: plugin.next_try_in is not None, interval=0.001))
    report.figure('crash to restart scheduled', crash, 's', at_most=0.5)
    report.figure(f'clean stop of {CROWD} in parallel', await took(asyncio.gather(*(each.stop() for each in plugins))), 's',
                  at_most=2.0)  # fmt: skip
    hung = bench.plugin('Hangs', CROWD)
    await came_up(hung)
    report.figure('stop of one that hangs', await took(hung.stop()), 's', f'asked, {hung.manifest.stop_timeout_s:g} s, then signals',
                  at_most=10.0)  # fmt: skip


def spawned() -> float:
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, '-I', '-S', '-c', ASLEEP], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        seconds = time.perf_counter() - began
        process.kill()
    return seconds


def weigh(report: Report, plugins: list[RunningPlugin]) -> None:
    with subprocess.Popen([sys.executable, '-I', '-S', '-c', ASLEEP], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        bare = psutil.Process(process.pid).memory_full_info()
        process.kill()
    found = [psutil.Process(plugin.pid).memory_full_info() for plugin in plugins]
    for name, most in (('rss', 25), ('pss', 15)):
        report.figure(f'{name.upper()} of a minimal plugin, {CROWD} run', statistics.median(getattr(each, name) for each in found) / 1e6, 'MB',
                      f'bare asyncio process {getattr(bare, name) / 1e6:.1f} MB', at_most=most)  # fmt: skip


# round trips


async def trips(report: Report, plugin: RunningPlugin) -> None:
    each = [await took(ping(plugin)) for _ in range(CALLS)]

    async def row() -> None:
        for _ in range(CALLS // AT_ONCE):
            await ping(plugin)

    rate = CALLS / await took(asyncio.gather(*(row() for _ in range(AT_ONCE))))
    bare, bare_rate = await asyncio.to_thread(bare_trips)
    for name, at, most in (('p50', 0.5, 0.2), ('p99', 0.99, 5.0)):
        report.figure(f'round trip of {BYTES} B: {name}', quantile(each, at) * 1000, 'ms', f'bare {quantile(bare, at) * 1000:.3f} ms', at_most=most)
    report.figure(f'    a second, {AT_ONCE} at a time', rate, '', f'bare {bare_rate:,.0f}', at_least=10_000)


def quantile(found: list[float], at: float) -> float:
    return sorted(found)[int(at * len(found))]


def bare_trips() -> tuple[list[float], float]:
    """A process that echoes JSON lines, asked one after the other and many at a time."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen([sys.executable, '-c', ECHO, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    found, answers = [], ours.makefile('rb')

    def ask(number: int) -> bytes:
        head = json.dumps({'jsonrpc': '2.0', 'id': number, 'method': 'ping', 'params': {'filling': ''}})
        return head.replace('""', f'"{"x" * (BYTES - len(head))}"').encode() + b'\n'

    for number in range(CALLS):
        began = time.perf_counter()
        ours.sendall(ask(number))
        assert json.loads(answers.readline())['id'] == number
        found.append(time.perf_counter() - began)
    began = time.perf_counter()
    for number in range(0, CALLS, AT_ONCE):
        ours.sendall(b''.join(ask(number + more) for more in range(AT_ONCE)))
        for _ in range(AT_ONCE):
            json.loads(answers.readline())
    rate = CALLS / (time.perf_counter() - began)
    answers.close()
    ours.close()
    process.wait(5)
    return found, rate


# against the app


def killed_app(report: Report, root: Path) -> None:
    app = subprocess.Popen([sys.executable, '-c', APP, str(root), 'good'], stdout=subprocess.PIPE, text=True)
    assert app.stdout
    pid = int(app.stdout.readline().split()[0])
    app.stdout.readline()
    began = time.perf_counter()
    app.kill()
    while house.is_alive(pid):
        time.sleep(0.002)
    report.figure('app killed: its plugin is gone after', time.perf_counter() - began, 's', at_most=1.0)
    app.wait()
    app.stdout.close()


async def hostile(report: Report, root: Path, kind: str) -> None:
    """The lag of the loop over 4 s, of which an `eats` or `endless_line` needs only the first."""
    made = house.House(root)
    made.hold()
    point = made.gateway.point(made.gateway.add_source('plc', made), 'a')  # type: ignore[arg-type]
    assert point
    async with Lag() as lag:
        plugin = await made.run(kind, permissions=['points.read:**'])
        plugin.points.subscribe('plc/**')
        before, since = time.thread_time(), time.perf_counter()
        for number in range(800):
            made.gateway.publish(point, f'{number}' * 50, 1.0)
            await asyncio.sleep(0.005)
        share = 100 * (time.thread_time() - before) / (time.perf_counter() - since)
    report.figure(f'lag p99: {HOSTILE[kind]}', lag.p99, 'ms', f'empty loop {lag.empty_p99:.1f} ms, the loop uses {share:.0f} % of a core',
                  at_most=max(20.0, 2 * lag.empty_p99))  # fmt: skip
    assert plugin.state is not State.STOPPED
    await made.close()


def starts(report: Report) -> None:
    """CPU seconds, because others use the cores too."""
    found: dict[str, list[float]] = {'bare': [], 'with': [], 'without': []}
    for _ in range(STARTS):
        port = free_port()
        found['bare'].append(spent(f'http://127.0.0.1:{port}/', '-m', 'tests.bench.bare_page', str(port)))
        for name, argv in (('with', [MAIN]), ('without', ['-m', 'tests.bench.without_plugins'])):
            with tempfile.TemporaryDirectory() as folder:
                port, settings = free_port(), Path(folder) / 'settings.toml'
                settings.write_text('')
                found[name].append(spent(f'http://127.0.0.1:{port}/api/health', *argv, '--settings', str(settings), '--port', str(port)))
    middle = {name: statistics.median(each) for name, each in found.items()}
    report.row('start to /api/health: with plugins, CPU s', middle['with'], middle['without'], at_most=1.1)
    report.row('    beside a bare page, CPU s', middle['with'], middle['bare'])


def spent(url: str, *argv: str) -> float:
    with program(*argv) as process:
        first_answer(url)
        return used(psutil.Process(process.pid))


async def on_loop(report: Report, folder: Callable[[str], Path]) -> None:
    await installs(report, folder('install'))
    await lives(report, Bench(folder('lives')))
    for kind in HOSTILE:
        await hostile(report, folder(kind), kind)


def run(report: Report) -> None:
    root = Path(tempfile.mkdtemp(prefix='edgeos-bench-'))
    root.chmod(0o755)

    def folder(name: str) -> Path:
        (root / name).mkdir()
        return root / name

    try:
        asyncio.run(on_loop(report, folder))
        killed_app(report, folder('killed'))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    starts(report)
