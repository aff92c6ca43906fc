"""The command line of the installer."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from edgeos.options import OneLineParser
from edgeos.service.commands import told
from edgeos.service.files import CAGE, NO_KIOSK, X
from edgeos.service.installer import Installer
from edgeos.service.layout import Layout, ServiceError

SOURCE = Path(__file__).resolve().parents[2]
KIOSKS = {'1': CAGE, 'cage': CAGE, 'x': X, '0': NO_KIOSK, 'no': NO_KIOSK}


def main(arguments: Sequence[str], source: Path = SOURCE) -> int:
    """The exit status: 0, or 1 after lines on stderr that say what is missing or went wrong."""
    found = _parse(arguments)
    os.umask(0o022)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a lost terminal does not leave the service stopped
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nor does this
    installer = Installer(Layout(found.root.resolve()), source, tell=_tell)
    try:
        if found.command == 'install':
            installer.install(found.kiosk)
        elif found.command == 'update':
            installer.update()
        elif found.command == 'back':
            installer.back()
        else:
            installer.remove(purge=found.purge)
    except ServiceError as error:
        sys.stderr.write(f'{error}\n')
        return 1
    except OSError as error:
        sys.stderr.write(f'{told(error)}\n')
        return 1
    except KeyboardInterrupt:
        sys.stderr.write('Interrupted. The same command begins again.\n')
        return 1
    return 0


def _tell(line: str) -> None:
    with contextlib.suppress(OSError):
        print(line, flush=True)  # noqa: T201


def _kiosk(word: str) -> str:
    if word not in KIOSKS:
        raise argparse.ArgumentTypeError(f'KIOSK={word}: expected one of {", ".join(KIOSKS)}')
    return KIOSKS[word]


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(prog='edgeos.service', description=__doc__, allow_abbrev=False)
    parser.add_argument('command', choices=('install', 'update', 'back', 'remove'))
    parser.add_argument('--root', type=Path, default=Path('/'), metavar='ROOT', help='another root, such as an image')
    parser.add_argument('--kiosk', metavar='KIOSK', type=_kiosk, help='show the pages on this screen, too')
    parser.add_argument('--purge', action='store_true', help='remove settings and data, too')
    found = parser.parse_args(arguments)
    if not found.root.is_dir():
        parser.error(f'ROOT={found.root}: expected the folder of an image')
    return found
