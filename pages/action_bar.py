"""The buttons below a connection's form, and the question before what was entered is thrown away."""
from collections.abc import Callable
from typing import Any

from nicegui import ui

from pages.i18n import _
from pages.sheet import Button, Text

Handler = Callable[[], Any]


class ActionBar:
    """Test, Cancel and Save; after a test that failed, Save becomes Save anyway. Enter presses Save in any case."""

    def __init__(self, *, test: Handler, leave: Handler, save_anyway: Handler, throw_away: Handler) -> None:
        with ui.element('div').classes('eo-bar') as self._actions:
            self._test = Button(_('Test'), test, look='first')
            self._cancel = Button(_('Cancel'), leave)
            self._anyway = Button(_('Save anyway'), save_anyway)
            self._save = Button(_('Save'), look='pri', submits=True)
        with ui.element('div').classes('eo-bar') as self._question:
            Text('span', _('Throw away what you have entered?'), 'first')
            self._keep = Button(_('Keep editing'), self.stay)
            Button(_('Throw away'), throw_away, look='danger')
        self._question.set_visibility(False)

    @property
    def is_asking(self) -> bool:
        """Whether the question is open."""
        return bool(self._question.visible)

    def ask(self) -> None:
        """Ask before leaving."""
        self._actions.set_visibility(False)
        self._question.set_visibility(True)
        self._keep.run_method('focus')

    def stay(self) -> None:
        """Back to the buttons; the focus must not stay on one that is gone."""
        was_asking = self.is_asking
        self._question.set_visibility(False)
        self._actions.set_visibility(True)
        if was_asking:
            self._cancel.run_method('focus')

    def hide(self) -> None:
        """Nothing to test or save yet."""
        self._actions.set_visibility(False)

    def show(self, *, is_testing: bool, has_failed: bool, is_saving: bool) -> None:
        """Say what the buttons do now."""
        self._test.text = _('Stop') if is_testing else _('Test')
        self._anyway.set_visibility(has_failed)
        self._save.set_visibility(not has_failed)
        for button in (self._save, self._anyway):
            button.set_busy(is_saving)
