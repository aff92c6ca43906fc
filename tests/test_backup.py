"""Backups: what is in one, which files are refused, what a restore changes and what it leaves alone."""
import io
import json
import random
import stat
import tomllib
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from edgeos.backup import MAX_ARCHIVE, Backup, BackupError, make_backup, read_backup
from edgeos.connections.kinds import config_models
from edgeos.connections.state import Status
from edgeos.files import write_atomically
from edgeos.restore import plan_restore, restore
from edgeos.settings import SettingsFile
from edgeos.system import System
from tests.helpers import eventually, free_port

HASH = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA'
SETTINGS = f"""\
schema_version = 1
[app]
language = "de"   # the family's

[security]
password_hash = "{HASH}"
allowed_hosts = ["house.lan"]

# In the cellar
[[connections]]
id = "cellar"
type = "mqtt"
name = "Cellar"
[connections.config]
host = "127.0.0.1"
port = PORT1
username = "me"

[[connections]]
id = "roof"
type = "mqtt"
[connections.config]
host = "127.0.0.1"
port = PORT2
"""


def settings_text() -> str:
    return SETTINGS.replace('PORT1', str(free_port())).replace('PORT2', str(free_port()))


def make_system(folder: Path, text: str) -> System:
    folder.mkdir(exist_ok=True)
    path = folder / 'settings.toml'
    path.write_text(text)
    return System(SettingsFile.load(path, config_models(), create=False), folder / 'data')


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    system = make_system(tmp_path / 'house', settings_text())
    system.secrets.set('cellar', 'password', 's3cret')
    system.secrets.set('a-plugin', 'key', 'not ours')
    await system.start()
    yield system
    await system.stop()


