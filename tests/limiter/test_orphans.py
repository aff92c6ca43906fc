"""The app as process 1 of a container: it has to wait for those whose parents are gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

APP = """
import os, subprocess, sys, time
from edgeos.limiter import ResourceLimiter, orphans

orphans.EVERY = 0.1
ORPHAN = [sys.executable, '-c', 'import os; os.fork() or (os.setsid(), os._exit(0))']

def state(pid):
    try:
        return open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[0]
    except OSError:
        return ''  # gone meanwhile

def dead():
    return [state(pid) for pid in os.listdir('/proc') if pid.isdigit()].count('Z')

def wait_for(condition):
    for _ in range(60):
        if condition():
            return True
        time.sleep(0.05)
    return False

limiter = ResourceLimiter()
limiter.start_monitoring()
print(os.getpid(), flush=True)
for _ in range(5):
    assert subprocess.run(ORPHAN).returncode == 0
print('statuses', {subprocess.run(['sh', '-c', 'exit 3']).returncode for _ in range(50)}, flush=True)
print('gone', wait_for(lambda: dead() == 0), flush=True)
limiter.shutdown()
assert subprocess.run(ORPHAN).returncode == 0
print('left when it does not look', wait_for(lambda: dead() == 1), flush=True)
"""


def test_the_dead_of_others_are_taken_away_and_no_status_of_our_own_children_is_lost() -> None:
    alone = ['unshare', *(() if os.geteuid() == 0 else ('--user', '--map-root-user')), '--pid', '--fork', '--mount-proc']
    try:
        subprocess.run([*alone, 'true'], check=True, capture_output=True, timeout=5)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f'no process numbers of our own here: {error}')
    app = subprocess.run([*alone, sys.executable, '-c', APP], cwd=PROJECT, capture_output=True, text=True, timeout=18)
    assert app.stdout.splitlines() == ['1', 'statuses {3}', 'gone True', 'left when it does not look True'], app.stderr
