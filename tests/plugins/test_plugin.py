"""The life of a plugin, over real processes."""
import asyncio
import os
import signal
import time
from typing import Any

import pytest

from edgeos.connections.state import WriteRefused
from edgeos.limits import ASKED, MEMORY
from edgeos.plugins.errors import BadText
from edgeos.plugins.faults import PluginFailed
from edgeos.plugins.isolation import is_root
from edgeos.plugins.supervisor import State
from edgeos.plugins.trial import try_out
from edgeos.secrets import MissingSecret
from tests.helpers import FakeClock, eventually, patient
from tests.plugins.conftest import Heard
from tests.plugins.house import House, folders, is_alive, manifest, said, some_uid, value


async def test_it_starts_gets_its_configuration_publishes_and_stops(house: House) -> None:
    house.config = {'host': 'x', 'password': 'secret'}
    plugin = house.plugin()
    assert plugin.state is State.INSTALLED
    await plugin.start()
    await plugin.came_up()
    assert plugin.state is State.RUNNING and plugin.pid and plugin.started_at
    await eventually(lambda: value(house, 'demo/config') == house.config)
    pid = plugin.pid
    began = time.monotonic()
    await plugin.stop()
    assert time.monotonic() - began < patient(2)
    assert (plugin.state, plugin.pid, plugin.last_error, plugin.restarts) == (State.STOPPED, None, None, 0)
    assert not is_alive(pid)
    assert house.gateway.find('demo/config').quality == 'stale'
    assert 'stopping' in said(plugin), 'its last words are heard'


async def test_a_written_value_reaches_it_and_a_refusal_comes_back(house: House) -> None:
    plugin = await house.run()
    plugin.points.publish('lamp', False, '', True)
    await house.gateway.write('demo/lamp', True)
    await eventually(lambda: value(house, 'demo/lamp') is True)
    for name, new, status, words in (('lamp', 'refuse', 422, 'not now'), ('config', 1, 403, 'read-only'),
                                     ('other', 1, 404, 'has no point other')):  # fmt: skip
        with pytest.raises(WriteRefused, match=words) as refused:
            await house.gateway.write(f'demo/{name}', new)
        assert refused.value.status == status
    await plugin.stop()
    with pytest.raises(WriteRefused, match='demo is not running'):
        await plugin.write('lamp', True)


async def test_a_crash_is_followed_by_a_restart_after_a_second(house: House, heard: Heard) -> None:
    plugin = await house.run()
    pid = plugin.pid
    assert pid
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: plugin.state is State.BACKOFF, timeout=1)
    assert plugin.last_error and plugin.last_error.code == 'crashed'
    assert plugin.last_error.message == 'It was ended by the signal SIGKILL.'
    assert plugin.next_try_in and 0 < plugin.next_try_in <= 1.01
    await eventually(lambda: plugin.state is State.RUNNING)
    assert 0.9 < time.monotonic() - began < patient(4)
    assert plugin.restarts == 1 and plugin.pid != pid
    assert heard.has('warning', 'SIGKILL')


async def test_more_than_five_crashes_in_ten_minutes_are_an_alert_and_then_a_try_every_half_hour(
        slow_house: tuple[House, FakeClock], heard: Heard) -> None:  # fmt: skip
    house, clock = slow_house
    plugin = house.plugin('crashes_at_start')
    await plugin.start()
    waits = []
    for _ in range(5):
        await eventually(lambda: plugin.state is State.BACKOFF)
        waits.append(plugin.next_try_in)
        clock.advance(61)
        await eventually(lambda: plugin.state is not State.BACKOFF)
    assert waits == [1, 2, 4, 8, 16]
    await eventually(lambda: plugin.state is State.FAILED)
    assert plugin.next_try_in == 1800 and plugin.restarts == 5
    assert plugin.last_error and plugin.last_error.message == 'It ended by itself with status 1.'
    assert plugin.last_error.hint.startswith('6 failures within 10 minutes')
    assert heard.has('error', '6 failures within 10 minutes. The last: It ended by itself')
    assert 'Traceback: broken' in said(plugin)
    clock.advance(1801)
    await eventually(lambda: plugin.restarts == 6)
    await eventually(lambda: plugin.state is State.FAILED and plugin.next_try_in == 1800)
    assert sum(level == 'error' for level, *_ in heard.events) == 1, 'alerted once'
    await plugin.stop()
    assert plugin.state is State.STOPPED and plugin.next_try_in is None


async def test_a_crash_after_nine_minutes_begins_anew(slow_house: tuple[House, FakeClock]) -> None:
    house, clock = slow_house
    plugin = await house.run()
    for _ in range(3):
        assert plugin.pid
        clock.advance(540)
        os.kill(plugin.pid, signal.SIGKILL)
        await eventually(lambda: plugin.state is State.BACKOFF)
        assert plugin.next_try_in == 1
        clock.advance(2)
        await eventually(lambda: plugin.state is State.RUNNING)


