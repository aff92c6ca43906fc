"""What pages and API read of a plugin beside its state."""

from typing import Any

from edgeos.gateway import Source
from edgeos.limits import Limits
from edgeos.plugins.pause import Pause
from edgeos.plugins.points import PluginPoints
from edgeos.plugins.session import Session


class Readings:
    """As it is at this moment; whoever runs it keeps these up to date."""

    points: PluginPoints
    _limits: Limits | None
    _session: Session | None
    _pause: Pause

    @property
    def pid(self) -> int | None:
        return self._session.pid if self._session is not None else None

    @property
    def source(self) -> Source:
        """Its points in the gateway."""
        return self.points.source

    @property
    def isolation(self) -> dict[str, Any]:
        """{uid: bool, landlock: 0.., tcp: bool, no_new_privs: bool} of what runs; empty when nothing does."""
        return self._session.isolation if self._session is not None else {}

    @property
    def throttled(self) -> bool:
        """Whether the limiter holds it at the moment."""
        if self._limits is None or (pid := self.pid) is None:
            return False
        return bool(self._limits.limiter.get_stats()['processes'].get(pid, {}).get('throttled', False))

    @property
    def next_try_in(self) -> float | None:
        """Seconds until it is started again; None when it is not going to be."""
        return self._pause.left

    @property
    def messages_per_second(self) -> float:
        """In both directions."""
        peer = self._session.peer if self._session is not None else None
        return 0.0 if peer is None else peer.rate
