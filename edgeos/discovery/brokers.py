"""Finding brokers that announce themselves by mDNS."""
import asyncio
import importlib
from typing import TYPE_CHECKING, Any, ClassVar

from edgeos.discovery.scan import MOST_FOUND, Found, Scan

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceInfo

SERVICES = {'_mqtt._tcp.local.': False, '_secure-mqtt._tcp.local.': True}  # whether it is TLS
RESOLVE_MS = 3000


class BrokerScan(Scan):
    """Listens for announcements of MQTT brokers."""

    KIND: ClassVar[str] = 'mqtt'

    def __init__(self, interfaces: list[str] | None = None) -> None:
        """`interfaces` are addresses of this device; all if not given."""
        super().__init__()
        self._interfaces = interfaces
        self._resolving: set[asyncio.Task[None]] = set()

    async def _run(self) -> None:
        await asyncio.to_thread(importlib.import_module, 'zeroconf.asyncio')  # takes longer than the loop may wait
        from zeroconf import InterfaceChoice
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

        zeroconf = AsyncZeroconf(interfaces=self._interfaces or InterfaceChoice.All)
        self.trouble = ''
        self._found.clear()
        browser = AsyncServiceBrowser(zeroconf.zeroconf, list(SERVICES), handlers=[self._on_service])
        try:
            await asyncio.Event().wait()
        finally:
            for task in self._resolving:
                task.cancel()
            await browser.async_cancel()
            await zeroconf.async_close()

    def _on_service(self, zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
        from zeroconf import ServiceStateChange

        if state_change is ServiceStateChange.Removed:
            self._found.pop(name, None)
        elif len(self._found) < MOST_FOUND:
            task = asyncio.create_task(self._resolve(zeroconf, service_type, name), name='discovery')
            self._resolving.add(task)
            task.add_done_callback(self._resolving.discard)

    async def _resolve(self, zeroconf: Any, service_type: str, name: str) -> None:
        from zeroconf.asyncio import AsyncServiceInfo

        info = AsyncServiceInfo(service_type, name)
        if await info.async_request(zeroconf, RESOLVE_MS):
            found = describe(info, service_type, name)
            if found is not None:
                self._found[name] = found


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
