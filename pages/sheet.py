"""What dialogs are made of: one per page and kind, built when first asked for and used again.

On a phone a sheet fills the screen; its bar of buttons stays visible while what is above it scrolls.
"""
from collections.abc import Callable
from typing import Any, Self, TypeVar
from weakref import WeakKeyDictionary

from nicegui import Client, context, ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from pages.i18n import _

T = TypeVar('T')

_made: WeakKeyDictionary[Client, dict[str, Any]] = WeakKeyDictionary()


def one_per_page(key: str, make: Callable[[], T]) -> T:
    """The page's own dialog of that kind; made now if this is the first time."""
    client = context.client
    if client not in _made:
        _made[client] = {}
        client.on_delete(lambda: _made.pop(client, None))
    dialogs = _made[client]
    if key not in dialogs:
        with client.content:
            dialogs[key] = make()
    found: T = dialogs[key]
    return found


class Text(TextElement):
    """Text in a tag of its own; whatever it contains is shown as it is."""

    def __init__(self, tag: str, text: str = '', classes: str = '') -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)


class Button(Text):
    """A button; `icon` names a file in assets/icons and stands alone when `label` names the button instead of text."""

    def __init__(self, text: str, handler: Callable[[], Any] | None = None, *, look: str = '', icon: str = '',
                 label: str = '', submits: bool = False) -> None:  # fmt: skip
        super().__init__('button', text, f'eo-btn {look}')
        self._props['type'] = 'submit' if submits else 'button'
        if label:
            self._props['aria-label'] = self._props['title'] = label
        if icon:
            with self:
                icon_of(icon)
        if handler is not None:
            wanted = handler
            self.on('click', lambda _event: wanted(), [])

    def set_busy(self, busy: bool) -> None:
        """Turns while something is under way, and takes no further press."""
        if busy != ('aria-busy' in self._props):
            self._props.set_optional('aria-busy', 'true' if busy else None)

    def set_enabled(self, enabled: bool) -> None:
        if enabled == self._props.get('disabled', False):
            self._props['disabled'] = not enabled

    def take_focus(self) -> Self:
        """Has the focus when the dialog opens."""
        self._props['data-autofocus'] = ''
        return self


def catch_focus(element: Element) -> None:
    """Give it the focus if nothing has it that a keyboard can reach, which would begin at the top of all."""
    ui.run_javascript('setTimeout(() => !(document.activeElement?.tabIndex >= 0) && '
                      f'document.getElementById("{element.html_id}")?.focus(), 100)')  # fmt: skip


def icon_of(name: str) -> Element:
    """A drawing that says nothing a screen reader would need."""
    return ui.element('i').classes(f'eo-icon eo-i-{name}').props('aria-hidden="true"')


class Sheet:
    """A dialog with a title, a body that scrolls and a bar of buttons.

    With `on_submit` it is a form: Enter submits. With `on_leave` it never closes by itself: Esc and the cross call
    that instead.
    """

    def __init__(self, title: str = '', *, look: str = '', on_submit: Callable[[], Any] | None = None,
                 on_leave: Callable[[], Any] | None = None) -> None:  # fmt: skip
        self._on_leave = on_leave
        self.dialog = ui.dialog()
        with self.dialog, ui.element('div' if on_submit is None else 'form').classes(f'eo-dialog {look}') as self.card:
            with ui.element('div').classes('eo-dialog-head'):
                self._title = Text('h2', title)
                Button('', self.leave, look='gh icon', icon='close', label=_('Close'))
            self.body = ui.element('div').classes('eo-dialog-body')
            self.bar = ui.element('div').classes('eo-dialog-bar')
        self.dialog._props['aria-labelledby'] = self._title.html_id
        if on_submit is not None:
            submitted = on_submit
            self.card.props('novalidate autocomplete="off"').on('submit.prevent', lambda _event: submitted(), [])
        if on_leave is not None:
            self.dialog.props('persistent no-shake')
            self.dialog.on('keydown.esc.stop', lambda _event: on_leave(), [])

    def set_title(self, title: str) -> None:
        self._title.text = title

    @property
    def is_open(self) -> bool:
        return bool(self.dialog.value)

    def open(self) -> None:
        self.dialog.open()

    def close(self) -> None:
        self.dialog.close()

    def leave(self) -> None:
        """The cross was pressed."""
        if self._on_leave is not None:
            self._on_leave()
        else:
            self.close()

    def on_close(self, handler: Callable[[], Any]) -> None:
        """Call the handler when it has been closed, by whatever way."""
        self.dialog.on_value_change(lambda event: None if event.value else handler())
