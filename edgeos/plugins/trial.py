"""A short life of a version that was just installed: it says hello, answers a ping, ends, and never really starts."""

from typing import Any

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.limits import Limits, Why
from edgeos.plugins import faults
from edgeos.plugins.faults import PluginFailed
from edgeos.plugins.isolation import Folders
from edgeos.plugins.manifest import Manifest
from edgeos.plugins.messages import NO_METHOD, Message
from edgeos.plugins.order import Order
from edgeos.plugins.plugin_log import PluginLog
from edgeos.plugins.session import Session
from edgeos.rpc import RpcError


class DeafDesk:
    """Nothing that it says counts."""

    def on_request(self, method: str, params: Message) -> Any:
        raise RpcError(NO_METHOD, 'this is a trial')

    def on_notification(self, method: str, params: Message) -> None: ...

    def on_slow(self) -> None: ...


async def try_out(manifest: Manifest, folders: Folders, uid: int | None, log: PluginLog | None = None,
                  clock: Clock = SYSTEM_CLOCK, limits: Limits | None = None) -> None:  # fmt: skip
    """Raises PluginFailed. `uid` must be nobody else's: when it ends, all that runs under it ends.

    `folders.data` should not be that of the version that runs. What it says goes to `log`; it is held as any start is.
    """
    order = Order(f'{manifest.id} (trial)', manifest, folders, (), uid)
    session = Session(order, DeafDesk(), PluginLog(clock) if log is None else log, limits, clock)

    def end_because(why: Why, _wait: int) -> None:
        session.fail(faults.limit(why))
        if session.process is not None:
            session.process.kill()

    try:
        await session.start(end_because)
        if not await session.ping(manifest.start_timeout_s):
            raise PluginFailed(faults.not_in_time(manifest.start_timeout_s))
        if session.failure is not None:
            raise PluginFailed(session.failure)
        await session.stop(manifest.stop_timeout_s, manifest.stop_timeout_s + 1)
    finally:
        await session.end()
