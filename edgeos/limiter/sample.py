"""A process tree: who belongs to it, the CPU time it has used, its memory.

Covered: children of any depth and of any thread; children in sessions or groups of their own; a process that left the
tree (daemonised) if it was seen in it before, if it is in a session or group made by one that was, or if it carries the
tree's `EDGEOS_TREE` in its environment; the time of children that came and went between two looks, as soon as their
parent has waited for them. Not covered: the time of children whose parent ignores SIGCHLD and that were never seen; a
process that leaves by double fork and `setsid` between two looks, without that word in its environment.
"""

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from edgeos.limiter.lineage import Lineage
from edgeos.limiter.member import Member, attempt, memory_of
from edgeos.limiter.views import Identity, Stat, View

MEBIBYTE = 1024 * 1024
_KILL: int = getattr(signal, 'SIGKILL', -9)
_STOP: int = getattr(signal, 'SIGSTOP', -19)
_RESUME: int = getattr(signal, 'SIGCONT', -18)
_ROUNDS = 8  # of stopping what was forked meanwhile; a stopped process forks no more, so two or three are enough
_GRAIN = 0.02  # s; the kernel tells the time of ended children in two numbers of 10 ms each
_NEVER = object()


class Tree:
    """A root process and all that came from it. One thread owns it; `let_go` may be called from any.

    What existed before counts from now on; what appears later counts in full. Empty when there is no such process.
    """

    def __init__(self, view: View, root: Identity, known: Iterable[Stat] = ()) -> None:
        """`known` are members that nobody's child there leads to."""
        self.root = root
        self.roster: tuple[Member, ...] = ()  # parents before children; replaced, never changed
        self.is_denied = False  # one of them may not be signalled: it belongs to another user
        self._view = view
        self._app = os.getpid()
        self._members: dict[int, Member] = {}
        self._lineage = Lineage(view)
        self._scanned: object = _NEVER
        stat = view.stat(root.pid)
        if stat is not None and stat.start == root.start and self._may_join(root.pid):
            self._add(stat)
            self.refresh()
            self._settle()
        self.adopt(known, belongs=True)
        self._begin()

    @property
    def is_alive(self) -> bool:
        return bool(self._members)

    @property
    def living(self) -> int:
        """How many there are, without those that only wait to be waited for."""
        return sum(not member.stat.is_dead for member in self.roster)

    @property
    def has_forked(self) -> bool:
        """Whether there may be members that are not known yet."""
        now = self._view.forks()
        return now is None or now != self._scanned

    def refresh(self) -> list[Member]:
        """Look at each member, find new ones; those are returned."""
        forks = self._view.forks()
        is_due = forks is None or forks != self._scanned
        has_changed = self._verify()
        fresh = self._walk(self._members.values()) if is_due else []
        self._scanned = forks
        if has_changed or fresh:
            self._settle()
        return fresh

    def adopt(
        self, newcomers: Iterable[Stat], is_marked: Callable[[int], bool] | None = None, *, belongs: bool = False
    ) -> list[Member]:
        """Take in those that belong here though they are nobody's child here; returns them and their children.

        `is_marked` tells whether a process carries the tree's marker; `belongs` that somebody else has made sure.
        """
        fresh = []
        for stat in newcomers:
            if stat.pid in self._members or not self._may_join(stat.pid):
                continue
            if belongs or self._belongs(stat, is_marked):
                fresh.append(self._add(stat))
        if fresh:
            fresh += self._walk(fresh)
            self._settle()
        return fresh

    def miss_root(self) -> None:
        """It has gone only now, before it was seen here: its number still leads to what it left."""
        if self.root.pid not in self._members:
            now = self._view.stat(self.root.pid)
            self._lineage.leave(self.root.pid, now.start if now else None)

    def consume(self, *, quick: bool = False) -> float:
        """CPU time (s) the tree has used since the last call; `quick`: that of ended children as last refreshed."""
        used = 0.0
        lost: list[Member] = []
        clock = self._view.cpu
        for member in self.roster:
            try:
                now = clock(member.identity.pid)
            except ProcessLookupError:
                lost.append(member)
                continue
            if now < member.cpu:  # the number belongs to a younger process
                lost.append(member)
                continue
            used += now - member.cpu
            member.cpu = now
        for member in reversed(lost):  # children first: their credit goes up through their parents
            self._lose(member)
        if lost:
            self._settle()
        look = bool(lost) or (not quick and (len(self.roster) > 1 or self.has_forked))
        return used + self._ended_children(look)

    def starve(self) -> float:
        """Time (s) since the last call in which members wanted to run and others had the cores."""
        total = 0.0
        for member in self.roster:
            before, member.waited = member.waited, self._view.waited(member.stat)
            total += max(0.0, member.waited - before)
        return total

    def memory(self, fair_above: float) -> tuple[int, str]:
        """Bytes of the tree, and how they were counted: 'rss', or 'pss' above `fair_above` bytes with several members.

        Processes that forked share most of their memory. RSS counts it once for each of them, PSS once in all, but
        costs fifty times as much.
        """
        return memory_of(self.roster, self._view, fair_above)

    def freeze(self, fresh: Iterable[Member] | None = None) -> None:
        """Stop all (or these new ones), and what they forked meanwhile."""
        pending = list(self.roster if fresh is None else fresh)
        for _ in range(_ROUNDS):
            self._send(pending, _STOP)
            if not self.has_forked:
                return
            pending = self.refresh()
            if not pending:
                return

    def thaw(self) -> None:
        """Let all go on, children first, so that no parent is told of a child that stands still."""
        self._send(reversed(self.roster), _RESUME)

    def let_go(self) -> None:
        """The same from any thread. Who cannot be looked at gets its signal all the same: it must not stay stopped."""
        for member in reversed(self.roster):
            try:
                self._view.send(member.identity, _RESUME)
            except (ProcessLookupError, PermissionError):
                continue
            except OSError:
                if os.name == 'posix':
                    with suppress(OSError):
                        os.kill(member.pid, _RESUME)

    def kill(self) -> None:
        """End all of them, whatever they fork meanwhile: whole groups first, which the kernel does in one go.

        Raises OSError when some cannot be looked at; the others have ended then, and nobody stands still.
        """
        failures: list[OSError] = []
        for member in self.roster:
            member.is_sure = False
        attempt(self.refresh, failures)
        sure = {member.stat.group for member in self.roster if member.is_sure}
        for group in self._lineage.groups & sure:
            if group != os.getpgrp():  # the app's own
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, _KILL)
        attempt(self.refresh, failures)
        attempt(self.freeze, failures)
        for member in self.roster:
            attempt(partial(self._end, member), failures)
        if failures:
            self.let_go()
            raise failures[-1]

    def close(self) -> None:
        """Give descriptors back."""
        for member in self.roster:
            if member.grip is not None:
                member.grip.close()
                member.grip = None

    def _end(self, member: Member) -> None:
        """Who cannot be looked at now, but was a moment ago, is the same."""
        try:
            self._send((member,), _KILL)
        except OSError:
            if not member.is_sure:
                raise
            with suppress(ProcessLookupError):
                os.kill(member.pid, _KILL)

    def _verify(self) -> bool:
        """Whether the roster, or who is in which session, is not what it was."""
        lost, has_moved = [], False
        for member in self.roster:
            stat = self._view.stat(member.pid)
            if stat is None or stat.start != member.identity.start:
                lost.append(member)
            else:
                has_moved |= stat.session != member.stat.session or stat.group != member.stat.group
                member.stat, member.is_sure = stat, True
        for member in reversed(lost):
            self._lose(member)
        return has_moved or bool(lost)

    def _walk(self, parents: Iterable[Member]) -> list[Member]:
        fresh: list[Member] = []
        pending = list(parents)
        while pending:
            parent = pending.pop()
            for pid in self._view.children(parent.stat):
                if pid in self._members:
                    continue
                stat = self._view.stat(pid)
                if stat is None or not self._may_join(pid):
                    continue
                if stat.parent == parent.pid or self._belongs(stat, None):
                    fresh.append(self._add(stat))
                    pending.append(fresh[-1])
        return fresh

    def _belongs(self, stat: Stat, is_marked: Callable[[int], bool] | None) -> bool:
        if stat.start < self.root.start:
            return False
        if self._lineage.leads_to(stat) or not self._members.keys().isdisjoint((stat.parent, stat.session, stat.group)):
            return True
        return is_marked is not None and is_marked(stat.pid)

    def _may_join(self, pid: int) -> bool:
        """Never the app itself, though it may be a descendant of what was asked for."""
        return pid > 1 and pid != self._app

    def _add(self, stat: Stat) -> Member:
        member = Member(Identity(stat.pid, stat.start), stat, 0.0, 0.0)
        self._members[stat.pid] = member
        return member

    def _lose(self, member: Member) -> None:
        """It has ended. What was counted of it comes back in its parent's `reaped`, once."""
        if self._members.get(member.pid) is member:
            del self._members[member.pid]
            now = self._view.stat(member.pid)
            self._lineage.leave(member.pid, None if now is None or now.start == member.identity.start else now.start)
        if member.grip is not None:
            member.grip.close()
        parent = self._members.get(member.stat.parent)
        if parent is not None:
            parent.credit += member.cpu + member.reaped + member.credit

    def _settle(self) -> None:
        self.roster = tuple(self._members.values())
        self._lineage.settle(member.stat for member in self.roster)

    def _ended_children(self, look: bool) -> float:
        used = 0.0
        for member in self.roster:
            if look:
                stat = self._view.stat(member.pid)
                if stat is not None and stat.start == member.identity.start:
                    member.stat = stat
            growth = max(0.0, member.stat.reaped - member.reaped)
            if growth or member.credit or member.refundable:
                known = min(member.credit, growth + member.refundable)
                used += growth - known
                member.refundable = max(0.0, growth - known)
                member.credit = min(member.credit - known, _GRAIN)
                member.reaped = max(member.reaped, member.stat.reaped)
        return used

    def _begin(self) -> None:
        for member in self.roster:
            with suppress(ProcessLookupError):  # the next look finds out
                member.cpu = self._view.cpu(member.pid)
            member.reaped = member.stat.reaped
            member.waited = self._view.waited(member.stat)

    def _send(self, members: Iterable[Member], number: int) -> None:
        for member in members:
            if member.grip is None:
                member.grip = self._view.grip(member.identity)
            try:
                with suppress(ProcessLookupError):
                    member.grip.send(number)
            except PermissionError:
                self.is_denied = True
