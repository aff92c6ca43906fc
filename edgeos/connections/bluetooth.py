"""Bluetooth LE connections: batteries, sensors, any GATT device; judged by the age of their values alone."""
import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel

from edgeos.bluetooth.adverts import Advert, Heard, SignalLog
from edgeos.bluetooth.errors import (
    BluetoothError,
    DeviceError,
    NoAnswer,
    NotFound,
    ProfileError,
    RadioError,
)
from edgeos.bluetooth.formats import ValueFormatError
from edgeos.bluetooth.gatt import GattLink
from edgeos.bluetooth.jbd_frames import FrameError
from edgeos.bluetooth.profiles import NotWritable
from edgeos.bluetooth.radio import Radio
from edgeos.bluetooth.readings import Reading
from edgeos.connections.bluetooth_config import PASSIVE, BluetoothConfig, is_key
from edgeos.connections.bluetooth_ear import Ear
from edgeos.connections.bluetooth_failures import failure_of, held_by, mismatch, no_key, silent
from edgeos.connections.bluetooth_link import DeviceLink
from edgeos.connections.bluetooth_passive import PassiveSensor
from edgeos.connections.bluetooth_raw import RawAccess, answering
from edgeos.connections.bluetooth_tree import browse_tree
from edgeos.connections.bluetooth_watch import LinkWatch
from edgeos.connections.connection import Connection
from edgeos.connections.services import Browsed, Services
from edgeos.connections.state import ConnectionFailure, Failure, Notice, Status, WriteRefused
from edgeos.gateway import UnknownPoint
from edgeos.settings import ConnectionSettings

FIND_LIMIT = 15.0  # s to hear the device
LOOK_LIMIT = 2.0  # s to look again for one that is listened for all the time
MARGIN = 0.4  # s before the contract's 3 polls, to be on time
TRIES_WITH_CACHE = 2  # failed connects after which the system is told to forget the device
MOST_ATTEMPTS = 100

LABELS = {'jbd_bms': 'JBD BMS', 'battery': 'GATT', 'gatt': 'GATT', 'bthome': 'BTHome', 'adverts': 'Adverts'}


class Attempt(NamedTuple):
    """One try to connect: epoch s, how long it took, its outcome (`connected` or a failure's code), signal in dBm."""

    t: float
    seconds: float
    outcome: str
    rssi: int | None


