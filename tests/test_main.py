"""The program from outside: exit statuses, the ready line, clean ends, one line for each mistake."""
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import psutil
import pytest

from edgeos.web.passwords import hash_password
from tests.helpers import eventually_sync, patient
from tests.reporting.ingest import Answer, Ingest

MAIN = Path(__file__).parents[1] / 'main.py'
READY = re.compile(r'SmartHome Edge OS \d+\.\d+\.\d+ ready at (http://\S+:(\d+))')


@pytest.fixture
def spawn(tmp_path):
    """Starts Python with these arguments in a folder of its own; nothing outlives the test."""
    started = []

    def spawn_python(*arguments, **environment):
        process = subprocess.Popen([sys.executable, *map(str, arguments)], cwd=tmp_path, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env={**clean_environment(), **environment})  # fmt: skip
        started.append(process)
        return process

    yield spawn_python
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def start(spawn):
    return lambda *arguments, **environment: spawn(MAIN, *arguments, **environment)


def clean_environment():
    return {key: value for key, value in os.environ.items() if not key.startswith(('PYTEST', 'NICEGUI'))}


def url_of(process):
    """Waits for the ready line."""
    line = process.stdout.readline()
    found = READY.fullmatch(line.strip())
    assert found, f'not the ready line: {line!r} {process.stderr.read() if process.poll() is not None else ""}'
    return found[1]


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.status, json.load(answer)


def end_of(process, timeout=15):
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def test_starts_from_nothing_says_where_and_ends_cleanly(start, tmp_path):
    process = start('--port', '0')
    url = url_of(process)
    assert get(f'{url}/api/health')[1]['status'] == 'ok'
    assert (tmp_path / 'settings.toml').read_text().startswith('#')
    assert (tmp_path / 'data').is_dir()
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code, out, err = end_of(process)
    assert (code, out, err) == (0, '', '')
    assert time.monotonic() - began < patient(5)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_clean_end_also_while_clients_hang_on(start, number):
    process = start('--headless', '--port', '0')
    url = url_of(process)
    port = int(url.rsplit(':', 1)[1])
    with socket.create_connection(('127.0.0.1', port)) as lingering:
        lingering.sendall(b'GET /api/health HTTP/1.1\r\n')
        began = time.monotonic()
        process.send_signal(number)
        assert end_of(process)[0] == 0
        assert time.monotonic() - began < patient(5)


@pytest.mark.skipif(not hasattr(signal, 'SIGHUP'), reason='platform: has no terminals that hang up')
def test_the_end_of_its_terminal_is_a_clean_end_unless_nohup_says_otherwise(start, spawn):
    process = start('--headless', '--port', '0')
    url_of(process)
    process.send_signal(signal.SIGHUP)
    assert end_of(process) == (0, '', '')
    code = ('import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n'
            'os.execv(sys.executable, [sys.executable, *sys.argv[1:]])')
    process = spawn('-c', code, MAIN, '--headless', '--port', '0')
    url = url_of(process)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert get(f'{url}/api/health')[1]['status'] == 'ok'
    process.send_signal(signal.SIGTERM)
    assert end_of(process)[0] == 0


@pytest.mark.skipif(not hasattr(os, 'openpty'), reason='platform: has no terminals')
def test_a_closed_terminal_holds_up_nothing_of_the_end(tmp_path):
    ours, theirs = os.openpty()
    code = ('import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n'
            'os.execv(sys.executable, [sys.executable, *sys.argv[1:]])')
    process = subprocess.Popen([sys.executable, '-c', code, MAIN, '--headless', '--port', '0'], cwd=tmp_path,
                               stdin=theirs, stdout=theirs, stderr=theirs, env=clean_environment())  # fmt: skip
    try:
        os.close(theirs)
        said = b''
        while b'ready at' not in said:
            said += os.read(ours, 4096)
        os.close(ours)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()


def test_it_runs_and_ends_cleanly_when_nobody_reads_what_it_says(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, MAIN, '--headless', '--port', str(port)], cwd=tmp_path, stdout=writer,
                               env=clean_environment())  # fmt: skip
    os.close(writer)
    try:
        eventually_sync(lambda: reaches(port), timeout=15)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def reaches(port):
    with contextlib.suppress(OSError):
        return get(f'http://127.0.0.1:{port}/api/health')[0] == 200


