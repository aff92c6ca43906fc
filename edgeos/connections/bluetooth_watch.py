"""Reading an open link again and again, and judging by the answers whether it is still one."""
import asyncio
from typing import Protocol

from edgeos.bluetooth.errors import BluetoothError, Damaged, DeviceError, LinkLost, NoAnswer, RadioError
from edgeos.bluetooth.jbd_frames import FrameError
from edgeos.bluetooth.profiles import Listener
from edgeos.clock import Clock
from edgeos.connections.bluetooth_config import BluetoothConfig
from edgeos.connections.bluetooth_failures import failure_of
from edgeos.connections.bluetooth_link import DeviceLink
from edgeos.connections.state import ConnectionFailure
from edgeos.connections.traffic import Traffic

MOST_FAILED = 3  # polls in a row without an answer


class Owner(Listener, Protocol):
    """The connection."""

    config: BluetoothConfig
    clock: Clock
    traffic: Traffic
    rechoose: asyncio.Event  # other characteristics are wanted

    @property
    def address(self) -> str:
        """Of the device."""

    def deadline(self) -> float:
        """When the link counts as lost unless the device proves itself, in monotonic s."""

    def show_write_only(self, link: DeviceLink) -> None:
        """Points for what cannot be read."""


class LinkWatch:
    """One link."""

    def __init__(self, owner: Owner, link: DeviceLink) -> None:
        self._owner = owner
        self._link = link
        self._failed = 0  # polls in a row

    async def run(self) -> None:
        """Poll until the link is lost; raises ConnectionFailure."""
        due = self._now() + self._poll_s
        while True:
            await self._wait(due)
            due = self._now() + self._poll_s
            try:
                async with asyncio.timeout(self._owner.deadline() - self._now()):
                    await self._choose_again()
                    await self.poll()
                self._failed = 0
            except (TimeoutError, DeviceError, RadioError, FrameError) as error:
                self._judge(error)
                due = self._now() + min(1.0, self._poll_s / 4)

    async def poll(self) -> None:
        """Read once; what cannot be asked proves nothing."""
        readings = await self._link.read()
        if not self._link.asks:
            return
        self._owner.take(readings)
        if self._link.round_trip_ms is not None:
            self._owner.traffic.round_trips.note(self._link.round_trip_ms)

    @property
    def _poll_s(self) -> float:
        return self._owner.config.poll_s

    def _now(self) -> float:
        return self._owner.clock.monotonic()

    async def _wait(self, due: float) -> None:
        """Until the next poll, the loss of the link, or other characteristics; raises ConnectionFailure."""
        lost, rechoose = self._link.lost, self._owner.rechoose
        waits = [asyncio.ensure_future(lost.wait()), asyncio.ensure_future(rechoose.wait())]
        try:
            left = max(0.0, min(due, self._owner.deadline()) - self._now())
            await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if lost.is_set():
            raise self._lost(LinkLost(''))

    async def _choose_again(self) -> None:
        if self._owner.rechoose.is_set():
            self._owner.rechoose.clear()
            self._owner.take(await self._link.choose(self._owner.config.characteristics))
            self._owner.show_write_only(self._link)

    def _judge(self, error: Exception) -> None:
        """Raise if the link is lost, else count the error: the next poll may be better."""
        self._failed += 1
        is_over = self._link.lost.is_set() or self._now() >= self._owner.deadline() or self._failed >= MOST_FAILED
        if is_over or isinstance(error, RadioError):
            silent = Damaged('') if self._link.is_damaged else NoAnswer('')
            raise self._lost(error if isinstance(error, BluetoothError) else silent) from error
        self._owner.complain(str(error) or 'no answer in time')

    def _lost(self, error: BluetoothError) -> ConnectionFailure:
        return failure_of(error, self._owner.address, self._owner.config.adapter, was_open=True)
