"""All adapters, made when first asked for."""
import asyncio
import importlib
from collections.abc import Callable

from edgeos.bluetooth.adverts import Advert
from edgeos.bluetooth.errors import RadioError, Why
from edgeos.bluetooth.patience import Strays, bounded
from edgeos.bluetooth.radio import Radio
from edgeos.bluetooth.stack import Client, Stack
from edgeos.clock import SYSTEM_CLOCK, Clock

RESOLVE_LIMIT = 6.0  # s
SIMULATED = 'demo'  # the adapter of the simulated devices; never one of the system's


class Radios:
    """By the name of the adapter; '' is the system's default."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._strays = Strays()
        self._radios: dict[str, Radio] = {}
        self._makers: dict[str, Callable[[], Stack]] = {}

    def get(self, adapter: str = '') -> Radio:
        """The radio of that adapter; that there is none is its trouble, not an error."""
        if adapter not in self._radios:
            self._radios[adapter] = Radio(self._stack(adapter), self._clock, adapter)
        return self._radios[adapter]

    async def resolve(self, adapter: str = '') -> Radio:
        """The same, with the system's default by its own name: an adapter has one scanner, whatever it is called."""
        if adapter:
            return self.get(adapter)
        try:
            return self.get(await bounded(_default_name(), RESOLVE_LIMIT, self._strays))
        except (TimeoutError, ImportError):
            return self.get()

    def _stack(self, adapter: str) -> Stack:
        if (make := self._makers.get(adapter)) is not None:
            return make()
        return AbsentStack('the simulated devices are not running') if adapter == SIMULATED else LateStack(adapter)

    def has(self, adapter: str) -> bool:
        """Whether a radio was brought under that name."""
        return adapter in self._makers

    def register(self, adapter: str, make: Callable[[], Stack]) -> None:
        """Bring another radio than the system's."""
        self._makers[adapter] = make
        self._radios.pop(adapter, None)

    async def stop(self) -> None:
        """End all scans."""
        await asyncio.gather(*(radio.stop() for radio in self._radios.values()))


async def _default_name() -> str:
    library = await asyncio.to_thread(importlib.import_module, 'edgeos.bluetooth.library')
    name: str = await library.default_adapter()
    return name


class LateStack:
    """bleak, loaded beside the event loop when first needed: it takes longer than the loop may wait."""

    def __init__(self, adapter: str, backends: object = None) -> None:
        """`backends` are scanner and client classes for bleak, of another radio than the system's."""
        self._adapter = adapter
        self._backends = backends
        self._stack: Stack | None = None
        self._loading = asyncio.Lock()

    async def _get(self) -> Stack:
        async with self._loading:
            if self._stack is None:
                try:
                    library = await asyncio.to_thread(importlib.import_module, 'edgeos.bluetooth.library')
                except ImportError as error:
                    raise RadioError(Why.NO_LIBRARY, str(error)) from error
                self._stack = library.BleakStack(self._adapter, self._backends)
        return self._stack

    async def start_scan(self, hear: Callable[[Advert], None]) -> None:
        await (await self._get()).start_scan(hear)

    async def stop_scan(self) -> None:
        if self._stack is not None:
            await self._stack.stop_scan()

    async def connect(self, advert: Advert, on_lost: Callable[[], None]) -> Client:
        return await (await self._get()).connect(advert, on_lost)

    async def free(self, address: str) -> bool:
        return await (await self._get()).free(address)

    async def forget(self, address: str) -> bool:
        return await (await self._get()).forget(address)


class AbsentStack:
    """A radio that cannot be had, with the reason."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def start_scan(self, hear: Callable[[Advert], None]) -> None:
        raise RadioError(Why.NO_LIBRARY, self._reason)

    async def stop_scan(self) -> None:
        """There is none."""

    async def connect(self, advert: Advert, on_lost: Callable[[], None]) -> Client:
        raise RadioError(Why.NO_LIBRARY, self._reason)

    async def free(self, address: str) -> bool:
        return False

    async def forget(self, address: str) -> bool:
        return False
