"""A Bluetooth adapter for bleak that is not the system's: bumble's host stack over HCI by TCP.

Loading this takes half a second and needs bumble; import it beside the event loop, and only where the demo runs.
What goes wrong here leaves as bleak's own errors and TimeoutError, as from the system's radio.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, NamedTuple

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError
from bumble.core import BaseBumbleError
from bumble.device import Advertisement, Connection, ConnectionParametersPreferences, Device, DeviceConfiguration
from bumble.hci import HCI_LE_1M_PHY, Address, HCI_LE_Create_Connection_Cancel_Command, OwnAddressType
from bumble.transport.common import Transport, TransportLostError
from bumble.transport.tcp_client import open_tcp_client_transport

from edgeos.demo.radio_client import make_client
from edgeos.demo.radio_host import SteadyHost
from edgeos.demo.radio_scanner import RadioScanner, make_scanner
from edgeos.reporting import log_error

COMMAND_LIMIT = 5.0  # s for what an adapter does at once
REPLUG = 0.3  # s between attempts to find the adapter
SUPERVISION = 6.0  # s after which a link without a sign of the other end is dead
_PARAMETERS = {HCI_LE_1M_PHY: ConnectionParametersPreferences(supervision_timeout=int(SUPERVISION * 1000))}

log = logging.getLogger(__name__)


class Backends(NamedTuple):
    """What `BleakScanner(backend=...)` and `BleakClient(backend=...)` take."""

    scanner: type[BaseBleakScanner]
    client: type[BaseBleakClient]


class VirtualRadio:
    """The adapter at that address, found again whenever it comes back; `backends` is what bleak needs to use it."""

    def __init__(self, host: str, port: int) -> None:
        self.backends = Backends(make_scanner(self), make_client(self))
        self._where = f'{host}:{port}'
        self._is_on = True
        self._device: Device | None = None
        self._gone: asyncio.Future[None] | None = None  # done once the adapter cannot be used any more
        self._plugged = asyncio.Event()
        self._scans: set[RadioScanner] = set()
        self._turn = asyncio.Lock()  # an adapter connects to one device at a time
        self._keeper: asyncio.Task[None] | None = None
        self._clearing: set[asyncio.Task[None]] = set()
        logging.getLogger('bumble').setLevel(logging.CRITICAL)  # what matters of it arrives as an exception

    @property
    def is_plugged(self) -> bool:
        """Whether there is an adapter at all."""
        return self._device is not None

    async def open(self, within: float = 10.0) -> None:
        """Returns when the adapter can be used; raises TimeoutError, and goes on looking for it all the same."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name='virtual radio')
        async with asyncio.timeout(within):
            await self._plugged.wait()

    async def close(self) -> None:
        """As pulling the adapter out; links are lost."""
        keeper, self._keeper = self._keeper, None
        ending = {*self._clearing, keeper} if keeper else {*self._clearing}
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)

    async def power(self, on: bool) -> None:
        """Switch the adapter. Off, it ends its links and its scans; on again, it does not resume them."""
        if on == self._is_on:
            return
        self._is_on = on
        device = self._device
        if device is None:
            return
        if on:
            self._gone = asyncio.get_running_loop().create_future()
            return
        self._cease()
        try:
            async with asyncio.timeout(COMMAND_LIMIT):
                for connection in tuple(device.connections.values()):
                    await connection.disconnect()
                await device.stop_scanning()
        except (BaseBumbleError, TimeoutError) as error:
            log.info('the adapter was not switched off properly: %r', error)

    def adapter(self) -> Device:
        """What works at the moment; raises BleakBluetoothNotAvailableError."""
        if self._device is None or not self._is_on:
            raise self.unavailable()
        return self._device

    def unavailable(self) -> BleakBluetoothNotAvailableError:
        """Why it cannot be used, in the words bleak has for BlueZ."""
        if self._device is None:
            return BleakBluetoothNotAvailableError(
                'No Bluetooth adapters found.', BleakBluetoothNotAvailableReason.NO_BLUETOOTH)  # fmt: skip
        return BleakBluetoothNotAvailableError(
            'No powered Bluetooth adapters found. Turn on Bluetooth and try again.',
            BleakBluetoothNotAvailableReason.POWERED_OFF,
        )

    # for the scanner

    async def listen(self, scan: RadioScanner) -> None:
        """Start a scan, or join the one there is."""
        device = self.adapter()
        self._scans.add(scan)
        if len(self._scans) == 1:
            try:
                async with asyncio.timeout(COMMAND_LIMIT):
                    await device.start_scanning(active=scan.is_active, own_address_type=OwnAddressType.PUBLIC)
            except BaseException as error:
                self._scans.discard(scan)
                if isinstance(error, BaseBumbleError):
                    raise self._translated(error) from error
                raise

    async def ignore(self, scan: RadioScanner) -> None:
        """End the scan unless others want it; does not mind if it has ended before."""
        if scan not in self._scans:
            return
        self._scans.discard(scan)
        if not self._scans and self._device is not None:
            try:
                async with asyncio.timeout(COMMAND_LIMIT):
                    await self._device.stop_scanning()
            except BaseBumbleError as error:
                raise self._translated(error) from error

    def _hear(self, advertisement: Advertisement) -> None:
        for scan in tuple(self._scans):
            scan.hear(advertisement)

    # for the client

    async def connect(self, address: Address) -> Connection:
        """A link as soon as the device is heard; waits for ever. Raises BleakError."""
        await self._turn.acquire()
        attempt: asyncio.Task[Connection] | None = None
        try:
            device = self.adapter()
            assert self._gone is not None
            attempt = asyncio.create_task(device.connect(
                address, own_address_type=OwnAddressType.PUBLIC, connection_parameters_preferences=_PARAMETERS,
            ))  # fmt: skip
            await asyncio.wait((attempt, self._gone), return_when=asyncio.FIRST_COMPLETED)
            if not attempt.done() or attempt.cancelled():  # bumble cancels what waits for an adapter that is gone
                raise self.unavailable()
            return attempt.result()
        except BaseBumbleError as error:
            raise self._translated(error) from error
        except asyncio.CancelledError:
            if attempt is not None and attempt.done() and not attempt.cancelled() and attempt.exception() is None:
                self.dismiss(attempt.result())  # it came at the very moment nobody wanted it any more
            raise
        finally:
            if attempt is None or attempt.done():
                self._turn.release()
            else:
                self._clear_up(_give_up(device, attempt)).add_done_callback(lambda _done: self._turn.release())

    def dismiss(self, connection: Connection) -> None:
        """End a link that nobody wants, without waiting for it."""
        self._clear_up(_end(connection))

    def _clear_up(self, work: Coroutine[Any, Any, None]) -> 'asyncio.Task[None]':
        """Beside everything else: who has given up does not wait for an adapter that does not answer."""
        task = asyncio.create_task(work, name='virtual radio clears up')
        self._clearing.add(task)
        task.add_done_callback(self._clearing.discard)
        return task

    def _translated(self, error: BaseBumbleError) -> BleakError:
        if isinstance(error, TransportLostError) or self._device is None or not self._is_on:
            return self.unavailable()
        return BleakError(f'{type(error).__name__}: {error}')

    # the adapter

    async def _keep(self) -> None:
        """Find the adapter, use it until it is gone, and again."""
        while True:
            try:
                await self._use(await open_tcp_client_transport(self._where))
            except (OSError, TimeoutError, BaseBumbleError) as error:
                log.debug('no adapter at %s: %r', self._where, error)
            except Exception as error:  # the task's boundary: without it the adapter would never be found again
                log_error(error, operation='virtual radio')
            await asyncio.sleep(REPLUG)

    async def _use(self, transport: Transport) -> None:
        host = SteadyHost(transport.source, transport.sink)
        device = Device(config=DeviceConfiguration(name='SmartHome Edge OS'), host=host)
        device.on(Device.EVENT_ADVERTISEMENT, self._hear)
        try:
            async with asyncio.timeout(COMMAND_LIMIT):
                await device.power_on()
            self._device = device
            self._gone = asyncio.get_running_loop().create_future()
            self._plugged.set()
            await asyncio.shield(transport.source.terminated)
        finally:
            self._device = None
            self._plugged.clear()
            self._cease()
            host.emit('flush')  # tells the links, in case nobody has
            await transport.close()

    def _cease(self) -> None:
        """The adapter has just become unusable."""
        self._scans.clear()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)


async def _give_up(device: Device, attempt: 'asyncio.Task[Connection]') -> None:
    """Let the adapter forget a connect, which otherwise would stand in the way of the next."""
    try:
        async with asyncio.timeout(COMMAND_LIMIT):
            await device.send_sync_command(HCI_LE_Create_Connection_Cancel_Command())
            await asyncio.wait((attempt,))
    except (BaseBumbleError, TimeoutError) as error:
        log.debug('a connect could not be given up: %r', error)
    attempt.cancel()
    await asyncio.wait((attempt,))
    if not attempt.cancelled() and attempt.exception() is None:  # it came true at the last moment
        await _end(attempt.result())


async def _end(connection: Connection) -> None:
    try:
        async with asyncio.timeout(COMMAND_LIMIT):
            await connection.disconnect()
    except (BaseBumbleError, TimeoutError) as error:
        log.debug('a link was not ended properly: %r', error)
