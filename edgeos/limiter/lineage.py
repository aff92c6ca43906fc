"""Which sessions and groups a process tree has made: whoever is in one belongs to it, wherever its parent went."""

from collections.abc import Iterable

from edgeos.limiter.views import Stat, View

MOST_LEFT = 256


class Lineage:
    """Sessions and groups are numbered after the process that made them, and no other gets that number meanwhile."""

    def __init__(self, view: View) -> None:
        self.groups: set[int] = set()  # with a living member
        self._sessions: set[int] = set()
        self._left: dict[int, int] = {}  # number of a member, session or group that is no more: when it was missed
        self._view = view

    def settle(self, stats: Iterable[Stat]) -> None:
        """These are the members now."""
        members, sessions, groups = set(), set(), set()
        for stat in stats:
            members.add(stat.pid)
            sessions.add(stat.session)
            groups.add(stat.group)
        before = self._sessions | self.groups
        self._sessions &= sessions
        self._sessions |= sessions & members
        self.groups &= groups
        self.groups |= groups & members
        for number in before - self._sessions - self.groups:
            self.leave(number)

    def leave(self, number: int, successor: int | None = None) -> None:
        """A member is no more. It may have made a session and a child there before it was missed, though not after
        another one got its number: that one's start is `successor`."""
        self._left.pop(number, None)
        self._left[number] = self._view.stamp() if successor is None else successor - 1
        if successor is not None:  # a number is given away only when its session and group are empty
            self._sessions.discard(number)
            self.groups.discard(number)
        if len(self._left) > MOST_LEFT:
            del self._left[next(iter(self._left))]

    def leads_to(self, stat: Stat) -> bool:
        """Later on, the same number may be that of a stranger's session."""
        if stat.session in self._sessions or stat.group in self.groups:
            return True
        return any(stat.start <= self._left.get(number, -1) for number in (stat.session, stat.group))
