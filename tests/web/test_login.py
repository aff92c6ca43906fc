"""The login in front of a real server: who gets in, with what, and what a browser shows."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from edgeos.web.access import SecretRefused, hash_password, verify_password
from edgeos.web.login import local_path, preferred_language, prompt_password
from tests.helpers import patient
from tests.web.house import HASH, PASSWORD, House
from tests.web.serving import open_socket, refused_with, serve


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    with serve(house.app) as house.port:
        yield house


def test_without_a_password_everything_is_open(house: House) -> None:
    house.password_hash = ''
    with house.client() as client:
        assert client.get('/').status_code == 200
        assert client.get('/api/points').status_code == 200
        assert client.get('/login').headers['location'] == '/'
        assert house.log_in(client).headers['location'] == '/'


def test_only_health_and_the_login_are_open_to_strangers(house: House) -> None:
    with house.client() as client:
        assert client.get('/api/health').status_code == 200
        assert client.get('/login').status_code == 200
        for path in ('/api/points', '/metrics', '/openapi.json', '/api/unknown', '/api/health/secret', '/api/health/',
                     '//api/health', '/_nicegui/3/static.js', '/_nicegui_ws/socket.io/'):  # fmt: skip
            answer = client.get(path)
            assert (path, 'Inside' in answer.text, 'open' in answer.text) == (path, False, False)
            assert answer.status_code in (401, 303)
        refused = client.get('/api/points')
        assert (refused.status_code, refused.headers['www-authenticate']) == (401, 'Bearer')
        assert 'Bearer' in refused.json()['detail']
        assert client.post('/connections').status_code == 401
    assert refused_with(house.port, '/socket') == 403


def test_open_paths_do_not_fall_through_to_pages_behind_them(house: House) -> None:
    with house.client() as client:
        for method, path in (('GET', '/logout'), ('PUT', '/login'), ('OPTIONS', '/login'), ('GET', '/login/'),
                             ('GET', '/logout/x'), ('POST', '/api/health')):  # fmt: skip
            answer = client.request(method, path)
            assert (method, path, answer.status_code in (303, 401)) == (method, path, True)
            assert 'Inside' not in answer.text
    assert refused_with(house.port, '/login') == 403


def test_pages_lead_to_the_login_and_back(house: House) -> None:
    with house.client() as client:
        assert client.get('/').headers['location'] == '/login'
        answer = client.get('/connections/plc_001?range=5%20min&x=1')
        assert answer.status_code == 303
        form = client.get(answer.headers['location']).text
        assert 'value="/connections/plc_001?range=5%20min&amp;x=1"' in form
        target = house.log_in(client, next='/connections/plc_001?range=5%20min&x=1').headers['location']
        assert target == '/connections/plc_001?range=5%20min&x=1'
        assert 'Inside' in client.get(target).text
        assert client.get('/login?next=/routes').headers['location'] == '/routes'


@pytest.mark.parametrize(
    'target',
    ['//evil.com', 'http://evil.com', '/\\evil.com', '\\\\evil.com', '/\t/evil.com', '/\n/evil.com', ' //evil.com', '',
     'evil.com', 'javascript:alert(1)', '/login', '/logout', '/login?next=/login', '/a\x7f', '/' + 'a' * 2000, '///e'],
)  # fmt: skip
def test_login_leads_to_no_other_place_than_this_server(house: House, target: str) -> None:
    assert local_path(target) == '/'
    with house.client() as client:
        assert house.log_in(client, next=target).headers['location'] == '/'
        assert client.get('/login', params={'next': target}).headers['location'] == '/'


def test_markup_in_the_target_stays_text(house: House) -> None:
    with house.client() as client:
        form = client.get('/login', params={'next': '/"><script>alert(1)</script>'}).text
    assert '<script>alert' not in form


def test_cookie_is_out_of_reach_for_scripts_and_other_sites(house: House) -> None:
    with house.client() as client:
        flags = house.log_in(client).headers['set-cookie'].lower().split('; ')
        assert {'httponly', 'samesite=lax', 'path=/'} <= set(flags)
        assert 'secure' not in flags
        https = client.post('/login', data={'password': PASSWORD}, headers={'X-Forwarded-Proto': 'https'})
        assert 'secure' in https.headers['set-cookie'].lower().split('; ')


def test_planted_session_id_is_not_taken_over(house: House) -> None:
    with house.client() as client:
        client.cookies.set('edgeos_session', 'planted')
        given = house.log_in(client).cookies['edgeos_session']
        assert given != 'planted'
        assert client.get('/api/points', headers={'Cookie': 'edgeos_session=planted'}).status_code == 401
        assert client.get('/api/points', headers={'Cookie': f'edgeos_session={given}'}).status_code == 200


def test_new_login_ends_the_old_session_of_the_same_browser(house: House) -> None:
    old = house.session()
    with house.client() as client:
        client.cookies.set('edgeos_session', old)
        house.log_in(client)
        assert client.get('/api/points', headers={'Cookie': f'edgeos_session={old}'}).status_code == 401


def test_logout_ends_the_session_not_just_the_cookie(house: House) -> None:
    session = house.session()
    with house.client() as client:
        cookie = {'Cookie': f'edgeos_session={session}'}
        answer = client.post('/logout', headers=cookie)
        assert answer.headers['location'] == '/login'
        assert 'max-age=0' in answer.headers['set-cookie'].lower()
        assert client.get('/api/points', headers=cookie).status_code == 401


def test_other_sites_can_neither_log_in_nor_out(house: House) -> None:
    with house.client() as client:
        for path in ('/login', '/logout'):
            answer = client.post(path, data={'password': PASSWORD}, headers={'Origin': 'http://evil.com'})
            assert answer.status_code == 403
            assert 'set-cookie' not in answer.headers


async def test_token_opens_everything_until_it_is_revoked(house: House) -> None:
    token = await house.access.tokens.create('Grafana')
    headers = {'Authorization': f'Bearer {token}'}
    with house.client() as client:
        assert client.get('/api/points', headers=headers).status_code == 200
        assert client.get('/metrics', headers={'Authorization': f'bearer  {token}'}).status_code == 200
        for wrong in (f'Basic {token}', 'Bearer', 'Bearer edge_wrong', f'Bearer {token}x', token):
            assert client.get('/api/points', headers={'Authorization': wrong}).status_code == 401
        with open_socket(house.port, '/socket', **headers) as socket:
            socket.send('hello')
            assert socket.recv(5) == 'hello'
        await house.access.tokens.revoke(house.access.tokens.list()[0].id)
        assert client.get('/api/points', headers=headers).status_code == 401


def test_guessing_is_slowed_without_holding_the_caller(house: House) -> None:
    with house.client() as client:
        answers = [house.log_in(client, f'guess {number}') for number in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        assert answers[3].headers['retry-after'] == '1'
        assert 'data-seconds="1"' in answers[3].text
        assert house.log_in(client).status_code == 429  # the right one waits too
        assert 'data-seconds="1"' in client.get('/login').text
        house.clock.advance(1)
        assert house.log_in(client, 'guess').status_code == 401
        started = time.monotonic()
        assert house.log_in(client).headers['retry-after'] == '2'
        assert time.monotonic() - started < patient(0.5)
        house.clock.advance(2)
        assert house.log_in(client).status_code == 303


def test_oversized_and_odd_forms_are_harmless(house: House) -> None:
    with house.client() as client:
        assert client.post('/login', content=b'password=' + b'x' * 100_000).status_code == 413
        for body in (b'', b'password=%ff%fe', b'\xff\x00', b'{"password": 1}'):
            house.clock.advance(60)
            assert client.post('/login', content=body).status_code == 401


def test_new_password_applies_at_once(house: House) -> None:
    with house.client() as client:
        house.log_in(client)
        assert client.get('/api/points').status_code == 200
        house.password_hash = hash_password('another password')
        assert client.get('/api/points').status_code == 401
        assert house.log_in(client).status_code == 401
        assert house.log_in(client, 'another password').status_code == 303


def test_open_socket_ends_with_its_session(house: House) -> None:
    with open_socket(house.port, '/socket', Cookie=f'edgeos_session={house.session()}') as socket:
        socket.send('before')
        assert socket.recv(5) == 'before'
        house.password_hash = hash_password('another password')
        house.access.holds(None)
        socket.send('farewell')  # within the grace that lets a page say what happened
        assert socket.recv(5) == 'farewell'
        house.clock.advance(3)
        socket.send('after')
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(5)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008


def test_socket_opened_before_there_was_a_password_ends_when_one_is_set(house: House) -> None:
    house.password_hash = ''
    with open_socket(house.port, '/socket') as socket:
        house.password_hash = HASH
        socket.send('farewell')
        assert socket.recv(5) == 'farewell'
        house.clock.advance(3)
        socket.send('after')
        with pytest.raises(ConnectionClosed):
            socket.recv(5)


def test_open_socket_keeps_its_session_alive(house: House) -> None:
    session = house.session()
    with open_socket(house.port, '/socket', Cookie=f'edgeos_session={session}') as socket:
        for _ in range(3):
            house.clock.advance(20 * 86_400)
            socket.send('ping')
            assert socket.recv(5) == 'ping'
    with house.client() as client:
        assert client.get('/api/points', headers={'Cookie': f'edgeos_session={session}'}).status_code == 200


def test_headless_app_has_no_login_page_to_lead_to(tmp_path: Path) -> None:
    house = House(tmp_path, has_pages=False)
    with serve(house.app) as house.port, house.client() as client:
        assert client.get('/').status_code == 401


@pytest.mark.parametrize(
    ('accept', 'chosen', 'language'),
    [
        ('de-AT,de;q=0.9,en;q=0.8', 'auto', 'de'),
        ('en-US,en;q=0.9,de;q=0.8', 'auto', 'en'),
        ('fr, de;q=0.5', 'auto', 'de'),
        ('de;q=0.2, en;q=0.7', 'auto', 'en'),
        ('', 'auto', 'en'),
        ('fr;q=x,;;,de;q=nan', 'auto', 'de'),
        ('de', 'en', 'en'),
        ('en', 'de', 'de'),
    ],
)
def test_language_is_the_setting_or_the_browsers(accept: str, chosen: str, language: str) -> None:
    assert preferred_language(accept, chosen) == language


def test_page_speaks_german(house: House) -> None:
    with house.client() as client:
        assert 'Passwort' in client.get('/login', headers={'Accept-Language': 'de'}).text
        house.language = 'en'
        assert '<html lang="en">' in client.get('/login', headers={'Accept-Language': 'de'}).text


def typed(*lines: str) -> tuple[list[str], 'Reader']:
    prompts: list[str] = []
    return prompts, Reader(prompts, list(lines))


class Reader:
    """Types prepared lines, then ends the input."""

    def __init__(self, prompts: list[str], lines: list[str]) -> None:
        self._prompts = prompts
        self._lines = lines

    def __call__(self, prompt: str) -> str:
        self._prompts.append(prompt)
        if not self._lines:
            raise EOFError
        return self._lines.pop(0)


def test_command_line_asks_twice_and_returns_the_hash() -> None:
    prompts, read = typed(PASSWORD, PASSWORD)
    assert verify_password(prompt_password(read), PASSWORD)
    assert len(prompts) == 2


def test_command_line_says_what_is_wrong_and_asks_again() -> None:
    prompts, read = typed('short', PASSWORD, 'other one', PASSWORD, PASSWORD)
    assert verify_password(prompt_password(read), PASSWORD)
    assert 'at least 8 characters' in prompts[1]
    assert 'differ' in prompts[3]


@pytest.mark.parametrize('lines', [(), ('short', 'short', 'short'), (PASSWORD,)])
def test_command_line_gives_up_with_a_reason(lines: tuple[str, ...]) -> None:
    with pytest.raises(SecretRefused, match=r'characters|No password'):
        prompt_password(typed(*lines)[1])
