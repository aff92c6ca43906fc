"""The owner's language: gettext-style catalogues, English in the code, German in assets/translations."""
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from weakref import WeakKeyDictionary

from nicegui import Client, context

LANGUAGES = {'en': 'English', 'de': 'Deutsch'}
TRANSLATIONS = Path(__file__).parents[1] / 'assets' / 'translations'

_client_languages: WeakKeyDictionary[Client, str] = WeakKeyDictionary()


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """English text to the language's text; empty for English."""
    path = TRANSLATIONS / f'{language}.po'
    if not path.exists():
        return {}
    import polib

    return {entry.msgid: entry.msgstr for entry in polib.pofile(str(path)) if entry.msgstr}


def choose_language(setting: str, accept: str) -> str:
    """The setting, or for 'auto' the first language of an Accept-Language header that there is."""
    if setting in LANGUAGES:
        return setting
    for wanted in accept.split(','):
        code = wanted.split(';')[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return 'en'


def set_language(client: Client, language: str) -> None:
    """The language of everything this browser is shown."""
    _client_languages[client] = language


def current_language() -> str:
    """The language of the browser this code is running for."""
    return _client_languages.get(context.client, 'en')


def translator(language: str) -> Callable[[str], str]:
    """Translates for one language, for code that runs for no browser in particular."""
    words = catalogue(language)
    return lambda text: words.get(text, text)


def _(text: str) -> str:
    """The text in the language of the browser this code is running for."""
    return catalogue(current_language()).get(text, text)
