"""Installing below a root: what is where, twice is once, what is missing is said, and what a removal leaves."""
import os
import stat
import subprocess
import sys

import pytest

from edgeos.kiosk import command
from edgeos.service import missing, program
from edgeos.service.layout import KIOSK_UNIT, UNIT, Layout
from tests.service.tools import PROJECT


def tree(folder):
    return {str(path.relative_to(folder)): path.lstat().st_mtime_ns for path in folder.rglob('*')
            if not path.is_dir()}  # fmt: skip


def add_screen(root):
    (root.folder / 'usr/bin').mkdir(parents=True)
    for name in ('cage', 'Xwayland', 'chromium'):
        (root.folder / 'usr/bin' / name).touch()
    (root.folder / 'usr/lib/x86_64-linux-gnu/security').mkdir(parents=True)
    (root.folder / 'usr/lib/x86_64-linux-gnu/security/pam_systemd.so').touch()


def test_an_image_gets_all_and_nothing_is_started(image):
    done = image.run('install')
    assert done.returncode == 0, done.stderr
    layout = image.layout
    assert (layout.current / 'main.py').read_text() == (image.source / 'main.py').read_text()
    assert os.readlink(layout.current).startswith('versions/0.1.0-'), 'the link leads somewhere from another root, too'
    assert (layout.current / '.venv/bin/python').exists()
    assert (image.folder / 'etc/systemd/system' / UNIT).exists()
    assert not (image.folder / 'etc/systemd/system' / KIOSK_UNIT).exists()
    assert image.calls == [f'systemd-sysusers --root={image.folder} smarthome-edge-os.conf',
                           f'systemctl --root={image.folder} enable {UNIT}']  # fmt: skip
    assert 'next boot' in done.stdout and '/var/lib/smarthome-edge-os' in done.stdout
    assert list(image.source.rglob('__pycache__')) == [], 'root leaves nothing in the checkout'


def test_everybody_may_read_the_program_and_only_root_may_change_it(image):
    (image.source / 'main.py').chmod(0o600)
    (image.source / 'edgeos').chmod(0o700)
    image.run('install')
    for path in (image.layout.current / 'main.py', image.layout.current.resolve() / 'edgeos',
                 *image.layout.current.resolve().rglob('*.pyc')):  # fmt: skip
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o044 == 0o044 and mode & 0o022 == 0, path


def test_installed_twice_is_installed_once(root):
    assert root.run('install').returncode == 0
    before, pid = tree(root.layout.program), root.pid
    done = root.run('install')
    assert done.returncode == 0, done.stderr
    assert tree(root.layout.program) == before
    assert root.pid == pid, 'what runs goes on'


def test_the_kiosk_comes_and_goes_with_one_word(root):
    assert root.run('install', '--kiosk=1').returncode == 1
    add_screen(root)
    done = root.run('install', '--kiosk=1')
    assert done.returncode == 0, done.stderr
    places = [root.folder / place for place in (f'etc/systemd/system/{KIOSK_UNIT}', 'etc/pam.d/smarthome-edge-os-kiosk',
                                                'etc/polkit-1/rules.d/50-smarthome-edge-os.rules')]  # fmt: skip
    assert all(place.exists() for place in places)
    assert root.calls[-2:] == [f'systemctl enable {KIOSK_UNIT}', f'systemctl restart {KIOSK_UNIT}']
    assert root.run('update').returncode == 0
    assert all(place.exists() for place in places), 'an update leaves it as it is'
    assert root.run('install', '--kiosk=0').returncode == 0
    assert not any(place.exists() for place in places)
    assert f'systemctl stop {KIOSK_UNIT}' in root.calls


def test_a_screen_that_stays_dark_is_told_and_takes_nothing_back(root):
    add_screen(root)
    (root.folder / 'dark').touch()
    done = root.run('install', '--kiosk=1')
    assert done.returncode == 0 and 'The screen does not come up' in done.stdout
    assert root.version == '0.1.0'


def test_versions_with_the_same_requirements_share_an_environment(tmp_path):
    requirements = tmp_path / 'requirements.txt'
    requirements.write_text('# none\n')
    layout = Layout(tmp_path)
    made = program._environment(layout, requirements)
    assert (made / 'bin/python').exists()
    (made / 'mine').touch()
    assert program._environment(layout, requirements) == made and (made / 'mine').exists()
    requirements.write_text('# others\n')
    assert program.environment_folder(layout, requirements) != made


def test_it_needs_nothing_but_the_standard_library():
    code = 'import sys; sys.path.insert(0, "."); from edgeos.service.cli import main; main(["remove", "--help"])'
    done = subprocess.run([sys.executable, '-I', '-S', '-B', '-c', code], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_said_in_a_line_each_and_nothing_is_changed(root):
    done = root.run('install', '--kiosk=x')
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.split(':')[0] for line in lines] == ['the X server is missing', 'Chromium is missing',
                                                      'libpam-systemd is missing']  # fmt: skip
    assert not (root.folder / 'etc').exists() and root.calls == []


@pytest.mark.skipif(os.geteuid() == 0, reason='platform: root is root')
def test_who_is_not_root_is_told_so():
    assert any('sudo' in line for line in missing.missing(Layout()))


def test_a_machine_without_systemd_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    assert 'systemd is missing: this needs systemctl and systemd-sysusers' in missing.missing(Layout(tmp_path))


def test_a_removal_leaves_settings_and_data_and_says_where(root):
    root.run('install')
    done = root.run('remove')
    assert done.returncode == 0, done.stderr
    assert '/var/lib/smarthome-edge-os' in done.stdout
    assert root.health() is None
    assert root.layout.settings.exists() and (root.layout.data / 'history.sqlite').exists()
    assert not root.layout.program.exists()
    assert [path for path in (root.folder / 'etc').rglob('*') if not path.is_dir()] == []
    assert 'userdel edgeos' not in root.calls
    assert root.run('remove').returncode == 0, 'twice is once'


def test_a_purge_takes_settings_data_and_user_along(root):
    root.run('install')
    done = root.run('remove', '--purge')
    assert done.returncode == 0, done.stderr
    assert not root.layout.state.exists()
    assert root.calls[-1] == 'userdel edgeos'


def test_an_image_is_not_this_system_even_if_it_sees_its_run_folder(tmp_path):
    (tmp_path / 'run/systemd/system').mkdir(parents=True)
    assert not Layout(tmp_path).is_running


def test_installer_and_panel_look_for_the_same_browsers():
    assert missing.CHROMIUMS == command.PROGRAMS
