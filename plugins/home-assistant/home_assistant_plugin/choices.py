"""What the owner chose: which points, and as what Home Assistant should see them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from edgeos_plugin import ConfigError

SUBSCRIPTIONS = 90  # a plugin may have 100


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of the list `points`; `point` may be a glob."""

    point: str
    component: str = 'auto'
    control: bool = False
    name: str = ''
    device_class: str = ''
    unit: str = ''
    state_class: str = ''
    min: float | None = None
    max: float | None = None
    step: float | None = None
    pattern: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'pattern', glob_pattern(self.point))
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ConfigError(f'{self.point}: the lowest value has to be below the highest')

    @property
    def is_glob(self) -> bool:
        return '*' in self.point


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration."""

    connection: str
    prefix: str
    base: str
    interval: float  # s between two states of an entity
    expire: int  # s after which Home Assistant calls a value it heard nothing of unavailable; 0: never
    choices: tuple[Choice, ...]

    @classmethod
    def of(cls, config: dict[str, Any]) -> 'Settings':
        """Raises ConfigError."""
        if not config.get('connection'):
            raise ConfigError('Choose the MQTT connection that Home Assistant uses, too.')
        prefix, base = (config.get(key, default).strip('/') for key, default in
                        (('discovery_prefix', 'homeassistant'), ('base_topic', 'edgeos')))  # fmt: skip
        for name, topic in (('discovery prefix', prefix), ('base topic', base)):
            if not topic or any(sign in topic for sign in '+#*'):
                raise ConfigError(f'The {name} has to be a topic without +, # and *.')
        if prefix == base or base.startswith(f'{prefix}/') or prefix.startswith(f'{base}/'):
            raise ConfigError('The discovery prefix and the base topic have to be apart from each other.')
        return cls(
            config['connection'],
            prefix,
            base,
            float(config.get('min_interval_s', 1)),
            int(config.get('expire_s', 0)),
            tuple(Choice(**choice) for choice in config.get('points', [])),
        )

    def choice_of(self, point_id: str) -> Choice | None:
        """The first that fits; never for topics that this plugin writes itself, which would come back for ever."""
        ours = (f'{self.connection}/{self.base}/', f'{self.connection}/{self.prefix}/')
        if point_id.startswith(ours):
            return None
        return next((choice for choice in self.choices if choice.pattern.fullmatch(point_id)), None)

    @property
    def globs(self) -> list[str]:
        """What to subscribe to."""
        globs = sorted({choice.point for choice in self.choices})
        return globs if len(globs) <= SUBSCRIPTIONS else _sources(globs)


def glob_pattern(glob: str) -> re.Pattern[str]:
    """As the app does it: `*` within a level, `**` across, levels separate at `/`."""
    parts = re.split(r'(\*\*|\*)', glob)
    return re.compile(
        ''.join({'**': '.*', '*': '[^/]*'}.get(part) or re.escape(part) for part in parts),
        re.DOTALL | re.IGNORECASE,  # PLC names are the same in any case
    )


def _sources(globs: Iterable[str]) -> list[str]:
    sources = {glob.partition('/')[0] for glob in globs}
    wide = len(sources) > SUBSCRIPTIONS or any('*' in source for source in sources)
    return ['**'] if wide else [f'{source}/**' for source in sorted(sources)]