def contents(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def pack(parts: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w', method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()


def manifest(**changes: Any) -> str:
    return json.dumps({'schema_version': 1, 'version': '0.1.0', 'created': '2026-01-02T03:04:05+00:00', **changes})


def backup_of(text: str, secrets: dict[str, dict[str, str]] | None = None) -> Backup:
    return Backup('2026-01-02T03:04:05+00:00', '0.1.0', text, secrets)


def text_of(system: System) -> str:
    return system.settings_file.path.read_text()


# making one


async def test_backup_has_settings_with_comments_but_neither_login_nor_secrets(system: System) -> None:
    found = contents(make_backup(system))
    assert sorted(found) == ['manifest.json', 'settings.toml']
    assert '# In the cellar' in found['settings.toml'] and "# the family's" in found['settings.toml']
    assert tomllib.loads(found['settings.toml'])['security'] == {'allowed_hosts': ['house.lan']}
    assert 'argon2' not in str(found) and 's3cret' not in str(found)
    assert json.loads(found['manifest.json'])['schema_version'] == 1


async def test_backup_with_passwords_has_those_of_connections_only(system: System) -> None:
    found = contents(make_backup(system, with_secrets=True))
    assert tomllib.loads(found['secrets.toml']) == {'cellar': {'password': 's3cret'}}
    assert 'argon2' not in str(found)


async def test_secret_taken_from_the_environment_does_not_leave_it(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('CELLAR', 'from the environment')
    system.secrets.set('cellar', 'password', 'env:CELLAR')
    found = contents(make_backup(system, with_secrets=True))
    assert 'env:CELLAR' in found['secrets.toml'] and 'from the environment' not in str(found)


async def test_backup_restored_on_the_same_house_changes_nothing(system: System) -> None:
    before = text_of(system)
    backup = read_backup(make_backup(system, with_secrets=True))
    assert plan_restore(system, backup).is_empty
    await restore(system, backup)
    assert tomllib.loads(text_of(system)) == tomllib.loads(before)
    assert '# In the cellar' in text_of(system)


# reading one


def endless(size: int) -> bytes:
    return b'#' + b' ' * size


@pytest.mark.parametrize(('data', 'says'), [
    (b'', 'no backup'),
    (b'PK\x03\x04 broken', 'no backup'),
    (b'x' * (MAX_ARCHIVE + 1), 'larger'),
    (pack({'settings.toml': ''}), 'manifest.json is missing'),
    (pack({'manifest.json': manifest()}), 'settings.toml is missing'),
    (pack({'manifest.json': '[]', 'settings.toml': ''}), 'manifest.json cannot be read'),
    (pack({'manifest.json': '[' * 100_000, 'settings.toml': ''}, zipfile.ZIP_STORED), 'manifest.json cannot be read'),
    (pack({'manifest.json': manifest(schema_version=2, version='9.9'), 'settings.toml': ''}), '9.9'),
    (pack({'manifest.json': manifest(), 'settings.toml': b'\xff\xfe'}), 'settings.toml cannot be read'),
    (pack({'manifest.json': manifest(), 'settings.toml': '', '../../etc/passwd': 'x'}), 'etc/passwd'),
    (pack({'manifest.json': manifest(), 'settings.toml': '', 'data/tokens.json': '{}'}), 'tokens.json'),
    (pack({'manifest.json': manifest(), 'settings.toml': endless(900_000)}), 'larger than it can be'),
    (pack({'manifest.json': manifest(), 'settings.toml': endless(3_000_000)}), 'larger than it can be'),
    (pack({'manifest.json': manifest(), 'settings.toml': ''}, zipfile.ZIP_LZMA), 'packed in another way'),
    (pack({'manifest.json': manifest(), 'settings.toml': '', 'secrets.toml': 'a = 1'}), 'secrets.toml cannot be read'),
    (pack({'manifest.json': manifest(), 'settings.toml': '', 'secrets.toml': '[a]\nb = 1'}), 'secrets.toml'),
])  # fmt: skip
def test_hostile_or_broken_file_is_refused_with_a_reason(data: bytes, says: str) -> None:
    with pytest.raises(BackupError, match=says.replace('.', r'\.')):
        read_backup(data)


@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_file_that_is_in_the_archive_twice_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w') as archive:
        archive.writestr('manifest.json', manifest())
        archive.writestr('settings.toml', '')
        archive.writestr('settings.toml', 'schema_version = 1')
    with pytest.raises(BackupError):
        read_backup(packed.getvalue())


def test_archive_that_lies_about_sizes_is_not_unpacked_beyond_the_limit() -> None:
    data = bytearray(pack({'manifest.json': manifest(), 'settings.toml': endless(3_000_000)}))
    size = (3_000_001).to_bytes(4, 'little')
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (10).to_bytes(4, 'little')
    with pytest.raises(BackupError):
        read_backup(bytes(data))


def test_no_damage_to_a_backup_is_more_than_a_refusal() -> None:
    """Whatever happens to its bytes: it is read, or refused as a BackupError."""
    good = pack({'manifest.json': manifest(), 'settings.toml': SETTINGS, 'secrets.toml': '[cellar]\npassword = "x"'})
    chance = random.Random(1)
    for _round in range(3000):
        data = bytearray(good)
        for _flip in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read_backup(bytes(data[: chance.choice((len(data), chance.randrange(len(data))))]))
        except BackupError:
            pass


# restoring one


@pytest.mark.parametrize(('change', 'says'), [
    (lambda text: text + 'colour = "red"\n', 'colour'),
    (lambda text: text.replace('type = "mqtt"', 'type = "mqttt"'), 'mqttt'),
    (lambda text: text.replace('id = "roof"', 'id = "cellar"'), 'expected another id'),
    (lambda text: text + '[[[', 'line 25'),
    (lambda text: 'schema_version = 7\n', 'schema_version'),
    (lambda text: 'security = "none"\n', 'security'),
])  # fmt: skip
async def test_invalid_settings_are_refused_as_a_whole(
    system: System, change: Callable[[str], str], says: str
) -> None:
    before = text_of(system)
    with pytest.raises(BackupError, match=says):
        await restore(system, backup_of(change(before)))
    assert text_of(system) == before
    assert list(system.connections.connections) == ['cellar', 'roof']
    assert [path.name for path in system.settings_file.path.parent.iterdir() if 'before' in path.name] == []


async def test_plan_names_what_is_added_removed_and_changed(system: System) -> None:
    text = text_of(system).replace('id = "roof"', 'id = "garden"').replace('"Cellar"', '"Basement"')
    plan = plan_restore(system, backup_of(text.replace('"de"', '"en"')))
    assert [each.id for each in plan.added] == ['garden']
    assert [each.id for each in plan.removed] == ['roof']
    assert [(each.old.id, each.keys) for each in plan.changed] == [('cellar', ('name',))]
    assert plan.others == ['app.language'] and not plan.needs_restart
    assert not plan.is_empty


async def test_restore_touches_only_the_connections_that_differ(system: System) -> None:
    text = text_of(system).replace('id = "roof"', 'id = "garden"')
    text += '[[connections]]\nid = "shed"\ntype = "mqtt"\nenabled = false\n[connections.config]\nhost = "127.0.0.1"\n'
    cellar, roof = system.connections.get('cellar'), system.connections.get('roof')
    task, heard = cellar._task, []
    system.connections.on_change(lambda: heard.append(list(system.connections.connections)))
    await restore(system, backup_of(text))
    assert system.connections.get('cellar') is cellar and cellar._task is task
    assert roof.status is Status.DISCONNECTED and 'roof' not in system.gateway.sources
    await eventually(lambda: system.connections.get('garden').last_error)
    assert system.connections.get('shed').status is Status.DISCONNECTED
    assert heard == [['cellar', 'garden', 'shed']]


async def test_restore_keeps_the_old_files_beside_the_new_ones(system: System) -> None:
    before = text_of(system)
    await restore(system, backup_of(before.replace('id = "cellar"', 'id = "other"')))
    [kept] = system.settings_file.path.parent.glob('settings.toml.before-restore-*')
    assert kept.read_text() == before
    [secrets] = system.paths.data.glob('secrets.toml.before-restore-*')
    assert 's3cret' in secrets.read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (kept, secrets)} == {0o600}


async def test_restore_leaves_the_login_of_this_house_alone(system: System) -> None:
    other = HASH.replace('c2FsdHNhbHQ', 'b3RoZXJvdGhlcg')
    for text in (text_of(system).replace(HASH, other), text_of(system).replace(f'password_hash = "{HASH}"', '')):
        await restore(system, backup_of(text + f'\n[limits]\nmemory_mb = {200 + len(text) % 50}\n'))
        assert system.settings_file.settings.security.password_hash == HASH


async def test_restore_that_would_open_the_pages_without_a_password_is_refused(tmp_path: Path) -> None:
    system = make_system(tmp_path / 'new', 'schema_version = 1\n')
    with pytest.raises(BackupError, match='password'):
        plan_restore(system, backup_of(f'[app]\nhost = "0.0.0.0"\n[security]\npassword_hash = "{HASH}"\n'))


async def test_stored_password_is_not_sent_to_where_a_backup_points(system: System) -> None:
    text = text_of(system)
    at = text.index('host = "127.0.0.1"')
    moved = backup_of(f'{text[:at]}host = "127.0.0.2"{text[at + 18:]}')
    [change] = plan_restore(system, moved).changed
    assert change.loses_secret and change.keys == ('config.host',)
    await restore(system, moved)
    assert not system.secrets.is_set('cellar', 'password')


async def test_default_that_is_written_out_does_not_count_as_another_address(tmp_path: Path) -> None:
    text = '[[connections]]\nid = "a"\ntype = "mqtt"\nenabled = false\n[connections.config]\nhost = "127.0.0.1"\n'
    system = make_system(tmp_path / 'house', text)
    system.secrets.set('a', 'password', 'x')
    [change] = plan_restore(system, backup_of(text + 'port = 1883\n')).changed
    assert not change.loses_secret


async def test_restore_brings_passwords_to_connections_it_has_and_restarts_them(system: System) -> None:
    cellar = system.connections.get('cellar')
    task = cellar._task
    secrets = {'cellar': {'password': 'new', 'unknown': 'x'}, 'nobody': {'password': 'x'}}
    plan = await restore(system, backup_of(text_of(system), secrets))
    assert plan.secrets == {'cellar': {'password': 'new'}}
    assert system.secrets.get('cellar', 'password') == 'new'
    assert not system.secrets.is_set('nobody', 'password') and not system.secrets.is_set('cellar', 'unknown')
    assert system.secrets.is_set('a-plugin', 'key')
    assert cellar._task is not task and cellar._task is not None


async def test_failure_in_the_middle_puts_the_old_settings_back(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = text_of(system)

    def no_space(path: Path, data: bytes, mode: int = 0o644) -> None:
        if path.name == 'secrets.toml':
            raise OSError(28, 'No space left on device')
        write_atomically(path, data, mode)

    monkeypatch.setattr('edgeos.secrets.write_atomically', no_space)
    text = before.replace('"Cellar"', '"Basement"')
    with pytest.raises(Exception, match='No space'):
        await restore(system, backup_of(text, {'cellar': {'password': 'new'}}))
    assert text_of(system) == before
    assert system.settings_file.settings.connections[0].name == 'Cellar'
    assert system.connections.get('cellar').name == 'Cellar'
