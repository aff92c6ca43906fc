"""The settings: look, access, backup, and what this program is."""
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from nicegui import ElementFilter, ui

from edgeos import NAME, __version__
from pages.format import Format
from pages.frame import THEMES, House
from pages.i18n import LANGUAGES, _, current_language
from pages.settings_access import add_access
from pages.settings_backup import add_backup
from pages.settings_panel import add_panel
from pages.sheet import Text, icon_of
from pages.store_setting import store_setting

LICENCE = 'MIT'
ABOUT_SECONDS = 10.0


def content(house: House) -> None:
    """Five panels, in two columns where there is room."""
    with ui.element('header').classes('eo-header'):
        Text('h1', _('Settings'))
    if house.system.forgetful:
        with ui.element('div').classes('eo-why st-note'):
            Text('span', _('This is the demo: what you change here is forgotten when it ends.'))
    with ui.element('div').classes('st-page'):
        with ui.element('div').classes('st-column'):
            _look(house)
            add_panel(house)
            add_backup(house)
        with ui.element('div').classes('st-column'):
            add_access(house)
            _about(house)


class Segments:
    """A few words beside each other, of which one is chosen. `choose` answers whether that worked."""

    def __init__(self, label: str, options: Mapping[str, str], chosen: str, hint: str,
                 choose: Callable[[str], Awaitable[bool]]) -> None:  # fmt: skip
        self._choose = choose
        with ui.element('div').classes('eo-field'):
            name = Text('span', label, 'st-label')
            with ui.element('div').classes('eo-ranges st-segments').props(f'role=group aria-labelledby={name.html_id}'):
                self._buttons = {key: self._add(key, word) for key, word in options.items()}
            Text('div', hint, 'eo-hint')
        self._mark(chosen)

    def _add(self, key: str, word: str) -> Text:
        async def press() -> None:
            if await self._choose(key):
                self._mark(key)

        button = Text('button', word).props('type=button')
        button.on('click', press, [])
        return button

    def _mark(self, chosen: str) -> None:
        for key, button in self._buttons.items():
            button.classes(add='on' if key == chosen else '', remove='' if key == chosen else 'on')
            button.props(f'aria-pressed={"true" if key == chosen else "false"}')


def _look(house: House) -> None:
    app_settings = house.system.settings_file.settings.app

    async def choose_language(key: str) -> bool:
        if not await store_setting(house, 'app.language', key):
            return False
        ui.navigate.reload()
        return True

    async def choose_theme(key: str) -> bool:
        if not await store_setting(house, 'app.theme', key):
            return False
        for dark_mode in ElementFilter(kind=ui.dark_mode):
            dark_mode.set_value(THEMES[key])
        return True

    with ui.element('section').classes('eo-panel st-look'):
        Text('h2', _('Look'))
        with ui.element('div').classes('eo-form'):
            Segments(_('Language'), {'auto': _('Automatic'), **LANGUAGES}, app_settings.language,
                     _('Automatic follows the browser.'), choose_language)  # fmt: skip
            Segments(_('Theme'), {'auto': _('Automatic'), 'light': _('Light'), 'dark': _('Dark')}, app_settings.theme,
                     _('Automatic follows the device, so it can be dark at night.'), choose_theme)  # fmt: skip


def _about(house: House) -> None:
    system, words = house.system, Format(current_language(), _)
    with ui.element('section').classes('eo-panel st-about'):
        Text('h2', _('About'))
        with ui.element('dl').classes('st-facts'):
            _fact(_('Program'), f'{NAME} {__version__}')
            uptime = _fact(_('Running for'), words.span(system.uptime))
            _fact(_('Settings file'), str(system.settings_file.path.resolve()))
            _fact(_('Data folder'), str(system.paths.data.resolve()))
            size = _fact(_('Size of the data'), '…')
            _fact(_('Licence'), LICENCE)
        with ui.element('a').classes('eo-btn').props('href=/openapi.json target=_blank rel=noopener'):
            icon_of('info')
            Text('span', _('Description of the HTTP API'))

    async def measure() -> None:
        size.set_text(words.bytes(await asyncio.to_thread(_size_of, system.paths.data)))

    ui.timer(ABOUT_SECONDS, lambda: uptime.set_text(words.span(system.uptime)))
    ui.timer(0.1, measure, once=True)


def _fact(name: str, value: str) -> Text:
    Text('dt', name)
    return Text('dd', value)


def _size_of(folder: Path) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile counts as nothing."""
    total = 0
    for file in folder.rglob('*'):
        try:
            status = file.lstat()
        except OSError:
            continue
        total += status.st_size
    return total
