"""What the owner wants to be told, and how. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from edgeos_plugin import ConfigError

from .webhook import Target, target_of

SUBSCRIPTIONS = 90  # a plugin may have 100
RAISED = {'stale': '{name}: {point} is not heard of', 'changed': '{name}: {point} is now {value} {unit}'}
CLEARED = {'stale': '{name}: {point} is heard of again'}
OTHERWISE = '{name}: {point} is {value} {unit}', '{name}: back to normal, {point} is {value} {unit}'
_WORD = re.compile(r'\{(name|point|value|unit|limit)\}')


@dataclass(frozen=True, slots=True)
class Action:
    """How somebody is told: `event`, `mqtt` with a `topic`, or `webhook` with a `target`."""

    type: str
    topic: str = ''
    target: Target | None = None

    @classmethod
    def of(cls, config: dict[str, Any], rule: str) -> 'Action':
        """Raises ConfigError."""
        if config['type'] == 'webhook':
            try:
                target = target_of(config.get('url', ''), config.get('header', ''), config.get('secret', ''))
            except ValueError as error:
                raise ConfigError(f'{rule}: {error}') from error
            return cls('webhook', target=target)
        topic = config.get('topic', '')
        if config['type'] == 'mqtt' and not topic.partition('/')[2]:
            raise ConfigError(f'{rule}: expected a topic with its connection, such as mqtt_home/alarms')
        return cls(config['type'], topic)

    @property
    def key(self) -> str:
        """What waits for the same one waits in one line; without what is secret in an address."""
        return self.target.key if self.target else f'mqtt:{self.topic}'


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the list `rules`; times in seconds."""

    name: str
    point: str
    when: str
    limit: Any = None
    hysteresis: float = 0
    delay: float = 0
    clear_delay: float = 0
    severity: Literal['info', 'warning', 'error'] = 'warning'
    message: str = ''
    cleared_message: str = ''
    actions: tuple[Action, ...] = ()
    pattern: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'pattern', glob_pattern(self.point))
        if self.when in ('above', 'below') and type(self.limit) not in (int, float):
            raise ConfigError(f'{self.name}: "{self.when}" needs a number as its value')
        if self.when in ('equal', 'not_equal') and self.limit is None:
            raise ConfigError(f'{self.name}: "{self.when}" needs a value')

    @classmethod
    def of(cls, config: dict[str, Any]) -> 'Rule':
        """Raises ConfigError."""
        name = config['name']
        if not name.isprintable() or '/' in name:
            raise ConfigError(f'{name!r}: expected a name without / and control characters')
        return cls(
            name,
            config['point'],
            config['when'],
            limit_of(config.get('value', '')),
            float(config.get('hysteresis', 0)),
            float(config.get('delay_s', 0)),
            float(config.get('clear_delay_s', 0)),
            config.get('severity', 'warning'),
            config.get('message', ''),
            config.get('cleared_message', ''),
            tuple(Action.of(action, name) for action in config.get('actions', [{'type': 'event'}])),
        )

    def is_met(self, value: Any, is_active: bool) -> bool | None:
        """Whether a value is one to be told of; None when it says nothing, as a text to a limit."""
        if value is None:
            return None
        if self.when in ('equal', 'not_equal'):
            return _is_same(value, self.limit) == (self.when == 'equal')
        if type(value) not in (int, float):
            return None
        edge = self.hysteresis if is_active else 0
        return bool(value > self.limit - edge if self.when == 'above' else value < self.limit + edge)

    def text(self, is_over: bool, point: str, value: Any, unit: str) -> str:
        """The message; what the template does not know stays as it is."""
        words = {'name': self.name, 'point': point, 'value': shown(value), 'unit': unit, 'limit': shown(self.limit)}
        usual = (CLEARED if is_over else RAISED).get(self.when, OTHERWISE[is_over])
        template = (self.cleared_message if is_over else self.message) or usual
        return _WORD.sub(lambda found: words[found[1]], template).strip()[:1000]


@dataclass(frozen=True, slots=True)
class Quiet:
    """From one time of day to another, in minutes; the same twice: never."""

    start: int = 0
    end: int = 0

    @classmethod
    def of(cls, config: dict[str, Any]) -> 'Quiet':
        start, end = config.get('from', ''), config.get('to', '')
        if bool(start) != bool(end):
            raise ConfigError('Quiet hours need both times.')
        return cls(_minutes(start), _minutes(end)) if start else cls()

    def covers(self, minute: int) -> bool:
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def rules_of(config: dict[str, Any]) -> dict[str, Rule]:
    """By name; raises ConfigError."""
    rules: dict[str, Rule] = {}
    for entry in config.get('rules', []):
        if entry['name'] in rules:
            raise ConfigError(f'There are two rules with the name {entry["name"]}.')
        rules[entry['name']] = Rule.of(entry)
    return rules


def globs_of(rules: Iterable[Rule]) -> list[str]:
    """What to subscribe to."""
    globs = sorted({rule.point for rule in rules})
    if len(globs) <= SUBSCRIPTIONS:
        return globs
    sources = {glob.partition('/')[0] for glob in globs}
    if len(sources) > SUBSCRIPTIONS or any('*' in source for source in sources):
        return ['**']
    return [f'{source}/**' for source in sorted(sources)]


def glob_pattern(glob: str) -> re.Pattern[str]:
    """As the app does it: `*` within a level, `**` across, levels separate at `/`."""
    parts = re.split(r'(\*\*|\*)', glob)
    words = (({'**': '.*', '*': '[^/]*'}.get(part) or re.escape(part)) for part in parts)
    return re.compile(''.join(words), re.DOTALL | re.IGNORECASE)  # PLC names are the same in any case


def limit_of(text: Any) -> Any:
    """The form has one field for numbers, true and false, and texts; None when it is empty."""
    if not isinstance(text, str):
        return text
    text = text.strip()
    if text.casefold() in ('true', 'false'):
        return text.casefold() == 'true'
    try:
        number = float(text.replace(',', '.'))
    except ValueError:
        return text or None
    return int(number) if number.is_integer() else number


def shown(value: Any) -> str:
    """Short, for a message."""
    if isinstance(value, bool):
        return 'on' if value else 'off'
    if isinstance(value, float):
        return f'{value:.6g}'
    return '' if value is None else str(value)[:200]


def _is_same(value: Any, limit: Any) -> bool:
    if isinstance(limit, bool) or isinstance(value, bool):
        return value in (0, 1) and limit in (0, 1) and bool(value) == bool(limit)
    if isinstance(value, str) != isinstance(limit, str):
        return str(value) == str(limit)
    return bool(value == limit)


def _minutes(text: str) -> int:
    found = re.fullmatch(r'([01]?\d|2[0-3]):([0-5]\d)', text.strip())
    if found is None:
        raise ConfigError(f'Quiet hours: expected a time such as 22:30, got {text[:20]!r}.')
    return int(found[1]) * 60 + int(found[2])
