"""A script that only calls log_error: no System, no Reporter."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeos import reporting as module
from edgeos.folder_lock import lock_folder
from edgeos.reporting import log_error
from tests.helpers import free_port
from tests.reporting.ingest import Ingest
from tests.reporting.reporters import caught

ROOT = Path(__file__).parents[2]
SCRIPT = """
from edgeos.reporting import log_error
try:
    raise ValueError('something is wrong')
except ValueError as error:
    log_error(error=error, operation='a script', connection_id='plc_001', password='hunter2-hunter2')
"""


def run(folder: Path, **environment: str) -> 'subprocess.CompletedProcess[str]':
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), **environment}
    done = subprocess.run([sys.executable, '-c', SCRIPT], cwd=folder, env=environment, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and 'something is wrong' in done.stderr, done.stderr
    return done


@pytest.mark.parametrize('by', ['environment', '.env'])
def test_it_is_sent_before_the_script_ends(tmp_path: Path, by: str) -> None:
    with Ingest() as ingest:
        if by == '.env':
            (tmp_path / '.env').write_text(f'SENTRY_DSN={ingest.dsn}\n')
        run(tmp_path, **({'SENTRY_DSN': ingest.dsn} if by == 'environment' else {}))
        (event,) = ingest.events
        assert event['tags'] == {'connection_id': 'plc_001', 'operation': 'a script'}
        assert b'hunter2' not in ingest.accepted[0].raw


def test_what_could_not_be_sent_goes_with_the_next(tmp_path: Path) -> None:
    port = free_port()
    run(tmp_path, SENTRY_DSN=f'http://c0ffee00c0ffee00c0ffee00c0ffee00@localhost:{port}/42')
    with Ingest(port) as ingest:
        run(tmp_path, SENTRY_DSN=ingest.dsn)
        assert len(ingest.events) == 2


def test_where_another_program_has_the_folder_it_is_only_logged(tmp_path: Path) -> None:
    (tmp_path / 'data').mkdir()
    with Ingest() as ingest, lock_folder(tmp_path / 'data'):
        assert 'errors are only logged' in run(tmp_path, SENTRY_DSN=ingest.dsn).stderr
        assert ingest.requests == [] and [path.name for path in (tmp_path / 'data').iterdir()] == ['lock']


def test_a_test_run_reports_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 'SENTRY_DSN' not in os.environ
    with Ingest() as ingest:
        (tmp_path / '.env').write_text(f'SENTRY_DSN={ingest.dsn}\n')
        monkeypatch.setenv('SENTRY_DSN', ingest.dsn)
        monkeypatch.chdir(tmp_path)
        log_error(caught())
        assert module._sink is None and [path.name for path in tmp_path.iterdir()] == ['.env']


def test_without_a_dsn_it_is_logged_and_nothing_is_made(tmp_path: Path) -> None:
    run(tmp_path, SENTRY_DSN='')
    assert list(tmp_path.iterdir()) == []
