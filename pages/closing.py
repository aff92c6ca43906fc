"""The question before the program's own window closes, asked only where something would be lost."""
from nicegui import Client, context, ui
from nicegui.events import GenericEventArguments

from edgeos.system import System
from pages.i18n import _
from pages.sheet import Button, Sheet, Text, one_per_page
from pages.unsaved import has_unsaved, others_with_unsaved


def answer_closing(system: System) -> None:
    """This page is shown in a window: it asks (assets/frame.js) when its owner wants to close it."""

    def decide(event: GenericEventArguments) -> None:
        losses = losses_of(context.client, system, ends=event.args is True)
        if losses:
            one_per_page('closing', ClosingSheet).ask(losses, ends=event.args is True)
            ui.run_javascript('edgeosAsked()')
        else:
            _close()

    ui.on('eo-closing', decide)


def losses_of(client: Client, system: System, *, ends: bool) -> list[str]:
    """What is lost with the window, and with the program if it `ends`, too."""
    losses = [_('what you have entered and not saved')] if has_unsaved(client) else []
    if ends and others_with_unsaved(client):
        losses.append(_('what somebody has entered in another browser and not saved'))
    if ends:
        running = [job.plugin_id for job in system.plugins.jobs.all() if job.state == 'running']
        losses += [_('what is being done with the plugin {name}').format(name=name) for name in running]
    return losses


class ClosingSheet:
    """Names what would be lost; staying has the focus."""

    def __init__(self) -> None:
        self._sheet = Sheet(_('Close anyway?'), look='small')
        with self._sheet.body:
            Text('p', _('This would be lost:'))
            self._list = ui.element('ul').classes('eo-losses')
            self._end = Text('p', _('The program ends with its window.'), 'eo-muted')
        with self._sheet.bar:
            Button(_('Keep open'), self._sheet.close).take_focus()
            Button(_('Close anyway'), _close, look='danger pri')

    def ask(self, losses: list[str], *, ends: bool) -> None:
        """Open with these losses."""
        self._list.clear()
        with self._list:
            for loss in losses:
                Text('li', loss)
        self._end.set_visibility(ends)
        self._sheet.open()


def _close() -> None:
    ui.run_javascript('window.close()')
