"""Asking a TwinCAT router by UDP: who it is, and to add a route to this device."""
import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any, Generic, TypeVar

from edgeos.connections.plc_udp import (
    UDP_PORT,
    FrameError,
    Identity,
    add_route_request,
    host_of,
    identify_request,
    own_address_towards,
    parse_identity,
    parse_route_answer,
)
from edgeos.connections.reach_failures import name_not_found, no_way
from edgeos.connections.state import ConnectionFailure

WRONG_LOGIN = frozenset((0x704, 0x723))  # invalid access, access denied
LIMIT = 4.5  # s for all of it, so that an HTTP answer is there within 5
LOOK_UP_SECONDS = 2.0
REPEAT_SECONDS = 1.5  # a datagram may be lost

T = TypeVar('T')


async def resolve(host: str) -> str:
    """The IPv4 address of a name or address, with or without a port; raises ConnectionFailure (name_not_resolved)."""
    name = host_of(host)
    with contextlib.suppress(ValueError):
        return str(IPv4Address(name))
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    threading.Thread(target=_look_up, args=(name, found), daemon=True, name=f'look up {name}').start()
    address = ''
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOOK_UP_SECONDS):
            address = await found
    if not address:
        raise name_not_found(name)
    return address


def _look_up(name: str, found: 'asyncio.Future[str]') -> None:
    """In a thread nobody waits for at the end: a resolver may hang."""
    address = ''
    with contextlib.suppress(OSError, ValueError):
        address = str(socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0])
    with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
        found.get_loop().call_soon_threadsafe(_settle, found, address)


def _settle(found: 'asyncio.Future[str]', address: str) -> None:
    if not found.done():
        found.set_result(address)


async def identify(host: str, *, port: int = UDP_PORT, limit: float = LIMIT) -> Identity:
    """Ask one PLC who it is, within `limit` seconds; raises ConnectionFailure."""
    deadline = asyncio.get_running_loop().time() + limit
    return await _ask(await resolve(host), port, identify_request(), parse_identity, deadline)


async def add_route(host: str, username: str, password: str, *, source_net_id: str = '', name: str = '',
                    port: int = UDP_PORT, limit: float = LIMIT) -> None:  # fmt: skip
    """Have a PLC add a route to this device, within `limit` seconds.

    `source_net_id` is this device's ('': own address + '.1.1'), `name` is what the PLC calls the route ('': a name made
    from the address). Raises ConnectionFailure, and FrameError if a text does not fit. The password is kept nowhere.
    """
    deadline = asyncio.get_running_loop().time() + limit
    address = await resolve(host)
    try:
        own = own_address_towards(address)
    except OSError as error:
        raise _failed_to_ask(error, address, port) from error
    request = add_route_request(source_net_id or f'{own}.1.1', own, username, password, name or f'EdgeOS-{own}')
    status = await _ask(address, port, request, parse_route_answer, deadline)
    if status in WRONG_LOGIN:
        raise ConnectionFailure('not_authorised', '{address} refused the user name or the password.',
                                'Enter the login of the PLC itself, often the user Administrator.',
                                retriable=False, address=address)  # fmt: skip
    if status:
        raise ConnectionFailure('refused', '{address} refused the route with error {number}.',
                                'Add the route in TwinCAT itself: System, Routes, Add Route.',
                                retriable=False, address=address, number=status)  # fmt: skip


async def _ask(address: str, port: int, request: bytes, parse: Callable[[bytes], T], deadline: float) -> T:
    """Send a request, once more after a while, until an answer can be parsed; raises ConnectionFailure."""
    loop = asyncio.get_running_loop()
    garbled = False
    try:
        transport, asked = await loop.create_datagram_endpoint(lambda: _Asked(parse), remote_addr=(address, port))
        try:
            for until in (min(loop.time() + REPEAT_SECONDS, deadline), deadline):
                transport.sendto(request)
                if (await asyncio.wait([asked.answer], timeout=max(until - loop.time(), 0)))[0]:
                    return asked.answer.result()
            garbled = asked.garbled
        finally:
            asked.answer.cancel()
            transport.close()
    except OSError as error:
        raise _failed_to_ask(error, address, port) from error
    if garbled:
        raise ConnectionFailure('refused', '{address} answered, but not as a PLC does.',
                                'Check that this is the address of the PLC.', address=address)  # fmt: skip
    raise ConnectionFailure('timeout', '{address} did not answer on UDP port {port}.',
                            'Check that the PLC is on and in this network, and that no firewall blocks that port.',
                            address=address, port=port)  # fmt: skip


def _failed_to_ask(error: OSError, address: str, port: int) -> ConnectionFailure:
    if isinstance(error, ConnectionRefusedError):
        return ConnectionFailure('refused', 'Nothing listens on UDP port {port} of {address}.',
                                 'Check the address, and that TwinCAT is installed and running there.',
                                 address=address, port=port)  # fmt: skip
    return no_way(error, address)


class _Asked(asyncio.DatagramProtocol, Generic[T]):
    """Waits for the first datagram that can be parsed; the socket takes only those of the one that was asked."""

    def __init__(self, parse: Callable[[bytes], T]) -> None:
        self.answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.garbled = False
        self._parse = parse

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        try:
            value = self._parse(data)
        except FrameError:
            self.garbled = True
            return
        if not self.answer.done():
            self.answer.set_result(value)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)
