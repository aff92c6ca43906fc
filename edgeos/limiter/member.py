"""One process of a tree, and what may fail for it alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeos.limiter.views import Grip, Identity, Stat, View


@dataclass(slots=True, eq=False)
class Member:
    """One process of a tree, as it was last seen."""

    identity: Identity
    stat: Stat
    cpu: float  # s; what was counted of its own clock
    reaped: float  # s; what was counted of its ended children
    credit: float = 0.0  # s counted already of children that have ended since, and so will come back in `stat.reaped`
    refundable: float = 0.0  # s counted at the last look, maybe of a child that was not known to have ended
    waited: float = 0.0  # s; as it was at the last `starve`
    is_sure: bool = False  # seen since the last doubt about whose number it is
    grip: Grip | None = None

    @property
    def pid(self) -> int:
        return self.identity.pid


def attempt(work: Callable[[], object], failures: list[OSError]) -> None:
    """Go on after an OSError, and keep it."""
    try:
        work()
    except OSError as error:
        failures.append(error)


def memory_of(members: Sequence[Member], view: View, fair_above: float) -> tuple[int, str]:
    """See Tree.memory."""
    resident = sum(member.stat.resident for member in members)
    if resident <= fair_above or len(members) < 2:
        return resident, 'rss'
    shares = [view.share(member.pid) for member in members]
    if None in shares:
        return resident, 'rss'
    return min(resident, sum(share for share in shares if share is not None)), 'pss'
