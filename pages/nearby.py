"""The order of devices that are heard nearby: the strongest first, but never moving under a finger. Pure."""
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from edgeos.discovery import Found

SMOOTHING = 0.3  # share of the newest strength: single adverts differ by 10 dB for no reason
SETTLING_SECONDS = 3.0  # after the first device was heard; until then the list is only forming
SORTED_FOR = 15.0  # s at least between two sortings after that
WORTH_SORTING = 6.0  # dB by which two neighbours have to be the wrong way round
UNTOUCHED_SECONDS = 10.0  # since the last finger, pointer or key in the list
BARS = (-90, -80, -70, -60)  # dBm from which there is one more
NEVER = float('-inf')


class Strengths:
    """How strong each device is heard, smoothed."""

    def __init__(self) -> None:
        self.now: dict[str, float] = {}

    def take(self, heard: Mapping[str, int | None]) -> None:
        """What all devices were heard with; those that are missing are forgotten."""
        self.now = {key: self._smoothed(key, rssi) for key, rssi in heard.items() if rssi is not None}

    def _smoothed(self, key: str, rssi: int) -> float:
        before = self.now.get(key)
        return rssi if before is None else before + SMOOTHING * (rssi - before)


class Order:
    """Keys in the order they are shown: new ones go below, who is gone keeps a place until all are sorted anew."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self._begun: float | None = None
        self._sorted_at = NEVER  # or when it began

    def follow(self, strengths: Mapping[str, float], present: Sequence[str], now: float, touched_at: float) -> None:
        """Take in who is there at the monotonic time `now`; `touched_at` is when somebody last touched the list."""
        if self._begun is None and present:
            self._begun = self._sorted_at = now
        known = set(self.keys)
        self.keys += _sorted([key for key in present if key not in known], strengths)
        if self._may_sort(now, touched_at) and self._is_worth_it(strengths, set(present)):
            self.keys = _sorted(present, strengths)
            self._sorted_at = now

    def _may_sort(self, now: float, touched_at: float) -> bool:
        if now - touched_at < UNTOUCHED_SECONDS:
            return False
        is_forming = self._begun is not None and now - self._begun < SETTLING_SECONDS
        return is_forming or now - self._sorted_at >= SORTED_FOR

    def _is_worth_it(self, strengths: Mapping[str, float], present: set[str]) -> bool:
        if any(key not in present for key in self.keys):
            return True
        weakest = float('inf')
        for key in self.keys:
            strength = strengths.get(key, NEVER)
            if strength > weakest + WORTH_SORTING:
                return True
            weakest = min(weakest, strength)
        return False


def _sorted(keys: Sequence[str], strengths: Mapping[str, float]) -> list[str]:
    return sorted(keys, key=lambda key: (-strengths.get(key, NEVER), key))


def bars_of(rssi: float) -> int:
    """0 to 4."""
    return sum(rssi >= bound for bound in BARS)


def is_nameless(found: Found) -> bool:
    """Whether it neither says a name nor seems to be anything that can be read: mostly phones of people who walk by."""
    is_only_a_maker = bool(found.seems and found.seems.values.get('company')) and 'profile' not in found.config
    return found.name == found.address or (found.name == found.details and is_only_a_maker)


class Signal(NamedTuple):
    """How strong, as it is shown."""

    bars: int
    text: str  # in dBm
    words: str


def signal_of(rssi: float, translate: Callable[[str], str]) -> Signal:
    """In bars, in dBm, and in words for who cannot see the bars."""
    _ = translate
    bars = bars_of(rssi)
    words = (_('very weak'), _('weak'), _('fair'), _('good'), _('very good'))[bars]
    return Signal(bars, dbm(rssi), _('Signal: {words}').format(words=words))


def dbm(rssi: float) -> str:
    """−57 dBm, with a true minus."""
    return f'{rssi:.0f} dBm'.replace('-', '\u2212').replace(' ', '\u00a0')
