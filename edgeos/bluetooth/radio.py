"""One adapter: a single scanner that is watched, connects one after another, and nothing that hangs for ever.

The scanner runs while somebody listens. It is judged by what it hears, never by what the library believes: one that
falls silent is started anew, because the system stops scans without a word.
"""
import asyncio
import contextlib
import logging
from collections.abc import Callable

from edgeos.bluetooth.adverts import Advert, Air, Heard, Listener
from edgeos.bluetooth.errors import BluetoothError, Busy, NoAnswer, NotFound, RadioError, Why
from edgeos.bluetooth.patience import Strays, bounded
from edgeos.bluetooth.stack import Client, Stack
from edgeos.bluetooth.turns import Turns
from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.reporting import log_error

SCAN_LIMIT = 8.0  # s to start or stop a scan
SILENCE = (6.0, 12.0, 24.0)  # s without any advert before the scan is started anew: at first, then, from then on
RETRY = (1.0, 2.0, 4.0)  # s between attempts to start a scan
CONNECT_LIMIT = 20.0  # s for one connect, the services included
IN_BETWEEN = 1.5  # s
POLITE_LIMIT = 6.0  # s after which a connect that hangs gives way to others that wait
CLOSE_WAIT = 1.5  # s
FRESH = 10.0  # s a device counts as present after an advert
LOOK = 0.5  # s
FREE_AFTER = 2.0  # s without an advert after which a link that was left over is looked for

log = logging.getLogger(__name__)


