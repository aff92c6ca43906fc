"""A canary for each kind of secret in each place of a report; the bytes that reached the server are searched for all."""
import base64
import binascii
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

import pytest

from edgeos.reporting import log_error, log_event
from edgeos.reporting.noise import EVERY, NoiseGate
from edgeos.reporting.report import Report
from edgeos.reporting.reporter import Reporter
from edgeos.reporting.sentry_link import SentryLink
from tests.helpers import eventually_sync
from tests.reporting.ingest import Ingest
from tests.reporting.reporters import Oops, fail, make_reporter

THIS_MACHINE, THIS_USER, DSN_KEY = 'zqmachineqz', 'zquserqz', 'zqdsnkeyqz0123456789abcdef012345'


def known(word: str) -> str:
    return f'{word}! Kn0wn"s\'ecret\\ä x'


# kind: how it stands in a text; the word is all letters, the number below 65536, both of one kind and place only
KINDS: dict[str, Callable[[str, int], str]] = {
    'known secret': lambda w, n: f'before {known(w)} after',
    'known secret as repr': lambda w, n: repr({'x': known(w)}),
    'known secret as JSON': lambda w, n: json.dumps([known(w)]),
    'known secret as JSON in JSON': lambda w, n: json.dumps(json.dumps([known(w)])),
    'known secret, percent-encoded': lambda w, n: f'a={quote(known(w), safe="")}',
    'known secret in a form': lambda w, n: f'a={quote_plus(known(w))}&b=1',
    'known secret, base64': lambda w, n: f'x {base64.b64encode(b"yy" + known(w).encode() + b"z").decode()} y',
    'known secret, hex': lambda w, n: f'x {known(w).encode().hex()} y',
    'known token': lambda w, n: f'xx{w}tokenyy',
    'known key': lambda w, n: f'{hex_key(n)} {hex_key(n).upper()}',
    'value of .env': lambda w, n: f'got {w}',
    'DSN': lambda w, n: f'https://{DSN_KEY}@sentry.example.com/42',
    'other DSN': lambda w, n: f'https://{w}@sentry.example.com/42',
    'basic authentication': lambda w, n: f'Authorization: Basic {base64.b64encode(f"user:{w}".encode()).decode()}',
    'bearer': lambda w, n: f'Bearer {w}.bearer-token',
    'cookie': lambda w, n: f'Cookie: session={w}; other={w}',
    'app token': lambda w, n: f'edge_{w}-TOKEN-{w}TOKEN',
    'JWT': lambda w, n: f'eyJrYW5hcmll.eyJrYW5hcmllMg.{w}',
    'password=': lambda w, n: f'password={w}',
    'password in quotes': lambda w, n: f"Config(host='localhost', password='two {w} words', port=1)",
    'password in TOML': lambda w, n: f'[config]\npassword = """two\n{w}"""\nport = 1',
    'password in JSON': lambda w, n: f'{{"a": {{"password": "a\\"{w}"}}}}',
    'password in escaped JSON': lambda w, n: f'"{{\\"api_key\\": \\"{w}\\"}}"',
    'PIN': lambda w, n: f'pin: 7391{n:05d}',
    'bind key': lambda w, n: f'bind key 5a5b{n:04x}5e5f50515253545556575859',
    'PEM': lambda w, n: f'x -----BEGIN RSA PRIVATE KEY-----\n{w}\n{w}=\n-----END RSA PRIVATE KEY-----\n end',
    'credentials in a URL': lambda w, n: f'mqtt://{w}:x{w}@y{w}@broker.example.com:1883/x',
    'query': lambda w, n: f'GET /api/points?name={w}&x=1 and https://example.com/a?{w}#{w}',
    'MAC': lambda w, n: ' '.join(macs(n)),
    'IPv4': lambda w, n: ' '.join(addresses(n)),
    'IPv6': lambda w, n: f'[fe80::c0ff:{n:04x}%eth0]:80 fd00:c0ff:{n:04x}::1 2001:db8:c0ff:{n:04x}::5',
    'known host': lambda w, n: f"cannot find 'plc{w}:48898' PLC{w.upper()} {w}.example.org",
    'names of the house': lambda w, n: f'{w}.local {w}.lan {w}.fritz.box {w}.home {w}.home.arpa http://{w}/x',
    'this machine': lambda w, n: f'{THIS_MACHINE} and {THIS_MACHINE}.example.net',
    'users': lambda w, n: f'name{w} username={w} user: "{w}"',
    'this user': lambda w, n: f'of {THIS_USER}',
    'e-mail': lambda w, n: f'{w}+x@example.com',
    'home': lambda w, n: f'/home/{w}/x.py /Users/{w}/x C:\\Users\\{w}\\x %2Fhome%2F{w}%2Fx',
}  # fmt: skip
STAY_HERE = ('MAC', 'IPv4', 'IPv6', 'known host', 'names of the house', 'this machine', 'users', 'this user', 'e-mail', 'home')

