"""What systemd hears: ready once it serves, and a beat as long as the event loop turns."""
import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeos.notify import Notifier
from tests.helpers import patient

MAIN = Path(__file__).parents[1] / 'main.py'
pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='platform: systemd is for Linux')


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / 'notify'))
        listening.settimeout(15)
        yield listening


def environment(manager, seconds=0.3):
    return {'NOTIFY_SOCKET': manager.getsockname(), 'WATCHDOG_USEC': str(int(seconds * 1e6))}


def heard_until(manager, wanted):
    heard = [manager.recv(4096).decode()]
    while not heard[-1].startswith(wanted):
        heard.append(manager.recv(4096).decode())
    return heard


def test_the_program_says_when_it_serves_and_that_it_lives(manager, tmp_path):
    child = subprocess.Popen([sys.executable, MAIN, '--headless', '--port', '0'], cwd=tmp_path, stdout=subprocess.PIPE,
                             env={**os.environ, **environment(manager)})  # fmt: skip
    try:
        heard = heard_until(manager, 'READY=1')
        assert heard[0] == 'WATCHDOG=1', 'who took the place of another is watched already'
        assert heard[-1].startswith('READY=1\nSTATUS=http://127.0.0.1:')
        heard_until(manager, 'WATCHDOG=1')
        heard_until(manager, 'WATCHDOG=1')
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) == 0
    finally:
        child.kill()
        child.communicate()


async def test_a_loop_that_hangs_does_not_beat(manager):
    Notifier(environment(manager)).begin()
    await asyncio.sleep(0.2)
    time.sleep(0.7)  # the loop hangs
    manager.setblocking(False)
    heard = []
    while True:
        try:
            heard.append(manager.recv(4096))
        except BlockingIOError:
            break
    assert 2 <= heard.count(b'WATCHDOG=1') <= 3, heard


async def test_children_do_not_inherit_the_way_to_systemd(manager):
    found = environment(manager)
    notifier = Notifier(found)
    assert found == {}
    notifier.hand_on()
    assert manager.recv(100) == b'WATCHDOG=1', 'the next program has all the time there is'
    assert found == environment(manager), 'but the next program in the same process does'


async def test_a_manager_that_is_gone_or_full_costs_nothing(manager, tmp_path):
    Notifier({'NOTIFY_SOCKET': str(tmp_path / 'nobody')}).ready('')
    notifier = Notifier({'NOTIFY_SOCKET': manager.getsockname()})
    began = time.monotonic()
    for _ in range(2000):  # nobody reads them
        notifier.ready('')
    assert time.monotonic() - began < patient(2)


async def test_the_socket_may_be_abstract():
    name = f'edgeos-test-{os.getpid()}'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind('\0' + name)
        Notifier({'NOTIFY_SOCKET': f'@{name}'}).ready('')
        assert listening.recv(100) == b'READY=1\nSTATUS='
