"""Sensors that are only heard: values from adverts, without a link."""
import asyncio
from collections.abc import Sequence
from typing import Protocol

from edgeos.bluetooth.adverts import Advert
from edgeos.bluetooth.adverts_raw import raw_readings
from edgeos.bluetooth.bthome import UUID as BTHOME
from edgeos.bluetooth.bthome import AdvertError, Problem, parse
from edgeos.bluetooth.readings import Reading
from edgeos.connections.state import ConnectionFailure, Notice
from edgeos.connections.traffic import Traffic

MOST_REFUSALS = 5

_CURABLE = frozenset((Problem.NO_KEY, Problem.WRONG_KEY, Problem.NOT_ENCRYPTED))


class Owner(Protocol):
    """The connection."""

    traffic: Traffic

    @property
    def address(self) -> str:
        """Of the sensor."""

    def take(self, readings: Sequence[Reading], age: float = 0.0) -> None:
        """Values that were heard, so many seconds ago."""

    def complain(self, text: str) -> None:
        """Something was not understood."""


class PassiveSensor:
    """Takes the adverts of one sensor."""

    def __init__(self, owner: Owner, profile: str, key: str | None) -> None:
        self.profile = 'bthome' if profile == 'auto' else profile
        self._owner = owner
        self._key = bytes.fromhex(key) if key else None
        self._counter: int | None = None
        self._packet = b''  # the last one
        self._failure: ConnectionFailure | None = None
        self._refusals = 0  # in a row
        self._understood = asyncio.Event()
        self._is_incomplete = False

    @staticmethod
    def fits(advert: Advert) -> bool:
        """Whether `auto` means this."""
        return BTHOME in advert.service_data

    def take(self, advert: Advert, age: float = 0.0) -> None:
        """An advert of the sensor, heard so many seconds ago."""
        raw = raw_readings(advert.manufacturer, advert.service_data, advert.rssi, advert.tx_power)
        if self.profile == 'adverts':
            self._accept(raw, sum(map(len, (*advert.manufacturer.values(), *advert.service_data.values()))), age)
        elif BTHOME in advert.service_data:
            self._take_bthome(advert, [each for each in raw if each.name == 'rssi'], age)

    def check(self) -> None:
        """Raises ConnectionFailure when what is heard cannot be understood for a reason the owner can cure."""
        if self._failure is not None:
            raise self._failure

    async def prove(self, limit: float) -> None:
        """Returns with the first advert that was understood; raises ConnectionFailure."""
        try:
            async with asyncio.timeout(limit):
                while not self._understood.is_set():
                    self.check()
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise ConnectionFailure('profile_mismatch', '{address} is heard, but sends nothing of the profile '
                                    '{profile}.', 'Choose another profile, or "auto".', cheap=False,
                                    address=self._owner.address, profile=self.profile) from error  # fmt: skip

    def notices(self) -> list[Notice]:
        """What was left out."""
        return [Notice('The sensor sends values of a kind that is not known yet; they are left out.')
                ] if self._is_incomplete else []  # fmt: skip

    def _take_bthome(self, advert: Advert, signal: list[Reading], age: float) -> None:
        data = advert.service_data[BTHOME]
        try:
            found = parse(data, address=advert.address, key=self._key, last_counter=self._counter)
        except AdvertError as error:
            self._refuse(error)
            return
        self._counter = found.counter if found.counter is not None else self._counter
        self._is_incomplete = found.is_incomplete
        self._failure, self._refusals = None, 0
        is_repeated = found.packet_id is not None and data == self._packet
        self._packet = data
        self._accept(signal if is_repeated else [*found.readings, *signal], len(data), age)

    def _refuse(self, error: AdvertError) -> None:
        if error.code in _CURABLE:
            self._refusals += 1
            if self._understood.is_set() and self._refusals < MOST_REFUSALS:  # anybody can send one in its name
                self._owner.complain(str(error))
                return
            self._failure = wrong_key(error.code, self._owner.address)
        else:
            self._owner.complain(str(error))

    def _accept(self, readings: list[Reading], size: int, age: float) -> None:
        self._owner.traffic.packets_received += 1
        self._owner.traffic.bytes_received += size
        self._owner.take(readings, age)
        self._understood.set()


def wrong_key(problem: Problem, address: str) -> ConnectionFailure:
    """What is heard cannot be read, or not be trusted."""
    if problem is Problem.NO_KEY:
        text, hint = ('{address} encrypts its values, and there is no key.',
                      'Enter the bind key from the app of its maker.')
    elif problem is Problem.WRONG_KEY:
        text, hint = ('{address} encrypts its values with another key.',
                      'Enter the bind key from the app of its maker; it changes when the sensor is paired anew.')
    else:
        text, hint = ('{address} sends its values without encryption, although there is a key: anybody could.',
                      'Switch encryption on at the sensor, or take the key away here.')
    # tried again, because anybody can send adverts in the name of the sensor
    return ConnectionFailure('not_authorised', text, hint, cheap=False, address=address)
