"""Plugins that mean no good: each is contained and named, the event loop stays free, and nothing of them is left."""
import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edgeos.limiter import ResourceLimiter
from edgeos.plugins.isolation import is_root
from edgeos.plugins.supervisor import State
from edgeos.processes import PROJECT
from tests.helpers import eventually, eventually_sync, patient
from tests.lag import TICK
from tests.plugins.conftest import Heard
from tests.plugins.house import House, is_alive, living, name_of, said, value


@asynccontextmanager
async def loop_is_free() -> AsyncIterator[None]:
    """Nothing holds the loop for long: in CPU time of its thread, because others use the cores too.

    What earlier tests have left is set aside: a full collection of thousands of tests' objects takes longer than that.
    """
    held: list[float] = []

    async def measure() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(TICK)
            held.append((time.thread_time() - before) * 1000)

    gc.collect()
    gc.freeze()
    measuring = asyncio.create_task(measure())
    yield
    measuring.cancel()
    gc.unfreeze()
    assert max(held, default=0.0) <= patient(40, below=80), f'held for {max(held)} ms'
    assert sum(held) <= 0.5 * len(held) * TICK * 1000 + 40, 'most of the time it had something to do'


async def test_binary_on_stdout_is_text_in_the_log_and_no_message(house: House) -> None:
    async with loop_is_free():
        plugin = await house.run('prints_binary')
        await eventually(lambda: '"method": "publish"' in said(plugin))
    assert plugin.state is State.RUNNING
    assert all(char.isprintable() or char in '\n\t' for char in said(plugin))


@pytest.mark.parametrize(('kind', 'reason'), [
    ('endless_line', 'It was ended, because it sent a line of more than 1 MiB.'),
    ('rubbish', 'It was ended, because it sent a line that is not JSON.'),
    ('brackets', 'It was ended, because it sent more than 20000 lists and objects in one message.'),
    ('wrong_token', 'It was ended, because it did not say hello as it was told.'),
    ('wrong_api', 'It was ended, because it speaks version 2 of the protocol.'),
    ('closes', 'It was ended, because it closed the conversation but went on running.'),
])  # fmt: skip
async def test_who_breaks_the_protocol_is_ended_and_tried_again_later(
        house: House, heard: Heard, kind: str, reason: str) -> None:  # fmt: skip
    async with loop_is_free():
        plugin = house.plugin(kind)
        await plugin.start()
        await eventually(lambda: plugin.state is State.BACKOFF)
    assert plugin.last_error and (plugin.last_error.code, plugin.last_error.message) == ('protocol', reason)
    assert reason in said(plugin) and heard.has('warning', reason)
    assert plugin.next_try_in and plugin.pid is None


async def test_a_flood_of_messages_is_slowed_and_named(house: House, heard: Heard) -> None:
    async with loop_is_free():
        plugin = await house.run('floods', health=(0.5, 3, 2))
        await eventually(lambda: heard.has('warning', 'more than 1000 messages a second'))
        calm = await house.run('good', 'calm')
        await eventually(lambda: value(house, 'calm/config') == {})
        await asyncio.sleep(4)  # time for some pings, whose answers wait behind the flood
    assert plugin.messages_per_second < 2500 and plugin.state is State.RUNNING
    assert calm.state is State.RUNNING
    assert sum('more than 1000' in line.text for line in plugin.log.lines()) == 1
    await plugin.stop(term_after=1, kill_after=2)


async def test_a_flood_of_log_lines_is_cut(house: House) -> None:
    async with loop_is_free():
        plugin = await house.run('floods_log')
        await eventually(lambda: plugin.log.left_out > 100)
    assert sum(len(line.text) for line in plugin.log.lines()) <= 1_048_576


