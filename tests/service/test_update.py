"""Updating below a root, with a program that really runs: forward, back by itself, back by hand."""
import sqlite3

import pytest

from edgeos.service.program import version_at


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
    assert done.returncode == 1 and 'cannot be copied' in done.stderr
    assert installed.version == '0.1.0'
