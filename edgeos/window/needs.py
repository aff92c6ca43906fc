"""What a window needs on this machine, looked for before Qt would end the process for the lack of it."""
import ctypes
import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

BINDINGS = ('PyQt6', 'PySide6')
LIBRARY = re.compile(r'(\S+\.so[.\d]*): cannot open shared object file')


class Lack(NamedTuple):
    """`what` is `pywebview`, `qt`, `library` or `screen`, as `failures.missing` takes it."""

    what: str
    detail: str = ''


def find_plain_lack() -> Lack | None:
    """What can be seen at once, before anything is started."""
    if importlib.util.find_spec('webview') is None:
        return Lack('pywebview')
    if not any(importlib.util.find_spec(name) for name in BINDINGS):
        return Lack('qt')
    if sys.platform == 'linux' and not has_screen(os.environ):
        return Lack('screen')
    return None


def find_lack() -> Lack | None:
    """The first thing that is missing. Loads Qt, which takes a second."""
    return find_plain_lack() or _lack_of_qt() or _lack_of_plugin(os.environ)


def has_screen(environment: Mapping[str, str]) -> bool:
    """Whether anything says where windows are shown on Linux; `QT_QPA_PLATFORM` is Qt's own way to say it."""
    return any(environment.get(name) for name in ('QT_QPA_PLATFORM', 'WAYLAND_DISPLAY', 'DISPLAY'))


def _lack_of_qt() -> Lack | None:
    try:
        from qtpy import QtWebChannel, QtWebEngineCore, QtWebEngineWidgets  # noqa: F401
    except (ImportError, RuntimeError) as error:  # qtpy's own errors are of both kinds
        library = LIBRARY.search(str(error))
        return Lack('library', library[1]) if library else Lack('qt', str(error))
    return None


def _lack_of_plugin(environment: Mapping[str, str]) -> Lack | None:
    """Qt's part for X11 has needs of its own. Where it is not used, nothing is missing."""
    platform = environment.get('QT_QPA_PLATFORM', '')
    if sys.platform != 'linux' or not (platform.startswith('xcb') or
                                       (not platform and not environment.get('WAYLAND_DISPLAY'))):  # fmt: skip
        return None
    from qtpy.QtCore import QLibraryInfo

    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)
    library = missing_library(Path(folder) / 'platforms' / 'libqxcb.so')
    return Lack('library', library) if library else None


def missing_library(path: Path) -> str:
    """The first library that this one cannot be loaded without; '' when it can be, or is not there itself."""
    if not path.exists():
        return ''
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        found = LIBRARY.search(str(error))
        return found[1] if found else str(error)
    return ''
