"""The demo: simulated devices on this machine that speak the real protocols, and switches to break them."""

import asyncio
from pathlib import Path
from typing import Any, Protocol

from edgeos.demo.battery_part import BatteryPart
from edgeos.demo.broker import BrokerError, DemoBroker, Engine
from edgeos.demo.mqtt_part import MqttPart
from edgeos.demo.plc_part import CELLAR, HEATING, PlcPart
from edgeos.demo.switches import Switch
from edgeos.processes import ChildProcess, ProcessError


class Part(Protocol):
    """Some devices of the demo; `name` is an English text for the page to translate."""

    name: str
    switches: list[Switch]

    @property
    def processes(self) -> list[ChildProcess]:
        """What it runs in."""

    async def start(self) -> None:
        """Returns when they can be reached; raises ProcessError."""

    async def stop(self) -> None:
        """Within two seconds nothing runs any more."""

    def connections(self) -> list[dict[str, Any]]:
        """The connections to start with, as they would stand in settings.toml."""


class Demo:
    """Start it once, stop it once. `folder` belongs to the caller, who also removes it."""

    def __init__(self, folder: Path, *, seed: int | None = None, engine: Engine | None = None) -> None:
        self._lock = asyncio.Lock()
        self._mqtt = MqttPart(folder, self._lock, seed=seed, engine=engine)
        self.battery = BatteryPart(self._lock)
        plcs = [PlcPart(HEATING, self._lock), PlcPart(CELLAR, self._lock)]
        self.parts: list[Part] = [self._mqtt, *plcs, self.battery]
        self.switches = [switch for part in self.parts for switch in part.switches]

    @property
    def processes(self) -> list[ChildProcess]:
        """Those that there are at the moment."""
        return [process for part in self.parts for process in part.processes if process.is_running]

    @property
    def broker(self) -> DemoBroker:
        return self._mqtt.broker

    async def start(self) -> None:
        """Returns when everything can be reached; the first values follow within a second.

        Raises BrokerError, with everything stopped again.
        """
        done = await asyncio.gather(*(part.start() for part in self.parts), return_exceptions=True)
        for error in done:
            if isinstance(error, ProcessError):
                await self.stop()
                raise BrokerError(str(error)) from error
            if error is not None:
                raise error

    async def stop(self) -> None:
        """Within two seconds nothing runs any more."""
        for switch in self.switches:
            switch.cancel()
        async with self._lock:
            await asyncio.gather(*(part.stop() for part in self.parts))

    async def reset(self) -> None:
        """Repair everything."""
        for switch in self.switches:
            await switch.set(False)

    def connections(self) -> list[dict[str, Any]]:
        """The connections to start with, as they would stand in settings.toml; the second cannot work."""
        return [connection for part in self.parts for connection in part.connections()]
