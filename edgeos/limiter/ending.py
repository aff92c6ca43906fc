"""Ends process trees for good, with what has left them: sessions of their own, daemons."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cache

from edgeos.limiter.sample import Tree
from edgeos.limiter.views import Stat, View

ROUNDS = 20  # at most: what is forked between the look at all processes and the kill is found by the next one
CALM = 3  # rounds in a row that found nobody; one that forks and goes at once is easily missed by a single one

MarkerOf = Callable[[int], bytes | None]


def end_all(trees: Mapping[Tree, bytes | None], make_view: Callable[[], View]) -> dict[Tree, OSError]:
    """Kill each tree, what its lineage leads to and all that carry its marker; who stands still needs no word to go on
    for that. Returns those that could not be looked at, and why; nothing of them stands still."""
    calm, failed = 0, dict[Tree, OSError]()
    for _ in range(ROUNDS):
        try:
            with closing(make_view()) as view:  # a new one: to it, everybody is a newcomer
                has_met, failed = _end_once(trees, view.newcomers(), cache(view.marker))
        except OSError as error:
            has_met, failed = False, dict.fromkeys(trees, error)
            for tree in trees:
                _end(tree)
        calm = 0 if has_met or failed else calm + 1
        if calm == CALM:
            break
    return failed


def gather(tree: Tree, marker: bytes | None, newcomers: Sequence[Stat], marker_of: MarkerOf) -> None:
    """Take in those that belong to it. Raises OSError."""
    tree.adopt(newcomers, (lambda pid: marker_of(pid) == marker) if marker else None)


def _end_once(
    trees: Mapping[Tree, bytes | None], newcomers: Sequence[Stat], marker_of: MarkerOf
) -> tuple[bool, dict[Tree, OSError]]:
    """One round; whether somebody was there to end."""
    has_met, failed = False, {}
    for tree, marker in trees.items():
        try:
            tree.refresh()
            gather(tree, marker, newcomers, marker_of)
        except OSError as error:
            failed[tree] = error
        if tree.living:
            has_met = True
            failure = _end(tree)
            if failure is not None:
                failed[tree] = failure
    return has_met, failed


def _end(tree: Tree) -> OSError | None:
    try:
        tree.kill()
    except OSError as error:
        return error
    return None
