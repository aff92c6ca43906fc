"""Why a window cannot be shown, each as one sentence that says what to do about it."""
import os
import re
import signal
from collections.abc import Iterable, Mapping

PIP = 'pip install -r requirements-native.txt'
DESKTOP = ('libegl1 libgl1 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxkbcommon-x11-0 '
           'libwayland-cursor0')  # fmt: skip
ENGINE = 'libnss3 libasound2 libxcomposite1 libxdamage1 libxrandr2 libxtst6 libxkbfile1 libgssapi-krb5-2 libfontconfig1'
PACKAGES = {  # of Debian; those that come together are named together, as whoever lacks one lacks the next, too
    'libasound': ENGINE.replace('libasound2', 'libasound2 (Debian 13: libasound2t64)'), 'libnss': ENGINE,
    'libnspr': ENGINE, 'libsmime': ENGINE, 'libXcomposite': ENGINE, 'libXdamage': ENGINE, 'libXrandr': ENGINE,
    'libXtst': ENGINE, 'libxkbfile': ENGINE, 'libgssapi': ENGINE, 'libfontconfig': ENGINE, 'libdbus': 'libdbus-1-3',
    'libglib': 'libglib2.0-0', 'libudev': 'libudev1',
}  # fmt: skip
LIBRARY = re.compile(r'(lib[\w.+-]*\.so[.\d]*): cannot open shared object file')
NO_PLUGIN = ('could not load the qt platform plugin', 'no qt platform plugin could be initialized')
NO_SCREEN = ('could not connect to display', 'failed to create wl_display', 'cannot open display')
CRASHES = tuple(getattr(signal, name, 0) for name in ('SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP'))


def missing(what: str, detail: str = '', url: str = '') -> str:
    """`what` is what the child has found out: `pywebview`, `qt`, `library`, `screen`, `page`, or what went wrong."""
    if what == 'pywebview':
        return f'the window needs pywebview: {PIP}'
    if what == 'qt':
        return f'the window needs Qt with its web engine: {PIP}'
    if what == 'library':
        return f'the window needs {detail}: sudo apt install {packages_of(detail)}'
    if what == 'screen':
        return ('the window needs a screen, and there is none here (DISPLAY and WAYLAND_DISPLAY are not set): '
                'leave --native out and open the pages in a browser')  # fmt: skip
    if what == 'page':
        return f'the window is there, but {url} cannot be shown in it'
    return f'the window cannot be opened: {detail}'


def died(lines: Iterable[str], status: int, environment: Mapping[str, str] = os.environ) -> str:
    """What its last lines say about why it ended before anything was seen."""
    said = list(lines)
    text = '\n'.join(said)
    if found := LIBRARY.search(text):
        return missing('library', found[1])
    if any(sign in text.lower() for sign in NO_SCREEN):
        screen = environment.get('WAYLAND_DISPLAY') or environment.get('DISPLAY') or 'of this session'
        return f'the window needs a screen, and the screen {screen} does not answer or does not let this user in'
    if any(sign in text.lower() for sign in NO_PLUGIN):
        return f'the window needs the libraries of the desktop: sudo apt install {DESKTOP}'
    last = next((line for line in reversed(said) if line.strip()), '')
    return f'the process of the window {ending(status)}' + (f': {last.strip()[:300]}' if last else '')


def ending(status: int) -> str:
    """`ended with status 1`, `was ended by SIGKILL`, …"""
    if status >= 0:
        return f'ended with status {status}'
    try:
        return f'was ended by {signal.Signals(-status).name}'
    except ValueError:
        return f'was ended by signal {-status}'


def is_crash(status: int) -> bool:
    """Whether it ended by a mistake of its own, and not because somebody wanted it to."""
    return status > 0 or -status in CRASHES


def packages_of(library: str) -> str:
    """The Debian packages that bring it; a name to look for where it is none of those that are known."""
    if library.startswith(('libEGL', 'libGL', 'libxcb', 'libxkbcommon', 'libX11', 'libwayland')):
        return DESKTOP
    return next((packages for start, packages in PACKAGES.items() if library.startswith(start)),
                f'the package with {library}')  # fmt: skip
