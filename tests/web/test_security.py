"""The guards against a real server, with requests as attackers and browsers send them."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse

from edgeos.web.security import allowed_hosts, host_name, install
from tests.web.serving import open_socket, raw_request, refused_with, serve

SOCKET = '/_nicegui_ws/socket.io/?EIO=4&transport=websocket'
POLLING = '/_nicegui_ws/socket.io/?EIO=4&transport=polling'


def make_app(port: int = 8080, extra: tuple[str, ...] = ()) -> FastAPI:
    app = FastAPI()

    @app.get('/')
    def page() -> dict[str, bool]:
        return {'page': True}

    @app.get('/own')
    def page_with_own_policy() -> HTMLResponse:
        return HTMLResponse('', headers={'Content-Security-Policy': "default-src 'none'"})

    @app.post('/api/act')
    @app.put('/api/act')
    async def act(request: Request) -> dict[str, int]:
        return {'bytes': len(await request.body())}

    @app.get('/api/read')
    def read() -> dict[str, bool]:
        return {'read': True}

    @app.get('/_nicegui_ws/socket.io/')
    def poll() -> dict[str, bool]:
        return {'polled': True}

    @app.websocket('/_nicegui_ws/socket.io/')
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text('welcome')
        await socket.close()

    install(app, allowed_hosts('127.0.0.1', port, extra))
    return app


@pytest.fixture(scope='module')
def port() -> Iterator[int]:
    with serve(make_app(extra=('edge.lan',))) as port:
        yield port


def get(port: int, host_line: str, version: str = '1.1') -> str:
    return raw_request(port, f'GET / HTTP/{version}\n{host_line}Connection: close\n\n')


@pytest.mark.parametrize(
    'host', ['localhost', '127.0.0.1:8080', 'LOCALHOST:1', '[::1]:8080', '127.9.9.9', 'edge.lan:80']
)
def test_answers_to_its_own_names(port: int, host: str) -> None:
    assert get(port, f'Host: {host}\n').startswith('HTTP/1.1 200')


@pytest.mark.parametrize(
    'host',
    ['evil.com', 'evil.com:8080', '127.0.0.1.evil.com', 'localhost.evil.com', '192.168.1.5', '0.0.0.0', '2130706433',
     'localhost@evil.com', 'evil.com#localhost', '[::1', '::1', 'localhost:80:80', 'localhost:x', '', ' '],
)  # fmt: skip
def test_refuses_every_other_host(port: int, host: str) -> None:
    answer = get(port, f'Host: {host}\n')
    assert answer.startswith('HTTP/1.1 400')
    assert 'page' not in answer


def test_refuses_a_missing_or_doubled_host(port: int) -> None:
    assert ' 400 ' in get(port, '', version='1.0').splitlines()[0]
    assert ' 400 ' in get(port, 'Host: localhost\nHost: evil.com\n').splitlines()[0]


def test_says_how_to_allow_a_name(port: int) -> None:
    answer = httpx.get(f'http://127.0.0.1:{port}/', headers={'Host': 'raspberrypi.local'})
    assert 'raspberrypi.local' in answer.json()['detail']
    assert 'allowed_hosts' in answer.json()['detail']
    assert 'http://127.0.0.1:8080' in answer.json()['detail']


def test_socket_with_a_rebound_name_is_refused(port: int) -> None:
    handshake = (
        f'GET {SOCKET} HTTP/1.1\nHost: evil.com\nOrigin: http://evil.com\nUpgrade: websocket\nConnection: Upgrade\n'
        'Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n'
    )
    assert raw_request(port, handshake).startswith('HTTP/1.1 403')


@pytest.mark.parametrize(
    ('bound', 'extra', 'good', 'bad'),
    [
        ('0.0.0.0', [], ['192.168.1.5', '10.0.0.1:99', '[fe80::1]', '0.0.0.0:8080', '127.0.0.1'], ['pi.local', 'evil']),
        ('::', [], ['192.168.1.5', '[2001:db8::1]:80'], ['evil.com']),
        ('192.168.1.5', [], ['192.168.1.5:1', '127.0.0.1', '[::ffff:192.168.1.5]'], ['192.168.1.6', '[::1:2]']),
        ('fd00::5', [], ['[fd00::5]:8080', '[fd00:0:0::5]'], ['[fd00::6]']),
        ('pi.lan', [], ['pi.lan', 'PI.lan.:80', '127.0.0.1'], ['pi.lan.evil.com', '192.168.1.5']),
        ('127.0.0.1', ['Edge.Example:443', 'fd00::7'], ['edge.example', '[fd00::7]:1'], ['www.edge.example']),
    ],
)
def test_allowed_hosts_follow_the_address_bound(bound: str, extra: list[str], good: list[str], bad: list[str]) -> None:
    hosts = allowed_hosts(bound, 8080, extra)
    assert [header for header in good if not hosts.accept(header)] == []
    assert [header for header in bad if hosts.accept(header)] == []


def test_host_name_drops_port_brackets_and_final_dot() -> None:
    assert [host_name(header) for header in ('A.b:1', '[FE80::1]:2', 'a.', 'a b', 'a\n')] == [
        'a.b', 'fe80::1', 'a', None, None,
    ]  # fmt: skip


@pytest.mark.parametrize('origin', ['http://evil.com', 'null', '', 'http://127.0.0.1', 'https://127.0.0.1:{port}'])
def test_foreign_origins_cannot_act(port: int, origin: str) -> None:
    headers = {'Origin': origin.format(port=port)}
    answer = httpx.post(f'http://127.0.0.1:{port}/api/act', headers=headers)
    assert answer.status_code == 403
    assert 'detail' in answer.json()
    assert httpx.get(f'http://127.0.0.1:{port}{POLLING}', headers=headers).status_code == 403
    assert httpx.get(f'http://127.0.0.1:{port}/api/read', headers=headers).status_code == 200


@pytest.mark.parametrize('origin', ['http://evil.com', 'null', 'http://127.0.0.1', 'https://127.0.0.1:{port}'])
def test_foreign_origins_get_no_socket(port: int, origin: str) -> None:
    assert refused_with(port, SOCKET, origin.format(port=port)) == 403


@pytest.mark.parametrize('site', ['cross-site', 'same-site'])
def test_fetch_metadata_of_other_sites_is_refused(port: int, site: str) -> None:
    headers = {'Sec-Fetch-Site': site}
    assert httpx.delete(f'http://127.0.0.1:{port}/api/act', headers=headers).status_code == 403
    assert httpx.get(f'http://127.0.0.1:{port}{POLLING}', headers=headers).status_code == 403
    assert refused_with(port, SOCKET, Sec_Fetch_Site=site) == 403


def test_own_pages_and_programs_pass(port: int) -> None:
    for headers in ({'Origin': f'http://127.0.0.1:{port}', 'Sec-Fetch-Site': 'same-origin'}, {}):
        assert httpx.post(f'http://127.0.0.1:{port}/api/act', headers=headers).status_code == 200
        assert httpx.get(f'http://127.0.0.1:{port}{POLLING}', headers=headers).status_code == 200
    assert open_socket(port, SOCKET, f'http://127.0.0.1:{port}').recv() == 'welcome'
    assert open_socket(port, SOCKET).recv() == 'welcome'


def test_a_proxy_on_this_machine_may_speak_for_https(port: int) -> None:
    headers = {'Host': 'edge.lan', 'Origin': 'https://edge.lan', 'X-Forwarded-Proto': 'https'}
    assert httpx.post(f'http://127.0.0.1:{port}/api/act', headers=headers).status_code == 200


@pytest.mark.parametrize('kind', ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', None])
@pytest.mark.parametrize('method', ['POST', 'PUT'])
def test_api_takes_no_body_that_a_form_could_send(port: int, method: str, kind: str | None) -> None:
    headers = {'Content-Type': kind} if kind else {}
    answer = httpx.request(method, f'http://127.0.0.1:{port}/api/act', content=b'{"on": true}', headers=headers)
    assert answer.status_code == 415
    chunks = httpx.request(method, f'http://127.0.0.1:{port}/api/act', content=iter([b'{}']), headers=headers)
    assert chunks.status_code == 415


def test_api_takes_json_files_and_empty_bodies(port: int) -> None:
    url = f'http://127.0.0.1:{port}/api/act'
    assert httpx.post(url, json={'on': True}).json()['bytes'] > 0
    json_with_charset = {'Content-Type': 'Application/JSON; charset=utf-8'}
    assert httpx.post(url, content=b'{}', headers=json_with_charset).json() == {'bytes': 2}
    assert httpx.post(url, files={'file': b'zip'}).status_code == 200
    assert httpx.post(url).status_code == 200


def test_answers_carry_the_protective_headers(port: int) -> None:
    page = httpx.get(f'http://127.0.0.1:{port}/').headers
    assert page['x-content-type-options'] == 'nosniff'
    assert page['x-frame-options'] == 'DENY'
    assert page['referrer-policy'] == 'same-origin'
    for rule in ("object-src 'none'", "base-uri 'self'", "frame-ancestors 'none'", "default-src 'self'"):
        assert rule in page['content-security-policy']
    assert 'cache-control' not in page
    assert httpx.get(f'http://127.0.0.1:{port}/api/read').headers['cache-control'] == 'no-store'


def test_refusals_carry_them_too_and_a_page_may_have_its_own_policy(port: int) -> None:
    refused = httpx.get(f'http://127.0.0.1:{port}/', headers={'Host': 'evil.com'})
    assert refused.headers['x-frame-options'] == 'DENY'
    own = httpx.get(f'http://127.0.0.1:{port}/own').headers
    assert own.get_list('content-security-policy') == ["default-src 'none'"]
