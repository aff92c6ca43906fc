"""How far back a graph goes: four buttons of which one is pressed; the choice is kept in the address."""
from collections.abc import Awaitable, Callable

from nicegui import ui

from pages.i18n import _
from pages.place import move


class RangeButtons:
    """`choose` is called with the key of the range: 5min, 1h, 24h or 7d."""

    def __init__(self, chosen: str, choose: Callable[[str], Awaitable[None]]) -> None:
        self._choose = choose
        self._buttons: dict[str, ui.element] = {}
        names = {'5min': _('5 min'), '1h': _('1 h'), '24h': _('24 h'), '7d': _('7 days')}
        with ui.element('div').classes('eo-ranges').props(f'role=group aria-label="{_("Range")}"'):
            for name, text in names.items():
                with ui.element('button').props('type=button') as button:
                    ui.label(text)
                button.on('click', lambda _event, name=name: self._press(name), [])
                self._buttons[name] = button
        self._mark(chosen)

    async def _press(self, name: str) -> None:
        self._mark(name)
        move('range', name)
        await self._choose(name)

    def _mark(self, chosen: str) -> None:
        for name, button in self._buttons.items():
            is_on = name == chosen
            button.classes(add='on' if is_on else '', remove='' if is_on else 'on')
            button.props(f'aria-pressed={"true" if is_on else "false"}')