@pytest.mark.parametrize('kind', ['refuses_config', 'exits_78'])
async def test_a_configuration_that_it_refuses_is_not_tried_again_until_it_is_changed(
        house: House, kind: str) -> None:  # fmt: skip
    plugin = house.plugin(kind)
    await plugin.start()
    with pytest.raises(PluginFailed, match=r'the host is missing|no host'):
        await plugin.came_up()
    assert (plugin.state, plugin.next_try_in, plugin.restarts) == (State.FAILED, None, 0)
    assert plugin.last_error and plugin.last_error.code == 'configuration'
    await plugin.config_changed({})
    assert plugin.state is State.STARTING


async def test_a_changed_configuration_reaches_it_while_it_runs(house: House) -> None:
    plugin = await house.run()
    pid = plugin.pid
    await plugin.config_changed({'n': 2})
    await eventually(lambda: value(house, 'demo/config') == {'n': 2})
    assert plugin.pid == pid
    await plugin.config_changed({'bad': True})
    await eventually(lambda: plugin.state is State.FAILED)
    assert plugin.last_error and 'the host is missing' in plugin.last_error.message


async def test_a_configuration_whose_variable_is_not_set_is_said_and_not_tried_again(
        house: House, heard: Heard) -> None:  # fmt: skip
    def without() -> dict[str, Any]:
        raise MissingSecret('TOKEN', 'demo', 'token')

    plugin = house.plugin()
    plugin._get_config = without
    await plugin.start()
    with pytest.raises(PluginFailed, match="'TOKEN' is not set"):
        await plugin.came_up()
    assert (plugin.state, plugin.next_try_in) == (State.FAILED, None) and heard.errors == []
    plugin._get_config = dict
    await plugin.config_changed({})
    await plugin.came_up()


@pytest.mark.parametrize('error', [OSError(5, 'Input/output error'), BadText('the schema is none')])
async def test_what_cannot_be_read_before_a_start_is_said_and_tried_again(
        house: House, heard: Heard, error: Exception) -> None:  # fmt: skip
    def broken() -> dict[str, Any]:
        raise error

    plugin = house.plugin()
    plugin._get_config = broken
    await plugin.start()
    with pytest.raises(PluginFailed, match='It cannot be started: '):
        await plugin.came_up()
    assert plugin.state is State.BACKOFF and heard.errors == []
    plugin._get_config = dict
    await eventually(lambda: plugin.state is State.RUNNING)


async def test_who_cannot_change_its_configuration_is_restarted(house: House) -> None:
    plugin = await house.run('takes_no_config')
    pid, house.config = plugin.pid, {'n': 3}
    await plugin.config_changed(house.config)
    await plugin.came_up()
    assert plugin.pid != pid and plugin.restarts == 0
    await eventually(lambda: value(house, 'demo/config') == {'n': 3})


async def test_what_fails_in_its_start_is_said_and_reported_in_its_name(house: House, heard: Heard) -> None:
    plugin = house.plugin('fails_in_start')
    await plugin.start()
    with pytest.raises(PluginFailed, match='It failed at its start: ValueError: of the plugin'):
        await plugin.came_up()
    assert plugin.state is State.BACKOFF
    (text, context), = heard.errors
    assert text == 'ValueError: of the plugin'
    assert (context['plugin'], context['plugin_version'], context['plugin_traceback']) == ('demo', '1.2.3', 'line 1')


@pytest.mark.parametrize('kind', ['says_no_hello', 'hangs_in_start'])
async def test_who_is_not_ready_in_time_is_ended(house: House, kind: str) -> None:
    plugin = house.plugin(kind, start_timeout_s=1.0)
    await plugin.start()
    await eventually(lambda: plugin.pid)
    pid = plugin.pid
    with pytest.raises(PluginFailed, match='not ready within 1 s'):
        await plugin.came_up()
    assert pid and not is_alive(pid)


@pytest.mark.parametrize(('policy', 'state'), [('on-failure', State.STOPPED), ('always', State.BACKOFF),
                                               ('never', State.STOPPED)])  # fmt: skip
async def test_who_ends_well_is_started_again_only_if_it_wants_that(house: House, policy: str, state: State) -> None:
    plugin = house.plugin('ends_well', restart=policy)
    await plugin.start()
    await eventually(lambda: plugin.state is state)


async def test_a_restart_does_not_wait_and_start_ends_a_wait(house: House) -> None:
    plugin = await house.run()
    pid = plugin.pid
    await plugin.restart()
    await plugin.came_up()
    assert plugin.pid and plugin.pid != pid and plugin.restarts == 0
    for _ in range(4):  # ever longer waits
        plugin.kill()
        await eventually(lambda: plugin.state is State.BACKOFF)
        assert plugin.last_error and plugin.last_error.code == 'killed'
        await plugin.start()
        await plugin.came_up()


@pytest.mark.parametrize('kind', ['good', 'says_no_hello', 'hangs_in_start', 'crashes_at_start'])
@pytest.mark.parametrize('after', [0, 0.01, 0.03, 0.1])
async def test_it_can_be_stopped_at_any_moment_of_its_start(house: House, kind: str, after: float) -> None:
    plugin = house.plugin(kind)
    await plugin.start()
    await asyncio.sleep(after)
    pid = plugin.pid
    await plugin.stop(term_after=0.3, kill_after=0.5)
    assert plugin.state is State.STOPPED and plugin.pid is None
    assert pid is None or not is_alive(pid)
    await plugin.start()
    await plugin.stop(term_after=0.3, kill_after=0.5)
    assert plugin.state is State.STOPPED


