"""A real program with a real window, on no screen at all: Qt's offscreen platform."""
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.helpers import eventually_sync

ROOT = Path(__file__).parents[2]
MAIN = ROOT / 'main.py'
HAND = Path(__file__).parent / 'hand'
SECONDS = 20.0
NOT_OURS = ('PYTEST', 'NICEGUI', 'DISPLAY', 'WAYLAND_DISPLAY', 'QT_', 'QTWEBENGINE')


@cache
def _lacking() -> str:
    if importlib.util.find_spec('webview') is None or importlib.util.find_spec('PyQt6') is None:
        return 'pip install -r requirements-native.txt'
    done = subprocess.run([sys.executable, '-c', 'from qtpy import QtWebEngineWidgets'], capture_output=True, text=True)
    return f'the libraries Qt needs, as .ci/run does: {done.stderr.strip().splitlines()[-1]}' if done.returncode else ''


def need_window() -> None:
    """Skip where there is nothing to open windows with."""
    lacking = _lacking()
    if lacking and os.environ.get('EDGEOS_TEST_ALL') == '1':
        pytest.fail(f'install {lacking}')
    if lacking:
        pytest.skip(f'install {lacking}')


def environment(**more: str) -> dict[str, str]:
    """Without a screen, and without what whoever runs the tests has set."""
    return {**{key: value for key, value in os.environ.items() if not key.startswith(NOT_OURS)}, **more}


class Program:
    """`main.py` with arguments, in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str, python: str = sys.executable, has_screen: bool = True,
                 **more: str) -> None:  # fmt: skip
        self.folder = folder
        self._hand = str(folder / 'hand.sock')
        screen = {'QT_QPA_PLATFORM': 'offscreen'} if has_screen else {}
        self.process = subprocess.Popen(
            [python, str(MAIN), '--port', '0', *arguments], cwd=folder, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(PYTHONPATH=str(HAND), EDGEOS_TEST_HAND=self._hand, **screen, **more),
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Waits until it serves."""
        assert self.process.stdout is not None and self.process.stderr is not None
        line = self.process.stdout.readline()
        found = re.search(r'http://\S+', line)
        assert found, line + self.process.stderr.read()
        return found.group()

    def end(self, within: float = SECONDS) -> tuple[int, str]:
        """Its exit status and what it said about it."""
        _out, errors = self.process.communicate(timeout=within)
        return self.process.returncode, errors

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    # its window

    @property
    def window(self) -> psutil.Process:
        """The process of the window, as soon as the page is seen in it and the program knows."""
        eventually_sync(lambda: self.do('view._is_said'), SECONDS)
        eventually_sync(lambda: self.js('!!document.querySelector(".eo-rail") && !!window.socket?.connected'), SECONDS)
        return self._window()

    def _window(self) -> psutil.Process:
        return next(child for child in psutil.Process(self.process.pid).children(recursive=True)
                    if 'edgeos.window.program' in ' '.join(child.cmdline()))  # fmt: skip

    def do(self, code: str) -> Any:
        """Evaluate it on Qt's thread; `native` is the window. None when there is none."""
        return self._ask({'do': code})

    def js(self, code: str) -> Any:
        """Evaluate it in the page."""
        return self._ask({'js': code})

    def sees(self, text: str) -> bool:
        return bool(self.js(f'document.body.innerText.includes({json.dumps(text)})'))

    def press(self, text: str) -> None:
        """The button that begins with this text, as soon as there is one."""
        button = f'[...document.querySelectorAll("button")].find(each => each.innerText.trim().startsWith({json.dumps(text)}))'
        eventually_sync(lambda: self.js(f'!!{button}?.checkVisibility()'), SECONDS)
        self.js(f'{button}.click()')

    def press_x(self) -> None:
        """As the desktop does when its owner closes the window."""
        self.do('native.windowHandle().close()')

    def _ask(self, wanted: dict[str, str]) -> Any:
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(15)
                sock.connect(self._hand)
                sock.sendall(json.dumps(wanted).encode() + b'\n')
                text = b''.join(iter(lambda: sock.recv(65536), b''))
        except OSError:
            return None
        answer = json.loads(text) if text else None
        assert not str(answer).startswith('ERROR'), answer
        return answer


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def terminate(program: Program) -> tuple[int, str]:
    program.process.send_signal(signal.SIGTERM)
    return program.end(10)
