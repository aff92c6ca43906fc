"""The composition root: makes every object in order, starts and stops them."""
import asyncio
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeos import __version__
from edgeos.bluetooth.radios import SIMULATED, AbsentStack, LateStack
from edgeos.bluetooth.stack import Stack
from edgeos.connections.history import HistoryStore
from edgeos.connections.manager import ConnectionManager
from edgeos.connections.plc_workers import PlcWorkers
from edgeos.connections.services import Services
from edgeos.discovery import Discovery
from edgeos.gateway import Gateway
from edgeos.limiter import ResourceLimiter
from edgeos.limits import Limits
from edgeos.plugins.manager import PluginManager
from edgeos.power import Power
from edgeos.private import Private
from edgeos.reporting.dsn import parse_dsn
from edgeos.reporting.reporter import Reporter
from edgeos.secrets import SecretStore
from edgeos.settings import SentrySettings, SettingsFile
from edgeos.usage import Usage
from edgeos.vitals import Vitals

if TYPE_CHECKING:
    from edgeos.demo.demo import Demo

STOP_SECONDS = 3.5
END_SECONDS = 4.0  # all of it
LAST_WORDS = 1.0  # of that, for plugins that end politely
REPORT_SECONDS = 2.0  # of that, for reports that wait
DSN = ('_sentry', 'dsn')  # its place among the secrets; no connection can have that id
MISSING = 'it needs the package bumble (pip install -r requirements-demo.txt)'


@dataclass(slots=True)
class Paths:
    """Where things are kept."""

    data: Path

    @property
    def secrets(self) -> Path:
        return self.data / 'secrets.toml'

    @property
    def history(self) -> Path:
        return self.data / 'history.sqlite'

    @property
    def strays(self) -> Path:
        return self.data / 'processes.json'

    @property
    def private(self) -> Path:
        return self.data / 'private.json'

    @property
    def pauses(self) -> Path:
        return self.data / 'pauses.json'


