"""Finding PLCs: every TwinCAT router answers a broadcast that asks who is there."""
import asyncio
from ipaddress import IPv4Interface
from socket import AF_INET
from typing import Any, ClassVar

import psutil

from edgeos.connections.plc_udp import UDP_PORT, FrameError, Identity, identify_request, parse_identity
from edgeos.discovery.scan import MOST_FOUND, Found, Scan, cannot_search

EVERYWHERE, HERE = '255.255.255.255', '127.0.0.1'
ROUND_SECONDS = 2.0
MOST_MISSED = 3  # rounds without an answer after which a PLC is gone


class PlcScan(Scan):
    """Asks all of the network every 2 s."""

    KIND: ClassVar[str] = 'plc'

    def __init__(self, targets: list[str] | None = None, port: int = UDP_PORT,
                 round_seconds: float = ROUND_SECONDS) -> None:  # fmt: skip
        """`targets` are the addresses to ask; those of `broadcast_addresses` if not given."""
        super().__init__()
        self._targets = targets
        self._port = port
        self._round_seconds = round_seconds
        self._missed: dict[str, int] = {}
        self._errors: list[OSError] = []

    async def _run(self) -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Ear(self), local_addr=('0.0.0.0', 0), allow_broadcast=True)  # fmt: skip
        try:
            while True:
                self._forget_the_silent()
                targets = self._targets if self._targets is not None else await asyncio.to_thread(broadcast_addresses)
                self._ask_all(transport, targets)
                await asyncio.sleep(self._round_seconds)
        finally:
            transport.close()

    def _ask_all(self, transport: asyncio.DatagramTransport, targets: list[str]) -> None:
        self._errors.clear()
        for target in targets:
            transport.sendto(identify_request(), (target, self._port))
        outside = [target for target in targets if target != HERE]
        self.trouble = cannot_search(self._errors[0]) if outside and len(self._errors) >= len(outside) else ''

    def _forget_the_silent(self) -> None:
        for address, missed in list(self._missed.items()):
            self._missed[address] = missed + 1
            if missed >= MOST_MISSED:
                del self._missed[address], self._found[address]

    def on_answer(self, data: bytes, address: str) -> None:
        """Somebody answered; whatever is no PLC is passed over."""
        try:
            identity = parse_identity(data)
        except FrameError:
            return
        if address in self._found or len(self._found) < MOST_FOUND:
            self._found[address] = describe(identity, address)
            self._missed[address] = 0

    def on_error(self, error: Exception) -> None:
        """A question could not be sent."""
        if isinstance(error, OSError):
            self._errors.append(error)


class _Ear(asyncio.DatagramProtocol):
    """Hands on what is heard."""

    def __init__(self, scan: PlcScan) -> None:
        self._scan = scan

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._scan.on_answer(data, addr[0])

    def error_received(self, exc: Exception) -> None:
        self._scan.on_error(exc)


def describe(identity: Identity, address: str) -> Found:
    """A PLC from its answer and where that came from."""
    config = {'host': address, 'ams_net_id': identity.net_id, 'ams_port': identity.ams_port}
    details = ' · '.join(filter(None, [identity.version and f'TwinCAT {identity.version}', identity.system]))
    return Found('plc', identity.host_name or address, address, config, details=details)


def broadcast_addresses() -> list[str]:
    """Where to ask: the broadcast address of each IPv4 network this device is in, all, and this device itself."""
    found = {EVERYWHERE: True, HERE: True}
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family == AF_INET and (address := _broadcast(entry.address, entry.netmask, entry.broadcast)):
                found[address] = True
    return list(found)


def _broadcast(address: str, netmask: str | None, broadcast: str | None) -> str:
    """'' for loopback and links between two; systems do not always tell the broadcast address."""
    try:
        interface = IPv4Interface(f'{address}/{netmask or 32}')
    except ValueError:
        return ''
    if interface.is_loopback or interface.network.prefixlen > 30:
        return ''
    return broadcast or str(interface.network.broadcast_address)