@pytest.mark.parametrize('kind', ['never_reads', 'floods_requests'])
async def test_who_never_reads_costs_little_and_is_ended_as_hanging(house: House, heard: Heard, kind: str) -> None:
    others = house.gateway.add_source('plc', house)  # type: ignore[arg-type]
    points = [house.gateway.point(others, f'p{n}') for n in range(300)]
    async with loop_is_free():
        plugin = await house.run(kind, permissions=['points.read:**'], health=(0.5, 0.4, 3))
        assert plugin._session and plugin._session.peer
        outbox = plugin._session.peer._outbox
        plugin._storage.set('big', 'x' * 50_000)
        plugin.points.subscribe('plc/**')
        worst = 0
        for n in range(100_000):
            if plugin.state is State.BACKOFF:
                break
            for point in points:
                assert point
                house.gateway.publish(point, f'{n}' * 50, 1.0)
            worst = max(worst, outbox._bytes)
            await asyncio.sleep(0.02)
    assert 100_000 < worst < 3_000_000
    assert plugin.last_error and plugin.last_error.code == 'not_answering'
    assert 'has not answered 3 times' in plugin.last_error.message


async def test_who_hangs_is_unhealthy_shows_where_and_is_ended(house: House) -> None:
    plugin = await house.run('hangs', health=(0.2, 0.2, 3))
    await eventually(lambda: plugin.state is State.UNHEALTHY)
    await eventually(lambda: plugin.state is State.BACKOFF)
    assert plugin.last_error and plugin.last_error.code == 'not_answering'
    assert 'most recent call first' in said(plugin) and 'in answer' in said(plugin), 'where it hung'


async def test_who_answers_again_is_well_again(house: House) -> None:
    plugin = house.plugin('hangs_once', health=(0.2, 0.2, 3))
    await plugin.start()
    await plugin.came_up()
    (plugin._order.folders.data / 'hang').touch(0o666)
    await eventually(lambda: plugin.state is State.UNHEALTHY)
    await eventually(lambda: plugin.state is State.RUNNING)


@pytest.mark.parametrize('kind', ['ignores_term', 'hangs_in_stop'])
async def test_who_does_not_end_is_killed_and_that_is_said(house: House, heard: Heard, kind: str) -> None:
    plugin = await house.run(kind, stop_timeout_s=0.5)
    pid = plugin.pid
    async with loop_is_free():
        await plugin.stop(kill_after=1)
    assert pid and not is_alive(pid)
    assert plugin.state is State.STOPPED
    assert plugin.last_error and plugin.last_error.code == 'stop_timeout'
    assert heard.has('warning', 'did not end when it was asked to')


@pytest.mark.parametrize('kind', ['forks', 'double_forks',
                                  pytest.param('double_forks_hidden', marks=pytest.mark.skipif(
                                      not is_root(), reason='platform: needs root'))])  # fmt: skip
@pytest.mark.parametrize('end', ['stop', 'crash'])
async def test_nothing_that_it_forked_is_left(house: House, kind: str, end: str) -> None:
    plugin = await house.run(kind)
    uid = plugin._order.uid
    if is_root():
        await eventually(lambda: len(living(uid)) == (4 if kind == 'forks' else 2))
    if kind == 'double_forks':
        await eventually(lambda: 'daemon ' in said(plugin))
    elif kind == 'double_forks_hidden':  # then nobody is on the way between the two
        await eventually(lambda: len(living(uid)) == 2 and 'sleep' in map(name_of, living(uid)))
    left = [int(line.text.split()[1]) for line in plugin.log.lines() if line.text.startswith('daemon ')]
    if end == 'stop':
        await plugin.stop()
    else:
        assert plugin.pid
        os.kill(plugin.pid, signal.SIGKILL)
        await eventually(lambda: plugin.state is State.BACKOFF)
    assert not any(map(is_alive, left)) and (uid is None or living(uid) == [])
    if kind != 'forks':
        assert '(1 processes it had left behind were ended)' in said(plugin)


async def test_who_eats_memory_is_restarted_with_the_reason(house: House, heard: Heard) -> None:
    house.hold(memory=100)
    async with loop_is_free():
        plugin = await house.run('eats', resources={'memory_mb': 100})
        await eventually(lambda: plugin.state is State.BACKOFF, timeout=10)
    assert plugin.last_error and plugin.last_error.code == 'limit'
    assert plugin.last_error.message == 'The process was ended: it took more memory than it may.'
    assert heard.has('warning', 'memory')
    await eventually(lambda: plugin.restarts == 1)


