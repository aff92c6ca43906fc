"""The question before the program's own window closes, asked only where something would be lost."""
import asyncio

from nicegui import Client, context, ui
from nicegui.events import GenericEventArguments

from edgeos.system import System
from pages.i18n import _
from pages.sheet import Button, Sheet, Text, one_per_page

OTHERS_LIMIT = 1.0  # s for other browsers to say whether something stands there; one that sleeps has nothing to lose


def answer_closing(system: System) -> None:
    """This page is shown in a window: it asks (assets/frame.js) when its owner wants to close it."""

    async def decide(event: GenericEventArguments) -> None:
        ends, is_unsaved = event.args.get('ends') is True, event.args.get('unsaved') is True
        losses = [_('what you have entered and not saved')] if is_unsaved else []
        if ends:
            losses += await losses_elsewhere(context.client, system)
        if losses:
            one_per_page('closing', ClosingSheet).ask(losses, ends=ends)
            ui.run_javascript('edgeosAsked()')
        else:
            _close()

    ui.on('eo-closing', decide)


async def losses_elsewhere(here: Client, system: System) -> list[str]:
    """What is lost when the program ends, beyond what stands in this page."""
    others = [_is_unsaved(client) for client in list(Client.instances.values())
              if client is not here and client.has_socket_connection]  # fmt: skip
    losses = []
    if any(await asyncio.gather(*others)):
        losses.append(_('what somebody has entered in another browser and not saved'))
    running = [job.plugin_id for job in system.plugins.jobs.all() if job.state == 'running']
    return losses + [_('what is being done with the plugin {name}').format(name=name) for name in running]


async def _is_unsaved(client: Client) -> bool:
    try:
        return await client.run_javascript('eoUnsaved()', timeout=OTHERS_LIMIT) is True
    except TimeoutError:
        return False


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
