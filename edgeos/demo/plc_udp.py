"""The part of a simulated PLC that answers on UDP port 48899: who it is, and requests for a route to it.

A frame is a cookie u32, an invoke id u32, a service u32 (with the top bit in an answer), the sender's NetId of 6 bytes
and AMS port u16, the number of tags u32, and the tags: id u16, length u16, that many bytes. Texts end with a NUL.
Source: Beckhoff's AdsLib (RouterAccess) and pyads, which both speak it.
"""

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import cast

from edgeos.demo.plc_device import SimulatedPlc

UDP_PORT = 48899
USER, PASSWORD = 'Administrator', '1'
COOKIE, ANSWER = 0x71146603, 0x80000000
IDENTIFY, ADD_ROUTE = 1, 6  # services
STATUS, TAG_PASSWORD, TWINCAT, SYSTEM, COMPUTER, NET_ID, ROUTE_NAME, TAG_USER = 1, 2, 3, 4, 5, 7, 12, 13
WRONG_PASSWORD, MISSING = 0x704, 0x70B
SYSTEM_SERVICE = 10_000

_HEADER = struct.Struct('<III6sHI')
_TAG = struct.Struct('<HH')

log = logging.getLogger(__name__)


class UdpService(asyncio.DatagramProtocol):
    """`routes` gets the NetIds that are added with the right user and password."""

    def __init__(
        self, plc: SimulatedPlc, host: str, port: int = UDP_PORT, routes: set[bytes] | None = None,
        is_silent: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self.routes = routes if routes is not None else set()
        self.user, self.password = USER, PASSWORD
        self.requests = 0
        self.port = port
        self._is_silent = is_silent
        self._plc = plc
        self._host = host
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Listen; raises OSError."""
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=(self._host, self.port)
        )
        self.port = transport.get_extra_info('sockname')[1]

    def stop(self) -> None:
        """Listen no more."""
        if self._transport:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # which asyncio's own is not, by its class

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.requests += 1
        if self._transport and not self._is_silent() and (answer := self.answer(data)):
            self._transport.sendto(answer, addr)

    def answer(self, data: bytes) -> bytes:
        """What to say to a datagram; b'' to what is none of ours."""
        if len(data) < _HEADER.size:
            return b''
        cookie, invoke, service, _, _, count = _HEADER.unpack_from(data)
        if cookie != COOKIE:
            return b''
        if service == IDENTIFY:
            return self._frame(invoke, service, self._identity())
        if service == ADD_ROUTE:
            return self._frame(invoke, service, {STATUS: struct.pack('<I', self._add_route(_tags(data, count)))})
        return b''

    def _frame(self, invoke: int, service: int, tags: dict[int, bytes]) -> bytes:
        header = _HEADER.pack(COOKIE, invoke, service | ANSWER, self._plc.net_id, SYSTEM_SERVICE, len(tags))
        return header + b''.join(_TAG.pack(tag, len(value)) + value for tag, value in tags.items())

    def _identity(self) -> dict[int, bytes]:
        """Computer name, OSVERSIONINFO of Windows, version of TwinCAT."""
        windows = struct.pack('<IIIII', 276, 10, 0, 19045, 2).ljust(276, b'\0')
        return {
            COMPUTER: self._plc.host_name.encode('cp1252', 'replace') + b'\0',
            SYSTEM: windows,
            TWINCAT: struct.pack('<BBH', *self._plc.traits.version),
        }

    def _add_route(self, tags: dict[int, bytes]) -> int:
        net_id = tags.get(NET_ID, b'')
        if len(net_id) != 6 or not _text(tags.get(ROUTE_NAME)) or not _text(tags.get(COMPUTER)):
            return MISSING
        if (_text(tags.get(TAG_USER)), _text(tags.get(TAG_PASSWORD))) != (self.user, self.password):
            return WRONG_PASSWORD
        self.routes.add(net_id)
        log.info('route added')
        return 0


def _tags(data: bytes, count: int) -> dict[int, bytes]:
    """Those that are complete."""
    found: dict[int, bytes] = {}
    at = _HEADER.size
    for _ in range(count):
        if at + _TAG.size > len(data):
            break
        tag, size = _TAG.unpack_from(data, at)
        at += _TAG.size + size
        if at <= len(data):
            found[tag] = data[at - size : at]
    return found


def _text(data: bytes | None) -> str:
    return (data or b'').partition(b'\0')[0].decode('utf-8', 'replace')
