"""The simulated PLC seen by pyads, in a process of its own."""
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.plc import Plc

CLIENT = Path(__file__).parent / 'plc_peers' / 'pyads_client.py'


@pytest.fixture(scope='module')
def seen() -> Any:
    plc = Plc('bench', '--symbols', '500', '--tick', '0.02').start()
    done = subprocess.run([sys.executable, str(CLIENT), plc.address, '127.0.0.1.1.1', '851'], capture_output=True,
                          text=True, timeout=40)  # fmt: skip
    plc.stop()
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_it_connects(seen):
    assert (seen['state'], seen['name'], seen['version']) == (5, 'Plc30 App', [3, 1, 4024])


def test_it_finds_the_symbols(seen):
    assert seen['symbols'] == 505  # and the system's own
    assert (seen['comment'], seen['type']) == ('[°C]', 'LREAL')


def test_it_reads_and_writes_by_name(seen):
    assert (seen['before'], seen['after'], seen['missing']) == (21, 25, 1808)


def test_sum_commands(seen):
    assert seen['written'] == {'GVL.nSetpoint': 'no error', 'GVL.nOld': 'no error'}
    assert seen['list'] == {'GVL.nSetpoint': 26, 'GVL.nOld': -3}
    assert seen['many'] == 500
    assert seen['reads_per_second'] > 100  # a thousand on a quiet machine


def test_notifications(seen):
    for kind in ('cyclic', 'changes'):
        assert len(seen[kind]) >= 10 and seen[kind] == sorted(seen[kind]), kind
    assert len(set(seen['changes'])) == len(seen['changes'])


def test_it_stops_the_program(seen):
    assert seen['stopped'] == 6


def test_discovery_and_route_by_udp():
    """pyads knows no other UDP port than 48899, so this needs an address where nobody else has it."""
    code = '''
import json, pyads
net_id = pyads.pyads_ex.adsGetNetIdForPLC('127.0.77.3')
added = pyads.add_route_to_plc('10.9.8.7.1.1', 'tests', '127.0.77.3', 'Administrator', '1')
print(json.dumps([net_id, added]))
'''
    plc = Plc('house2', '--udp', '--net-id', '10.0.0.2.1.1', host='127.0.77.3').start()
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=30)
    plc.stop()
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == ['10.0.0.2.1.1', True]
