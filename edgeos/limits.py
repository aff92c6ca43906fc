"""Who is held to which limits: the app's child processes, by the owner's settings.

The limiter knows process numbers; the owner knows names, which stay the same over a restart of the process.
"""
import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NewType

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.limiter import ResourceLimiter, memory_reason
from edgeos.processes import ChildProcess
from edgeos.reporting import log_event
from edgeos.settings import SettingsFile
from edgeos.settings_models import ProcessLimit

Why = NewType('Why', str)  # a process was ended; goes on after 'The process was ended: '
Restart = Callable[[Why, int], None]  # with the seconds in which it is not to be started again

ASKED = Why('the owner asked for it')
MEMORY = Why('it took more memory than it may')
PROCESSES = Why('it started more processes than it may')

WAITS = (1, 1, 30, 60, 120, 240, 300)  # s before the next start; by how often it was ended for a limit
WINDOW = 600.0  # s of running in which that is counted
MANY = 3  # so often within that time is trouble
MOST_NAMES = 128


NO_LIMITS_OF_ITS_OWN = ProcessLimit()


class NotWatched(LookupError):
    """Raised when no watched process has the name."""


@dataclass(frozen=True, slots=True)
class LastRestart:
    """A process was ended because it went over a limit; what an owner wants to know when it runs again."""

    when: float  # epoch s
    why: Why
    reason: str  # with the figures
    count: int  # so often within the last ten minutes in which it ran
    wait: int  # s in which it was not to be started again

    def is_trouble(self, now: float) -> bool:
        """Whether it goes on like that, at the epoch time `now`."""
        return self.count >= MANY and now < self.when + self.wait + WINDOW

    def is_due(self, now: float) -> bool:
        """Whether it may run again."""
        return now >= self.when + self.wait


class Excesses:
    """How often the processes of one name went over a limit. The time spent waiting does not count: it is no merit."""

    def __init__(self) -> None:
        self.last: LastRestart | None = None
        self._at: deque[float] = deque(maxlen=100)  # s of running
        self._waited = 0.0
        self._pause: tuple[float, int] | None = None  # since when it is not to run, and for how long

    def note_start(self, clock: Clock) -> None:
        """It runs again; maybe earlier than it was to."""
        if self._pause is not None:
            since, wait = self._pause
            self._waited += min(wait, clock.monotonic() - since)
        self._pause = None

    def note(self, clock: Clock, why: Why, reason: str) -> LastRestart:
        """Once more, now."""
        ran = clock.monotonic() - self._waited
        self._at.append(ran)
        count = sum(ran - at < WINDOW for at in self._at)
        wait = WAITS[min(count, len(WAITS)) - 1]
        self._pause = (clock.monotonic(), wait)
        self.last = LastRestart(clock.wall(), why, reason, count, wait)
        return self.last


@dataclass(slots=True)
class Charge:
    """A process in our care, and how its owner restarts it."""

    process: ChildProcess
    pid: int
    restart: Restart
    defaults: ProcessLimit
    excess: LastRestart | None = None
    is_wanted: bool = True


