"""The units and rules that are installed, read by the programs that will read them: systemd, D-Bus, a JavaScript."""
import asyncio
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from dbus_fast.aio import MessageBus

from edgeos.service import copies
from edgeos.service.commands import as_user
from edgeos.service.layout import KIOSK_UNIT, UNIT, Layout, ServiceError
from tests.service.tools import PROJECT

UNITS = PROJECT / 'assets/kiosk'
MOST = {UNIT: 2.0, KIOSK_UNIT: 5.0}  # of 10; what they had when this was written: 1.6 and 4.6
OURS = ('edgeos', 'nobody')


def find(program, package):
    """Where it is; without it the test is skipped, or fails where all have to run."""
    found = shutil.which(program, path=f'{os.environ["PATH"]}:/usr/sbin:/sbin')
    if found is None:
        reason = f'{program} is missing: apt install {package}'
        pytest.fail(reason) if os.environ.get('EDGEOS_TEST_ALL') == '1' else pytest.skip(reason)
    return found


@pytest.fixture
def analyze(tmp_path):
    """systemd-analyze on a root in which there is all that the units name."""
    program = find('systemd-analyze', 'systemd')
    for name in ('bin/sh', 'usr/bin/cage', 'usr/bin/xinit', 'opt/smarthome-edge-os/current/.venv/bin/python'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('#!/bin/sh\n')
        (tmp_path / name).chmod(0o755)
    (tmp_path / 'etc/systemd/system').mkdir(parents=True)
    for unit in UNITS.glob('*.service'):
        shutil.copy(unit, tmp_path / 'etc/systemd/system')
    system = next(path for path in (Path('/usr/lib/systemd/system'), Path('/lib/systemd/system')) if path.exists())
    shutil.copytree(system, tmp_path / 'usr/lib/systemd/system', symlinks=True)

    def run(*arguments):
        done = subprocess.run([program, *arguments, f'--root={tmp_path}'], capture_output=True, text=True, timeout=60,
                              env={**os.environ, 'SYSTEMD_COLORS': '0', 'SYSTEMD_PAGER': '', 'LANG': 'C.UTF-8'})  # fmt: skip
        if re.search('unrecognized option|only supported|not supported', done.stderr):
            pytest.skip('platform: this systemd-analyze cannot look into another root')
        return done

    run.root = tmp_path
    return run


def complaints(done):
    return [line for line in done.stderr.splitlines() if 'smarthome' in line]


@pytest.mark.parametrize('on_x', [False, True], ids=['cage', 'X'])
def test_systemd_understands_every_line_of_the_units(analyze, on_x):
    if on_x:
        folder = analyze.root / f'etc/systemd/system/{KIOSK_UNIT}.d'
        folder.mkdir()
        shutil.copy(UNITS / 'kiosk-x.conf', folder / 'x.conf')
    done = analyze('verify', UNIT, KIOSK_UNIT)
    assert (done.returncode, complaints(done)) == (0, [])


@pytest.mark.parametrize('unit', [UNIT, KIOSK_UNIT])
def test_the_units_leave_little_open(analyze, unit):
    done = analyze('security', '--offline=true', '--no-pager', unit)
    found = re.search(r'exposure level for .*: ([\d.]+) ', done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= MOST[unit], done.stdout


def test_the_app_keeps_what_it_needs(analyze):
    """Hardening that looks good and takes away what the app works with."""
    text = (UNITS / UNIT).read_text()
    assert 'Delegate=cpu memory pids' in text and 'ProtectControlGroups' not in text, 'limits by control groups'
    assert 'AF_NETLINK' in text, 'the guard asks whose a connection is'
    assert 'landlock_restrict_self' in text, 'plugins are walled in'
    assert 'RestartPreventExitStatus' not in text and 'StartLimitIntervalSec=0' in text, 'nobody is there to start it'


@pytest.fixture
def open_folder():
    """Other users reach it, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix='edgeos-test-') as name:
        Path(name).chmod(0o755)
        yield Path(name)


BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
    <deny send_destination="org.bluez"/>
  </policy>
  {more}
</busconfig>
"""


@pytest.mark.skipif(os.geteuid() != 0, reason='platform: only root can become another user')
@pytest.mark.parametrize('is_installed', [True, False], ids=['with the policy', 'without'])
async def test_the_user_may_speak_to_bluez_where_others_may_not(open_folder, is_installed):
    daemon, send = find('dbus-daemon', 'dbus'), find('dbus-send', 'dbus')
    folder = open_folder
    policy = (UNITS / 'dbus.conf').read_text().replace(f'user="{OURS[0]}"', f'user="{OURS[1]}"')
    policy = re.search('<policy.*</policy>', policy, re.DOTALL)[0]
    (folder / 'bus.conf').write_text(BUS.format(folder=folder, more=policy if is_installed else ''))
    bus = subprocess.Popen([daemon, '--nofork', '--print-address', f'--config-file={folder}/bus.conf'],
                           stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        address = bus.stdout.readline().strip()
        bluez = await MessageBus(bus_address=address).connect()
        await bluez.request_name('org.bluez')
        argv = [send, f'--bus={address}', '--print-reply', '--dest=org.bluez', '/', 'org.bluez.X.Y']
        done = await asyncio.to_thread(subprocess.run, argv, user=OURS[1], group='nogroup', extra_groups=[],
                                       capture_output=True, text=True, timeout=10)  # fmt: skip
        bluez.disconnect()
        said = 'UnknownMethod' if is_installed else 'AccessDenied'  # it was handed on, and answered
        assert said in done.stderr, done.stderr
    finally:
        bus.terminate()
        bus.wait(5)


@pytest.mark.parametrize(('user', 'action', 'details', 'answer'), [
    ('edgeos', 'org.freedesktop.login1.reboot', {}, 'yes'),
    ('edgeos', 'org.freedesktop.login1.power-off-multiple-sessions', {}, 'yes'),
    ('edgeos', 'org.freedesktop.login1.reboot-ignore-inhibit', {}, 'ask'),
    ('edgeos', 'org.freedesktop.systemd1.manage-units', {'unit': UNIT, 'verb': 'restart'}, 'ask'),
    ('pi', 'org.freedesktop.login1.reboot', {}, 'ask'),
], ids=lambda value: str(value)[-30:])  # fmt: skip
def test_the_power_menu_may_what_it_offers_and_no_more(user, action, details, answer):
    code = f"""
      let rule
      const polkit = {{addRule: f => rule = f, Result: {{YES: 'yes', NOT_HANDLED: 'ask'}}}}
      {(UNITS / 'power.rules').read_text()}
      const details = {json.dumps(details)}
      console.log(rule({{id: {json.dumps(action)}, lookup: key => details[key]}}, {{user: {json.dumps(user)}}}))
    """
    done = subprocess.run([find('node', 'nodejs'), '-e', code], capture_output=True, text=True, timeout=20)
    assert done.stdout.strip() == answer, done.stderr


# what root does in the folder of another user


@pytest.mark.skipif(os.geteuid() != 0, reason='platform: only root can become another user')
def test_root_copies_as_the_user_and_follows_no_link_to_what_the_user_may_not_read(open_folder, monkeypatch):
    monkeypatch.setattr('edgeos.service.commands.USER', OURS[1])
    secret = open_folder / 'shadow'
    secret.write_text('root only')
    secret.chmod(0o600)
    state = open_folder / 'state'
    (state / 'data').mkdir(parents=True)
    (state / 'settings.toml').write_text('mine')
    (state / 'data/x.sqlite').symlink_to(secret)
    for path in (state, state / 'data', state / 'settings.toml'):
        shutil.chown(path, OURS[1])
    as_user(Layout(), lambda: copies.keep(state, state / 'copies/1'))
    copied = state / 'copies/1/settings.toml'
    assert copied.read_text() == 'mine' and copied.owner() == OURS[1]
    assert not any('root only' in path.read_text() for path in (state / 'copies').rglob('*')
                   if path.is_file() and not path.is_symlink())  # fmt: skip
    with pytest.raises(ServiceError, match='shadow'):
        as_user(Layout(), lambda: secret.write_text('gone') and None)


@pytest.mark.skipif(os.geteuid() != 0, reason='platform: only root can become another user')
@pytest.mark.parametrize('error', [RuntimeError('no copy'), OSError(5, 'no copy', 'caf\udce9'), ServiceError('no copy')],
                         ids=['mistake', 'name that is no text', 'said'])  # fmt: skip
def test_work_as_the_user_that_failed_in_any_way_is_no_success(monkeypatch, error):
    monkeypatch.setattr('edgeos.service.commands.USER', OURS[1])

    def work():
        raise error

    with pytest.raises(ServiceError, match='no copy'):
        as_user(Layout(), work)
