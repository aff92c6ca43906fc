"""What every page has around it: navigation, theme, language, and the bar that says when the server is gone."""
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nicegui import Client, context, ui

from edgeos import NAME, __version__
from edgeos.system import System
from edgeos.web.app import Doors
from edgeos.web.own_screens import screen_of
from pages import assets
from pages.closing import answer_closing
from pages.feed import OverviewFeed
from pages.i18n import _, choose_language, current_language, set_language
from pages.needs import count_needs
from pages.plugin_rows import count_failed
from pages.web_app import head_of

THEMES = {'auto': None, 'light': False, 'dark': True}
MOST_SHOWN = 100  # in a badge: more would not fit


@dataclass(slots=True)
class House:
    """What pages are made of."""

    system: System
    doors: Doors
    feed: OverviewFeed


@contextmanager
def frame(house: House, title: str, here: str) -> Iterator[None]:
    """The navigation beside the page; `here` is the place that is marked."""
    client = context.client
    speak(house, client)
    ui.page_title(f'{_(title)} · {NAME}')
    add_head(house, client)
    screen = screen_of(client.request)
    if screen == 'window':
        answer_closing(house.system)
    if screen == 'panel':
        _add_panel_head(house, client)
    with ui.element('div').classes('eo-app'):
        _rail(house, here)
        if screen == 'panel':
            _add_panel_bar(house)
        with ui.element('div').classes('eo-main'):
            yield


def speak(house: House, client: Client) -> None:
    """In the language and the colours the owner wants."""
    app_settings = house.system.settings_file.settings.app
    accept = client.request.headers.get('accept-language', '') if client.request else ''
    set_language(client, choose_language(app_settings.language, accept))
    ui.dark_mode(THEMES[app_settings.theme])


def add_head(house: House, client: Client) -> None:
    """Style, what makes it an app, and the scripts that notice when the server is gone or was renewed."""
    words = {'lost': _('The connection to the server is lost.'), 'retry': _('Trying again in {seconds} s'),
             'trying': _('Trying now …'), 'back': _('The server is back.'),
             'unheard': _('The server is not there at the moment. Nothing was done; try again when it is back.'),
             'renewed': _('The program was started again. What you typed is not saved; copy what you need.'),
             'first': _('Nothing was done: load the page again first.'), 'load': _('Load again'),
             'updated': _('The program was updated to version {version}.'),
             'version': __version__, 'language': current_language(), 'screen': screen_of(client.request)}  # fmt: skip
    text = json.dumps(words).replace('<', '\\u003c')
    ui.add_head_html(
        f'<link rel="stylesheet" href="{assets.URL}/app.css">'
        f'<script type="application/json" id="eo-frame-words">{text}</script>'
        f'<script src="{assets.URL}/place.js"></script><script src="{assets.URL}/frame.js" defer></script>'
        + head_of(house.system.settings_file.settings.app.theme)
    )


def _add_panel_head(house: House, client: Client) -> None:
    from pages.panel import add_panel_head

    add_panel_head(house.system.settings_file.settings.kiosk, client)


def _add_panel_bar(house: House) -> None:
    from pages.panel_bar import PanelBar

    PanelBar(house)


def _rail(house: House, here: str) -> None:
    with ui.element('nav').classes('eo-rail').props(f'aria-label="{_("Places")}"'):
        with _place('/settings', here).classes('eo-logo') as logo:
            logo.props(f'aria-label="{_("Settings")}" title="{_("Settings")}"')
            ui.element('img').props(f'src="{assets.URL}/favicon.svg" alt="" width=40 height=40')
        with _place('/', here):
            _icon('connections')
            ui.label(_('Connect'))
            trouble = Badge(house.feed.count_trouble)
        with _place('/plugins', here):
            _icon('plugins')
            ui.label(_('Plugins'))
            plugins = Badge(lambda: count_failed(house.system.plugins.plugins.values()))
        with _place('/events', here):
            _icon('events')
            ui.label(_('Events'))
            events = Badge(lambda: house.system.reporter.store.unseen)
        with _place('/system', here):
            _icon('system')
            ui.label(_('System'))
            machine = Badge(lambda: count_needs(house.system))
        if house.system.demo is not None:
            with _place('/demo', here):
                _icon('demo')
                ui.label(_('Demo'))

    def count() -> None:
        trouble.refresh()
        plugins.refresh()
        events.refresh()
        machine.refresh()

    ui.timer(2.0, count)


class Badge:
    """How many need attention at a place; nothing while none do."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._label = ui.label('').classes('eo-badge')
        self.refresh()

    def refresh(self) -> None:
        count = self._count()
        text = '' if not count else str(count) if count < MOST_SHOWN else f'{MOST_SHOWN - 1}+'
        if self._label.text != text:
            self._label.set_text(text)


def _place(target: str, here: str) -> ui.element:
    place = ui.element('a').props(f'href="{target}"')
    if target == here:
        place.classes('on').props('aria-current="page"')
    return place


def _icon(name: str) -> None:
    ui.element('i').classes(f'eo-icon eo-i-{name}').props('aria-hidden="true"')
