"""Points the plugin wants to hear of, and the author's functions that hear them."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from .backlog import Backlog
from .errors import Disconnected, PluginError, error_of
from .link import Link, Message
from .point import Point

WAITING = 256  # points in order for a handler that is slower than they come

Call = Callable[..., Awaitable[Any]]
Report = Callable[[BaseException], None]


class Subscription:
    """`await` it to know that the app agreed (raises PermissionDenied, PluginError); it works without."""

    def __init__(self, glob: str, handler: Callable[[Point], Any], call: Call, report: Report) -> None:
        self.glob = glob
        self.number: int | None = None  # the app's
        self.is_cancelled = False
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.worker: asyncio.Task[None] | None = None
        self.on_cancel: Callable[[], object] = lambda: None
        self._handler = handler
        self._call = call
        self._report = report
        self._points: Backlog[Point] = Backlog(WAITING)

    def __await__(self) -> Generator[Any, None, 'Subscription']:
        yield from self.agreed.__await__()
        return self

    def cancel(self) -> None:
        """Hear nothing more, from now on. From any thread."""
        if not self.is_cancelled:
            self.is_cancelled = True
            self.on_cancel()

    def hear(self, point: Point) -> None:
        self._points.put(point.id, point)
        if self.worker is None:
            self.worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """One point at a time, in order, so that an author need not think of two at once."""
        while self._points and not self.is_cancelled:
            point = self._points.take()
            try:
                await self._call(self._handler, point)
            except Exception as error:  # the author's; the next point may do better
                self._report(error)
            await asyncio.sleep(0)  # a flood must not keep the plugin from all else
        self.worker = None


class Subscriptions:
    """All of one plugin, on the loop."""

    def __init__(self, link: Link, call: Call, report: Report) -> None:
        self._link = link
        self._call = call
        self._report = report
        self._all: dict[int, Subscription] = {}

    def add(self, glob: str, handler: Callable[[Point], Any]) -> Subscription:
        """Ask the app; a refusal nobody awaits is reported. Raises Disconnected, ValueError."""
        loop = asyncio.get_running_loop()
        subscription = Subscription(glob, handler, self._call, self._report)
        subscription.on_cancel = lambda: loop.call_soon_threadsafe(self._remove, subscription)
        subscription.agreed.add_done_callback(lambda agreed: loop.call_soon(self._report_unseen, agreed))
        self._link.request('points.subscribe', {'glob': glob}, lambda answer: self._answered(subscription, answer))
        return subscription

    def hear(self, params: Message) -> None:
        """A point that some of them wait for."""
        point = Point.of(params['point'])
        for number in params['subscriptions']:
            if (subscription := self._all.get(number)) is not None:
                subscription.hear(point)

    @property
    def are_settled(self) -> bool:
        """Whether every handler has had what came."""
        return not any(subscription.worker for subscription in self._all.values())

    def _answered(self, subscription: Subscription, answer: Message) -> None:
        if 'error' in answer:
            if not subscription.agreed.done():
                subscription.agreed.set_exception(error_of(answer['error']))
            return
        subscription.number = answer['result']['subscription']
        self._all[subscription.number] = subscription
        if not subscription.agreed.done():
            subscription.agreed.set_result(None)
        if subscription.is_cancelled:
            self._remove(subscription)

    def _remove(self, subscription: Subscription) -> None:
        number, subscription.number = subscription.number, None
        if number is not None and number in self._all and not self._link.is_closed:
            del self._all[number]
            self._link.request('points.unsubscribe', {'subscription': number}, lambda _answer: None)

    def _report_unseen(self, agreed: 'asyncio.Future[None]') -> None:
        """Whoever awaits it has been woken before."""
        if agreed._log_traceback:  # true as long as nobody has looked
            error = agreed.exception()
            if isinstance(error, PluginError) and not isinstance(error, Disconnected):
                self._report(error)
