"""The network must not reach an app that asks for no password."""

from pathlib import Path

import pytest

from edgeos.settings import Settings, SettingsError, SettingsFile, check_exposure, is_loopback
from tests.test_settings import CONFIGS, TEXT, load


@pytest.mark.parametrize('host', ['127.0.0.1', '127.9.9.9', '::1', 'localhost', 'LocalHost'])
def test_loopback_needs_no_password(host: str) -> None:
    assert is_loopback(host)
    check_exposure(Settings(), host)


@pytest.mark.parametrize(
    'host', ['0.0.0.0', '::', '192.168.1.2', '', 'localhost.example', '128.0.0.1', '127.1', '::ffff:127.0.0.1']
)
def test_anything_else_needs_a_password(host: str) -> None:
    with pytest.raises(SettingsError, match=r'app\.host: expected a loopback address, or a password .*--set-password'):
        check_exposure(Settings(), host)
    check_exposure(Settings.model_validate({'security': {'password_hash': '$argon2id$x'}}), host)


def test_an_exposed_file_is_refused_unless_the_caller_checks(tmp_path: Path) -> None:
    path = tmp_path / 'settings.toml'
    path.write_text('[app]\nhost = "0.0.0.0"\n')
    with pytest.raises(SettingsError, match=r'app\.host: expected a loopback address'):
        load(path)
    file = SettingsFile.load(path, CONFIGS, create=False, allow_exposed=True)
    file.set_value('security.password_hash', '$argon2id$x')
    assert load(path).settings.app.host == '0.0.0.0'
    with pytest.raises(SettingsError, match=r'app\.host'):
        file.set_value('security.password_hash', '')


def test_a_change_cannot_expose_the_app(tmp_path: Path) -> None:
    path = tmp_path / 'settings.toml'
    path.write_text(TEXT)
    file = load(path)
    with pytest.raises(SettingsError, match=r'app\.host'):
        file.set_value('app.host', '0.0.0.0')
    assert path.read_text() == TEXT
