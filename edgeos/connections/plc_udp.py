"""The datagrams of a TwinCAT router on UDP port 48899: who it is, and adding a route to it.

All numbers are little-endian. A frame is a cookie u32, an invoke id u32, a service u32 (plus the top bit in an answer),
the sender's NetId of 6 bytes and AMS port u16, the number of tags u32, and the tags: id u16, length u16, that many
bytes. Texts end with a NUL. Layout and tags as in Beckhoff's AdsLib, pyads and ads-rs. A wrong password is answered
with status 0x704 (stlehmann/pyads#460). The password travels in clear text; there is no other way in this protocol.
"""
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from edgeos.connections.plc_config import is_net_id

UDP_PORT = 48899
COOKIE = 0x71146603
IDENTIFY, ADD_ROUTE, ANSWER = 1, 6, 0x80000000
SYSTEM_SERVICE = 10000
HEADER = struct.Struct('<III6sHI')
TAG = struct.Struct('<HH')
MOST_BYTES = 4096  # an answer of TwinCAT 3.1.4026 has about 700
TEXT_BYTES = 255
NAME_CHARACTERS = 200
SYSTEMS = {0: 'TwinCAT/BSD', 1: 'TC/RTOS', 2: 'Windows', 3: 'Windows CE'}


class FrameError(ValueError):
    """Raised when a datagram is none of this protocol, or when what is to be sent does not fit into one."""


class Tag(IntEnum):
    """What a piece of a frame means."""

    STATUS = 1
    PASSWORD = 2
    TWINCAT = 3  # major u8, minor u8, build u16
    SYSTEM = 4  # OSVERSIONINFO of Windows: size, major, minor, build, platform, each u32
    COMPUTER = 5  # in an answer the PLC's name, in a route request the address the route leads to
    NET_ID = 7
    ROUTE = 12
    USER = 13


@dataclass(frozen=True, slots=True)
class Frame:
    """A datagram taken apart; `service` has its top bit set in an answer, of equal tags the first counts."""

    service: int
    net_id: str
    tags: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a PLC says of itself; '' and None where it does not."""

    net_id: str
    host_name: str
    system: str  # 'Windows 10.0.19045'
    twincat: tuple[int, int, int] | None  # major, minor, build

    @property
    def version(self) -> str:
        """As owners write it: '3.1.4024'."""
        return '' if self.twincat is None else '.'.join(map(str, self.twincat))

    @property
    def ams_port(self) -> int:
        """Of the first PLC runtime: 801 in TwinCAT 2, 851 in TwinCAT 3."""
        return 801 if self.twincat is not None and self.twincat[0] == 2 else 851


# building


def identify_request() -> bytes:
    """Asks who is there; any NetId will do as the sender's."""
    return build(IDENTIFY, '1.1.1.1.1.1', {})


def add_route_request(net_id: str, address: str, username: str, password: str, name: str) -> bytes:
    """Asks for a route called `name` to this device, which has that NetId and address. Raises FrameError."""
    return build(ADD_ROUTE, net_id, {
        Tag.ROUTE: _text('route name', name), Tag.NET_ID: net_id_bytes(net_id), Tag.USER: _text('user name', username),
        Tag.PASSWORD: _text('password', password), Tag.COMPUTER: _text('address', address)})  # fmt: skip


def build(service: int, net_id: str, tags: Mapping[int, bytes]) -> bytes:
    """A frame from that NetId; raises FrameError."""
    header = HEADER.pack(COOKIE, 0, service, net_id_bytes(net_id), SYSTEM_SERVICE, len(tags))
    return header + b''.join(TAG.pack(tag, len(data)) + data for tag, data in tags.items())


def net_id_bytes(net_id: str) -> bytes:
    """The 6 bytes of '5.12.34.56.1.1'; raises FrameError."""
    if not is_net_id(net_id):
        raise FrameError('a NetId is six numbers from 0 to 255 with dots between them')
    return bytes(map(int, net_id.split('.')))


def text_problem(text: str) -> str:
    """Why a text cannot be sent, without repeating it; '' if it can."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return 'is no valid text'
    if '\0' in text:
        return 'contains a NUL character'
    return f'is longer than {TEXT_BYTES} bytes' if size > TEXT_BYTES else ''


def _text(what: str, text: str) -> bytes:
    if problem := text_problem(text):
        raise FrameError(f'the {what} {problem}')
    return text.encode() + b'\0'


# parsing


def parse_frame(data: bytes) -> Frame:
    """Take any frame of this protocol apart; raises FrameError."""
    if not HEADER.size <= len(data) <= MOST_BYTES:
        raise FrameError(f'{len(data)} bytes are no frame')
    cookie, _, service, net_id, _, count = HEADER.unpack_from(data)
    if cookie != COOKIE:
        raise FrameError('the first bytes are not those of a frame')
    tags: dict[int, bytes] = {}
    at = HEADER.size
    for _ in range(min(count, MOST_BYTES)):
        if at + TAG.size > len(data):
            raise FrameError('a tag is missing')
        tag, size = TAG.unpack_from(data, at)
        at += TAG.size + size
        if at > len(data):
            raise FrameError('a tag is cut off')
        tags.setdefault(tag, data[at - size:at])
    return Frame(service, '.'.join(map(str, net_id)), tags)


def parse_identity(data: bytes) -> Identity:
    """The answer to `identify_request`; raises FrameError. Every text in it is the device's, not to be trusted."""
    frame = parse_frame(data)
    if frame.service != IDENTIFY | ANSWER:
        raise FrameError('this does not answer who is there')
    if not any(net_id_bytes(frame.net_id)):
        raise FrameError('it has no NetId')
    version = frame.tags.get(Tag.TWINCAT, b'')
    return Identity(frame.net_id, _said(frame.tags.get(Tag.COMPUTER, b'')), _system(frame.tags.get(Tag.SYSTEM, b'')),
                    struct.unpack_from('<BBH', version) if len(version) >= 4 else None)  # fmt: skip


def parse_route_answer(data: bytes) -> int:
    """The status in the answer to `add_route_request`, 0 for success; raises FrameError."""
    frame = parse_frame(data)
    status = frame.tags.get(Tag.STATUS, b'')
    if frame.service != ADD_ROUTE | ANSWER or len(status) < 4:
        raise FrameError('this does not answer a request for a route')
    return int.from_bytes(status[:4], 'little')


def _said(data: bytes) -> str:
    data = data.partition(b'\0')[0]
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode('cp1252', 'replace')
    return text.strip()[:NAME_CHARACTERS]


def _system(data: bytes) -> str:
    if len(data) < 20:
        return ''
    _, major, minor, build_number, platform = struct.unpack_from('<5I', data)
    return f'{SYSTEMS.get(platform, "")} {major}.{minor}.{build_number}'.strip()


# finding the way


def host_of(host: str) -> str:
    """A name or address without its ":port"."""
    name, colon, port = host.strip().partition(':')
    return name if colon and port.isdigit() else host.strip()


def local_address_for(host: str) -> str:
    """This device's own IPv4 address on the way to a host, to be entered in TwinCAT; '' if there is no way.

    No packet is sent. A name is looked up, which may take seconds: on the event loop give an address
    (`plc_router.resolve`).
    """
    try:
        return own_address_towards(host_of(host))
    except (OSError, ValueError):
        return ''


def own_address_towards(host: str) -> str:
    """The same without a port in `host`; raises OSError and ValueError."""
    if not host or '\0' in host:
        raise ValueError('no host')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((host, UDP_PORT))
        return str(sock.getsockname()[0])
