"""What every page has around it: navigation, theme, language, and the bar that says when the server is gone."""
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nicegui import Client, context, ui

from edgeos import NAME, __version__
from edgeos.system import System
from edgeos.web.app import Doors
from pages.feed import OverviewFeed
from pages.i18n import _, choose_language, current_language, set_language

THEMES = {'auto': None, 'light': False, 'dark': True}


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
    app_settings = house.system.settings_file.settings.app
    accept = client.request.headers.get('accept-language', '') if client.request else ''
    set_language(client, choose_language(app_settings.language, accept))
    ui.page_title(f'{_(title)} · {NAME}')
    ui.dark_mode(THEMES[app_settings.theme])
    _add_head(client)
    with ui.element('div').classes('eo-app'):
        _rail(house, here)
        with ui.element('div').classes('eo-main'):
            yield


def _add_head(client: Client) -> None:
    words = {'lost': _('The connection to the server is lost.'), 'retry': _('Trying again in {seconds} s'),
             'trying': _('Trying now …'), 'back': _('The server is back.'),
             'unheard': _('The server is not there at the moment. Nothing was done; try again when it is back.'),
             'language': current_language()}  # fmt: skip
    text = json.dumps(words).replace('<', '\\u003c')
    ui.add_head_html(
        f'<link rel="stylesheet" href="/assets/app.css?v={__version__}">'
        f'<script type="application/json" id="eo-frame-words">{text}</script>'
        f'<script src="/assets/frame.js?v={__version__}" defer></script>'
    )


def _rail(house: House, here: str) -> None:
    with ui.element('nav').classes('eo-rail').props(f'aria-label="{_("Places")}"'):
        with _place('/settings', here).classes('eo-logo') as logo:
            logo.props(f'aria-label="{_("Settings")}" title="{_("Settings")}"')
            ui.element('img').props('src="/assets/favicon.svg" alt="" width=40 height=40')
        with _place('/', here):
            _icon('connections')
            ui.label(_('Connect'))
            badge = ui.label('').classes('eo-badge')
        if house.system.demo is not None:
            with _place('/demo', here):
                _icon('demo')
                ui.label(_('Demo'))

    def count() -> None:
        trouble = house.feed.count_trouble()
        text = str(trouble) if trouble else ''
        if badge.text != text:
            badge.set_text(text)

    count()
    ui.timer(2.0, count)


def _place(target: str, here: str) -> ui.element:
    place = ui.element('a').props(f'href="{target}"')
    if target == here:
        place.classes('on').props('aria-current="page"')
    return place


def _icon(name: str) -> None:
    ui.element('i').classes(f'eo-icon eo-i-{name}').props('aria-hidden="true"')
