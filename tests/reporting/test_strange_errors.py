"""Errors and contexts that are huge, cyclic, angry or closed."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeos.reporting import capture, log_error, log_event
from tests.helpers import eventually_sync
from tests.reporting.reporters import Oops, caught, reporting, settled

Log = pytest.LogCaptureFixture


def lines(caplog: Log) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == 'edgeos.error']


class NoText(Exception):
    def __str__(self) -> str:
        raise ValueError('no')


class NoMark(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


class Slots(Exception):
    __slots__ = ()


class Hidden(Exception):
    """Lets nobody see what it has."""

    @property
    def __dict__(self) -> dict[str, object]:  # type: ignore[override]
        raise TypeError('there is none')


@dataclass(frozen=True)
class Frozen(Exception):
    text: str


class Closed(Exception):
    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)


def endless() -> None:
    endless()


def recursion() -> BaseException:
    try:
        endless()
    except RecursionError as error:
        return error
    raise AssertionError


def chain() -> BaseException:
    error: BaseException = Oops('0')
    for number in range(1, 2000):
        above = Oops(str(number))
        above.__cause__, error = error, above
    return error


def ring() -> BaseException:
    one, two = Oops('one'), Oops('two')
    one.__cause__, two.__cause__ = two, one
    return one


def crowd() -> BaseException:
    return ExceptionGroup('many', [ExceptionGroup('more', [Oops(str(n)) for n in range(100)]) for _ in range(100)])


HOSTILE: dict[str, Callable[[], BaseException]] = {
    'no text': NoText, 'no mark': lambda: NoMark('x'), 'slots': lambda: Slots('x'), 'hidden': lambda: Hidden('x'),
    'frozen': lambda: Frozen('x'), 'made in C': lambda: UnicodeDecodeError('utf-8', b'x', 0, 1, 'no'), 'recursion': recursion, 'chain': chain, 'ring': ring,
    'crowd': crowd, 'surrogates': lambda: Oops('\ud800 half \udfff'), 'huge text': lambda: Oops('x' * 10_000_000),
    'huge key': lambda: KeyError('x' * 10_000_000), 'huge arguments': lambda: Oops(b'x' * 10_000_000, ['y'] * 1_000_000),
    'zero bytes': lambda: Oops('a\0b\nc\x1b[31m'), 'keyboard': KeyboardInterrupt, 'exit': lambda: SystemExit(3),
}  # fmt: skip


@pytest.mark.parametrize('attached', [True, False])
@pytest.mark.parametrize('kind', HOSTILE)
def test_no_error_is_too_strange(tmp_path: Path, caplog: Log, capsys: pytest.CaptureFixture[str], kind: str, attached: bool) -> None:
    error = HOSTILE[kind]()
    with reporting(tmp_path) as reporter:
        if not attached:
            reporter.detach()
        log_error(error, operation='strange')
        log_error(error, operation='strange')
        [line] = lines(caplog)
        assert len(line) < 60_000
        line.encode()
        assert line.partition('\n')[0].isprintable()
        if attached:
            [event] = eventually_sync(reporter.store.query)
            assert event.count == 1 and len(event.traceback) < 20_000
    assert 'failed' not in capsys.readouterr().err


def test_an_error_that_cannot_be_looked_at_is_logged_by_its_name(tmp_path: Path, caplog: Log) -> None:
    with reporting(tmp_path):
        log_error(Closed('x'), operation='strange')
        assert [line.partition(':')[0] for line in lines(caplog)] == ['Closed']


def test_notes_on_an_error_are_told(tmp_path: Path, caplog: Log) -> None:
    error = caught('no luck')
    error.add_note('while the cellar was flooded')
    log_error(error)
    assert 'Oops: no luck\nwhile the cellar was flooded' in caplog.text


class Angry:
    def __repr__(self) -> str:
        raise Oops('do not look')

    __str__ = __repr__


class Endless(dict[str, object]):
    def items(self) -> object:  # type: ignore[override]
        raise Oops('no')


class Masked:
    """Says of itself what it is not, and fails at it."""

    @property
    def __class__(self) -> type:  # type: ignore[override]
        raise Oops('do not ask')


def cyclic() -> dict[str, object]:
    found: dict[str, object] = {}
    found['me'] = found
    return found


CONTEXTS: dict[str, Callable[[], object]] = {
    'cyclic': cyclic, 'angry': Angry, 'masked': Masked, 'masked inside': lambda: [{'a': Masked()}], 'endless': Endless, 'huge text': lambda: 'x' * 10_000_000, 'huge list': lambda: [0] * 10_000_000,
    'surrogates': lambda: '\ud800', 'not a number': lambda: float('nan'), 'huge number': lambda: 10 ** 100_000, 'bytes': lambda: b'\xff\0' * 5_000_000,
    'deep': lambda: eval('[' * 80 + ']' * 80), 'a class': lambda: Angry, 'keys': lambda: {Path('x'): {1: (2, {3})}},
}  # fmt: skip


@pytest.mark.parametrize('kind', CONTEXTS)
def test_no_context_is_too_strange(tmp_path: Path, caplog: Log, kind: str) -> None:
    with reporting(tmp_path) as reporter:
        log_error(caught(), value=CONTEXTS[kind](), **{'\ud800': 1})
        log_event('info', 'app', 'strange', value=CONTEXTS[kind]())
        eventually_sync(lambda: len(reporter.store.query()) == 2)
        assert all('value' in event.context for event in reporter.store.query())
    [line] = lines(caplog)
    assert len(line) < 20_000


def test_a_store_that_fails_does_not_harm_who_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Log) -> None:
    with reporting(tmp_path) as reporter:
        def broken(*_: object, **__: object) -> None:
            raise RuntimeError('the store is broken')

        monkeypatch.setattr(reporter.store, 'add', broken)
        log_error(caught('one'))
        eventually_sync(lambda: 'the store is broken' in caplog.text)
        monkeypatch.undo()
        log_error(caught('two'), operation='other')
        settled(reporter, ['Oops: two'])


def test_a_sink_that_fails_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    from edgeos import reporting as module

    class Bad:
        def error(self, error: BaseException, context: dict[str, object]) -> None:
            raise Oops('bad sink')

        def event(self, level: str, source: str, message: str, context: dict[str, object]) -> None:
            raise Oops('bad sink')

    bad = Bad()
    module.attach(bad)
    log_error(caught())
    log_event('info', 'app', 'hello')
    module.detach(bad)
    assert capsys.readouterr().err.count('failed: Oops') == 2


def test_context_may_have_any_name() -> None:
    log_error(caught(), kind='a', context='b', level='c', source='d', message='e', self='f')
    log_event('info', 'app', 'x', level='c', source='d', message='e', self='f')


@pytest.mark.parametrize('broken', ['variable', 'all'])
def test_variables_that_cannot_be_looked_at_do_not_cost_the_report(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    if broken == 'all':
        monkeypatch.setattr(capture, 'variables_of', lambda *_: 1 / 0)
    [link] = capture.links_of(caught('here', masked=Masked(), number=1), with_variables=True)
    assert (link.text, link.frames[-1].function) == ('here', 'fail')
    shown = {'text': 'here', 'variables': {'masked': '<Masked: Oops>', 'number': 1}}
    assert link.frames[-1].variables == (shown if broken == 'variable' else None)
