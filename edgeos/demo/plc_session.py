"""One client's connection to a simulated PLC, without the socket: requests in, answers out."""

import struct
from collections.abc import Callable

from edgeos.demo import plc_frames as frames
from edgeos.demo.plc_device import CONFIG, RECONFIG, RESET, RUN, STOP, SimulatedPlc
from edgeos.demo.plc_frames import Request, answer
from edgeos.demo.plc_notifications import Notifications
from edgeos.demo.plc_services import INVALID_DATA, INVALID_GROUP, INVALID_SIZE, NOT_SUPPORTED, AdsRefused, Services

NO_SUCH_PORT, NO_SUCH_MACHINE, NO_SUCH_COMMAND = 6, 7, 8  # errors of the router, in the header
SYSTEM_SERVICE = 10_000  # AMS port
EXTENDED_STATE = 0xF0  # index group of the system service
SUM_ADD_NOTIFICATION, SUM_DELETE_NOTIFICATION = 0xF085, 0xF086

_NOTIFICATION = struct.Struct('<IIIIII16x')
_U32 = struct.Struct('<I')
_WITHOUT_DATA = (frames.WRITE, frames.WRITE_CONTROL, frames.DELETE_NOTIFICATION)  # answered by an error only


class Session:
    """`answer` takes one request and gives the frame back; notifications go out through `send`."""

    def __init__(
        self, plc: SimulatedPlc, send: Callable[[bytes], None], waiting: Callable[[], int] = lambda: 0
    ) -> None:
        self._plc = plc
        self.services = Services(plc)
        self.notifications = Notifications(self.services.read, send, waiting)
        self._commands: dict[int, Callable[[Request], bytes]] = {
            frames.READ_DEVICE_INFO: lambda request: self._device_info(plc.traits.name),
            frames.READ: self._read,
            frames.WRITE: self._write,
            frames.READ_STATE: lambda request: struct.pack('<IHH', 0, plc.state, plc.device_state),
            frames.WRITE_CONTROL: self._control,
            frames.ADD_NOTIFICATION: self._add_notification,
            frames.DELETE_NOTIFICATION: self._delete_notification,
            frames.READ_WRITE: self._read_write,
        }
        self._system_commands: dict[int, Callable[[Request], bytes]] = {
            frames.READ_DEVICE_INFO: lambda request: self._device_info('TwinCAT System'),
            frames.READ: self._read_system,
            frames.READ_STATE: lambda request: struct.pack('<IHH', 0, self._system_state(), 0),
            frames.WRITE_CONTROL: self._control_system,
            **dict.fromkeys((frames.WRITE, frames.ADD_NOTIFICATION, frames.DELETE_NOTIFICATION, frames.READ_WRITE),
                            lambda request: _U32.pack(NOT_SUPPORTED) + bytes(4)),
        }  # fmt: skip

    def answer(self, request: Request) -> bytes:
        """The frame to send back; b'' for what is no request."""
        if request.flags & frames.RESPONSE or not request.flags & frames.ADS_COMMAND:
            return b''
        plc = self._plc
        if request.target != plc.net_id:
            return answer(request, b'', NO_SUCH_MACHINE)
        if request.target_port == plc.ams_port and not plc.is_in_config:
            commands = self._commands
        elif request.target_port == SYSTEM_SERVICE:
            commands = self._system_commands
        else:
            return answer(request, b'', NO_SUCH_PORT)
        if (command := commands.get(request.command)) is None:
            return answer(request, b'', NO_SUCH_COMMAND)
        return answer(request, _tried(command, request))

    def close(self) -> None:
        """The client is gone."""
        self.notifications.clear()

    # the runtime

    def _device_info(self, name: str) -> bytes:
        return struct.pack('<IBBH16s', 0, *self._plc.traits.version, name.encode('cp1252', 'replace'))

    def _read(self, request: Request) -> bytes:
        group, offset, size = struct.unpack_from('<III', request.data)
        data = self.services.read(group, offset, size)
        return struct.pack('<II', 0, len(data)) + data

    def _write(self, request: Request) -> bytes:
        group, offset, size = struct.unpack_from('<III', request.data)
        self.services.write(group, offset, _exactly(request.data[12:], size))
        return bytes(4)

    def _read_write(self, request: Request) -> bytes:
        group, offset, read_size, size = struct.unpack_from('<IIII', request.data)
        sent = _exactly(request.data[16:], size)
        if group == SUM_ADD_NOTIFICATION and self._plc.traits.is_rich:
            data = self._sum_add(request, offset, sent)[:read_size]
        elif group == SUM_DELETE_NOTIFICATION and self._plc.traits.is_rich:
            data = self._sum_delete(offset, sent)[:read_size]
        else:
            data = self.services.read_write(group, offset, read_size, sent)
        return struct.pack('<II', 0, len(data)) + data

    def _control(self, request: Request) -> bytes:
        state, _ = _control_fields(request)
        if state == RESET:
            self._plc.restart()
        elif state in (RUN, STOP):
            self._plc.state = state
        else:
            raise AdsRefused(INVALID_DATA)
        return bytes(4)

    def _add_notification(self, request: Request) -> bytes:
        return struct.pack('<II', 0, self._add(request, request.data))

    def _delete_notification(self, request: Request) -> bytes:
        self.notifications.delete(_U32.unpack_from(request.data)[0])
        return bytes(4)

    def _add(self, request: Request, data: bytes) -> int:
        client, server = (request.source, request.source_port), (request.target, request.target_port)
        return self.notifications.add(client, server, _NOTIFICATION.unpack_from(data))

    def _sum_add(self, request: Request, count: int, data: bytes) -> bytes:
        """What a single one takes, for each; answers error and handle of each."""
        found = []
        for at in range(0, len(_exactly(data, _NOTIFICATION.size * count)), _NOTIFICATION.size):
            try:
                found.append(struct.pack('<II', 0, self._add(request, data[at : at + _NOTIFICATION.size])))
            except AdsRefused as error:
                found.append(struct.pack('<II', error.code, 0))
        return b''.join(found)

    def _sum_delete(self, count: int, data: bytes) -> bytes:
        """The handles; answers their errors."""
        codes = []
        for (handle,) in _U32.iter_unpack(_exactly(data, 4 * count)):
            code = 0
            try:
                self.notifications.delete(handle)
            except AdsRefused as error:
                code = error.code
            codes.append(code)
        return struct.pack(f'<{count}I', *codes)

    # the system service

    def _system_state(self) -> int:
        return CONFIG if self._plc.is_in_config else RUN

    def _read_system(self, request: Request) -> bytes:
        """State, device state, restarts u16 each, version u8, u8, u16, platform u8, system u8, flags u16, 2 bytes."""
        group, _, size = struct.unpack_from('<III', request.data)
        if group != EXTENDED_STATE:
            raise AdsRefused(INVALID_GROUP)
        data = struct.pack('<HHHBBHBBHxx', self._system_state(), 0, self._plc.restarts & 0xFFFF,
                           *self._plc.traits.version, 2, 2, 0)[:size]  # fmt: skip
        return struct.pack('<II', 0, len(data)) + data

    def _control_system(self, request: Request) -> bytes:
        state, _ = _control_fields(request)
        if state == RECONFIG:
            self._plc.is_in_config = True
        elif state in (RESET, RUN):
            self._plc.is_in_config = False
            self._plc.restart()
        else:
            raise AdsRefused(INVALID_DATA)
        return bytes(4)


def _tried(command: Callable[[Request], bytes], request: Request) -> bytes:
    """An ADS error is the first number of the answer; what follows it is zero."""
    try:
        return command(request)
    except AdsRefused as error:
        code = error.code
    except struct.error:
        code = INVALID_SIZE
    return _U32.pack(code) + (b'' if request.command in _WITHOUT_DATA else bytes(4))


def _control_fields(request: Request) -> tuple[int, int]:
    state, device_state, _size = struct.unpack_from('<HHI', request.data)
    return state, device_state


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise AdsRefused(INVALID_SIZE)
    return data
