"""The MQTT part of the demo: a broker and a house full of devices, and switches to break them."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from edgeos.demo.broker import BrokerError, DemoBroker, Engine
from edgeos.demo.living import House
from edgeos.demo.ports import HOST, held_port
from edgeos.demo.switches import Switch, said
from edgeos.processes import PROJECT, ChildProcess, ProcessError, python_module, stop_all

RESTART_DOWN = 5.0  # s
FLOOD_LIMIT = 60.0  # s
KEEPALIVE = 5  # s, so that a frozen broker is noticed while somebody watches

log = logging.getLogger(__name__)


class MqttPart:
    """Start it once, stop it once."""

    name = said('MQTT broker and house')

    def __init__(self, folder: Path, lock: asyncio.Lock, *, seed: int | None = None,
                 engine: Engine | None = None) -> None:  # fmt: skip
        self._closed = held_port()  # first, so that the broker's port is another
        self.broker = DemoBroker(folder, engine=engine)
        seeded = () if seed is None else ('--seed', str(seed))
        self.house = ChildProcess(
            'demo house',
            python_module('edgeos.demo.house', '--host', HOST, '--port', str(self.broker.port), *seeded),
            cwd=PROJECT,
            on_line=lambda line: log.info('house: %s', line),
            with_input=True,
        )
        self._lock = lock
        self._stopped = self._make_stop()
        self._restarting = self._make_restart()
        self.switches = [self._stopped, self._restarting, self._make_freeze(), self._make_refuse(), *self._make_house()]

    @property
    def processes(self) -> list[ChildProcess]:
        return [self.house, *([self.broker.process] if self.broker.process else [])]

    async def start(self) -> None:
        """Returns when the broker accepts connections; the first values follow within a second.

        Raises BrokerError, with everything stopped again.
        """
        try:
            await self.broker.start()
            await self.house.start()
        except (BrokerError, ProcessError) as error:
            await self.stop()
            raise BrokerError(str(error)) from error

    async def stop(self) -> None:
        """Within two seconds nothing runs any more."""
        await asyncio.gather(self.broker.stop(), stop_all([self.house]))
        self._closed.close()

    def connections(self) -> list[dict[str, Any]]:
        """The connections to start with, as they would stand in settings.toml; the second cannot work."""
        house = {
            'host': HOST,
            'port': self.broker.port,
            'topics': ['house/#'],
            'keepalive_s': KEEPALIVE,
            'write_topics': House(0).write_topics(),
        }
        garage = {'host': HOST, 'port': self._closed.getsockname()[1], 'topics': ['garage/#'], 'keepalive_s': KEEPALIVE}
        names = {'demo_house': 'Demo house', 'demo_garage': 'Garage broker (broken on purpose)'}
        return [
            {'id': id, 'type': 'mqtt', 'name': names[id], 'enabled': True, 'config': config}
            for id, config in (('demo_house', house), ('demo_garage', garage))
        ]

    def _make_stop(self) -> Switch:
        async def act(on: bool) -> None:
            if on:
                await self.broker.stop()
            elif not self._restarting.is_on:
                await self.broker.start()

        explanation = (
            'The broker is gone: the connection is lost at once and tried again every second at first, '
            'with the countdown on its card.'
        )
        return Switch('stop_broker', 'Stop the broker', explanation, act, lock=self._lock)

    def _make_restart(self) -> Switch:
        async def act(on: bool) -> None:
            if on:
                await self.broker.stop()
            elif not self._stopped.is_on:
                await self.broker.start()

        explanation = 'The broker is down for 5 seconds: values flow again about a second after it is back.'
        return Switch(
            'restart_broker', 'Restart the broker', explanation, act,
            lock=self._lock, off_after=RESTART_DOWN, momentary=True,
        )  # fmt: skip

    def _make_freeze(self) -> Switch:
        async def act(on: bool) -> None:
            if on:
                self.broker.freeze()
            else:
                self.broker.thaw()

        explanation = (
            'The broker keeps its connections open but no longer answers: only the missing keep-alive gives it away, '
            'within about 10 seconds.'
        )
        return Switch('freeze_broker', 'Freeze the broker', explanation, act, lock=self._lock)

    def _make_refuse(self) -> Switch:
        explanation = (
            'The broker throws everybody out and lets nobody in without a login: trying again cannot help, so it stops '
            'until you log in as "demo" with password "demo", or switch this off and press Connect.'
        )
        return Switch('refuse_logins', 'Refuse logins', explanation, self.broker.refuse_logins, lock=self._lock)

    def _make_house(self) -> list[Switch]:
        texts = {
            'silent': (
                'Devices go silent',
                'The devices send nothing while the broker lives on: the connection stays up, the rate drops to 0.',
            ),
            'flood': (
                'Flood',
                'Lights and meter send up to 3,000 messages a second for a minute: values are thinned, and it says so.',
            ),
            'wrong_data': (
                'Wrong data',
                'The thermostats send broken JSON and text instead of numbers: errors are counted, the rest goes on.',
            ),
        }
        return [
            Switch(
                id, name, explanation, self._tell_house(id),
                lock=self._lock, off_after=FLOOD_LIMIT if id == 'flood' else None,
            )
            for id, (name, explanation) in texts.items()
        ]  # fmt: skip

    def _tell_house(self, fault: str) -> Callable[[bool], Awaitable[None]]:
        async def act(on: bool) -> None:
            if not self.house.send_line(json.dumps({fault: on})):
                log.warning('the demo house does not listen')

        return act
