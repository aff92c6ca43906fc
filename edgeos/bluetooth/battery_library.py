"""Some forty battery families by way of the aiobmsble library, over our own link.

The library would connect by itself, past the order in which devices are connected here, and without being counted or
watched. So it is given a client that is already connected: ours. That uses two names of it that are not public
(`_client`, `_init_connection`); a test against the real library holds them.
"""
import asyncio
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from edgeos.bluetooth.errors import DeviceError, NoAnswer, ProfileError
from edgeos.bluetooth.gatt import GattLink
from edgeos.bluetooth.profiles import Listener, Profile
from edgeos.bluetooth.readings import Reading
from edgeos.bluetooth.stack import GattCharacteristic
from edgeos.bluetooth.uuids import full

NAMES: Mapping[str, tuple[str, str, int | None]] = {  # the library's word: our point, unit, digits
    'voltage': ('voltage', 'V', 3),
    'current': ('current', 'A', 3),
    'power': ('power', 'W', 2),
    'battery_level': ('state_of_charge', '%', 1),
    'battery_health': ('state_of_health', '%', 1),
    'cycle_charge': ('remaining_capacity', 'Ah', 3),
    'design_capacity': ('full_capacity', 'Ah', 3),
    'cycle_capacity': ('stored_energy', 'Wh', 1),
    'total_charge': ('total_charge', 'Ah', 1),
    'cycles': ('cycles', '', None),
    'delta_voltage': ('cell_spread', 'V', 3),
    'runtime': ('runtime', 's', None),
    'balance_current': ('balance_current', 'A', 3),
    'heater_current': ('heater_current', 'A', 3),
    'pack_count': ('pack_count', '', None),
    'problem': ('problem', '', None),
    'problem_code': ('problem_code', '', None),
    'chrg_mosfet': ('charge_mosfet', '', None),
    'dischrg_mosfet': ('discharge_mosfet', '', None),
    'balancer': ('balancing', '', None),
    'heater': ('heater', '', None),
}
UPDATE_LIMIT = 8.0  # s for all the questions of one round


class LibraryProfile(Profile):
    """One family of the library; its module's name is the profile's."""

    NAME: ClassVar[str] = ''  # each object has that of its family

    def __init__(self, link: GattLink, listener: Listener, family: str, address: str) -> None:
        super().__init__(link, listener)
        self.family = family
        self._address = address
        self._battery: Any = None
        self._units: dict[str, str] = {}  # of what has been told so far

    @property
    def name(self) -> str:
        return self.family

    @classmethod
    def fits(cls, link: GattLink) -> bool:
        """Only chosen by name."""
        return False

    async def begin(self) -> list[Reading]:
        module, kit = await asyncio.to_thread(_load, self.family)
        battery = self._battery = module.BMS(kit.placeholder(self._address))
        battery._client = client = BorrowedClient(self.link)
        try:
            for service in battery.uuid_services():
                if not client.has_service(str(service)):
                    raise ProfileError(str(service))
            async with asyncio.timeout(UPDATE_LIMIT):
                await battery._init_connection()
        except TimeoutError as error:
            raise NoAnswer('') from error
        self._heard = client.heard
        return []

    async def read(self) -> list[Reading]:
        try:
            async with asyncio.timeout(UPDATE_LIMIT):
                sample = await self._battery.async_update()
        except TimeoutError as error:
            raise NoAnswer('') from error
        except (ValueError, LookupError, ArithmeticError, AssertionError) as error:  # what its parsers raise
            raise DeviceError(f'{type(error).__name__}: {error}') from error
        found = readings_of(sample)
        told = {each.name for each in found}
        missing = [Reading(name, None, unit) for name, unit in self._units.items() if name not in told]
        self._units.update({each.name: each.unit for each in found})
        return found + missing


def _load(family: str) -> tuple[Any, Any]:
    return importlib.import_module(f'aiobmsble.bms.{family}'), importlib.import_module('edgeos.bluetooth.library')


def readings_of(sample: Mapping[str, Any]) -> list[Reading]:
    """The library's sample as points under our names; what is not known here is left out."""
    found = [Reading(name, _rounded(sample[key], digits), unit)
             for key, (name, unit, digits) in NAMES.items() if sample.get(key) is not None]  # fmt: skip
    return found + _cells(sample.get('cell_voltages') or ()) + _temperatures(sample.get('temp_values') or ())


def _cells(volts: Sequence[float]) -> list[Reading]:
    if not volts:
        return []
    cells = [Reading(f'cell_{number}', round(each, 3), 'V') for number, each in enumerate(volts, 1)]
    return [*cells, Reading('cell_min', round(min(volts), 3), 'V'), Reading('cell_max', round(max(volts), 3), 'V')]


def _temperatures(values: Sequence[Any]) -> list[Reading]:
    return [Reading(f'temperature_{number}', round(float(each), 1), '°C') for number, each in enumerate(values, 1)]


def _rounded(value: Any, digits: int | None) -> bool | int | float:
    if isinstance(value, bool) or digits is None:
        return value if isinstance(value, bool) else int(value)
    return round(float(value), digits)


class BorrowedClient:
    """What the library uses of a BleakClient, over a link that is open and stays ours."""

    is_connected = True
    address = ''

    def __init__(self, link: GattLink) -> None:
        self._link = link
        self.services = link.native_services
        self.heard: list[tuple[GattCharacteristic, Callable[[bytes], None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def has_service(self, uuid: str) -> bool:
        return any(each.service == full(uuid) for each in self._link.characteristics)

    async def read_gatt_char(self, characteristic: Any, **_options: Any) -> bytearray:
        return bytearray(await self._link.read(self._find(characteristic)))

    async def write_gatt_char(self, characteristic: Any, data: bytes, response: bool | None = None) -> None:
        await self._link.write(self._find(characteristic), bytes(data), response=response)

    async def start_notify(self, characteristic: Any, callback: Callable[[Any, bytearray], Any],
                           **_options: Any) -> None:  # fmt: skip
        found = self._find(characteristic)

        def hear(data: bytes) -> None:
            if inspect.iscoroutine(work := callback(found, bytearray(data))):
                task = asyncio.ensure_future(work)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        await self._link.subscribe(found, hear)
        self.heard.append((found, hear))

    async def stop_notify(self, characteristic: Any) -> None:
        found = self._find(characteristic)
        for entry in [entry for entry in self.heard if entry[0] is found]:
            self.heard.remove(entry)
            await self._link.unsubscribe(*entry)

    async def disconnect(self) -> None:
        """The link is not the library's to end."""

    def _find(self, characteristic: Any) -> GattCharacteristic:
        handle = characteristic if isinstance(characteristic, int) else getattr(characteristic, 'handle', None)
        if handle is not None:
            found = next((each for each in self._link.characteristics if each.handle == handle), None)
        else:
            found = self._link.find(full(str(characteristic)))
        if found is None:
            raise ProfileError(str(characteristic))
        return found
