"""What Chromium leaves behind, and how much it takes. Both look at all processes: for threads."""
import os
import signal
from contextlib import closing, suppress

from edgeos.limiter.limiter import platform_view


def sweep(marker: bytes) -> None:
    """End all that carry the marker of a start: crash reporters have sessions of their own."""
    with closing(platform_view()) as view:
        left = [stat.pid for stat in view.newcomers() if marker and view.marker(stat.pid) == marker]
    for pid in left:
        with suppress(OSError):
            os.kill(pid, getattr(signal, 'SIGKILL', signal.SIGTERM))


def memory_mb(root: int) -> float:
    """Of a process and all that came from it; what they share is counted once. 0 where the system does not tell."""
    with closing(platform_view()) as view:
        stats, shares, pending = {}, 0, [root]
        while pending:
            stat = view.stat(pending.pop())
            if stat is not None and stat.pid not in stats:
                stats[stat.pid] = stat
                shares += view.share(stat.pid) or 0
                pending += view.children(stat)
    return shares / 1e6
