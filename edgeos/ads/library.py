"""AdsLib, by way of pyads: the only module that touches it, and only in the worker.

AdsLib can hang for minutes in `connect` and can take its process down, which is why it lives here. One request at a
time per port, so a port belongs to one thread. Routes are never deleted and callbacks never freed: doing either while
AdsLib's own threads run crashes it; the end of the process does both.
"""
import ctypes
import queue
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyads import pyads_ex, structs

from edgeos.ads.errors import DEAD, NO_ANSWER

BUFFER = 256 * 1024  # bytes of the first answer buffer; grows for uploads
LONGEST_CYCLE = 400_000  # ms; in units of 100 ns more does not fit 32 bits
HEADER = 38  # bytes of AMS/TCP and AMS header before every frame's body

_ON_CHANGE = 4
_SAMPLE = struct.Struct('<IQI')
_LIBRARY = pyads_ex._adsDLL
_CALLBACK_TYPE = pyads_ex.NOTEFUNC
_TEXTS = pyads_ex.ERROR_CODES


class AdsError(Exception):
    """Raised where a request failed; `code` is the ADS error, -1 for a dead socket."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(error_text(code))

    @property
    def is_dead(self) -> bool:
        """Whether it is the link that failed, and not what was asked."""
        return self.code in (NO_ANSWER, DEAD)


def error_text(code: int) -> str:
    """What the error means, in English, as AdsLib's authors say it."""
    return 'the connection is dead' if code == DEAD else str(_TEXTS.get(code) or 'unknown')


def _function(name: str, *types: Any) -> Any:
    function = _LIBRARY[name]  # an object of our own: pyads sets other types on its own
    function.restype = ctypes.c_int32
    function.argtypes = types
    return function


_U32, _PORT, _ADDRESS = ctypes.c_uint32, ctypes.c_long, ctypes.POINTER(structs.SAmsAddr)
_ANY = ctypes.c_void_p
_add_route = _function('AdsAddRoute', structs.SAmsNetId, ctypes.c_char_p)
_set_local = _function('AdsSetLocalAddress', structs.SAmsNetId)
_open_port = _function('AdsPortOpenEx')
_close_port = _function('AdsPortCloseEx', _PORT)
_set_timeout = _function('AdsSyncSetTimeoutEx', _PORT, _U32)
_read_state = _function('AdsSyncReadStateReqEx', _PORT, _ADDRESS, _ANY, _ANY)
_read_info = _function('AdsSyncReadDeviceInfoReqEx', _PORT, _ADDRESS, _ANY, _ANY)
_read = _function('AdsSyncReadReqEx2', _PORT, _ADDRESS, _U32, _U32, _U32, _ANY, _ANY)
_write = _function('AdsSyncWriteReqEx', _PORT, _ADDRESS, _U32, _U32, _U32, _ANY)
_read_write = _function('AdsSyncReadWriteReqEx2', _PORT, _ADDRESS, _U32, _U32, _U32, _ANY, _U32, _ANY, _ANY)
_notify = _function('AdsSyncAddDeviceNotificationReqEx', _PORT, _ADDRESS, _U32, _U32, _ANY, _CALLBACK_TYPE, _U32, _ANY)
_forget = _function('AdsSyncDelDeviceNotificationReqEx', _PORT, _ADDRESS, _U32)


def net_id(text: str) -> Any:
    """AdsLib's own form of six numbers 0-255 with dots between them."""
    found = structs.SAmsNetId()
    found.b = (ctypes.c_ubyte * 6)(*(int(part) for part in text.split('.')))
    return found


def add_route(target: str, address: str) -> None:
    """Connect to the machine of that NetId at `ip:port`; blocks up to 405 s where packets vanish. Raises AdsError."""
    _raise_for(_add_route(net_id(target), address.encode()))


def set_source(source: str) -> None:
    """The NetId this process calls itself from now on."""
    _set_local(net_id(source))


def _raise_for(code: int) -> None:
    if code:
        raise AdsError(code)


