"""What somebody who helps needs to know, to look at first and then to take away."""
import asyncio
import time

from nicegui import ui

from edgeos.reporting import log_error
from edgeos.web.diagnostics import Files, collect, pack
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.sheet import Button, Text
from pages.text_view import text_sheet
from pages.toasts import say_trouble

COLLECT_SECONDS = 15.0


class DiagnosticsView:
    """Collected when it is first looked at; what is downloaded is what was shown."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._files: Files = {}
        self._format = Format(current_language(), _)
        with ui.element('section').classes('eo-panel dg'):
            Text('h2', _('Diagnostics for somebody who helps'))
            Text('p', _('Versions, settings, states, statistics, the newest lines of the logs and events, and what '
                        'runs. Passwords, tokens, user names, addresses and names of computers are taken out. It stays '
                        'here until you hand it on: look at it first, as names that you gave to connections and values '
                        'are in it.'), 'eo-muted')  # fmt: skip
            with ui.element('div').classes('eo-row eo-wrap'):
                self._download = Button(_('Download'), self._take_away, look='pri', icon='download')
                self._again = Button(_('Collect again'), self._collect, icon='retry')
                self._collected = Text('span', '', 'eo-muted eo-small').props('role=status')
            self._list = ui.element('ul').classes('dg-files')
        self._download.set_enabled(False)
        with self._list:
            for _number in range(8):
                ui.element('li').classes('eo-skeleton')
        ui.timer(0.05, self._collect, once=True)

    def tick(self) -> None:
        """What was collected stays as it is."""

    def resume(self) -> None:
        """The same."""

    async def _collect(self) -> None:
        self._again.set_busy(True)
        self._collected.set_text(_('Collecting …'))
        try:
            async with asyncio.timeout(COLLECT_SECONDS):
                self._files = await collect(self._house.system)
        except Exception as error:  # the boundary of all that is asked there; what is missing is what is wanted most
            log_error(error, operation='diagnostics')
            self._list.clear()
            self._collected.set_text('')
            say_trouble(_('The diagnostics could not be collected. The reason is among the events.'))
        else:
            self._show()
        finally:
            self._again.set_busy(False)

    def _show(self) -> None:
        self._download.set_enabled(True)
        whole = self._format.bytes(sum(len(text.encode()) for text in self._files.values()))
        self._collected.set_text(_('{count} files, {size}, collected at {time}').format(
            count=len(self._files), size=whole, time=time.strftime('%H:%M:%S')))  # fmt: skip
        self._list.clear()
        about = _about_files()
        with self._list:
            for name, text in self._files.items():
                self._add(name, text, about.get(name, ''))

    def _add(self, name: str, text: str, about: str) -> None:
        with ui.element('li'):
            with ui.element('div').classes('eo-grow'):
                Text('code', name)
                size = self._format.bytes(len(text.encode()))
                Text('div', f'{size} · {about}' if about else size, 'eo-muted eo-small')
            look = Button(_('Look at it'), lambda: text_sheet().open(name, text or _('It is empty.')), look='gh')
            look.props['aria-label'] = f'{_("Look at it")}: {name}'

    async def _take_away(self) -> None:
        data = await asyncio.to_thread(pack, self._files)
        ui.download(data, f'smarthome-edge-os-diagnostics-{time.strftime("%Y-%m-%d")}.zip', 'application/zip')


def _about_files() -> dict[str, str]:
    return {
        'README.txt': _('what all this is'),
        'about.json': _('versions, this computer, reports'),
        'settings.toml': _('the settings'),
        'connections.json': _('state, last error, steps and statistics of each connection'),
        'events.json': _('what went wrong or happened, with tracebacks'),
        'app.log': _('the end of the log of the program'),
        'connections.log': _('the newest lines of the log of each connection'),
        'processes.json': _('the program and the processes it has started'),
        'tasks.txt': _('what the program is doing at the moment'),
    }
