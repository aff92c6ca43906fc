"""What the app prepares so that a plugin stays apart."""
import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from edgeos.plugins import isolation
from edgeos.plugins.isolation import (
    FIRST_UID,
    LAST_UID,
    NoIsolation,
    check_user,
    environment,
    free_uid,
    is_root,
    prepare,
)
from edgeos.plugins.permissions import parse
from edgeos.plugins.strays import Trace, sweep, trace
from edgeos.processes import PROJECT, ChildProcess
from tests.helpers import eventually, eventually_sync
from tests.limiter.helpers import NOBODY
from tests.plugins.house import folders, is_alive, living, manifest

needs_root = pytest.mark.skipif(not is_root(), reason='platform: needs root')


def test_it_gets_nothing_of_the_apps_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MQTT_PASSWORD', 'secret')
    monkeypatch.setenv('SENTRY_DSN', 'secret')
    monkeypatch.setenv('TZ', 'Europe/Berlin')
    place = folders(tmp_path)
    got = environment(manifest(), place, [parse('http.out:host:443')], 61110, 'T', 7)
    assert got.keys() <= {'PATH', 'LANG', 'LC_ALL', 'TZ', 'HOME', 'TMPDIR', 'EDGEOS_RPC_FD', 'EDGEOS_PLUGIN'}
    assert 'secret' not in str(got) and got['TZ'] == 'Europe/Berlin' and got['HOME'] == str(place.data)
    told = json.loads(got['EDGEOS_PLUGIN'])
    assert (told['uid'], told['http_ports'], told['parent'], told['token']) == (61110, [443], os.getpid(), 'T')
    assert json.loads(environment(manifest(), place, [parse('http.out:*:*')], None, 'T', 7)['EDGEOS_PLUGIN'])[
        'http_ports'] is None  # fmt: skip


def test_a_user_number_is_nobodys() -> None:
    uid = free_uid({FIRST_UID})
    assert FIRST_UID < uid <= LAST_UID and uid not in {entry.pw_uid for entry in pwd.getpwall()}
    with pytest.raises(NoIsolation, match='are taken'):
        free_uid(range(FIRST_UID, LAST_UID + 1))
    starts = {free_uid((), seed) for seed in ('/data/a', '/data/b', '/data/c', '/data/d')}
    assert len(starts) == 4, 'two apps on one machine choose apart'
    if not is_root():
        return
    first = free_uid((), 'here')
    sleeper = subprocess.Popen(['sleep', '60'], user=first)
    try:
        assert free_uid((), 'here') != first, 'somebody runs under it'
    finally:
        sleeper.kill()
        sleeper.wait()


@needs_root
@pytest.mark.parametrize('uid', [None, 0, 1000, LAST_UID + 1])
def test_as_root_a_plugin_needs_a_user_of_its_own(uid: int | None) -> None:
    with pytest.raises(NoIsolation, match='no user of its own'):
        check_user(uid)
    check_user(FIRST_UID)


