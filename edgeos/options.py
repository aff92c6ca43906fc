"""The command line."""
import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from edgeos import NAME, __version__

BAD_INPUT = 2


@dataclass(slots=True)
class Options:
    """What was asked for; `settings` is None when no file was named."""

    settings: Path | None
    data: Path | None
    host: str | None
    port: int | None
    demo: bool
    headless: bool
    native: bool
    kiosk: bool
    check: bool
    set_password: bool
    log_level: str

    @property
    def screen(self) -> str:
        """What shows the pages on this device, '' for nothing."""
        return 'window' if self.native else 'panel' if self.kiosk else ''


class OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, no usage text around it."""
        sys.stderr.write(f'{self.prog}: {message}; see --help\n')
        sys.exit(BAD_INPUT)


def parse_options(arguments: list[str]) -> Options:
    """Exits with 2 and one line on stderr for a mistake."""
    parser = OneLineParser(prog='main.py', description=NAME, allow_abbrev=False)
    add = parser.add_argument
    add('--demo', action='store_true', help='run with simulated devices; leaves settings.toml alone')
    add('--settings', type=Path, metavar='FILE', help='another settings file (default ./settings.toml)')
    add('--data', type=Path, metavar='DIR', help='another data folder (default data/ beside the settings file)')
    add('--host', help='address to listen on, instead of [app] host')
    add('--port', type=_port, help='port to listen on, instead of [app] port; 0 takes a free one')
    add('--native', action='store_true', help='show the pages in a window of its own (needs requirements-native.txt)')
    add('--headless', action='store_true', help='no pages: connections, gateway and API only')
    add('--kiosk', action='store_true', help='show the pages full-screen on this device, with Chromium')
    add('--check', action='store_true', help='validate the settings and exit')
    add('--set-password', action='store_true', help='ask for the password of the pages and store its hash')
    add('--log-level', choices=('debug', 'info', 'warning', 'error'), default='info')
    add('--version', action='version', version=f'{NAME} {__version__}')
    found = parser.parse_args(arguments)
    if found.demo and found.settings:
        parser.error('--demo uses settings of its own: leave --settings out')
    for name in ('native', 'kiosk'):
        if getattr(found, name) and found.headless:
            parser.error(f'--{name} shows the pages, and --headless has none: choose one')
    if found.native and found.kiosk:
        parser.error('--native is a window, --kiosk the whole screen: choose one')
    return Options(found.settings, found.data, found.host, found.port, found.demo, found.headless, found.native,
                   found.kiosk, found.check, found.set_password, found.log_level)  # fmt: skip


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f'expected a number from 0 to 65535, got {text!r}')
    return int(text)
