"""`--kiosk` and `python -m edgeos.kiosk` as somebody starts them, with the real pages in a real Chromium."""
import signal
import sys
import time
from contextlib import suppress

import psutil
import pytest

from edgeos.folder_lock import introduce, lock_folder
from edgeos.kiosk.__main__ import where_now
from edgeos.kiosk.page import is_serving, waiting_page
from tests.helpers import eventually_sync, free_port, patient
from tests.test_main import MAIN, clean_environment, end_of, get, spawn, start, url_of

__all__ = ['spawn', 'start']
SHOWS = 'the panel shows the pages'


def chromium_on(data):
    """The processes of the Chromium that shows this data folder's program, and their crash reporters."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if f'{data}/panel/chromium' in ' '.join(process.cmdline()):
                found.append(process)
    return found


def shown(log):
    """How often the pages have been shown, as the log says."""
    return log.read_text().count(SHOWS) if log.exists() else 0


def talks_to(port, data):
    """Whether Chromium has a connection to the program, as a page that lives has."""
    for process in chromium_on(data):
        with suppress(psutil.Error):
            if any(each.raddr and each.raddr.port == port and each.status == 'ESTABLISHED' for each in process.net_connections()):
                return True
    return False


@pytest.mark.parametrize('end', [signal.SIGTERM, signal.SIGKILL])
def test_the_program_shows_its_pages_and_takes_chromium_with_it(start, display, tmp_path, end):
    process = start('--kiosk', '--port', '0', DISPLAY=display)
    url = url_of(process)
    eventually_sync(lambda: shown(tmp_path / 'data' / 'logs' / 'edgeos.log'), timeout=20)
    family = chromium_on(tmp_path / 'data')
    assert family and not [each for each in family if 'key=' in ' '.join(each.cmdline())], 'a key for all to see'
    assert get(f'{url}/api/health')[0] == 200
    began = time.monotonic()
    process.send_signal(end)
    assert end_of(process)[0] == (0 if end == signal.SIGTERM else -signal.SIGKILL)
    assert time.monotonic() - began < patient(5)
    eventually_sync(lambda: not chromium_on(tmp_path / 'data'), timeout=3)


def test_a_panel_of_its_own_waits_for_the_program_and_outlives_it(start, spawn, display, tmp_path):
    port = free_port()
    (tmp_path / 'settings.toml').write_text(f'[app]\nport = {port}\n')
    log = tmp_path / 'panel.log'
    command = f'exec {sys.executable} -m edgeos.kiosk --settings {tmp_path}/settings.toml > {log} 2>&1'
    panel = psutil.Popen(['sh', '-c', command], cwd=MAIN.parent, env={**clean_environment(), 'DISPLAY': display})
    try:
        eventually_sync(lambda: len(chromium_on(tmp_path / 'data')) > 5, timeout=15)
        assert shown(log) == 0
        for _ in range(2):
            process = start()
            url_of(process)
            eventually_sync(lambda: shown(log) and talks_to(port, tmp_path / 'data'), timeout=20)
            process.send_signal(signal.SIGTERM)
            assert end_of(process)[0] == 0
        panel.terminate()
        assert panel.wait(5) == 0
        assert 'Traceback' not in log.read_text()
        eventually_sync(lambda: not chromium_on(tmp_path / 'data'), timeout=3)
    finally:
        with suppress(psutil.NoSuchProcess):
            panel.kill()


def test_a_panel_with_settings_that_cannot_be_read_is_status_2_and_one_line(spawn, tmp_path, monkeypatch):
    monkeypatch.setenv('PYTHONPATH', str(MAIN.parent))
    (tmp_path / 'settings.toml').write_text('[app]\nport = "eight"\n')
    code, out, err = end_of(spawn('-m', 'edgeos.kiosk', PYTHONPATH=str(MAIN.parent)))
    assert (code, out, err.count('\n')) == (2, '', 1) and 'port' in err


def test_it_needs_the_pages(start):
    code, out, err = end_of(start('--kiosk', '--headless'))
    assert (code, out, err.count('\n')) == (2, '', 1) and '--kiosk' in err


def test_it_goes_where_the_program_says_that_it_serves_before_its_settings(tmp_path):
    settings = tmp_path / 'settings.toml'
    settings.write_text('[app]\nport = 8123\n')
    assert where_now(settings, tmp_path, '') == 'http://127.0.0.1:8123'
    with lock_folder(tmp_path) as lock:
        assert where_now(settings, tmp_path, '') == 'http://127.0.0.1:8123', 'it has not said so yet'
        introduce(lock, 'http://127.0.0.1:9000', '')
        assert where_now(settings, tmp_path, '') == 'http://127.0.0.1:9000'


async def test_a_program_without_pages_is_waited_for_and_the_panel_says_why(tmp_path):
    with lock_folder(tmp_path) as lock:
        introduce(lock, '', '')
        url = where_now(tmp_path / 'settings.toml', tmp_path, '')
    assert not await is_serving(url)
    assert '<span>no pages: --headless</span>' in waiting_page(url)
