"""What a page brings along on the panel on the wall, and only there: rest, keyboard, and no browser around it."""
import asyncio
import json
import time
from math import inf

from nicegui import Client, ui
from starlette.requests import Request

from edgeos.input_devices import find_keyboard
from edgeos.settings import is_loopback
from edgeos.settings_models import KioskSettings
from pages import assets
from pages.i18n import _, current_language

LOOK_SECONDS = 4.0  # how late a keyboard may be noticed that was plugged in
AT_ONCE = 'rest.js'  # before anything is drawn: a page that is opened in the dark stays dark
LATER = ('panel/hold.js', 'panel/layouts.js', 'panel/typing.js', 'vendor/simple-keyboard/simple-keyboard.js',
         'panel/keyboard.js')  # fmt: skip
STYLES = ('vendor/simple-keyboard/simple-keyboard.css', 'panel/panel.css')


class RealKeyboard:
    """Whether this device has a keyboard, looked up now and then for all its pages."""

    def __init__(self) -> None:
        self.is_there: bool | None = None
        self._looked_at = -inf

    async def look(self) -> None:
        """Ask the system, if that is long enough ago."""
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self.is_there = await asyncio.to_thread(find_keyboard)


real_keyboard = RealKeyboard()


def is_here(request: Request | None) -> bool:
    """Whether a browser runs on this device, so that its keyboard is the one that is plugged in here."""
    if request is None or request.client is None:
        return False
    return is_loopback(request.client.host) or request.client.host == (request.scope.get('server') or ('',))[0]


def rest_of(kiosk: KioskSettings) -> dict[str, int]:
    """When the panel dims and goes dark, in s."""
    return {'dim_s': kiosk.dim_s, 'dark_s': kiosk.dark_s}


def keyboard_of(kiosk: KioskSettings, request: Request | None) -> dict[str, str | bool | None]:
    """When its own keyboard is shown."""
    return {'keyboard': kiosk.keyboard, 'hardware': real_keyboard.is_there if is_here(request) else None}


def add_panel_head(kiosk: KioskSettings, client: Client) -> None:
    """Into the head of a page; the order matters."""
    about = {**rest_of(kiosk), **keyboard_of(kiosk, client.request), 'words': _words()}
    text = json.dumps(about).replace('<', '\\u003c')
    styles = ''.join(f'<link rel="stylesheet" href="{assets.URL}/{name}">' for name in STYLES)
    scripts = ''.join(f'<script src="{assets.URL}/{name}" defer></script>' for name in LATER)
    ui.add_head_html(f'{styles}<script type="application/json" id="eo-panel">{text}</script>'
                     f'<script src="{assets.URL}/panel/{AT_ONCE}"></script>{scripts}')  # fmt: skip


def _words() -> dict[str, str]:
    return {
        'language': current_language(),
        'elsewhere': _('The panel does not open pages of others. Use another device for this link.'),
        'file': _('The panel opens no windows and saves no files. Use another device for that.'),
        'keyboard': _('On-screen keyboard'),
        'show': _('Show the on-screen keyboard'),
        'space': _('Space'),
        'erase': _('Delete the last letter'),
        'enter': _('Enter'),
        'shift': _('Capital letters; twice: they stay'),
        'hide': _('Hide the keyboard'),
        'left': _('Cursor to the left'),
        'right': _('Cursor to the right'),
        'symbols': _('Symbols'),
        'letters': _('Letters'),
    }
