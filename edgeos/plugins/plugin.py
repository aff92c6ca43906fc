"""One installed plugin: wanted or not, running or not, and why."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from edgeos.connections.state import Failure
from edgeos.limits import ASKED, Why
from edgeos.plugins import faults
from edgeos.plugins.desk import Desk
from edgeos.plugins.faults import PluginFailed
from edgeos.plugins.hidden import Hidden
from edgeos.plugins.isolation import Folders
from edgeos.plugins.manifest import Manifest
from edgeos.plugins.needs import needs
from edgeos.plugins.order import Order
from edgeos.plugins.pause import Pause
from edgeos.plugins.permissions import parse
from edgeos.plugins.phrase import Phrase
from edgeos.plugins.plugin_log import PluginLog
from edgeos.plugins.points import PluginPoints
from edgeos.plugins.readings import Readings
from edgeos.plugins.services import PluginServices
from edgeos.plugins.session import TERM_TO_KILL, Session
from edgeos.plugins.storage import Storage
from edgeos.plugins.supervisor import ALIVE, Restarts, State
from edgeos.reporting import log_error, log_event


class RunningPlugin(Readings):
    """Everything is called on the loop; `get_config` in a thread, because secrets come from the disk."""

    def __init__(self, manifest: Manifest, folders: Folders, services: PluginServices,
                 get_config: Callable[[], dict[str, Any]], granted: Sequence[str] = (),
                 uid: int | None = None, hidden: Hidden | None = None) -> None:  # fmt: skip
        """`granted` are the permissions the owner has given; `uid` is needed where the app runs as root; `hidden` knows
        its secrets as soon as they are read."""
        self.id = manifest.id
        self.name = manifest.name
        self.version = manifest.version
        self.manifest = manifest
        self.state = State.INSTALLED
        self.restarts = 0  # by itself, since the app has started
        self.last_error: Failure | None = None
        self.started_at: float | None = None  # epoch s; while it runs
        self.hidden = hidden or Hidden()
        self.log = PluginLog(services.clock, self.hidden.text)
        self.permissions = tuple(parse(text) for text in manifest.permissions if text in granted)
        self.points = PluginPoints(manifest.id, services.gateway, services.clock, self.hidden)
        self._order = Order(manifest.id, manifest, folders, self.permissions, uid)
        self._limits = services.limits
        self._clock = services.clock
        self._get_config = get_config
        self._storage = Storage(folders.storage)
        self._desk = Desk(manifest.id, manifest.version, self.points, self._storage, self.log,
                          self.hidden)
        self._restarts = Restarts(services.rng)
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._pause = Pause(services.clock)  # before the next try
        self._well_since: float | None = None  # monotonic s
        self._downs = 0  # how often it went down by itself
        self._wait = 0  # s; whoever ended it for a limit wants it to wait so long
        self._changed = asyncio.Event()
        self._is_stopping = False
        self.is_closed = False  # it is not started any more
        self._turn = asyncio.Lock()  # start, stop and restart come one after the other
        self._errands: set[asyncio.Task[None]] = set()

    # what the owner does

    async def start(self) -> None:
        """It is wanted; returns when the first try has begun. One that waits for its next try does not wait longer."""
        async with self._turn:
            self._start()

    async def came_up(self) -> None:
        """Returns when it runs; raises PluginFailed when it does not come up at the first try from now on."""
        while self.state in (State.STARTING, State.STOPPING):
            await self._changed.wait()
        if self.state not in (State.RUNNING, State.UNHEALTHY):
            raise PluginFailed(self.last_error or faults.cannot_start(Phrase('it was stopped')))

    async def went_down(self) -> None:
        """Returns when it crashes or fails from now on; not when its owner stops or kills it."""
        before = self._downs
        while self._downs == before:
            await self._changed.wait()

    async def stop(self, *, term_after: float | None = None, kill_after: float | None = None) -> None:
        """It is not wanted; returns when nothing of it is left.

        It is asked to end, gets SIGTERM after its `stop_timeout_s` and SIGKILL 3 s later, or when is said here (s).
        """
        async with self._turn:
            await self._stop(term_after, kill_after)

    async def close(self, *, term_after: float | None = None, kill_after: float | None = None) -> None:
        """Stop it for good: whoever still wants to start it comes too late."""
        self.is_closed = True
        await self.stop(term_after=term_after, kill_after=kill_after)

    async def restart(self, *, only_running: bool = False) -> None:
        """Stop and start, without the wait after a crash; nothing if it was stopped meanwhile and should stay so."""
        async with self._turn:
            if only_running and (self._task is None or self._task.done()):
                return
            await self._stop(None, None)
            self._start()

    def kill(self) -> None:
        """End it at once. That counts as a crash: it is started again after a while."""
        if self._session is not None and self._session.process is not None:
            self._session.process.kill()

    async def config_changed(self, config: dict[str, Any]) -> None:
        """Hand it over; what cannot take it while it runs is restarted, what gave up for its sake is started."""
        session = self._session
        if self.state in (State.RUNNING, State.UNHEALTHY) and session is not None:
            if not await session.hand_over(config):
                await self.restart(only_running=True)
        elif self.state is State.STARTING:
            await self.restart(only_running=True)
        elif self.state is State.FAILED and self.last_error is not None and self.last_error.code == faults.CONFIG:
            await self.start()

    async def remove(self) -> None:
        """It is uninstalled: stop it and forget its points."""
        await self.close()
        self.points.remove()

    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        """One of its writable points; raises WriteRefused."""
        await self.points.write(name, value, qos=qos, retain=retain)

    def _start(self) -> None:
        if self.is_closed:
            return
        is_trying = self._task is not None and not self._task.done()
        if is_trying and self.state in ALIVE:
            return
        self._restarts.forget()
        self._set(State.STARTING)
        if is_trying:
            self._pause.end()
            return
        self._is_stopping = False
        self.last_error = None
        self._task = asyncio.create_task(self._live(), name=f'plugin {self.id}')

    async def _stop(self, term_after: float | None, kill_after: float | None) -> None:
        if self._task is None or self._task.done():
            if self.state is not State.INSTALLED:
                self._set(State.STOPPED)
            return
        self._is_stopping = True
        self.points.takes_values = False
        self._pause.end()
        if self._session is not None:
            self._set(State.STOPPING)
            polite = self.manifest.stop_timeout_s if term_after is None else term_after
            hard = polite + TERM_TO_KILL if kill_after is None else kill_after
            if not await self._session.stop(polite, hard):
                self._note('warning', faults.stubborn())
        await asyncio.wait({self._task})

    # its life

    async def _live(self) -> None:
        """Until it is not wanted any more, or it makes no sense to go on."""
        try:
            while True:
                failure, status = await self._live_once()
                if self._is_stopping or not await self._is_tried_again(failure, status):
                    break
                self.restarts += 1
        except Exception as error:  # the task's boundary
            log_error(error, operation='run a plugin', plugin=self.id, plugin_version=self.version)
            self._fail(faults.fault('internal', 'The app made a mistake with it.', 'Restart the app.'))
        finally:
            self._pause.forget()
            if self._is_stopping:
                self.log.note('info', '(stopped)')
                self._set(State.STOPPED)

    async def _live_once(self) -> tuple[Failure, int | None]:
        """From the start to the end of one process: why it ended, and its exit status."""
        session = self._session = Session(self._order, self._desk, self.log, self._limits, self._clock)
        self._pause.forget()
        self._well_since, self._wait = None, 0
        self._set(State.STARTING)
        failure: Failure | None = None
        try:
            if await self._bring_up(session):
                await session.watch(self._note_health)
        except PluginFailed as error:
            failure = error.failure
        finally:
            await self._tidy_up(session)
        return failure if failure is not None and session.failure is None else session.ending, session.status

    async def _bring_up(self, session: Session) -> bool:
        """False when it was stopped before it began; raises PluginFailed."""
        config = await needs(self._get_config, self._storage)
        if self._is_stopping:
            return False
        await session.start(self._end_because)
        assert session.peer is not None
        self.points.connect(session.peer, self.permissions)
        await session.initialize(config, self._storage.all())
        self.points.begin()
        self.started_at, self._well_since = self._clock.wall(), self._clock.monotonic()
        self.log.note('info', f'(version {self.version} runs as process {session.pid})')
        if not self._is_stopping:
            self._set(State.RUNNING)
        return True

    async def _tidy_up(self, session: Session) -> None:
        self.points.disconnect()
        await session.end()
        await self._storage.flush()
        self._session = self.started_at = None

    async def _is_tried_again(self, failure: Failure, status: int | None) -> bool:
        """Wait for the next try, if there is to be one."""
        policy = self.manifest.restart
        if status == 0 and failure.code == 'crashed' and policy != 'always':
            self.log.note('info', '(it has ended by itself)')
            self._set(State.STOPPED)
        elif failure.code == faults.CONFIG or policy == 'never':
            self._fail(failure)
        else:
            await self._wait_for_next_try(failure)
            return not self._is_stopping
        return False

    async def _wait_for_next_try(self, failure: Failure) -> None:
        following = self._restarts.crashed(self._clock.monotonic(), self._well_since)
        self._pause.begin(max(following.delay, self._wait))
        if self._is_stopping:
            return
        if following.alert:
            count = self._restarts.crashes
            self._fail(faults.crash_loop(failure, count),
                       f'{count} failures within 10 minutes. The last: {failure.message}')  # fmt: skip
        else:
            self._note('warning', failure)
            self._downs += failure.code != faults.KILLED
            self._set(State.FAILED if following.given_up else State.BACKOFF)
        await self._pause.wait()

    def _note_health(self, is_well: bool) -> None:
        if self._is_stopping:
            return
        if is_well and self.state is State.UNHEALTHY:
            self._well_since = self._clock.monotonic()
            self._set(State.RUNNING)
        elif not is_well:
            self._well_since = None
            self.log.note('warning', '(it does not answer)')
            self._set(State.UNHEALTHY)

    def _end_because(self, why: Why, wait: int) -> None:
        """The limiter, or the owner through it, wants it to end."""
        if why == ASKED:
            task = asyncio.create_task(self.restart(only_running=True), name=f'restart {self.id}')
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)
        elif self._session is not None:
            self._wait = wait
            self._session.fail(faults.limit(why))

    def _fail(self, failure: Failure, news: str = '') -> None:
        self._note('error', failure, news)
        self._downs += failure.code != faults.KILLED
        self._set(State.FAILED)

    def _note(self, level: str, failure: Failure, news: str = '') -> None:
        self.last_error = told = self.hidden.failure(faults.at(failure, self._clock.wall()))
        news = self.hidden.text(news) or told.message
        self.log.note(level, f'({news})')
        log_event(level, self.id, news, hint=told.hint)

    def _set(self, state: State) -> None:
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()
