"""One point as Home Assistant sees it: how it is announced, what its states and commands mean. Pure.

The rules are those of https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

import hashlib
import json
import math
import re
from typing import Any

from edgeos_plugin import Point

from .choices import Choice, Settings
from .units import meaning_of, spelled

CONTROLS = ('switch', 'number', 'text')
LONGEST = 255  # characters of a state
WIDEST = 1_000_000.0  # of a number whose range nobody has told
ON, OFF = ('ON', 'true', '1', 'on'), ('OFF', 'false', '0', 'off')
PRODUCT = 'SmartHome Edge OS'


class BadCommand(ValueError):
    """Raised for a command that means nothing for the point."""


class Entity:
    """`point` is the newest that is known of it."""

    def __init__(self, settings: Settings, choice: Choice, component: str, point: Point, version: str) -> None:
        self.component = component
        self.point = point
        self.id = object_id(settings.base, point.id)
        self.choice = choice
        self._settings = settings
        self._version = version

    @property
    def config_topic(self) -> str:
        return config_topic(self._settings.prefix, self.component, self.id)

    @property
    def state_topic(self) -> str:
        return f'{self._settings.base}/{self.id}/state'

    @property
    def availability_topic(self) -> str:
        return f'{self._settings.base}/{self.id}/availability'

    @property
    def unit(self) -> str:
        return spelled(self.choice.unit or self.point.unit) if self.component in ('sensor', 'number') else ''

    @property
    def device_class(self) -> str:
        if self.choice.device_class or self.component not in ('sensor', 'number'):
            return self.choice.device_class
        return meaning_of(self.unit, self.point.name).device_class

    @property
    def state_class(self) -> str:
        if self.component != 'sensor':
            return ''
        return self.choice.state_class or meaning_of(self.unit, self.point.name).state_class

    @property
    def is_numeric(self) -> bool:
        return self.component == 'number' or bool(self.unit or self.state_class)

    @property
    def is_available(self) -> bool:
        """Whether the value is known, and one that Home Assistant can take for this component."""
        if self.point.quality != 'good' or self.point.value is None:
            return False
        return not self.is_numeric or type(self.point.value) in (int, float)

    def config(self) -> dict[str, Any]:
        """The message that makes Home Assistant know it."""
        source, _, name = self.point.id.partition('/')
        told = {
            'name': self.choice.name if self.choice.name and not self.choice.is_glob else name,
            'unique_id': self.id,
            'state_topic': self.state_topic,
            'availability': [{'topic': f'{self._settings.base}/status'}, {'topic': self.availability_topic}],
            'availability_mode': 'all',
            'device': {'identifiers': [f'{slug(self._settings.base)}_{source}'], 'name': source,
                       'manufacturer': PRODUCT},
            'origin': {'name': PRODUCT, 'sw_version': self._version},
            'unit_of_measurement': self.unit,
            'device_class': self.device_class,
            'state_class': self.state_class,
            **self._special(),
        }  # fmt: skip
        return {key: value for key, value in told.items() if value != ''}

    def _special(self) -> dict[str, Any]:
        if self.component in ('sensor', 'binary_sensor'):
            return {'expire_after': self._settings.expire} if self._settings.expire else {}
        command = {'command_topic': f'{self._settings.base}/{self.id}/set'}
        if self.component == 'number':
            is_open = self.choice.min is None or self.choice.max is None
            step = self.choice.step or (1 if type(self.point.value) is int else 0.1)
            return {**command, 'min': self.lowest, 'max': self.highest, 'step': step,
                    **({'mode': 'box'} if is_open else {})}  # fmt: skip
        if self.component == 'text':  # as JSON, so that the text 21 does not come back as a number
            return {**command, 'max': LONGEST, 'command_template': '{{ value | to_json }}'}
        return command

    @property
    def lowest(self) -> float:
        return -WIDEST if self.choice.min is None else self.choice.min

    @property
    def highest(self) -> float:
        return WIDEST if self.choice.max is None else self.choice.max

    def state(self) -> Any:
        """What is written to the topic of its state."""
        value = self.point.value
        if self.component in ('binary_sensor', 'switch'):
            return 'ON' if _is_true(value) else 'OFF'
        if self.is_numeric:
            return value
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        # a sensor does not take an empty message; for None it shows "unknown"
        return text[:LONGEST] or ('None' if self.component == 'sensor' else '')

    def commanded(self, payload: Any) -> Any:
        """The value to write to the point; `payload` is what the connection made of the message. Raises BadCommand."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        if self.component == 'switch':
            return self._switched(text)
        if self.component == 'number':
            return self._number(text)
        if self.component == 'text':
            return text
        raise BadCommand('it cannot be commanded')

    def _switched(self, text: str) -> Any:
        if text not in ON + OFF:
            raise BadCommand(f'expected ON or OFF, got {text[:40]!r}')
        is_on = text in ON
        return int(is_on) if type(self.point.value) in (int, float) else is_on

    def _number(self, text: str) -> float | int:
        try:
            number = float(text)
        except ValueError:
            raise BadCommand(f'expected a number, got {text[:40]!r}') from None
        if not math.isfinite(number) or not self.lowest <= number <= self.highest:
            raise BadCommand(f'expected {self.lowest:g} to {self.highest:g}, got {text[:40]}')
        return int(number) if type(self.point.value) is int and number.is_integer() else number


def component_of(choice: Choice, point: Point) -> str:
    """What the point becomes; empty as long as nobody can say, and for objects and lists."""
    if choice.component != 'auto':
        return choice.component
    value, may_control = point.value, choice.control and point.writable
    if isinstance(value, bool):
        return 'switch' if may_control else 'binary_sensor'
    if isinstance(value, int | float):
        return 'number' if may_control else 'sensor'
    if isinstance(value, str):
        return 'text' if may_control else 'sensor'
    return ''


def config_topic(prefix: str, component: str, entity_id: str) -> str:
    """Where an entity is announced."""
    return f'{prefix}/{component}/{entity_id}/config'


def object_id(base: str, point_id: str) -> str:
    """The same for a point at all times, its own, and of letters, digits, _ and - only."""
    digest = hashlib.sha256(point_id.encode()).hexdigest()[:8]
    return f'{slug(base)[:40]}_{slug(point_id)[:80]}_{digest}'


def slug(text: str) -> str:
    return re.sub(r'[^a-zA-Z0-9_-]+', '_', text)


def _is_true(value: Any) -> bool:
    return value in ON if isinstance(value, str) else bool(value)
