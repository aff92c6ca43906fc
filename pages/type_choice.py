"""The first step of adding: what is to be connected."""
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nicegui import ui

from pages.connection_form import ConnectionForm
from pages.sheet import Button, Text, icon_of


class TypeChoice:
    """One button for each type."""

    def __init__(self, forms: Mapping[str, type[ConnectionForm]], on_choose: Callable[[str], Any]) -> None:
        with ui.element('div').classes('eo-types') as self.area:
            self._buttons = [self._add(form, partial(on_choose, kind)) for kind, form in forms.items()]

    def show(self, shown: bool) -> None:
        """While they are shown, the first of them has the focus when the dialog opens."""
        self.area.set_visibility(shown)
        self._buttons[0].props.set_optional('data-autofocus', '' if shown else None)

    def focus(self) -> None:
        """Go to the first of them."""
        self._buttons[0].run_method('focus')

    def _add(self, form: type[ConnectionForm], choose: Callable[[], Any]) -> Button:
        with Button('', choose, look='eo-found-one') as button:
            icon_of(form.ICON)
            with ui.element('span').classes('eo-grow'):
                Text('b', form.title())
                Text('span', form.explanation(), 'eo-small eo-muted')
        return button
