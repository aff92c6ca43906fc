"""Settings of an older version: upgraded in place with their comments, and the old file stays beside the new."""

import tomllib
from pathlib import Path
from typing import Any, Literal

import pytest

from edgeos import settings, settings_upgrade
from edgeos.settings import Settings, SettingsError, SettingsFile
from edgeos.settings_models import DEFAULT_TEXT
from edgeos.settings_upgrade import FIRST, STEPS, upgraded

OLD = '# mine\n[app]\nlanguage = "deutsch"  # as spoken here\nport = 8081\n'


class NextSettings(Settings):
    schema_version: Literal[3] = 3  # type: ignore[assignment]


def say_de(data: dict[str, Any]) -> None:
    if data.get('app', {}).get('language') == 'deutsch':
        data['app']['language'] = 'de'


def nothing(data: dict[str, Any]) -> None:
    pass


@pytest.fixture
def next_version(monkeypatch):
    monkeypatch.setattr(settings_upgrade, 'STEPS', (say_de, nothing))
    monkeypatch.setattr(settings, 'Settings', NextSettings)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / 'settings.toml'
    path.write_text(OLD)
    path.chmod(0o600)
    return path


def load(path: Path, **how: bool) -> SettingsFile:
    return SettingsFile.load(path, {}, create=False, **how)


def test_an_older_file_is_upgraded_and_a_copy_of_it_kept(next_version, path):
    loaded = load(path)
    assert loaded.settings.app.language == 'de'
    assert '# mine' in path.read_text() and 'language = "de"  # as spoken here' in path.read_text()
    assert tomllib.loads(path.read_text())['schema_version'] == 3
    copy = path.with_name('settings.toml.version-1')
    assert copy.read_text() == OLD
    assert copy.stat().st_mode & 0o777 == 0o600, 'the copy has the hash of the password in it, too'


def test_the_second_start_finds_nothing_to_do(next_version, path):
    load(path)
    path.with_name('settings.toml.version-1').unlink()
    before = path.read_text()
    load(path)
    assert path.read_text() == before and [found.name for found in path.parent.iterdir()] == ['settings.toml']


def test_a_check_changes_nothing(next_version, path):
    assert load(path, read_only=True).settings.app.language == 'de'
    assert path.read_text() == OLD and [found.name for found in path.parent.iterdir()] == ['settings.toml']


def test_what_is_wrong_is_said_and_stays_as_it_was(next_version, path):
    path.write_text(OLD + 'colour = 3\n')
    with pytest.raises(SettingsError, match='colour'):
        load(path)
    assert path.read_text() == OLD + 'colour = 3\n' and len(list(path.parent.iterdir())) == 1


def test_a_file_of_a_later_version_is_refused(path):
    path.write_text('schema_version = 9\n')
    with pytest.raises(SettingsError, match='schema_version: expected 1, got 9'):
        load(path)


@pytest.mark.parametrize('version', ['"1"', 'true', '0', '-5', '[]'])
def test_a_version_that_is_none_is_left_to_the_validation(version, tmp_path):
    text = f'schema_version = {version}\n'
    assert upgraded(tmp_path / 'settings.toml', text, [nothing]) == text


def test_a_new_file_is_of_the_version_that_the_steps_lead_to():
    newest = FIRST + len(STEPS)
    assert Settings().schema_version == tomllib.loads(DEFAULT_TEXT)['schema_version'] == newest
