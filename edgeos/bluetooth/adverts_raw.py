"""Adverts of no format that is read here: their bytes as points, and what the sender of any advert seems to be."""
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from edgeos.bluetooth.bthome import UUID as BTHOME
from edgeos.bluetooth.bthome import is_encrypted
from edgeos.bluetooth.jbd_frames import SERVICE_UUID as JBD
from edgeos.bluetooth.readings import Reading
from edgeos.bluetooth.uuids import company_of, full, short

APPLE, MICROSOFT, SAMSUNG, GOOGLE = 0x004C, 0x0006, 0x0075, 0x00E0

_BATTERY, _ENVIRONMENT, _EDDYSTONE = full('180f'), full('181a'), full('feaa')
_IBEACON = b'\x02\x15'  # anybody's beacon under Apple's number

_JBD_NAMES = re.compile(r'JBD-|xiaoxiang|[SDUA]P[012]\dS\d', re.IGNORECASE)  # JBD-SP04S..., SP14S004, DP04S007
_OTHERS_WITH_FF00 = re.compile(r'HSKS-|BL-|BP[012]|TP_')  # batteries that use the service for another protocol

_SENDERS = {full('fe95'): 'Xiaomi', full('fd3d'): 'SwitchBot', full('fd50'): 'Tuya', full('fdcd'): 'Qingping',
            full('fe0f'): 'Philips Hue', full('fd5a'): 'Samsung', full('feed'): 'Tile', full('fe07'): 'Sonos',
            full('febe'): 'Bose'}  # fmt: skip


def raw_readings(manufacturer: Mapping[int, bytes], service_data: Mapping[str, bytes], rssi: int | None,
                 tx_power: int | None = None) -> list[Reading]:  # fmt: skip
    """The bytes of an advert as hexadecimal text, by company and by service; strength and sending power in dBm."""
    readings = [Reading(f'manufacturer/{company:04x}', data.hex()) for company, data in manufacturer.items()]
    readings += [Reading(f'service_data/{short(uuid)}', data.hex()) for uuid, data in service_data.items()]
    signal = {'rssi': rssi, 'tx_power': tx_power}
    return readings + [Reading(name, power, 'dBm') for name, power in signal.items() if power is not None]


class Guess(NamedTuple):
    """`kind` is the profile that fits: jbd_bms, bthome, battery, adverts, or none.

    `template` says in English what it seems to be; {company} in it stands for the one below.
    """

    kind: str
    template: str
    company: str = ''

    @property
    def words(self) -> str:
        """The template filled in."""
        return self.template.format(company=self.company)


def guess(name: str, services: Collection[str], manufacturer: Mapping[int, bytes],
          service_data: Mapping[str, bytes]) -> Guess:  # fmt: skip
    """What a device seems to be that is heard, for a list to choose from; uuids are in their long form."""
    if BTHOME in service_data:
        return _bthome(service_data[BTHOME])
    if _JBD_NAMES.match(name) or (JBD in services and not _OTHERS_WITH_FF00.match(name)):
        return Guess('jbd_bms', 'JBD battery')
    if _ENVIRONMENT in services:
        return Guess('battery', 'Environmental sensor')
    if _BATTERY in services:
        return Guess('battery', 'Device that tells its battery level')
    return _sender(services, manufacturer, service_data)


def _bthome(data: bytes) -> Guess:
    if is_encrypted(data):
        return Guess('bthome', 'BTHome sensor, encrypted')
    return Guess('bthome', 'BTHome sensor')


def _sender(services: Collection[str], manufacturer: Mapping[int, bytes], service_data: Mapping[str, bytes]) -> Guess:
    """By the numbers in it. Phones and computers are named, but send nothing to read."""
    if manufacturer.get(APPLE, b'').startswith(_IBEACON):
        return Guess('adverts', 'iBeacon')
    if _EDDYSTONE in service_data:
        return Guess('adverts', 'Eddystone beacon')
    kind = 'adverts' if manufacturer.keys() - {APPLE, MICROSOFT, SAMSUNG, GOOGLE} or service_data else ''
    named = [_SENDERS[uuid] for uuid in (*service_data, *sorted(services)) if uuid in _SENDERS]
    companies = named or [company for id in manufacturer if (company := company_of(id))]
    if companies:
        return Guess(kind, '{company} device', companies[0])
    return Guess(kind, '')