class AmsPort:
    """A way to one runtime, for one thread. Counts what goes over the wire, in AMS frames and their bytes."""

    def __init__(self, target: str, ams_port: int, timeout_ms: int) -> None:
        """Raises AdsError."""
        self.requests = self.responses = self.notifications = self.bytes_sent = self.bytes_received = self.errors = 0
        self._is_probing = False
        self._moment = -1  # of the newest notification
        self._address = structs.SAmsAddr(net_id(target), ams_port)
        self._pointer = ctypes.pointer(self._address)
        self._buffer = ctypes.create_string_buffer(BUFFER)
        self._got = ctypes.c_uint32()
        self._got_pointer = ctypes.byref(self._got)
        self._port = _open_port()
        if not self._port:
            raise AdsError(DEAD)
        self.set_timeout(timeout_ms)

    @contextmanager
    def probing(self) -> Iterator[None]:
        """While it is found out what the PLC knows, a refusal is an answer and no error."""
        self._is_probing = True
        try:
            yield
        finally:
            self._is_probing = False

    def set_timeout(self, ms: int) -> None:
        """How long an answer may take."""
        _raise_for(_set_timeout(self._port, ms))

    def close(self) -> None:
        """Give the port back; the route stays."""
        _close_port(self._port)

    def read_state(self) -> tuple[int, int]:
        """ADS state (5 is RUN) and device state."""
        state, device = ctypes.c_uint16(), ctypes.c_uint16()
        code = _read_state(self._port, self._pointer, ctypes.byref(state), ctypes.byref(device))
        self._count(code, 0, 8)
        return state.value, device.value

    def read_info(self) -> tuple[str, str]:
        """Name and version of the runtime."""
        name, version = ctypes.create_string_buffer(20), (ctypes.c_ubyte * 4)()
        code = _read_info(self._port, self._pointer, name, version)
        self._count(code, 0, 24)
        build = version[2] | version[3] << 8
        return name.value.decode('cp1252', 'replace'), f'{version[0]}.{version[1]}.{build}'

    def read(self, group: int, offset: int, size: int) -> bytes:
        """Up to `size` bytes."""
        self._make_room(size)
        code = _read(self._port, self._pointer, group, offset, size, self._buffer, self._got_pointer)
        self._count(code, 12, 8 + self._got.value)
        return ctypes.string_at(self._buffer, self._got.value)

    def write(self, group: int, offset: int, data: bytes) -> None:
        """All of the data."""
        code = _write(self._port, self._pointer, group, offset, len(data), data)
        self._count(code, 12 + len(data), 4)

    def read_write(self, group: int, offset: int, size: int, data: bytes) -> bytes:
        """Send data, and read up to `size` bytes of answer."""
        self._make_room(size)
        code = _read_write(self._port, self._pointer, group, offset, size, self._buffer, len(data), data,
                           self._got_pointer)  # fmt: skip
        self._count(code, 16 + len(data), 8 + self._got.value)
        return ctypes.string_at(self._buffer, self._got.value)

    def notify(self, group: int, offset: int, size: int, cycle_ms: int, number: int) -> int:
        """Be told of changes, at most once a cycle; answers the handle.

        They arrive in INBOX: `number` is the link's in its upper half, the item's in the lower 16 bits.
        """
        attributes = (ctypes.c_uint32 * 4)(size, _ON_CHANGE, 0, min(cycle_ms, LONGEST_CYCLE) * 10_000)
        handle = ctypes.c_uint32()
        code = _notify(self._port, self._pointer, group, offset, attributes, _CALLBACK, number, ctypes.byref(handle))
        self._count(code, 40, 8)
        return handle.value

    def forget(self, handle: int) -> None:
        """End a notification."""
        self._count(_forget(self._port, self._pointer, handle), 4, 4)

    def count_sample(self, moment: int, size: int) -> None:
        """Count what was notified; samples of one moment come in one frame."""
        if moment != self._moment:
            self._moment = moment
            self.notifications += 1
            self.bytes_received += HEADER + 20
        self.bytes_received += 8 + size

    def _make_room(self, size: int) -> None:
        if size > len(self._buffer):
            self._buffer = ctypes.create_string_buffer(size)

    def _count(self, code: int, sent: int, received: int) -> None:
        self.requests += 1
        self.bytes_sent += HEADER + sent
        if code == 0:
            self.responses += 1
            self.bytes_received += HEADER + received
            return
        if code not in (NO_ANSWER, DEAD):
            self.responses += 1
            self.bytes_received += HEADER + 4
        if not self._is_probing:
            self.errors += 1
        raise AdsError(code)


Inbox = queue.SimpleQueue[tuple[int, bytes, int]]  # item, its bytes, when (100 ns since 1601)

INBOX: dict[int, Inbox] = {}  # by the number of a link


def _take(_address: Any, header: Any, number: int) -> None:
    """On AdsLib's own thread: handle, time and size, then the data."""
    inbox = INBOX.get(number >> 16)
    if inbox is not None:
        start = ctypes.addressof(header.contents)
        _handle, moment, size = _SAMPLE.unpack(ctypes.string_at(start, _SAMPLE.size))
        inbox.put((number & 0xFFFF, ctypes.string_at(start + _SAMPLE.size, size), moment))


_CALLBACK = _CALLBACK_TYPE(_take)  # one for all and for ever: AdsLib may be in it at any time
