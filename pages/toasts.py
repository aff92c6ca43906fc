"""Short words about what has just happened."""
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from nicegui import Client, context, ui
from nicegui.element import Element

from pages.i18n import _

SHOWN_SECONDS = 4.0
UNDO_SECONDS = 8.0

Undo = Callable[[], Awaitable[Any]]

_shown: WeakKeyDictionary[Client, Element] = WeakKeyDictionary()
_unread: WeakKeyDictionary[Client, Element] = WeakKeyDictionary()


def say_done(text: str, *, undo: Undo | None = None) -> None:
    """It worked; with a way back where there is one. Takes the place of what was said before."""
    _clear(_shown)
    with context.client.content, ui.element('div').classes('eo-toast').props('role="status"') as toast:
        _shown[context.client] = toast
        ui.label(text)
        if undo is not None:
            wanted = undo

            async def take_back() -> None:
                toast.delete()
                await wanted()

            with ui.element('button').classes('eo-btn').props('type="button"').on('click', take_back):
                ui.label(_('Undo'))
        ui.timer(SHOWN_SECONDS if undo is None else UNDO_SECONDS, toast.delete, once=True)


def say_trouble(text: str) -> None:
    """It did not work; stays until read. At the top, where it covers no button that comes next.

    Takes the place of the one before.
    """
    _clear(_unread)
    with context.client.content, ui.element('div').classes('eo-toast eo-trouble').props('role="alert"') as toast:
        _unread[context.client] = toast
        ui.label(text)
        with ui.element('button').classes('eo-btn').props('type="button"').on('click', toast.delete):
            ui.label(_('Close'))


def _clear(said: WeakKeyDictionary[Client, Element]) -> None:
    before = said.get(context.client)
    if before is not None and not before.is_deleted:
        before.delete()