class Radio:
    """What connections and the search for devices share."""

    def __init__(self, stack: Stack, clock: Clock = SYSTEM_CLOCK, name: str = '') -> None:
        self.name = name
        self.trouble: RadioError | None = None  # why nothing can be heard at the moment
        self.air = Air(clock.monotonic)
        self._stack = stack
        self._clock = clock
        self._leases: set[object] = set()
        self._scan: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()  # the scan has begun to work, or to fail
        self._turns = Turns()
        self._is_connecting = False
        self._looking = 0  # how many wait for an advert and are urgent
        self._strays = Strays()
        self._holders: dict[str, str] = {}  # address to who is connected, or about to be
        self.restarts = 0  # scans started anew because nothing was heard

    # hearing

    @property
    def is_scanning(self) -> bool:
        """Whether adverts are being listened for, and can be heard."""
        return self._scan is not None and self.trouble is None

    def lease(self) -> Callable[[], None]:
        """Keep the scanner going until the answer is called."""
        token = object()
        self._leases.add(token)
        if self._scan is None:
            self._start()
        return lambda: self._leases.discard(token)

    def _start(self) -> None:
        self._scan = asyncio.create_task(self._scan_for_all(), name=f'bluetooth scan {self.name}')
        self._scan.add_done_callback(self._ended)

    def _ended(self, _scan: asyncio.Task[None]) -> None:
        self._scan = None
        if self._leases:  # somebody began to listen while the scan was being stopped
            self._start()
        else:  # what is not listened to is not known
            self.trouble = None
            self.air.forget_handles()

    def listen(self, address: str, listener: Listener) -> Callable[[], None]:
        """Call the listener for each advert of a device, while somebody keeps the scanner going."""
        return self.air.listen(address, listener)

    async def find(self, address: str, limit: float, after: float = float('-inf'), *, is_urgent: bool = True) -> Heard:
        """Wait until a device is heard; raises RadioError, or NotFound after `limit` seconds of listening.

        What was heard a moment ago counts too, unless it was before the monotonic time `after`. Who is urgent has a
        connect that hangs give way.
        """
        release = self.lease()
        came = asyncio.Event()
        stop = self.listen(address, lambda _advert: came.set())
        self._looking += is_urgent
        try:
            return await self._found(address, came, limit, after)
        finally:
            self._looking -= is_urgent
            stop()
            release()

    async def _found(self, address: str, came: asyncio.Event, limit: float, after: float) -> Heard:
        listened = 0.0  # s; while something is being connected, adapters are deaf
        has_freed = False
        while listened < limit:
            if self.trouble is not None:
                raise self.trouble
            heard = self.air.find(address, FRESH)
            if heard is not None and heard.at > after:
                return heard
            began, is_deaf = self._clock.monotonic(), self._is_connecting
            await self._wait_for(came, min(limit - listened, LOOK))
            listened += 0.0 if is_deaf else self._clock.monotonic() - began
            if listened >= FREE_AFTER and not has_freed and self.trouble is None:
                has_freed = True
                await self._free(address)
        raise NotFound(address)

    async def _wait_for(self, came: asyncio.Event, seconds: float) -> None:
        """Until an advert comes, the radio begins or ceases to work, or the time is over."""
        self._changed.clear()
        waits = [asyncio.ensure_future(came.wait()), asyncio.ensure_future(self._changed.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            came.clear()
            for wait in waits:
                wait.cancel()

    async def _free(self, address: str) -> None:
        """A device that is connected is not heard: end a link that an earlier life of this program has left."""
        if address in self._holders:
            return
        with contextlib.suppress(BluetoothError, TimeoutError):
            if await bounded(self._stack.free(address), SCAN_LIMIT, self._strays):
                log.info('%s was still connected and has been let go', address)

    async def _scan_for_all(self) -> None:
        """While somebody listens: scan, watch, start anew."""
        failures = silences = 0
        try:
            while self._leases:
                try:
                    await bounded(self._stack.start_scan(self._hear), SCAN_LIMIT, self._strays)
                except (BluetoothError, TimeoutError) as error:
                    self._fail(error)
                    await self._rest(RETRY[min(failures, len(RETRY) - 1)])
                    failures += 1
                    continue
                failures = 0
                self._work()
                heard_any = await self._listen_until_silent(SILENCE[min(silences, len(SILENCE) - 1)])
                silences = 0 if heard_any else silences + 1
                self.restarts += bool(self._leases)
        except Exception as error:  # the task's boundary: without it nothing would be heard any more, in silence
            log_error(error, operation='bluetooth scan')
            self._fail(RadioError(Why.OTHER, f'{type(error).__name__}: {error}'))
            await self._rest(RETRY[-1])
        finally:
            await self._stop_scan()

    async def _listen_until_silent(self, silence: float) -> bool:
        """Returns when nothing has been heard for so long, or nobody listens; answers whether anything was heard."""
        started = began = self._clock.monotonic()
        while self._leases:
            await asyncio.sleep(min(0.25, silence))
            if self._is_connecting:  # deaf for a good reason
                began = self._clock.monotonic()
            if self._clock.monotonic() - max(began, self.air.last_at) >= silence:
                break
        return self.air.last_at >= started

    async def _rest(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        while self._leases and self._clock.monotonic() < until:
            await asyncio.sleep(0.25)

    async def _stop_scan(self) -> None:
        with contextlib.suppress(TimeoutError):
            await bounded(self._stack.stop_scan(), SCAN_LIMIT, self._strays)

    def _hear(self, advert: Advert) -> None:
        self.air.take(advert)

    def _fail(self, error: Exception) -> None:
        trouble = error if isinstance(error, RadioError) else RadioError(_why(error), str(error))
        if self.trouble is None or self.trouble.why is not trouble.why:
            log.warning('Bluetooth adapter %s: %s', self.name or 'default', trouble)
        self.trouble = trouble
        self._changed.set()

    def _work(self) -> None:
        if self.trouble is not None:
            log.info('Bluetooth adapter %s works again', self.name or 'default')
            self.air.forget_handles()
        self.trouble = None
        self._changed.set()

    # connecting

    def hold(self, address: str, holder: str) -> str | None:
        """Take a device for oneself; answers who has it if somebody else does."""
        owner = self._holders.setdefault(address, holder)
        return None if owner == holder else owner

    def connected(self) -> list[Heard]:
        """What is known of devices that one of us holds, and that are silent for that reason."""
        return [heard for address in self._holders if (heard := self.air.find(address)) is not None]

    def holder(self, address: str) -> str | None:
        """Who has the device."""
        return self._holders.get(address)

    def let_go(self, address: str, holder: str) -> None:
        """Others may have it."""
        if self._holders.get(address) == holder:
            del self._holders[address]

    async def connect(self, heard: Heard, on_lost: Callable[[], None], failures: int = 0) -> Client:
        """A new link, after those who have failed less often in a row. Raises RadioError or DeviceError."""
        async with self._turns.turn(failures):
            self._is_connecting = True
            try:
                return await bounded(self._stack.connect(heard.advert, on_lost), CONNECT_LIMIT, self._strays, _close,
                                     has_to_go=self._gives_way(self._clock.monotonic() + POLITE_LIMIT))  # fmt: skip
            except TimeoutError as error:
                raise NoAnswer(heard.advert.address) from error
            except NotFound:
                self.air.forget(heard.advert.address)
                raise
            finally:
                self._is_connecting = False
                await self._listen_in_between()

    async def _listen_in_between(self) -> None:
        """An adapter that connects is deaf: whoever has to be heard gets a moment before the next takes the turn."""
        until = self._clock.monotonic() + IN_BETWEEN
        while self._looking and self._turns.waiting and self._clock.monotonic() < until:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0)  # who has just been heard gets in line

    def _gives_way(self, after: float) -> Callable[[], bool]:
        return lambda: self._turns.waiting + self._looking > 0 and self._clock.monotonic() >= after

    async def close(self, client: Client) -> None:
        """Let a device go; what takes longer than a moment ends by itself."""
        task = asyncio.create_task(client.close(), name='closing a link')
        self._strays.add(task)
        await asyncio.wait((task,), timeout=CLOSE_WAIT)

    async def forget(self, address: str) -> bool:
        """Have the system forget what it believes of a device; answers whether it did."""
        self.air.forget(address)
        try:
            return await bounded(self._stack.forget(address), SCAN_LIMIT, self._strays)
        except (BluetoothError, TimeoutError):
            return False

    async def stop(self) -> None:
        """End the scan."""
        self._leases.clear()
        if (scan := self._scan) is not None:
            scan.cancel()
            await asyncio.wait((scan,))


def _why(error: Exception) -> Why:
    """What an error that is no trouble of the radio by itself means when a scan cannot be started."""
    if isinstance(error, Busy):
        return Why.BUSY
    return Why.NO_SERVICE if isinstance(error, (TimeoutError, NoAnswer)) else Why.OTHER


async def _close(client: Client) -> None:
    await client.close()
