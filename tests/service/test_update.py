"""Updating below a root, with a program that really runs: forward, back by itself, back by hand."""
import errno
import os
import signal
import sqlite3
from types import SimpleNamespace

import pytest

from edgeos.service import copies, missing
from edgeos.service.layout import Layout
from edgeos.service.program import version_at
from tests.helpers import eventually_sync, free_port


def starts(path):
    with sqlite3.connect(path) as db:
        found = [version for (version,) in db.execute('SELECT version FROM starts')]
    db.close()
    return found


@pytest.fixture
def installed(root):
    done = root.run('install')
    assert done.returncode == 0, done.stderr
    assert root.version == '0.1.0'
    return root


def test_an_update_runs_and_the_version_before_stays(installed):
    installed.write_program('0.2.0')
    done = installed.run('update')
    assert done.returncode == 0, done.stderr
    assert installed.version == '0.2.0'
    assert version_at(installed.layout.previous).name.startswith('0.1.0-')
    installed.write_program('0.3.0')
    assert installed.run('update').returncode == 0
    kept = sorted(folder.name[:5] for folder in installed.layout.versions.iterdir())
    assert kept == ['0.2.0', '0.3.0'], 'only the one before'
    assert [folder.name[:5] for folder in (installed.layout.state / 'copies').iterdir()] == ['0.2.0']


@pytest.mark.parametrize(('fault', 'why'), [
    ({'first': 'sys.exit(1)'}, 'it ended before it served'),
    ({'then': 'os._exit(1)'}, 'it ended after it had come up'),
    ({'then': 'import threading; threading.Timer(0.7, os._exit, (1,)).start()'}, 'it ended after it had come up'),
], ids=['never comes up', 'dies before it answers', 'dies after it has answered'])  # fmt: skip
def test_an_update_that_does_not_come_up_goes_back_by_itself(installed, fault, why):
    spoil = ("settings.write_text(settings.read_text() + '# spoilt'); Path('data/new.sqlite').touch(); "
             "db = sqlite3.connect('data/history.sqlite'); db.execute('DROP TABLE starts'); db.close()")  # fmt: skip
    before = installed.layout.settings.read_text()
    installed.write_program('0.2.0', **{key: f'{spoil}; {text}' for key, text in fault.items()})
    done = installed.run('update')
    assert done.returncode == 1
    assert why in done.stdout
    assert '0.1.0' in done.stderr and 'runs again' in done.stderr and 'journalctl' in done.stderr
    assert installed.version == '0.1.0'
    assert installed.layout.settings.read_text() == before
    assert starts(installed.layout.data / 'history.sqlite') == ['0.1.0', '0.1.0']
    assert not (installed.layout.data / 'new.sqlite').exists()
    assert [folder.name[:5] for folder in installed.layout.versions.iterdir()] == ['0.1.0'], 'it is not kept'


def test_settings_that_the_new_version_refuses_stop_nothing(installed):
    pid = installed.pid
    installed.write_program('0.2.0', check='main.py: settings.toml: app.colour: expected another')
    done = installed.run('update')
    assert done.returncode == 1 and 'app.colour' in done.stderr and 'nothing was changed' in done.stderr
    assert installed.version == '0.1.0' and installed.pid == pid
    assert len(list(installed.layout.versions.iterdir())) == 1


def test_back_brings_program_settings_and_databases_and_forward_again(installed):
    installed.write_program('0.2.0')
    installed.run('update')
    settings = installed.layout.settings
    settings.write_text(settings.read_text() + '# of the second\n')
    (installed.layout.data / 'logs').mkdir()
    done = installed.run('back')
    assert done.returncode == 0, done.stderr
    assert 'goes forward' in done.stdout
    assert installed.version == '0.1.0' and '# of the second' not in settings.read_text()
    assert starts(installed.layout.data / 'history.sqlite') == ['0.1.0', '0.1.0']
    assert (installed.layout.data / 'logs').exists(), 'what is no settings and no database stays'
    assert installed.run('back').returncode == 0
    assert installed.version == '0.2.0' and '# of the second' in settings.read_text()
    assert starts(installed.layout.data / 'history.sqlite') == ['0.1.0', '0.2.0', '0.2.0']