def ask(url, accept=None, data=None, cookie=None):
    """Status, headers and text of an answer, whatever it is."""
    headers = {name: value for name, value in (('Accept', accept), ('Cookie', cookie)) if value}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=5) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_headless_has_the_api_and_says_that_it_has_no_pages(start):
    url = url_of(start('--headless', '--port', '0'))
    assert get(f'{url}/api/connections') == (200, [])
    for path, accept in (('/', 'text/html,*/*'), ('/login', 'text/plain'), ('/connections/home', 'text/html')):
        status, headers, text = ask(url + path, accept)
        assert (status, headers.get_content_type(), text.count('\n')) == (404, 'text/plain', 1)
        assert 'without pages' in text and '/api' in text
    status, headers, text = ask(f'{url}/')
    assert (status, headers.get_content_type()) == (404, 'application/json')
    assert '/api' in json.loads(text)['detail']


def test_headless_loads_nothing_that_only_pages_need(spawn):
    process = spawn('-X', 'importtime', MAIN, '--headless', '--port', '0')
    url = url_of(process)
    for path in ('/api/connections', '/metrics', '/openapi.json', '/'):
        ask(url + path)
    process.send_signal(signal.SIGTERM)
    code, _out, err = end_of(process)
    loaded = {line.rpartition('|')[2].strip().partition('.')[0] for line in err.splitlines()}
    assert (code, loaded & {'fastapi', 'edgeos', 'prometheus_client'}) == (0, {'fastapi', 'edgeos', 'prometheus_client'})
    assert loaded & {'pages', 'nicegui', 'socketio', 'engineio', 'websockets', 'jinja2', 'plotly'} == set()


