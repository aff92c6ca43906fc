"""What is known to be secret, in every form in which it may turn up: as it is, quoted, encoded."""
import base64
import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

from edgeos.reporting.marks import ADDRESS, HOST, MAC, SECRET, USER

_ALL_MARKS = ' '.join((SECRET, USER, HOST, ADDRESS, MAC))

SHORT = 6  # characters below which a secret is only looked for as a word of its own
LEAST = 4  # below which looking for it would cut every text to pieces; its key's name still hides it
MOST_TOKEN = 4000  # characters of base64 around a secret

# Where a secret or a host has such a name, hiding it would show it: its place in the names of our code is known.
WORDS = frozenset((
    'admin', 'address', 'bluetooth', 'broker', 'client', 'connection', 'device', 'edgeos', 'error', 'event',
    'false', 'home', 'host', 'house', 'http', 'https', 'key', 'local', 'localhost', 'login', 'main', 'module',
    'mqtt', 'name', 'none', 'null', 'page', 'pages', 'password', 'plc', 'point', 'python', 'root', 'secret',
    'server', 'settings', 'state', 'status', 'system', 'test', 'time', 'token', 'true', 'type', 'user', 'value',
))  # fmt: skip
COMMON_USERS = frozenset(('root', 'pi', 'user', 'admin', 'nobody', 'home', 'app', 'edgeos', 'debian', 'ubuntu',
                          'www-data'))  # fmt: skip
_BASE64 = re.compile(r'[A-Za-z0-9+/_=-]*')


def secret_forms(secret: str) -> set[str]:
    """A secret as it may stand in a text, without base64."""
    data = secret.encode(errors='replace')
    forms = {secret, secret.strip(), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
             json.dumps(json.dumps(secret)[1:-1])[1:-1], repr(secret)[1:-1], repr(data)[2:-1], data.hex(),
             secret.replace('\\', '\\\\').replace("'", "\\'"), html.escape(secret), html.escape(secret, quote=False),
             data.hex().upper()}  # fmt: skip
    encoded = {quote(secret, safe='', errors='replace'), quote(secret, errors='replace'),
               quote_plus(secret, errors='replace')}  # fmt: skip
    encoded |= {re.sub('%[0-9A-F]{2}', lambda match: match[0].lower(), each) for each in encoded}
    encoded |= {quote(each, safe='') for each in encoded}
    if re.fullmatch('[0-9A-Fa-f:-]{12,}', secret):
        forms |= {secret.lower(), secret.upper()}
    if '\n' in secret:  # a key in a file, shown line by line
        forms |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= 16}
    return {each for each in forms | encoded if len(each) >= LEAST and each not in _ALL_MARKS}


def base64_cores(secret: str) -> set[str]:
    """What base64 of anything with the secret in it has to contain, wherever the secret begins."""
    found = set()
    data = secret.encode(errors='replace')
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + data).decode()
        core = text[-(-8 * shift // 6):8 * (shift + len(data)) // 6]
        if len(core) >= 5:
            found |= {core, core.replace('+', '-').replace('/', '_'), quote(core, safe='')}
    return found


class Known:
    """Literal texts to hide. Made once for many texts; `within` narrows it to what a text can contain."""

    def __init__(self, secrets: Iterable[str] = (), words: Iterable[tuple[str, str]] = ()) -> None:
        """`words` are pairs of a name, looked for as a word in any case, and what stands for it."""
        usable = [each for each in set(secrets) if len(each) >= LEAST and each.casefold() not in WORDS]
        self.numbers = frozenset(each for each in usable if each.isdigit())
        self._forms = _longest_first({form for each in usable for form in secret_forms(each)})
        bare = {form.replace('\\', '') for form in self._forms}
        self._bare = _longest_first(form for form in bare if len(form) >= SHORT and form not in _ALL_MARKS)
        self._cores = _longest_first({core for each in usable if len(each) >= SHORT for core in base64_cores(each)})
        self._words = [(word.casefold(), mark) for word, mark in words
                       if len(word) >= 2 and word.casefold() not in WORDS]  # fmt: skip
        self._words.sort(key=lambda pair: (-len(pair[0]), pair))

    def within(self, text: str) -> 'Known':
        """Only what is in there: looking for hundreds of texts in a thousand short ones takes long."""
        small = text.casefold()
        narrowed = Known()
        narrowed.numbers = self.numbers
        narrowed._forms = [form for form in self._forms if form in text]
        if '\\' in text:
            bare = text.replace('\\', '')
            narrowed._bare = [form for form in self._bare if form in bare]
        narrowed._cores = [core for core in self._cores if core in text]
        narrowed._words = [pair for pair in self._words if pair[0] in small]
        return narrowed

    def hide_secrets(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, SECRET) if len(form) >= SHORT else _word(form, False).sub(SECRET, text)
        if self._bare and '\\' in text:
            text = self._hide_escaped(text)
        for core in self._cores:
            if core in text:
                text = _hide_tokens(text, core)
        return text

    def _hide_escaped(self, text: str) -> str:
        """A secret in a text in a text: quotes in it have as many backslashes before them as there are texts."""
        for form in self._bare:
            bare = text.replace('\\', '')
            if form not in bare:
                continue
            places = [number for number, character in enumerate(text) if character != '\\']
            pieces, end, place = [], 0, bare.find(form)
            while place >= 0:
                pieces += [text[end:places[place]], SECRET]
                end = places[place + len(form) - 1] + 1
                place = bare.find(form, place + len(form))
            text = ''.join([*pieces, text[end:]])
        return text

    def hide_words(self, text: str) -> str:
        if not self._words:
            return text
        small = text.casefold()
        for word, mark in self._words:
            if word in small:
                text = _word(word, True).sub(mark, text)
        return text

    def hide_half(self, text: str) -> str:
        """The text was cut: what is left of a secret at its end."""
        tail = text[-MOST_TOKEN:]
        begins = [begin for form in self._forms if (begin := _half(tail, form)) >= 0]
        return text[:len(text) - len(tail) + min(begins)] + SECRET if begins else text


def _longest_first(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=lambda text: (-len(text), text))


@lru_cache(maxsize=256)
def _word(word: str, any_case: bool) -> re.Pattern[str]:
    return re.compile(rf'(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])', re.IGNORECASE if any_case else 0)


def _half(text: str, form: str) -> int:
    """Where the text begins to end with the beginning of that form, or -1."""
    place = text.find(form[:LEAST], max(0, len(text) - len(form) + 1))
    while place >= 0 and not form.startswith(text[place:]):
        place = text.find(form[:LEAST], place + 1)
    return place


def _hide_tokens(text: str, core: str) -> str:
    """Whole runs of base64: what lies beside the secret shares characters with it."""
    pieces, start, place = [], 0, text.find(core)
    while place >= 0:
        begin = place - _run(text[max(start, place - MOST_TOKEN):place][::-1], 0)
        pieces += [text[start:begin], SECRET]
        start = place + len(core)
        start += _run(text, start)
        place = text.find(core, start)
    return ''.join([*pieces, text[start:]])


def _run(text: str, start: int) -> int:
    match = _BASE64.match(text, start, start + MOST_TOKEN)
    return match.end() - start if match else 0