PLACES = (
    'message', 'argument', 'nested argument', 'note', 'part of a group', 'cause', 'context', 'file name', 'thread name', 'variable', 'nested variable', 'bytes', 'path', 'name in a variable',
    'breadcrumb', 'source of a breadcrumb', 'operation', 'connection_id', 'type', 'plugin', 'detail', 'nested detail', 'name of a detail', 'error as a detail', 'header', 'body', 'put on it later',
)  # fmt: skip
NOT_TOLD = ('file name',)  # of a path its last part at most


def hex_key(n: int) -> str:
    return f'c0de{n:04x}0123456789abcdef01234567'


def macs(n: int) -> tuple[str, ...]:
    a, b = f'{n >> 8:02x}', f'{n & 255:02x}'
    return (f'C0:FF:EE:{a}:{b}:01', f'c0-ff-ee-{a}-{b}-02', f'c0ff.ee{a}.{b}03', f'C0FFEE{a}{b}04'.upper(), f'dev_C0_FF_EE_{a}_{b}_05'.upper().replace('DEV', 'dev'),
            f'c0%3Aff%3Aee%3A{a}%3A{b}%3A06')  # fmt: skip


def addresses(n: int) -> tuple[str, ...]:
    a, b = n >> 8, n & 255
    return (f'10.{a}.{b}.1:1883', f'10.{a}.{b}.5.1.1', f'10-{a}-{b}-6', f'10.{a}.{b}.7,')