LISTING = """
import atexit, gc, pathlib, runpy, sys
atexit.register(lambda: pathlib.Path('modules').write_text(' '.join(sys.modules)))
atexit.register(lambda: pathlib.Path('collects').write_text(f'{gc.isenabled()} {gc.get_freeze_count() > 50_000}'))
sys.argv = sys.argv[1:]
sys.path.insert(0, str(pathlib.Path(sys.argv[0]).parent))
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.mark.parametrize('looks', [False, True])
def test_pages_are_loaded_when_somebody_looks_at_one(spawn, tmp_path, looks):
    process = spawn('-c', LISTING, MAIN, '--port', '0')
    url = url_of(process)
    assert not looks or 'Connections' in ask(url, 'text/html')[2]
    process.send_signal(signal.SIGTERM)
    assert end_of(process)[0] == 0
    loaded = set((tmp_path / 'modules').read_text().split())
    all_pages = {'pages.overview_page', 'pages.settings_page', 'pages.plugins_page', 'pages.panel_bar', 'tomlkit'}
    assert 'pages.frame' in loaded and loaded & all_pages == (all_pages if looks else set())
    assert (tmp_path / 'collects').read_text() == 'True True', 'code is not looked at again'


def test_headless_lets_programs_log_in_without_a_page(start, tmp_path):
    (tmp_path / 'settings.toml').write_text(f'[security]\npassword_hash = "{hash_password("correct horse")}"\n')
    url = url_of(start('--headless', '--port', '0'))
    assert ask(f'{url}/')[0] == ask(f'{url}/api/connections')[0] == 401
    status, headers, text = ask(f'{url}/login', data=b'password=wrong')
    assert (status, headers['Set-Cookie'], json.loads(text)['detail']) == (401, None, 'The password is wrong.')
    status, headers, _text = ask(f'{url}/login', data=b'password=correct+horse')
    assert status == 204
    cookie = headers['Set-Cookie'].partition(';')[0]
    assert ask(f'{url}/api/connections', cookie=cookie)[0] == 200
    assert ask(f'{url}/logout', data=b'', cookie=cookie)[0] == 204
    assert ask(f'{url}/api/connections', cookie=cookie)[0] == 401


def test_a_taken_port_is_status_3_and_one_line(start):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = end_of(start('--port', port))
    assert (code, out) == (3, '')
    assert str(port) in err
    assert err.count('\n') == 1


@pytest.mark.parametrize(('text', 'said'), [
    ('[app]\nport = "eight"\n', ['app.port', 'eight']),
    ('[app]\nport = 8080\n\nport = 1\n', ['line 4']),
    ('[apps]\n', ['apps']),
    ('[app\n', ['line 1']),
    ('[[connections]]\nid = "a"\ntype = "mqtt"\n[connections.config]\nhost = "h"\nqos = 7\n', ['config.qos', 'a']),
    ('[[connections]]\nid = "a"\ntype = "fax"\n', ['connections[0].type', 'mqtt', 'fax']),
    ('[[connections]]\nid = "A!"\ntype = "mqtt"\n[connections.config]\nhost = "h"\n', ['connections[0].id']),
    ('[[connections]]\nid = "a"\ntype = "mqtt"\n[connections.config]\nhost = "h"\npassword = "geheim"\n', ['password']),
    ('[app]\nhost = "0.0.0.0"\n', ['app.host', 'password']),
    ('\xff\xfe', []),
])  # fmt: skip
@pytest.mark.parametrize('arguments', [['--check']])
def test_bad_settings_are_status_2_and_one_line_that_says_where(start, tmp_path, text, said, arguments):
    path = tmp_path / 'settings.toml'
    path.write_bytes(text.encode('latin-1'))
    code, out, err = end_of(start(*arguments, '--settings', path))
    assert (code, out, err.count('\n')) == (2, '', 1), err
    assert [word for word in ['settings.toml', *said] if word not in err] == []
    assert 'Traceback' not in err
    assert path.read_bytes() == text.encode('latin-1'), 'a file that is not understood is never touched'


@pytest.mark.parametrize('arguments', [
    ['--port', 'x'], ['--port', '70000'], ['--nonsense'], ['--settings', 'nowhere.toml'], ['--log-level', 'loud'],
    ['--host', '0.0.0.0'], ['--demo', '--settings', 'x.toml'], ['--host', '203.0.113.7'], ['--settings', '.'],
])  # fmt: skip
def test_bad_arguments_are_status_2_and_one_line(start, arguments):
    code, out, err = end_of(start(*arguments))
    assert (code, out, err.count('\n')) == (2, '', 1), err


def test_a_start_refuses_bad_settings_just_as_a_check_does(start, tmp_path):
    path = tmp_path / 'settings.toml'
    path.write_text('[app]\nport = "eight"\n')
    code, out, err = end_of(start())
    assert (code, out, err.count('\n')) == (2, '', 1), err


def test_check_says_that_settings_are_valid_and_starts_nothing(start, tmp_path):
    path = tmp_path / 'mine.toml'
    path.write_text('[app]\nport = 1\n')
    code, out, err = end_of(start('--check', '--settings', path))
    assert (code, err) == (0, '')
    assert 'mine.toml' in out
    assert not (tmp_path / 'data').exists()


def test_a_python_without_the_packages_says_so_in_one_line(spawn):
    code, out, err = end_of(spawn('-S', MAIN, '--version'))
    assert (code, out, err.count('\n')) == (1, '', 1)
    assert re.match(r"main\.py: No module named '\w+': expected Python 3\.11 .*requirements\.txt", err), err


def test_version_names_itself(start):
    code, out, _ = end_of(start('--version'))
    assert code == 0
    assert re.fullmatch(r'SmartHome Edge OS \d+\.\d+\.\d+\n', out)


def test_other_data_folder_and_overrides(start, tmp_path):
    path = tmp_path / 'deep' / 'mine.toml'
    path.parent.mkdir()
    path.write_text('[app]\nport = 1\n')
    url = url_of(start('--settings', path, '--data', tmp_path / 'elsewhere', '--port', '0', '--host', 'localhost'))
    assert get(f'{url}/api/health')[0] == 200
    assert (tmp_path / 'elsewhere' / 'logs').is_dir()
    assert not (tmp_path / 'deep' / 'data').exists()


def test_the_demo_lives_and_leaves_nothing_behind(start, tmp_path):
    process = start('--demo', '--port', '0', TMPDIR=str(tmp_path))
    url = url_of(process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children

    def alive():
        states = {c['id']: c['status'] for c in get(f'{url}/api/connections')[1]}
        return len(states) >= 2 and 'connected' in states.values() and 'error' in states.values()

    eventually_sync(alive, timeout=10)
    points = eventually_sync(lambda: len(get(f'{url}/api/connections/demo_house/points')[1]) > 30, timeout=10)
    assert points
    process.send_signal(signal.SIGTERM)
    assert end_of(process)[0] == 0
    eventually_sync(lambda: not any(child.is_running() and child.status() != 'zombie' for child in children))
    assert not (tmp_path / 'settings.toml').exists()
    assert list(tmp_path.glob('edgeos-demo-*')) == []


def test_killed_hard_it_leaves_no_child(start):
    process = start('--demo', '--port', '0')
    url_of(process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    eventually_sync(lambda: not any(child.is_running() and child.status() != 'zombie' for child in children))


def test_a_password_can_be_set_from_the_command_line(start, tmp_path):
    import pty

    parent, child = pty.openpty()
    process = subprocess.Popen([sys.executable, str(MAIN), '--set-password'], cwd=tmp_path, stdin=child, stdout=child,
                               stderr=child, env=clean_environment(), start_new_session=True,
                               preexec_fn=lambda: __import__('fcntl').ioctl(0, __import__('termios').TIOCSCTTY, 0))  # fmt: skip
    os.close(child)
    for question in (b'New password', b'same again'):
        seen = b''
        while question not in seen:
            seen += os.read(parent, 1000)
        os.write(parent, b'correct horse\n')
    assert process.wait(15) == 0
    os.close(parent)
    assert 'password_hash = "$argon2id$' in (tmp_path / 'settings.toml').read_text()


def test_a_second_program_on_the_same_data_is_refused(start):
    url_of(start('--headless', '--port', '0'))
    code, out, err = end_of(start('--headless', '--port', '0'))
    assert (code, out, err.count('\n')) == (2, '', 1)
    assert 'data' in err


def about(url):
    with urllib.request.urlopen(f'{url}/api/diagnostics', timeout=5) as answer, zipfile.ZipFile(io.BytesIO(answer.read())) as archive:
        return json.loads(archive.read('about.json'))


def test_an_env_file_is_read(start, tmp_path):
    (tmp_path / '.env').write_text('# mine\nexport SENTRY_DSN="http://abc@127.0.0.1:9/1"\nENVIRONMENT=cellar\n')
    url = url_of(start('--port', 0))
    reporting = about(url)['reporting']
    assert reporting['sending'] == {'on': True, 'why': 'on'} and reporting['environment'] == 'cellar'


def test_the_environment_wins_over_an_env_file_beside_the_settings(start, tmp_path):
    (tmp_path / 'house').mkdir()
    (tmp_path / 'house' / 'settings.toml').write_text('')
    (tmp_path / 'house' / '.env').write_text('SENTRY_DSN=http://abc@127.0.0.1:9/1\nENVIRONMENT=cellar\n')
    url = url_of(start('--port', 0, '--settings', tmp_path / 'house' / 'settings.toml', ENVIRONMENT='attic'))
    reporting = about(url)['reporting']
    assert reporting['sending']['on'] and reporting['environment'] == 'attic'


def test_a_bad_dsn_is_one_warning_that_does_not_show_it(start):
    process = start('--port', 0, SENTRY_DSN='https://geheim@:x/y')
    assert about(url_of(process))['reporting']['sending'] == {'on': False, 'why': 'bad_dsn'}
    process.send_signal(signal.SIGTERM)
    status, _, err = end_of(process)
    assert status == 0 and len(err.splitlines()) == 1 and 'DSN' in err and 'geheim' not in err


def test_a_sentry_server_that_hangs_holds_up_neither_answers_nor_the_end(start):
    with Ingest() as ingest:
        ingest.answer = Answer(hang=20)
        process = start('--port', 0, SENTRY_DSN=ingest.dsn)
        url = url_of(process)
        began = time.monotonic()
        assert get(f'{url}/api/connections') == (200, [])
        assert time.monotonic() - began < patient(5)
        eventually_sync(lambda: ingest.requests, timeout=10)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert end_of(process)[0] == 0
        assert time.monotonic() - began < patient(5)


BROKEN = """
import asyncio, sys
sys.path.insert(0, {root!r})
import main
from edgeos.connections.manager import ConnectionManager
async def broken(self): {what}
ConnectionManager.{method} = broken
sys.argv = ['main.py', '--port', '0']
sys.exit(main.main())
"""


@pytest.fixture
def start_broken(spawn):
    return lambda method, what, dsn: spawn('-c', BROKEN.format(root=str(MAIN.parent), method=method, what=what), SENTRY_DSN=dsn)


def test_a_start_that_fails_is_reported_before_the_end(start_broken):
    with Ingest() as ingest:
        process = start_broken('start', "raise RuntimeError('a mistake at the start')", ingest.dsn)
        assert end_of(process)[0] == 1
        (event,) = ingest.events
        assert event['tags']['operation'] == 'run' and event['exception']['values'][-1]['value'] == 'a mistake at the start'


def test_the_end_is_bounded_also_when_links_and_sentry_hang(start_broken):
    with Ingest() as ingest:
        ingest.answer = Answer(hang=20)
        process = start_broken('stop', 'await asyncio.sleep(30)', ingest.dsn)
        get(f'{url_of(process)}/api/connections')
        eventually_sync(lambda: ingest.requests, timeout=10)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert end_of(process)[0] == 0
        assert time.monotonic() - began < patient(6.5), 'bounded at 4 s, and what a busy machine takes beside it'


def test_a_data_folder_that_cannot_be_written_is_one_line(start, tmp_path):
    (tmp_path / 'data' / 'lock').mkdir(parents=True)
    status, _, err = end_of(start('--port', 0))
    assert status == 2 and err.splitlines() == ['main.py: data: expected a folder to write to: Is a directory']
