"""A window that cannot be opened: one line that says what to do, exit status 4, soon."""
import os
import site
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeos.screens import CannotShow
from edgeos.window import failures, life
from edgeos.window.life import Life
from edgeos.window.needs import has_screen, missing_library
from tests.helpers import patient
from tests.window.support import Program, need_window

PACKAGES = ('webview', 'pywebview', 'PyQt6', 'pyqt6', 'qtpy', 'QtPy')


def python_without(folder: Path, *names: str) -> str:
    """A virtual environment with all that this one has, but these packages."""
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', str(folder)], check=True)
    ours, theirs = Path(site.getsitepackages()[0]), next(folder.glob('lib/python*/site-packages'))
    for each in ours.iterdir():
        if not each.name.startswith(names):
            (theirs / each.name).symlink_to(each)
    return str(folder / 'bin/python')


def failure_of(program: Program, *, at_once: bool = True) -> str:
    assert at_once or program.url
    began = time.monotonic()
    status, errors = program.end(30)
    assert time.monotonic() - began < patient(15)
    assert (status, errors.count('\n')) == (4, 1), errors
    return errors


def test_without_pywebview_its_name_and_the_command_are_said(tmp_path):
    program = Program(tmp_path, '--native', python=python_without(tmp_path / 'venv', *PACKAGES))
    assert failure_of(program) == 'main.py: the window needs pywebview: pip install -r requirements-native.txt\n'


def test_without_qt_its_name_and_the_command_are_said(start, tmp_path):
    python = python_without(tmp_path / 'venv', 'PyQt6', 'pyqt6')
    assert failure_of(start(python=python)) == \
        'main.py: the window needs Qt with its web engine: pip install -r requirements-native.txt\n'


def test_without_a_screen_that_is_said(start):
    assert 'the window needs a screen, and there is none here' in failure_of(start(has_screen=False))


def test_a_screen_that_does_not_answer_or_a_library_that_it_needs_is_named(start):
    """Which of both it is depends on what is installed."""
    said = failure_of(start(has_screen=False, DISPLAY=':4711'), at_once=False)
    assert 'sudo apt install' in said or 'the screen :4711 does not answer' in said


def test_a_library_that_is_missing_is_found(tmp_path):
    """A library of Qt's that wants another one than there is: the names are as long as each other."""
    need_window()
    code = 'from qtpy.QtCore import QLibraryInfo; print(QLibraryInfo.path(QLibraryInfo.LibraryPath.LibrariesPath))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    broken = tmp_path / 'libQt6DBus.so.6'
    found = (Path(done.stdout.strip()) / broken.name).read_bytes()
    broken.write_bytes(found.replace(b'libdbus-1.so.3', b'libdbux-1.so.3').replace(b'libQt6Core.so.6', b'libQt6Cora.so.6'))
    assert missing_library(broken) in ('libdbux-1.so.3', 'libQt6Cora.so.6')
    assert missing_library(tmp_path / 'not there') == ''


async def test_a_process_that_says_nothing_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(life, 'STEP_LIMIT', 0.3)
    monkeypatch.setattr(life, 'python_module', lambda *_: [sys.executable, '-c', 'import time; time.sleep(60)'])
    one = Life('http://127.0.0.1:1')
    with pytest.raises(CannotShow, match='not there within 0 s: leave --native out and open http'):
        await one.begin({})
    pid = one.pid
    await one.end()
    assert pid is not None and not Path(f'/proc/{pid}').exists()


def test_root_goes_without_the_sandbox_and_nobody_else(monkeypatch, tmp_path):
    from edgeos.window import program

    monkeypatch.setenv('QTWEBENGINE_CHROMIUM_FLAGS', '--a')
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    program._prepare(tmp_path)
    assert os.environ['QTWEBENGINE_CHROMIUM_FLAGS'] == '--a'
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    program._prepare(tmp_path)
    assert os.environ['QTWEBENGINE_CHROMIUM_FLAGS'] == '--a --no-sandbox'


@pytest.mark.parametrize(('lines', 'expected'), [
    (['noise', 'ImportError: libEGL.so.1: cannot open shared object file: No such file'], 'libEGL.so.1: sudo apt install libegl1'),
    (['qt.qpa.xcb: could not connect to display :9'], 'the screen :9 does not answer'),
    (['This application failed to start because no Qt platform plugin could be initialized.'], 'sudo apt install libegl1'),
    (['something new', ''], 'was ended by SIGABRT: something new'), ([], 'the process of the window was ended by SIGABRT'),
])  # fmt: skip
def test_what_qt_said_at_its_end_becomes_a_sentence(lines, expected):
    assert expected in failures.died(lines, -6, {'DISPLAY': ':9'})


def test_packages_are_named_as_debian_calls_them():
    for library in ('libxcb-icccm.so.4', 'libEGL.so.1', 'libnss3.so', 'libasound.so.2', 'libdbus-1.so.3'):
        assert failures.packages_of(library).startswith('lib'), library
    assert failures.packages_of('libnew.so.1') == 'the package with libnew.so.1'


def test_a_window_needs_pages(tmp_path):
    status, errors = Program(tmp_path, '--native', '--headless').end()
    assert (status, errors.count('\n')) == (2, 1) and '--native shows the pages, and --headless has none' in errors


def test_a_screen_is_what_the_environment_names(monkeypatch):
    assert not has_screen({})
    assert has_screen({'WAYLAND_DISPLAY': 'wayland-0'})
    assert has_screen({'QT_QPA_PLATFORM': 'offscreen'})


def test_the_process_of_the_window_loads_nothing_of_the_house():
    code = ('import sys, edgeos.window.program, edgeos.window.place, edgeos.window.needs\n'
            'print([name for name in ("nicegui", "fastapi", "pydantic", "uvicorn", "orjson", "edgeos.system") '
            'if name in sys.modules])')  # fmt: skip
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])  # fmt: skip
    assert done.stdout.strip() == '[]'
