"""The secret store: who may read it, environment references, hand edits, and that no value leaks."""

import logging
import os
from pathlib import Path

import pytest

from edgeos.secrets import MASK, MissingSecret, SecretStore
from edgeos.settings import SettingsError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'data' / 'secrets.toml'


@pytest.fixture
def store(path: Path) -> SecretStore:
    store = SecretStore(path, {'BROKER': 'from outside'})
    store.set('home', 'password', 'hunter2')
    return store


def test_a_secret_survives_a_restart(store: SecretStore, path: Path) -> None:
    assert store.get('home', 'password') == 'hunter2'
    assert SecretStore(path).get('home', 'password') == 'hunter2'


def test_nothing_is_made_before_there_is_a_secret(path: Path) -> None:
    store = SecretStore(path)
    assert store.get('home', 'password') is None
    assert not store.is_set('home', 'password')
    store.forget('home')
    assert not path.parent.exists()


def test_only_the_owner_may_read_the_file_from_the_start(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    SecretStore(path).set('home', 'password', 'hunter2')
    assert path.stat().st_mode & 0o777 == 0o600
    assert caplog.records == []  # it did not have to be tightened


@pytest.mark.parametrize('umask', [0o000, 0o077])
def test_the_mode_does_not_depend_on_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        SecretStore(path).set('a', 'b', 'c')
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize('mode', [0o644, 0o640, 0o604, 0o660])
def test_a_file_others_can_read_is_tightened_with_a_warning(
    store: SecretStore, path: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    path.chmod(mode)
    with caplog.at_level(logging.WARNING, 'edgeos.secrets'):
        assert SecretStore(path).get('home', 'password') == 'hunter2'
    assert path.stat().st_mode & 0o777 == 0o600
    assert [record.levelname for record in caplog.records] == ['WARNING']
    assert 'hunter2' not in caplog.text


def test_a_reference_is_taken_from_the_environment(store: SecretStore) -> None:
    store.set('home', 'password', 'env:BROKER')
    assert store.get('home', 'password') == 'from outside'
    assert store.is_set('home', 'password')


def test_a_missing_variable_is_named(store: SecretStore) -> None:
    store.set('home', 'password', 'env:NOT_THERE')
    with pytest.raises(MissingSecret, match="'NOT_THERE' is not set; the password of home"):
        store.get('home', 'password')
    assert store.is_set('home', 'password')


def test_writing_the_mask_back_keeps_the_secret(store: SecretStore) -> None:
    store.set('home', 'password', MASK)
    store.set('other', 'password', MASK)
    assert store.get('home', 'password') == 'hunter2'
    assert not store.is_set('other', 'password')


def test_an_empty_value_removes_the_secret(store: SecretStore) -> None:
    store.set('home', 'key', 'k')
    store.set('home', 'password', '')
    assert not store.is_set('home', 'password')
    assert store.get('home', 'key') == 'k'


def test_forgetting_an_owner_leaves_the_others(store: SecretStore, path: Path) -> None:
    store.set('other', 'password', 'x')
    store.forget('home')
    assert store.get('home', 'password') is None
    assert SecretStore(path).get('other', 'password') == 'x'
    assert 'hunter2' not in path.read_text()


@pytest.mark.parametrize('value', ['a"b\'c', 'two\nlines', 'ü€😀', '\\', '\x00', ' env:BROKER'])
def test_any_text_comes_back_as_it_was(store: SecretStore, path: Path, value: str) -> None:
    store.set('we.ird "owner"', 'na me', value)
    assert SecretStore(path).get('we.ird "owner"', 'na me') == value


def test_text_that_cannot_be_written_is_refused(store: SecretStore) -> None:
    with pytest.raises(SettingsError, match='nothing was changed'):
        store.set('home', 'password', '\ud800')
    assert store.get('home', 'password') == 'hunter2'


def test_hand_edits_apply_at_once_and_keep_their_comments(store: SecretStore, path: Path) -> None:
    path.write_text('# mine\n[home]\npassword = "by hand"  # since May\n')
    assert store.get('home', 'password') == 'by hand'
    store.set('home', 'key', 'k')
    assert path.read_text() == '# mine\n[home]\npassword = "by hand"  # since May\nkey = "k"\n'


def test_a_hand_edit_that_does_not_parse_is_not_overwritten(
    store: SecretStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text('[home\npassword = "hunter3"\n')
    assert store.get('home', 'password') == 'hunter2'
    assert store.get('home', 'password') == 'hunter2'
    assert len(caplog.records) == 1
    with pytest.raises(SettingsError, match='line 1, column 6'):
        store.set('home', 'password', 'x')
    assert path.read_text() == '[home\npassword = "hunter3"\n'
    assert 'hunter3' not in caplog.text


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('[home', 'line 1, column 6: expected'),
        ('home = "hunter2"', 'home: expected a table'),
        ('[home]\npassword = 1234567', 'home.password: expected text in quotes'),
        ('[home]\npassword = ["hunter2"]', 'home.password: expected text in quotes'),
    ],
)
def test_a_broken_file_is_an_error_that_shows_no_value(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / 'secrets.toml'
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=expected) as caught:
        SecretStore(path)
    assert str(caught.value).startswith(f'{path}: ')
    assert 'hunter2' not in str(caught.value)
    assert '1234567' not in str(caught.value)
    assert path.read_text() == text


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match='expected a file, got a folder'):
        SecretStore(tmp_path)


def test_a_folder_is_not_tightened(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(SettingsError):
        SecretStore(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_the_store_shows_no_secret_when_printed(store: SecretStore) -> None:
    assert 'hunter2' not in f'{store!r} {store}'
