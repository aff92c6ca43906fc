"""The fields forms are made of: label above, control, hint below, error beside it in words and colour.

One field is one element. What is being typed lives in the browser and is reported with each letter; showing an error,
or any other refresh, never takes it away.
"""
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from edgeos.secrets import MASK
from pages.format import parse_number
from pages.i18n import _, current_language

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
MOST_CHARACTERS = 100_000

T = TypeVar('T')


class Field(Element, Generic[T], component=_ASSETS / 'form_field.js'):
    """A labelled control. Subclasses say how its text becomes a value."""

    def __init__(self, kind: str, label: str, text: str | bool, hint: str, **props: Any) -> None:
        super().__init__()
        self._text_now: str | bool = text
        self._listeners: list[Callable[[], Any]] = []
        given = {key: value for key, value in props.items() if value is not None}
        self._props.update({'kind': kind, 'label': label, 'value': text, 'version': 0, 'hint': hint, 'error': '',
                            **given})  # fmt: skip
        self.label = label
        self.on('typed', self._take)

    @property
    def value(self) -> T:
        """What is in the field now."""
        return self._parse(self._text_now)

    @value.setter
    def value(self, value: T) -> None:
        self._put(self._format(value))

    def show_error(self, text: str) -> None:
        """Say what is wrong with it; stays until it is changed or cleared."""
        if self._props['error'] != text:
            self._props['error'] = text

    def clear_error(self) -> None:
        """Nothing is wrong any more."""
        self.show_error('')

    @property
    def error(self) -> str:
        """What is said to be wrong; empty when nothing is."""
        return str(self._props['error'])

    def check(self) -> bool:
        """Whether the value can be meant; shows the error if it cannot."""
        problem = self._problem()
        self.show_error(problem)
        return not problem

    def set_hint(self, text: str) -> None:
        if self._props['hint'] != text:
            self._props['hint'] = text

    def set_label(self, text: str) -> None:
        if self._props['label'] != text:
            self._props['label'] = self.label = text

    def set_enabled(self, enabled: bool) -> None:
        self._props['disabled'] = not enabled

    def focus(self) -> None:
        """Put the cursor there; opens the fold it lies in."""
        self.run_method('focus')

    def focus_first(self) -> Self:
        """Take the focus when the dialog around it opens."""
        self._props['first'] = True
        return self

    def on_change(self, handler: Callable[[], Any]) -> Self:
        """Call the handler, plain or async, after each change by the owner (not after setting `value` here)."""
        self.on('typed', lambda _event: handler(), [])
        return self

    def _put(self, text: str | bool) -> None:
        self._text_now = text
        with self._props.suspend_updates():
            self._props['value'] = text
            self._props['error'] = ''
        self._props['version'] += 1

    def _take(self, event: GenericEventArguments) -> None:
        typed = event.args
        self._text_now = typed if isinstance(typed, bool) else str(typed)[:MOST_CHARACTERS]
        with self._props.suspend_updates():
            self._props['value'] = self._text_now
        self.clear_error()

    def _parse(self, text: str | bool) -> T:
        raise NotImplementedError

    def _format(self, value: T) -> str | bool:
        return str(value)

    def _problem(self) -> str:
        return ''


class TextField(Field[str]):
    """One line; blanks around it are dropped."""

    required = False

    def _parse(self, text: str | bool) -> str:
        return str(text).strip()

    def _problem(self) -> str:
        return _('Please fill this in.') if self.required and not self.value else ''


class SecretField(Field[str]):
    """A password: hidden until asked for. Holds MASK while a stored one is kept."""

    required = False

    def _parse(self, text: str | bool) -> str:
        return str(text)

    def _problem(self) -> str:
        return _('Please fill this in.') if self.required and not self.value else ''


class NumberField(Field[int | None]):
    """A whole number, typed; None while it is blank or no number."""

    low: int | None = None
    high: int | None = None
    required = True

    def _parse(self, text: str | bool) -> int | None:
        try:
            return int(str(text).strip())
        except ValueError:
            return None

    def _format(self, value: int | None) -> str:
        return '' if value is None else str(value)

    def _problem(self) -> str:
        value, low, high = self.value, self.low, self.high
        if value is None:
            blank = not str(self._text_now).strip()
            return '' if blank and not self.required else _('Enter a whole number.')
        if (low is not None and value < low) or (high is not None and value > high):
            if low is not None and high is not None:
                return _('Enter a number from {low} to {high}.').format(low=low, high=high)
            return _('Enter a number that is not below {low}.').format(low=low) if low is not None else \
                _('Enter a number that is not above {high}.').format(high=high)
        return ''


