"""Ends process trees for good, with what has left them: sessions of their own, daemons."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing

from edgeos.limiter.sample import Tree
from edgeos.limiter.views import Stat, View

ROUNDS = 20  # at most: what is forked between the look at all processes and the kill is found by the next one
CALM = 3  # rounds in a row that found nobody; one that forks and goes at once is easily missed by a single one


def end_all(trees: Mapping[Tree, bytes | None], make_view: Callable[[], View]) -> None:
    """Kill each tree and all that carry its marker; who stands still needs no word to go on for that."""
    calm = 0
    for _ in range(ROUNDS):
        with closing(make_view()) as view:  # a new one: to it, everybody is a newcomer
            found = carriers(view, [marker for marker in trees.values() if marker])
        for tree, marker in trees.items():
            tree.adopt(found.get(marker or b'', ()), belongs=True)
            tree.refresh()
        left = [tree for tree in trees if tree.living]
        calm = 0 if left else calm + 1
        if calm == CALM:
            return
        for tree in left:
            tree.kill()


def carriers(view: View, markers: Iterable[bytes]) -> dict[bytes, list[Stat]]:
    """Who carries which of the markers, among those that are new to the view."""
    found: dict[bytes, list[Stat]] = {marker: [] for marker in markers}
    for stat in view.newcomers() if found else ():
        found.get(view.marker(stat.pid) or b'', []).append(stat)
    return found
