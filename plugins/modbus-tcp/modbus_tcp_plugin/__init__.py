"""Registers of Modbus devices as points, read and written over TCP."""

import asyncio
from typing import Any

from edgeos_plugin import ConfigError, Plugin, WriteFailed

from .device import Device, Settings

MOST_POINTS = 4900  # of the 5000 that a plugin may have
AGAIN = 5.0  # s


class ModbusTcp(Plugin):
    """One task per device."""

    async def start(self) -> None:
        self.devices: dict[str, Device] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.ending: set[asyncio.Task[None]] = set()
        self.apply(settings_of(self.config))

    async def on_config(self, config: dict[str, Any]) -> None:
        self.apply(settings_of(config))

    async def on_write(self, name: str, value: Any) -> None:
        device, _, register = name.partition('/')
        if device not in self.devices:
            raise WriteFailed(f'there is no device {device}')
        await self.devices[device].write(register, value)

    async def stop(self) -> None:
        await asyncio.gather(*(ended(task) for task in self.tasks.values()), *self.ending)

    def apply(self, wanted: dict[str, Settings]) -> None:
        """What is configured as before goes on undisturbed."""
        for name, device in list(self.devices.items()):
            if wanted.get(name) != device.settings:
                ending = asyncio.create_task(ended(self.tasks.pop(name)))
                self.ending.add(ending)
                ending.add_done_callback(self.ending.discard)
                self.devices.pop(name).forget()
        for name, settings in wanted.items():
            if name not in self.devices:
                device = self.devices[name] = Device(settings, self)
                self.tasks[name] = asyncio.create_task(self.run(device), name=name)

    async def run(self, device: Device) -> None:
        """A device's loop; a mistake of ours in it is reported, and must not end the device for good."""
        while True:
            try:
                await device.run()
            except Exception as error:
                self.log.exception('the loop of %s', device.settings.name)
                self.event('error', f'{device.settings.name}: {type(error).__name__}: {error}')
                await asyncio.sleep(AGAIN)


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel it until it ends: asyncio.wait_for, which pymodbus uses, may swallow it up to Python 3.11."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)


def settings_of(config: dict[str, Any]) -> dict[str, Settings]:
    """By name; raises ConfigError."""
    found: dict[str, Settings] = {}
    for device in config.get('devices', []):
        settings = Settings.of(device)
        if settings.name in found:
            raise ConfigError(f'There are two devices with the name {settings.name}.')
        found[settings.name] = settings
    points = sum(len(settings.registers) + 2 for settings in found.values())
    if points > MOST_POINTS:
        raise ConfigError(f'{points} points are more than the {MOST_POINTS} there may be.')
    return found