@needs_root
def test_root_without_its_rights_is_told_which_are_missing() -> None:
    code = ('import ctypes\n'
            'from edgeos.plugins.isolation import NoIsolation, check_user\n'
            'libc = ctypes.CDLL(None)\n'
            'libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())\n'
            'try:\n    check_user(61110)\nexcept NoIsolation as error:\n    print(error)\n')  # fmt: skip
    done = subprocess.run([sys.executable, '-c', code], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout == 'the app runs as root without the right CHOWN, KILL, SETGID, SETUID\n'


@needs_root
def test_the_data_folder_is_its_own_and_links_lead_nowhere(tmp_path: Path) -> None:
    place, outside = folders(tmp_path), tmp_path / 'outside'
    outside.write_text('mine')
    (place.data / 'deep').mkdir(parents=True)
    (place.data / 'deep' / 'file').write_text('x')
    (place.data / 'link').symlink_to(outside)
    os.link(outside, place.data / 'hard')
    prepare(place, 61110)
    assert [os.lstat(place.data / name).st_uid for name in ('.', 'deep', 'deep/file', 'link')] == [61110] * 4
    assert outside.stat().st_uid == 0 and place.data.stat().st_mode & 0o777 == 0o700
    prepare(place, 61111)
    assert (place.data / 'deep' / 'file').stat().st_uid == 61111, 'another user takes all over'


def test_a_link_in_the_place_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    place = folders(tmp_path)
    (tmp_path / 'elsewhere').mkdir()
    place.data.symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(OSError, match='is not a folder'):
        prepare(place, 61110)


@needs_root
def test_a_link_in_the_place_of_its_temporary_folder_leads_the_app_nowhere(tmp_path: Path) -> None:
    place = folders(tmp_path)
    place.data.mkdir()
    (place.data / 'tmp').symlink_to('/etc')
    prepare(place, 61110)
    assert (place.data / 'tmp').lstat().st_uid == 61110 and Path('/etc').stat().st_uid == 0


@pytest.mark.parametrize(('value', 'readable'), [('0', False), ('1', True)])
def test_the_environment_of_the_app_is_hidden_from_others_of_its_user(value: str, readable: bool) -> None:
    code = ("import sys; from edgeos.plugins.isolation import hide_app; print(hide_app(), flush=True); sys.stdin.read()")
    prefix = NOBODY if is_root() else ()
    python = '/usr/bin/python3' if is_root() else sys.executable
    if is_root():  # the interpreter of these tests may be where nobody else can go
        code = ('import ctypes, os, sys\n' + 'print(os.environ["EDGEOS_DEBUG_DUMPABLE"] != "1" and '
                'ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0, flush=True); sys.stdin.read()')
    app = subprocess.Popen([*prefix, python, '-c', code], cwd='/' if is_root() else PROJECT, stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, env={**os.environ, 'EDGEOS_DEBUG_DUMPABLE': value,
                                                        'SECRET': 'x'})  # fmt: skip
    assert app.stdout and app.stdin
    try:
        assert app.stdout.readline() == f'{not readable}\n'.encode()
        spy = subprocess.run([*prefix, 'cat', f'/proc/{app.pid}/environ'], capture_output=True, cwd='/')
        assert (b'SECRET' in spy.stdout) is readable
    finally:
        app.stdin.close()
        app.wait()
        app.stdout.close()


def test_hiding_is_what_the_kernel_then_says() -> None:
    code = ('import ctypes; from edgeos.plugins.isolation import hide_app; '
            'print(hide_app(), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))')  # fmt: skip
    run = {value: subprocess.run([sys.executable, '-c', code], cwd=PROJECT, capture_output=True, text=True,
                                 env={**os.environ, 'EDGEOS_DEBUG_DUMPABLE': value}).stdout for value in '01'}  # fmt: skip
    assert run == {'0': 'True 0\n', '1': 'False 1\n'}


@needs_root
def test_all_of_a_user_end_even_those_that_fork_without_end() -> None:
    uid = 61_170
    bomb = ('import os, resource; resource.setrlimit(resource.RLIMIT_NPROC, (30, 30)); os.setgroups([]); '
            f'os.setresgid({uid}, {uid}, {uid}); os.setresuid({uid}, {uid}, {uid}); os.setsid()\n'
            'while True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n')  # fmt: skip
    process = subprocess.Popen([sys.executable, '-I', '-S', '-c', bomb])
    eventually_sync(lambda: len(living(uid)) > 10)
    assert sweep(Trace(uid=uid)) > 10
    assert living(uid) == []
    process.wait()


async def test_without_users_of_their_own_they_are_found_by_what_they_inherit() -> None:
    said: list[str] = []
    daemon = ('import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        '
              'print(os.getpid(), flush=True)\n        time.sleep(60)\n    os._exit(0)\ntime.sleep(60)')  # fmt: skip
    child = ChildProcess('test', [sys.executable, '-c', daemon], on_line=said.append)
    await child.start()
    await eventually(lambda: said)
    assert child.pid
    left = trace(child.pid, None)
    child.kill()
    await child.wait()
    assert is_alive(int(said[0]))
    assert sweep(left) == 1
    await eventually(lambda: not is_alive(int(said[0])))
    assert sweep(left) == 0


def test_a_person_is_never_swept() -> None:
    with pytest.raises(ValueError, match='no user of a plugin'):
        sweep(Trace(uid=1000))
    assert (isolation.FIRST_UID, isolation.LAST_UID) == (60706, 61183), 'the next ones are systemd\'s'


def test_a_user_that_was_given_to_somebody_else_is_neither_used_nor_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sweep(Trace(uid=60_720)) == 0
    monkeypatch.setattr(pwd, 'getpwuid', lambda uid: ('mine', 'x', uid))
    assert not isolation.is_usable(60_720)
    with pytest.raises(ValueError, match='no user of a plugin'):
        sweep(Trace(uid=60_720))
