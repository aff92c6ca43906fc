"""What else is on the air around the battery: a thermometer to listen to, and strangers, as everywhere."""

import math
import time
from collections.abc import Callable

from edgeos.demo.ble_device import BleDevice, uuid16
from edgeos.demo.weather import DAY, Weather

THERMOMETER = 'A4:C1:38:5D:0A:02'
BEACON = 'D0:F0:18:44:00:07'

_BTHOME = uuid16('fcd2')
_VERSION_2 = 0x40  # neither encrypted nor only sent on events
_PACKET, _CHARGE, _TEMPERATURE, _HUMIDITY = 0x00, 0x01, 0x02, 0x03
_PHONE_KEEPS = 120.0  # s until a phone takes another address


class Neighbour(BleDevice):
    """It only speaks. `refresh` comes before each advert; `clock` gives monotonic seconds."""

    interval = 1.0  # s between adverts
    has_random_address = False

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic, *, name: str = '', rssi: int = -70):
        super().__init__(address, name, rssi, connectable=False)
        self._clock = clock
        self._began = clock()
        self.refresh()

    @property
    def age(self) -> float:
        """In s."""
        return self._clock() - self._began

    def refresh(self) -> None:
        """Have something new to say."""


class Thermometer(Neighbour):
    """A BTHome sensor in the garden shed, in the air of the demo's fast days.

    Service data fcd2 in version 2: a byte of device information, then objects in the order of their ids, all numbers
    little-endian. Source: bthome.io/format.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._packet = 0
        super().__init__(THERMOMETER, clock, name='ATC_5D0A02', rssi=-72)

    @property
    def temperature(self) -> float:
        """In °C; the shed follows the day."""
        return 1.5 + Weather.temperature_at(self._hour) + 0.15 * math.sin(self.age)

    @property
    def humidity(self) -> float:
        """In %."""
        return 88.0 - 2.4 * self.temperature + 0.4 * math.sin(self.age / 3)

    @property
    def charge(self) -> int:
        """Of its own battery, in %: a percent less in ten minutes, then somebody changes it."""
        return 87 - int(self.age / 600) % 80

    def refresh(self) -> None:
        self._packet = (self._packet + 1) % 256
        objects = (
            bytes((_VERSION_2, _PACKET, self._packet, _CHARGE, self.charge, _TEMPERATURE))
            + round(self.temperature * 100).to_bytes(2, 'little', signed=True)
            + bytes((_HUMIDITY,))
            + round(self.humidity * 100).to_bytes(2, 'little')
        )
        self.service_data = {_BTHOME: objects}

    @property
    def _hour(self) -> float:
        return (9.0 + self.age * 24 / DAY) % 24


class Beacon(Neighbour):
    """A nameless thing whose maker has told nobody what its bytes mean."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(BEACON, clock, rssi=-88)

    def refresh(self) -> None:
        count = int(self.age) & 0xFFFF
        self.manufacturer_data = {0x0822: b'\x02\x1a' + count.to_bytes(2, 'little') + bytes.fromhex('00c81d7e')}


class Phone(Neighbour):
    """Somebody's telephone: every two minutes another address, so that nobody can follow it."""

    interval = 0.7
    has_random_address = True

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(_private_address(0), clock, rssi=-79)

    def refresh(self) -> None:
        number = int(self.age / _PHONE_KEEPS)
        self.address = _private_address(number)
        self.manufacturer_data = {0x004C: bytes.fromhex('1006431d') + number.to_bytes(2, 'big') + b'\x5a\x18'}


def neighbours(clock: Callable[[], float] = time.monotonic) -> list[Neighbour]:
    """All of them."""
    return [Thermometer(clock), Beacon(clock), Phone(clock)]


def _private_address(number: int) -> str:
    """One of those that change; its two highest bits are 01."""
    return f'5C:3E:{number >> 8 & 0xFF:02X}:{number & 0xFF:02X}:{number * 89 & 0xFF:02X}:{number * 151 + 17 & 0xFF:02X}'
