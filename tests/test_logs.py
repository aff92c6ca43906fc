"""The log file: rotated, for its owner only, and a full disk is said once."""
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from edgeos.logs import LogFile

ROOT = Path(__file__).parents[1]


def test_others_cannot_read_it_also_after_it_was_rotated(tmp_path: Path) -> None:
    file = LogFile(tmp_path / 'edgeos.log', maxBytes=50, backupCount=2, encoding='utf-8')
    for number in range(4):
        file.emit(logging.LogRecord('a', logging.INFO, '', 1, f'{number} äöü ' * 5, None, None))
    file.close()
    assert len(list(tmp_path.iterdir())) == 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='platform: no /dev/full')
def test_a_full_disk_is_one_line_and_no_traceback() -> None:
    code = ('import logging; from edgeos.logs import LogFile; log = logging.getLogger("a"); '
            'file = LogFile("/dev/full", encoding="utf-8", delay=True); log.addHandler(file)\n'
            'for number in range(5): log.error("line %d", number)')  # fmt: skip
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert done.stderr.splitlines() == ['WARNING edgeos.logs: the log file cannot be written: No space left on device']
