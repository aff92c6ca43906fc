"""What is asked of an open link, by kind of device. A new kind is one subclass of Profile and one line in PROFILES."""
import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from edgeos.bluetooth import jbd_frames as jbd
from edgeos.bluetooth import standard
from edgeos.bluetooth.errors import Damaged, NoAnswer, ProfileError, Refused
from edgeos.bluetooth.formats import ValueFormatError, decode, encode
from edgeos.bluetooth.gatt import GattLink
from edgeos.bluetooth.readings import Reading
from edgeos.bluetooth.stack import GattCharacteristic
from edgeos.bluetooth.uuids import full, short

ANSWER_LIMIT = 1.5  # s for all pieces of a battery's answer
ASKED = 3  # times, as a battery that sleeps lets the first question pass


class Listener(Protocol):
    """Who uses the link."""

    def take(self, readings: Sequence[Reading]) -> None:
        """Values that came by themselves."""

    def complain(self, text: str) -> None:
        """Something was not understood; count it."""


class NotWritable(Exception):
    """Raised when a point of that name cannot be written."""


class Profile(ABC):
    """Reads one kind of device. All methods raise DeviceError or RadioError when the link or the device fails."""

    NAME: ClassVar[str]

    def __init__(self, link: GattLink, listener: Listener) -> None:
        self.link = link
        self.listener = listener
        self._heard: list[tuple[GattCharacteristic, Callable[[bytes], None]]] = []
        self.is_damaged = False  # what came since the last good answer

    @property
    def name(self) -> str:
        """As the settings call it."""
        return self.NAME

    @property
    def asks(self) -> bool:
        """Whether `read` asks the device something, so that its return is a sign of life."""
        return True

    @classmethod
    @abstractmethod
    def fits(cls, link: GattLink) -> bool:
        """Whether the device offers what this profile reads."""

    @abstractmethod
    async def begin(self) -> list[Reading]:
        """Once after connecting; answers what does not change. Raises ProfileError if it is another kind of device."""

    @abstractmethod
    async def read(self) -> list[Reading]:
        """Ask for the values now."""

    async def write(self, name: str, value: Any) -> list[Reading]:
        """Write a point; answers what the device then says. Raises NotWritable, ValueFormatError."""
        raise NotWritable(name)

    async def end(self) -> None:
        """Hear no more notifications."""
        while self._heard:
            await self.link.unsubscribe(*self._heard.pop())

    async def _hear_from(self, characteristic: GattCharacteristic, hear: Callable[[bytes], None]) -> None:
        await self.link.subscribe(characteristic, hear)
        self._heard.append((characteristic, hear))


class JbdProfile(Profile):
    """JBD (Xiaoxiang) batteries: a question is written, the answer comes in notifications of 20 bytes."""

    NAME: ClassVar[str] = 'jbd_bms'

    def __init__(self, link: GattLink, listener: Listener) -> None:
        super().__init__(link, listener)
        self._reader = jbd.FrameReader()
        self._answers: asyncio.Queue[jbd.Frame] = asyncio.Queue(maxsize=32)
        self._asking = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._bad = 0

    @classmethod
    def fits(cls, link: GattLink) -> bool:
        return (link.find(jbd.NOTIFY_UUID, jbd.SERVICE_UUID) is not None
                and link.find(jbd.WRITE_UUID, jbd.SERVICE_UUID) is not None)  # fmt: skip

    async def begin(self) -> list[Reading]:
        self._to = self.link.need(jbd.WRITE_UUID, jbd.SERVICE_UUID)
        await self._hear_from(self.link.need(jbd.NOTIFY_UUID, jbd.SERVICE_UUID), self._take_piece)
        try:
            return jbd.hardware_readings(await self._ask(jbd.request(jbd.HARDWARE), jbd.HARDWARE))
        except (NoAnswer, Refused, jbd.FrameError):
            return []  # not all have a name

    async def read(self) -> list[Reading]:
        return await self._read_basic() + jbd.cell_readings(await self._ask(jbd.request(jbd.CELLS), jbd.CELLS))

    async def _read_basic(self) -> list[Reading]:
        return jbd.basic_readings(await self._ask(jbd.request(jbd.BASIC), jbd.BASIC))

    async def write(self, name: str, value: Any) -> list[Reading]:
        if name not in ('charge_mosfet', 'discharge_mosfet'):
            raise NotWritable(name)
        if not isinstance(value, bool):
            raise ValueFormatError('expected true or false')
        async with self._writing:  # both switches are written at once, so the other has to be as it is now
            now = {each.name: bool(each.value) for each in await self._read_basic()}
            wanted = {**now, name: value}
            await self._ask(jbd.mosfet_request(wanted['charge_mosfet'], wanted['discharge_mosfet']), jbd.MOSFET)
            return await self._afterwards()

    async def _afterwards(self) -> list[Reading]:
        """What the battery says now; that it does not say is no failure of the write."""
        try:
            return await self._read_basic()
        except (NoAnswer, Refused, jbd.FrameError):
            return []

    async def _ask(self, question: bytes, register: int) -> jbd.Frame:
        async with self._asking:
            while not self._answers.empty():
                self._answers.get_nowait()
            for _again in range(ASKED):
                await self.link.write(self._to, question)
                try:
                    async with asyncio.timeout(ANSWER_LIMIT):
                        frame = await self._answer(register)
                except TimeoutError:
                    continue
                self.is_damaged = False
                if frame.status:
                    raise Refused(f'register {register:#04x}: status {frame.status:#04x}')
                return frame
        raise Damaged('') if self.is_damaged else NoAnswer('')

    async def _answer(self, register: int) -> jbd.Frame:
        while True:
            frame = await self._answers.get()
            if frame.register == register:
                return frame

    def _take_piece(self, piece: bytes) -> None:
        for frame in self._reader.feed(piece):
            if self._answers.full():
                self._answers.get_nowait()
            self._answers.put_nowait(frame)
        if self._reader.bad > self._bad:
            self._bad = self._reader.bad
            self.is_damaged = True
            self.listener.complain('a frame was damaged')


