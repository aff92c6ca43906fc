"""What tests of the panel on the wall share: a program with settings for it, and a browser that came in as a panel."""
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page

from edgeos.screens import entry, load_secret
from edgeos.web.passwords import hash_pin
from tests.e2e.support import SIZES, running

PIN = '2580'


def settings_of(folder: Path, *, kiosk: str = '', pin: bool = False, more: str = '') -> Path:
    """A settings file with these lines in [kiosk]."""
    path = folder / 'settings.toml'
    security = f'[security]\npin_hash = "{hash_pin(PIN)}"\n' if pin else ''
    path.write_text(f'[kiosk]\n{kiosk}\n{security}{more}')
    return path


@contextmanager
def serving(folder: Path, *, kiosk: str = '', pin: bool = False, more: str = '', first: str = '') \
        -> Iterator[tuple[str, Path]]:  # fmt: skip
    """The program's URL and its data folder; `first` as `running` takes it."""
    path = settings_of(folder, kiosk=kiosk, pin=pin, more=more)
    with running('--settings', str(path), first=first) as url:
        yield url, folder / 'data'


def way_in(url: str, data: Path, target: str = '/') -> str:
    return entry(url, load_secret(data), 'panel', target)


@contextmanager
def panel(browser: Browser, url: str, data: Path, *, target: str = '/', dark: bool = False, language: str = 'en',
          script: str = '', loses_server: bool = False) -> Iterator[Page]:  # fmt: skip
    """A panel with a touch screen at this place; nothing on its console may be an error but that the server is gone."""
    context = browser.new_context(viewport=SIZES['panel'], has_touch=True, locale=language,
                                  color_scheme='dark' if dark else 'light')  # fmt: skip
    context.set_default_timeout(15_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on('console', lambda message: complaints.append(message.text) if message.type == 'error' else None)
    page.on('pageerror', lambda error: complaints.append(str(error)))
    if script:
        page.add_init_script(script)
    try:
        page.goto(way_in(url, data, target))
        page.wait_for_function('window.socket?.connected')
        yield page
    finally:
        context.close()
    assert loses_server or complaints == []


def unlock(page: Page, pin: str = PIN) -> None:
    """By finger, on the keys of the PIN sheet."""
    for digit in pin:
        page.locator('.eo-pin').get_by_role('button', name=digit, exact=True).tap()
    page.locator('.eo-pin').get_by_role('button', name='Unlock').tap()


def key(page: Page, name: str) -> Locator:
    return page.locator(f'.pn-keys [data-skbtn={name!r}]' if name != "'" else '.pn-keys [data-skbtn="\'"]')


def tap_keys(page: Page, text: str) -> None:
    """Type this by tapping keys only, looking for each where it stands."""
    for letter in text:
        if letter == ' ':
            key(page, '{space}').tap()
            continue
        if not key(page, letter).count():
            if letter.isupper():
                key(page, '{shift}').tap()
            elif key(page, '{symbols}').count():
                key(page, '{symbols}').tap()
            else:
                key(page, '{letters}').tap()
        key(page, letter).tap()
