"""One device with a loop of its own: connect, poll, wait, again. Another one's trouble is not its own."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from edgeos_plugin import ConfigError, WriteFailed

from .blocks import Block, grouped
from .link import BUSY, NO_SUCH, Link, LinkLost, Refused
from .registers import BadValue, Raw, Register

LONGEST_PAUSE = 30.0
READ_BACKS = (0.0, 0.2, 0.5)  # s to wait before each look: some devices take their time
TOLD = 3  # registers whose trouble is named
RESERVED = ('connected', 'error')


class Host(Protocol):
    """What a device needs of the plugin."""

    def publish(self, name: str, value: Any, unit: str = '', writable: bool = False) -> None: ...

    @property
    def event(self) -> Callable[..., None]: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """One entry of the list `devices`."""

    name: str
    host: str
    port: int
    unit: int
    poll: float
    timeout: float
    registers: tuple[Register, ...]

    @classmethod
    def of(cls, config: dict[str, Any]) -> 'Settings':
        """Raises ConfigError."""
        registers = tuple(Register(**register) for register in config.get('registers', []))
        name, names = config['name'], [register.name for register in registers]
        if strange := next((one for one in (name, *names) if not one.isprintable()), None):
            raise ConfigError(f'{strange!r}: expected a name without control characters')
        if '/' in name:
            raise ConfigError(f'{name}: expected a name without /')
        if double := next((one for one in names if names.count(one) > 1 or one in RESERVED), None):
            raise ConfigError(f'{name}: the name {double} is taken')
        return cls(name, config['host'], config.get('port', 502), config.get('unit', 1),
                   float(config.get('poll_s', 2)), float(config.get('timeout_s', 3)), registers)  # fmt: skip


class Device:
    """Its points are `<device>/<register>`, `<device>/connected` and `<device>/error`."""

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self._host = host
        self._link = Link(settings.host, settings.port, settings.unit, settings.timeout)
        self._lock = asyncio.Lock()
        self._blocks: list[Block] = []
        self._refused: dict[str, str] = {}  # register name: why it cannot be read
        self._problem = 'it is not connected yet'
        self._is_connected: bool | None = None
        self._is_forgotten = False

    async def run(self) -> None:
        """For ever."""
        self._show_lost()
        pause = 1.0
        while True:
            try:
                async with self._lock:
                    await self._link.open()
                self._blocks = grouped(self.settings.registers)
                await self._poll()
                pause = 1.0
                await self._poll_on()
            except LinkLost as error:
                self._lost(str(error))
            finally:
                self._link.close()
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def write(self, name: str, value: Any) -> None:
        """Write a register and see that the device took it. Raises WriteFailed."""
        register = next((one for one in self.settings.registers if one.name == name), None)
        if register is None or not register.writable:
            raise WriteFailed(f'{self.settings.name}/{name} cannot be written')
        try:
            raw = register.encoded(value)
            async with self._lock:
                await self._link.write(register, raw)
                await self._read_back(register, raw)
        except LinkLost as error:
            self._link.close()  # an answer that comes late would be taken for the next one's
            raise WriteFailed(f'{self.settings.name}: {error}') from error
        except (BadValue, Refused) as error:
            raise WriteFailed(f'{self.settings.name}/{name}: {error}') from error

    def forget(self) -> None:
        """It is configured no more: what it said last is not true for ever."""
        self._problem = 'it is not configured any more'
        self._show_lost()
        self._is_forgotten = True

    async def _read_back(self, register: Register, raw: Raw) -> None:
        found: Raw = []
        for pause in READ_BACKS:
            await asyncio.sleep(pause)
            found = await self._link.read(register.kind, register.address, register.size)
            self._show(register, found)
            if found == raw:
                return
        raise WriteFailed(f'{self.settings.name}/{register.name}: the device kept {register.decoded(found)!r}')

    # polling

    async def _poll_on(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + self.settings.poll, loop.time())
            await asyncio.sleep(due - loop.time())
            await self._poll()

    async def _poll(self) -> None:
        """All registers once. Raises LinkLost."""
        for block in list(self._blocks):
            async with self._lock:
                await self._read_block(block)
        if not self._blocks:
            async with self._lock:
                await self._link.open()  # nothing to ask: it is alive when it can be connected to
        self._found()

    async def _read_block(self, block: Block) -> None:
        try:
            raw = await self._link.read(block.kind, block.start, block.count)
        except Refused as error:
            if error.code in NO_SUCH and len(block.registers) > 1:
                at = self._blocks.index(block)
                self._blocks[at : at + 1] = block.split()
                for single in block.split():
                    await self._read_block(single)
            elif error.code not in BUSY:
                self._refuse(block, str(error))
            return
        for register in block.registers:
            self._refused.pop(register.name, None)
            self._show(register, block.raw_of(register, raw))

    def _refuse(self, block: Block, why: str) -> None:
        for register in block.registers:
            if self._refused.get(register.name) != why:
                self._refused[register.name] = why
                self._publish(register, None)

    # what is shown

    def _found(self) -> None:
        reasons = [f'{name}: {why}' for name, why in self._refused.items()]
        more = [f'and {len(reasons) - TOLD} more'] if len(reasons) > TOLD else []
        problem = '; '.join(reasons[:TOLD] + more)
        if not self._is_connected or problem != self._problem:
            if self._is_connected is False:
                self._host.event('info', f'{self.settings.name} answers again.')
            if problem:
                self._host.event('warning', f'{self.settings.name} does not give all its registers: {problem}')
            self._is_connected, self._problem = True, problem
            self._show_state(True)

    def _lost(self, why: str) -> None:
        if self._is_connected is not False:
            address = f'{self.settings.host}:{self.settings.port}'
            self._host.event('warning', f'{self.settings.name} ({address}) cannot be reached: {why}')
        if self._is_connected is not False or why != self._problem:
            self._problem = why
            self._show_lost()
        self._is_connected = False

    def _show_lost(self) -> None:
        """Nobody knows its values now, and an old one would look like a new one."""
        for register in self.settings.registers:
            self._publish(register, None)
        self._refused.clear()
        self._show_state(False)

    def _show_state(self, is_connected: bool) -> None:
        self._tell('connected', is_connected)
        self._tell('error', self._problem)

    def _show(self, register: Register, raw: Raw) -> None:
        self._publish(register, register.decoded(raw))

    def _publish(self, register: Register, value: Any) -> None:
        self._tell(register.name, value, register.unit, register.writable)

    def _tell(self, name: str, value: Any, unit: str = '', writable: bool = False) -> None:
        if not self._is_forgotten:
            self._host.publish(f'{self.settings.name}/{name}', value, unit, writable)