class StandardProfile(Profile):
    """Battery, environmental and device-information services as the Bluetooth SIG defines them."""

    NAME: ClassVar[str] = 'battery'

    @classmethod
    def fits(cls, link: GattLink) -> bool:
        return any(each.uuid in standard.KNOWN and each.uuid not in standard.STATIC for each in link.characteristics)

    async def begin(self) -> list[Reading]:
        if not self.fits(self.link):
            raise ProfileError('180f')
        known = [each for each in self.link.characteristics if each.uuid in standard.KNOWN]
        self._number(known)
        self._polled = [each for each in known if each.is_readable and each.uuid not in standard.STATIC]
        self._proof = None if self._polled else self.link.anything_readable()
        for each in known:
            if each.notifies and each.uuid not in standard.STATIC:
                await self._hear_from(each, self._teller(each))
        return await self._read([each for each in known if each.uuid in standard.STATIC and each.is_readable])

    @property
    def asks(self) -> bool:
        return bool(self._polled) or self._proof is not None

    async def read(self) -> list[Reading]:
        if self._proof is not None:
            await self.link.read(self._proof)
        return await self._read(self._polled)

    def _number(self, known: Sequence[GattCharacteristic]) -> None:
        """The second of a kind is `temperature_2`."""
        self._suffixes: dict[int, str] = {}
        count: dict[str, int] = {}
        for each in known:
            count[each.uuid] = count.get(each.uuid, 0) + 1
            self._suffixes[each.handle] = f'_{count[each.uuid]}' if count[each.uuid] > 1 else ''

    async def _read(self, characteristics: Sequence[GattCharacteristic]) -> list[Reading]:
        found: list[Reading] = []
        for each in characteristics:
            try:
                found += self._readings(each, await self.link.read(each))
            except Refused as error:
                found += self._unknown(each, error)
        return found

    def _readings(self, characteristic: GattCharacteristic, data: bytes) -> list[Reading]:
        suffix = self._suffixes[characteristic.handle]
        try:
            found = standard.readings_of(characteristic.uuid, data)
        except ValueFormatError as error:
            return self._unknown(characteristic, error)
        return [each._replace(name=each.name + suffix) for each in found]

    def _unknown(self, characteristic: GattCharacteristic, why: Exception) -> list[Reading]:
        """A value that cannot be had must not go on to look well."""
        self.listener.complain(f'{short(characteristic.uuid)}: {why}')
        entry = standard.KNOWN[characteristic.uuid]
        return [Reading(entry.name + self._suffixes[characteristic.handle], None, entry.unit)]

    def _teller(self, characteristic: GattCharacteristic) -> Callable[[bytes], None]:
        return lambda data: self.listener.take(self._readings(characteristic, data))


