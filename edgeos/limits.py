"""Who is held to which limits: the app's child processes, by the owner's settings.

The limiter knows process numbers; the owner knows names, which stay the same over a restart of the process.
"""
import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NewType

from edgeos.limiter import ResourceLimiter, memory_reason
from edgeos.processes import ChildProcess
from edgeos.reporting import log_event
from edgeos.settings import SettingsFile
from edgeos.settings_models import ProcessLimit

Why = NewType('Why', str)  # a process was ended; goes on after 'The process was ended: '
Restart = Callable[[Why], None]

ASKED = Why('the owner asked for it')
MEMORY = Why('it took more memory than it may')
PROCESSES = Why('it started more processes than it may')


class NotWatched(LookupError):
    """Raised when no watched process has the name."""


@dataclass(slots=True)
class Charge:
    """A process in our care, and how its owner restarts it."""

    process: ChildProcess
    pid: int
    restart: Restart


class Limits:
    """Everything here is called on the event loop."""

    def __init__(self, limiter: ResourceLimiter, settings_file: SettingsFile,
                 on_start: Callable[[str], None] = lambda _name: None) -> None:  # fmt: skip
        """`on_start` gets the name of each process as soon as it is watched."""
        self.limiter = limiter
        self._on_start = on_start
        self._file = settings_file
        self._charges: dict[str, Charge] = {}

    def watch(self, process: ChildProcess, restart: Restart) -> None:
        """As soon as it runs; what was watched under its name before is not any more."""
        pid = process.pid
        if pid is None:  # it is gone already
            return
        if (before := self._charges.get(process.name)) is not None:
            self.forget(before.process)
        self._charges[process.name] = charge = Charge(process, pid, restart)
        process.before_stop = partial(self.limiter.release, pid)
        own = self.of(process.name)
        loop = asyncio.get_running_loop()

        def on_memory(pid: int, mb: float, limit: float, urgent: bool) -> None:
            loop.call_soon_threadsafe(self._end, charge, MEMORY, memory_reason(mb, limit), urgent)

        def on_kill(pid: int, reason: str) -> None:
            loop.call_soon_threadsafe(self._end, charge, PROCESSES, reason, True)

        self.limiter.add_process(pid, process.name, own.cpu_percent, own.memory_mb, on_memory, on_kill)
        self._on_start(process.name)

    def forget(self, process: ChildProcess) -> None:
        """It has ended, or is about to."""
        known = self._charges.get(process.name)
        if known is not None and known.process is process:
            del self._charges[process.name]
            self.limiter.remove_process(known.pid)

    def of(self, name: str) -> ProcessLimit:
        """The owner's own limits for it; None in them is the default, 0 none."""
        return self._file.settings.limits.processes.get(name, ProcessLimit())

    def find(self, name: str) -> Charge:
        """Raises NotWatched."""
        try:
            return self._charges[name]
        except KeyError:
            raise NotWatched(name) from None

    async def change(self, name: str, limit: ProcessLimit) -> None:
        """Keep other limits for it, and apply them at once. Raises SettingsError."""
        await asyncio.to_thread(self._file.set_process_limit, name, limit)
        if (charge := self._charges.get(name)) is not None:
            self.limiter.set_limits(charge.pid, limit.cpu_percent, limit.memory_mb)

    def apply_defaults(self) -> None:
        """The settings say other limits for all."""
        limits = self._file.settings.limits
        self.limiter.set_defaults(limits.cpu_percent, limits.memory_mb)

    def restart(self, name: str) -> None:
        """End it politely; its owner starts it again. Raises NotWatched."""
        self.find(name).restart(ASKED)

    def kill(self, name: str) -> None:
        """End it at once; its owner takes that for a crash. Raises NotWatched."""
        self.find(name).process.kill()

    def _end(self, charge: Charge, why: Why, reason: str, at_once: bool) -> None:
        if self._charges.get(charge.process.name) is not charge:
            return
        log_event('warning', charge.process.name, f'ended: {reason}')
        if at_once:
            charge.process.kill()
        charge.restart(why)
