"""The plain fields of a form made from a schema: text, numbers, choices, switches, secrets, points, and raw JSON."""
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from nicegui import ui

from edgeos.secrets import MASK
from pages.format import parse_number
from pages.forms import (
    ChoiceField,
    Field,
    SecretField,
    SwitchField,
    TextField,
    choice_field,
    decimal_text,
    secret_field,
    switch_field,
)
from pages.i18n import _, current_language
from pages.schema_rules import (
    MISSING,
    Schema,
    bounds_of,
    count_of,
    default_of,
    hint_of,
    key_of,
    kind_of,
)
from pages.schema_words import name_of_choice
from pages.sheet import Button
from pages.write_form import RawField

NOT_SET = ''
MOST_TEXT = 10_000


class Place(Protocol):
    """Where something can be wrong."""

    @property
    def error(self) -> str: ...

    def focus(self) -> None: ...


class Surroundings(Protocol):
    """What fields need of the form around them."""

    def changed(self) -> None:
        """Something was typed."""

    def pick(self, kind: str, field: Field[str]) -> None:
        """Help to fill a field with a point or a pattern."""


class Node(ABC):
    """A part of the form; its value is MISSING where nothing is to be written."""

    is_required = False

    @property
    @abstractmethod
    def value(self) -> Any: ...

    @abstractmethod
    def check(self) -> bool:
        """Whether all is well; shows what is not."""

    @abstractmethod
    def places(self) -> Iterator[Place]:
        """Where errors are shown, in order."""

    @abstractmethod
    def show_problem(self, path: Sequence[str], message: str) -> bool:
        """Show it where it belongs, and answer whether that is here."""

    def set_required(self, required: bool) -> None:
        self.is_required = required


class ConstNode(Node):
    """There is nothing to choose, so nothing is shown."""

    def __init__(self, value: Any) -> None:
        self._value = value

    @property
    def value(self) -> Any:
        return self._value

    def check(self) -> bool:
        return True

    def places(self) -> Iterator[Place]:
        return iter(())

    def show_problem(self, path: Sequence[str], message: str) -> bool:
        return False


class PlainNode(Node):
    """One field."""

    def __init__(self, field: Field[Any], read: Callable[[], Any], problem: Callable[[], str], around: Surroundings,
                 ) -> None:  # fmt: skip
        """`problem` is asked with what was typed, '' is none; the field's own check is not used."""
        self._field = field
        self._read = read
        self._problem = problem
        field.on_change(around.changed)

    @property
    def value(self) -> Any:
        return self._read()

    def check(self) -> bool:
        blank = self.value is MISSING or self.value == ''
        text = _('Please fill this in.') if self.is_required and blank and not self._problem() else self._problem()
        self._field.show_error(text)
        return not text

    def places(self) -> Iterator[Place]:
        yield self._field

    def show_problem(self, path: Sequence[str], message: str) -> bool:
        self._field.show_error(message)
        return True


def plain_node(title: str, schema: Schema, value: Any, around: Surroundings) -> Node:
    """A field in the present place of the page; for everything that is neither an object nor a list."""
    kind = kind_of(schema)
    start = default_of(schema) if value is MISSING else value
    make: dict[str, Callable[[str, Any, Any, Surroundings], Node]] = {
        'choice': _choice, 'switch': _switch, 'secret': _secret, 'integer': _number, 'number': _number,
        'text': _text, 'point': _text, 'glob': _text}  # fmt: skip
    if kind == 'const':
        return ConstNode(schema['const'])
    return make.get(kind, _json)(title, schema, start, around)


def _choice(title: str, schema: Schema, start: Any, around: Surroundings) -> Node:
    values = {key_of(each): each for each in schema['enum']}
    options = {key: name_of_choice(schema, each) for key, each in values.items()}
    if start is MISSING or key_of(start) not in options:
        options = {NOT_SET: '–', **options}
        start = MISSING
    field: ChoiceField = choice_field(title, options, NOT_SET if start is MISSING else key_of(start), hint_of(schema))
    return PlainNode(field, lambda: values.get(field.value, MISSING), lambda: '', around)