class System:
    """All there is: settings, secrets, gateway, connections, access, demo."""

    def __init__(self, settings_file: SettingsFile, data: Path, *, forgetful: bool = False) -> None:
        """`forgetful`: settings and data are in a temporary folder."""
        data.mkdir(parents=True, exist_ok=True)
        self.paths = Paths(data)
        self.settings_file = settings_file
        self.forgetful = forgetful
        self.demo: Demo | None = None
        self.demo_ids: list[str] = []  # of the connections to simulated devices
        self._demo_folder: Path | None = None
        self._stopped = False
        self.started = time.monotonic()
        self.power = Power()
        self.secrets = SecretStore(self.paths.secrets)
        private = Private(settings_file, self.secrets, self.paths.private)
        self.reporter = Reporter(data, self._sentry, __version__, secrets=private.secrets,
                                 hosts=private.hosts, users=private.users,
                                 env_file=_env_file(settings_file.path))  # fmt: skip
        self.gateway = Gateway(max_rate_per_source=settings_file.settings.gateway.max_rate_per_source)
        self.history = HistoryStore(self.paths.history)
        held = settings_file.settings.limits
        limiter = ResourceLimiter(held.cpu_percent, held.check_interval, memory_limit_mb=held.memory_mb,
                                  strays=self.paths.strays)  # fmt: skip
        self.usage = Usage(limiter.get_stats)
        self.limits = Limits(limiter, settings_file, self.usage.note_start)
        self.vitals = Vitals(data, self.history)
        self.services = Services(self.gateway, self.secrets, self.history, plc_workers=PlcWorkers(self.limits))
        self.connections = ConnectionManager(settings_file, self.services, self.paths.pauses, note=private.note,
                                             is_taken=lambda connection_id: self.plugins.has_id(connection_id))
        self.plugins = PluginManager(data, self.gateway, self.limits, self.secrets,
                                     is_taken=lambda plugin_id: plugin_id in self.connections.connections)
        self.discovery = Discovery(radios=self.services.radios)

    @property
    def uptime(self) -> float:
        """Seconds since the program began."""
        return time.monotonic() - self.started

    async def start(self) -> None:
        """Start in order; nothing waits for a device."""
        self.reporter.attach()
        self.reporter.start()
        await asyncio.to_thread(self.limits.limiter.start_monitoring)
        self.vitals.start()
        self.usage.start()
        self.history.start()
        await self.connections.start()
        await self.plugins.start()

    async def start_demo(self) -> None:
        """Simulated devices, and connections to them that no settings file keeps; raises BrokerError."""
        from edgeos.demo.broker import BrokerError
        from edgeos.demo.demo import Demo

        if self.demo is not None:
            return
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix='edgeos-demo-'))
        demo = self.demo = Demo(folder)
        try:
            await demo.start()
        except BrokerError:
            self.demo = None
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise
        self._demo_folder = folder
        self.services.radios.register(SIMULATED, lambda: self._demo_radio(demo))
        for body in demo.connections():
            taken = body['id'] in self.gateway.sources
            made = await self.connections.add({**body, 'id': None} if taken else body, temporary=True)
            self.demo_ids.append(made.id)

    def _demo_radio(self, demo: 'Demo') -> Stack:
        battery = demo.battery
        if battery.radio is None:
            return AbsentStack(MISSING)
        return LateStack(SIMULATED, battery.radio.backends)

    # reports

    async def set_sending(self, enabled: bool) -> None:
        """The owner's switch: whether reports leave this device. Raises SettingsError."""
        await asyncio.to_thread(self.settings_file.set_value, 'sentry.enabled', enabled)
        self.reporter.set_enabled(enabled)

    async def set_dsn(self, text: str) -> None:
        """Where reports go; '' for nowhere. Who has it can send, so it is a secret. Raises BadDsn, SettingsError."""
        if text:
            parse_dsn(text)
        await asyncio.to_thread(self._keep_dsn, text)
        await asyncio.to_thread(self.reporter.configure, self._sentry)

    def _keep_dsn(self, text: str) -> None:
        self.secrets.set(*DSN, text)
        if self.settings_file.settings.sentry.dsn:
            self.settings_file.set_value('sentry.dsn', '')

    @property
    def _sentry(self) -> SentrySettings:
        """With the DSN that was entered on the page, unless one stands in the file."""
        sentry = self.settings_file.settings.sentry
        return sentry if sentry.dsn else sentry.model_copy(update={'dsn': self.secrets.get(*DSN) or ''})

    async def stop(self) -> None:
        """Stop all in parallel, bounded, then flush what is to be kept; once is enough."""
        if self._stopped:
            return
        self._stopped = True
        until = time.monotonic() + END_SECONDS
        plugins = asyncio.ensure_future(self.plugins.stop())
        await asyncio.wait({plugins}, timeout=LAST_WORDS)  # their last words still find the connections
        stops = [self.connections.stop(), self.discovery.stop(), plugins]
        if self.demo is not None:
            stops.append(self.demo.stop())
        tasks = [asyncio.ensure_future(stop) for stop in stops]
        await asyncio.wait(tasks, timeout=until - END_SECONDS + STOP_SECONDS - time.monotonic())
        self.vitals.stop()
        self.usage.stop()
        left = min(REPORT_SECONDS, max(0.5, until - time.monotonic()))
        await asyncio.gather(asyncio.to_thread(self.history.stop), asyncio.to_thread(self.limits.limiter.shutdown),
                             asyncio.to_thread(self.reporter.stop, left))  # fmt: skip
        self.reporter.detach()
        if self._demo_folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._demo_folder, ignore_errors=True)


def _env_file(settings: Path) -> Path:
    """In the working directory, else beside the settings."""
    here = Path('.env')
    return here if here.is_file() else settings.with_name('.env')
