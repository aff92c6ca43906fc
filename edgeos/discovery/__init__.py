"""Finding devices that could become connections: brokers by mDNS, PLCs by UDP broadcast, Bluetooth by its adverts."""
import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from edgeos.bluetooth.radios import Radios
from edgeos.connections.connection import Connection
from edgeos.connections.plc_udp import UDP_PORT, host_of
from edgeos.connections.state import Notice
from edgeos.discovery.bluetooth import BluetoothScan
from edgeos.discovery.brokers import BrokerScan
from edgeos.discovery.plcs import PlcScan
from edgeos.discovery.scan import Found, Scan

__all__ = ['Discovery', 'Found', 'identities', 'known_devices']


class Discovery:
    """Scans while somebody asks: each question keeps the scan of that kind going for another 20 s."""

    def __init__(self, interfaces: list[str] | None = None, plc_port: int = UDP_PORT,
                 radios: Radios | None = None) -> None:  # fmt: skip
        """`interfaces` are addresses of this device, and the only ones where PLCs are asked; all if not given."""
        scans = (BrokerScan(interfaces), PlcScan(interfaces, plc_port), BluetoothScan(radios or Radios()))
        self._scans: dict[str, Scan] = {scan.KIND: scan for scan in scans}

    def ask(self, kind: str = '') -> list[Found]:
        """What is known so far of that type (of all if none is named); begins or prolongs its scan."""
        return [found for scan in self._of(kind) for found in scan.ask()]

    def is_scanning(self, kind: str = '') -> bool:
        """Whether a scan for that type (for any if none is named) is under way."""
        return any(scan.is_working for scan in self._of(kind))

    def trouble(self, kind: str) -> str:
        """Why devices of that type cannot be searched; '' if they can."""
        return ' '.join(filter(None, (scan.trouble for scan in self._of(kind))))

    def help(self, kind: str) -> list[Notice]:
        """The same in words for the owner; empty where there are none better."""
        return [notice for scan in self._of(kind) for notice in scan.help]

    async def stop(self) -> None:
        """End all scans."""
        await asyncio.gather(*(scan.stop() for scan in self._scans.values()))

    def _of(self, kind: str) -> list[Scan]:
        return [scan for name, scan in self._scans.items() if kind in ('', name)]


def identities(kind: str, config: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """What a device is known by: two configs that share one of these mean the same device.

    A PLC by its address, whatever the port, and by its NetId; others by address and port.
    """
    host = str(config.get('host') or config.get('address') or '').lower()
    if kind != 'plc':
        return {(kind, host, str(config.get('port') or ''))}
    known: set[tuple[str, ...]] = {(kind, 'host', host_of(host))}
    if net_id := str(config.get('ams_net_id') or ''):
        known.add((kind, 'net id', net_id))
    return known


def known_devices(connections: Iterable[Connection]) -> set[tuple[str, ...]]:
    """What the devices of these connections are known by."""
    return {identity for each in connections for identity in identities(each.KIND, vars(each.config))}