async def test_who_starts_more_processes_than_its_manifest_says_is_ended(house: House, heard: Heard) -> None:
    limits = house.hold()
    plugin = await house.run('forks', resources={'max_processes': 4})  # it and three others
    await eventually(lambda: limits.limiter.get_stats()['processes'][plugin.pid]['processes'] == 4)
    assert plugin.state is State.RUNNING
    await plugin.stop()
    plugin = house.plugin('forks', 'other', resources={'max_processes': 3})
    await plugin.start()
    await eventually(lambda: plugin.restarts or plugin.state is State.BACKOFF, timeout=10)
    reason = plugin.last_error and plugin.last_error.message
    assert reason == 'The process was ended: it started more processes than it may.'
    assert heard.has('warning', '4 processes, more than the 3 it may have')


async def test_who_spins_is_held_at_the_limit_of_its_manifest(house: House) -> None:
    limits = house.hold()
    plugin = await house.run('spins', resources={'cpu_percent': 10})
    await eventually(lambda: plugin.throttled, timeout=10)
    assert limits.limiter.get_stats()['processes'][plugin.pid]['limit'] == 10
    async with loop_is_free():
        await plugin.stop()
    assert plugin.state is State.STOPPED
    assert plugin.last_error is None, 'it could obey'


async def test_it_is_let_go_before_it_is_asked_to_stop(house: House) -> None:
    house.hold()
    plugin = await house.run()
    assert plugin._session and plugin._session.process
    asked: list[bool] = []
    plugin._session.process.before_stop = lambda: asked.append('stopping' in said(plugin))
    await plugin.stop()
    assert asked[0] is False and 'stopping' in said(plugin)


async def test_the_owner_can_restart_and_kill_it_through_the_limits(house: House) -> None:
    limits = house.hold()
    plugin = await house.run()
    pid = plugin.pid
    limits.restart('demo')
    await eventually(lambda: plugin.pid != pid and plugin.state is State.RUNNING)
    assert plugin.restarts == 0
    limits.kill('demo')
    await eventually(lambda: plugin.state is State.BACKOFF)
    assert plugin.last_error and plugin.last_error.code == 'killed'


APP = """
import asyncio, sys
from pathlib import Path
from tests.plugins.house import House
async def main():
    house = House(Path(sys.argv[1]))
    house.hold()
    plugin = house.plugin(sys.argv[2])
    await plugin.start()
    await plugin.came_up()
    while not (Path(sys.argv[1]) / 'processes.json').exists() or plugin.pid is None:
        await asyncio.sleep(0.01)
    print(plugin.pid, plugin._order.uid, flush=True)
    await asyncio.sleep(0.7)  # the list of who is watched is written by a thread
    print('kept', flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize('kind', ['good', 'double_forks'])
def test_nothing_is_left_of_a_killed_app_after_the_next_start(tmp_path: Path, kind: str) -> None:
    app = subprocess.Popen([sys.executable, '-c', APP, str(tmp_path), kind], cwd=PROJECT, stdout=subprocess.PIPE,
                           text=True)  # fmt: skip
    assert app.stdout
    pid, uid = app.stdout.readline().split()
    app.stdout.readline()
    own = None if uid == 'None' else int(uid)
    before = living(own) if own else [int(pid)]
    app.kill()
    app.wait()
    app.stdout.close()
    eventually_sync(lambda: not is_alive(int(pid)), timeout=2)
    if kind == 'double_forks' and own:
        assert any(map(is_alive, before)), 'a daemon outlives the app'
    limiter = ResourceLimiter(strays=tmp_path / 'processes.json')
    limiter.start_monitoring()
    try:
        eventually_sync(lambda: not any(map(is_alive, before)))
    finally:
        limiter.shutdown()
