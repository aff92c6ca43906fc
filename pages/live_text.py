"""Texts of a page that follow what they show, refreshed by the page's one timer and sent only when they changed."""
from collections.abc import Callable
from pathlib import Path

from nicegui.element import Element

from pages.sheet import Text
from pages.time_graph import OVERVIEW, OWN

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'


class LiveTexts:
    """Any number of texts, each with the function that reads it."""

    def __init__(self) -> None:
        self._texts: list[tuple[Text, Callable[[], str]]] = []

    def add(self, tag: str, read: Callable[[], str], classes: str = '') -> Text:
        """A text in the present place of the page."""
        made = Text(tag, read(), classes)
        self._texts.append((made, read))
        return made

    def tick(self) -> None:
        """Read all and set what differs."""
        for element, read in self._texts:
            text = read()
            if element.text != text:
                element.text = text


class LocalTime(Element, component=_ASSETS / 'local_time.js', dependencies=[OVERVIEW, OWN]):
    """A moment in words; a tap shows it exactly, in the zone of the browser."""

    def __init__(self, locale: str) -> None:
        super().__init__()
        self._props['text'] = ''
        self._props['t'] = None
        self._props['locale'] = locale

    def show(self, text: str, t: float | None) -> None:
        """`t` is epoch s."""
        t = None if t is None else round(t)
        if (self._props['text'], self._props['t']) != (text, t):
            with self._props.suspend_updates():
                self._props['t'] = t
                self._props['text'] = text
            self.update()
