"""What an author's class is made from."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from .errors import PluginError, WriteFailed
from .link import VALUE_BYTES, as_line, to_text
from .point import Point
from .storage import Storage
from .subscriptions import Subscription

if TYPE_CHECKING:
    from .runtime import Runtime

NAME_LENGTH = 512
UNIT_LENGTH = 32

Level = Literal['debug', 'info', 'warning', 'error']


class Common:
    """What both styles share. `config`, `storage` and `log` are there from `start` on, not yet in `__init__`."""

    id: str
    version: str
    config: dict[str, Any]
    storage: Storage
    log: logging.Logger
    _runtime: 'Runtime'

    def publish(self, name: str, value: Any, unit: str = '', writable: bool = False) -> None:
        """Give a point `<plugin id>/<name>` its value, from any thread, at once; with `writable` others may write it.

        While the app does not read, a newer value of a point takes the place of the one that waits. Raises ValueError
        for a name or value that cannot be a point's: 512 printable characters without *, JSON up to 64 kB.
        """
        self._runtime.link.publish(name, published(name, value, unit, writable))

    def event(self, level: Level, message: str, **context: Any) -> None:
        """Something the owner should see on the page of events. Raises ValueError when it has no form in JSON."""
        self._runtime.notify('event', {'level': level, 'message': str(message), 'context': context})

    async def _read(self, point_id: str) -> Point:
        return Point.of(await self._runtime.link.call('points.read', {'id': point_id}))

    async def _write(self, point_id: str, value: Any, qos: int | None, retain: bool | None) -> None:
        wishes = {'qos': qos, 'retain': retain}
        params = {'id': point_id, 'value': value, **{name: wish for name, wish in wishes.items() if wish is not None}}
        try:
            await self._runtime.link.call('points.write', params)
        except TimeoutError as error:
            raise WriteFailed(f'{point_id}: no answer in time') from error
        except PluginError as error:
            if type(error).__name__ in ('PermissionDenied', 'WriteFailed'):
                raise
            raise WriteFailed(str(error)) from error


class Plugin(Common):
    """A plugin in asyncio style: nothing in it may block; what does goes to `asyncio.to_thread`, or ThreadPlugin."""

    async def start(self) -> None:
        """Set up; the plugin counts as running when it returns (10 s). What goes on belongs into a task."""

    async def stop(self) -> None:
        """Let go of what start took; called once, 5 s."""

    async def on_write(self, name: str, value: Any) -> None:
        """Somebody writes one of your writable points. Return when it is done, raise WriteFailed when it cannot be."""
        raise WriteFailed(f'{name} cannot be written')

    async def on_config(self, config: dict[str, Any]) -> None:
        """The owner has changed the configuration; `self.config` is the new one already."""

    async def read(self, point_id: str) -> Point:
        """A point of any source; raises PermissionDenied, UnknownPoint, TimeoutError."""
        return await self._read(point_id)

    async def write(self, point_id: str, value: Any, qos: int | None = None, retain: bool | None = None) -> None:
        """Write to a device; returns when it has accepted. Raises PermissionDenied or WriteFailed.

        `qos` and `retain` are for points of MQTT connections; None leaves them as the connection is set up.
        """
        await self._write(point_id, value, qos, retain)

    def subscribe(self, glob: str, handler: Callable[[Point], Any]) -> Subscription:
        """Have `handler(point)`, plain or async, called with the present values and each change.

        One call at a time. Await the result to know that the app agrees; a refusal nobody awaits is reported.
        """
        return self._runtime.subscriptions.add(glob, handler)

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        result = function(*arguments)
        return await result if asyncio.iscoroutine(result) or asyncio.isfuture(result) else result


def published(name: str, value: Any, unit: str, writable: bool) -> bytes:
    """The line that says it; raises ValueError."""
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH or not name.isprintable() or '*' in name:
        raise ValueError(f'{name!r:.80} is no name of a point: 1 to {NAME_LENGTH} printable characters without *')
    if not isinstance(unit, str) or len(unit) > UNIT_LENGTH or not unit.isprintable():
        raise ValueError(f'{unit!r:.80} is no unit: at most {UNIT_LENGTH} printable characters')
    if (size := len((text := to_text(value)).encode())) > VALUE_BYTES:
        raise ValueError(f'the value of {name} takes {size} bytes, more than the {VALUE_BYTES} it may')
    return as_line(
        f'{{"jsonrpc":"2.0","method":"publish","params":{{"name":{to_text(name)},"value":{text},'
        f'"unit":{to_text(unit)},"writable":{"true" if writable else "false"}}}}}'
    )
