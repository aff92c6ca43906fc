"""The PLCs of the demo: each a process of its own, and switches to break it."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from edgeos.demo.ports import HOST, free_port
from edgeos.demo.switches import Switch, said
from edgeos.processes import PROJECT, ChildProcess, ProcessError, python_module

READY_WITHIN = 20.0  # s; the first import on a small machine takes long
RESTART_DOWN = 5.0  # s

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Profile:
    """Which PLC it is, and what its connection reads."""

    id: str
    name: str
    profile: str
    net_id: str
    ams_port: int
    symbols: list[str] = field(default_factory=list)


HEATING = Profile('demo_heating', said('Heating PLC (TwinCAT 3)'), 'house3', '127.0.0.1.3.1', 851, ['**'])
CELLAR = Profile('demo_cellar', said('Cellar PLC (TwinCAT 2)'), 'house2', '127.0.0.1.2.1', 801, ['**'])

FAULTS = {
    'refuse': (
        said('Refuse connections'),
        said(
            'The PLC is gone from the network: the connection is lost at once and tried again every '
            'second.'
        ),
    ),
    'silent': (
        said('Say nothing'),
        said(
            'The PLC keeps the connection open but answers nothing, as one that hangs: it is noticed '
            'within 5 seconds.'
        ),
    ),
    'drop': (
        said('Break off'),
        said(
            'The PLC ends the connection in the middle of an answer, again and again.'
        ),
    ),
    'slow': (
        said('Answer slowly'),
        said(
            'Every answer takes a while: the round trip grows, and values still come.'
        ),
    ),
    'online_change': (
        said('Change the program'),
        said(
            'The program is changed while it runs: its variables move, are read again by name, and no'
            ' wrong value is shown in between.'
        ),
    ),
    'wrong_symbol_version': (
        said('Wrong data'),
        said(
            'The PLC says that its program has changed with every answer: the symbols are read again '
            'and again, and no value is trusted.'
        ),
    ),
    'stop': (
        said('Stop the program'),
        said(
            'The PLC answers but its program stands still: that is said, and the values are marked as'
            ' old.'
        ),
    ),
    'config': (
        said('Configuration mode'),
        said(
            'TwinCAT is in CONFIG: the runtime is gone until it is started again.'
        ),
    ),
}  # fmt: skip


class PlcPart:
    """Start it once, stop it once."""

    def __init__(self, profile: Profile, lock: asyncio.Lock) -> None:
        self.name = profile.name
        self.port = free_port()
        self._profile = profile
        self._lock = lock
        self._faults: dict[str, bool] = {}
        self._ready = asyncio.Event()
        self._last_line = ''
        self.process = ChildProcess(
            profile.name,
            python_module('edgeos.demo.plc_program', '--host', HOST, '--port', str(self.port), '--profile',
                          profile.profile, '--net-id', profile.net_id, '--ams-port', str(profile.ams_port)),
            cwd=PROJECT, on_line=self._on_line, with_input=True,
        )  # fmt: skip
        self.switches = [self._make_restart(), *(self._make_fault(id) for id in FAULTS)]

    @property
    def processes(self) -> list[ChildProcess]:
        return [self.process]

    async def start(self) -> None:
        """Returns when it listens; raises ProcessError."""
        self._ready.clear()
        await self.process.start()
        ready, ended = asyncio.create_task(self._ready.wait()), asyncio.create_task(self.process.wait())
        await asyncio.wait((ready, ended), timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        ended.cancel()
        if not self._ready.is_set():
            await self.process.stop()
            raise ProcessError(f'{self.name} did not start: {self._last_line}')
        for fault, on in self._faults.items():
            if on:
                self._tell(fault, on)

    async def stop(self) -> None:
        """As pulling the plug."""
        if self.process.is_running:
            self.process.kill()
            await self.process.stop()

    def connections(self) -> list[dict[str, Any]]:
        """The connection to it, as it would stand in settings.toml."""
        profile = self._profile
        config = {'host': f'{HOST}:{self.port}', 'ams_net_id': profile.net_id, 'ams_port': profile.ams_port,
                  'symbols': profile.symbols}  # fmt: skip
        return [{'id': profile.id, 'type': 'plc', 'name': profile.name, 'enabled': True, 'config': config}]

    def _on_line(self, line: str) -> None:
        self._last_line = line
        if line.startswith('ready'):
            self._ready.set()
        else:
            log.info('%s: %s', self.name, line)

    def _make_restart(self) -> Switch:
        async def act(on: bool) -> None:
            if on:
                await self.stop()
            elif not self.process.is_running:
                await self.start()

        explanation = 'The PLC is off for 5 seconds, as after a power cut: values come back by themselves after it.'
        return Switch(f'{self._profile.id}_restart', 'Restart', explanation, act,
                      lock=self._lock, off_after=RESTART_DOWN, momentary=True)  # fmt: skip

    def _make_fault(self, fault: str) -> Switch:
        name, explanation = FAULTS[fault]
        return Switch(f'{self._profile.id}_{fault}', name, explanation, self._teller(fault), lock=self._lock)

    def _teller(self, fault: str) -> Callable[[bool], Awaitable[None]]:
        async def act(on: bool) -> None:
            self._faults[fault] = on
            self._tell(fault, on)

        return act

    def _tell(self, fault: str, on: bool) -> None:
        if self.process.is_running and not self.process.send_line(json.dumps({fault: on})):
            log.warning('%s does not listen', self.name)
