"""One rule at one point: whether it is active, and since when something waits to change that. Pure."""

from typing import Any

from edgeos_plugin import Point

from .rules import Rule

GRACE = 15.0  # s after a start in which a point need not have come


class Alarm:
    """`hear` and `tick` answer whether it has just become active or inactive. Times are monotonic."""

    def __init__(self, rule: Rule, point_id: str, now: float) -> None:
        self.rule = rule
        self.point_id = point_id
        self.is_active = False
        self.is_acknowledged = False
        self.is_told = False  # whether the outside knows it as active
        self.told_at = now
        self.value: Any = None
        self.unit = ''
        self._wanted: bool | None = True if rule.when == 'stale' else None
        self._waiting: float | None = now + GRACE if rule.when == 'stale' else None
        self._has_last = False
        self._changed_at = now

    def hear(self, point: Point, now: float) -> bool:
        """A value or a quality has come."""
        is_good = point.quality == 'good'
        former, self.unit = self.value, point.unit
        if is_good:
            self.value = kept(point.value)
        if self.rule.when == 'stale':
            self._wanted = not is_good
        elif not is_good:
            self._wanted = None  # nobody knows: what was stays
        elif self.rule.when == 'changed':
            if self._has_last and former != self.value:
                self._wanted, self._changed_at = True, now
            self._has_last = True
        else:
            self._wanted = self.rule.is_met(self.value, self.is_active)
        return self.tick(now)

    def tick(self, now: float) -> bool:
        """Time has passed."""
        is_change = self.rule.when == 'changed'
        if is_change and self.is_active and now >= self._changed_at + self.rule.clear_delay:
            self._wanted = False
        if self._wanted is None or self._wanted == self.is_active:
            self._waiting = None
            return False
        if self._waiting is None:
            self._waiting = now
        delay = self.rule.clear_delay if self.is_active else self.rule.delay
        if not is_change and now - self._waiting < delay:
            return False
        self.is_active, self._waiting, self.is_acknowledged = self._wanted, None, False
        return True

    # what is kept over a restart

    def state(self) -> list[Any] | None:
        """None when there is nothing to keep."""
        if not (self.is_active or self.is_told or self._has_last):
            return None
        return [self.is_active, self.is_acknowledged, self.is_told, self.value, self.unit]

    def restore(self, state: list[Any]) -> None:
        self.is_active, self.is_acknowledged, self.is_told, self.value, self.unit = state
        self._has_last = self.rule.when == 'changed'


def kept(value: Any) -> Any:
    """What is remembered of a value: all of a number, the beginning of a text."""
    return value if value is None or isinstance(value, bool | int | float) else str(value)[:200]
