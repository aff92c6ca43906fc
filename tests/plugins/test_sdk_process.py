"""The SDK in a real process: how a plugin ends, what it says before, and what an app that does not read costs."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psutil
import pytest

from tests.plugins.process import App, Installed, running

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')

HEAD = '''
import asyncio, os, sys, threading, time
from edgeos_plugin import ConfigError, Plugin, ThreadPlugin
'''
QUIET = '''
class Tried(Plugin):
    async def stop(self):
        print('stopped', flush=True)
        await asyncio.sleep(0.3)
'''
BOTH = {
    'asyncio': HEAD + QUIET,
    'threads': HEAD + QUIET.replace('Plugin', 'ThreadPlugin').replace('async ', '').replace('await asyncio', 'time'),
}
Run = Callable[..., AbstractContextManager[App]]


@pytest.fixture(scope='module')
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp('plugin') / 'tried', '')


@pytest.fixture
def run(installed: Installed) -> Run:
    def run(code: str, **changes: Any) -> AbstractContextManager[App]:
        (installed.packages / 'tried.py').write_text(code)
        for cached in installed.packages.glob('__pycache__/tried*'):
            cached.unlink()
        return running(installed, **changes)

    return run


@pytest.fixture(params=list(BOTH))
def both(request: pytest.FixtureRequest) -> str:
    return BOTH[request.param]


def started(app: App, **config: Any) -> App:
    app.until('hello')
    assert app.ask('initialize', config=config) is None
    return app


# the end


def test_shutdown_is_answered_after_stop_and_the_process_ends(run: Run, both: str) -> None:
    with run(both) as app:
        assert started(app).ask('shutdown') is None
        assert app.wait(2) == 0
        assert app.output() == 'stopped\n'


def test_what_stop_stores_is_stored(run: Run) -> None:
    code = '''
class Tried(Plugin):
    async def stop(self):
        self.storage.set('a', 1)
        self.storage.set('b', [2])
'''
    with run(HEAD + code) as app:
        number = started(app).say('shutdown')
        stored = {}
        for _ in range(2):
            request = app.until('state.set')
            stored[request['params']['key']] = request['params']['value']
            assert app.read(0.1) and not any(message.get('id') == number for message in app.messages)
            app.answer(request['id'])
        assert stored == {'a': 1, 'b': [2]}
        assert app.until(number=number)['result'] is None
        assert app.wait(2) == 0


def test_sigterm_stops_it_once(run: Run, both: str) -> None:
    with run(both) as app:
        started(app)
        os.kill(app.popen.pid, signal.SIGTERM)
        assert app.popen.stdout and app.popen.stdout.readline() == b'stopped\n'
        os.kill(app.popen.pid, signal.SIGTERM)
        assert app.wait(2) == 0
        assert app.output() == ''


def test_the_end_of_the_conversation_ends_it(run: Run, both: str) -> None:
    with run(both) as app:
        started(app).sock.close()
        assert app.wait(2) == 0
        assert app.output() == 'stopped\n'


def test_it_ends_before_it_was_initialized_too(run: Run, both: str) -> None:
    with run(both) as app:
        app.until('hello')
        assert app.ask('ping') == 'pong'
        assert app.ask('shutdown') is None
        assert (app.wait(2), app.output()) == (0, '')


def test_a_start_under_way_is_given_up(run: Run) -> None:
    with run(HEAD + 'class Tried(Plugin):\n    async def start(self): await asyncio.sleep(60)\n') as app:
        app.until('hello')
        app.say('initialize', config={})
        assert app.ask('ping') == 'pong'
        assert app.ask('shutdown') is None
        assert (app.wait(2), app.output()) == (0, '')


def test_threads_that_go_on_do_not_keep_it(run: Run) -> None:
    code = '''
class Tried(ThreadPlugin):
    def start(self): threading.Thread(target=time.sleep, args=(60,)).start()
'''
    with run(HEAD + code) as app:
        assert started(app).ask('shutdown') is None
        assert app.wait(2) == 0


@pytest.mark.parametrize('style', ['async def', 'def'])
def test_a_configuration_error_is_78(run: Run, style: str) -> None:
    kind = 'Plugin' if style == 'async def' else 'ThreadPlugin'
    with run(HEAD + f"class Tried({kind}):\n    {style} start(self): raise ConfigError('no address')\n") as app:
        app.until('hello')
        assert app.ask('initialize', config={}) == {'code': -32010, 'message': 'no address'}
        assert app.wait(2) == 78


def test_a_crash_in_start_is_reported_first_and_is_1(run: Run) -> None:
    with run(HEAD + "class Tried(Plugin):\n    async def start(self): self.nothing()\n") as app:
        app.until('hello')
        number = app.say('initialize', config={})
        answer = app.until(number=number)
        error = next(message['params'] for message in app.messages if message.get('method') == 'error')
        assert (error['type'], error['handled']) == ('AttributeError', False) and 'in start' in error['traceback']
        assert answer['error']['code'] == -32603 and 'nothing' in answer['error']['message']
        assert app.wait(2) == 1
        assert 'Traceback' in app.output() or "has no attribute 'nothing'" in app.output()


@pytest.mark.parametrize(('code', 'kind'), [('import no_such_module', 'ModuleNotFoundError'), ('x = (', 'SyntaxError'),
                                            ('class Tried: pass', 'TypeError'), ('', 'AttributeError'),
                                            ('raise SystemExit(5)', '')])  # fmt: skip
def test_what_cannot_be_imported_is_reported_and_is_1(run: Run, code: str, kind: str) -> None:
    with run(code) as app:
        if kind:
            assert app.until('error')['params']['type'] == kind
            assert app.wait(2) == 1
            assert kind in app.output()
        else:
            assert app.wait(2) == 5


# what it says


def test_what_it_prints_never_touches_the_conversation(run: Run) -> None:
    code = '''
class Tried(Plugin):
    async def start(self):
        print('printed', flush=True)
        sys.stderr.write('said\\n')
        os.system('echo from a shell')
        os.write(1, bytes(range(256)))
        self.publish('up', 1)
'''
    with run(HEAD + code) as app:
        assert started(app).value('up') == 1
        assert app.ask('ping') == 'pong'
        os.kill(app.popen.pid, signal.SIGKILL)
        app.wait()
        assert app.popen.stdout
        said = app.popen.stdout.read()
        assert all(word in said for word in (b'printed\n', b'said\n', b'from a shell\n', bytes(range(256))))


def test_a_hung_one_says_where_it_hangs(run: Run) -> None:
    code = '''
class Tried(Plugin):
    async def start(self):
        self.publish('up', 1)
        asyncio.get_running_loop().call_later(0.01, self.wait_for_ever)
    def wait_for_ever(self):
        print('hanging', flush=True)
        while True: time.sleep(60)
'''
    with run(HEAD + code) as app:
        started(app)
        assert app.popen.stdout and app.popen.stdout.readline() == b'hanging\n'
        os.kill(app.popen.pid, signal.SIGUSR1)
        lines: list[bytes] = []
        while b'wait_for_ever' not in (line := app.popen.stdout.readline()):
            lines.append(line)
            assert line
        assert any(b'most recent call first' in line for line in lines)
        assert app.popen.poll() is None


def test_logs_of_libraries_arrive(run: Run) -> None:
    code = '''
import logging
class Tried(Plugin):
    async def start(self):
        logging.getLogger('some.library').warning('careful')
        self.log.info('fine')
        try: 1 / 0
        except ZeroDivisionError: self.log.exception('not so fine')
'''
    with run(HEAD + code) as app:
        started(app)
        logs = [message['params'] for message in app.messages if message.get('method') == 'log']
        assert logs[:2] == [{'level': 'warning', 'text': 'careful'}, {'level': 'info', 'text': 'fine'}]
        assert logs[2]['level'] == 'error' and logs[2]['text'].endswith('ZeroDivisionError: division by zero')


def test_an_unknown_request_and_one_before_its_time_are_refused(run: Run) -> None:
    with run(BOTH['asyncio']) as app:
        app.until('hello')
        assert app.ask('write', name='a', value=1) == {'code': -32002, 'message': 'the plugin is not running'}
        assert app.ask('fly')['code'] == -32601
        assert app.ask('initialize')['code'] == -32602
        assert app.ask('initialize', config={}) is None
        assert app.ask('initialize', config={})['code'] == -32600


# an app that does not read

FLOOD = HEAD + '''
class Tried(Plugin):
    async def start(self):
        threading.Thread(target=self.flood, daemon=True).start()
    def flood(self):
        for number in range(60_000):
            self.publish(f'p{number % 100}', [number, 'x' * 1000])
            self.log.info('a line %d', number)
        print('flooded', flush=True)
'''


def test_an_app_that_does_not_read_costs_neither_memory_nor_time(run: Run) -> None:
    with run(FLOOD) as app:
        app.until('hello')
        app.say('initialize', config={})
        assert app.popen.stdout and app.popen.stdout.readline() == b'flooded\n'
        assert psutil.Process(app.popen.pid).memory_info().rss < 45 << 20
        newest: dict[str, int] = {}
        left_out = False
        while len(newest) < 100 or any(newest[f'p{n}'] != 59_900 + n for n in range(100)):
            assert app.read()
            for message in app.messages:
                if message.get('method') == 'publish':
                    name, (number, _) = message['params']['name'], message['params']['value']
                    assert newest.get(name, -1) < number
                    newest[name] = number
                left_out |= message.get('params', {}).get('text', '').endswith('were left out while the app did not read')
            app.messages.clear()
        assert app.ask('ping') == 'pong'
        assert left_out or app.until('log')


def test_values_are_not_left_out_while_the_app_reads(run: Run) -> None:
    code = '''
class Tried(Plugin):
    async def start(self):
        for number in range(500): self.publish('p', number)
'''
    with run(HEAD + code) as app:
        started(app)
        assert [m['params']['value'] for m in app.messages if m.get('method') == 'publish'] == list(range(500))


def test_the_loop_goes_on_while_the_app_does_not_read(run: Run) -> None:
    code = '''
class Tried(Plugin):
    async def start(self):
        self.longest = 0.0
        self.task = asyncio.create_task(self.tick())
    async def tick(self):
        last, end = time.monotonic(), time.monotonic() + 1
        while last < end:
            for number in range(50): self.publish(f'p{number}', 'x' * 1000)
            await asyncio.sleep(0.005)
            self.longest, last = max(self.longest, time.monotonic() - last), time.monotonic()
        print(self.longest, flush=True)
'''
    with run(HEAD + code) as app:
        app.until('hello')
        app.say('initialize', config={})
        assert app.popen.stdout and float(app.popen.stdout.readline()) < 0.25


# figures, with room for a busy machine


def test_it_is_quick_and_small(run: Run) -> None:
    with run(BOTH['asyncio']) as app:
        app.until('hello')  # and is compiled
    began = time.monotonic()
    with run(BOTH['asyncio']) as app:
        app.until('hello')
        hello = time.monotonic() - began
        used = sum(psutil.Process(app.popen.pid).cpu_times()[:2])
        assert app.ask('initialize', config={}) is None
        rss = psutil.Process(app.popen.pid).memory_info().rss / 2**20
        rates = [round_trips(app, 5000) for _ in range(3)]
    print(f'hello {hello * 1000:.0f} ms ({used * 1000:.0f} of work), {rss:.1f} MB, {max(rates):.0f} round trips/s')
    assert used < 0.25
    assert rss < 25
    assert max(rates) > 3000


def round_trips(app: App, count: int) -> float:
    """A second, with 64 in flight."""
    line = b'{"jsonrpc":"2.0","id":%d,"method":"ping","params":{}}\n'
    began = time.monotonic()
    sent = answered = 0
    while answered < count:
        if (room := min(64 - (sent - answered), count - sent)) > 0:
            app.sock.sendall(b''.join(line % (sent + n) for n in range(room)))
            sent += room
        answered += app.sock.recv(1 << 16).count(b'\n')
    return count / (time.monotonic() - began)
