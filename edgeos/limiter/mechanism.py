"""What the ways of holding a limit have in common. The name of the one in use is shown wherever limits are shown."""

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from edgeos.limiter.views import Identity, Stat


class Unavailable(Exception):
    """Raised where a mechanism cannot be used here; the text says why, for the owner."""


class Stops(NamedTuple):
    """How a throttled tree has been standing still: the longest time (s), and the share of all the time (0 to 1)."""

    longest: float = 0.0
    share: float = 0.0


class Mechanism:
    """One way to hold a tree at its limit; this one does nothing.

    All is called from the monitor's thread, except `change` and `release`: those come from any thread, take effect
    before they return and do not block. Limits are in percent of one core.
    """

    name: ClassVar[str] = 'none'

    def start(self) -> None:
        """Try it out; raises Unavailable."""

    def watch(self, root: Identity, memory_limit_mb: float | None, members: Iterable[int]) -> None:
        """A tree is watched from now on, or its memory limit has changed."""

    def usage(self, root: Identity) -> float | None:
        """CPU time of the tree so far in s, where the mechanism knows it better than a look at the processes."""

    def members(self, root: Identity) -> list[int]:
        """Processes of the tree that only the mechanism knows of."""
        return []

    def throttle(self, root: Identity, limit: float, members: Iterable[Stat]) -> None:
        """Hold the tree at its limit from now on; one that is held already gets another limit."""

    def adopt(self, root: Identity, members: Iterable[Stat]) -> None:
        """More that belong to a watched tree, throttled or not."""

    def change(self, root: Identity, limit: float) -> None:
        """Another limit for a throttled tree."""

    def release(self, root: Identity) -> None:
        """Let the tree run; nothing of it stands still when this returns."""

    def forget(self, root: Identity) -> None:
        """The tree is not watched any more; it was released before."""

    def stops(self, root: Identity) -> Stops:
        """How a throttled tree has been standing still."""
        return Stops()

    def is_denied(self, root: Identity) -> bool:
        """Whether some of the tree may not be touched, because it belongs to another user."""
        return False

    def close(self) -> None:
        """Release all and leave nothing behind. Never raises; once is enough."""
