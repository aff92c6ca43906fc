"""A button with three dots and the menu behind it."""
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nicegui.element import Element

from pages.time_graph import OVERVIEW, OWN

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'

Item = tuple[str, str, str, str] | None  # key, icon, label, look; None is a line between


class MenuButton(Element, component=_ASSETS / 'menu_button.js', dependencies=[OVERVIEW, OWN]):
    """Calls the handler with the key of what was chosen."""

    def __init__(self, label: str, choose: Callable[[str], Any]) -> None:
        super().__init__()
        self._props['label'] = label
        self._props['items'] = []
        self.on('choose', lambda event: choose(str(event.args)))

    def show(self, items: Sequence[Item]) -> None:
        """What can be chosen now."""
        wanted = [None if item is None else list(item) for item in items]
        if self._props['items'] != wanted:
            self._props['items'] = wanted