def test_going_back_to_what_no_longer_runs_returns_to_where_it_was(installed):
    installed.write_program('0.2.0')
    installed.run('update')
    (version_at(installed.layout.previous) / 'main.py').write_text('raise SystemExit(1)')
    done = installed.run('back')
    assert done.returncode == 1 and '0.2.0' in done.stderr and 'runs again' in done.stderr
    assert installed.version == '0.2.0'
    assert version_at(installed.layout.previous).name.startswith('0.1.0-')


def test_without_a_version_before_there_is_no_way_back(installed):
    done = installed.run('back')
    assert done.returncode == 1 and done.stderr == 'there is no version to go back to\n'
    assert installed.version == '0.1.0'


def test_what_was_never_installed_is_not_updated(root):
    done = root.run('update')
    assert done.returncode == 1 and done.stderr == 'nothing is installed yet: sudo make service\n'


def test_when_no_copy_can_be_made_the_old_version_goes_on(installed):
    installed.write_program('0.2.0')
    (installed.layout.state / 'copies').write_text('in the way')
    done = installed.run('update')
    assert done.returncode == 1 and 'not copied' in done.stderr
    assert installed.version == '0.1.0'


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_update_that_is_interrupted_while_the_service_stops_leaves_it_running(root, number):
    root.write_program('0.1.0', then="signal.signal(signal.SIGTERM, lambda *_: "
                       "(Path('told').touch(), time.sleep(0.5), os._exit(0)))")  # fmt: skip
    assert root.run('install').returncode == 0
    root.write_program('0.2.0')
    update = root.begin('update')
    eventually_sync(lambda: (root.layout.state / 'told').exists(), timeout=10)
    update.send_signal(number)
    _out, err = update.communicate(timeout=20)
    assert update.returncode == 1
    assert err.splitlines() == ['Settings and databases were not copied, so nothing was changed: interrupted']
    assert root.version == '0.1.0'
    assert version_at(root.layout.current).name.startswith('0.1.0-')


def test_an_update_that_is_interrupted_while_the_new_version_starts_goes_back(installed):
    installed.write_program('0.2.0', first="settings.write_text('# spoilt'); time.sleep(60)")
    update = installed.begin('update')
    eventually_sync(lambda: installed.layout.settings.read_text() == '# spoilt', timeout=10)
    update.send_signal(signal.SIGINT)
    out, err = update.communicate(timeout=20)
    assert update.returncode == 1 and 'interrupted' in out and 'runs again' in err and 'Traceback' not in err
    assert installed.version == '0.1.0' and 'spoilt' not in installed.layout.settings.read_text()


def test_what_its_options_say_is_where_it_is_asked(installed):
    installed.port = free_port()
    (installed.folder / 'etc/default').mkdir()
    (installed.folder / 'etc/default/smarthome-edge-os').write_text(f'OPTIONS=--port {installed.port}\n')
    installed.write_program('0.2.0')
    done = installed.run('update')
    assert done.returncode == 0, done.stderr
    assert f'serves at http://127.0.0.1:{installed.port}' in done.stdout
    assert installed.version == '0.2.0'


def test_settings_that_are_no_file_are_not_waited_for(installed):
    installed.layout.settings.unlink()
    os.mkfifo(installed.layout.settings)
    installed.write_program('0.2.0')
    done = installed.run('update')
    assert done.returncode == 1 and 'expected a file' in done.stderr
    assert installed.version == '0.1.0'


def test_a_copy_that_fails_half_way_leaves_nothing_on_the_disk(tmp_path, monkeypatch):
    (tmp_path / 'settings.toml').touch()

    def copy(source, target, **_):
        target.write_text('half')
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('shutil.copy2', copy)
    with pytest.raises(OSError, match='space'):
        copies.keep(tmp_path, tmp_path / 'copies/1')
    assert list((tmp_path / 'copies').iterdir()) == []


def test_a_copy_needs_room_twice_before_anything_is_changed(tmp_path, monkeypatch):
    layout = Layout(tmp_path)
    layout.data.mkdir(parents=True)
    with (layout.data / 'history.sqlite').open('wb') as file:
        file.truncate(3 * 10**9)
    monkeypatch.setattr('shutil.disk_usage', lambda _place: SimpleNamespace(free=6_050_000_000))
    (problem,) = missing.room(layout)
    assert problem == f'{layout.state} has 6050 MB left, 6100 MB are needed'
    monkeypatch.setattr('shutil.disk_usage', lambda _place: SimpleNamespace(free=6_150_000_000))
    assert list(missing.room(layout)) == []
    assert len(list(missing.room(layout, 600))) == 1
