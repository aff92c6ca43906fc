"""Setting a value: a form that fits its type, and what became of it."""
import json
from collections.abc import Callable
from typing import Any

from nicegui import ui

from edgeos.connections.connection import Connection
from edgeos.connections.state import WriteRefused
from edgeos.gateway import Point, UnknownPoint
from pages.format import parse_number, switch_pair
from pages.forms import ChoiceField, Field, SwitchField, advanced, choice_field, switch_field
from pages.frame import House
from pages.i18n import _
from pages.rows import say_refusal
from pages.sheet import Button, Text

QOS = {'0': '0', '1': '1', '2': '2'}


class RawField(Field[str]):
    """Text exactly as it was typed, blanks included."""

    def _parse(self, text: str | bool) -> str:
        return str(text)


class NotMeant(ValueError):
    """Raised when what was typed cannot be a value of that type; says what is expected."""


class Delivery:
    """How a message is handed over: QoS and whether the broker keeps it; only where the type knows such things."""

    def __init__(self, connection: Connection) -> None:
        self._qos: ChoiceField | None = None
        self._retain: SwitchField | None = None
        config = connection.config.model_dump(include={'write_qos', 'write_retain'})
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

    def __init__(self, house: House, connection: Connection, point: Point) -> None:
        self._gateway = house.system.gateway
        self._point = point
        self._sent_at: float | None = None  # the point's time when the value was sent
        self._sent = ''
        self._choices: list[tuple[Any, Button]] = []
        with ui.element('form').classes('eo-form cp-write').props('novalidate') as form:
            Text('h3', _('Set the value'))
            self._field = self._input(point)
            self._status = Text('p', '', 'cp-sent').props('role=status')
            self._delivery = Delivery(connection)
        form.on('submit.prevent', lambda _event: self._submit(), [])
        self._mark()

    def _input(self, point: Point) -> Field[str] | None:
        pair = switch_pair(point.value)
        if pair is not None:
            with ui.element('div').classes('eo-ranges cp-switch').props(f'role=group aria-label="{_("Value")}"'):
                for value in pair:
                    word = str(value) if isinstance(value, str) else _('On') if value else _('Off')
                    self._choices.append((value, Button(word, self._sender(value))))
            return None
        is_number = isinstance(point.value, (int, float))
        is_json = isinstance(point.value, (list, dict))
        kind = 'lines' if is_json else 'text'
        hint = _('A number.') if is_number else _('JSON.') if is_json else _('Text, sent as it is.')
        with ui.element('div').classes('eo-row cp-set'):
            label = f'{_("Value")} · {point.unit}' if point.unit else _('Value')
            field = RawField(kind, label, '', hint)
            if is_number:
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
            value = meant(self._field.value, self._point.value)
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
        except (WriteRefused, UnknownPoint) as error:
            self._sent_at = None
            self._say(say_refusal(_, error), is_trouble=True)
            return
        self._sent_at = before
        self._say(_('Sent. Waiting for the device to report it.'))
        self.tick()

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


def meant(text: str, present: Any) -> Any:
    """What was typed, as the kind of value the point has at present. Raises NotMeant."""
    if isinstance(present, (int, float)) and not isinstance(present, bool):
        number = parse_number(text)
        if number is None:
            raise NotMeant(_('Enter a number.'))
        return number
    if isinstance(present, (list, dict)):
        try:
            return json.loads(text)
        except ValueError as error:
            raise NotMeant(_('This is no JSON: {why}').format(why=error)) from error
    return text
