"""The app's own API and pages are not a plugin's way around what it was granted."""
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from edgeos.web.plugin_guard import PluginGuard, _holds, peer_of
from tests.e2e.support import running
from tests.helpers import eventually_sync, patient
from tests.plugins.conftest import Heard
from tests.web.test_plugins_api import package

CODE = '''
import asyncio, urllib.error, urllib.request
from edgeos_plugin import Plugin

class Demo(Plugin):
    async def start(self):
        self.publish('status', await asyncio.to_thread(self.ask))
    def ask(self):
        try:
            return urllib.request.urlopen(self.config['token'] + '/api/plugins', timeout=5).status
        except urllib.error.HTTPError as refused:
            return refused.code
'''


@pytest.mark.skipif(sys.platform != 'linux', reason='platform: looks into the tables of Linux')
def test_a_plugin_with_access_to_every_port_is_refused_by_the_apps_own_api(tmp_path: Path) -> None:
    path = package(tmp_path, permissions=('http.out:*:*',), code=CODE)
    (tmp_path / 'settings.toml').write_text('')
    with running('--settings', str(tmp_path / 'settings.toml'), '--headless') as url:
        answer = httpx.post(f'{url}/api/plugins', files={'file': path.read_bytes()}, data={'grant': 'http.out:*:*'})
        assert answer.status_code == 202, answer.text
        job = answer.json()['job']
        eventually_sync(lambda: httpx.get(f'{url}/api/jobs/{job}').json()['state'] == 'done', timeout=15)
        httpx.put(f'{url}/api/plugins/demo/config', json={'token': url}).raise_for_status()
        httpx.post(f'{url}/api/plugins/demo/start').raise_for_status()
        point = eventually_sync(lambda: (found := httpx.get(f'{url}/api/points/demo%2Fstatus')).status_code == 200 and found,
                                timeout=15)  # fmt: skip
        assert point.json()['value'] == 403
        assert httpx.get(f'{url}/api/plugins').status_code == 200


@pytest.mark.parametrize('host', ['127.0.0.1', '::1'])
def test_whose_a_connection_is_is_found_in_the_tables(host: str) -> None:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ':' in host else socket.AF_INET) as server:
        code = f'import socket, time; s = socket.create_connection(({host!r}, {server.getsockname()[1]})); time.sleep(30)'
        process = subprocess.Popen([sys.executable, '-c', code])
        try:
            accepted, client = server.accept()
            with accepted:
                ends = client[:2], server.getsockname()[:2]
                peer = peer_of(*ends)
                assert peer is not None and _holds([process.pid], peer.inode)
                assert not _holds([], peer.inode) and peer_of(ends[0], (host, 1)) is None
                began = time.thread_time()
                for _ in range(20):
                    peer_of(*ends)
                assert time.thread_time() - began < patient(20 * 0.002)
        finally:
            process.kill()
            process.wait()


async def test_where_the_kernel_does_not_tell_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    def fails(*_ends: object) -> None:
        raise PermissionError(1, 'not permitted')

    async def inner(_scope: Scope, _receive: Receive, _send: Send) -> None:
        reached.append(True)

    monkeypatch.setattr('edgeos.web.plugin_guard.peer_of', fails)
    reached: list[bool] = []
    manager = SimpleNamespace(may_run=True, pids=[])
    scope = {'type': 'http', 'client': ('127.0.0.1', 1), 'server': ('127.0.0.1', 2)}
    await PluginGuard(inner, manager)(scope, None, None)  # type: ignore[arg-type]
    assert reached and heard.has('warning', 'whether requests come from plugins')
