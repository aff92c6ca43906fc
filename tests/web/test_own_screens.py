"""Screens of this device's own: let in by a key that is good once, and known afterwards."""
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeos import screens
from edgeos.screens import ScreenKeys, entry, load_secret
from edgeos.web.own_screens import add_door
from tests.web.house import House
from tests.web.serving import serve

SECRET = b'x' * 32


def key_in(address: str) -> str:
    return address.partition('key=')[2].partition('&')[0]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    add_door(house.app, house.access, tmp_path)
    with serve(house.app) as house.port:
        yield house


def test_a_screen_comes_in_without_the_password_and_stays(house: House, tmp_path: Path) -> None:
    with house.client() as panel:
        way_in = entry('', load_secret(tmp_path), 'panel', '/?start=1')
        answer = panel.get(way_in)
        assert (answer.status_code, answer.headers['location']) == (303, '/?start=1')
        assert panel.get('/api/points').status_code == 200
        assert panel.cookies['edgeos_screen'] == 'panel'
        session = panel.cookies['edgeos_session']
        assert panel.get(entry('', load_secret(tmp_path), 'panel')).status_code == 303
        assert panel.cookies['edgeos_session'] == session, 'a browser that is in already needs no second session'
    with house.client() as thief:
        assert thief.get(way_in).status_code == 303
        assert thief.get('/api/points').status_code == 401


def test_only_paths_of_this_server_are_opened(house: House, tmp_path: Path) -> None:
    with house.client() as panel:
        assert panel.get(entry('', load_secret(tmp_path), 'panel', '//evil.example')).headers['location'] == '/'


@pytest.mark.parametrize('key', ['', 'panel', 'panel.1.x', 'ü.1.x.y', '...', 'panel.nan.x.' + 'a' * 64])
def test_what_is_no_key_leads_to_the_ordinary_way_in(house: House, key: str) -> None:
    with house.client() as client:
        assert client.get('/screen', params={'key': key}).headers['location'] == '/'
        assert not client.cookies


def test_a_key_is_good_once_and_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ScreenKeys()
    fresh, late = key_in(entry('', SECRET, 'window')), key_in(entry('', SECRET, 'window'))
    assert keys.take(fresh, SECRET) == 'window'
    assert keys.take(fresh, SECRET) == ''
    assert keys.take(key_in(entry('', b'y' * 32, 'window')), SECRET) == ''
    assert keys.take(late.replace('window', 'panel'), SECRET) == ''
    now = time.monotonic()
    monkeypatch.setattr(screens.time, 'monotonic', lambda: now + 61)
    assert keys.take(late, SECRET) == ''


def test_a_key_from_before_the_door_is_not_good_for_it_may_have_been_used(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(screens.time, 'monotonic', lambda: now)
    key = key_in(entry('', SECRET, 'window'))
    assert ScreenKeys().take(key, SECRET) == 'window', 'of the same moment'
    now += 0.01
    assert ScreenKeys().take(key, SECRET) == ''


@pytest.mark.parametrize('damaged', [b'', b'x' * 31])
def test_a_secret_that_was_cut_short_is_made_anew(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / 'screens.key').write_bytes(damaged)
    secret = load_secret(tmp_path)
    assert len(secret) == 32
    assert load_secret(tmp_path) == secret


def test_two_that_make_the_secret_at_the_same_moment_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, others = os.link, []

    def come_second(draft: Path, path: Path) -> None:
        if not others:
            others.append(b'')
            others[0] = load_secret(tmp_path)
        link(draft, path)

    monkeypatch.setattr(os, 'link', come_second)
    assert load_secret(tmp_path) == others[0]
    assert [path.name for path in tmp_path.iterdir()] == ['screens.key']


def test_the_secret_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    assert load_secret(tmp_path) == load_secret(tmp_path)
    assert (tmp_path / 'screens.key').stat().st_mode & 0o777 == 0o600
