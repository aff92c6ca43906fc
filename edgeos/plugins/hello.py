"""The first word of a plugin: whether it is what was started, and how well it is confined."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from edgeos.plugins import faults
from edgeos.plugins.faults import PluginFailed
from edgeos.plugins.isolation import is_root, owner_of
from edgeos.plugins.messages import INVALID, Message
from edgeos.plugins.order import Desk, Order
from edgeos.plugins.phrase import Phrase
from edgeos.rpc import RpcError

API = 1

_BEFORE_HELLO = ('error', 'log')


class Door:
    """Nothing of a plugin gets to its desk before it has said hello."""

    def __init__(self, desk: Desk, on_close: Callable[[str], None]) -> None:
        self.hello: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._desk = desk
        self._on_close = on_close

    def on_request(self, method: str, params: Message) -> Any | Awaitable[Any]:
        """As Handler."""
        if not self.hello.done():
            raise RpcError(INVALID, 'expected hello first')
        return self._desk.on_request(method, params)

    def on_notification(self, method: str, params: Message) -> None:
        """As Handler."""
        if method == 'hello':
            if not self.hello.done():
                self.hello.set_result(params)
        elif self.hello.done() or method in _BEFORE_HELLO:
            self._desk.on_notification(method, params)

    def on_slow(self) -> None:
        """As Handler."""
        self._desk.on_slow()

    def on_close(self, reason: str) -> None:
        """As Handler."""
        self._on_close(reason)


def check_hello(hello: Message, order: Order, token: str, pid: int) -> None:
    """Raises PluginFailed for whoever is not what was started, or has too many rights."""
    manifest = order.manifest
    if hello.get('api') != API:
        raise PluginFailed(faults.protocol(f'it speaks version {str(hello.get("api"))[:20]} of the protocol'))
    if not hmac.compare_digest(str(hello.get('token')).encode(), token.encode()):
        raise PluginFailed(faults.protocol('it did not say hello as it was told'))
    if (hello.get('id'), hello.get('version')) != (manifest.id, manifest.version):
        raise PluginFailed(faults.protocol('it is another plugin or version than was installed'))
    if is_root() and owner_of(pid) not in (None, order.uid):
        raise PluginFailed(faults.no_isolation(Phrase('it did not give up the rights of root')))


def isolation_in(hello: Message) -> dict[str, Any]:
    """{uid: bool, landlock: 0.., tcp: bool, no_new_privs: bool}, as it says itself."""
    told = hello.get('isolation')
    told = told if type(told) is dict else {}
    level = told.get('landlock')
    return {'uid': told.get('uid') is True, 'landlock': level if type(level) is int else 0,
            'tcp': told.get('tcp') is True, 'no_new_privs': told.get('no_new_privs') is True}  # fmt: skip
