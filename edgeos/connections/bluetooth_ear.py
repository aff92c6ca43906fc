"""Hearing one device: its adverts, how strong they are, and the scanner that has to run for that."""
from collections.abc import Callable

from edgeos.bluetooth.adverts import Advert, SignalLog
from edgeos.bluetooth.radio import Radio
from edgeos.clock import Clock


class Ear:
    """Open while the link is wanted; the scanner only runs while it is needed."""

    def __init__(self, clock: Clock, on_advert: Callable[[Advert], None]) -> None:
        self.signal = SignalLog()
        self._clock = clock
        self._on_advert = on_advert
        self._radio: Radio | None = None
        self._stop: Callable[[], None] | None = None
        self._release: Callable[[], None] | None = None

    def listen(self, radio: Radio, address: str) -> None:
        """Hear the device, and keep the scanner going; on one adapter at a time."""
        if radio is not self._radio:
            self.close()
            self._radio = radio
        if self._stop is None:
            self._stop = radio.listen(address, self._hear)
        if self._release is None:
            self._release = radio.lease()

    def leave_scanner(self) -> None:
        """Hear only what others have the scanner run for."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def close(self) -> None:
        """Hear no more."""
        self.leave_scanner()
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()

    def _hear(self, advert: Advert) -> None:
        self.signal.note(advert.rssi, self._clock.monotonic(), self._clock.wall())
        self._on_advert(advert)
