"""What is heard without connecting: the newest advert of each device, how often and how strong."""
from array import array
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MOST_HEARD = 300  # devices; phones change their address every few minutes
NAME_BYTES = 248  # the longest name Bluetooth knows

_SLOTS = 60  # s over which the rate is averaged
_NO_RSSI = -127


@dataclass(frozen=True, slots=True)
class Advert:
    """One advert, or what the system has put together from several of one device.

    Uuids are in their long form; `rssi` and `tx_power` are in dBm. `handle` is what the library needs to connect.
    """

    address: str
    name: str = ''
    rssi: int | None = None
    tx_power: int | None = None
    services: frozenset[str] = frozenset()
    manufacturer: Mapping[int, bytes] = field(default_factory=dict)
    service_data: Mapping[str, bytes] = field(default_factory=dict)
    handle: object = None


Listener = Callable[[Advert], None]


class Heard:
    """A device that has been heard: `at` is when last, in monotonic s; `count` is how often."""

    __slots__ = ('advert', 'at', 'count')

    def __init__(self, advert: Advert, now: float) -> None:
        self.advert = advert
        self.at = now
        self.count = 1

    def update(self, advert: Advert, now: float) -> None:
        """Heard again; a name is kept where this advert carries none."""
        if not advert.name and self.advert.name:
            advert = Advert(advert.address, self.advert.name, advert.rssi, advert.tx_power, advert.services,
                            advert.manufacturer, advert.service_data, advert.handle)  # fmt: skip
        self.advert = advert
        self.at = now
        self.count += 1


class Air:
    """All that is heard at one adapter: a bounded table, and listeners for single devices."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._heard: dict[str, Heard] = {}  # the longest unheard first
        self._listeners: dict[str, list[Listener]] = {}
        self.last_at = now()  # of any device, in monotonic s

    def take(self, advert: Advert) -> None:
        """An advert has come in."""
        now = self.last_at = self._now()
        known = self._heard.pop(advert.address, None)
        if known is None:
            known = Heard(advert, now)
        else:
            known.update(advert, now)
        self._heard[advert.address] = known
        if len(self._heard) > MOST_HEARD:
            del self._heard[next(iter(self._heard))]
        for listener in tuple(self._listeners.get(advert.address, ())):
            listener(known.advert)

    def find(self, address: str, younger_than: float = float('inf')) -> Heard | None:
        """What was last heard of a device within so many seconds."""
        heard = self._heard.get(address)
        return heard if heard is not None and self._now() - heard.at <= younger_than else None

    def all(self, younger_than: float) -> list[Heard]:
        """All devices heard within so many seconds, the strongest first."""
        since = self._now() - younger_than
        found = [heard for heard in self._heard.values() if heard.at >= since]
        return sorted(found, key=lambda heard: -(heard.advert.rssi if heard.advert.rssi is not None else _NO_RSSI))

    def forget(self, address: str) -> None:
        """The system has dropped the device: what it was known by leads nowhere."""
        self._heard.pop(address, None)

    def forget_handles(self) -> None:
        """The system's Bluetooth was restarted: nothing known leads anywhere."""
        self._heard.clear()

    def listen(self, address: str, listener: Listener) -> Callable[[], None]:
        """Call the listener for each advert of a device; answers how to stop that."""
        listeners = self._listeners.setdefault(address, [])
        listeners.append(listener)

        def stop() -> None:
            if listener in listeners:
                listeners.remove(listener)
            if not listeners and self._listeners.get(address) is listeners:
                del self._listeners[address]

        return stop


class Strength(NamedTuple):
    """How strong a device was heard: epoch s and dBm."""

    t: float
    rssi: int


class SignalLog:
    """How often and how strong one device was heard, over the last hour; at most one sample a second."""

    KEPT = 3600

    def __init__(self) -> None:
        self._strengths: deque[Strength] = deque(maxlen=self.KEPT)
        self._slots = array('L', (0,)) * _SLOTS
        self._at = 0
        self._since: float | None = None  # monotonic s
        self.count = 0

    def note(self, rssi: int | None, monotonic: float, wall: float) -> None:
        """Heard now."""
        self._advance(monotonic)
        self._slots[self._at % _SLOTS] += 1
        self.count += 1
        if rssi is not None and not (self._strengths and 0 <= wall - self._strengths[-1].t < 1):
            self._strengths.append(Strength(wall, rssi))

    def rate(self, monotonic: float) -> float:
        """Adverts per second over the last minute, or since the first if that is shorter."""
        self._advance(monotonic)
        span = min(_SLOTS, max(1.0, monotonic - self._since)) if self._since is not None else _SLOTS
        return sum(self._slots) / span

    @property
    def newest(self) -> Strength | None:
        return self._strengths[-1] if self._strengths else None

    def strengths(self, since: float = 0.0) -> list[Strength]:
        """Samples since that epoch time, oldest first."""
        return [sample for sample in self._strengths if sample.t >= since]

    def _advance(self, monotonic: float) -> None:
        second = int(monotonic)
        if self._since is None:
            self._since, self._at = monotonic, second
        for passed in range(self._at + 1, min(second, self._at + _SLOTS) + 1):
            self._slots[passed % _SLOTS] = 0
        self._at = max(self._at, second)
