from pathlib import Path

import pytest

from edgeos.reporting.dsn import BadDsn, Dsn, parse_dsn
from edgeos.reporting.environment import choose, read_env_file
from edgeos.settings_models import SentrySettings
from tests.reporting.reporters import make_reporter

ROOT = Path(__file__).parents[2]
SETTINGS = SentrySettings(dsn='https://settings@a/1', environment='from-settings')


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / '.env'


# which one counts


def test_the_environment_wins_over_env_over_settings(env_file: Path) -> None:
    assert choose(SETTINGS, {}, env_file).dsn == 'https://settings@a/1'
    assert choose(SETTINGS, {}, env_file).environment == 'from-settings'
    env_file.write_text('SENTRY_DSN=https://file@a/1\nENVIRONMENT=from-file\n')
    assert choose(SETTINGS, {}, env_file).dsn == 'https://file@a/1'
    assert choose(SETTINGS, {}, env_file).environment == 'from-file'
    environ = {'SENTRY_DSN': ' https://environ@a/1\n', 'ENVIRONMENT': 'from-environ'}
    assert choose(SETTINGS, environ, env_file).dsn == 'https://environ@a/1'
    assert choose(SETTINGS, environ, env_file).environment == 'from-environ'


def test_an_empty_dsn_in_the_environment_switches_off_and_one_in_env_says_nothing(env_file: Path) -> None:
    env_file.write_text('SENTRY_DSN=\nENVIRONMENT=\n')
    assert choose(SETTINGS, {}, env_file).dsn == 'https://settings@a/1'
    assert choose(SETTINGS, {}, env_file).environment == 'from-settings'
    assert choose(SETTINGS, {'SENTRY_DSN': '', 'ENVIRONMENT': ''}, env_file).dsn == ''


def test_the_environment_is_left_alone(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.delenv('EDGEOS_TEST_VARIABLE', raising=False)
    env_file.write_text('EDGEOS_TEST_VARIABLE=1')
    choose(SETTINGS, os.environ, env_file)
    assert 'EDGEOS_TEST_VARIABLE' not in os.environ


@pytest.mark.parametrize(('name', 'usable'), [('my house', 'my-house'), ('a/b', 'a-b'), ('x' * 100, 'x' * 64), ('a\nb', 'a-b')])
def test_the_name_of_the_environment_is_one_that_sentry_takes(name: str, usable: str) -> None:
    assert choose(SETTINGS, {'ENVIRONMENT': name}, None).environment == usable


def test_what_stands_in_env_is_secret_if_its_name_says_so(env_file: Path) -> None:
    env_file.write_text('API_TOKEN=sesame42\nLOG_LEVEL=debugging\nSENTRY_DSN=https://filekey@host.example/1\n')
    reporter = make_reporter(env_file.parent, env_file=env_file)
    assert reporter.scrubber().text('sesame42 debugging filekey https://filekey@host.example/1') == '[secret] debugging [secret] [secret]'


# .env


@pytest.mark.parametrize(('line', 'value'), [
    ('X=a', 'a'), ('  export  X = a b ', 'a b'), ('X=a # comment', 'a'), ('X=a#b', 'a#b'), ('X= # comment', ''), ('X=', ''), ("X='a # b'", 'a # b'), ('X="a # b" # c', 'a # b'),
    (r'X="a\"b\\c\nd"', 'a"b\\c\nd'), (r"X='a\nb'", r'a\nb'), ('X="open', '"open'), ('X=a=b==', 'a=b=='), ('X=${HOME}', '${HOME}'), ('\ufeffX=a', 'a'), ('X=a\r', 'a'), ('X="ä😀"', 'ä😀'),
])  # fmt: skip
def test_lines(env_file: Path, line: str, value: str) -> None:
    env_file.write_bytes(f'{line}\nOTHER=1\n'.encode())
    assert read_env_file(env_file) == {'X': value, 'OTHER': '1'}


@pytest.mark.parametrize('line', ['# X=a', 'X', '=a', '1X=a', 'X Y=a', '', '   ', '\0\0'])
def test_lines_that_are_none(env_file: Path, line: str) -> None:
    env_file.write_text(line)
    assert read_env_file(env_file) == {}


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'binary').write_bytes(bytes(range(256)) * 10_000)
    assert read_env_file(None) == read_env_file(tmp_path / 'absent') == read_env_file(tmp_path / 'folder') == {}
    read_env_file(tmp_path / 'binary')


def test_a_file_that_cannot_be_read_is_a_warning(env_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(Path, 'open', refuse)
    assert not make_reporter(env_file.parent, env_file=env_file).sending.on
    assert f'{env_file} cannot be read: Permission denied' in caplog.text


def test_the_example_names_what_is_read_and_sets_nothing() -> None:
    example = ROOT / '.env.example'
    assert set(read_env_file(example)) == {'SENTRY_DSN', 'ENVIRONMENT'}
    assert choose(SETTINGS, {}, example) == choose(SETTINGS, {}, None)


# DSN


def test_a_dsn_is_taken_apart() -> None:
    assert parse_dsn('https://key@o1.ingest.sentry.io/42') == Dsn('https', 'o1.ingest.sentry.io', 443, '', '42', 'key')
    assert parse_dsn(' http://key:old@[::1]:9000/some/path/42\n') == Dsn('http', '::1', 9000, '/some/path', '42', 'key')
    assert parse_dsn('https://key@host/some/path/42').endpoint == '/some/path/api/42/envelope/'


@pytest.mark.parametrize('dsn', ['x', 'https://', 'https://key@/1', 'https://host/1', 'https://key@host', 'https://key@host/', 'https://key@host/x', 'https://key@host:99999/1',
                                 'file://key@host/1', 'https://key@ho st/1', 'https://k\ney@host/1', 'https://key@host/a b/1', 'https://key@host/٣', '\0', f'https://key@host/{"1" * 5000}'])  # fmt: skip
def test_what_is_no_dsn_is_not_shown(dsn: str) -> None:
    with pytest.raises(BadDsn) as caught:
        parse_dsn(dsn)
    assert 'key' not in str(caught.value).replace('there is no key', '') and 'host' not in str(caught.value)
