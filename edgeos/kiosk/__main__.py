"""`python -m edgeos.kiosk [--settings FILE] [--data DIR]`: the panel of a program that runs by itself, as a service."""
import asyncio
import logging
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from edgeos.folder_lock import holder_of
from edgeos.kiosk.panel import Panel
from edgeos.options import BAD_INPUT, OneLineParser
from edgeos.screens import local_url
from edgeos.settings_file import SettingsError, explain, parse_toml, read_text
from edgeos.settings_models import AppSettings

NO_PAGES = 'http://no pages: --headless'  # no address, but shown like one while it waits
ABOUT = 'Chromium full-screen on the pages of a program that runs already, or will; started again when it fails.'


def main(arguments: list[str]) -> int:
    """The exit status: 0 after SIGTERM or SIGINT, 2 for settings that cannot be read."""
    parser = OneLineParser(prog='edgeos.kiosk', allow_abbrev=False, description=ABOUT)
    parser.add_argument('--settings', type=Path, metavar='FILE',
                        help='settings of that program (default ./settings.toml)')  # fmt: skip
    parser.add_argument('--data', type=Path, metavar='DIR', help='its data folder (default data/ beside the settings)')
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format='%(levelname)s %(name)s: %(message)s')
    settings = options.settings or Path('settings.toml')
    try:
        if options.settings and not settings.exists():
            raise SettingsError(f'{settings}: expected the settings file of the program to show')
        url = where(settings)
    except SettingsError as error:
        sys.stderr.write(f'edgeos.kiosk: {error}\n')
        return BAD_INPUT
    data = options.data or settings.parent / 'data'
    asyncio.run(show(Panel(data, where=lambda: where_now(settings, data, url), say=lambda text: None), url))
    return 0


async def show(panel: Panel, url: str) -> None:
    """Until told to stop."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await panel.start(url)
    await told.wait()
    await panel.stop()


def where(settings: Path) -> str:
    """Where the program serves that has these settings; raises SettingsError."""
    try:
        data = parse_toml(settings, read_text(settings)) if settings.exists() else {}
        app = AppSettings.model_validate(data.get('app', {}))
    except ValidationError as error:
        raise explain(settings, error, AppSettings, data) from error
    return local_url(app.host, app.port)


def where_now(settings: Path, data: Path, url: str) -> str:
    """Where it says that it serves, whatever its options are; before it runs, as in its settings.

    While somebody edits these, where it was.
    """
    holder = holder_of(data)
    if holder is not None and holder.screen:  # it has said so
        return holder.url or NO_PAGES
    try:
        return where(settings)
    except SettingsError:
        return url


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
