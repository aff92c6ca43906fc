"""Installing from a file that somebody has on the device they look from."""
import asyncio
from pathlib import Path

from nicegui import events, ui

from edgeos.plugins.errors import PluginError
from edgeos.web.security import LARGEST_PACKAGE
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import may_edit
from pages.plugin_install import install_sheet
from pages.rows import say_error
from pages.sheet import Button
from pages.toasts import say_trouble

MOST_BYTES = LARGEST_PACKAGE - 1024 * 1024  # what is around it counts, too


class FileButton:
    """Takes a package, and hands it to the install sheet; the file is gone once that is done with it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._upload = ui.upload(auto_upload=True, max_file_size=MOST_BYTES, on_upload=self._take,
                                 on_rejected=self._reject).classes('st-upload').props('accept=.zip')  # fmt: skip
        self._button = Button(_('Install from file'), self._choose, icon='upload', look='pg-file')

    async def _choose(self) -> None:
        if await may_edit(self._house):
            self._upload.run_method('pickFiles')

    def _reject(self) -> None:
        say_trouble(_('A plugin is a zip file of at most {count} MB.').format(count=MOST_BYTES // 1_000_000))

    async def _take(self, event: events.UploadEventArguments) -> None:
        self._button.set_busy(True)
        folder = self._house.system.plugins.folders.new_work('upload')  # what is left there goes at the next start
        await asyncio.to_thread(folder.mkdir, 0o700)
        path = folder / 'package.zip'
        try:
            await event.file.save(path)
            await install_sheet(self._house).open_file(path, lambda: _drop(folder))
        except (PluginError, OSError) as error:
            _drop(folder)
            said = _('{file} cannot be installed: {why}')
            say_trouble(said.format(file=event.file.name[:80], why=say_error(_, error)))
        finally:
            self._button.set_busy(False)
            self._upload.reset()


def _drop(folder: Path) -> None:
    """Two calls that take no time; also for a file that the job has already taken away."""
    (folder / 'package.zip').unlink(missing_ok=True)
    folder.rmdir()
