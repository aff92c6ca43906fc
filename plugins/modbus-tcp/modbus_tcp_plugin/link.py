"""The connection to one device: pymodbus with its errors translated."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from .registers import Raw, Register

NO_SUCH = (2, 3)  # what devices answer to an address they do not have
BUSY = (5, 6)
BEHIND = (10, 11)  # a gateway answers for a device that does not
_ANSWERS = {
    1: 'it does not know this kind of register',
    2: 'it has no such address',
    3: 'it does not accept the value or the number of registers',
    4: 'it failed while it did it',
    5: 'it needs longer for it',
    6: 'it is busy',
    7: 'it cannot do it',
    8: 'its memory is damaged (parity)',
    10: 'the gateway has no way to it',
    11: 'the gateway gets no answer from it',
}

logging.getLogger('pymodbus').setLevel(logging.CRITICAL)  # what it says is said here, once and in other words


class LinkLost(Exception):
    """Raised when the device cannot be reached, or no longer; the message says why."""


class Refused(Exception):
    """Raised when the device answered with an exception code."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f'{_ANSWERS.get(code, "it refused")} (exception {code})')


class Link:
    """To one unit at one address; one request at a time."""

    def __init__(self, host: str, port: int, unit: int, timeout: float) -> None:
        self._host, self._port, self._unit, self._timeout = host, port, unit, timeout
        self._client: AsyncModbusTcpClient | None = None

    async def open(self) -> None:
        """Raises LinkLost."""
        self.close()
        client = AsyncModbusTcpClient(self._host, port=self._port, timeout=self._timeout, retries=0, reconnect_delay=0)
        try:
            is_connected = await client.connect()
        except UnicodeError:
            is_connected = False
        if not is_connected:
            raise LinkLost(await self._reason())
        self._client = client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def read(self, kind: str, start: int, count: int) -> Raw:
        """`count` words or bits. Raises LinkLost, Refused."""
        client = self._opened()
        ask = {'coil': client.read_coils, 'discrete': client.read_discrete_inputs,
               'holding': client.read_holding_registers, 'input': client.read_input_registers}[kind]  # fmt: skip
        answer = await self._answer(ask(start, count=count, device_id=self._unit))
        found: Raw = answer.bits[:count] if kind in ('coil', 'discrete') else answer.registers
        if len(found) != count:
            raise LinkLost(f'it answered with {len(found)} registers instead of {count}')
        return found

    async def write(self, register: Register, raw: Raw) -> None:
        """Raises LinkLost, Refused."""
        client, at, unit = self._opened(), register.address, self._unit
        if register.is_bit:
            await self._answer(client.write_coil(at, bool(raw[0]), device_id=unit))
        elif len(raw) == 1:
            await self._answer(client.write_register(at, int(raw[0]), device_id=unit))
        else:
            await self._answer(client.write_registers(at, [int(word) for word in raw], device_id=unit))

    def _opened(self) -> AsyncModbusTcpClient:
        if self._client is None or not self._client.connected:
            raise LinkLost('it closed the connection')
        return self._client

    async def _answer(self, request: Awaitable[Any]) -> Any:
        try:
            answer = await request
        except (ModbusException, OSError, TimeoutError) as error:
            is_open = self._client is not None and self._client.connected
            why = f'it did not answer within {self._timeout:g} s' if is_open else 'it closed the connection'
            raise LinkLost(why) from error
        if answer.isError():
            if answer.exception_code in BEHIND:
                raise LinkLost(str(Refused(answer.exception_code)))
            raise Refused(answer.exception_code)
        return answer

    async def _reason(self) -> str:
        """Why there is no connection: pymodbus keeps that for itself."""
        try:
            async with asyncio.timeout(self._timeout):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except TimeoutError:
            return 'nothing answers there'
        except (socket.gaierror, UnicodeError):  # or one that cannot be a name
            return 'its name is not known'
        except OSError as error:
            return os.strerror(error.errno) if error.errno else 'it cannot be connected to'  # at none of its addresses
        writer.close()
        return 'it does not accept the connection'