class BluetoothConnection(Connection):
    """A link to one device, or a passive sensor that is only heard."""

    KIND: ClassVar[str] = 'bluetooth'
    CONFIG: ClassVar[type[BaseModel]] = BluetoothConfig
    OPEN_LIMIT: ClassVar[float] = 120.0  # its turn to connect may come late; each step has a limit of its own
    SECRETS: ClassVar[tuple[str, ...]] = ('key',)
    IDENTITY: ClassVar[tuple[str, ...]] = ('address', 'profile')

    config: BluetoothConfig

    def __init__(self, settings: ConnectionSettings, services: Services) -> None:
        super().__init__(settings, services)
        self._ear = Ear(self.clock, self._hear)
        self.attempts: deque[Attempt] = deque(maxlen=MOST_ATTEMPTS)
        self.raw = RawAccess(self)
        self._link: DeviceLink | None = None
        self._sensor: PassiveSensor | None = None
        self._failed_connects = self._mismatches = 0  # in a row
        self._radio: Radio | None = None  # as the adapter's name was understood last
        self._gone_at = float('-inf')  # when a link last ended, in monotonic s; what was heard before says nothing
        self._profile = ''  # as found out
        self._is_awaited = False  # it is tried again as soon as it is heard
        self.rechoose = asyncio.Event()

    @classmethod
    def secret_problem(cls, name: str, value: str) -> str:
        return '' if is_key(value) else 'expected 32 hexadecimal digits'

    @property
    def address(self) -> str:
        return self.config.address

    @property
    def detail(self) -> str:
        return LABELS.get(self._profile, self._profile)

    @property
    def expected_interval(self) -> float:
        return self.config.poll_s

    @property
    def expects_values(self) -> bool:
        return self._profile != 'gatt' or bool(self.config.characteristics)

    @property
    def radio(self) -> Radio:
        """The adapter this connection uses."""
        return self._radio or self.services.radios.get(self.config.adapter)

    @property
    def link(self) -> DeviceLink | None:
        """The open link; None while there is none, and for passive sensors."""
        return self._link if self.status is Status.CONNECTED else None

    @property
    def gatt(self) -> GattLink | None:
        """All the device offers, while the link is open."""
        return self.link.gatt if self.link is not None else None

    @property
    def is_passive(self) -> bool:
        """Whether it is only heard, as far as is known."""
        return self._profile in PASSIVE or self.config.profile in PASSIVE

    @property
    def signal(self) -> SignalLog:
        """How strong and how often it was heard."""
        return self._ear.signal

    @property
    def rssi(self) -> int | None:
        """How strong it was last heard, in dBm."""
        return self.signal.newest.rssi if self.signal.newest is not None else None

    def is_in_the_way_of(self, settings: ConnectionSettings) -> bool:
        other = BluetoothConfig.model_validate(settings.config)
        is_same = (other.address, other.adapter) == (self.address, self.config.adapter)
        return is_same and self.status is not Status.DISCONNECTED

    def _configured(self) -> None:
        self._profile = ''
        self._radio = None
        self._failed_connects = self._mismatches = 0

    def _rest(self) -> None:
        self._ear.close()
        self._is_awaited = False

    def _hear(self, advert: Advert) -> None:
        if self._sensor is not None:
            self._sensor.take(advert)
        elif self._is_awaited and self.retriable and self.status is Status.ERROR:
            self._is_awaited = False
            self._wake.set()

    # opening

    async def _open(self) -> None:
        began = self.clock.monotonic()
        try:
            await self._open_somehow()
        except ConnectionFailure as failure:
            if not failure.failure.retriable:
                self._ear.leave_scanner()
            self._note_attempt(began, failure.failure.code)
            raise
        self._note_attempt(began, 'connected')

    def _note_attempt(self, began: float, outcome: str) -> None:
        took = self.clock.monotonic() - began
        self.attempts.append(Attempt(self.clock.wall(), round(took, 2), outcome, self.rssi))

    async def _open_somehow(self) -> None:
        is_awaited, self._is_awaited = self._is_awaited, False
        self._radio = await self.services.radios.resolve(self.config.adapter)
        self._ear.listen(self._radio, self.address)
        if self.config.profile not in PASSIVE and (holder := self._radio.holder(self.address)) not in (None, self.id):
            raise held_by(self.address, str(holder))  # which is silent for that reason
        try:
            heard = await self._radio.find(self.address, LOOK_LIMIT if is_awaited else FIND_LIMIT, self._gone_at,
                                           is_urgent=not is_awaited)  # fmt: skip
            self.ladder.reach('network', self.clock.monotonic())
            if self._is_only_heard(heard.advert):
                await self._begin_to_hear(heard)
            else:
                await self._begin_link(heard)
        except BluetoothError as error:
            raise await self._failed_to_open(error) from error

    def _is_only_heard(self, advert: Advert) -> bool:
        return self.config.profile in PASSIVE or (self.config.profile == 'auto' and PassiveSensor.fits(advert))

    async def _failed_to_open(self, error: BluetoothError) -> ConnectionFailure:
        """Say what it was; if that happens again and again, have the system forget the device first."""
        was_heard = self.ladder.has_reached('network')
        self._is_awaited = not was_heard or self.radio.trouble is not None
        if not was_heard or isinstance(error, RadioError):
            return failure_of(error, self.address, self.config.adapter, was_open=False)
        self._failed_connects += 1
        is_mismatch = isinstance(error, ProfileError)
        if (is_mismatch or self._failed_connects % TRIES_WITH_CACHE == 0) and await self.radio.forget(self.address):
            self.journal.info('the system was told to forget the device')
        if isinstance(error, ProfileError):
            self._mismatches += 1
            return mismatch(self.address, self.config.profile, error, final=self._mismatches > 1)
        if isinstance(error, NotFound):
            error = DeviceError('the system has lost sight of it')
        return failure_of(error, self.address, self.config.adapter, was_open=False)

    async def _begin_to_hear(self, heard: Heard) -> None:
        key = self.secret('key') or ''
        if key and not is_key(key):
            raise no_key(self.address)
        sensor = self._sensor = PassiveSensor(self, self.config.profile, key)
        sensor.take(heard.advert, self.clock.monotonic() - heard.at)
        await sensor.prove(FIND_LIMIT)
        self._profile = sensor.profile
        self._reached_data()

    async def _begin_link(self, heard: Heard) -> None:
        holder = self.radio.hold(self.address, self.id)
        if holder is not None:
            raise held_by(self.address, holder)
        lost = asyncio.Event()
        client = await self.radio.connect(heard, lost.set, self._failed_connects)
        self.ladder.reach('answer', self.clock.monotonic())
        link = self._link = DeviceLink(client, self.traffic, self, lost=lost, address=self.address,
                                       profile=self.config.profile, chosen=self.config.characteristics,
                                       limit=self._operation_limit)  # fmt: skip
        self.rechoose.clear()
        try:
            self.take(await link.begin())
            self.show_write_only(link)
            self.ladder.reach('login', self.clock.monotonic())
            await self._watch(link).poll()
            if not link.asks:
                await self._first_notification()
        except FrameError as error:
            raise DeviceError(str(error)) from error
        self._profile = link.profile
        self._failed_connects = self._mismatches = 0
        self._reached_data()

    def _reached_data(self) -> None:
        self.ladder.reach('data', self.clock.monotonic())

    async def _first_notification(self) -> None:
        """A device that cannot be asked has to speak by itself."""
        before, deadline = self.last_proof, self.clock.monotonic() + FIND_LIMIT
        while self.last_proof == before:
            if self.clock.monotonic() >= deadline or (self._link is not None and self._link.lost.is_set()):
                raise NoAnswer('')
            await asyncio.sleep(0.05)

    @property
    def _operation_limit(self) -> float:
        """A link that hangs is to be noticed within three polls."""
        return min(5.0, max(1.0, self.config.poll_s))

    # serving

    async def _serve(self) -> None:
        if self._sensor is not None:
            await self._serve_sensor(self._sensor)
        elif self._link is not None:
            self._ear.leave_scanner()
            await self._watch(self._link).run()

    async def _serve_sensor(self, sensor: PassiveSensor) -> None:
        while (left := self.deadline() - self.clock.monotonic()) > 0:
            sensor.check()
            if self.radio.trouble is not None:
                raise failure_of(self.radio.trouble, self.address, self.config.adapter, was_open=True)
            await asyncio.sleep(min(0.5, left))
        self._is_awaited = True
        raise silent(self.address, 3 * self.config.poll_s)

    def show_write_only(self, link: DeviceLink) -> None:
        """What can be written but not read is a point too, without a value."""
        for name in link.write_only:
            if (point := self.services.gateway.point(self.source, name)) is not None:
                point.writable = self.config.allow_writes

    def _watch(self, link: DeviceLink) -> LinkWatch:
        return LinkWatch(self, link)

    def deadline(self) -> float:
        """When the link counts as lost unless the device proves itself, in monotonic s."""
        proof = self.last_proof if self.last_proof is not None else self.clock.monotonic()
        return proof + 3 * self.config.poll_s - MARGIN

    async def _close(self) -> None:
        if self._sensor is not None or self._link is not None:
            self._gone_at = self.clock.monotonic()
        self._sensor = None
        link, self._link = self._link, None
        if link is not None:
            await self.radio.close(link.client)
        self.radio.let_go(self.address, self.id)

    def adapt(self, config: BaseModel) -> bool:
        """Take over another pace, other characteristics, or the right to write, without leaving the device."""
        assert isinstance(config, BluetoothConfig)
        live = {'poll_s', 'allow_writes', 'characteristics'}
        link = self._link
        if self.status is not Status.CONNECTED or any(getattr(config, key) != value for key, value in self.config
                                                      if key not in live):  # fmt: skip
            return False
        if link is not None and self.config.profile == 'gatt' and not config.characteristics:
            return False
        self._forget_points(config)
        self.config = config
        for point in self.source.points.values():
            point.writable = point.writable and config.allow_writes
        self.rechoose.set()
        return True

    def _forget_points(self, config: BluetoothConfig) -> None:
        kept = {each.name for each in config.characteristics}
        gone = [each.name for each in self.config.characteristics if each.name not in kept]
        self.services.gateway.remove_points(self.source, gone)

    def no_answer(self) -> Failure:
        error = NoAnswer('') if self.ladder.has_reached('network') else NotFound('')
        return failure_of(error, self.address, self.config.adapter, was_open=False).failure

    def notices(self) -> list[Notice]:
        found = super().notices()
        if self._link is not None and self._link.missing:
            found.append(Notice('The device does not have these characteristics: {names}.',
                                {'names': ', '.join(self._link.missing[:5])}))  # fmt: skip
        if self._sensor is not None:
            found += self._sensor.notices()
        if not self.expects_values:
            found.append(Notice('This device offers no values of a known kind. Choose characteristics under Browse.'))
        return found

    # values

    def take(self, readings: Sequence[Reading], age: float = 0.0) -> None:
        """Values from the device, so many seconds old: a sign of life, also if there are none."""
        now, allowed, gateway = self.clock.wall() - age, self.config.allow_writes, self.services.gateway
        for reading in readings:
            point = gateway.point(self.source, reading.name, unit=reading.unit)
            if point is None:
                continue
            point.writable = reading.writable and allowed
            point.unit = reading.unit
            gateway.publish(point, reading.value, now, 'bad' if reading.value is None else 'good')
        self.prove(self.clock.monotonic() - age)

    def complain(self, text: str) -> None:
        """A reading failed, or what came was not understood."""
        self.traffic.errors += 1
        self.journal.warning(text)

    # writing and browsing

    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        """Write a point and publish what the device then says."""
        point = self.source.points.get(name)
        link = self.link
        if link is None:
            raise WriteRefused('{name} is not connected.', 409, name=self.name)
        if point is None:
            raise UnknownPoint(f'{self.id}/{name}')
        if not point.writable:
            raise WriteRefused('{point} is read-only.', 403, point=name)
        try:
            async with answering(self.name, name):
                readings = await link.write(name, value)
        except NotWritable as error:
            raise WriteRefused('{point} is read-only.', 403, point=name) from error
        except ValueFormatError as error:
            raise WriteRefused('{point} cannot take this value: {why}.', 422, point=name, why=error) from error
        self.take(readings)
        self.journal.debug(f'wrote {name}')

    async def browse(self, prefix: str) -> list[Browsed]:
        """Services and characteristics; of a passive sensor, and while not connected, the points."""
        return browse_tree(self.gatt, self.source.points, prefix)
