"""Setting a value: a form that fits its type, and what became of it."""
import json
import re
from collections.abc import Callable
from typing import Any, Protocol

from nicegui import ui

from edgeos.clock import Clock
from edgeos.connections.connection import Connection
from edgeos.connections.journal import visible
from edgeos.connections.state import WriteRefused
from edgeos.gateway import Point, Source, UnknownPoint
from pages.format import parse_number, switch_pair
from pages.forms import ChoiceField, Field, SwitchField, advanced, choice_field, switch_field
from pages.frame import House
from pages.i18n import _
from pages.rows import say_refusal
from pages.sheet import Button, Text

SWITCHES = frozenset(('BOOL', 'BIT'))
NUMBERS = re.compile(r'L?REAL|U?[SDL]?INT|BYTE|[DL]?WORD')
SPANS = frozenset(('TIME', 'LTIME'))
EXAMPLES = {'DATE': '2026-11-24', 'LDATE': '2026-11-24', 'TOD': '13:45:00', 'TIME_OF_DAY': '13:45:00',
            'LTOD': '13:45:00', 'DT': '2026-11-24T13:45:00', 'DATE_AND_TIME': '2026-11-24T13:45:00',
            'LDT': '2026-11-24T13:45:00'}  # fmt: skip


class RawField(Field[str]):
    """Text exactly as it was typed, blanks included."""

    def _parse(self, text: str | bool) -> str:
        return str(text)


class PointOwner(Protocol):
    """Whose points are shown: a connection or a plugin."""

    source: Source
    clock: Clock


class NotMeant(ValueError):
    """Raised when what was typed cannot be a value of that type; says what is expected."""


class Delivery:
    """How a message is handed over: QoS and whether the broker keeps it; only where the type knows such things."""

    def __init__(self, owner: PointOwner) -> None:
        self._qos: ChoiceField | None = None
        self._retain: SwitchField | None = None
        if not isinstance(owner, Connection):
            return
        config = owner.config.model_dump(include={'write_qos', 'write_retain'})
        if not config:
            return
        with advanced(_('Advanced')):
            words = {'0': _('0: at most once'), '1': _('1: at least once'), '2': _('2: exactly once')}
            self._qos = choice_field(_('Quality of service'), words, str(config.get('write_qos', 0)),
                                     hint=_('How surely the broker hands it on.'))  # fmt: skip
            self._retain = switch_field(_('Retain'), bool(config.get('write_retain', False)),
                                        hint=_('The broker keeps it for whoever asks later.'))  # fmt: skip

    def options(self) -> dict[str, Any]:
        """As `Gateway.write` takes them."""
        if self._qos is None or self._retain is None:
            return {}
        return {'qos': int(self._qos.value), 'retain': self._retain.value}


