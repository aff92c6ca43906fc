"""Finding Bluetooth devices: whatever advertises near this device, with what it seems to be."""
import asyncio
from typing import Any, ClassVar

from edgeos.bluetooth.adverts import Heard
from edgeos.bluetooth.adverts_raw import guess
from edgeos.bluetooth.radios import SIMULATED, Radios
from edgeos.connections.bluetooth_config import PASSIVE
from edgeos.connections.bluetooth_failures import radio_failure
from edgeos.connections.state import Failure, Notice
from edgeos.discovery.scan import Found, Scan

AGE = 60.0  # s a device stays in the list after it was last heard
SENSOR_POLL = 60  # s within which a sensor that sleeps most of the time is expected
LOOK = 0.5  # s


class BluetoothScan(Scan):
    """Listens on the default adapter, and on that of the demo while it runs."""

    KIND: ClassVar[str] = 'bluetooth'

    def __init__(self, radios: Radios) -> None:
        super().__init__()
        self._radios = radios

    async def _run(self) -> None:
        names = [name for name in ('', SIMULATED) if name == '' or self._radios.has(name)]
        radios = [(name, self._radios.get(name)) for name in names]
        releases = [radio.lease() for _name, radio in radios]
        try:
            while True:
                await asyncio.sleep(LOOK)
                troubles = [radio.trouble for _name, radio in radios]
                self._say(radio_failure(troubles[0]).failure if all(troubles) and troubles[0] else None)
                self._found = {heard.advert.address: describe(heard, name) for name, radio in radios
                               for heard in radio.air.all(AGE)}  # fmt: skip
        finally:
            for release in releases:
                release()

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