async def test_twenty_start_and_stop_side_by_side(house: House) -> None:
    plugins = [house.plugin(plugin_id=f'demo-{n}') for n in range(20)]
    began = time.monotonic()
    await asyncio.gather(*(plugin.start() for plugin in plugins))
    await asyncio.gather(*(plugin.came_up() for plugin in plugins))
    started = time.monotonic() - began
    await asyncio.gather(*(plugin.stop() for plugin in plugins))
    assert started < patient(8) and {plugin.state for plugin in plugins} == {State.STOPPED}


async def test_what_is_kept_comes_back_at_the_next_start(house: House) -> None:
    plugin = await house.run()
    plugin._storage.set('n', [1, 2])
    await plugin.stop()
    await plugin.start()
    await plugin.came_up()
    await eventually(lambda: value(house, 'demo/storage') == {'n': [1, 2]})


@pytest.mark.skipif(not is_root(), reason='platform: needs root')
async def test_as_root_nobody_runs_as_root(house: House) -> None:
    plugin = house.plugin('stays_root')
    await plugin.start()
    with pytest.raises(PluginFailed, match='did not give up the rights of root'):
        await plugin.came_up()
    assert plugin.last_error and plugin.last_error.code == 'isolation'


@pytest.mark.skipif(not is_root(), reason='platform: needs root')
async def test_as_root_without_a_user_of_its_own_it_is_not_even_started(house: House) -> None:
    plugin = house.plugin()
    object.__setattr__(plugin._order, 'uid', None)
    await plugin.start()
    with pytest.raises(PluginFailed, match='the plugin has no user of its own'):
        await plugin.came_up()
    assert plugin.pid is None


async def test_a_missing_interpreter_is_said(house: House) -> None:
    plugin = house.plugin()
    plugin._order.folders.python.unlink()
    await plugin.start()
    with pytest.raises(PluginFailed, match=r'cannot be started: .*not found'):
        await plugin.came_up()
    assert plugin.last_error and plugin.last_error.hint == 'Install it again.'


async def test_a_plugin_that_is_stopped_while_it_restarts_stays_stopped(house: House) -> None:
    plugin = await house.run()
    again = asyncio.create_task(plugin.restart())
    await asyncio.sleep(0)
    await plugin.stop()
    await again
    assert (plugin.state, plugin.pid) == (State.STOPPED, None)


async def test_a_restart_that_comes_too_late_starts_nothing(house: House) -> None:
    plugin = await house.run()
    removal = asyncio.create_task(plugin.remove())
    await asyncio.sleep(0)
    await plugin.restart()
    await removal
    await plugin.start()
    assert (plugin.state, plugin.pid) == (State.STOPPED, None)
    assert not list((house.root / 'storage').glob('*.json'))
    other = await house.run(plugin_id='other')
    ending = asyncio.create_task(other.stop())
    await asyncio.sleep(0)
    other._end_because(ASKED, 0)
    await ending
    await asyncio.gather(*other._errands)
    assert (other.state, other.pid) == (State.STOPPED, None)


@pytest.mark.parametrize('kind', ['forks_at_import', 'eats_at_import'])
async def test_a_trial_is_held_to_the_limits_and_leaves_nothing(house: House, kind: str) -> None:
    limits = house.hold(memory=80)
    started = []
    limits._on_start = started.append
    made = manifest(kind, resources={'memory_mb': 80, 'max_processes': 20}, start_timeout_s=30)
    began = time.monotonic()
    with pytest.raises(PluginFailed, match=r'The process was ended: it (took|started) more'):
        await try_out(made, folders(house.root), some_uid(), limits=limits)
    assert time.monotonic() - began < patient(15) and started == ['demo (trial)']
    await eventually(lambda: limits.limiter.get_stats()['processes'] == {})


async def test_the_wait_after_a_limit_is_obeyed_and_only_once(slow_house: tuple[House, FakeClock]) -> None:
    house, clock = slow_house
    plugin = await house.run()
    plugin._end_because(MEMORY, 30)
    await eventually(lambda: plugin.state is State.BACKOFF)
    assert plugin.next_try_in == 30
    clock.advance(31)
    await eventually(lambda: plugin.state is State.RUNNING)
    plugin.kill()
    await eventually(lambda: plugin.state is State.BACKOFF)
    assert plugin.next_try_in == 2


async def test_a_kill_by_the_owner_is_no_crash_to_whoever_watches(house: House) -> None:
    plugin = await house.run()
    watch = asyncio.create_task(plugin.went_down())
    await asyncio.sleep(0)
    plugin.kill()
    await eventually(lambda: plugin.restarts == 1 and plugin.state is State.RUNNING)
    assert not watch.done()
    assert plugin.pid
    os.kill(plugin.pid, signal.SIGKILL)
    await asyncio.wait_for(watch, 5)
