"""The app's side with the real shim and the real SDK."""
import asyncio
import os
import signal
from pathlib import Path

import pytest

from edgeos.connections.state import WriteRefused
from edgeos.plugins.faults import PluginFailed
from edgeos.plugins.isolation import Folders, is_root, owner_of
from edgeos.plugins.plugin import RunningPlugin
from edgeos.plugins.services import PluginServices
from edgeos.plugins.supervisor import State
from edgeos.plugins.trial import try_out
from tests.helpers import eventually
from tests.plugins.conftest import Heard
from tests.plugins.house import House, manifest, said, some_uid, value
from tests.plugins.process import make_venv

CODE = """
import edgeos_plugin
class Demo(edgeos_plugin.Plugin):
    async def start(self):
        if self.config.get('bad'):
            raise edgeos_plugin.ConfigError('the host is missing')
        self.storage.set('starts', self.storage.get('starts', 0) + 1)
        self.publish('starts', self.storage.get('starts', 0))
        self.publish('lamp', False, writable=True)
        self.subscribe('plc/**', self.on_point)
        self.log.warning('ready')
        self.event('info', 'hello owner', n=1)
    def on_point(self, point):
        self.publish('seen', f'{point.name}={point.value}')
        if point.value == 'crash':
            raise ValueError('of the author')
    async def on_write(self, name, value):
        if value == 'other':
            try:
                await self.write('plc/a', 5)
            except edgeos_plugin.PermissionDenied as error:
                self.publish('denied', str(error))
        elif value == 'no':
            raise ValueError('not like this')
        else:
            self.publish(name, value, writable=True)
    async def stop(self):
        print('stopped in good order')
"""


def plugin(house: House, **changes: object) -> RunningPlugin:
    code = house.root / 'demo' / '1.2.3'
    packages = make_venv(code / 'venv')
    (packages / 'child.py').write_text(CODE)
    places = Folders(code, house.root / 'demo' / 'data', house.root / 'storage' / 'demo.json')
    made = manifest('Demo', permissions=['points.read:plc/**', 'points.write:plc/a'], **changes)
    house.plugins.append(RunningPlugin(made, places, PluginServices(house.gateway), lambda: house.config,
                                       ['points.read:plc/**'], some_uid()))  # fmt: skip
    return house.plugins[-1]


async def test_its_temporary_folder_is_its_own_also_when_it_was_removed(house: House) -> None:
    demo = plugin(house)
    for _ in range(2):
        await demo.start()
        await demo.came_up()
        found = (demo._order.folders.data / 'tmp').stat()
        assert found.st_uid == (os.geteuid() if demo._order.uid is None else demo._order.uid)
        await demo.stop()
        (demo._order.folders.data / 'tmp').rmdir()


async def test_all_that_an_author_can_do_works(house: House, heard: Heard) -> None:
    plc = house.gateway.add_source('plc', house)  # type: ignore[arg-type]
    point = house.gateway.point(plc, 'a')
    assert point
    house.gateway.publish(point, 1, 1.0)
    demo = plugin(house)
    await demo.start()
    await demo.came_up()
    assert demo.isolation['no_new_privs'] and demo.isolation['uid'] is is_root()
    assert not is_root() or owner_of(demo.pid or 0) == demo._order.uid
    await eventually(lambda: value(house, 'demo/starts') == 1 and value(house, 'demo/seen') == 'a=1')
    await eventually(lambda: 'ready' in said(demo) and heard.has('info', 'hello owner'))
    await house.gateway.write('demo/lamp', True)
    await eventually(lambda: value(house, 'demo/lamp') is True)
    with pytest.raises(WriteRefused, match='not like this'):
        await house.gateway.write('demo/lamp', 'no')
    await house.gateway.write('demo/lamp', 'other')
    await eventually(lambda: 'points.write:plc/a' in (value(house, 'demo/denied') or ''))
    assert 'refused: it has not the permission points.write:plc/a' in said(demo)
    house.gateway.publish(point, 'crash', 2.0)
    await eventually(lambda: len(heard.errors) == 2)
    assert [text for text, _context in heard.errors] == ['ValueError: not like this', 'ValueError: of the author']
    assert heard.errors[1][1]['plugin'] == 'demo' and 'on_point' in heard.errors[1][1]['plugin_traceback']
    await demo.stop()
    assert 'stopped in good order' in said(demo) and demo.last_error is None
    await demo.start()
    await demo.came_up()
    await eventually(lambda: value(house, 'demo/starts') == 2)


async def test_a_configuration_error_is_shown_and_the_next_configuration_starts_it(house: House) -> None:
    house.config = {'bad': True}
    demo = plugin(house)
    await demo.start()
    with pytest.raises(PluginFailed, match='the host is missing'):
        await demo.came_up()
    assert demo.state is State.FAILED and demo.next_try_in is None
    house.config = {}
    await demo.config_changed({})
    await demo.came_up()


async def test_a_hanging_plugin_shows_where(house: House) -> None:
    demo = plugin(house, health=(0.3, 0.3, 2))
    await demo.start()
    await demo.came_up()
    assert demo.pid
    os.kill(demo.pid, signal.SIGSTOP)
    await eventually(lambda: demo.state is State.UNHEALTHY)
    os.kill(demo.pid, signal.SIGCONT)
    await eventually(lambda: demo.state is State.RUNNING)


async def test_a_new_version_is_tried_beside_the_old_one(house: House, tmp_path: Path) -> None:
    demo = plugin(house)
    await demo.start()
    await demo.came_up()
    pid = demo.pid
    places = Folders(demo._order.folders.code, tmp_path / 'trial', tmp_path / 'trial.json')
    await try_out(demo.manifest, places, some_uid())
    (demo._order.folders.code / 'venv' / 'bin' / 'python').unlink()
    with pytest.raises(PluginFailed, match='not found'):
        await try_out(demo.manifest, places, some_uid())
    await asyncio.sleep(0)
    assert demo.state is State.RUNNING and demo.pid == pid
    assert value(house, 'demo/starts') == 1 and not (tmp_path / 'trial.json').exists()