class WriteForm:
    """Says "sent" until the device itself reports a value: what is shown of the device is never a guess."""

    def __init__(self, house: House, owner: PointOwner, point: Point) -> None:
        self._gateway = house.system.gateway
        self._point = point
        self._sent_at: float | None = None  # the point's time when the value was sent
        self._sent = ''
        self._choices: list[tuple[Any, Button]] = []
        with ui.element('form').classes('eo-form cp-write').props('novalidate') as form:
            Text('h3', _('Set the value'))
            self._field = self._input(point)
            self._status = Text('p', '', 'cp-sent').props('role=status')
            self._delivery = Delivery(owner)
        form.on('submit.prevent', lambda _event: self._submit(), [])
        self._mark()

    def _input(self, point: Point) -> Field[str] | None:
        kind = kind_of(point)
        if kind == 'switch':
            pair = switch_pair(point.value) or (False, True)
            with ui.element('div').classes('eo-ranges cp-switch').props(f'role=group aria-label="{_("Value")}"'):
                for value in pair:
                    word = str(value) if isinstance(value, str) else _('On') if value else _('Off')
                    self._choices.append((value, Button(word, self._sender(value))))
            return None
        with ui.element('div').classes('eo-row cp-set'):
            label = f'{_("Value")} · {point.unit}' if point.unit else _('Value')
            field = RawField('lines' if kind == 'json' else 'text', label, '', hint_for(point, kind),
                             placeholder=EXAMPLES.get(point.declared_type, ''))  # fmt: skip
            if kind == 'number':
                field.props('inputmode=decimal')
            self._button = Button(_('Send'), look='pri', submits=True)
        return field

    def _sender(self, value: Any) -> Callable[[], Any]:
        async def send() -> None:
            await self._send(value)

        return send

    async def _submit(self) -> None:
        if self._field is None:
            return
        try:
            value = meant(self._field.value, kind_of(self._point))
        except NotMeant as error:
            self._field.show_error(str(error))
            return
        self._button.set_busy(True)
        try:
            await self._send(value)
        finally:
            self._button.set_busy(False)

    async def _send(self, value: Any) -> None:
        self._say(_('Sending …'))
        before = self._point.time
        try:
            await self._gateway.write(self._point.id, value, **self._delivery.options())
        except WriteRefused as error:
            self._refuse(say_refusal(_, error))
            return
        except UnknownPoint:
            self._refuse(_('This value does not exist any more.'))
            return
        self._sent_at = before
        self._say(_('Sent. Waiting for the device to report it.'))
        self.tick()

    def _refuse(self, why: str) -> None:
        """Beside the field where there is one."""
        self._sent_at = None
        if self._field is None:
            self._say(why, is_trouble=True)
            return
        self._say('')
        self._field.show_error(why)
        self._field.focus()

    def tick(self) -> None:
        """Follow the device: mark what it reports, and end the waiting."""
        self._mark()
        if self._sent_at is not None and self._point.time > self._sent_at:
            self._sent_at = None
            self._say(_('Sent. The device has reported a value since.'))

    def _mark(self) -> None:
        for value, button in self._choices:
            chosen = type(value) is type(self._point.value) and value == self._point.value
            button.classes(add='on' if chosen else '', remove='' if chosen else 'on')
            button.props(f'aria-pressed={"true" if chosen else "false"}')

    def _say(self, text: str, *, is_trouble: bool = False) -> None:
        self._status.classes(add='eo-error' if is_trouble else '', remove='' if is_trouble else 'eo-error')
        self._status.text = text


def kind_of(point: Point) -> str:
    """How it is set: switch, number, span, json or text; by the device's own type, else by the value it has."""
    declared, value = point.declared_type, point.value
    if declared in SWITCHES or isinstance(value, bool):
        return 'switch'
    if declared in SPANS:
        return 'span'
    if isinstance(value, (int, float)) or NUMBERS.fullmatch(declared):
        return 'number'
    if isinstance(value, (list, dict)):
        return 'json'
    return 'text' if declared or switch_pair(value) is None else 'switch'


def hint_for(point: Point, kind: str) -> str:
    """What can be entered."""
    if point.declared_type in EXAMPLES:
        return _('The time of the PLC, written as {example}.').format(example=EXAMPLES[point.declared_type])
    if point.declared_type and kind == 'text':
        return _('Text.') if 'STRING' in point.declared_type.upper() else \
            _('A name or text, as {type} takes it.').format(type=visible(point.declared_type, 80))
    return {'number': _('A number.'), 'span': _('A number, or a time like T#1h30m.'),
            'json': _('JSON.')}.get(kind) or _('Text, sent as it is.')  # fmt: skip


def meant(text: str, kind: str) -> Any:
    """What was typed, as that kind of value. Raises NotMeant."""
    if kind in ('number', 'span'):
        number = parse_number(text)
        if number is None and kind == 'number':
            raise NotMeant(_('Enter a number.'))
        return text.strip() if number is None else number
    if kind == 'json':
        try:
            return json.loads(text)
        except ValueError as error:
            raise NotMeant(_('This is no JSON: {why}').format(why=error)) from error
    return text
