"""What is to be run, and who answers it."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from edgeos.plugins.isolation import Folders
from edgeos.plugins.manifest import Manifest
from edgeos.plugins.messages import Message
from edgeos.plugins.permissions import Permission


class Desk(Protocol):
    """Whoever answers what it asks."""

    def on_request(self, method: str, params: Message) -> Any | Awaitable[Any]: ...

    def on_notification(self, method: str, params: Message) -> None: ...

    def on_slow(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Order:
    """`name` is what the limiter knows it by; `uid` is needed where the app runs as root."""

    name: str
    manifest: Manifest
    folders: Folders
    permissions: Sequence[Permission]
    uid: int | None
