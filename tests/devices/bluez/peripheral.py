"""A device on the air, as it really is; what an adapter's BlueZ believes of it is in `device.py`."""
import asyncio
from typing import TYPE_CHECKING

from edgeos.demo.ble_device import BleDevice
from tests.devices.bluez.errors import BlueZError
from tests.devices.bluez.faults import Faults

if TYPE_CHECKING:
    from tests.devices.bluez.device import Device

ATT_HEADER = 3  # bytes of a notification that are not its value


class Peripheral:
    """One BleDevice and everything that can be wrong with it.

    The attributes may be changed at any time: `interval` between adverts in s, `connect_delay` and `discovery_delay`
    in s, `answer_delay` of each read, write with response and subscription in s, `mtu` in bytes, `advertises_while_connected`, `needs_pairing` (to read, write or notify).
    """

    def __init__(self, device: BleDevice, interval: float = 0.1, address_type: str = 'public') -> None:
        self.device = device
        self.interval = interval
        self.address_type = address_type
        self.faults = Faults()
        self.connect_delay = 0.0
        self.discovery_delay = 0.0
        self.answer_delay = 0.0
        self.mtu = 247
        self.advertises_while_connected = False
        self.needs_pairing = False
        self.links = 0  # connections there have been
        self.adverts = 0  # that have been sent, heard or not
        self.link: Device | None = None  # the one it is connected to
        self.stuck: BlueZError | None = None
        self._is_in_range = True
        self._is_taken = False
        self._answering = asyncio.Event()
        self._answering.set()
        self._fate: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        return self.device.address.upper()

    @property
    def is_advertising(self) -> bool:
        """Whether it could be heard."""
        return self.is_reachable and not self._is_taken and (self.link is None or self.advertises_while_connected)

    @property
    def is_reachable(self) -> bool:
        """Whether its radio is on and near."""
        return self._is_in_range and self._answering.is_set()

    @property
    def is_connectable(self) -> bool:
        """Whether it would take a connection now."""
        return self.is_reachable and not self._is_taken and self.link is None and self.device.connectable

    # what happens to it

    def lose_link(self) -> None:
        """The link breaks, and BlueZ knows at once; it advertises again."""
        if self.link is not None:
            self.link.drop()

    def vanish(self, supervision: float | None = None) -> None:
        """Not a word any more. BlueZ believes it connected: for ever, or for `supervision` seconds."""
        self._answering.clear()
        if supervision is not None:
            self._fate = asyncio.get_running_loop().call_later(supervision, self.lose_link)

    def leave(self) -> None:
        """Out of range: the link breaks after the supervision timeout, which is now, and nothing is heard."""
        self._is_in_range = False
        self.lose_link()

    def come_back(self) -> None:
        """After `vanish` or `leave`; a link that has not been given up goes on."""
        self._is_in_range = True
        self._answering.set()
        if self._fate is not None:
            self._fate.cancel()
            self._fate = None

    def take(self) -> None:
        """Somebody else, as the owner's phone, is connected to it: no adverts, and no connection for us."""
        self.lose_link()
        self._is_taken = True

    def release(self) -> None:
        """Free again."""
        self._is_taken = False

    def get_stuck(self, error: BlueZError) -> None:
        """Connect fails until RemoveDevice: BlueZ remembers what is long over (bleak-retry-connector issue 226)."""
        self.stuck = error

    # what it does

    def notify(self, uuid: str, data: bytes) -> None:
        """Send a notification to whom has subscribed; longer than the MTU allows is cut off, as over the air."""
        if self.link is not None and self._answering.is_set():
            self.link.gatt.notify(uuid, data[: self.mtu - ATT_HEADER])

    def notify_soon(self, uuid: str, data: bytes) -> None:
        """As an answer to a write, which is acknowledged first."""
        asyncio.get_running_loop().call_soon(self.notify, uuid, data)

    def has(self, uuid: str) -> bool:
        """Whether it offers a characteristic now, whatever BlueZ has kept from before."""
        return any(each.uuid == uuid for service in self.device.services for each in service.characteristics)

    async def answers(self) -> None:
        """Returns when it answers."""
        await self._answering.wait()
        if self.answer_delay:
            await asyncio.sleep(self.answer_delay)

    def linked(self, link: 'Device') -> None:
        """Connected."""
        self.link = link
        self.links += 1

    def unlinked(self) -> None:
        """The link is gone, whatever BlueZ believes."""
        if self.link is not None:
            self.link = None
            self.device.on_disconnect()
