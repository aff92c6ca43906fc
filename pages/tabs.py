"""A page in sections of which one is seen: statistics, values, log."""
from collections.abc import Callable
from typing import Protocol

from nicegui import ui

from pages.place import move, place_of
from pages.sheet import Text


class Section(Protocol):
    """What a tab holds; made when it is first opened, refreshed only while it is looked at."""

    def tick(self) -> None:
        """A second has passed."""

    def resume(self) -> None:
        """It is looked at again."""


class Tabs:
    """Which section is shown is kept in the address, so that a reload stays there."""

    def __init__(self, makers: dict[str, tuple[str, Callable[[], Section]]]) -> None:
        self._makers = makers
        self._sections: dict[str, Section] = {}
        self._buttons: dict[str, ui.element] = {}
        self._panels: dict[str, ui.element] = {}
        self._chosen = ''
        self._is_in_view = False
        with ui.element('div').classes('eo-tabs cp-tabs').props('role=tablist'):
            for name, (title, _make) in makers.items():
                self._buttons[name] = self._button(name, title)
        for name in makers:
            panel = ui.element('div').classes('cp-tab').props(f'role=tabpanel aria-label="{makers[name][0]}"')
            panel.set_visibility(False)
            self._panels[name] = panel
        self._show(place_of('tab', makers, next(iter(makers))))

    def tick(self) -> None:
        """Only the section that is seen."""
        if not self._is_in_view:  # on a phone the tab may lie beyond the edge
            self._is_in_view = True
            self._buttons[self._chosen].run_method('scrollIntoView', {'inline': 'center', 'block': 'nearest'})
        self._sections[self._chosen].tick()

    def _button(self, name: str, title: str) -> ui.element:
        button = Text('button', title).props('type=button role=tab aria-selected=false')
        return button.on('click', lambda _event: self._choose(name), [])

    def _choose(self, name: str) -> None:
        if name != self._chosen:
            self._show(name)
            move('tab', name)

    def _show(self, name: str) -> None:
        for each, button in self._buttons.items():
            chosen = each == name
            button.classes(add='on' if chosen else '', remove='' if chosen else 'on')
            button.props(f'aria-selected={"true" if chosen else "false"}')
            self._panels[each].set_visibility(chosen)
        self._chosen = name
        if name in self._sections:
            self._sections[name].resume()
        else:
            with self._panels[name]:
                self._sections[name] = self._makers[name][1]()
