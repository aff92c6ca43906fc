"""Finding brokers that announce themselves by mDNS."""
import asyncio
import importlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

SERVICES = {'_mqtt._tcp.local.': False, '_secure-mqtt._tcp.local.': True}  # whether it is TLS
SCAN_SECONDS = 20.0
RESOLVE_MS = 3000
MOST_FOUND = 200


@dataclass(slots=True)
class Found:
    """A device that could become a connection; `config` is what the connection would need."""

    type: str
    name: str
    address: str
    config: dict[str, Any] = field(default_factory=dict)
    rssi: int | None = None


class Discovery:
    """Scans while somebody asks: each question keeps the scan going for another 20 s."""

    def __init__(self, interfaces: list[str] | None = None) -> None:
        self._interfaces = interfaces
        self._found: dict[str, Found] = {}
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._until: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._beginning = False
        self.trouble = ''

    @property
    def scanning(self) -> bool:
        return self._zeroconf is not None or self._beginning

    def ask(self) -> list[Found]:
        """What is known so far; begins or prolongs the scan."""
        if self._until is not None:
            self._until.cancel()
        if not self.scanning:
            self._beginning = True
            self._keep(self._begin())
        self._until = asyncio.get_running_loop().call_later(SCAN_SECONDS, lambda: self._keep(self.stop()))
        return list(self._found.values())

    async def _begin(self) -> None:
        try:
            await asyncio.to_thread(importlib.import_module, 'zeroconf.asyncio')  # takes longer than the loop may wait
            from zeroconf import InterfaceChoice
            from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

            self._zeroconf = AsyncZeroconf(interfaces=self._interfaces or InterfaceChoice.All)
        except OSError as error:
            self.trouble = f'the network cannot be searched: {error.strerror or error}'
            return
        finally:
            self._beginning = False
        self.trouble = ''
        self._found.clear()
        self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, list(SERVICES), handlers=[self._on_service])

    def _on_service(self, zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
        from zeroconf import ServiceStateChange

        if state_change is ServiceStateChange.Removed:
            self._found.pop(name, None)
        elif len(self._found) < MOST_FOUND:
            self._keep(self._resolve(zeroconf, service_type, name))

    async def _resolve(self, zeroconf: Any, service_type: str, name: str) -> None:
        from zeroconf.asyncio import AsyncServiceInfo

        info = AsyncServiceInfo(service_type, name)
        if await info.async_request(zeroconf, RESOLVE_MS):
            found = describe(info, service_type, name)
            if found is not None:
                self._found[name] = found

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; a task nobody holds may be collected."""
        task = asyncio.create_task(work, name='discovery')
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End the scan."""
        if self._until is not None:
            self._until.cancel()
            self._until = None
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        self._beginning = False
        zeroconf, self._zeroconf = self._zeroconf, None
        browser, self._browser = self._browser, None
        if browser is not None:
            await browser.async_cancel()
        if zeroconf is not None:
            await zeroconf.async_close()


def describe(info: 'AsyncServiceInfo', service_type: str, name: str) -> Found | None:
    """A broker from its announcement; None if it has no address."""
    addresses = info.parsed_addresses()
    if not addresses or not info.port:
        return None
    host, tls = addresses[0], SERVICES[service_type]
    shown = f'[{host}]' if ':' in host else host
    label = name.removesuffix('.' + service_type)[:200]
    config: dict[str, Any] = {'host': host, 'port': info.port}
    if tls:
        config['tls'] = True
    return Found('mqtt', label, f'{shown}:{info.port}', config)
