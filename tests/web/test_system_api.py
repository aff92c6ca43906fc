"""The machine and the watched processes over the HTTP API of a real system."""
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgeos.processes import ChildProcess
from tests.helpers import eventually, free_port
from tests.web.test_api import ISO, House

SPIN = 'while True: pass'
KEYS = {'name', 'cpu_percent', 'average_cpu_percent', 'limit', 'memory_mb', 'memory_limit_mb', 'throttled', 'throttled_since',
        'mechanism'}  # fmt: skip


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    running = House(tmp_path)
    running.path.write_text('[limits]\ncheck_interval = 0.1\ncpu_percent = 5\n')
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def hog(house: House) -> AsyncIterator[ChildProcess]:
    process = ChildProcess('a hog', [sys.executable, '-c', SPIN])
    await process.start()
    house.system.limits.watch(process, lambda _why, _wait: None)
    yield process
    await process.stop()


async def test_the_machine_is_told_as_the_contract_says(house: House) -> None:
    async def measured():
        found = await house.get('/api/system/resources')
        return found if found['system']['cpu_percent'] is not None else None

    found = await eventually(measured)
    assert {'cpu_percent', 'memory_percent', 'disk_percent', 'temperature_c', 'load'} <= found['system'].keys()
    assert 0 < found['system']['memory_percent'] < 100 and 0 < found['system']['disk_percent'] <= 100
    assert found['limiter']['monitored'] == found['limiter']['throttled'] == 0 and found['limiter']['cpu_limit'] == 5
    assert found['limiter']['mechanism'] in ('cgroup', 'duty cycle')
    assert len(await house.get('/api/system/history?seconds=60')) >= 1
    assert await house.get('/api/system/history?seconds=7200') == []
    assert (await house.http.get('/api/system/history?seconds=0')).status_code == 422


async def test_a_hog_is_watched_held_and_limited_by_its_name(house: House, hog: ChildProcess) -> None:
    async def row():
        found = await house.get('/api/system/resources')
        return found['limiter']['processes'][str(hog.pid)]

    async def held():
        found = await row()
        return found if found['throttled'] else None

    found = await eventually(held, timeout=10)
    assert found.keys() >= KEYS and found['name'] == 'a hog' and found['limit'] == 5 and ISO.fullmatch(found['throttled_since'])
    answer = await house.http.put('/api/system/processes/a%20hog/limits', json={'cpu_percent': 3, 'memory_mb': 0})
    assert answer.status_code == 200 and answer.json() == {'cpu_percent': 3, 'memory_mb': 0}
    assert ((await row())['limit'], (await row())['memory_limit_mb']) == (3, None)
    assert '"a hog"' in house.path.read_text()


@pytest.mark.parametrize('body', [{'cpu_percent': 0.5}, {'cpu_percent': -1}, {'cpu_percent': 1e9}, {'memory_mb': 1.5}, {'speed': 1}])
async def test_limits_that_make_no_sense_are_refused(house: House, hog: ChildProcess, body: dict[str, object]) -> None:
    answer = await house.http.put('/api/system/processes/a%20hog/limits', json=body)
    assert answer.status_code == 422 and next(iter(body)) in answer.text
    assert 'a hog' not in house.path.read_text()


async def test_restart_and_kill(house: House, hog: ChildProcess) -> None:
    assert (await house.http.post('/api/system/processes/a%20hog/restart')).status_code == 202
    assert (await house.http.post('/api/system/processes/a%20hog/kill')).status_code == 202
    assert await hog.wait() == -9
    answer = await house.http.put('/api/system/processes/a%20hog/limits', json={'cpu_percent': 3})
    assert answer.status_code == 200 and '"a hog"' in house.path.read_text(), 'limits are by name, also while it does not run'
    for path, method in (('restart', 'post'), ('kill', 'post'), ('limits', 'put')):
        answer = await getattr(house.http, method)(f'/api/system/processes/nobody/{path}', **({'json': {}} if method == 'put' else {}))
        assert answer.status_code == 404 and 'nobody' in answer.text


async def test_prometheus_reads_connections_machine_and_processes(house: House, hog: ChildProcess) -> None:
    await house.add(free_port(), id='cellar')
    await eventually(lambda: house.system.connections.get('cellar').last_error and house.system.vitals.latest)
    answer = await house.http.get('/metrics')
    assert answer.status_code == 200 and answer.headers['content-type'].startswith('text/plain')
    for line in ('edgeos_connection_status{connection="cellar",status="error",type="mqtt"} 1.0',
                 'edgeos_connection_errors_total{connection="cellar",type="mqtt"}', 'edgeos_cpu_ratio', 'edgeos_loop_lag_seconds',
                 'edgeos_info{version=', 'edgeos_process_cpu_percent{process="a hog"}'):  # fmt: skip
        assert line in answer.text
    openmetrics = await house.http.get('/metrics', headers={'accept': 'application/openmetrics-text; version=1.0.0'})
    assert openmetrics.text.rstrip().endswith('# EOF')