class Limits:
    """Everything here is called on the event loop."""

    def __init__(self, limiter: ResourceLimiter, settings_file: SettingsFile,
                 on_start: Callable[[str], None] = lambda _name: None, clock: Clock = SYSTEM_CLOCK) -> None:
        """`on_start` gets the name of each process as soon as it is watched."""
        self.limiter = limiter
        self._on_start = on_start
        self._file = settings_file
        self._charges: dict[str, Charge] = {}
        self._excesses: dict[str, Excesses] = {}
        self._clock = clock

    def watch(self, process: ChildProcess, restart: Restart, defaults: ProcessLimit = NO_LIMITS_OF_ITS_OWN,
              most_processes: int | None = None) -> None:  # fmt: skip
        """As soon as it runs; what was watched under its name before is not any more. Once more for the same one: it
        has another `restart` from now on.

        `defaults` hold where the owner has set none for this name; None in them is the default for all, as it is for
        `most_processes`, which counts all that come from it.
        """
        pid = process.pid
        if pid is None:  # it is gone already
            return
        if (before := self._charges.get(process.name)) is not None:
            if before.process is process and before.pid == pid:
                before.restart, before.is_wanted = restart, True
                return
            self.forget(before.process)
        if (known := self._excesses.get(process.name)) is not None:
            known.note_start(self._clock)
        self._charges[process.name] = charge = Charge(process, pid, restart, defaults)
        process.before_stop = partial(self.limiter.release, pid)
        process.after_end = partial(self.limiter.end_process, pid)
        own = _either(self.of(process.name), defaults)
        loop = asyncio.get_running_loop()

        def on_memory(pid: int, mb: float, limit: float, urgent: bool) -> None:
            loop.call_soon_threadsafe(self._end, charge, MEMORY, memory_reason(mb, limit), urgent)

        def on_kill(pid: int, reason: str) -> None:
            loop.call_soon_threadsafe(self._end, charge, PROCESSES, reason, True)

        self.limiter.add_process(pid, process.name, own.cpu_percent, own.memory_mb, on_memory, on_kill,
                                 process.marker, most_processes)
        self._on_start(process.name)

    def forget(self, process: ChildProcess) -> None:
        """It has ended; what still runs of it ends now."""
        known = self._charges.get(process.name)
        if known is not None and known.process is process:
            del self._charges[process.name]
            if process.pid == known.pid:  # else it ended by itself, and its number may be another's by now
                self.limiter.end_process(known.pid)

    def dismiss(self, name: str) -> None:
        """Its owner does not want it any more: nobody is told that it will start again."""
        self._excesses.pop(name, None)
        if (charge := self._charges.get(name)) is not None:
            charge.is_wanted = False

    def of(self, name: str) -> ProcessLimit:
        """The owner's own limits for it; None in them is the default, 0 none."""
        return self._file.settings.limits.processes.get(name, ProcessLimit())

    def find(self, name: str) -> Charge:
        """Raises NotWatched."""
        try:
            return self._charges[name]
        except KeyError:
            raise NotWatched(name) from None

    def knows(self, name: str) -> bool:
        """Whether one of that name is watched, or has limits of its own."""
        return name in self._charges or name in self._file.settings.limits.processes

    @property
    def restarts(self) -> dict[str, LastRestart]:
        """Who was ended for a limit since the app runs, and when last; by name, also while it is not watched."""
        return {name: known.last for name, known in self._excesses.items() if known.last is not None}

    async def change(self, name: str, limit: ProcessLimit) -> None:
        """Keep other limits for it, and apply them at once where it is watched now. What it took too much of before
        is forgotten: the owner has mended it. Raises SettingsError."""
        await asyncio.to_thread(self._file.set_process_limit, name, limit)
        self._excesses.pop(name, None)
        if (charge := self._charges.get(name)) is not None:
            held = _either(limit, charge.defaults)
            self.limiter.set_limits(charge.pid, held.cpu_percent, held.memory_mb)

    def apply_defaults(self) -> None:
        """The settings say other limits for all."""
        limits = self._file.settings.limits
        self.limiter.set_defaults(limits.cpu_percent, limits.memory_mb)

    def restart(self, name: str) -> None:
        """End it politely; its owner starts it again. Raises NotWatched."""
        self.find(name).restart(ASKED, 0)

    def kill(self, name: str) -> None:
        """End it at once; its owner takes that for a crash. Raises NotWatched."""
        self.find(name).process.kill()

    def _end(self, charge: Charge, why: Why, reason: str, at_once: bool) -> None:
        if self._charges.get(charge.process.name) is not charge:
            return
        if not charge.is_wanted:
            charge.process.kill()
            return
        if charge.excess is None:  # else it was told already, and has not obeyed yet
            charge.excess = self._note(charge.process.name, why, reason)
        log_event('warning', charge.process.name, f'ended: {reason}', again_in=charge.excess.wait)
        if at_once:
            charge.process.kill()
        charge.restart(why, charge.excess.wait)

    def _note(self, name: str, why: Why, reason: str) -> LastRestart:
        known = self._excesses[name] = self._excesses.pop(name) if name in self._excesses else Excesses()
        if len(self._excesses) > MOST_NAMES:
            del self._excesses[next(iter(self._excesses))]
        return known.note(self._clock, why, reason)


def _either(own: ProcessLimit, default: ProcessLimit) -> ProcessLimit:
    unset = {name: value for name, value in default if getattr(own, name) is None}
    return own.model_copy(update=unset)
