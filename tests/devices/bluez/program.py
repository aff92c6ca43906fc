"""The fake as a process: `python -m tests.devices.bluez.program --bus ADDRESS`, told what to do by lines of JSON.

It says `ready` and then answers each line with one: {"result": ...} or {"error": "..."}. A command names an object
and what to do with it, in the words of the Python interface:

    {"device": "A4:C1:38:00:00:01", "call": "vanish", "arguments": [4.0]}
    {"device": "A4:C1:38:00:00:01", "call": "faults.fail", "arguments": ["Connect", "ABORTED_BY_LOCAL"]}
    {"device": "A4:C1:38:00:00:01", "set": {"connect_delay": 0.5}}
    {"adapter": "hci0", "call": "power", "arguments": [false]}
    {"call": "count", "arguments": ["Connect"]}

Texts that are the name of a constant in `errors.py` stand for that error. It ends with its standard input.
"""
import argparse
import asyncio
import inspect
import json
import sys
from typing import Any

from edgeos.demo.ble_device import BleDevice
from tests.devices.bluez import errors
from tests.devices.bluez.errors import BlueZError
from tests.devices.bluez.fake import FakeBlueZ
from tests.devices.samples import BTHomeSensor


def battery_address(number: int) -> str:
    """Of the battery with that number, from 0 on."""
    return f'A4:C1:38:00:00:{number + 1:02X}'


def sensor_address(number: int) -> str:
    """Of the sensor that only advertises."""
    return f'54:48:E6:00:00:{number + 1:02X}'


def batteries(count: int) -> list[BleDevice]:
    """Simulated JBD batteries, loaded only when there are any."""
    if not count:
        return []
    from edgeos.demo.battery import JbdBattery

    return [JbdBattery(battery_address(number), name=f'JBD-{number + 1}') for number in range(count)]


class Sensor(BTHomeSensor):
    """Measures something else now and then."""

    def __init__(self, number: int) -> None:
        super().__init__(sensor_address(number), f'Sensor {number + 1}', rssi=-60 - number)
        self._minutes = 0

    def live(self) -> None:
        self._minutes += 1
        self.measure(100 - self._minutes % 50, 15 + self._minutes % 100 / 10)


async def live(sensors: list[Sensor], every: float) -> None:
    """New measurements for ever."""
    while True:
        await asyncio.sleep(every)
        for sensor in sensors:
            sensor.live()


async def obey(fake: FakeBlueZ, command: dict[str, Any]) -> object:
    """Raises KeyError, AttributeError, TypeError or ValueError for what cannot be done."""
    target: Any = fake
    if 'device' in command:
        target = fake.peripherals[command['device']]
    elif 'adapter' in command:
        target = fake.adapters[command['adapter']]
    for name, value in command.get('set', {}).items():
        if not hasattr(target, name):
            raise AttributeError(f'no {name}')
        setattr(target, name, value)
    if 'call' not in command:
        return None
    for name in command['call'].split('.'):
        if name.startswith('_'):
            raise ValueError(f'{name} is not public')
        target = getattr(target, name)
    result = target(*map(_argument, command.get('arguments', ())))
    return await result if inspect.isawaitable(result) else result


def _argument(value: Any) -> Any:
    found = getattr(errors, value, None) if isinstance(value, str) and value.isupper() else None
    return found if isinstance(found, BlueZError) else value


async def answer(fake: FakeBlueZ, line: bytes) -> dict[str, Any]:
    """What to say to one line."""
    try:
        result = await obey(fake, json.loads(line))
    except (KeyError, AttributeError, TypeError, ValueError, OSError, BlueZError) as error:
        return {'error': f'{type(error).__name__}: {error}'}
    return {'result': result if isinstance(result, (int, float, str, bool, type(None))) else None}


async def run(options: argparse.Namespace) -> int:
    """Until standard input ends; the result is the process' exit code."""
    fake = FakeBlueZ(options.bus, tuple(options.adapters.split(',')))
    sensors = [Sensor(number) for number in range(options.sensors)]
    for device in (*batteries(options.batteries), *sensors):
        fake.add(device, options.interval)
    await fake.start()
    life = asyncio.create_task(live(sensors, options.measure))
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    say('ready')
    while line := await lines.readline():
        say(json.dumps(await answer(fake, line)))
    life.cancel()
    await fake.kill()
    return 1 if fake.mistakes else 0


def say(text: str) -> None:
    """To who started this."""
    print(text, flush=True)


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description='a BlueZ look-alike on a private bus')
    parser.add_argument('--bus', required=True, help='address of the bus')
    parser.add_argument('--adapters', default='hci0', help='names, separated by commas')
    parser.add_argument('--batteries', type=int, default=0, help='JBD batteries to connect to')
    parser.add_argument('--sensors', type=int, default=0, help='devices that only advertise')
    parser.add_argument('--interval', type=float, default=1.0, help='seconds between adverts of a device')
    parser.add_argument('--measure', type=float, default=5.0, help='seconds between measurements of a sensor')
    return asyncio.run(run(parser.parse_args()))


if __name__ == '__main__':
    sys.exit(main())
