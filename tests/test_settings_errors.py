"""What people type wrong in settings.toml: always one line with file, key and expectation."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from edgeos.settings import Settings, SettingsError, SettingsFile
from tests.test_settings import CONFIGS

CONNECTION = '[[connections]]\nid = "home"\ntype = "mqtt"\n'
ROUTE = '[[routes]]\nid = "r"\nfrom = "a/b"\nto = "c/d"\n'


def error(tmp_path: Path, text: str | bytes) -> str:
    """The error without the name of the file, after checking that it begins with it and is one line."""
    path = tmp_path / 'settings.toml'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as caught:
        SettingsFile.load(path, CONFIGS, create=True)
    message = str(caught.value)
    assert message.splitlines() == [message]
    assert message.isprintable()
    assert message.startswith(f'{path}: ')
    assert 'expected' in message
    assert path.read_bytes() == (text if isinstance(text, bytes) else text.encode())
    return message.removeprefix(f'{path}: ')


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('[app]\nport = "8080"', "app.port: expected a whole number, got '8080'"),
        ('[app]\nport = true', 'app.port: expected a whole number, got true'),
        ('[app]\nport = 8080.0', 'app.port: expected a whole number, got 8080.0'),
        ('[app]\nport = 70000', 'app.port: expected at most 65535, got 70000'),
        ('[app]\nport = -1', 'app.port: expected at least 0, got -1'),
        ('[app]\nport = []', 'app.port: expected a whole number, got a list'),
        ('app = 1', 'app: expected a table, got 1'),
        ('[[app]]', 'app: expected a table, got a list'),
        ('[app]\ntheme = "pink"', "app.theme: expected 'auto', 'light' or 'dark', got 'pink'"),
        ('[app]\nlanguage = "fr"', "app.language: expected 'auto', 'en' or 'de', got 'fr'"),
        ('[app]\nhost = 1', 'app.host: expected text in quotes, got 1'),
        ('[app]\nprot = 1', 'app.prot: expected one of host, port, language, theme, got an unknown key'),
        ('[limits]\ncpu_percent = 0', 'limits.cpu_percent: expected at least 1.0, got 0'),
        ('[limits]\ncpu_percent = nan', 'limits.cpu_percent: expected a finite number, got nan'),
        ('[limits]\ncheck_interval = "1"', "limits.check_interval: expected a number, got '1'"),
        ('[sentry]\ntraces_sample_rate = 2', 'sentry.traces_sample_rate: expected at most 1.0, got 2'),
        ('[gateway]\nmax_rate_per_source = 0', 'gateway.max_rate_per_source: expected at least 1, got 0'),
        ('schema_version = 2', 'schema_version: expected 1, got 2'),
        ('connections = 3', 'connections: expected a list, got 3'),
        ('connections = [3]', 'connections[0]: expected a table, got 3'),
        ('[[connections]]\ntype = "mqtt"', 'connections[0].id: expected a value, got nothing'),
        (CONNECTION, 'connections[0].config.host (connection "home"): expected a value, got nothing'),
        (
            CONNECTION + 'config = {host = "h", port = true}',
            'connections[0].config.port (connection "home"): expected a whole number, got true',
        ),
        (
            CONNECTION + 'config = {host = "h", topics = ["a", 1]}',
            'connections[0].config.topics[1] (connection "home"): expected text in quotes, got 1',
        ),
        (
            CONNECTION + 'config = {host = "h", colour = 1}',
            'connections[0].config.colour (connection "home"): '
            'expected one of host, port, topics, note, got an unknown key',
        ),
        (
            CONNECTION + 'enabled = 1\nconfig = {host = "h"}',
            'connections[0].enabled (connection "home"): expected true or false, got 1',
        ),
        (
            CONNECTION.replace('mqtt', 'fax'),
            'connections[0].type (connection "home"): expected one of "mqtt", got \'fax\'',
        ),
        (
            (CONNECTION + 'config = {host = "h"}\n') * 2,
            'connections[1].id (connection "home"): expected another id than connections[0], got \'home\'',
        ),
        (ROUTE * 2, 'routes[1].id (route "r"): expected another id than routes[0], got \'r\''),
        (ROUTE.replace('from', 'from_'), 'routes[0].from (route "r"): expected a value, got nothing (and 1 more)'),
        (
            ROUTE.replace('c/d', '/d'),
            'routes[0].to (route "r"): expected "<connection or plugin id>/<point name>", got \'/d\'',
        ),
        (ROUTE + 'min_change = -1', 'routes[0].min_change (route "r"): expected at least 0.0, got -1'),
    ],
)
def test_a_wrong_value_is_named_with_its_key(tmp_path: Path, text: str, expected: str) -> None:
    assert error(tmp_path, text) == expected


@pytest.mark.parametrize('name', ['Home', '1a', '', 'a b', 'a' * 64, 'ä', 'a\\n', '../a'])
def test_a_bad_id_is_refused(tmp_path: Path, name: str) -> None:
    text = error(tmp_path, f'[[connections]]\nid = "{name}"\ntype = "mqtt"\n')
    assert text.startswith('connections[0].id')
    assert 'expected text like ^[a-z][a-z0-9_-]{0,62}$' in text


def _keys() -> list[tuple[str, str]]:
    return [(table, key) for table, plain in Settings() if isinstance(plain, BaseModel) for key, value in plain
            if not isinstance(value, dict)]  # fmt: skip


@pytest.mark.parametrize(('table', 'key'), _keys())
@pytest.mark.parametrize('value', ['{}', '1979-05-27', '[[1]]'])
def test_every_key_refuses_a_wrong_type(tmp_path: Path, table: str, key: str, value: str) -> None:
    assert error(tmp_path, f'[{table}]\n{key} = {value}').startswith(f'{table}.{key}')


@pytest.mark.parametrize(
    'where', ['', '[app]\n', '[security]\n', '[limits]\n', '[sentry]\n', '[gateway]\n', CONNECTION, ROUTE]
)
def test_an_unknown_key_is_refused_at_every_level(tmp_path: Path, where: str) -> None:
    text = error(tmp_path, where + 'zzz = "value"')
    assert 'zzz' in text
    assert 'expected one of ' in text
    assert text.endswith('got an unknown key')


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('[app\nport = 1', "line 1, column 5: expected ']' at the end of a table declaration"),
        ('[app]\nport 1', "line 2, column 6: expected '=' after a key in a key/value pair"),
        ('[app]\nport = ', 'line 2, column 8: expected TOML, got: invalid value'),
        ('[app]\nport = 1\nport = 2\n', 'line 3, column 9: expected TOML, got: cannot overwrite a value'),
        ('a = 1\x00', 'line 1, column 6: expected newline or end of document after a statement'),
        ('# \x00', r"line 1, column 3: expected TOML, got: found invalid character '\x00'"),
        (b'[app]\n# \xe4\n', 'line 2, column 3: expected UTF-8 text, got the byte 0xe4'),
        (b'\xff\xfea\x00', 'line 1, column 1: expected UTF-8 text, got the byte 0xff'),
        ('#' * (1024 * 1024 + 1), 'expected at most 1 MiB, got more'),
        ('a = ' + '[' * 20_000, 'expected less than some hundred levels of nested lists'),
    ],
)
def test_a_file_that_is_no_toml_is_named_with_the_place(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert error(tmp_path, text).startswith(expected)


def test_a_number_of_too_many_digits_is_one_line(tmp_path: Path) -> None:
    assert 'expected' in error(tmp_path, '[app]\nport = ' + '9' * 5000)
    assert error(tmp_path, '[app]\nport = ' + '9' * 4000).endswith('got a huge number')


def test_hostile_keys_and_values_stay_on_one_short_line(tmp_path: Path) -> None:
    for text in (
        '"a\\nb\\u001b[31m" = 1',
        '[app]\ntheme = "x\\ny\\u2028\\u001b[31m"',
        f'[app]\ntheme = "{"x" * 100_000}"',
        '[[connections]]\nid = "a\\nb"\ntype = "mqtt"',
    ):
        assert len(error(tmp_path, text)) < 200


def test_an_odd_file_name_stays_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        SettingsFile.load(tmp_path / 'a\n\x1b[31m', CONFIGS, create=False)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    'text',
    [
        CONNECTION + 'config = {host = "h", password = "hunter2"}',
        '[security]\npassword_hash = "hunter2"',
        '[security]\npin_hash = ["hunter2"]',
        '[security]\npassword = "hunter2"',
        '[sentry]\ndsn = ["hunter2"]',
    ],
)
def test_an_error_shows_no_secret(tmp_path: Path, text: str) -> None:
    assert 'hunter2' not in error(tmp_path, text)


def test_a_password_in_a_config_is_told_where_it_belongs(tmp_path: Path) -> None:
    text = error(tmp_path, CONNECTION + 'config = {host = "h", password = "hunter2"}')
    assert text == (
        'connections[0].config.password (connection "home"): expected no such key here '
        '(secrets are entered on the page or kept in secrets.toml), got an unknown key'
    )
