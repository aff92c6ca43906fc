"""Ten thousand exceptions: bounded time, memory and disk, and the app goes on."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reporting.ingest import Ingest

ROOT = Path(__file__).parents[2]

STORM = """
import json, logging, logging.handlers, resource, sys, time
from pathlib import Path
from edgeos.reporting import log_error, log_event
from edgeos.reporting.reporter import Reporter
from edgeos.settings_models import SentrySettings

folder, dsn, kind = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
handler = logging.FileHandler(folder / 'log')
logging.getLogger().addHandler(handler)

def resident():
    return int(Path('/proc/self/statm').read_text().split()[1]) * 4096

def fail(depth, data):
    if depth:
        fail(depth - 1, data)
    raise ValueError(data[:300])

def one(number, text):
    try:
        fail(20, text)
    except ValueError as error:
        log_error(error, operation='poll' if kind == 'equal' else f'GET /api/{text[:12]}', connection_id='plc_001')
    log_event('info', 'plc_001', 'no answer' if kind == 'equal' else f'no answer from {text[:12]}')

def word(number):
    return ''.join(chr(97 + int(digit)) for digit in str(number)).rjust(12, 'x')

reporter = Reporter(folder, SentrySettings(dsn=dsn), '1', environ={}, env_file=None)
reporter.attach()
reporter.start()
one(-1, 'y' * 100_000)
reporter.send_test()
while reporter.queue.waiting or reporter.preview() is None:
    time.sleep(0.01)
time.sleep(0.2)
memory, cpu, longest = resident(), time.process_time(), 0.0
for number in range(10_000):
    text = word(number) + 'y' * 100_000
    start = time.thread_time()
    one(number, text)
    longest = max(longest, time.thread_time() - start)
cpu = time.process_time() - cpu
reporter.stop(5)
events = reporter.store.query(limit=10_000)
print(json.dumps({'cpu': cpu, 'longest': longest, 'memory': resident() - memory, 'events': len(events), 'count': sum(event.count for event in events),
                  'log': (folder / 'log').stat().st_size, 'database': sum(path.stat().st_size for path in folder.glob('events*'))}))
"""


@pytest.mark.parametrize('kind', ['equal', 'different'])
def test_a_storm_is_bounded(tmp_path: Path, kind: str) -> None:
    with Ingest() as ingest:
        done = subprocess.run([sys.executable, '-c', STORM, str(tmp_path), ingest.dsn, kind], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        sent = len(ingest.events)
    figures = json.loads(done.stdout)
    print(figures, 'sent', sent)
    assert figures['cpu'] < 20 and figures['longest'] < 0.2
    assert figures['memory'] < 25e6
    assert figures['count'] == 20_003, 'everything is counted'
    assert figures['log'] < 1e6 and figures['database'] < 2e6
    assert figures['events'] <= (3 if kind == 'equal' else 3000), 'some new ones a second, the rest in groups'
    assert sent <= (2 if kind == 'equal' else 62)
