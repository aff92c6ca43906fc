"""Tells somebody when a point is where it should not be, and when it is back."""

import asyncio
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

from edgeos_plugin import Plugin, Point, Subscription, WriteFailed

from .alarm import Alarm
from .clock import Clock
from .rules import Quiet, Rule, globs_of, rules_of
from .sender import Sender

TICK = 0.5  # s
SAVE_EVERY = 10.0  # s, of what may be lost
MOST = 2000  # points that are watched, counted once for each rule
SINGLE = 3  # messages of one rule at a time; more become one


class Change(NamedTuple):
    """An alarm became active or inactive, and the value that made it so."""

    alarm: Alarm
    is_active: bool
    value: Any


class Alarms(Plugin):
    """In the storage: `alarms`, those that are active or were told of, and `queue`, what is to be sent."""

    clock: ClassVar[Clock] = Clock()

    async def start(self) -> None:
        self.changes: list[Change] = []
        self.unshown: set[str] = set()
        self.is_dirty = False
        self.saved_at = self.clock.monotonic()
        self.subscriptions: list[Subscription] = []
        self.sender = Sender(self)
        self.apply()
        self.ticking = asyncio.create_task(self.tick_on())

    async def on_config(self, config: dict[str, Any]) -> None:
        self.save()
        for subscription in self.subscriptions:
            subscription.cancel()
        await asyncio.sleep(0)  # they end before the new ones begin: a plugin may have 100
        self.apply()

    async def stop(self) -> None:
        self.ticking.cancel()
        self.tick()
        self.sender.stop()
        self.save()

    def apply(self) -> None:
        """Everything from the configuration. Raises ConfigError."""
        rules, quiet = rules_of(self.config), Quiet.of(self.config.get('quiet', {}))
        self.rules, self.quiet, self.repeat = rules, quiet, 60.0 * self.config.get('repeat_min', 0)
        self.alarms: dict[tuple[str, str], Alarm] = {}
        self.by_point: dict[str, list[Alarm]] = {}
        self.is_full = False
        self.sender.configure({action.key: action for rule in rules.values() for action in rule.actions})
        for rule_name, point_id, *state in self.storage.get('alarms', []):
            rule = rules.get(rule_name)
            if rule is not None and rule.pattern.fullmatch(point_id):
                self.watched(rule, point_id).restore(state)
        for rule in rules.values():
            if '*' not in rule.point:
                self.watched(rule, rule.point)
            self.show(rule.name)
        self.subscriptions = [self.subscribe(glob, self.on_point) for glob in globs_of(rules.values())]

    def watched(self, rule: Rule, point_id: str) -> Alarm:
        alarm = self.alarms.get((rule.name, point_id))
        if alarm is None:
            alarm = self.alarms[rule.name, point_id] = Alarm(rule, point_id, self.clock.monotonic())
        return alarm

    def of_point(self, point_id: str) -> list[Alarm]:
        """The alarms that a point is for; found once."""
        if (known := self.by_point.get(point_id)) is not None:
            return known
        is_own = point_id.startswith(f'{self.id}/')
        rules = [] if is_own else [rule for rule in self.rules.values() if rule.pattern.fullmatch(point_id)]
        if len(self.alarms) + len(rules) > MOST:
            if not self.is_full:
                self.event('warning', f'The rules are for more than {MOST} points; the others are not watched.')
            self.is_full = True
            return []
        known = self.by_point[point_id] = [self.watched(rule, exact(rule, point_id)) for rule in rules]
        return known

    def on_point(self, point: Point) -> None:
        for alarm in self.of_point(point.id):
            self.is_dirty |= alarm.rule.when == 'changed'
            if alarm.hear(point, self.clock.monotonic()):
                self.changed(alarm)

    async def on_write(self, name: str, value: Any) -> None:
        rule_name, _, what = name.rpartition('/')
        if what != 'acknowledged' or rule_name not in self.rules:
            raise WriteFailed(f'{name} cannot be written')
        if not isinstance(value, bool):
            raise WriteFailed('expected true or false')
        active = [alarm for alarm in self.of_rule(rule_name) if alarm.is_active]
        if value and not active:
            raise WriteFailed(f'{rule_name} is not active: there is nothing to acknowledge')
        for alarm in active:
            alarm.is_acknowledged = value
        self.show(rule_name)
        self.save()

    def of_rule(self, name: str) -> list[Alarm]:
        return [alarm for (rule, _), alarm in self.alarms.items() if rule == name]

    # time

    async def tick_on(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.tick()

    def tick(self) -> None:
        """Whatever time alone brings, and the messages of all that has changed since the last one."""
        now = self.clock.monotonic()
        for alarm in self.alarms.values():
            if alarm.tick(now):
                self.changed(alarm)
        changes, self.changes = shortened(self.changes), []
        if changes:
            self.note(changes)
            self.tell(changes, now)
        self.catch_up(now)
        if changes or (self.is_dirty and now - self.saved_at > SAVE_EVERY):
            self.save()

    def changed(self, alarm: Alarm) -> None:
        self.changes.append(Change(alarm, alarm.is_active, alarm.value))
        if not self.unshown:
            asyncio.get_running_loop().call_soon(self.show_all)
        self.unshown.add(alarm.rule.name)

    def save(self) -> None:
        states = [(key, alarm.state()) for key, alarm in self.alarms.items()]
        self.storage.set('alarms', [[*key, *state] for key, state in states if state is not None])
        self.is_dirty, self.saved_at = False, self.clock.monotonic()

    # telling

    def show_all(self) -> None:
        for name in self.unshown & self.rules.keys():
            self.show(name)
        self.unshown.clear()

    def show(self, name: str) -> None:
        active = [alarm for alarm in self.of_rule(name) if alarm.is_active]
        self.publish(name, bool(active))
        is_acknowledged = bool(active) and all(alarm.is_acknowledged for alarm in active)
        self.publish(f'{name}/acknowledged', is_acknowledged, writable=True)

    def note(self, changes: list[Change]) -> None:
        """Under Events, at all hours."""
        for rule, is_active, group in grouped(changes):
            if any(action.type == 'event' for action in rule.actions) and (is_active or rule.when != 'changed'):
                for message in self.messages(rule, 'active' if is_active else 'cleared', group):
                    level = rule.severity if is_active else 'info'
                    self.event(level, message['message'], rule=rule.name, point=message['point'])

    def tell(self, changes: list[Change], now: float) -> None:
        """The others, unless they want to be left alone."""
        loud = [change for change in changes if not self.is_quiet(change.alarm.rule)]
        for rule, is_active, group in grouped(loud):
            self.send(rule, 'active' if is_active else 'cleared', group, now)

    def catch_up(self, now: float) -> None:
        """What came in quiet hours and is still so; and reminders."""
        loud = [alarm for alarm in self.alarms.values() if not self.is_quiet(alarm.rule)]
        late = [alarm for alarm in loud if alarm.is_active != alarm.is_told]
        again = [alarm for alarm in loud if alarm.is_told and self.is_due(alarm, now)]
        self.tell([Change(alarm, alarm.is_active, alarm.value) for alarm in late], now)
        for rule, _, group in grouped([Change(alarm, True, alarm.value) for alarm in again]):
            self.send(rule, 'reminder', group, now)
        self.is_dirty |= bool(late or again)

    def is_due(self, alarm: Alarm, now: float) -> bool:
        """For a reminder."""
        is_wanted = self.repeat > 0 and alarm.is_active and not alarm.is_acknowledged
        return is_wanted and now - alarm.told_at >= self.repeat

    def send(self, rule: Rule, state: str, changes: list[Change], now: float) -> None:
        for change in changes:
            change.alarm.is_told, change.alarm.told_at = state != 'cleared', now
        if rule.when == 'changed' and state == 'cleared':
            return  # that it does not change any more is no news
        for message in self.messages(rule, state, changes):
            for action in rule.actions:
                if action.type != 'event':
                    self.sender.send(action, message)

    def messages(self, rule: Rule, state: str, changes: list[Change]) -> list[dict[str, Any]]:
        """One for each, or one for all when there are many."""
        if len(changes) <= SINGLE:
            return [self.message(rule, state, change, [change.alarm.point_id]) for change in changes]
        return [self.message(rule, state, changes[0], [change.alarm.point_id for change in changes])]

    def message(self, rule: Rule, state: str, change: Change, points: list[str]) -> dict[str, Any]:
        point_id, unit = change.alarm.point_id, change.alarm.unit
        more = f' and {len(points) - 1} more' if len(points) > 1 else ''
        return {
            'id': uuid.uuid4().hex,
            'rule': rule.name,
            'state': state,
            'severity': rule.severity,
            'message': rule.text(state == 'cleared', f'{point_id}{more}', change.value, unit),
            'point': point_id,
            'points': points[:20],
            'count': len(points),
            'value': change.value,
            'unit': unit,
            'limit': rule.limit,
            'time': datetime.fromtimestamp(self.clock.wall(), UTC).isoformat(timespec='milliseconds'),
        }

    def is_quiet(self, rule: Rule) -> bool:
        return rule.severity != 'error' and self.quiet.covers(self.clock.local())


def exact(rule: Rule, point_id: str) -> str:
    """A PLC's point may come in another case than the rule has it."""
    return point_id if '*' in rule.point else rule.point


def shortened(changes: list[Change]) -> list[Change]:
    """Of an alarm that went to and fro the first change, and the last one where it was the opposite."""
    found: dict[Alarm, list[Change]] = {}
    for change in changes:
        found.setdefault(change.alarm, []).append(change)
    return [change for group in found.values() for change in (group[0], group[-1])[: 1 + (len(group) % 2 == 0)]]


def grouped(changes: list[Change]) -> list[tuple[Rule, bool, list[Change]]]:
    """By rule and direction, in the order in which they came first."""
    found: defaultdict[tuple[str, bool], list[Change]] = defaultdict(list)
    for change in changes:
        found[change.alarm.rule.name, change.is_active].append(change)
    return [(group[0].alarm.rule, is_active, group) for (_, is_active), group in found.items()]
