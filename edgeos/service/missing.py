"""What has to be there before anything is changed, each with what to do about it."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from edgeos.service import copies
from edgeos.service.files import CAGE, NO_KIOSK, X
from edgeos.service.layout import Layout
from edgeos.service.program import interpreter

PROGRAM_MB = 600  # an environment (200) and room to breathe
STATE_MB = 100  # room to breathe
HOMES = ('/home', '/root', '/run/user')  # hidden from the service
CHROMIUMS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge',
             'microsoft-edge-stable', 'brave-browser')  # fmt: skip
# as the panel looks for them; a test compares the two


def missing(layout: Layout, kiosk: str = NO_KIOSK) -> list[str]:
    """One line each; none when all is there."""
    return [*rights(layout), *_python(layout), *_systemd(layout), *room(layout, PROGRAM_MB),
            *_kiosk(layout, kiosk)]  # fmt: skip


def rights(layout: Layout) -> Iterator[str]:
    """Who only removes something needs no more."""
    if layout.is_this_system and os.geteuid() != 0:
        yield 'this needs root: put sudo in front'


def _python(layout: Layout) -> Iterator[str]:
    if not all(importlib.util.find_spec(module) for module in ('venv', 'ensurepip')):
        yield 'python3-venv is missing: sudo apt install python3-venv'
    real = os.path.realpath(interpreter())
    if layout.is_this_system and real.startswith(tuple(f'{home}/' for home in HOMES)):
        yield f'{real} is in a home folder, which the service does not see: add PYTHON=/usr/bin/python3'


def _systemd(layout: Layout) -> Iterator[str]:
    if not shutil.which('systemctl') or not shutil.which('systemd-sysusers'):
        yield 'systemd is missing: this needs systemctl and systemd-sysusers'
    elif layout.is_this_system and not layout.is_running:
        yield 'systemd does not run here (in an image that is being made, say ROOT=/the/folder/of/the/image)'


def room(layout: Layout, program_mb: int = 0) -> Iterator[str]:
    """Settings and databases are copied, and a copy that is put back is written beside what it replaces."""
    program, state = _existing(layout.program), _existing(layout.state)
    needed = {state: STATE_MB + 2 * copies.size(layout.state) // 1_000_000}
    if program.stat().st_dev == state.stat().st_dev:
        needed[state] += program_mb
    else:
        needed[program] = program_mb
    for place, megabytes in needed.items():
        free = shutil.disk_usage(place).free // 1_000_000
        if free < megabytes:
            yield f'{place} has {free} MB left, {megabytes} MB are needed'


def _existing(place: Path) -> Path:
    return place if place.exists() else _existing(place.parent)


def _kiosk(layout: Layout, kiosk: str) -> Iterator[str]:
    def has(*names: str) -> bool:
        return any(os.path.lexists(layout.root / 'usr/bin' / name) for name in names)

    if kiosk == NO_KIOSK:
        return
    if kiosk == CAGE and not (has('cage') and has('Xwayland')):  # cage does not start without the other
        yield 'cage is missing: sudo apt install cage xwayland'
    if kiosk == X and not (has('xinit') and (layout.root / 'usr/lib/xorg/Xorg').exists()):
        yield 'the X server is missing: sudo apt install xinit xserver-xorg'
    if not has(*CHROMIUMS):
        yield 'Chromium is missing: sudo apt install chromium'
    if not _has_pam_systemd(layout.root):
        yield 'libpam-systemd is missing: sudo apt install libpam-systemd'


def _has_pam_systemd(root: Path) -> bool:
    places = ('security', '*/security')  # with a folder for the architecture on Debian
    return any(list((root / 'usr').glob(f'lib*/{place}/pam_systemd.so')) for place in places)
