"""Reboot and shut down through logind on a private bus; a program that takes its own place."""
import json
import signal
import time
import urllib.request

import psutil
import pytest

from edgeos import power
from edgeos.power import Power, PowerError, PowerOffers
from tests.devices.bluez.fixtures import bus
from tests.devices.logind import FakeLogind
from tests.helpers import eventually_sync, patient
from tests.test_main import MAIN, end_of, spawn, url_of

__all__ = ['bus', 'spawn']


@pytest.mark.parametrize(('reboot', 'power_off', 'offers'), [
    ('yes', 'yes', PowerOffers(True, True, '')),
    ('yes', 'na', PowerOffers(True, False, power.UNABLE)),
    ('no', 'yes', PowerOffers(False, True, power.NOT_ALLOWED)),
    ('challenge', 'challenge', PowerOffers(False, False, power.NOT_ALLOWED)),
])  # fmt: skip
async def test_only_what_needs_no_question_is_offered(bus, reboot, power_off, offers):
    logind = await FakeLogind(bus.address, reboot, power_off).start()
    assert await Power().offers() == offers
    assert logind.orders == [], 'nothing happened by asking'
    await logind.stop()


async def test_the_device_is_rebooted_and_shut_down(bus):
    logind = await FakeLogind(bus.address).start()
    await Power().reboot()
    await Power().power_off()
    assert logind.orders == ['Reboot', 'PowerOff']
    await logind.stop()


@pytest.mark.parametrize(('error', 'text'), [
    ('org.freedesktop.DBus.Error.InteractiveAuthorizationRequired', power.NOT_ALLOWED),
    ('org.freedesktop.login1.BlockedByInhibitorLock', power.REFUSED),
])
async def test_what_logind_refuses_is_said(bus, error, text):
    logind = await FakeLogind(bus.address, refuses=error).start()
    with pytest.raises(PowerError, match=text.partition('.')[0]):
        await Power().reboot()
    await logind.stop()


async def test_without_logind_or_without_a_bus_nothing_is_offered(bus, monkeypatch):
    nothing = PowerOffers(False, False, power.NO_SERVICE)
    assert await Power().offers() == nothing
    for address in ('no address at all', 'unix:path=/nowhere/bus'):
        monkeypatch.setenv('DBUS_SYSTEM_BUS_ADDRESS', address)
        assert await Power().offers() == nothing
    with pytest.raises(PowerError):
        await Power().power_off()


async def test_a_logind_that_hangs_costs_no_more_than_two_seconds(bus):
    logind = await FakeLogind(bus.address).start()
    logind.freeze()
    began = time.monotonic()
    assert (await Power().offers()).why == power.SILENT
    assert time.monotonic() - began < patient(3)
    await logind.stop()


RESTARTED_ON_USR1 = """
import asyncio, signal, sys
sys.path.insert(0, {root!r})
import main
from edgeos.system import System
begin = System.start
async def start(self):
    await begin(self)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self.power.restart_program)
System.start = start
sys.argv = ['main.py', *sys.argv[1:]]
sys.exit(main.main())
"""


def uptime(url):
    try:
        with urllib.request.urlopen(f'{url}/api/health', timeout=2) as answer:
            return json.load(answer)['uptime_s']
    except OSError:
        return None


@pytest.mark.parametrize('arguments', [['--port', '0'], ['--demo', '--port', '0']])
def test_a_restarted_program_is_back_at_its_port_as_the_same_process(spawn, tmp_path, arguments):
    process = spawn('-c', RESTARTED_ON_USR1.format(root=str(MAIN.parent)), *arguments, TMPDIR=str(tmp_path))
    url = url_of(process)
    eventually_sync(lambda: (uptime(url) or 0) > 1, timeout=10)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGUSR1)
    asked = time.monotonic()
    assert url_of(process) == url, 'it says again where it serves'
    assert uptime(url) <= time.monotonic() - asked
    assert [child for child in children if child.is_running() and child.status() != 'zombie'] == []
    process.send_signal(signal.SIGTERM)
    assert end_of(process)[0] == 0
    assert list(tmp_path.glob('edgeos-demo-*')) == []
