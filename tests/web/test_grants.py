"""Sessions and tokens: how long they last, what ends them, what is kept of them."""

import asyncio
import json
import logging
import os
import stat
from pathlib import Path

import pytest

from edgeos.web.access import (
    SecretRefused,
    Sessions,
    Tokens,
    WrongSecret,
    hash_password,
    key_of,
)
from tests.helpers import FakeClock
from tests.web.house import Folder

PASSWORD = 'correct horse'
DAY = 86_400


@pytest.fixture(scope='module')
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def folder(tmp_path: Path, clock: FakeClock, password_hash: str) -> Folder:
    return Folder(tmp_path, clock, password_hash)


async def test_session_survives_a_restart_and_its_id_is_not_in_the_file(folder: Folder) -> None:
    session_id = await folder.access.log_in('10.0.0.1', PASSWORD)
    assert len(session_id) >= 43  # 256 bits
    file = folder.path / 'sessions.json'
    assert session_id not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert folder.restarted().admit(session_id, None) is not None


async def test_session_ends_thirty_days_after_its_last_use(folder: Folder) -> None:
    session_id = await folder.access.log_in('10.0.0.1', PASSWORD)
    for _ in range(3):
        folder.clock.advance(29 * DAY)
        assert folder.access.admit(session_id, None)
    await folder.access.save_if_due()
    assert folder.restarted().admit(session_id, None)
    folder.clock.advance(30 * DAY)
    assert folder.access.admit(session_id, None) is None


async def test_two_hundred_sessions_are_kept_and_the_longest_unused_goes(tmp_path: Path, clock: FakeClock) -> None:
    sessions = Sessions(tmp_path / 'sessions.json', clock)
    ids = []
    for _ in range(200):
        ids.append(await sessions.create('fingerprint'))
        clock.advance(1)
    sessions.use(key_of(ids[0]))
    ids.append(await sessions.create('fingerprint'))
    assert len(sessions) == 200
    assert [sessions.holds(key_of(ids[number])) for number in (0, 1, 2, 200)] == [True, False, True, True]


async def test_new_password_ends_all_sessions_but_the_one_that_set_it(folder: Folder) -> None:
    mine, other = [await folder.access.log_in('10.0.0.1', PASSWORD) for _ in range(2)]
    folder.password_hash = hash_password('another password')
    await folder.access.password_changed(keep=key_of(mine))
    for access in (folder.access, folder.restarted()):
        assert access.admit(mine, None)
        assert access.admit(other, None) is None


async def test_password_changed_while_the_app_was_off_ends_all_sessions(folder: Folder) -> None:
    session_id = await folder.access.log_in('10.0.0.1', PASSWORD)
    folder.password_hash = hash_password('another password')
    assert folder.restarted().admit(session_id, None) is None


async def test_password_changed_during_a_login_lets_the_old_one_not_in(folder: Folder) -> None:
    login = asyncio.create_task(folder.access.log_in('10.0.0.1', PASSWORD))
    await asyncio.sleep(0)
    folder.password_hash = '$argon2id$changed'
    with pytest.raises(WrongSecret):
        await login
    assert len(folder.access.sessions) == 0


async def test_login_works_on_a_full_disk(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr('edgeos.web.grants.write_atomically', _disk_full)
    session_id = await folder.access.log_in('10.0.0.1', PASSWORD)
    assert folder.access.admit(session_id, None)
    assert 'No space' in caplog.text
    with pytest.raises(OSError):
        await folder.access.log_out(session_id)
    assert folder.access.admit(session_id, None) is None


def _disk_full(path: Path, data: bytes, mode: int) -> None:
    raise OSError(28, 'No space left on device')


async def test_token_is_shown_once_and_kept_hashed(folder: Folder) -> None:
    token = await folder.access.tokens.create(' Grafana ')
    assert token.startswith('edge_') and len(token) >= 48
    file = folder.path / 'tokens.json'
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert folder.restarted().admit(None, token)
    assert [info.name for info in folder.access.tokens.list()] == ['Grafana']
    assert folder.access.admit(None, token + 'x') is None
    assert folder.access.admit(token, None) is None  # a token is no session


async def test_revoked_token_opens_nothing_also_after_a_restart(folder: Folder) -> None:
    tokens = folder.access.tokens
    kept, revoked = await tokens.create('kept'), await tokens.create('revoked')
    assert await tokens.revoke(next(info.id for info in tokens.list() if info.name == 'revoked'))
    assert not await tokens.revoke('unknown')
    for access in (folder.access, folder.restarted()):
        assert access.admit(None, kept)
        assert access.admit(None, revoked) is None


async def test_times_of_use_are_written_once_a_minute(folder: Folder) -> None:
    token = await folder.access.tokens.create('meter')
    file = folder.path / 'tokens.json'

    def written() -> float | None:
        (row,) = json.loads(file.read_text())['grants'].values()
        last_used: float | None = row['last_used']
        return last_used

    folder.clock.advance(59)
    folder.access.admit(None, token)
    await folder.access.save_if_due()
    assert written() is None
    folder.clock.advance(1)
    await folder.access.save_if_due()
    assert written() == folder.clock.wall() - 1
    before = file.stat().st_mtime_ns
    folder.clock.advance(120)
    await folder.access.save_if_due()  # nobody used it
    assert file.stat().st_mtime_ns == before
    folder.access.admit(None, token)
    await folder.access.tokens.save_uses()
    assert written() == folder.clock.wall()


async def test_tokens_need_a_fit_and_new_name_and_are_at_most_a_hundred(tmp_path: Path, clock: FakeClock) -> None:
    tokens = Tokens(tmp_path / 'tokens.json', clock, limit=2)
    await tokens.create('One')
    for name in ('', ' ', 'x' * 65, 'a\nb', 'one'):
        with pytest.raises(SecretRefused):
            await tokens.create(name)
    await tokens.create('two')
    with pytest.raises(SecretRefused, match='too many'):
        await tokens.create('three')


async def test_token_that_cannot_be_written_does_not_exist(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('edgeos.web.grants.write_atomically', _disk_full)
    with pytest.raises(OSError):
        await folder.access.tokens.create('meter')
    assert folder.access.tokens.list() == []


@pytest.mark.parametrize(
    'content', ['{', '[]', '{"grants": {"a": {}}}', '{"grants": {"a": 1}}', '\xff', '{"grants": []}']
)
def test_damaged_file_is_set_aside_and_lets_nobody_in(
    tmp_path: Path, clock: FakeClock, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / 'tokens.json'
    file.write_bytes(content.encode('latin-1'))
    assert len(Tokens(file, clock)) == 0
    (aside,) = tmp_path.iterdir()
    assert aside.name.startswith('tokens.json.broken-')
    assert aside.read_bytes() == content.encode('latin-1')
    assert caplog.records[0].levelno == logging.ERROR


async def test_file_that_others_can_read_is_closed_to_them(folder: Folder) -> None:
    await folder.access.tokens.create('meter')
    os.chmod(folder.path / 'tokens.json', 0o644)
    folder.restarted()
    assert stat.S_IMODE((folder.path / 'tokens.json').stat().st_mode) == 0o600
