"""A bare ADS client over asyncio streams, written from the specification: no code of the simulated PLC is used."""
import asyncio
import itertools
import struct
from types import TracebackType

SOURCE = bytes((10, 9, 8, 7, 1, 1))
SOURCE_PORT = 33_000


class AmsError(Exception):
    """Raised when the header says that something is wrong; args: the code."""


class AdsError(Exception):
    """Raised when the answer says so; args: the code."""


def frame(target: bytes, port: int, command: int, data: bytes, *, invoke: int = 1, flags: int = 4,
          source: bytes = SOURCE) -> bytes:  # fmt: skip
    ams = target + struct.pack('<H', port) + source + struct.pack('<HHHIII', SOURCE_PORT, command, flags, len(data), 0, invoke)
    return struct.pack('<HI', 0, len(ams) + len(data)) + ams + data


class Wire:
    """One connection; a request waits for its answer, notifications are collected as (handle, bytes)."""

    def __init__(self, host: str, port: int, net_id: str = '', ams_port: int = 851, source: bytes = SOURCE) -> None:
        self.target = bytes(map(int, (net_id or f'{host}.1.1').split('.')))
        self.ams_port = ams_port
        self.notifications: list[tuple[int, bytes]] = []
        self._where = host, port
        self._source = source
        self._invokes = itertools.count(1)

    async def __aenter__(self) -> 'Wire':
        self.reader, self.writer = await asyncio.open_connection(*self._where)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:  # fmt: skip
        self.writer.close()

    async def receive(self) -> tuple[int, int, int, bytes]:
        """Command, error, invoke id and data of the next frame."""
        kind, length = struct.unpack('<HI', await self.reader.readexactly(6))
        body = await self.reader.readexactly(length)
        assert kind == 0 and length >= 32
        command, flags, size, error, invoke = struct.unpack_from('<HHIII', body, 16)
        assert size == length - 32
        assert flags & 4 and bool(flags & 1) == (command != 8)
        assert body[:8] == self._source + struct.pack('<H', SOURCE_PORT), 'sent to somebody else'
        return command, error, invoke, body[32:]

    async def command(self, command: int, data: bytes, timeout: float = 3) -> bytes:
        """The data of the answer; raises AmsError."""
        invoke = next(self._invokes)
        self.writer.write(frame(self.target, self.ams_port, command, data, invoke=invoke, source=self._source))
        return await asyncio.wait_for(self._answer(command, invoke), timeout)

    async def _answer(self, command: int, invoke: int) -> bytes:
        while True:
            got, error, number, data = await self.receive()
            if got == 8:
                self._collect(data)
            elif number == invoke:
                assert got == command
                if error:
                    raise AmsError(error)
                return data

    async def collect(self, seconds: float) -> list[tuple[int, bytes]]:
        """The notifications of a while."""
        self.notifications.clear()
        try:
            async with asyncio.timeout(seconds):
                while True:
                    command, _, _, data = await self.receive()
                    assert command == 8
                    self._collect(data)
        except TimeoutError:
            return list(self.notifications)

    def _collect(self, data: bytes) -> None:
        length, stamps = struct.unpack_from('<II', data)
        assert length == len(data) - 4
        at = 8
        for _ in range(stamps):
            _time, samples = struct.unpack_from('<QI', data, at)
            at += 12
            for _ in range(samples):
                handle, size = struct.unpack_from('<II', data, at)
                self.notifications.append((handle, data[at + 8:at + 8 + size]))
                at += 8 + size
        assert at == len(data)

    # services

    async def read(self, group: int, offset: int, size: int) -> bytes:
        return _content(await self.command(2, struct.pack('<III', group, offset, size)))

    async def write(self, group: int, offset: int, data: bytes) -> None:
        answer = await self.command(3, struct.pack('<III', group, offset, len(data)) + data)
        assert len(answer) == 4
        _raise(answer)

    async def read_write(self, group: int, offset: int, size: int, data: bytes) -> bytes:
        request = struct.pack('<IIII', group, offset, size, len(data)) + data
        return _content(await self.command(9, request))

    async def handle(self, name: str) -> int:
        return int.from_bytes(await self.read_write(0xF003, 0, 4, name.encode('cp1252') + b'\0'), 'little')

    async def value(self, name: str, size: int = 4096) -> bytes:
        return await self.read_write(0xF004, 0, size, name.encode('cp1252') + b'\0')

    async def state(self) -> int:
        answer = await self.command(4, b'')
        _raise(answer)
        return int(struct.unpack('<IHH', answer)[1])

    async def notify(self, group: int, offset: int, size: int, mode: int = 4, cycle_ms: float = 20) -> int:
        answer = await self.command(6, notification(group, offset, size, mode, cycle_ms))
        _raise(answer)
        return int(struct.unpack('<II', answer)[1])

    async def sum_read(self, *items: tuple[int, int, int]) -> tuple[list[int], list[bytes]]:
        """Errors and data."""
        size = sum(4 + item[2] for item in items)
        answer = await self.read_write(0xF080, len(items), size, b''.join(struct.pack('<III', *item) for item in items))
        assert len(answer) == size
        errors, at, parts = struct.unpack_from(f'<{len(items)}I', answer), 4 * len(items), []
        for _, _, length in items:
            parts.append(answer[at:at + length])
            at += length
        return list(errors), parts


def notification(group: int, offset: int, size: int, mode: int = 4, cycle_ms: float = 20) -> bytes:
    return struct.pack('<IIIIII16x', group, offset, size, mode, 0, round(cycle_ms * 10_000))


def _content(answer: bytes) -> bytes:
    _raise(answer)
    assert int.from_bytes(answer[4:8], 'little') == len(answer) - 8
    return answer[8:]


def _raise(answer: bytes) -> None:
    if code := int.from_bytes(answer[:4], 'little'):
        raise AdsError(code)