def _switch(title: str, schema: Schema, start: Any, around: Surroundings) -> Node:
    field: SwitchField = switch_field(title, start is True, hint_of(schema))
    return PlainNode(field, lambda: field.value, lambda: '', around)


def _secret(title: str, schema: Schema, start: Any, around: Surroundings) -> Node:
    field: SecretField = secret_field(title, start if isinstance(start, str) else '', hint_of(schema))
    return PlainNode(field, lambda: field.value if field.value else MISSING,
                     lambda: '' if field.value == MASK else _length_problem(field.value, schema), around)  # fmt: skip


def _text(title: str, schema: Schema, start: Any, around: Surroundings) -> Node:
    kind = kind_of(schema)
    with ui.element('div').classes('pg-pick' if kind in ('point', 'glob') else 'pg-plain'):
        field = TextField('text', title, start if isinstance(start, str) else '', hint_of(schema))
        if kind in ('point', 'glob'):
            Button(_('Choose'), lambda: around.pick(kind, field), label=_('Choose: {name}').format(name=title))

    def read() -> Any:
        is_default = default_of(schema) in (MISSING, '')
        return MISSING if not field.value and is_default else field.value

    return PlainNode(field, read, lambda: _length_problem(field.value, schema), around)


def _length_problem(text: str, schema: Schema) -> str:
    low, high = count_of(schema, 'minLength', 0), count_of(schema, 'maxLength', MOST_TEXT)
    if text and len(text) < low:
        return _('At least {count} characters, please.').format(count=low)
    return _('At most {count} characters, please.').format(count=high) if len(text) > high else ''


def _number(title: str, schema: Schema, start: Any, around: Surroundings) -> Node:
    is_whole = schema.get('type') == 'integer'
    is_number = isinstance(start, (int, float)) and not isinstance(start, bool)
    field = RawField('number' if is_whole else 'decimal', title,
                     decimal_text(start, current_language()) if is_number else '', hint_of(schema))  # fmt: skip

    def read() -> Any:
        number = parse_number(field.value)
        return MISSING if number is None else int(number) if is_whole and float(number).is_integer() else number

    def problem() -> str:
        return _number_problem(field.value, read(), schema)

    return PlainNode(field, read, problem, around)


def _number_problem(text: str, number: Any, schema: Schema) -> str:
    if not text.strip():
        return ''
    if number is MISSING or (schema.get('type') == 'integer' and not isinstance(number, int)):
        return _('Enter a whole number.') if schema.get('type') == 'integer' else _('Enter a number.')
    low, high = bounds_of(schema)
    if (low is None or number >= low) and (high is None or number <= high):
        return ''
    low_text, high_text = (decimal_text(each, current_language()) for each in (low, high))
    if low is None:
        return _('Enter a number that is not above {high}.').format(high=high_text)
    if high is None:
        return _('Enter a number that is not below {low}.').format(low=low_text)
    return _('Enter a number from {low} to {high}.').format(low=low_text, high=high_text)


def _json(title: str, schema: Any, start: Any, around: Surroundings) -> Node:
    text = '' if start is MISSING else json.dumps(start, ensure_ascii=False, indent=2)
    hint = f'{hint_of(schema)} {_("As JSON.")}'.strip()
    field = RawField('lines', title, text, hint, rows=min(12, max(3, text.count('\n') + 1)))

    def read() -> Any:
        try:
            return json.loads(field.value) if field.value.strip() else MISSING
        except ValueError:
            return field.value

    def problem() -> str:
        try:
            if field.value.strip():
                json.loads(field.value)
        except ValueError as error:
            return _('This is no JSON: {why}').format(why=error)
        return ''

    return PlainNode(field, read, problem, around)