class Chosen(Protocol):
    """A characteristic the owner wants as a point; what is read is multiplied with `scale`."""

    uuid: str
    name: str
    format: str
    unit: str
    scale: float


class ChosenProfile(Profile):
    """Characteristics that the owner has chosen, each with a format."""

    NAME: ClassVar[str] = 'gatt'

    def __init__(self, link: GattLink, listener: Listener, chosen: Sequence[Chosen] = ()) -> None:
        super().__init__(link, listener)
        self._chosen = chosen
        self._found: list[tuple[Chosen, GattCharacteristic]] = []
        self._proof: GattCharacteristic | None = None
        self.missing: list[str] = []

    @classmethod
    def fits(cls, link: GattLink) -> bool:
        return bool(link.characteristics)

    async def begin(self) -> list[Reading]:
        for each in self._chosen:
            if (found := self._look_up(each.uuid)) is not None:
                self._found.append((each, found))
            else:
                self.missing.append(each.name)
        readable = [found for _each, found in self._found if found.is_readable]
        self._proof = None if readable else self.link.anything_readable()
        if not readable and self._proof is None and not any(found.notifies for _each, found in self._found):
            raise ProfileError('')
        for each, found in self._found:
            if found.notifies:
                await self._hear_from(found, self._teller(each, found))
        return []

    @property
    def write_only(self) -> list[str]:
        """Names of what can be written and neither read nor heard."""
        return [each.name for each, found in self._found
                if found.is_writable and not found.is_readable and not found.notifies]  # fmt: skip

    @property
    def asks(self) -> bool:
        return self._proof is not None or any(found.is_readable for _each, found in self._found)

    async def read(self) -> list[Reading]:
        if self._proof is not None:
            await self.link.read(self._proof)
        return [await self._ask(each, found) for each, found in self._found if found.is_readable]

    async def _ask(self, chosen: Chosen, characteristic: GattCharacteristic) -> Reading:
        try:
            return self._reading(chosen, characteristic, await self.link.read(characteristic))
        except Refused as error:
            return self._unknown(chosen, characteristic, error)

    async def write(self, name: str, value: Any) -> list[Reading]:
        for each, found in self._found:
            if each.name == name and found.is_writable:
                await self.link.write(found, encode(each.format, to_device(value, each)))
                return await self._afterwards(each, found)
        raise NotWritable(name)

    async def _afterwards(self, chosen: Chosen, characteristic: GattCharacteristic) -> list[Reading]:
        """What the device says now; that it does not say is no failure of the write."""
        if not characteristic.is_readable:
            return []
        try:
            return [self._reading(chosen, characteristic, await self.link.read(characteristic))]
        except (NoAnswer, Refused):
            return []

    def _look_up(self, path: str) -> GattCharacteristic | None:
        """By uuid, or by `<service>/<characteristic>` where a uuid stands in several services."""
        return self.link.paths.get(path) if '/' in path else self.link.find(full(path))

    def _reading(self, chosen: Chosen, characteristic: GattCharacteristic, data: bytes) -> Reading:
        try:
            value = decode(chosen.format, data)
        except ValueFormatError as error:
            return self._unknown(chosen, characteristic, error)
        return Reading(chosen.name, to_owner(value, chosen), chosen.unit, characteristic.is_writable)

    def _unknown(self, chosen: Chosen, characteristic: GattCharacteristic, why: Exception) -> Reading:
        """A value that cannot be had must not go on to look well."""
        self.listener.complain(f'{chosen.name}: {why}')
        return Reading(chosen.name, None, chosen.unit, characteristic.is_writable)

    def _teller(self, chosen: Chosen, characteristic: GattCharacteristic) -> Callable[[bytes], None]:
        return lambda data: self.listener.take([self._reading(chosen, characteristic, data)])


def to_owner(value: Any, chosen: Chosen) -> Any:
    """A number in the owner's unit; anything else as it is. Rounded to what the scale can mean."""
    if chosen.scale == 1 or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return round(value * chosen.scale, 9)


def to_device(value: Any, chosen: Chosen) -> Any:
    """The device's number for what the owner wrote."""
    if chosen.scale == 1 or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return round(value / chosen.scale) if 'int' in chosen.format else value / chosen.scale


PROFILES: dict[str, type[Profile]] = {profile.NAME: profile for profile in (JbdProfile, StandardProfile)}
