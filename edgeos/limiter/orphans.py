"""Takes the dead away where nobody else does: in a container without an init the app is process 1 itself.

Whoever loses its parent becomes a child of process 1, and stays in the table of processes, which is bounded, until that
has waited for it.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress

from edgeos.limiter.views import Identity, View
from edgeos.reporting.boundary import Boundary

EVERY = 10.0  # s between two looks; our own children are waited for within a moment of their death


class Orphans:
    """Waits for each child that was dead at two looks in a row: whoever started it would have done so by then.

    Should that one come later all the same, `subprocess` finds no child and takes 0 as its status; nothing hangs.
    """

    def __init__(self, make_view: Callable[[], View]) -> None:
        self._make_view = make_view
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name='orphans', daemon=True)

    @staticmethod
    def are_ours() -> bool:
        """Whether nobody else takes them away."""
        return sys.platform == 'linux' and os.getpid() == 1

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when it has ended."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        boundary, before = Boundary('wait for orphans', once=True), set[Identity]()
        with closing(self._make_view()) as view:
            while not self._over.wait(EVERY):
                with boundary:
                    dead = _dead_children(view)
                    for child in dead & before:
                        with suppress(ChildProcessError):
                            os.waitpid(child.pid, os.WNOHANG)
                    before = dead


def _dead_children(view: View) -> set[Identity]:
    own = view.stat(os.getpid())
    found = [view.stat(pid) for pid in view.children(own)] if own is not None else []
    return {Identity(stat.pid, stat.start) for stat in found if stat is not None and stat.is_dead}
