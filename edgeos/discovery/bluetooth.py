"""Finding Bluetooth devices: whatever advertises near this device, with what it seems to be."""
import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from edgeos.bluetooth.adverts import Heard
from edgeos.bluetooth.adverts_raw import guess
from edgeos.bluetooth.radio import Radio
from edgeos.bluetooth.radios import SIMULATED, Radios
from edgeos.connections.bluetooth_config import PASSIVE
from edgeos.connections.bluetooth_failures import radio_failure
from edgeos.connections.state import Failure, Notice
from edgeos.discovery.scan import Found, Scan

AGE = 30.0  # s a device stays in the list after it was last heard
SENSOR_POLL = 60  # s within which a sensor that sleeps most of the time is expected
LOOK = 0.5  # s


class BluetoothScan(Scan):
    """Listens on the default adapter, and on that of the demo while it runs."""

    KIND: ClassVar[str] = 'bluetooth'

    def __init__(self, radios: Radios) -> None:
        super().__init__()
        self._radios = radios

    @property
    def is_working(self) -> bool:
        return self.scanning and not self.help

    def ask(self) -> list[Found]:
        if not self.scanning:  # what was near some time ago says nothing
            self._found = {}
        return super().ask()

    async def _run(self) -> None:
        leases: dict[Radio, Callable[[], None]] = {}
        try:
            while True:
                radios = {name: await self._radios.resolve(name) for name in self._adapters()}
                for radio in leases.keys() - set(radios.values()):
                    leases.pop(radio)()
                for radio in set(radios.values()) - leases.keys():
                    leases[radio] = radio.lease()
                await asyncio.sleep(LOOK)
                self._look(radios)
        finally:
            for release in leases.values():
                release()

    def _adapters(self) -> list[str]:
        return ['', SIMULATED] if self._radios.has(SIMULATED) else ['']

    def _look(self, radios: Mapping[str, Radio]) -> None:
        troubles = [radio.trouble for radio in radios.values()]
        self._say(radio_failure(troubles[0]).failure if all(troubles) and troubles[0] else None)
        self._found = {heard.advert.address: describe(heard, name) for name, radio in radios.items()
                       for heard in [*radio.air.all(AGE), *radio.connected()]}  # fmt: skip

    def _say(self, failure: Failure | None) -> None:
        self.help = [Notice(failure.text, failure.values), Notice(failure.hint_text, failure.values)] if failure else []
        self.trouble = ' '.join(notice.text for notice in self.help)


def describe(heard: Heard, adapter: str = '') -> Found:
    """A device from what it advertises."""
    advert = heard.advert
    seems = guess(advert.name, advert.services, advert.manufacturer, advert.service_data)
    config: dict[str, Any] = {'address': advert.address}
    if seems.kind in PASSIVE:  # the others are found out by connecting
        config |= {'profile': seems.kind, 'poll_s': SENSOR_POLL}
    if adapter:
        config['adapter'] = adapter
    return Found('bluetooth', advert.name or seems.words or advert.address, advert.address, config, advert.rssi,
                 details=seems.words, seems=Notice(seems.template, {'company': seems.company}))  # fmt: skip