class DecimalField(Field[float | None]):
    """A number, typed with a decimal point or comma; whole ones are int. None while it is blank or no number."""

    low = 0.0
    high = 0.0

    def _parse(self, text: str | bool) -> float | None:
        return parse_number(str(text))

    def _format(self, value: float | None) -> str:
        return decimal_text(value, current_language())

    def _problem(self) -> str:
        value = self.value
        if value is None:
            return _('Enter a number.')
        if not self.low <= value <= self.high:
            low, high = (decimal_text(each, current_language()) for each in (self.low, self.high))
            return _('Enter a number from {low} to {high}.').format(low=low, high=high)
        return ''


def decimal_text(value: float | None, language: str) -> str:
    """As somebody would type it: `10`, `2.5`, in German `2,5`."""
    if value is None:
        return ''
    text = str(int(value)) if float(value).is_integer() else repr(value)
    return text.replace('.', ',') if language == 'de' else text


class ChoiceField(Field[str]):
    """One of a few; the value is the key."""

    keys: Sequence[str] = ()

    def _parse(self, text: str | bool) -> str:
        return str(text) if text in self.keys else next(iter(self.keys), '')


class SwitchField(Field[bool]):
    """On or off."""

    def _parse(self, text: str | bool) -> bool:
        return text is True

    def _format(self, value: bool) -> bool:
        return value


class LinesField(Field[list[str]]):
    """One entry per line; empty lines are dropped."""

    def _parse(self, text: str | bool) -> list[str]:
        return [line.strip() for line in str(text).splitlines() if line.strip()]

    def _format(self, value: list[str]) -> str:
        return '\n'.join(value)


def text_field(label: str, value: str = '', hint: str = '', *, placeholder: str = '', required: bool = False,
               autocomplete: str = 'off') -> TextField:  # fmt: skip
    """One line of text."""
    field = TextField('text', label, value, hint, placeholder=placeholder, autocomplete=autocomplete)
    field.required = required
    return field


def secret_field(label: str, value: str = '', hint: str = '', *, required: bool = False, digits: bool = False,
                 autocomplete: str = 'new-password') -> SecretField:  # fmt: skip
    """A password, with a button that shows it; pass MASK for one that is stored. `digits` asks for a PIN."""
    field = SecretField('secret', label, value, hint, autocomplete=autocomplete, mask=MASK, digits=digits,
                        words={'show': _('Show'), 'hide': _('Hide')})  # fmt: skip
    field.required = required
    return field


def number_field(label: str, value: int | None = None, hint: str = '', *, low: int | None = None,
                 high: int | None = None, unit: str = '', required: bool = True) -> NumberField:  # fmt: skip
    """A whole number, typed. `check()` says when it is none, or outside `low` to `high`."""
    field = NumberField('number', label, '' if value is None else str(value), hint, unit=unit)
    field.low, field.high, field.required = low, high, required
    return field


def decimal_field(label: str, hint: str = '', *, low: float, high: float, unit: str = '') -> DecimalField:
    """A number from `low` to `high` that need not be whole."""
    field = DecimalField('decimal', label, '', hint, unit=unit)
    field.low, field.high = low, high
    return field


def choice_field(label: str, options: Mapping[str, str], value: str = '', hint: str = '') -> ChoiceField:
    """One of `options` (key to the word shown)."""
    keys = list(options)
    field = ChoiceField('choice', label, value or keys[0], hint, options=[list(pair) for pair in options.items()])
    field.keys = keys
    return field


def switch_field(label: str, value: bool = False, hint: str = '') -> SwitchField:
    """On or off, with its label beside it."""
    return SwitchField('switch', label, value, hint)


def lines_field(label: str, value: Sequence[str] = (), hint: str = '', *, rows: int = 3,
                placeholder: str = '') -> LinesField:  # fmt: skip
    """Several entries, one per line."""
    return LinesField('lines', label, '\n'.join(value), hint, rows=rows, placeholder=placeholder)


@contextmanager
def advanced(title: str) -> Iterator[Element]:
    """A fold for what few people need; closed at first, and keeps its state over refreshes."""
    with ui.element('details').classes('eo-advanced') as fold:
        with ui.element('summary'):
            ui.label(title)
        with ui.element('div').classes('eo-form'):
            yield fold


def focus_first_error(fields: Sequence[Field[Any]]) -> bool:
    """Go to the first field with an error; answers whether there is one."""
    for field in fields:
        if field.error:
            field.focus()
            return True
    return False
