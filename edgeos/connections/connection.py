"""The life of a link, the same for every kind: open, serve, close, wait.

One task per connection runs that loop, and only that loop changes `status`. "Connected" is said only after the device
has answered.
"""
import asyncio
import contextlib
from abc import abstractmethod
from typing import Any, ClassVar, final

from pydantic import BaseModel

from edgeos.connections.backoff import STEADY_SECONDS
from edgeos.connections.link_state import LinkState
from edgeos.connections.services import Browsed, Services
from edgeos.connections.state import ConnectionFailure, Failure, Status
from edgeos.reporting import log_error
from edgeos.settings import ConnectionSettings

CANCEL_AGAIN = 5.0  # s
EAGER_OUTAGES = 30  # an hour


class Connection(LinkState):
    """A configured link to one device or broker. Subclasses add how to open, serve, close, browse and write."""

    OPEN_LIMIT: ClassVar[float] = 15.0  # s; a driver's own limits are tighter and say why
    IDENTITY: ClassVar[tuple[str, ...]] = ('host', 'port')  # other values of these make it another device

    def __init__(self, settings: ConnectionSettings, services: Services) -> None:
        super().__init__(settings, services)
        self._wake = asyncio.Event()
        self._was_asked = False  # by the owner, to try at once
        self.is_urged = False  # this attempt was asked for by the owner
        self._pause = 0.0  # s, before the first attempt

    # what a driver adds

    @classmethod
    def trial_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        """The config for trying it out beside a link that lives."""
        return config

    @classmethod
    def secret_problem(cls, name: str, value: str) -> str:
        """What is wrong with a secret as the owner entered it; '' if nothing is."""
        return ''

    @abstractmethod
    async def _open(self) -> None:
        """Return once the device has answered; raises ConnectionFailure."""

    @abstractmethod
    async def _serve(self) -> None:
        """Run until the link is lost; raises ConnectionFailure."""

    @abstractmethod
    async def _close(self) -> None:
        """Undo `_open`, however far it came; never raises."""

    @abstractmethod
    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        """Write a point and return once the device accepted; raises WriteRefused."""

    @abstractmethod
    async def browse(self, prefix: str) -> list[Browsed]:
        """What lies directly below `prefix` in the device's tree."""

    async def search(self, query: str, limit: int) -> tuple[list[Browsed], int]:
        """The first names that contain the text, and how many there are; a driver may know more than the points."""
        wanted = query.casefold()
        points = self.source.points
        found = sorted(name for name in points if wanted in name.casefold())
        return [Browsed(name, points[name].type, points[name].unit, writable=points[name].writable)
                for name in found[:limit]], len(found)  # fmt: skip

    def adapt(self, config: BaseModel) -> bool:
        """Take new settings over while the link lives, where a driver can; answers whether it has."""
        return False

    # verbs

    @final
    def start(self) -> None:
        """Want the link; does nothing if it is wanted already."""
        if self._task is None or self._task.done():
            self._backoff.reset()
            self._was_connected = self.is_urged = False
            self._pause = 0.0
            self.last_error = None
            self.retriable = True
            self.status = Status.CONNECTING
            self._task = asyncio.create_task(self._run(), name=f'connection {self.id}')

    @final
    async def stop(self) -> None:
        """Close the link and stay off."""
        task, self._task = self._task, None
        try:
            while task is not None and not task.done():
                task.cancel()  # again, in case a library has swallowed it
                await asyncio.wait((task,), timeout=CANCEL_AGAIN)
        finally:
            self._be_off()

    def _be_off(self) -> None:
        if self.status is not Status.DISCONNECTED:
            self.status = Status.DISCONNECTED
            self._log_event('disconnected', 'stopped')
        self.connected_at = self.next_retry = None

    @final
    async def pause(self, seconds: float) -> None:
        """Let the device go for so long, so that somebody else can use it; `retry_now` ends that early."""
        await self.stop()
        self._start_later(seconds)

    def _start_later(self, seconds: float) -> None:
        self.start()
        self._pause = seconds
        self.next_retry = self.clock.monotonic() + seconds
        self.status = Status.DISCONNECTED

    @final
    def retry_now(self) -> None:
        """Try at once, also after a refusal that is not retried by itself."""
        if self._task is None or self._task.done():
            self.start()
            self.is_urged = True
        elif self.status is not Status.CONNECTED:
            self._was_asked = True
            self._wake.set()

    def is_in_the_way_of(self, settings: ConnectionSettings) -> bool:
        """Whether a device that takes one link only cannot be reached otherwise while this link lives."""
        return False

    @final
    async def reconfigure(self, settings: ConnectionSettings) -> None:
        """Take new settings: restarts this link if they concern it and keeps its history."""
        config = self.CONFIG.model_validate(settings.config)
        if settings.config == self.settings.config and settings.enabled == self.settings.enabled:
            self.settings = settings
            return
        if settings.enabled and self.settings.enabled and self.adapt(config):
            self.settings, self.config = settings, config
            return
        paused_for = self.next_retry_in if self.is_paused else None
        await self.stop()
        moved = any(getattr(config, key, None) != getattr(self.config, key, None) for key in self.IDENTITY)
        self.settings, self.config = settings, config
        if moved:
            self.services.gateway.remove_source(self.id)
            self.last_proof = self.last_error = None
            self.source = self._make_source()
        self._configured()
        if settings.enabled and paused_for is not None:
            self._start_later(paused_for)
        elif settings.enabled:
            self.start()

    def _configured(self) -> None:
        """Take over what the driver keeps beside the config."""

    # the loop

    async def _run(self) -> None:
        try:
            if self._pause:
                await self._sit_out()
            await self._live()
        finally:
            self._rest()

    def _rest(self) -> None:
        """The link is not wanted any more: let go of what was kept from one attempt to the next."""

    async def _sit_out(self) -> None:
        seconds, self._pause = self._pause, 0.0
        self.journal.info(f'paused for {seconds:.0f} s')
        await self._wait(seconds)
        self.next_retry = None
        self.status = Status.CONNECTING

    async def _live(self) -> None:
        while True:
            try:
                failure = await self._live_once()
                self._leave(failure)  # before closing: a slow close must not look like a living link
                self.services.gateway.mark_stale(self.source)
            finally:
                await self._close()
                self.services.gateway.mark_stale(self.source)  # also what came while it was closed
            await self._wait(self.next_retry_in)
            self.next_retry = None
            self.status = Status.CONNECTING

    async def _live_once(self) -> Failure:
        """One attempt and, if it succeeds, the whole life of the link; answers why it ended."""
        self.ladder.begin(self.clock.monotonic())
        try:
            async with asyncio.timeout(self.OPEN_LIMIT):
                await self._open()
            self._record_connected()
            await self._serve()
        except ConnectionFailure as error:
            return error.failure
        except TimeoutError:
            return self.no_answer()
        except Exception as error:  # the task's boundary: a driver's mistake is shown and retried, never silent
            log_error(error, operation='connection loop', connection_id=self.id, type=self.KIND)
            return self._failure('internal', 'Something unexpected happened with {address}: {error}.',
                                 'It is tried again. If it stays, send us the diagnostics.',
                                 error=f'{type(error).__name__}: {error}')
        return self._failure('connection_lost', '{address} closed the connection.', 'It is tried again by itself.')

    def _leave(self, failure: Failure) -> None:
        """The attempt failed or the link was lost: say so, and when it is tried again."""
        now = self.clock.monotonic()
        was_connected = self.status is Status.CONNECTED
        self.status = Status.ERROR
        self.ladder.end(now)
        self._failed_at.append(now)
        if was_connected:
            self._lost_at.append(now)
            if self.flaps <= EAGER_OUTAGES:  # a link that flaps for ever gets no second tries for ever
                self._backoff.begin_outage()
            if now - self._connected_since >= STEADY_SECONDS:
                self._backoff.reset()
        self.connected_at = None
        self.retriable = failure.retriable
        self.note_failure(failure, kind='lost' if was_connected else 'failed')
        delay = max(failure.wait, self._backoff.next_delay(now, eager=failure.cheap))
        self.next_retry = now + delay if failure.retriable else None

    async def _wait(self, delay: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._wake.wait()  # may be set already: somebody pressed Retry while the attempt was failing
        if self._was_asked:
            self._backoff.reset()
        self.is_urged, self._was_asked = self._was_asked, False
        self._wake.clear()

    def _record_connected(self) -> None:
        now = self.clock.monotonic()
        self.prove(now)
        self._connected_since = now
        self.connected_at = self.clock.wall()
        if self._was_connected:
            self.traffic.reconnects += 1
        self._was_connected = True
        self._was_asked = False
        self._wake.clear()
        self.last_error = None
        self.status = Status.CONNECTED
        self._log_event('connected', f'connected to {self.address}')
