"""The battery of the demo: a process with a virtual radio, the app's adapter to it, and switches to break both."""

import asyncio
import importlib
import importlib.util
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from edgeos.demo.battery import ADDRESS
from edgeos.demo.ports import HOST, free_port
from edgeos.demo.radio_neighbours import THERMOMETER
from edgeos.demo.switches import Switch, said
from edgeos.processes import PROJECT, ChildProcess, ProcessError, python_module

if TYPE_CHECKING:
    from edgeos.demo.radio_backend import VirtualRadio

ADAPTER = 'demo'
READY_WITHIN = 20.0  # s; the first import on a small machine takes long
RESTART_DOWN = 5.0  # s
POLL = 2  # s

log = logging.getLogger(__name__)


class BatteryPart:
    """Start it once, stop it once. Without bumble there is no `radio`, and `missing` says what to install."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self.name = said('Battery (Bluetooth)')
        self.port = free_port()
        self.radio: VirtualRadio | None = None
        self.missing = ''
        self._lock = lock
        self._faults: dict[str, bool] = {}
        self._ready = asyncio.Event()
        self._last_line = ''
        self.process = ChildProcess(
            self.name, python_module('edgeos.demo.battery_program', '--host', HOST, '--port', str(self.port)),
            cwd=PROJECT, on_line=self._on_line, with_input=True,
        )  # fmt: skip
        if importlib.util.find_spec('bumble') is None:
            self._miss()
        self.switches = [] if self.missing else [self._make_restart(), *self._make_faults(), self._make_adapter_off()]

    @property
    def processes(self) -> list[ChildProcess]:
        return [self.process]

    async def start(self) -> None:
        """Returns when the battery can be heard, or at once without bumble; raises ProcessError."""
        if self.missing:
            return
        try:
            make_radio = await _load()
        except ImportError as error:
            log.warning('the virtual radio cannot be loaded: %s', error)
            self._miss()
            return
        await self._start_process()
        radio = self.radio = make_radio(HOST, self.port)
        try:
            await radio.open()
        except TimeoutError as error:
            await self.stop()
            raise ProcessError(f'{self.name}: its radio does not answer') from error

    async def stop(self) -> None:
        """As pulling the plug of everything."""
        if self.radio is not None:
            await self.radio.close()
        await self._kill()

    def connections(self) -> list[dict[str, Any]]:
        """The connections as they would stand in settings.toml: one that asks, one that only listens."""
        battery = {'address': ADDRESS, 'profile': 'auto', 'poll_s': POLL, 'adapter': ADAPTER, 'allow_writes': True}
        thermometer = {'address': THERMOMETER, 'profile': 'bthome', 'poll_s': 10, 'adapter': ADAPTER}
        names = {'demo_battery': 'Solar battery (Bluetooth)', 'demo_thermometer': 'Garden shed (Bluetooth)'}
        return [
            {'id': id, 'type': 'bluetooth', 'name': names[id], 'enabled': True, 'config': config}
            for id, config in (('demo_battery', battery), ('demo_thermometer', thermometer))
        ]

    def _miss(self) -> None:
        self.missing = said('The virtual radio needs the package bumble: pip install -r requirements-demo.txt')

    async def _start_process(self) -> None:
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

    async def _kill(self) -> None:
        if self.process.is_running:
            self.process.kill()
            await self.process.stop()

    def _on_line(self, line: str) -> None:
        self._last_line = line
        if line.startswith('ready'):
            self._ready.set()
        else:
            log.info('%s: %s', self.name, line)

    def _make_restart(self) -> Switch:
        async def act(on: bool) -> None:
            if on:
                await self._kill()
            elif not self.process.is_running:
                await self._start_process()

        explanation = (
            'Battery and radio are off for 5 seconds, as after a power cut: first the adapter is missing, then the '
            'battery is found again by itself.'
        )
        return Switch('demo_battery_restart', 'Restart', explanation, act,
                      lock=self._lock, off_after=RESTART_DOWN, momentary=True)  # fmt: skip

    def _make_faults(self) -> list[Switch]:
        texts = {
            'far': (
                'Out of range',
                'The battery is carried away: no farewell, only silence, noticed after about 6 seconds. Back in range '
                'it is found again by itself.',
            ),
            'drop': (
                'Drop the link',
                'The battery ends the link in the middle of an answer, again and again: it is connected to anew each '
                'time, and half an answer is never shown.',
            ),
            'silent': (
                'Stop answering',
                'The link stays up but the battery answers nothing, as one that hangs: it is noticed within about '
                '6 seconds, and the link is made anew.',
            ),
            'corrupt': (
                'Corrupt checksum',
                'Answers come with wrong bits, cut short or with foreign bytes in them: they are counted as errors, '
                'and no wrong value is shown.',
            ),
        }
        return [
            Switch(f'demo_battery_{fault}', name, explanation, self._teller(fault), lock=self._lock)
            for fault, (name, explanation) in texts.items()
        ]

    def _make_adapter_off(self) -> Switch:
        async def act(on: bool) -> None:
            if self.radio is not None:
                await self.radio.power(not on)

        explanation = (
            'Bluetooth is switched off: the battery is lost at once, the thermometer is not heard any more, and both '
            'come back when it is on again.'
        )
        return Switch('demo_battery_adapter_off', 'Adapter off', explanation, act, lock=self._lock)

    def _teller(self, fault: str) -> Callable[[bool], Awaitable[None]]:
        async def act(on: bool) -> None:
            self._faults[fault] = on
            self._tell(fault, on)

        return act

    def _tell(self, fault: str, on: bool) -> None:
        if self.process.is_running and not self.process.send_line(json.dumps({fault: on})):
            log.warning('%s does not listen', self.name)


async def _load() -> 'type[VirtualRadio]':
    """Beside the event loop, for it takes half a second; raises ImportError."""
    module = await asyncio.to_thread(importlib.import_module, 'edgeos.demo.radio_backend')
    made: type[VirtualRadio] = module.VirtualRadio
    return made