def word_of(kind: str, place: str) -> str:
    numbers = list(KINDS).index(kind), PLACES.index(place)
    return 'zq' + ''.join(chr(97 + number // 26) + chr(97 + number % 26) for number in numbers) + 'qz'


def number_of(kind: str, place: str) -> int:
    return 1000 + 100 * list(KINDS).index(kind) + PLACES.index(place)


EVERYWHERE = [(kind, place) for kind in KINDS for place in PLACES]
BY_WORD = {word_of(*each): each for each in EVERYWHERE}
BY_NUMBER: dict[str, tuple[str, str]] = {
    **{form.lower()[:-2]: each for each in EVERYWHERE if each[0] == 'MAC' for form in macs(number_of(*each))},
    **{re.match(r'10.\d+.\d+.', form)[0]: each for each in EVERYWHERE if each[0] == 'IPv4' for form in addresses(number_of(*each))},  # type: ignore[index]
    **{f'c0ff:{number_of(*each):04x}': each for each in EVERYWHERE if each[0] == 'IPv6'},
    **{f'c0de{number_of(*each):04x}': each for each in EVERYWHERE if each[0] == 'known key'},
    **{f'5a5b{number_of(*each):04x}': each for each in EVERYWHERE if each[0] == 'bind key'},
    **{f'7391{number_of(*each):05d}': each for each in EVERYWHERE if each[0] == 'PIN'},
}  # fmt: skip


class Plant:
    """The text for a place. A variable that holds one shows nothing."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, place: str) -> str:
        return KINDS[self.kind](word_of(self.kind, place), number_of(self.kind, place))


def group(plant: Plant) -> BaseException:
    made = ExceptionGroup(plant('message'), [Oops(plant('part of a group')), Oops('failed', plant('argument'), {'a': [plant('nested argument')]})])
    made.add_note(plant('note'))
    return made


def in_the_middle(plant: Plant) -> None:
    try:
        exec(compile('raise KeyError(plant("context"))', plant('file name'), 'exec'), {'plant': plant, '__name__': 'edgeos.made_up'})
    except KeyError:
        raise OSError(plant('cause'))  # noqa: B904  # what is caught is the context


def at_the_end(plant: Plant) -> None:
    plain, nested, data, path = plant('variable'), {'a': [{'b': plant('nested variable')}]}, plant('bytes').encode(), Path(plant('path'))
    keyed = {plant('name in a variable'): 1}
    if plain and nested and data and path and keyed:
        raise group(plant) from sys.exception()


def everything(plant: Plant) -> None:
    try:
        in_the_middle(plant)
    except OSError:
        at_the_end(plant)


def report(plant: Plant, label: str) -> None:
    log_event('info', plant('source of a breadcrumb'), plant('breadcrumb'))
    thread = threading.Thread(target=fail, args=('in a thread',), name=f'{label} {plant("thread name")}')
    thread.start()
    thread.join()
    try:
        everything(plant)
    except ExceptionGroup as error:
        log_error(error, operation=f'{label} {plant("operation")}', connection_id=plant('connection_id'), type=plant('type'), plugin=plant('plugin'), detail=plant('detail'),
                  deep={'a': [(plant('nested detail'), {1: b'x'})]}, trouble=Oops(plant('error as a detail')), headers={'X-Thing': plant('header')},
                  body=json.dumps({'x': plant('body')}), **{plant('name of a detail'): 1})  # fmt: skip


def views(raw: bytes) -> Iterator[str]:
    """The bytes as they are, and everything that can be read out of them."""
    text = raw.decode()
    yield text
    yield unquote_plus(text)
    yield text.encode().decode('unicode_escape', 'replace')
    everything = '\n'.join(strings(json.loads(text.splitlines()[2])))
    yield everything
    yield unquote_plus(unquote_plus(everything))
    yield everything.replace('\\', '')
    for run in re.findall(r'[A-Za-z0-9+/_-]{8,}={0,2}', everything):
        for shift in range(4):
            try:
                yield base64.b64decode(run[shift:].replace('-', '+').replace('_', '/') + '===').decode('utf-8', 'replace')
            except (binascii.Error, ValueError):
                pass
    for run in re.findall(r'(?:[0-9A-Fa-f]{2}){6,}', everything):
        yield bytes.fromhex(run).decode('utf-8', 'replace')


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    else:
        yield str(value)


def canaries(text: str) -> set[tuple[str, str]]:
    """Kind and place of all that are in there."""
    small = text.casefold()
    found = {BY_WORD[word] for word in re.findall('zq[a-z]{4}qz', small) if word in BY_WORD}
    found |= {each for number, each in BY_NUMBER.items() if number in small}
    return found | {(kind, 'somewhere') for kind, name in (('DSN', DSN_KEY), ('this machine', THIS_MACHINE), ('this user', THIS_USER)) if name in small}


def escaped(ingest: Ingest) -> set[tuple[str, str]]:
    return canaries('\n'.join(view for each in ingest.accepted for view in views(each.raw)))


def words_of(*kinds: str) -> list[str]:
    return [word_of(kind, place) for kind in kinds for place in PLACES]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Reporter, Ingest]]:
    monkeypatch.setattr('socket.gethostname', lambda: f'{THIS_MACHINE}.example.net')
    monkeypatch.setattr('getpass.getuser', lambda: THIS_USER)
    monkeypatch.setattr('tests.reporting.ingest.KEY', DSN_KEY)
    monkeypatch.setattr(NoiseGate.__init__, '__defaults__', (EVERY, 10_000, 10_000))
    env_file = tmp_path / '.env'
    env_file.write_text(''.join(f'TOKEN_{word}={word}\n' for word in words_of('value of .env')))
    secrets = [*map(known, words_of(*(kind for kind in KINDS if kind.startswith('known secret')))), *(f'{word}token' for word in words_of('known token')),
               *(hex_key(number_of('known key', place)) for place in PLACES)]  # fmt: skip
    hosts = [host for word in words_of('known host') for host in (f'plc{word}:48898', f'{word}.example.org')]
    with Ingest() as ingest:
        reporter = make_reporter(tmp_path, ingest.dsn, env_file=env_file, secrets=lambda: secrets, hosts=lambda: [*hosts, 'localhost'],
                                 users=lambda: [f'name{word}' for word in words_of('users')])  # fmt: skip
        reporter.attach()
        reporter.start()
        yield reporter, ingest
        reporter.detach()
        reporter.stop()


def report_all(reporter: Reporter, ingest: Ingest) -> None:
    for number, kind in enumerate(KINDS, 1):
        report(Plant(kind), chr(97 + number // 26) + chr(97 + number % 26))
        eventually_sync(lambda number=number: len(ingest.accepted) == 2 * number and reporter.queue.waiting == 0)


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_no_canary_of_any_kind_gets_out_of_any_place(house: tuple[Reporter, Ingest], tmp_path: Path) -> None:
    reporter, ingest = house
    report_all(reporter, ingest)
    assert escaped(ingest) == set()
    reporter.stop()
    kept = repr(reporter.store.query(limit=1000)) + ''.join(path.read_bytes().decode('utf-8', 'replace') for path in tmp_path.glob('events.sqlite*'))
    assert {each for each in canaries(kept) if each[0] not in STAY_HERE} == set(), 'nor is it kept here'


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_the_search_finds_them_all_when_nothing_is_scrubbed(house: tuple[Reporter, Ingest], monkeypatch: pytest.MonkeyPatch) -> None:
    reporter, ingest = house

    class Careless:
        def value(self, value: object, characters: int = 0) -> object:
            return json.loads(json.dumps(value, default=str))

        def secrets_only(self, text: str, characters: int = 0) -> str:
            return text

        def secrets_only_value(self, value: object, characters: int = 0) -> object:
            return value

    monkeypatch.setattr(reporter._hider, 'scrubber', lambda more: Careless())
    report_all(reporter, ingest)
    found = escaped(ingest)
    unique = [each for each in EVERYWHERE if each[0] not in ('DSN', 'this machine', 'this user') and each[1] not in (*NOT_TOLD, 'put on it later')]
    assert [each for each in unique if each not in found] == []
    assert {kind for kind, place in found if place == 'somewhere'} == {'DSN', 'this machine', 'this user'}


def test_what_somebody_puts_on_the_event_later_is_scrubbed_as_well(house: tuple[Reporter, Ingest], monkeypatch: pytest.MonkeyPatch) -> None:
    """A scope, a processor, an integration: everything passes the last gate."""
    import sentry_sdk

    _, ingest = house
    text = ' '.join(Plant(kind)('put on it later') for kind in KINDS)
    real = SentryLink.report

    def report(link: SentryLink, report: Report, *rest: Any, **more: Any) -> None:
        link.warm_up()
        scope = sentry_sdk.get_global_scope()
        scope.set_tag('tag', text)
        scope.set_extra('extra', text)
        scope.set_context('somebody', {'password': text, 'x': [text]})
        scope.set_user({'username': text, 'ip_address': '10.99.1.1', 'email': text})
        scope.add_breadcrumb(message=text, data={'url': text})
        scope.add_event_processor(lambda event, hint: {**event, 'request': {'url': text, 'headers': {'Cookie': text}, 'data': text}, 'server_name': text, 'logger': text,
                                                       'transaction': text, 'modules': {text: '1'}, 'spans': [text], 'dist': text})  # fmt: skip
        try:
            real(link, report, *rest, **more)
        finally:
            scope.clear()
            scope._event_processors.clear()

    monkeypatch.setattr(SentryLink, 'report', report)
    try:
        raise Oops('x')
    except Oops as error:
        log_error(error)
    eventually_sync(lambda: ingest.accepted)
    assert escaped(ingest) == set()
    assert ingest.events[0]['contexts']['somebody']['password'] == '[secret]'


def test_the_repository_path_is_not_told(house: tuple[Reporter, Ingest]) -> None:
    _, ingest = house
    try:
        os.stat('/nonexistent/kanarie')
    except OSError as error:
        log_error(error)
    eventually_sync(lambda: ingest.accepted)
    assert str(Path(__file__).parents[2]) not in ingest.accepted[0].raw.decode()
