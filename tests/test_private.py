"""What must not be seen outside, also what was corrected or deleted meanwhile."""
from pathlib import Path

import pytest

from edgeos.connections.kinds import config_models
from edgeos.private import MOST_REMEMBERED, Private
from edgeos.secrets import SecretStore
from edgeos.settings import SettingsFile


@pytest.fixture
def made(tmp_path: Path):
    (tmp_path / 'settings.toml').write_text(
        '[[connections]]\nid = "a"\ntype = "mqtt"\n[connections.config]\nhost = "cellar.example.org"\nusername = "mueller"\n'
        'password = "env:CELLAR_PASSWORD"\n')  # fmt: skip
    file = SettingsFile.load(tmp_path / 'settings.toml', config_models(), create=False)
    store = SecretStore(tmp_path / 'secrets.toml')
    return lambda: Private(file, store, tmp_path / 'private.json')


def test_settings_secrets_and_the_environment_are_known(made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('CELLAR_PASSWORD', 'from-outside')
    private = made()
    private._store.set('a', 'key', 'in-the-store')
    assert {'from-outside', 'in-the-store'} <= set(private.secrets())
    assert 'cellar.example.org' in private.hosts() and 'mueller' in private.users()


def test_what_was_entered_once_is_known_also_after_a_restart(made, tmp_path: Path) -> None:
    private = made()
    private.note({'host': 'typo.example.org', 'username': 'meier', 'port': 1}, ['old-password'])
    assert 'old-password' in private.secrets() and 'typo.example.org' in private.hosts()
    assert (tmp_path / 'private.json').stat().st_mode & 0o077 == 0
    assert 'old-password' not in (tmp_path / 'private.json').read_text()
    again = made()
    assert 'typo.example.org' in again.hosts() and 'meier' in again.users() and 'old-password' not in again.secrets()


def test_a_secret_that_was_replaced_is_hidden_until_the_end_of_the_program(made) -> None:
    private = made()
    private._store.set('a', 'key', 'first-key')
    assert 'first-key' in private.secrets()
    private._store.set('a', 'key', 'second-key')
    assert {'first-key', 'second-key'} <= set(private.secrets())


def test_it_does_not_grow_for_ever_and_survives_a_damaged_file(made, tmp_path: Path) -> None:
    (tmp_path / 'private.json').write_text('{"hosts": 1')
    private = made()
    for number in range(2 * MOST_REMEMBERED):
        private.note({'host': f'h{number}.example.org'})
    hosts = set(private.hosts())
    assert len(hosts) <= MOST_REMEMBERED + 10 and f'h{2 * MOST_REMEMBERED - 1}.example.org' in hosts
    assert {'cellar.example.org', 'h999.example.org'} <= set(made().hosts())


def test_a_folder_that_cannot_be_written_costs_only_the_memory(made, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    private = made()
    (tmp_path / 'private.json').mkdir()
    assert 'cellar.example.org' in private.hosts()
    assert list(private.hosts()) and caplog.text.count('is not remembered') == 1
